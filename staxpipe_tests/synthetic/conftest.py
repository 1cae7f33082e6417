"""Small organisations, moments at which their reports are looked at, and months that many tests share."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from staxpipe.model import BillingPeriod
from staxpipe.synthetic.month import Month, generate_month
from staxpipe.synthetic.organisation import Organisation

OPENED = BillingPeriod(2026, 7)
SECOND = BillingPeriod(2026, 8)
CLOSED_LONG_AGO = datetime(2026, 11, 20, tzinfo=UTC)
SCALE = 0.05


@pytest.fixture(scope="package")
def organisation() -> Organisation:
    return Organisation.sample(7, OPENED, SCALE, edp_percent=3)


@pytest.fixture(scope="package")
def closed_month(organisation: Organisation) -> Month:
    """The month that has everything ordinary: an upfront plan, a refund of a plan, support, tax."""
    return generate_month(organisation, SECOND, CLOSED_LONG_AGO, SCALE)


@pytest.fixture(scope="package")
def month_of_rows() -> Month:
    """Every line-item type; discounts are rows."""
    return generate_month(Organisation.everything(7, OPENED, SCALE), SECOND, CLOSED_LONG_AGO, SCALE)


@pytest.fixture(scope="package")
def month_of_net() -> Month:
    """Every other feature; discounts are net columns."""
    return generate_month(Organisation.everything(7, OPENED, SCALE, net=True), SECOND, CLOSED_LONG_AGO, SCALE)


@pytest.fixture(scope="package", params=["rows", "net"])
def everything(request: pytest.FixtureRequest, month_of_rows: Month, month_of_net: Month) -> Month:
    """Both in turn."""
    return month_of_rows if request.param == "rows" else month_of_net
