"""A linked account's page: nothing found, loading, ready, and what can be wrong with any of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from staxpipe.db import links
from staxpipe.db.link_requests import LinkRequest
from staxpipe.db.results import add_finding
from staxpipe.doctor.facts import ExportFacts
from staxpipe.linking.verdicts import Safe
from staxpipe.model import BillingPeriod, DeliveryState, Finding, Severity
from staxpipe_tests.doctor import cases
from staxpipe_tests.onboarding.gallery.entrance import TEMPLATE_URL
from staxpipe_tests.onboarding.gallery.rows import at, examined, invited, linked
from staxpipe_tests.onboarding.gallery.scene import NOW, Scene, Who, World
from staxpipe_tests.onboarding.ledger import add_delivery, add_export, add_sum

PAGE = "/requests/{request_id}"
BUCKET_PROBLEM = (
    "The bucket acme-billing-reports is in eu-central-1, and the request says eu-west-1. Correct the region on this "
    "page. staxpipe goes on looking."
)
GONE = (
    "The role arn:aws:iam::123456789012:role/staxpipe-link-k3v9q2x7m1b8 no longer lets staxpipe in: its stack was "
    "deleted or changed. Nothing is read from this account until it does. What was loaded stays."
)
REFUSED = (
    "AWS refuses to read s3://acme-billing-reports/cur/reports/acme-cur/20261001-20261101/acme-cur-00003.csv.gz: "
    "AccessDenied (kms:Decrypt). Set the parameter KmsKeyArn of the stack to the bucket's key."
)


def _just_linked(world: World) -> Mapping[str, str]:
    return at(linked(world)[0])


def _nothing_there(world: World) -> Mapping[str, str]:
    return at(linked(world, discovered_at=world.now)[0])


def _bucket_problem(world: World) -> Mapping[str, str]:
    request, _ = linked(world, problem=BUCKET_PROBLEM)
    examined(world, request, Safe(), cases.facts(region="eu-central-1", refused=BUCKET_PROBLEM))
    return at(request)


def _back(months: int) -> str:
    """So many months before this one."""
    month = BillingPeriod.containing(NOW)
    for _ in range(months):
        month = month.previous()
    return str(month)


def _loading(world: World, done: int) -> LinkRequest:
    request, export = linked(world, discovered_at=world.now)
    began = world.now - timedelta(minutes=40)
    for number in range(12):
        size = 40_000_000 + number * 9_000_000
        values: dict[str, Any] = {"at": began, "size": size}
        state = {done: DeliveryState.COMMITTED, done + 1: DeliveryState.LANDED}.get(number, DeliveryState.DISCOVERED)
        if number < done:
            state = DeliveryState.LOADED
            loaded_at = began + timedelta(minutes=5 * (number + 1))
            values |= {"rows": 1_204_311 + number, "cost": "48211.37", "loaded_at": loaded_at}
        if number == done + 2:
            values["error"] = "AWS does not answer just now. It is tried again."
        add_delivery(world.connection, export, _back(number + 1), state, **values)
    return request


def _too_early(world: World) -> Mapping[str, str]:
    return at(_loading(world, 0))


def _half_way(world: World) -> Mapping[str, str]:
    request = _loading(world, 5)
    found = cases.facts(_export(world, (_back(12), _back(1))))
    examined(world, request, Safe(), found)
    return at(request)


def _export(world: World, span: tuple[str, str]) -> ExportFacts:
    first, last = BillingPeriod.parse(span[0]), BillingPeriod.parse(span[1])
    months = [first]
    while months[-1] < last:
        months.append(months[-1].next())
    return cases.export(months=tuple(months), delivered_at=world.now - timedelta(hours=5))


def _history(world: World, export: int) -> None:
    for number in range(1, 11):
        add_delivery(
            world.connection,
            export,
            _back(number),
            DeliveryState.LOADED,
            rows=1_204_311 - number * 7_001,
            cost=f"{48_211 - number * 311}.37",
            reconciled=True,
        )
    add_delivery(
        world.connection,
        export,
        _back(0),
        DeliveryState.LOADED,
        rows=52_118,
        cost="2210.02",
        reconciled=True,
        final=False,
    )


def _ready(world: World) -> LinkRequest:
    request, export = linked(world, discovered_at=world.now)
    _history(world, export)
    examined(world, request, Safe(), cases.facts(_export(world, ("2025-03", "2026-11"))))
    return request


def _ready_seen_by_invited(world: World) -> Mapping[str, str]:
    request = _ready(world)
    return at(request, invite_id=invited(world, request, first_used_at=world.now).id)


def _with_findings(world: World) -> Mapping[str, str]:
    request, export = linked(world, discovered_at=world.now)
    connection = world.connection
    legacy = add_export(connection, f"link-{request.id[:16]}", "acme-legacy-hourly-with-resources")
    add_delivery(connection, legacy, "2026-09", DeliveryState.LOADED, rows=1_190_000, cost="48000.00")
    loaded = DeliveryState.LOADED
    missing = add_delivery(connection, export, "2026-10", loaded, rows=9, cost="48211.37", reconciled=False)
    message = "17 rows could not be read and are set aside, with $12.40 in all: staxpipe ledger --period 2026-10."
    add_finding(connection, Finding("rows-quarantined", Severity.ERROR, message), missing)
    twice = add_delivery(connection, export, "2026-08", loaded, rows=1_100_000, cost="-3.10", reconciled=True)
    add_sum(connection, twice, "41021.55", "EUR")
    later = world.now + timedelta(hours=1)
    add_delivery(connection, export, "2026-08", DeliveryState.FAILED, at=later, error=REFUSED)
    add_delivery(connection, export, "2026-05", DeliveryState.FAILED, error=REFUSED)
    late = add_delivery(connection, export, "2026-11", loaded, rows=52_118, cost="2210.02", final=False)
    message = "AWS has changed columns since the month before: line_item_net_unblended_cost is new."
    add_finding(connection, Finding("schema-drift", Severity.INFO, message), late)
    message = "Two exports hold the same months of this account. One of them counts; nothing is counted twice."
    add_finding(connection, Finding("several-exports", Severity.WARNING, message), account_id=request.account_id)
    found = cases.facts(
        _export(world, ("2024-11", "2026-05")),
        cases.export(name="acme-legacy", source="s3://bills/legacy", columns=(), months=cases.months("2026-08")),
        settings=(cases.settings(trouble="S3_BUCKET_PERMISSIONS"),),
        key_refused="The key arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab is refused.",
    )
    examined(world, request, Safe(), found)
    return at(request)


def _none_could_be_loaded(world: World) -> Mapping[str, str]:
    request, export = linked(world, discovered_at=world.now)
    for period in ("2026-09", "2026-10"):
        add_delivery(world.connection, export, period, DeliveryState.FAILED, error=REFUSED)
    return at(request)


def _gone(world: World) -> Mapping[str, str]:
    request, export = linked(world, discovered_at=world.now)
    _history(world, export)
    link = links.of_request(world.connection, request.id)
    assert link is not None
    assert links.pause(world.connection, link.id, GONE)
    return at(request)


MONTHS = (
    Scene("linked", PAGE, _just_linked),
    Scene("linked-empty", PAGE, _nothing_there),
    Scene("linked-bucket-problem", PAGE, _bucket_problem),
    Scene("loading-too-early-to-say", PAGE, _too_early),
    Scene("loading", PAGE, _half_way),
    Scene("ready", PAGE, lambda world: at(_ready(world))),
    Scene("ready-invited", PAGE, _ready_seen_by_invited, Who.INVITED),
    Scene("ready-with-findings", PAGE, _with_findings),
    Scene("nothing-could-be-loaded", PAGE, _none_could_be_loaded),
    Scene("paused-role-gone", PAGE, _gone),
    Scene("paused-create-again", f"{PAGE}/deploy", _gone, settings=TEMPLATE_URL),
)
