"""The command that writes months of a wanted size."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from staxpipe.model import BillingPeriod
from staxpipe.synthetic.__main__ import main
from staxpipe.synthetic.bulk import organisation_of
from staxpipe.synthetic.month import generate_month


def test_a_month_has_about_the_wanted_rows() -> None:
    period = BillingPeriod(2026, 8)
    organisation, scale = organisation_of(400_000, period)
    month = generate_month(organisation, period, BillingPeriod(2026, 10).start, scale)
    assert len(month.rows) == pytest.approx(400_000, rel=0.1)


def test_the_command_writes_and_tells_what_it_comes_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(tmp_path), "--rows", "20000", "--kind", "cur-2.0", "--format", "parquet", "--rows-per-file", "50000"])
    told = json.loads(capsys.readouterr().out)
    files = sorted(tmp_path.rglob("*.parquet"))
    assert len(files) > 1
    assert sum(pq.read_metadata(file).num_rows for file in files) == told["rows"]
    assert told["focus"]["USD Tax"]["rows"] > 0
