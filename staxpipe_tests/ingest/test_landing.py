from pathlib import Path

from staxpipe.db.deliveries import LedgerEntry
from staxpipe.ingest.landing import landing_key
from staxpipe.model import DeliveryState, StoredObject
from staxpipe_tests.ledger import ACCOUNT, NOON, a_delivery

ENTRY = LedgerEntry(7, 3, "link", ACCOUNT, DeliveryState.DISCOVERED, 0, None, a_delivery())


def key(name: str, position: int = 0) -> str:
    return landing_key(ENTRY, position, StoredObject(name, 1, "etag", NOON))


def test_a_customers_key_cannot_climb_out_of_the_folder() -> None:
    for name in ("../../etc/passwd", "/etc/passwd", "a/..", "a/\\..\\b", "a/\u202egnp.exe", "a/" + "x" * 500):
        path = Path("/landing") / key(name)
        assert path.parent == Path("/landing/export-3/2026-10/delivery-7")
        assert path.resolve() == path
        assert len(path.name) <= 110


def test_files_of_the_same_name_stay_apart() -> None:
    assert key("a/report.csv.gz", 0) != key("b/report.csv.gz", 1)


def test_the_name_stays_recognisable() -> None:
    assert key("cur/report/20261001-20261101/report-00001.csv.gz").endswith("00000-report-00001.csv.gz")
