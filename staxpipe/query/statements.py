"""Which SQL is answered, and how DuckDB's errors are told.

Two gates. The first looks at the statement: one, and one that asks. The second looks at DuckDB's own plan for it,
because a question can write too: WITH x AS (COPY … TO 'file') SELECT … is a SELECT.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import duckdb

from staxpipe.errors import PermanentError

_EXPLAIN = re.compile(r"\s*EXPLAIN(\s+ANALYZE)?(\s*\([^()]*\))?\s", re.IGNORECASE)
_WRITING = re.compile(r"COPY|INSERT|UPDATE|DELETE|MERGE|CREATE|DROP|ALTER|ATTACH|DETACH|EXPORT|LOAD|SET$|PRAGMA")
_KIND = re.compile(r"^[A-Z][A-Za-z ]* Error: ")
_PLACE = re.compile(r"^LINE ([0-9]+):", re.MULTILINE)
_ONLY_QUESTIONS = (
    "Only questions are answered (SELECT, WITH, FROM, DESCRIBE, SUMMARIZE, SHOW, and EXPLAIN of them): "
    "what is in the lake and the marts is changed by loading."
)


@dataclass(frozen=True)
class Question:
    """One statement that asks: what is run, and what is asked in it (they differ for EXPLAIN)."""

    text: str
    asked: str


def question(query: str) -> Question:
    """The query as a question.

    Raises:
        PermanentError: it is something else, several statements, none, or not SQL.
    """
    parser = duckdb.connect(":memory:")
    try:
        statements = parser.extract_statements(query)
        if len(statements) != 1:
            raise PermanentError(f"One statement is answered at a time; here are {len(statements) or 'none'}.")
        (statement,) = statements
        text = asked = statement.query.strip().removesuffix(";").rstrip()
        if statement.type == duckdb.StatementType.EXPLAIN:
            asked = _EXPLAIN.sub("", text, count=1)
            (statement,) = parser.extract_statements(asked)
    except duckdb.Error as error:
        raise explained(error) from None
    finally:
        parser.close()
    if statement.type == duckdb.StatementType.MULTI:
        raise PermanentError("A PIVOT needs its values named, as in PIVOT … ON day IN ('2026-10-01', '2026-10-02').")
    if statement.type != duckdb.StatementType.SELECT:
        raise PermanentError(f"{_ONLY_QUESTIONS} This is a {statement.type.name} statement.")
    return Question(text, asked)


def refuse_writing(session: duckdb.DuckDBPyConnection, asked: str) -> None:
    """Have DuckDB plan what is asked, and refuse a plan that would write anything.

    Raises:
        PermanentError: it would write; or it cannot be planned, with DuckDB's reason.
    """
    try:
        plan = session.execute(f"EXPLAIN (FORMAT json)\n{asked}").fetchall()
    except duckdb.Error as error:
        raise explained(error, lines_before=1) from None
    for _, text in plan:
        for name in _operators(json.loads(text)):
            if _WRITING.search(name):
                raise PermanentError(f"{_ONLY_QUESTIONS} A part of this one writes ({name}).")


def _operators(nodes: list[dict[str, object]]) -> list[str]:
    found: list[str] = []
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        found.append(str(node["name"]).strip())
        children = node.get("children")
        waiting += children if isinstance(children, list) else []
    return found


def mentions(query: str, part: str) -> bool:
    """Whether a query may use a table with this in its name: it occurs somewhere in it."""
    return part in query.lower()


def names(query: str, name: str) -> bool:
    """Whether a query may use this very table: its name occurs and does not go on, as daily_costs does in another.

    What stands before it says nothing: in a text with escapes that may be a letter.
    """
    return re.search(rf"{re.escape(name)}(?!\w)", query, re.IGNORECASE) is not None


def explained(error: Exception, lines_before: int = 0) -> PermanentError:
    """DuckDB's error as a sentence, with its hint and place, without its kind."""
    text = _KIND.sub("", str(error).strip())
    text = _PLACE.sub(lambda place: f"LINE {int(place[1]) - lines_before}:", text)
    return PermanentError(f"The query cannot be answered: {text}")
