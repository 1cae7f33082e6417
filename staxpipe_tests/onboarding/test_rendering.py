"""How values are written for people."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from staxpipe.model import BillingPeriod
from staxpipe.onboarding import rendering


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1234.565", "USD", "$1,234.56"),
        ("-0.5", "EUR", "−€0.50"),
        ("-0.001", "USD", "$0.00"),
        ("0", "CHF", "0.00 CHF"),
        ("99999999999999999.99", "USD", "$99,999,999,999,999,999.99"),
    ],
)
def test_money(amount: str, currency: str, text: str) -> None:
    assert rendering.money(Decimal(amount), currency) == text


def test_other_values() -> None:
    assert rendering.account("012345678901") == "0123-4567-8901"
    assert rendering.month(BillingPeriod(2026, 10)) == "October 2026"
    assert rendering.day(datetime(2026, 11, 3, 9, 5, tzinfo=UTC)) == "3 November 2026, 09:05 UTC"
    assert rendering.number(1234567) == "1,234,567"
    assert [rendering.size(n) for n in (0, 999, 12_345, 12_345_678, 4.2e9, 3e12)] == [
        "0 bytes",
        "999 bytes",
        "12 kB",
        "12.3 MB",
        "4.2 GB",
        "3.0 TB",
    ]
    assert rendering.region("eu-west-1") == "Europe (Ireland), eu-west-1"
    assert rendering.region("mars-1") == "mars-1"


def test_values_are_escaped_and_static_addresses_change_with_content(tmp_path: Path) -> None:
    environment = rendering.make_templates(tmp_path)
    assert environment.from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"
    (tmp_path / "a.css").write_text("a")
    first = environment.from_string("{{ asset('a.css') }}").render()
    (tmp_path / "a.css").write_text("b")
    assert rendering.make_templates(tmp_path).from_string("{{ asset('a.css') }}").render() != first
