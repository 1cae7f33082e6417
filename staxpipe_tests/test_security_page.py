"""docs/security.md: every item that is to be met is there, and each test that it names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from staxpipe.onboarding import limits

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| [0-9.]+ \|", line)
]

MUST_BE_MET = {
    "1.2": (10,),
    "1.3": (6, 11),
    "2.4": (1,),
    "3.3": (1, 2, 3, 4),
    "3.4": (1, 3, 4, 5, 6),
    "3.5": (1, 3),
    "3.7": (2,),
    "6.5": (1, 2, 3, 4, 5),
    "6.8": (2,),
    "7.2": (3, 4),
    "7.4": (1, 2),
    "7.5": (3,),
    "9.1": (2, 3),
    "9.2": (1,),
    "10.1": (2,),
    "10.2": (1, 2),
    "10.5": (1, 3, 4),
    "13.3": (1,),
    "15.3": (4,),
    "16.3": (1, 2, 3, 4),
    "16.4": (1, 2, 3),
    "16.5": (1, 2, 3, 4),
}


def test_every_item_has_its_row_in_order() -> None:
    assert [row[0] for row in ROWS] == [f"{part}.{item}" for part, items in MUST_BE_MET.items() for item in items]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_says_how_it_is_met_and_by_which_tests_that_is_held(row: list[str]) -> None:
    _, asked, met, tests = row
    assert asked
    assert len(met) >= 6
    named = re.findall(r"`([^`]+)::(\w+)`", tests)
    assert named
    assert re.sub(r"`[^`]+::\w+`", "", tests).strip() == ""
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{path}::{name}"


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    table = PAGE.split("## Limits")[1].split("## ")[0]
    assert re.findall(r"^\| [a-z].*? \| ([0-9]+)", table, re.MULTILINE) == [
        str(limit.most)
        for limit in (
            limits.BEGINNING,
            limits.LOOKING,
            limits.SAVING,
            limits.INVITING,
            limits.INVITED,
            limits.INVITING_TO_REQUEST,
            limits.MAKING_TOKENS,
            limits.ASKING_PROVIDER,
            limits.SIGNING_IN,
            limits.FAILING,
            limits.FAILING_TOKENS,
        )
    ]


def test_nothing_that_guards_is_drawn_from_an_ordinary_random_generator() -> None:
    rooms = ("onboarding", "oidc", "linking", "db", "local", "notify", "cli")
    ordinary = {"random", "uuid"}
    found = []
    files = [file for room in rooms for file in (ROOT / "staxpipe" / room).rglob("*.py")]
    for path in (*files, ROOT / "staxpipe" / "settings.py"):  # which makes the key that signs
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found += [path for alias in node.names if alias.name in ordinary]
            elif isinstance(node, ast.ImportFrom) and node.module in ordinary:
                found.append(path)
    assert found == []


def test_readme_leads_to_both_documents() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "(docs/security.md)" in readme
    assert "(docs/threat-model.md)" in readme
