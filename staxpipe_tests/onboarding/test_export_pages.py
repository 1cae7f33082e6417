"""Leading people who have no billing reports to some, with and without a published template."""

from __future__ import annotations

import html
import re
import shlex

from staxpipe_tests.onboarding.conftest import Pages, Serve, begin, begin_listening

MARKED = r'<code id="{}">(.*?)</code>'


def marked(page: str, name: str) -> str:
    found = re.search(MARKED.format(name), page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def test_the_form_leads_there_and_back_with_everything_filled_in(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin(browser)
    assert f'href="/requests/{request_id}/export"' in browser.get(f"/requests/{request_id}/details").text
    page = browser.get(f"/requests/{request_id}/export").text
    bucket = "staxpipe-reports-" + pages.request(request_id).role_name.removeprefix("staxpipe-link-")
    words = shlex.split(marked(page, "command").replace("\\\n", " "))
    assert words[:3] == ["aws", "cloudformation", "deploy"]
    assert words[words.index("--region") + 1] == "us-east-1"
    assert words[-1] == f"BucketName={bucket}"
    assert f"<code>{bucket}</code>" in page
    assert "Open AWS Console" not in page
    form = browser.get(f"/requests/{request_id}/details?export=1").text
    for name, value in (("bucket", bucket), ("prefix", "reports")):
        assert f'name="{name}" value="{value}"' in form
    assert '<option value="us-east-1" selected>' in form


def test_the_support_case_is_ready_to_copy(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    page = browser.get(f"/requests/{request_id}/export").text
    assert "Backfill" in marked(page, "case-subject")
    case = marked(page, "case-text")
    assert "Account: 123456789012" in case
    assert "staxpipe-cur2" in case
    assert pages.request(request_id).role_name.removeprefix("staxpipe-link-") in case


def test_with_a_published_template_one_link_opens_the_console(serve: Serve) -> None:
    browser = serve(template_url="https://acme-templates.s3.amazonaws.com/v1/staxpipe-link.yaml").operator()
    page = browser.get(f"/requests/{begin(browser)}/export").text
    assert "Open AWS Console" in page
    assert "https://us-east-1.console.aws.amazon.com/cloudformation/home?region=us-east-1#/stacks/quickcreate" in page
    assert "v1%2Fstaxpipe-export.yaml" in page


def test_anybody_may_read_it_and_the_template(pages: Pages) -> None:
    stranger = pages.visitor()
    assert 'href="/help/export"' in stranger.get("/help").text
    page = stranger.get("/help/export").text
    assert "AWS::BCMDataExports::Export" in page
    assert "BucketName=" not in marked(page, "command")
    answer = stranger.get("/staxpipe-export.yaml")
    assert answer.headers["content-disposition"] == 'attachment; filename="staxpipe-export.yaml"'
    assert html.escape(answer.text.splitlines()[2].strip()) in page


def test_the_page_of_a_request_is_for_those_who_may_see_it(pages: Pages) -> None:
    request_id = begin(pages.operator())
    assert pages.visitor().get(f"/requests/{request_id}/export").status_code == 403
