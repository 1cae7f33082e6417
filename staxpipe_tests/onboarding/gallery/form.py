"""The steps of a request until its role is looked for: each form empty, filled in, and with mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from playwright.sync_api import Page

from staxpipe.db import audit_log, outbox
from staxpipe.model import DeliveryState
from staxpipe_tests.onboarding.gallery.entrance import TEMPLATE_URL
from staxpipe_tests.onboarding.gallery.rows import DETAILS, LONG, at, draft, invited, linked, listening, saved
from staxpipe_tests.onboarding.gallery.scene import Scene, Who, World, posted, sent
from staxpipe_tests.onboarding.ledger import add_delivery

NO_MAIL = {"smtp_url": None}


def _draft(world: World) -> Mapping[str, str]:
    return at(draft(world))


def _invited_draft(world: World) -> Mapping[str, str]:
    request = draft(world)
    return at(request, invite_id=invited(world, request, first_used_at=world.now).id)


def _listening(world: World) -> Mapping[str, str]:
    return at(listening(world))


def _long(world: World) -> Mapping[str, str]:
    return at(listening(world, LONG))


def _nothing_found(world: World) -> Mapping[str, str]:
    return at(linked(world)[0])


def _saved_by_others(world: World) -> Mapping[str, str]:
    request = listening(world)
    audit_log.record(world.connection, "alan@example.com", "request.details-saved", f"request:{request.id}", "done")
    return at(request)


def _second(page: Page) -> None:
    page.locator("[name=seen]").evaluate("field => { field.value = 'what was there before'; }")
    sent("Save and go on", account_id=LONG.account_id, bucket=LONG.bucket, prefix=LONG.prefix)(page)


def _loading(world: World) -> Mapping[str, str]:
    request, export = linked(world)
    add_delivery(world.connection, export, "2026-10", DeliveryState.LANDED)
    return at(request)


def _invitations(world: World) -> Mapping[str, str]:
    request = draft(world)
    ago = world.now - timedelta(days=8)
    sent_ones = [
        invited(world, request, "ada@example.com", first_used_at=world.now),
        invited(world, request, "a.colleague.with.quite.a.long.name@subsidiary.of.acme.example.com", mails=3),
    ]
    lost = invited(world, request, "alam@example.com")
    invited(world, request, "barbara@example.com", expires_at=ago + timedelta(days=7), created_at=ago)
    invited(world, request, "grace@example.com", withdrawn_at=world.now)
    invited(world, request, "katherine@example.com")
    for invite in (*sent_ones, lost):
        outbox.enqueue(world.connection, invite.mail_key, "invite", {"to": [invite.email]})
    for _ in sent_ones:
        entry = outbox.claim(world.connection, world.now)
        assert entry is not None
        outbox.mark_sent(world.connection, entry, world.now)
    entry = outbox.claim(world.connection, world.now)
    assert entry is not None
    outbox.mark_given_up(world.connection, entry, "550 no such user", world.now)
    return at(request)


def _just_invited(world: World) -> Mapping[str, str]:
    request = draft(world)
    invited(world, request)
    return at(request)


def _another_prefix(world: World) -> Mapping[str, str]:
    request = listening(world)
    return at(saved(world, request.id, replace(DETAILS, prefix="")))


FORM = (
    Scene("start", "/start", settings=TEMPLATE_URL),
    Scene("start-without-template", "/start"),
    Scene("access", "/requests/{request_id}/access", _draft),
    Scene("access-invited", "/requests/{request_id}/access", _invited_draft, Who.INVITED),
    Scene("details", "/requests/{request_id}/details", _draft),
    Scene(
        "details-errors",
        "/requests/{request_id}/details",
        _draft,
        act=sent("Save and go on", account_id="1234", bucket="Acme_Billing", prefix="/cur", contact="ada"),
        status=422,
    ),
    Scene(
        "details-one-error",
        "/requests/{request_id}/details",
        _draft,
        act=sent("Save and go on", account_id="1234-5678-9012", bucket=""),
        status=422,
    ),
    Scene("details-filled-in", "/requests/{request_id}/details", _long),
    Scene("details-of-our-export", "/requests/{request_id}/details?export=1", _draft),
    Scene("details-correcting", "/requests/{request_id}/details", _nothing_found),
    Scene("conflict", "/requests/{request_id}/details", _saved_by_others, act=_second, status=409),
    Scene(
        "conflict-too-late",
        "/requests/{request_id}",
        _loading,
        act=posted(
            "/details",
            account_id="123456789012",
            bucket="another-bucket",
            region="eu-west-1",
            seen="new",
        ),
        status=409,
    ),
    Scene("deploy", "/requests/{request_id}/deploy", _long, settings=TEMPLATE_URL),
    Scene("deploy-without-template", "/requests/{request_id}/deploy", _listening),
    Scene("deploy-another-account", "/requests/{request_id}/deploy?left=1", _listening, settings=TEMPLATE_URL),
    Scene("deploy-not-set-up", "/requests/{request_id}/deploy", _listening, settings={"operator_role_arn": None}),
    Scene("update", "/requests/{request_id}/update", _another_prefix),
    Scene("update-linked", "/requests/{request_id}/update", _nothing_found),
    Scene("export", "/requests/{request_id}/export", _draft, settings=TEMPLATE_URL),
    Scene("export-without-template", "/requests/{request_id}/export", _listening),
    Scene("invite", "/requests/{request_id}/invite", _draft),
    Scene(
        "invite-errors",
        "/requests/{request_id}/invite",
        _draft,
        act=sent("Send invitations", addresses="alan@example.com\nbob", invited_by=""),
        status=422,
    ),
    Scene("invite-standing", "/requests/{request_id}/invite", _invitations),
    Scene("invite-links", "/requests/{request_id}/invite", _just_invited, settings=NO_MAIL),
    Scene(
        "invite-too-soon",
        "/requests/{request_id}/invite",
        _just_invited,
        act=sent("Send again to alan@example.com"),
        status=422,
    ),
    Scene("cancel", "/requests/{request_id}/cancel", _draft),
    Scene("cancel-listening", "/requests/{request_id}/cancel", _listening),
)
