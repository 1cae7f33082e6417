"""What people see while they wait: forms that are on their way, pages that renew themselves, a server that is away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, text

from staxpipe_tests.onboarding.gallery import SCENES
from staxpipe_tests.onboarding.gallery.theatre import Theatre, theatre

pytestmark = [pytest.mark.browser, pytest.mark.long]

SCENE = {scene.name: scene for scene in SCENES}
AWAY = "staxpipe does not answer just now"


@pytest.fixture(scope="module")
def stage(browser: Browser, module_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with theatre(browser, module_engine, tmp_path_factory.mktemp("home")) as made:
        made.page.clock.install()
        yield made


@pytest.fixture
def page(stage: Theatre) -> Iterator[Page]:
    yield stage.page
    stage.page.unroute_all(behavior="ignoreErrors")
    stage.page.emulate_media(reduced_motion="no-preference")


def look_again(page: Page, seconds: int) -> None:
    """Let time pass until the page asks for its status, and that is answered or fails."""
    with page.expect_event("requestfinished", lambda request: request.url.endswith("/status")):
        page.clock.run_for(seconds * 1000)


def look_in_vain(page: Page, seconds: int) -> None:
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/status")):
        page.clock.run_for(seconds * 1000)


def test_a_form_that_is_on_its_way_says_so_and_is_sent_once(stage: Theatre, page: Page) -> None:
    stage.show(SCENE["details"])
    page.evaluate("""() => {
        window.sent = 0;
        document.addEventListener('submit', event => { // as if the server took its time
            window.sent += event.defaultPrevented ? 0 : 1;
            event.preventDefault();
        });
    }""")
    button = page.locator("main button[type=submit]")
    button.click()
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_text("Save and go on")  # a quick answer needs no words
    page.clock.run_for(400)
    expect(button).to_have_text("One moment…")
    expect(page.locator("#heard")).to_have_text("One moment…")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    page.clock.run_for(8_000)
    expect(button).to_have_text("Still waiting…")
    assert page.evaluate("() => window.sent") == 1
    page.evaluate("() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")  # back to it
    expect(button).to_have_text("Save and go on")
    page.keyboard.press("Enter")
    assert page.evaluate("() => window.sent") == 2


def test_a_page_says_when_the_server_is_away_and_when_it_is_back(stage: Theatre, page: Page) -> None:
    stage.show(SCENE["listening"])
    page.route("**/status", lambda route: route.abort())
    look_in_vain(page, 3)
    expect(page.get_by_text(AWAY)).to_be_hidden()  # one that fails is no news
    look_in_vain(page, 6)
    expect(page.get_by_text(AWAY)).to_be_visible()
    page.unroute_all()
    look_again(page, 12)
    expect(page.get_by_text(AWAY)).to_be_hidden()


def test_an_answer_that_says_no_is_as_good_as_none(stage: Theatre, page: Page) -> None:
    stage.show(SCENE["listening"])
    page.route("**/status", lambda route: route.fulfill(status=503, body="<h1>The database does not answer</h1>"))
    look_again(page, 3)
    look_again(page, 6)
    expect(page.get_by_text(AWAY)).to_be_visible()
    expect(page.get_by_role("heading", name="Listening for your IAM role")).to_be_visible()


def test_what_renews_itself_leaves_the_focus_and_what_has_not_changed_alone(stage: Theatre, page: Page) -> None:
    stage.show(SCENE["loading"])
    months = page.get_by_role("region", name="Months that the bucket holds")
    months.focus()
    page.evaluate("() => { document.querySelector('.status h1').mark = 'the same element'; }")
    expect(page.get_by_text("5 of 12 months")).to_be_visible()
    with stage.engine.begin() as connection:
        last = "SELECT id FROM deliveries WHERE state = 'committed'"
        values = "state = 'loaded', rows_written = 5, loaded_at = discovered_at + interval '39 minutes'"
        connection.execute(text(f"UPDATE deliveries SET {values} WHERE id IN ({last})"))
    look_again(page, 3)
    expect(page.get_by_text("6 of 12 months")).to_be_visible()
    expect(months).to_be_focused()
    assert page.evaluate("() => document.querySelector('.status h1').mark") == "the same element"


def test_who_comes_back_from_the_console_sees_at_once_what_has_happened(stage: Theatre, page: Page) -> None:
    stage.show(SCENE["listening"])
    with page.expect_event("requestfinished", lambda request: request.url.endswith("/status")):
        page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")  # and no time passes
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    look_again(page, 3)
    page.clock.run_for(2_000)
    assert len(asked) == 1, "one chain of looks, not two"


@pytest.mark.parametrize(("wish", "moving"), [("no-preference", 1), ("reduce", 0)])
def test_nothing_moves_for_those_who_do_not_like_it(stage: Theatre, page: Page, wish: str, moving: int) -> None:
    page.emulate_media(reduced_motion=wish)  # type: ignore[arg-type]  # one of the two
    stage.show(SCENE["listening"])
    assert page.evaluate("() => document.getAnimations().length") == moving
