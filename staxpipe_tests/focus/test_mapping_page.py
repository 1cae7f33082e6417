"""docs/focus-mapping.md says what every column is made of: no column is forgotten, and none is invented."""

from __future__ import annotations

import re
from pathlib import Path

from staxpipe.focus.columns import LINE_ITEM_COLUMNS
from staxpipe.focus.line_item_types import KINDS, RULES
from staxpipe.focus.names import canonical_name
from staxpipe.focus.source_columns import wanted

PAGE = Path(__file__).parents[2] / "docs" / "focus-mapping.md"


def section(title: str) -> str:
    text = PAGE.read_text(encoding="utf-8")
    (found,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return str(found)


def table(title: str) -> list[list[str]]:
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_column_has_one_line_and_no_other_has() -> None:
    assert [line[0] for line in table("Columns")] == [column.name for column in LINE_ITEM_COLUMNS]


def test_every_line_says_by_which_rule_and_from_which_source() -> None:
    for line in table("Columns"):
        name, _, rule, source = line
        assert rule, name
        assert source, name


def test_every_source_column_that_it_names_is_read() -> None:
    for _, origin, _, _ in table("Columns"):
        for column in re.findall(r"`([a-z_]+)`", origin):
            name = canonical_name(column)
            assert wanted(name) or name in {"resource_tags", "tags", "cost_category", "discount"}, column


def test_every_line_item_type_has_its_categories() -> None:
    told: dict[str, list[str]] = {}
    for names, *cells in table("Line-item types"):
        told |= dict.fromkeys(names.split(", "), cells)
    assert told.keys() == KINDS.keys() | {"any other", "or none"}
    for name, (category, frequency, pricing, *_) in told.items():
        if name in {"SavingsPlanNegation", "Refund"}:
            continue
        rule = RULES[KINDS[name]] if name in KINDS else RULES[max(RULES)]
        assert category.split(",")[0] == rule.charge_category, name
        assert frequency.split(";")[0] == rule.charge_frequency, name
        assert re.split("[;,]", pricing)[0] == (rule.pricing_category or "–"), name


def test_its_links_within_the_page_lead_somewhere() -> None:
    text = PAGE.read_text(encoding="utf-8")
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}
    links = set(re.findall(r"\]\(#([^)]*)\)", text))
    assert links
    assert links <= anchors
