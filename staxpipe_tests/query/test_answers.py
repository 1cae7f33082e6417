from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from staxpipe.query.answers import exact, plain, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.000000000000000000", "0"),
        ("-0.000000000000000001", "-0.000000000000000001"),
        ("12345678901234567890.100000000000000000", "12345678901234567890.1"),
        ("1E-8", "0.00000001"),
        ("1E+3", "1000"),
        ("100", "100"),
    ],
)
def test_a_decimal_is_written_with_every_digit_that_says_something(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text
    assert exact(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, None),
        (True, True),
        (7, 7),
        ("text", "text"),
        (date(2018, 10, 1), "2018-10-01"),
        (datetime(2018, 10, 1, 5, tzinfo=UTC), "2018-10-01T05:00:00Z"),
        ({"user:Team": None, "cost": Decimal("1.50")}, {"user:Team": None, "cost": "1.5"}),
        ([Decimal("0.1"), None], ["0.1", None]),
        (b"\x00\xff", "AP8="),
        (timedelta(hours=1), "1:00:00"),
    ],
)
def test_values_are_written_as_json_can_hold_them(value: object, written: object) -> None:
    assert exact(value) == written


@pytest.mark.parametrize(
    ("value", "text", "rounded"),
    [
        (None, "", False),
        (Decimal("1234.500000000000000000"), "1,234.5000", False),
        (Decimal("1234.567890000000000000"), "1,234.5679", True),
        (Decimal("0.000000018100000000"), "0.000000018", True),
        (Decimal("0.000000010000000000"), "0.00000001", False),
        (Decimal("0.000000000000000000"), "0.0000", False),
        (Decimal(1859), "1,859", False),
        (2018, "2018", False),
        (0.25, "0.25", False),
        (datetime(2018, 10, 1, 5, tzinfo=UTC), "2018-10-01 05:00:00", False),
        ({"user:Team": "search", "x": None}, "user:Team=search, x=", False),
        ([Decimal("0.1"), 2], "0.1000, 2", False),
    ],
)
def test_values_are_shown_to_be_read(value: object, text: str, rounded: bool) -> None:
    assert shown(value) == (text, rounded)
