"""What the operator sees of all accounts: the list, and the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import insert

from staxpipe.db import audit_log, link_requests
from staxpipe.db.tables import link_requests as request_rows
from staxpipe.linking.verdicts import IgnoresExternalId, NotYetAssumable
from staxpipe.model import DeliveryState, account_id
from staxpipe_tests.onboarding.gallery.rows import LONG, WEEK, at, draft, linked, listening, saved, tried
from staxpipe_tests.onboarding.gallery.scene import Scene, Who, World
from staxpipe_tests.onboarding.ledger import add_delivery


def _some(world: World) -> Mapping[str, str]:
    draft(world)
    request = listening(world, LONG, "grace.brewster.murray.hopper@subsidiary.example.com")
    tried(world, request, NotYetAssumable(str(request.role_arn)), timedelta(minutes=9), 14)
    role = IgnoresExternalId(str(request.role_arn), accepts_wrong=True, accepts_none=True)
    tried(world, listening(world, by="alan@example.com"), role, timedelta(), 2)
    _, export = linked(world)
    add_delivery(world.connection, export, "2026-10", DeliveryState.LOADED, rows=120_345, cost="1234.5")
    linked(world, saved(world, draft(world).id, LONG), state="paused", problem="The role no longer lets staxpipe in.")
    link_requests.cancel(world.connection, listening(world).id, world.now)
    return {}


def _thousand(world: World) -> Mapping[str, str]:
    rows = [
        {
            "id": f"request-{number:014d}",
            "state": "listening",
            "requested_by": f"person{number}@example.com",
            "account_id": account_id(f"{100_000_000_000 + number * 7_919}"),
            "bucket": f"acme-billing-{number}",
            "prefix": "cur",
            "region": "eu-west-1",
            "external_id": f"{number:040d}",
            "role_name": f"staxpipe-link-{number:012d}",
            "created_at": world.now - timedelta(minutes=number),
            "expires_at": world.now + WEEK,
        }
        for number in range(1_000)
    ]
    world.connection.execute(insert(request_rows), rows)
    return {}


def _acts(world: World, many: int = 1) -> str:
    subject = f"request:{draft(world).id}"
    for _ in range(many):
        acts: tuple[tuple[str, str, str, dict[str, str]], ...] = (
            ("operator", "request.begun", "done", {}),
            ("operator", "colleague.invited", "done", {"email": "alan@example.com"}),
            ("alan@example.com", "invitation.opened", "done", {}),
            (
                "alan@example.com",
                "request.details-saved",
                "done",
                {"account_id": LONG.account_id, "bucket": LONG.bucket, "prefix": LONG.prefix},
            ),
            ("anonymous", "request.opened", "refused", {}),
            ("staxpipe", "request.refused", "ignores-external-id", {"account": LONG.account_id}),
        )
        for actor, action, result, detail in acts:
            address = None if actor == "staxpipe" else "2001:db8:85a3:8d3:1319:8a2e:370:7348"
            audit_log.record(world.connection, actor, action, subject, result, address, detail)
    return subject


def _activity(world: World) -> Mapping[str, str]:
    return {"subject": _acts(world)}


def _long_activity(world: World) -> Mapping[str, str]:
    return {"subject": _acts(world, 20), "before": str(2**62)}


def _only_a_group(world: World) -> Mapping[str, str]:
    first = listening(world)
    second = link_requests.begin_once(
        world.connection, "second-of-its-request0", first.requested_by, world.now, WEEK, first.id
    )
    assert second
    return at(first)


ACCOUNTS = (
    Scene("home-empty", "/requests"),
    Scene("home", "/requests", _some),
    Scene("home-many", "/requests", _thousand),
    Scene("several-accounts", "/requests/{request_id}", _only_a_group),
    Scene("activity", "/activity?subject={subject}", _activity),
    Scene("activity-older", "/activity?subject={subject}&before={before}", _long_activity),
    Scene("activity-empty", "/activity?subject=request:that-never-was"),
    Scene("activity-not-theirs", "/activity", who=Who.NOBODY, status=403),
)
