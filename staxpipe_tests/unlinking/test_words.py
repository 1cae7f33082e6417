"""Counts in words, for page, mail and terminal."""

from __future__ import annotations

from staxpipe.unlinking.words import counted, entries, who


def test_whoever_did_something_is_called_as_people_call_them() -> None:
    assert [who(actor) for actor in ("operator", "ada@example.com")] == ["whoever runs staxpipe", "ada@example.com"]


def test_what_there_is_is_said_first_and_zeros_are_left_out() -> None:
    counts = {
        "rows": {"daily_costs_all": 1204, "exports": 1, "quarantine": 0},
        "lake": {"files": 2, "bytes": 4096, "rows": 1, "snapshots": 0, "deliveries": 3},
        "landing": {"files": 0, "bytes": 0},
    }
    assert counted(counts) == [
        "1 line item in the lake",
        "3 deliveries that could be read in the lake",
        "2 files of the lake",
        "4,096 bytes of the lake",
        "1,204 daily costs",
        "1 export in the ledger",
    ]
    assert len(entries(counts)) == 10
    assert counted({}) == []
