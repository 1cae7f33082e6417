from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import Engine, select

from staxpipe.db import deliveries as ledger
from staxpipe.db.tables import deliveries, outbox
from staxpipe.errors import PermanentError, TransientError
from staxpipe.ingest.outcome import outcome_recorded, pause
from staxpipe.ingest.platform import Platform
from staxpipe.model import DeliveryState
from staxpipe.settings import read_settings
from staxpipe_tests.ledger import a_delivery, add_link, record


@pytest.fixture
def platform(engine: Engine) -> Platform:
    """As much of a platform as recording an outcome needs: no lake, no landing."""
    return cast(
        "Platform", SimpleNamespace(engine=engine, settings=read_settings({"operator_email": "ops@example.com"}))
    )


@pytest.fixture
def entry(engine: Engine) -> ledger.LedgerEntry:
    with engine.begin() as connection:
        add_link(connection)
        return ledger.entry(connection, record(connection, a_delivery()))


def test_a_permanent_error_is_kept_in_words_and_told_once(platform: Platform, entry: ledger.LedgerEntry) -> None:
    for _ in range(2):
        with pytest.raises(PermanentError), outcome_recorded(platform, entry):
            raise PermanentError("report-2.csv.gz is missing from the bucket")
    with platform.engine.connect() as connection:
        assert ledger.entry(connection, entry.id).state is DeliveryState.FAILED
        [message] = connection.execute(select(outbox)).all()
    assert message.kind == "ingest_failed"
    assert message.payload["to"] == ["owner@example.com", "ops@example.com"]
    assert "report-2.csv.gz" in message.payload["reason"]


def test_a_transient_error_makes_the_delivery_wait(platform: Platform, entry: ledger.LedgerEntry) -> None:
    with pytest.raises(TransientError), outcome_recorded(platform, entry):
        raise TransientError("S3 asked to slow down")
    with platform.engine.connect() as connection:
        row = connection.execute(select(deliveries)).one()
        assert connection.execute(select(outbox)).all() == []
    assert row.state == DeliveryState.DISCOVERED
    assert row.error == "S3 asked to slow down"
    assert row.retry_at is not None


def test_a_bug_is_not_dressed_up(platform: Platform, entry: ledger.LedgerEntry) -> None:
    with pytest.raises(ZeroDivisionError), outcome_recorded(platform, entry):
        raise ZeroDivisionError
    with platform.engine.connect() as connection:
        assert ledger.entry(connection, entry.id).state is DeliveryState.DISCOVERED


def test_pauses_double_up_to_six_hours() -> None:
    assert [pause(n) for n in (0, 1, 2)] == [timedelta(seconds=s) for s in (30, 60, 120)]
    assert pause(1_000) == timedelta(hours=6)
