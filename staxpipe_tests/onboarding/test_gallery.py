"""Every page in every state, on a small light screen and a large dark one: axe-core and we find nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine

from staxpipe.db.engine import make_engine
from staxpipe.onboarding.app import create_app
from staxpipe.settings import Settings
from staxpipe_tests.onboarding.gallery import NOT_PAGES, SCENES
from staxpipe_tests.onboarding.gallery.looks import RULES_OF_LOOKS, complaints_of, look_from
from staxpipe_tests.onboarding.gallery.scene import Scene
from staxpipe_tests.onboarding.gallery.theatre import Theatre, theatre

pytestmark = [pytest.mark.browser, pytest.mark.long]

TEMPLATES = {path.name for path in files("staxpipe.onboarding").joinpath("templates").iterdir()}


@dataclass(frozen=True)
class Look:
    """What was seen of a scene."""

    status: int
    title: str
    heading: str
    complaints: list[str]


class Gallery:
    """Shows each scene once, whichever tests ask for it."""

    def __init__(self, stage: Theatre) -> None:
        self.stage = stage
        self._looks: dict[str, Look] = {}

    def look(self, scene: Scene) -> Look:
        if scene.name not in self._looks:
            self._looks[scene.name] = self._take(scene)
        return self._looks[scene.name]

    def _take(self, scene: Scene) -> Look:
        page = self.stage.page
        look_from(page, "phone", "light")
        status = self.stage.show(scene)
        complaints = [f"on a phone: {text}" for text in complaints_of(page)]
        look_from(page, "desk", "dark")
        complaints += [f"on a desk, dark: {text}" for text in complaints_of(page, RULES_OF_LOOKS)]
        # The browser itself complains of every answer that says "no", and of no other thing is it to complain.
        complaints += [text for text in self.stage.complaints if f"status of {status}" not in text]
        complaints += [f"it asks {host}" for host in self.stage.hosts if host != "127.0.0.1"]
        return Look(status, page.title(), page.locator("h1").first.inner_text(), complaints)


@pytest.fixture(scope="module")
def gallery(browser: Browser, module_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    with theatre(browser, module_engine, tmp_path_factory.mktemp("home"), reduced_motion="reduce") as stage:
        yield Gallery(stage)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_there_is_nothing_to_complain_of(gallery: Gallery, scene: Scene) -> None:
    look = gallery.look(scene)
    assert look.status == scene.status
    assert look.complaints == []


def test_titles_tell_pages_apart(gallery: Gallery) -> None:
    headings = defaultdict(set)
    for scene in SCENES:
        look = gallery.look(scene)
        headings[look.title].add(look.heading)
    assert {title: found for title, found in headings.items() if len(found) > 1} == {}


def test_no_template_is_missing(gallery: Gallery) -> None:
    for scene in SCENES:
        gallery.look(scene)
    assert TEMPLATES - gallery.stage.templates == set()


def test_no_page_is_missing(tmp_path: Path) -> None:
    nowhere = make_engine("postgresql://nobody@127.0.0.1:1/nothing")  # nobody is asked
    described = create_app(Settings.model_validate({"home": tmp_path}), nowhere).openapi()["paths"]
    pages = {path for path, methods in described.items() if "get" in methods and not path.startswith("/api/")}
    assert pages - {scene.route for scene in SCENES} == set(NOT_PAGES)


def test_names_are_unique() -> None:
    names = [scene.name for scene in SCENES]
    assert sorted(set(names)) == sorted(names)
