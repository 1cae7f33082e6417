"""Months of a wanted size, for measuring time and memory: a million rows and more, written to a folder."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from staxpipe.model import BillingPeriod
from staxpipe.synthetic.delivery import into_folder, write_delivery
from staxpipe.synthetic.month import Month, generate_month
from staxpipe.synthetic.organisation import Organisation
from staxpipe.synthetic.report import Report

SEED = 20_261_001
ROWS_AT_SCALE_1 = 180_000


def organisation_of(rows: int, period: BillingPeriod, everything: bool = False) -> tuple[Organisation, float]:
    """An organisation in its second month, and the scale at which that month has about so many rows (a tenth off)."""
    scale = rows / ROWS_AT_SCALE_1
    make = Organisation.everything if everything else Organisation.sample
    return make(SEED, period.previous(), scale), scale


def write_month(root: Path, rows: int, period: BillingPeriod, report: Report, everything: bool = False) -> Month:
    """Write a closed month of about so many rows below `root`, a folder laid out like a bucket.

    The rows are held as numbers (some 50 bytes each) and become text a piece at a time: 5 million take 1.6 GB,
    and about two minutes.
    """
    organisation, scale = organisation_of(rows, period, everything)
    month = generate_month(organisation, period, period.end + timedelta(days=20), scale)
    write_delivery(month, report, into_folder(root))
    return month
