"""Numbers as AWS prints them."""

from __future__ import annotations

import numpy as np
import pytest

from staxpipe.synthetic.text import decimals, pieces, where


@pytest.mark.parametrize(
    ("units", "text"),
    [
        (0, "0.0"),
        (116_000_000, "0.0116"),
        (120_000_000_000, "12.0"),
        (181, "1.81E-8"),
        (-300, "-3.00E-8"),
        (-413_700_000_000, "-41.37"),
        (10_000, "0.000001"),
        (9_000_000_000_000_000_000, "900000000.0"),
    ],
)
def test_amounts_are_written_like_aws_writes_them(units: int, text: str) -> None:
    assert decimals(np.array([units], np.int64)).to_pylist() == [text]


def test_what_does_not_apply_is_missing_not_zero() -> None:
    values = where(np.array([False, True, False, True]), np.array([1, 0, 3, 5_000_000_000], np.int64))
    assert values.to_pylist() == [None, "0.0", None, "0.5"]


def test_pieces_cover_everything_once() -> None:
    assert list(pieces(5, 2)) == [(0, 2), (2, 2), (4, 1)]
    assert list(pieces(0, 2)) == [(0, 0)]
