from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from dagster import DagsterInstance
from sqlalchemy import Engine, select, update

from staxpipe.comparison.costs import Costs
from staxpipe.comparison.invoices import Invoice
from staxpipe.comparison.run import Billing
from staxpipe.db.links import Link
from staxpipe.db.tables import comparisons, link_requests, links, period_sources
from staxpipe.defs.comparisons import compare, comparisons_daily
from staxpipe.errors import NotGrantedError
from staxpipe.model import BillingPeriod
from staxpipe_tests.defs.conftest import FolderStaxpipe, Run
from staxpipe_tests.generated import SEPTEMBER, Deliver


class FakeBilling:
    """A fake at the far edge: no invoice is permitted, and Cost Explorer says one cent."""

    def invoices(self, link: Link, period: BillingPeriod) -> Sequence[Invoice]:
        raise NotGrantedError(f"the role does not allow invoices of {link.account_id} in {period}.")

    def costs(self, link: Link, period: BillingPeriod) -> Costs:  # noqa: ARG002
        return Costs({"USD": {"UnblendedCost": {"Usage": Decimal("0.01")}}})


class Staxpipe(FolderStaxpipe):
    """The product's resource, asking a fake."""

    def billing(self) -> Billing:
        return FakeBilling()


def test_the_daily_run_compares_and_says_what_it_cost(
    staxpipe: FolderStaxpipe,
    run: Run,
    engine: Engine,
    instance: DagsterInstance,
    deliver_month: Deliver,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    deliver_month(SEPTEMBER)
    assert run(SEPTEMBER).success
    with engine.begin() as connection:  # the generated report is of its own payer: that is who is linked
        payer = connection.execute(select(period_sources.c.billing_account_id)).scalar_one()
        connection.execute(update(links).values(account_id=payer))
        connection.execute(update(link_requests).values(account_id=payer))
    monkeypatch.setenv("STAXPIPE_COMPARE_COST_EXPLORER", "true")
    result = compare.execute_in_process(instance=instance, resources={"staxpipe": Staxpipe(folder=staxpipe.folder)})
    assert result.success, "what is not permitted fails nothing"
    [event] = [event for event in result.all_node_events if event.event_type_value == "STEP_OUTPUT"]
    metadata = {name: value.value for name, value in event.step_output_data.metadata.items()}
    assert metadata == {
        "compared": 1,
        "differing": 1,
        "not_granted": 1,
        "not_this_time": 0,
        "cost_explorer_requests": 1,
        "cost_explorer_usd": "0.01",
    }
    with engine.connect() as connection:
        [row] = connection.execute(select(comparisons)).all()
    assert (row.against, row.theirs) == ("cost-explorer", Decimal("0.01"))
    assert "Requests to Cost Explorer: 1, which cost USD 0.01." in capfd.readouterr().err


def test_it_runs_every_day() -> None:
    assert comparisons_daily.job is compare
    assert comparisons_daily.cron_schedule == "0 8 * * *"
