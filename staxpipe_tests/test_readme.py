"""README's promises that can be checked: its settings table, its links, its commands, its folders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import ProgrammingError

import staxpipe
from benchmarks.questions import questions as questions_of_readme
from staxpipe.query.connection import Connection
from staxpipe.settings import Settings, read_settings
from tools.readme_settings import BEGIN, END, table, with_table

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = [
    ROOT / name
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/architecture.md",
        "docs/api.md",
        "docs/security.md",
        "docs/threat-model.md",
    )
]


def test_the_settings_table_is_what_settings_py_says() -> None:
    assert with_table(README) == README, "run: make format"


def test_the_table_names_every_setting_with_its_default_and_meaning() -> None:
    rows = table().splitlines()[2:]
    assert len(rows) == len(Settings.model_fields)
    for row, (name, field) in zip(rows, Settings.model_fields.items(), strict=True):
        assert f"`STAXPIPE_{name.upper()}`" in row
        assert field.description
        assert field.description in row
    assert any("| `8600` |" in row for row in rows)
    assert not any("/root" in row or str(Path.home()) in row for row in rows)


def test_a_readme_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(SystemExit):
        with_table("no marks")
    with pytest.raises(SystemExit):
        with_table(f"{BEGIN}{END}{BEGIN}{END}")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)\)", document.read_text())
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert missing == []


def test_the_make_targets_it_names_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z][a-z0-9-]+)\b", "\n".join(_code(path) for path in DOCUMENTS)))
    assert named >= {"demo", "test", "up", "check"}
    assert named - targets == set()


def test_the_tree_is_the_tree() -> None:
    drawn = README.split("## The tree")[1].split("```")[1]
    rooms = set(re.findall(r"(\w+)/ ", drawn))
    folders = {path.parent.name for path in (ROOT / "staxpipe").glob("*/__init__.py")}
    assert folders - rooms == set()
    for name in rooms:
        assert (ROOT / name).is_dir() or (ROOT / "staxpipe" / name).is_dir(), name


@pytest.fixture
def questions(engine: Engine, tmp_path: Path) -> Iterator[Connection]:
    address = engine.url.render_as_string(hide_password=False)
    with staxpipe.connect(read_settings({"home": tmp_path, "database_url": address})) as connection:
        yield connection


QUESTIONS = (
    "Cost by service and month",
    "Cost by tag and day",
    "Top resources",
    "Month over month by account",
    "Amortised against billed",
)


def test_it_answers_the_typical_questions_and_benchmarks_ask_the_same() -> None:
    assert tuple(dict.fromkeys(question.title for question in questions_of_readme())) == QUESTIONS
    assert {question.title for question in questions_of_readme() if question.of_lake} == set(QUESTIONS)


def test_the_questions_it_asks_are_understood(questions: Connection) -> None:
    commands = re.findall(r'staxpipe sql "([^"]+)"', README)
    calls = re.findall(r'costs\.sql\("([^"]+)"\)', README)
    assert len(commands) >= 5
    assert calls
    for question in [*commands, *calls]:
        questions.sql(f"EXPLAIN {question}")  # raises where a name or a function is not known


def _code(path: Path) -> str:
    """What stands in backquotes and in blocks of shell commands."""
    return "\n".join(
        "".join(found) for found in re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", path.read_text(), re.DOTALL)
    )


def test_the_dashboard_s_user_reads_what_it_is_granted_and_nothing_else(engine: Engine) -> None:
    [sql] = re.findall(r"```sql\n(CREATE ROLE dashboard.*?)```", README, re.DOTALL)
    granted = re.search(r"GRANT SELECT ON ([a-z_, ]+) TO dashboard;", sql)
    assert granted
    with engine.connect() as connection:  # never committed: a role belongs to the whole server
        connection.exec_driver_sql(sql)
        connection.exec_driver_sql("SET LOCAL ROLE dashboard")
        for name in granted[1].split(", "):
            connection.exec_driver_sql(f"SELECT * FROM {name}")
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.exec_driver_sql("SELECT * FROM link_requests")
