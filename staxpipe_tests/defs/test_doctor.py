"""The doctor's check of the asset that discovers: from reports that are kept, and never in a load's way."""

from __future__ import annotations

from datetime import UTC, datetime

from dagster import AssetCheckEvaluation, ExecuteInProcessResult, TableMetadataValue
from sqlalchemy import Engine

from staxpipe.db import links
from staxpipe.defs.doctor import NAME
from staxpipe.doctor.diagnosis import diagnose
from staxpipe.doctor.facts import Facts, of_link
from staxpipe.doctor.keeping import keep
from staxpipe.linking.verdicts import Safe
from staxpipe_tests.defs.conftest import Run
from staxpipe_tests.doctor.cases import export, facts
from staxpipe_tests.generated import SEPTEMBER, Deliver
from staxpipe_tests.ledger import ACCOUNT


def check_of(result: ExecuteInProcessResult) -> AssetCheckEvaluation:
    [check] = [check for check in result.get_asset_check_evaluations() if check.check_name == NAME]
    return check


def found(engine: Engine, what: Facts) -> None:
    """Keep a report on the account's link."""
    with engine.begin() as connection:
        [link] = links.by_account(connection, ACCOUNT)
        keep(connection, link.request_id, diagnose(of_link(link), Safe(), what, datetime.now(UTC)))


def test_before_any_look_nothing_is_wrong(run: Run, deliver_month: Deliver) -> None:
    deliver_month(SEPTEMBER)
    check = check_of(run(SEPTEMBER))
    assert check.passed
    assert check.description == "The doctor has not looked yet."


def test_what_is_broken_fails_the_check_and_the_month_loads_all_the_same(
    run: Run, deliver_month: Deliver, engine: Engine
) -> None:
    deliver_month(SEPTEMBER)
    found(engine, facts(export(), key_refused="The KMS key does not let the role decrypt."))
    result = run(SEPTEMBER)
    assert result.success
    check = check_of(result)
    assert not check.passed
    assert check.description is not None
    assert check.description.startswith("The KMS key does not let the role decrypt. S3 → Buckets")
    table = check.metadata["checks"]
    assert isinstance(table, TableMetadataValue)
    assert {"role-found", "encryption"} <= {str(record.data["code"]) for record in table.records}


def test_what_is_well_passes_with_its_months(run: Run, deliver_month: Deliver, engine: Engine) -> None:
    deliver_month(SEPTEMBER)
    found(engine, facts(export(delivered_at=datetime.now(UTC))))
    check = check_of(run(SEPTEMBER))
    assert check.passed
    assert "■" in str(check.metadata["months"].value)
