"""Changing one's mind about a linked account, up to the receipt."""

from __future__ import annotations

from collections.abc import Mapping

from staxpipe.db import deletion_receipts, links
from staxpipe.db.link_requests import OPERATOR, LinkRequest
from staxpipe.db.links import Link
from staxpipe.model import DeliveryState
from staxpipe.unlinking import acts
from staxpipe_tests.onboarding.gallery.rows import at, invited, linked
from staxpipe_tests.onboarding.gallery.scene import Scene, Who, World, sent
from staxpipe_tests.onboarding.ledger import add_delivery

PAGE = "/requests/{request_id}/unlink"


def _linked(world: World) -> tuple[LinkRequest, Link]:
    request, export = linked(world, discovered_at=world.now)
    for month in ("2026-09", "2026-10"):
        add_delivery(world.connection, export, month, DeliveryState.LOADED, rows=1_204_311, cost="48211.37")
    link = links.of_request(world.connection, request.id)
    assert link is not None
    return request, link


def _still_linked(world: World) -> Mapping[str, str]:
    return at(_linked(world)[0])


def _stopped(world: World) -> Mapping[str, str]:
    request, link = _linked(world)
    assert acts.stop(world.connection, link, OPERATOR, world.now)
    return at(request)


def _stopped_by_invited(world: World) -> Mapping[str, str]:
    request, link = _linked(world)
    assert acts.stop(world.connection, link, "alan@example.com", world.now)
    return at(request, invite_id=invited(world, request, first_used_at=world.now).id)


def _goes_on(world: World) -> Mapping[str, str]:
    request, link = _linked(world)
    assert acts.stop(world.connection, link, OPERATOR, world.now)
    assert acts.go_on(world.connection, link, OPERATOR, world.now)
    return at(request)


def _kept(world: World) -> Mapping[str, str]:
    request, link = _linked(world)
    assert acts.keep(world.connection, link, OPERATOR, world.now)
    return at(request)


def _ordered(world: World) -> tuple[LinkRequest, int]:
    request, link = _linked(world)
    assert acts.order_deletion(world.connection, link, "ada@example.com", world.now)
    [receipt] = deletion_receipts.due(world.connection, world.now)
    return request, receipt


def _deleting(world: World) -> Mapping[str, str]:
    return at(_ordered(world)[0])


def _deleting_again(world: World) -> Mapping[str, str]:
    request, receipt = _ordered(world)
    error = "The lake's table was changed by others four times in a row. It is tried again."
    deletion_receipts.postpone(world.connection, receipt, error, world.now)
    return at(request)


def _deleted(world: World, found: Mapping[str, Mapping[str, int]]) -> Mapping[str, str]:
    request, receipt = _ordered(world)
    scope = {
        "link_id": "x",
        "request_id": request.id,
        "account_id": "123456789012",
        "decided_at": world.now.isoformat(),
        "exports": [1] if found else [],
        "sources": ["s3://acme-billing-reports/cur/reports/acme-cur"] if found else [],
        "handed_over": ["s3://acme-billing-reports/cur/reports/acme-shared-with-another-link"] if found else [],
        "months": [],
        "alone": True,
    }
    deletion_receipts.put_scope(world.connection, receipt, scope, found)
    remaining = {place: dict.fromkeys(counts, 0) for place, counts in found.items()}
    deletion_receipts.finish(world.connection, receipt, remaining, world.now)
    return at(request)


def _receipt(world: World) -> Mapping[str, str]:
    rows = {"daily_costs_all": 18_002, "findings": 3, "deliveries": 31, "exports": 1, "outbox": 4}
    lake = {"rows": 24_086_220, "deliveries": 31, "snapshots": 20, "files": 212, "bytes": 1_807_113_420}
    return _deleted(world, {"rows": rows, "lake": lake, "landing": {"files": 124, "bytes": 9_113_420_222}})


def _empty_receipt(world: World) -> Mapping[str, str]:
    return _deleted(world, {})


UNLINKING = (
    Scene("unlink", PAGE, _still_linked),
    Scene("unlink-stopped", PAGE, _stopped),
    Scene("unlink-stopped-invited", PAGE, _stopped_by_invited, Who.INVITED),
    Scene(
        "unlink-wrong-number",
        PAGE,
        _stopped,
        act=sent("Delete the data for good", account="1234"),
        status=422,
    ),
    Scene("goes-on", "/requests/{request_id}", _goes_on),
    Scene("unlink-kept", PAGE, _kept),
    Scene("ended", "/requests/{request_id}", _kept),
    Scene("unlink-deleting", PAGE, _deleting),
    Scene("unlink-deleting-again", PAGE, _deleting_again),
    Scene("unlink-receipt", PAGE, _receipt),
    Scene("unlink-receipt-of-nothing", PAGE, _empty_receipt),
)
