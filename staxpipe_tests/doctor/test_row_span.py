"""How much time a row is about, by a file's first row."""

from __future__ import annotations

import pytest

from staxpipe.doctor.facts import Granularity
from staxpipe.doctor.row_span import granularity_of
from staxpipe.exports.beginning import Beginning

DAY = "2026-10-01T00:00:00.000Z/2026-10-02T00:00:00.000Z"
TYPE = "lineItem/LineItemType"


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        (["identity/TimeInterval"], ["2026-10-01T00:00:00Z/2026-10-01T01:00:00Z"], Granularity.HOURLY),
        (["identity_time_interval", TYPE], [DAY, "Usage"], Granularity.DAILY),
        (["identity_time_interval", TYPE], [DAY, "Tax"], None),  # a tax has a day in an hourly report, too
        (["identity_time_interval"], [DAY], None),
        (["ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory"], [*DAY.split("/"), "Usage"], Granularity.DAILY),
        (["ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory"], [*DAY.split("/"), "Tax"], None),
        (
            ["x", "ChargePeriodStart", "ChargePeriodEnd"],
            ["", "2026-10-01T05:00:00Z", "2026-10-01T06:00:00Z"],
            Granularity.HOURLY,
        ),
        (["identity/TimeInterval"], ["2026-10-01T00:00:00Z/2026-11-01T00:00:00Z"], None),
        (["identity/TimeInterval"], ["soon/later"], None),
        (["identity/TimeInterval"], ["2026-10-01T00:00:00Z/2026-10-01T01:00:00"], None),
        (["identity/TimeInterval"], ["a/b/c"], None),
        (["identity/TimeInterval"], [], None),
        ([], [], None),
    ],
)
def test_a_first_row(header: list[str], row: list[str], expected: Granularity | None) -> None:
    assert granularity_of(Beginning(tuple(header), tuple(row))) is expected
