"""What the layout promises, proved on the source itself."""

import ast
from pathlib import Path

import pytest

import staxpipe

ROOT = Path(staxpipe.__file__).parent
MODULES = sorted(path for path in ROOT.rglob("*.py"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_dagster_is_an_adapter(path: Path) -> None:
    belongs = path.relative_to(ROOT).parts[0] in {"defs", "definitions.py"}
    dagster = {name for name in imported(path) if name.startswith("dagster")}
    assert belongs or not dagster


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_belongs_in_it(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "a module begins with a docstring"


def test_line_items_never_pass_through_pandas() -> None:
    rooms = {path.relative_to(ROOT).parts[0] for path in MODULES if "pandas" in imported(path)}
    assert rooms <= {"query"}, "pandas is for what people look at"
