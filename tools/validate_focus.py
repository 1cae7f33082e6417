"""Run the official FOCUS validator on an exported file, and fail on every rule that fails without a known reason.

    python tools/validate_focus.py VALIDATOR_VENV [FILE.parquet]

The validator needs a Python of its own (see the Makefile's target validate-focus) and exits with 0 whatever it finds,
so what counts is its JUnit file. Without a file, a generated month that has everything is loaded and exported first.
Only the Makefile calls this; it is not part of the product.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

EXCEPTIONS = Path(__file__).with_name("focus_validator_exceptions.toml")


def main() -> int:
    """Validate, print what fails and why that is or is not known; 1 if anything fails without a reason."""
    validator = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory(prefix="staxpipe-validate-") as folder:
        exported = Path(sys.argv[2]).absolute() if len(sys.argv) > 2 else _generated_month(Path(folder))
        run, failed = _validate(validator, exported, Path(folder))
    known = tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8"))
    parts = _parts_of_rules(validator)
    excused = excused_rules(failed, set(known), parts)
    for rule in sorted(failed & set(known)):
        print(f"known   {rule}: {' '.join(known[rule]['reason'].split())}")
    for rule in sorted(failed - excused):
        print(f"FAILED  {rule}")
    unexplained = failed - excused
    print(
        f"{exported.name}: {run} rules ran, {len(failed)} failed, of which {len(excused)} have a known reason "
        f"({EXCEPTIONS.name}) and {len(unexplained)} have none."
    )
    return 1 if unexplained else 0


def excused_rules(failed: set[str], known: set[str], parts: Mapping[str, Iterable[str]]) -> set[str]:
    """Those of the failed rules that are known, or that fail only because of known ones."""
    excused = failed & known
    while True:
        more = {
            rule
            for rule in failed - excused
            if (failed_parts := failed.intersection(parts.get(rule, ()))) and failed_parts <= excused
        }
        if not more:
            return excused
        excused |= more


def _validate(validator: Path, exported: Path, folder: Path) -> tuple[int, set[str]]:
    """How many rules ran, and which failed."""
    report = folder / "report.xml"
    rules = _rules_folder(validator)
    expected = folder / "focus_validator" / "rules"  # the validator looks for its currencies below where it runs
    expected.mkdir(parents=True)
    (expected / "currency_codes.csv").symlink_to(rules / "currency_codes.csv")
    command = [
        str(validator / "bin" / "focus-validator"),
        *("--data-file", str(exported), "--validate-version", "1.2", "--block-download"),
        *("--applicability-criteria", "ALL"),
        *("--output-type", "unittest", "--output-destination", str(report)),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode or not report.is_file():
        sys.exit(f"focus-validator did not finish:\n{done.stdout}\n{done.stderr}")
    cases = list(ElementTree.parse(report).iter("testcase"))  # noqa: S314  # a file that the validator just wrote
    run = [case for case in cases if case.find("skipped") is None]
    failed = {case.attrib["name"].split(" ", 1)[0] for case in run if len(case)}
    if len(run) < 300:
        sys.exit(f"Only {len(run)} rules ran: this is not a validation.")
    return len(run), failed


def _parts_of_rules(validator: Path) -> dict[str, list[str]]:
    """For every rule that is made of others, those others."""
    (model,) = _rules_folder(validator).glob("model-1.2.*.json")
    rules = json.loads(model.read_text(encoding="utf-8"))["ModelRules"]
    return {name: list(_named_rules(rule["ValidationCriteria"]["Requirement"])) for name, rule in rules.items()}


def _named_rules(requirement: object) -> Iterator[str]:
    if isinstance(requirement, dict):
        if "ModelRuleId" in requirement:
            yield str(requirement["ModelRuleId"])
        for inner in requirement.values():
            yield from _named_rules(inner)
    elif isinstance(requirement, list):
        for inner in requirement:
            yield from _named_rules(inner)


def _rules_folder(validator: Path) -> Path:
    (folder,) = validator.glob("lib/python3*/site-packages/focus_validator/rules")
    return folder


def _generated_month(folder: Path) -> Path:
    """A month of a generated organisation: commitments, Spot, tax, credits, refunds, marketplace, tags."""
    from staxpipe.exports.local import find_all
    from staxpipe.ingest.load import LoadedMonth, load
    from staxpipe.ingest.platform import Platform
    from staxpipe.local.database import open_database
    from staxpipe.model import BillingPeriod
    from staxpipe.query import connect
    from staxpipe.settings import read_settings
    from staxpipe.synthetic.delivery import Report, deliver, into_folder
    from staxpipe.synthetic.organisation import Organisation

    period = BillingPeriod(2026, 8)
    organisation = Organisation.sample(7, period.previous(), 0.1, edp_percent=3)
    closed = datetime(2026, 11, 20, tzinfo=UTC)
    deliver(organisation, period, closed, Report(bucket="billing"), into_folder(folder / "bucket"), 0.1)
    out = folder / f"{period}.parquet"
    settings = read_settings({"home": folder / "home"})
    with open_database(settings) as engine:
        platform = Platform.open(settings, engine)
        loaded = [month for found in find_all([folder / "bucket"]) for month in load(platform, found)]
        account = next(month.billing_account_id for month in loaded if isinstance(month, LoadedMonth))
        with connect(settings) as connection:
            connection.export(account, str(period), out)
    return out


if __name__ == "__main__":
    sys.exit(main())
