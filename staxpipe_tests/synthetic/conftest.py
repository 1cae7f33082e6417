"""A small organisation and moments at which its report is looked at."""

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
    """The month that has everything: an upfront plan, a refund of a plan, support, tax."""
    return generate_month(organisation, SECOND, CLOSED_LONG_AGO, SCALE)
