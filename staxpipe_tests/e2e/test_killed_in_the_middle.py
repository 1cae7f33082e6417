"""What is killed in the middle of an ingest starts again, and ends as if nothing had happened."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import NullPool, create_engine, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from staxpipe.db import results
from staxpipe.db.tables import audit_log, deliveries, delivery_sums, link_requests, links, outbox
from staxpipe.demo.comparison import compare, lake_totals, marts_totals
from staxpipe.demo.run import READY_SUBJECT
from staxpipe.demo.watching import until_mail
from staxpipe.local.database import DAGSTER_DATABASE
from staxpipe.model import DeliveryState, LinkState, RequestState
from staxpipe.query.connection import connect
from staxpipe.synthetic.month import Month
from staxpipe_tests.e2e import processes
from staxpipe_tests.e2e.conftest import Stage
from staxpipe_tests.e2e.witness import MonthTotal, Witness

IN_THE_MIDDLE = {DeliveryState.LANDED, DeliveryState.COMMITTED}
"""Files are here and nobody can read the month yet: line items or marts are being written."""

PATIENCE = 600.0
"""Seconds; a busy machine is no failure."""


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_daemon_database_and_runs_are_killed_and_every_month_adds_up(stage: Stage) -> None:
    home, address = stage.runtime.home, stage.runtime.database_url
    months = {period: stage.world.deliver(period, period.start + timedelta(days=6)) for period in stage.periods}
    complete = {(str(period), MonthTotal.of(month)) for period, month in months.items()}
    with Witness(address) as witness:
        request = stage.link()
        promised = acknowledged(stage)

        until(lambda: in_the_middle(stage))
        [daemon], postmaster = processes.running(home, processes.DAEMON), processes.postmaster(home)
        processes.kill([daemon, postmaster])
        until(lambda: processes.postmaster(home) not in (0, postmaster))
        until(lambda: set(processes.running(home, processes.DAEMON)) - {daemon})

        # AWS goes on meanwhile: the newest month is delivered again.
        newest = stage.periods[-1]
        months[newest] = stage.world.deliver(newest, newest.start + timedelta(days=8))
        complete.add((str(newest), MonthTotal.of(months[newest])))

        # And once more, this time with the run's process and the code server, which would have noticed that.
        until(lambda: in_the_middle(stage) and workers(stage))
        [daemon] = processes.running(home, processes.DAEMON)
        processes.kill([*processes.descendants(daemon), daemon])

        wanted = {(str(period), month.assembly_id) for period, month in months.items()}
        until(lambda: loaded(stage) == wanted)
        until_mail(stage.mailbox, READY_SUBJECT)
        until(lambda: not runs(stage, "QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"))
        ended = ledger(stage)
        for _ in range(2):
            look_again(stage)
        assert ledger(stage) == ended, "looking again changes nothing"

    assert witness.refused > 0, "the database was away"
    assert witness.seen[-1] == {str(period): MonthTotal.of(month) for period, month in months.items()}
    assert {(period, total) for picture in witness.seen for period, total in picture.items()} <= complete
    for earlier, later in pairwise(witness.seen):
        assert earlier.keys() <= later.keys(), "a month that could be read stays readable"
    assert stage.runtime.database_url == address

    with connect(stage.runtime.settings) as connection:
        account = stage.world.payer
        lake, marts = lake_totals(connection, account), marts_totals(connection, account)
    assert [month.differing for month in compare(list(months.values()), lake, marts)] == [()] * len(months)
    for month in months.values():
        assert control_totals(stage, month, "source") == source_side(month)
        assert control_totals(stage, month, "focus") == focus_side(month)
    assert promised <= acknowledged(stage)
    with stage.runtime.engine.connect() as connection:
        assert connection.execute(select(link_requests.c.id, link_requests.c.state)).all() == [
            (request, RequestState.LINKED)
        ]
        assert connection.execute(select(links.c.request_id, links.c.state)).all() == [(request, LinkState.ACTIVE)]
        assert connection.execute(select(outbox.c.kind).where(outbox.c.sent_at.is_(None))).all() == []
        # The operator may be told of a run that failed when the database went; of a month that did, nobody is.
        failed = connection.execute(select(outbox.c.key).where(outbox.c.kind == "ingest_failed")).scalars()
        assert [key for key in failed if not key.startswith("run_failed:")] == []
        [ready] = connection.execute(select(outbox.c.payload).where(outbox.c.kind == "data_ready")).scalars()
    assert [month["period"] for month in ready["periods"]] == [str(period) for period in stage.periods]
    told = [
        (*mail.to, number)
        for mail, number in zip(stage.mailbox.mails(), stage.mailbox.message_ids, strict=True)
        if READY_SUBJECT in mail.subject
    ]
    assert {person for person, _ in told} == set(ready["to"])
    assert len({number for _, number in told}) == 1, "what is sent twice is recognisable as the same"


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def in_the_middle(stage: Stage) -> bool:
    """Whether a run is between landing and marts, and another month still waits."""
    try:
        with stage.runtime.engine.connect() as connection:
            rows = connection.execute(select(deliveries.c.state, deliveries.c.run_id)).all()
        running = runs(stage, "STARTED")
    except DBAPIError:  # it was killed a moment ago
        return False
    begun = [row for row in rows if row.run_id in running and row.state in IN_THE_MIDDLE]
    waiting = [row for row in rows if row.run_id is None and row.state == DeliveryState.DISCOVERED]
    return bool(begun and waiting)


def workers(stage: Stage) -> set[int]:
    """Processes of the runs that today's daemon has launched."""
    home = stage.runtime.home
    [daemon] = processes.running(home, processes.DAEMON) or [0]
    return set(processes.running(home, processes.WORKER)) & set(processes.descendants(daemon))


def loaded(stage: Stage) -> set[tuple[str, str]]:
    """Months and deliveries that readers see, of which there can be one each."""
    with stage.runtime.engine.connect() as connection:
        found = connection.execute(
            select(deliveries.c.period, deliveries.c.delivery_id).where(deliveries.c.state == DeliveryState.LOADED)
        ).all()
    assert len({period for period, _ in found}) == len(found)
    return {(period, delivery) for period, delivery in found}


def ledger(stage: Stage) -> list[object]:
    """Everything that loading writes, and every run."""
    with stage.runtime.engine.connect() as connection:
        return [
            *connection.execute(select(deliveries).order_by(deliveries.c.id)),
            *connection.execute(select(delivery_sums).order_by(*delivery_sums.primary_key)),
            *connection.execute(select(outbox).order_by(outbox.c.id)),
        ]


def look_again(stage: Stage) -> None:
    """Let the sensor list the bucket now; a tick that was killed while it did has taken the bucket's turn with it."""
    with stage.runtime.engine.begin() as connection:
        before = connection.execute(select(links.c.discovered_at)).scalar_one()
        connection.execute(update(links).values(next_look_at=before))

    def looked() -> bool:
        with stage.runtime.engine.connect() as connection:
            return bool(connection.execute(select(links.c.discovered_at)).scalar_one() > before)

    until(looked)


def runs(stage: Stage, *statuses: str) -> set[str]:
    """Ids of the runs that Dagster believes to be in these states."""
    engine = create_engine(make_url(stage.runtime.database_url).set(database=DAGSTER_DATABASE), poolclass=NullPool)
    with engine.connect() as connection:
        query = text("SELECT run_id FROM runs WHERE status = ANY(:statuses)")
        return set(connection.execute(query, {"statuses": list(statuses)}).scalars())


def acknowledged(stage: Stage) -> set[object]:
    """What people were told was done: requests, links, the audit log."""
    with stage.runtime.engine.connect() as connection:
        return {
            *connection.execute(select(link_requests.c.id, link_requests.c.account_id, link_requests.c.external_id)),
            *connection.execute(select(links.c.id, links.c.role_arn, links.c.external_id, links.c.linked_at)),
            *connection.execute(select(audit_log.c.id, audit_log.c.actor, audit_log.c.action, audit_log.c.subject)),
            *connection.execute(select(outbox.c.key)),
        }


def control_totals(stage: Stage, month: Month, side: str) -> Mapping[str, tuple[object, ...]]:
    """The ledger's sums of a delivery, by line-item type or charge category."""
    with stage.runtime.engine.connect() as connection:
        delivery = connection.execute(
            select(deliveries.c.id).where(deliveries.c.delivery_id == month.assembly_id)
        ).scalar_one()
        rows = results.sums_of(connection, delivery, side)
    if side == "source":
        return {row.charge: (row.rows, row.billed_cost) for row in rows}
    return {row.charge: (row.rows, row.billed_cost, row.effective_cost, row.list_cost) for row in rows}


def source_side(month: Month) -> Mapping[str, tuple[object, ...]]:
    """What the generator wrote."""
    known = month.expected
    return {name: (rows, known.unblended_by_type[name]) for name, rows in known.rows_by_type.items()}


def focus_side(month: Month) -> Mapping[str, tuple[object, ...]]:
    """What the generator expects of it."""
    return {
        category: (sums.rows, sums.billed, sums.effective, sums.list)
        for category, sums in month.expected.focus_by_category.items()
    }
