"""Break each rule of mutations.toml on purpose and see its tests fail: ``python tools/mutation_check.py``.

Works on a copy in a temporary folder; the tree itself is only read. First all tests of the list run unbroken and must
pass. Then each rule is broken alone, and every one of its tests must fail: fail as a test, not for want of an import.
The exit status is 1 where a rule survives. With ``--table`` nothing runs: the table of docs/testing.md is printed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "tools" / "mutations.toml"
COPIED = ("staxpipe", "staxpipe_tests", "tools", "cfn", "docs", "deploy", "pyproject.toml", "README.md", "Makefile")
COPIED_TOO = ("dagster.yaml", "workspace.yaml")

CRASHES = ("NameError", "ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError", "AttributeError")
"""Errors that say that the broken code does not run at all: they prove nothing about the rule."""

SECONDS = 600
"""How long the tests of one rule may take."""


@dataclass(frozen=True)
class Mutation:
    """A rule, how it is broken (`before` becomes `after` in `file`), and the node ids of the tests that fail then."""

    name: str
    broken: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]

    def apply(self, source: str) -> str:
        """The source with the rule broken.

        Raises:
            ValueError: the snippet is not there exactly once.
        """
        if (times := source.count(self.before)) != 1:
            raise ValueError(f"{self.name}: the snippet is {times} times in {self.file}, and must be there once")
        return source.replace(self.before, self.after)


def read_mutations(path: Path = RULES) -> tuple[Mutation, ...]:
    """The rules in the file's order."""
    entries = tomllib.loads(path.read_text())["mutation"]
    return tuple(Mutation(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries)


def table(mutations: Iterable[Mutation]) -> str:
    """The rules as docs/testing.md has them, a row each."""
    rows = ["| Rule | Broken on purpose | Tests that fail |", "|---|---|---|"]
    for mutation in mutations:
        tests = "<br>".join(f"`{test.removeprefix('staxpipe_tests/')}`" for test in mutation.tests)
        rows.append(f"| {mutation.name} | {mutation.broken} (`{mutation.file}`) | {tests} |")
    return "\n".join(rows)


def survivors(wanted: Iterable[str], status: int, output: str) -> dict[str, str]:
    """The tests that did not fail as tests, each with what happened instead.

    Args:
        wanted: node ids; one with parameters fails where it fails for any of them.
        status: pytest's exit status.
        output: what pytest printed with ``-rfE``.
    """
    failed: dict[str, list[str]] = {}
    for line in output.splitlines():
        if found := re.match(r"FAILED (\S+?::\w+)(?:\[.*?\])?(?: - (.*))?$", line):
            failed.setdefault(found[1], []).append(found[2] or "")
    alive = {}
    for test in wanted:
        reasons = [reason for reason in failed.get(test, ()) if not reason.startswith(CRASHES)]
        if status != 1:
            alive[test] = "passed" if status == 0 else f"did not run (pytest's exit status is {status})"
        elif not reasons:
            alive[test] = f"crashed: {failed[test][0]}" if test in failed else "did not fail"
    return alive


def run(folder: Path, tests: Iterable[str]) -> tuple[int, str]:
    """Run tests of the copy; returns pytest's exit status and what it printed."""
    # No bytecode: two sources of one length that are written within a second would share it.
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "400"}
    options = ["-q", "--tb=short", "-rfE", "-p", "no:cacheprovider", "--color=no"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def copy_tree(folder: Path) -> None:
    """What the tests need of the tree, into an empty folder."""
    for name in (*COPIED, *COPIED_TOO):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)


def check(mutation: Mutation, folder: Path) -> dict[str, str]:
    """Break one rule in the copy, run its tests, mend it again; returns the tests that did not fail."""
    path = folder / mutation.file
    whole = path.read_text()
    path.write_text(mutation.apply(whole))
    try:
        return survivors(mutation.tests, *run(folder, mutation.tests))
    finally:
        path.write_text(whole)


def main(arguments: list[str]) -> int:
    """Check every rule, or those whose name has one of the words; returns the exit status."""
    mutations = read_mutations()
    if arguments == ["--table"]:
        print(table(mutations))
        return 0
    if arguments:
        mutations = tuple(rule for rule in mutations if any(word in rule.name for word in arguments))
    if not mutations:
        print("No rule has such a name.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="staxpipe-mutations-") as name:
        folder = Path(name, "tree")
        folder.mkdir()
        copy_tree(folder)
        status, output = run(folder, dict.fromkeys(test for rule in mutations for test in rule.tests))
        if status != 0:
            print(output)
            print("The tests do not pass unbroken, so that nothing can be said about the rules.")
            return 1
        width = max(len(rule.name) for rule in mutations)
        survived = 0
        for rule in mutations:
            began = time.monotonic()
            alive = check(rule, folder)
            survived += bool(alive)
            verdict = "SURVIVED" if alive else "caught"
            fails = len(rule.tests) - len(alive)
            seconds = time.monotonic() - began
            print(f"{rule.name:<{width}}  {verdict:<8}  {fails} of {len(rule.tests)} tests fail  {seconds:4.0f} s")
            for test, words in alive.items():
                print(f"    {test}: {words}")
    print(f"{len(mutations) - survived} of {len(mutations)} rules are guarded by each of their tests.")
    return int(survived > 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
