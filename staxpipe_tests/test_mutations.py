"""The list of rules that are broken on purpose fits the tree; that the tests fail is for `make mutation-check`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tools.mutation_check import Mutation, read_mutations, survivors, table

ROOT = Path(__file__).resolve().parents[1]
MUTATIONS = read_mutations()
RULE = Mutation("A rule", "it is broken", "file.py", "one", "two", ("tests/test_a.py::test_one",))

every_rule = pytest.mark.parametrize("rule", MUTATIONS, ids=lambda rule: rule.name)


@every_rule
def test_its_snippet_is_there_once_and_what_takes_its_place_is_python(rule: Mutation) -> None:
    source = (ROOT / rule.file).read_text()
    broken = rule.apply(source)
    assert ast.dump(ast.parse(broken)) != ast.dump(ast.parse(source))


@every_rule
def test_its_tests_exist(rule: Mutation) -> None:
    assert rule.tests
    for test in rule.tests:
        file, _, function = test.partition("::")
        body = ast.parse((ROOT / file).read_text()).body
        assert function in {node.name for node in body if isinstance(node, ast.FunctionDef)}, test


def test_names_are_there_once() -> None:
    assert len({rule.name for rule in MUTATIONS}) == len(MUTATIONS)


def test_the_page_has_the_same_rules_and_tests() -> None:
    page = (ROOT / "docs" / "testing.md").read_text()
    assert table(MUTATIONS) in page, "put in what this prints: python tools/mutation_check.py --table"


@pytest.mark.parametrize("source", ["two", "one one"])
def test_a_snippet_that_is_not_there_once_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="must be there once"):
        RULE.apply(source)


@pytest.mark.parametrize(
    ("status", "output", "words"),
    [
        (1, "FAILED tests/test_a.py::test_one - assert 1 == 2", None),
        (1, "FAILED tests/test_a.py::test_one", None),
        (1, "FAILED tests/test_a.py::test_one[a - b c] - ValueError: too many", None),
        (0, "1 passed", "passed"),
        (1, "FAILED tests/test_a.py::test_one_more - assert 1 == 2", "did not fail"),
        (1, "ERROR tests/test_a.py::test_one - RuntimeError: no database", "did not fail"),
        (1, "FAILED tests/test_a.py::test_one - NameError: name 'x'", "crashed: NameError: name 'x'"),
        (2, "ERROR tests/test_a.py - ImportError", "did not run (pytest's exit status is 2)"),
        (4, "ERROR: not found", "did not run (pytest's exit status is 4)"),
    ],
)
def test_only_a_test_that_fails_as_a_test_counts(status: int, output: str, words: str | None) -> None:
    expected = {} if words is None else {RULE.tests[0]: words}
    assert survivors(RULE.tests, status, output) == expected
