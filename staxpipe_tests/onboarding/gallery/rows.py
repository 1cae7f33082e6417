"""Rows that scenes are made of: a request in each of its states, a link, invitations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from staxpipe.db import invites, link_requests, probes
from staxpipe.db.link_requests import OPERATOR, Details, LinkRequest
from staxpipe.db.tables import invites as invite_rows
from staxpipe.doctor.diagnosis import diagnose
from staxpipe.doctor.facts import Facts, of_request
from staxpipe.doctor.keeping import keep
from staxpipe.linking.verdicts import IgnoresExternalId, Verdict, WrongAccount
from staxpipe.model import account_id
from staxpipe_tests.onboarding.gallery.scene import World
from staxpipe_tests.onboarding.ledger import add_link

WEEK = timedelta(days=7)
DETAILS = Details(account_id("123456789012"), "acme-billing-reports", "cur/reports", "eu-west-1", "ada@example.com")
REPORTS = "acme-subsidiary-with-a-long-name-consolidated-billing-reports"  # a bucket's name has up to 63 characters
LONG = Details(
    account_id("210987654321"),
    REPORTS,
    "exports/finops/2024/costandusagereportsofallsubsidiariesdailyinparquet",
    "ap-southeast-2",
)


def draft(world: World, by: str = OPERATOR) -> LinkRequest:
    """A request of which nothing is known yet."""
    return link_requests.create(world.connection, by, world.now, WEEK)


def listening(world: World, details: Details = DETAILS, by: str = OPERATOR) -> LinkRequest:
    """A request whose role is looked for, and that nobody has looked for yet."""
    return saved(world, draft(world, by).id, details)


def saved(world: World, request_id: str, details: Details) -> LinkRequest:
    """A request whose details were filled in."""
    assert link_requests.save_details(world.connection, request_id, details, world.now, WEEK)
    return known(world, request_id)


def known(world: World, request_id: str) -> LinkRequest:
    """A request as it is now."""
    found = link_requests.get(world.connection, request_id)
    assert found is not None
    return found


def tried(world: World, request: LinkRequest, verdict: Verdict, wait: timedelta, attempts: int) -> LinkRequest:
    """After so many probes, the last of which found this; with what the doctor makes of it."""
    words = (request.id, verdict.code, verdict.explain())
    if isinstance(verdict, WrongAccount | IgnoresExternalId) and not wait:
        assert probes.mark_refused(world.connection, *words, world.now)
    else:
        assert probes.record_probe(world.connection, *words, world.now + wait, attempts)
    examined(world, request, verdict, None)
    return known(world, request.id)


def examined(world: World, request: LinkRequest, verdict: Verdict, facts: Facts | None) -> None:
    """What the doctor found."""
    keep(world.connection, request.id, diagnose(of_request(request), verdict, facts, world.now))


def linked(world: World, request: LinkRequest | None = None, **link: object) -> tuple[LinkRequest, int]:
    """A linked account, and the number of an export in its bucket; `link` are columns of its row."""
    request = request or listening(world)
    assert probes.mark_linked(world.connection, request.id, world.now)
    export = add_link(world.connection, request.id, world.now - timedelta(hours=1), **link)
    return known(world, request.id), export


def invited(world: World, request: LinkRequest, email: str = "alan@example.com", **changed: Any) -> invites.Invite:
    """An invitation; `changed` are columns that are otherwise than of one that was just sent."""
    note = "It is the payer account. The bucket is called acme-billing-reports, I think.\nThank you!"
    now = world.now
    invite = invites.invite(world.connection, request.id, email, note, "Grace Hopper", now, now + WEEK)
    assert invite is not None
    if changed:
        world.connection.execute(update(invite_rows).where(invite_rows.c.id == invite.id).values(**changed))
    return replace(invite, **changed)


def at(request: LinkRequest, **others: str) -> Mapping[str, str]:
    """What stands in the braces of a path below one request."""
    return {"request_id": request.id, **others}
