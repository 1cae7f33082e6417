"""Account ids: what AWS never writes is refused, and nothing is guessed. Other refusals are in test_mapping.py."""

from __future__ import annotations

import pytest

from staxpipe_tests.focus.batches import mapped, row


@pytest.mark.parametrize("column", ["bill_payer_account_id", "line_item_usage_account_id"])
@pytest.mark.parametrize(
    "damaged", ["1234567890", "12345678901", "1.23457E+11", "1.23457e11", "1E+11", "123456789012.0", "1234567."]
)
def test_an_account_id_that_a_spreadsheet_read_as_a_number_is_refused(column: str, damaged: str) -> None:
    result = mapped(row(), row(**{column: damaged}))
    (refused,) = result.rejected
    assert (refused.row, refused.column, refused.value) == (2, column, damaged)
    assert "12 digits" in refused.reason
    assert result.rows.num_rows == 1


@pytest.mark.parametrize("column", ["bill_payer_account_id", "line_item_usage_account_id"])
@pytest.mark.parametrize("account", ["001234567890", "000000000001", "9999999999999", "999999", "anonymous-7", "12e"])
def test_any_other_is_kept_as_it_is_written(column: str, account: str) -> None:
    result = mapped(row(**{column: account}))
    assert result.rejected == ()
    name = "BillingAccountId" if column == "bill_payer_account_id" else "SubAccountId"
    assert result.rows.column(name).to_pylist() == [account]


def test_a_row_of_no_usage_account_is_no_error() -> None:
    assert mapped(row(line_item_usage_account_id=None)).rejected == ()
