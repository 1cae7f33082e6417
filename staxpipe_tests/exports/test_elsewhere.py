import json

import pytest

from staxpipe.errors import PermanentError
from staxpipe.exports.elsewhere import Elsewhere
from staxpipe.exports.layout import Place
from staxpipe.model import BillingPeriod, ExportKind
from staxpipe_tests.exports.conftest import FOCUS_1_2_COLUMNS, export_body, manifest_body

LAYOUT = Elsewhere()
ADDRESS = "file:///copied/x-Manifest.json"


def test_any_folder_may_hold_a_manifest() -> None:
    assert LAYOUT.place(ADDRESS) == Place("file:///copied", None, None)
    assert LAYOUT.place("s3://b/site/manifest.json") is None
    assert LAYOUT.place("s3://b/cur-RedshiftManifest.json") is None
    assert LAYOUT.place("s3://b/hints/metadata/date=2026-10-01/hints-Manifest.json") is None


def test_the_contents_tell_the_layout() -> None:
    legacy = LAYOUT.parse(ADDRESS, json.dumps(manifest_body(["a.csv.gz"], "one")).encode())
    assert (legacy.kind, legacy.keys) == (ExportKind.LEGACY_CUR, ("a.csv.gz",))
    body = export_body(["b.csv.gz"], "two", columns=FOCUS_1_2_COLUMNS, billingPeriod="2026-10")
    export = LAYOUT.parse(ADDRESS, json.dumps(body).encode())
    assert (export.kind, export.keys) == (ExportKind.FOCUS_1_2, ("b.csv.gz",))
    assert legacy.period == export.period == BillingPeriod(2026, 10)


def test_what_is_of_no_layout_is_refused() -> None:
    with pytest.raises(PermanentError, match=ADDRESS):
        LAYOUT.parse(ADDRESS, b'{"name": "an application"}')
