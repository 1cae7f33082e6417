"""The whole demo as a person runs it, with everything real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from staxpipe.cli import main; main()", "demo"]


@pytest.mark.e2e
def test_the_demo_ends_well_and_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--once", "--json", "--home", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "STAXPIPE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"},  # must not be seen
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["ok"] is True
    assert len(summary["months"]) >= 3
    assert all(Decimal(month["billed_cost"]) > 0 and month["rows"] > 10_000 for month in summary["months"])
    changed = [month for month in summary["restated"] if month["billed_before"] != month["billed_after"]]
    assert changed
    assert "is ready" in summary["mail"]["subject"]
    assert "✓ Compare lake and marts with what the generator knows" in done.stderr


def test_a_folder_in_use_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    done = subprocess.run(
        [*COMMAND, "--once", "--home", str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "is not an empty folder" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
