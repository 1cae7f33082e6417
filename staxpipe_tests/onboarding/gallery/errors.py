"""What people see when something cannot be done: every status that a page can answer with."""

from __future__ import annotations

from collections.abc import Mapping

from playwright.sync_api import Page

from staxpipe.db import doctor_reports, link_requests, rate_limits
from staxpipe.onboarding.limits import LOOKING, Use
from staxpipe.onboarding.steps import MOST_ACCOUNTS
from staxpipe_tests.onboarding.gallery.rows import WEEK, at, draft, listening
from staxpipe_tests.onboarding.gallery.scene import Scene, World, send_form, sent


def _draft(world: World) -> Mapping[str, str]:
    return at(draft(world))


def _looked_often(world: World) -> Mapping[str, str]:
    request = listening(world)
    use = Use(LOOKING, request.id)
    rate_limits.count(world.connection, use.key, world.now, LOOKING.span, LOOKING.most)
    return at(request)


def _report_of_another_kind(world: World) -> Mapping[str, str]:
    request = listening(world)
    doctor_reports.save(world.connection, request.id, world.now, {})
    return at(request)


def _many_accounts(world: World) -> Mapping[str, str]:
    first = listening(world)
    for number in range(MOST_ACCOUNTS - 1):
        request_id, asker = f"beside-{number:015d}", first.requested_by
        link_requests.begin_once(world.connection, request_id, asker, world.now, WEEK, first.id)
    return at(first)


def _another_account(page: Page) -> None:
    page.get_by_text("I have another account").click()
    sent("Add another account")(page)


def _as_upload(page: Page) -> None:
    bucket = page.locator("#bucket")
    bucket.evaluate("field => { field.type = 'file'; field.form.enctype = 'multipart/form-data'; }")
    bucket.set_input_files({"name": "bucket.txt", "mimeType": "text/plain", "buffer": b"acme"})
    sent("Save and go on")(page)


def _from_another_site(page: Page) -> None:
    address = page.url
    page.goto("about:blank")
    send_form(page, address, {})


ERRORS = (
    Scene("error-400", "/requests/{request_id}/details", _draft, act=_as_upload, status=400),
    Scene("error-403-another-site", "/requests/{request_id}/cancel", _draft, act=_from_another_site, status=403),
    Scene("error-404", "/a/page/that/never/was", status=404),
    Scene("error-405", "/requests/{request_id}/resume", _draft, status=405),
    Scene(
        "error-413",
        "/requests/{request_id}/invite",
        _draft,
        act=sent("Send invitations", addresses="a" * 70_000),
        status=413,
    ),
    Scene("error-422-accounts", "/requests/{request_id}", _many_accounts, act=_another_account, status=422),
    Scene("error-429", "/requests/{request_id}", _looked_often, act=sent("Look now"), status=429),
    Scene("error-500", "/requests/{request_id}", _report_of_another_kind, status=500),
    Scene("error-503", "/requests", status=503, database=False),
)
