"""Schemathesis asks all that the description allows, and what it does not, in every phase and with every check.

The ordinary test asks the same questions every time and is done in seconds. With STAXPIPE_SCHEMATHESIS_EXAMPLES=200 it
asks so many of each operation, and others every time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from staxpipe.db import probes
from staxpipe.onboarding import limits
from staxpipe_tests.onboarding.api.conftest import Pages, begun, program, token
from staxpipe_tests.onboarding.ledger import add_link

pytestmark = pytest.mark.long

EXAMPLES = int(os.environ.get("STAXPIPE_SCHEMATHESIS_EXAMPLES", "0"))
FEW = 5
PHASES = ("examples", "coverage", "fuzzing", "stateful")
CONFIG = Path(__file__).with_name("schemathesis.toml")
SECONDS = 300 + 30 * EXAMPLES


@pytest.fixture
def without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked thousands of times would only ever be told to come back."""
    monkeypatch.setattr(limits, "wait", lambda *_: None)


def arguments(pages: Pages, folder: Path) -> list[str]:
    """The command. Two linkers ask, and neither may come to see what is the other's."""
    people = ("ada@example.com", "grace@example.com")
    headers = {person: {"name": "Authorization", "value": f"Bearer {token(pages, person)}"} for person in people}
    auth = {"auth": [{"name": person, "fixedHeaders": [headers[person]]} for person in people]}
    (folder / "people.json").write_text(json.dumps(auth))
    peers = f"[auth.wfc]\npath = {json.dumps(str(folder / 'people.json'))}\npeers = {json.dumps(people)}\n"
    (folder / "schemathesis.toml").write_text(f"{CONFIG.read_text()}\n{peers}")
    return [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml")),
        *("run", f"{pages.url}/api/v1/openapi.json", "--no-color", "--continue-on-failure"),
        *("--max-examples", str(EXAMPLES or FEW)),
        *(() if EXAMPLES else ("--generation-deterministic",)),
        *("--report-json-path", str(folder / "report.json")),
    ]


@pytest.mark.usefixtures("without_limits")
def test_every_phase_and_every_check(pages: Pages, tmp_path: Path) -> None:
    for person in ("ada@example.com", "grace@example.com"):
        client = program(pages, person)
        linked = begun(client, bucket=f"{person[:3]}-reports")
        begun(client, key="second", bucket=f"{person[:3]}-other-reports")
        with pages.engine.begin() as connection:
            assert probes.mark_linked(connection, linked, pages.clock.now)
            add_link(connection, linked, pages.clock.now)
    done = subprocess.run(
        arguments(pages, tmp_path), capture_output=True, text=True, check=False, cwd=tmp_path, timeout=SECONDS
    )
    said = done.stdout[-20_000:] + done.stderr[-2_000:]
    assert done.returncode == 0, said
    report = json.loads((tmp_path / "report.json").read_text())
    assert {name: phase["status"] for name, phase in report["phases"].items()} == dict.fromkeys(PHASES, "success")
    assert report["operations"]["tested"] == report["operations"]["total"] == 18
    assert report["test_cases"]["generated"] > 500, said
