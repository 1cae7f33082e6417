"""The whole of it with roles that are real: linked, loaded, taken back in AWS, linked again, and deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from dagster import DagsterInstance, build_sensor_context
from sqlalchemy import Connection, text

from staxpipe.aws.link_bucket import link_bucket
from staxpipe.aws.sessions import operator_session
from staxpipe.db import deliveries as ledger
from staxpipe.db import link_requests, links
from staxpipe.db.link_requests import Details
from staxpipe.db.links import Link
from staxpipe.defs.sensors import build_sensors
from staxpipe.ingest.discovery import discover_link
from staxpipe.ingest.landing import land, landed_file
from staxpipe.ingest.line_items import build_line_items
from staxpipe.ingest.marts import publish
from staxpipe.ingest.platform import Platform
from staxpipe.ingest.sweep import look_into_buckets
from staxpipe.linking.probe import probe
from staxpipe.linking.reverify import reverify
from staxpipe.linking.sweep import sweep
from staxpipe.model import AccountId, LinkState
from staxpipe.settings import read_settings
from staxpipe.unlinking import acts
from staxpipe.unlinking.run import finish_unlinkings
from staxpipe_tests.aws_stand_in import Customer
from staxpipe_tests.defs.conftest import FolderStaxpipe
from staxpipe_tests.focus.batches import row
from staxpipe_tests.small_reports import deliver

pytestmark = pytest.mark.long


def linked(platform: Platform, customer: Customer) -> tuple[Customer, Link]:
    """Ask for a link, create the stack as the page says, and have the sensor find the role."""
    now = datetime.now(UTC)
    with platform.engine.begin() as connection:
        request = link_requests.create(connection, "ada@example.com", now, timedelta(days=14))
        details = Details(AccountId(customer.account_id), customer.bucket, "billing", customer.region, None)
        assert link_requests.save_details(connection, request.id, details, now, timedelta(days=14))
    person = replace(customer, prefix="billing", external_id=request.external_id, role_name=request.role_name)
    person.deploy()
    assert sweep(platform.engine, platform.settings, probe, now, 300).linked == [customer.account_id]
    with platform.engine.connect() as connection:
        link = links.of_request(connection, request.id)
    assert link is not None
    return person, link


def load(platform: Platform, link: Link) -> int:
    """Load what the bucket holds that is new; returns how many deliveries that were."""
    bucket = link_bucket(operator_session(platform.settings), link)
    now = datetime.now(UTC)
    discover_link(platform.engine, platform.settings, link, bucket, now)
    with platform.engine.connect() as connection:
        due = [entry.id for entry in ledger.due(connection, now + timedelta(days=1))]
    for number in due:
        for step in (
            lambda entry: land(platform.engine, platform.landing, bucket, entry),
            lambda entry: build_line_items(platform, entry, partial(landed_file, platform.landing, entry)),
            lambda entry: publish(platform, entry),
        ):
            with platform.engine.connect() as connection:
                entry = ledger.entry(connection, number)
            step(entry)
    return len(due)


def billed(platform: Platform) -> int:
    with platform.engine.connect() as connection:
        return int(connection.execute(text("SELECT coalesce(sum(billed_cost), 0) FROM daily_costs")).scalar_one())


@pytest.mark.usefixtures("operator_environment")
def test_taken_back_linked_again_and_deleted(platform: Platform, customer: Customer, tmp_path: Path) -> None:
    deliver(tmp_path / "bucket", [[row(line_item_unblended_cost=cost) for cost in ("3", "4")]], "one", create_new=True)
    for path in (tmp_path / "bucket").rglob("*"):
        if path.is_file():
            customer.put(str(path.relative_to(tmp_path / "bucket")), path.read_bytes())
    first_person, first = linked(platform, customer)
    assert load(platform, first) == 1
    assert billed(platform) == 7

    first_person.delete_stack()
    operator = operator_session(platform.settings)
    assert reverify(platform.engine, platform.settings, operator, datetime.now(UTC)).paused == [first.id]
    with platform.engine.begin() as connection:
        acts.keep(connection, first, "ada@example.com", datetime.now(UTC))

    second_person, second = linked(platform, customer)
    assert second_person.role_name != first_person.role_name
    assert second_person.external_id != first_person.external_id
    assert load(platform, second) == 0, "kept history goes on"
    assert billed(platform) == 7

    with platform.engine.begin() as connection:
        acts.stop(connection, second, "ada@example.com", datetime.now(UTC))
        acts.order_deletion(connection, second, "ada@example.com", datetime.now(UTC))
    second_person.delete_stack()
    [receipt] = finish_unlinkings(platform, datetime.now(UTC)).finished
    assert receipt.found is not None
    assert receipt.found["lake"]["rows"] == 2
    assert billed(platform) == 0
    assert reverify(platform.engine, platform.settings, operator, datetime.now(UTC)).paused == [], "nobody asks AWS"

    _, third = linked(platform, customer)
    assert load(platform, third) == 1, "after a deletion all is loaded anew"
    assert billed(platform) == 7
    with platform.engine.connect() as connection:
        states = [link.state for link in links.of_account(connection, customer.account_id)]
    assert states == [LinkState.ENDED, LinkState.ENDED, LinkState.ACTIVE]


@pytest.mark.usefixtures("operator_environment")
def test_a_link_that_goes_on_is_tried_by_the_sensor_that_looks_for_roles(
    platform: Platform, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, link = linked(platform, customer)
    url = platform.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", url)
    [sensor] = [found for found in build_sensors(read_settings()) if found.name == "assumable_roles"]

    def tick() -> Link:
        with (
            DagsterInstance.ephemeral() as instance,
            build_sensor_context(instance=instance, resources={"staxpipe": FolderStaxpipe(folder="")}) as context,
        ):
            sensor(context)
        with platform.engine.connect() as connection:
            return links.get(connection, link.id)

    def ask(act: Callable[[Connection], object]) -> None:
        with platform.engine.begin() as connection:
            act(connection)

    ask(lambda connection: acts.stop(connection, link, "operator", datetime.now(UTC)))
    person.delete_stack()
    assert tick().stopped_by == "operator", "what is stopped is not tried"
    ask(lambda connection: acts.go_on(connection, link, "operator", datetime.now(UTC)))
    gone = tick()
    assert (gone.state, gone.waits_for_role) == (LinkState.PAUSED, True)
    assert "no longer lets staxpipe in" in (gone.problem or "")
    person.deploy()
    assert tick().state is LinkState.PAUSED, "it was just tried"
    ask(lambda connection: links.look_again_at(connection, link.id, datetime.now(UTC)))
    assert (tick().state, tick().problem) == (LinkState.ACTIVE, None)


@pytest.mark.usefixtures("operator_environment")
def test_a_stack_that_was_deleted_is_told_once(platform: Platform, customer: Customer) -> None:
    person, link = linked(platform, customer)
    operator = operator_session(platform.settings)

    def kinds() -> list[str]:
        with platform.engine.connect() as connection:
            return list(connection.execute(text("SELECT kind FROM outbox ORDER BY id")).scalars())

    person.delete_stack()
    before = kinds()
    now = datetime.now(UTC) + timedelta(days=1)  # of each day at most one problem of the bucket is told
    looks = look_into_buckets(platform.engine, platform.settings, lambda link: link_bucket(operator, link), now, 300)
    assert looks.refused_links == [link.id]
    assert "can no longer be assumed" in looks.refused[0]
    assert kinds() == before, "whose matter it is, the probe tells"
    assert reverify(platform.engine, platform.settings, operator, now, only=looks.refused_links).paused == [link.id]
    assert kinds() == [*before, "link_refused"]
