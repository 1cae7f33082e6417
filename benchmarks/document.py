"""The generated blocks of docs/performance.md; the text around them is written by people.

A block stands between `<!-- bench:NAME -->` and `<!-- /bench -->`. What is not measured stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.inputs import HERE
from benchmarks.results import GOALS, Figure, figures_of

DOCUMENT = HERE / "docs" / "performance.md"
CHART = DOCUMENT.with_suffix(".svg")


def write_document(results: Mapping[str, Any], document: Path = DOCUMENT) -> None:
    """Put the results into the blocks of the document."""
    text = document.read_text(encoding="utf-8")
    for name, block in blocks(results).items():
        text, found = re.subn(
            rf"(<!-- bench:{name} -->\n).*?(<!-- /bench -->)",
            lambda match, block=block: f"{match[1]}{block}\n{match[2]}",  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
        if found != 1:
            raise ValueError(f"{document} has {found} blocks named {name}, not one")
    document.write_text(text, encoding="utf-8")


def blocks(results: Mapping[str, Any]) -> dict[str, str]:
    """Markdown by the block's name, of what there are results of."""
    figures = figures_of(results)
    made = {
        "machine": _pairs(results["machine"] | results["versions"]),
        "inputs": _table(
            ("input", "rows", "files", "MB on disk", "MB unpacked", "bytes a row"),
            (
                (
                    name,
                    f"{found['rows']:,}",
                    str(found["files"]),
                    f"{found['bytes_packed'] / 1e6:,.0f}",
                    f"{found['bytes_unpacked'] / 1e6:,.0f}",
                    f"{found['bytes_unpacked'] / found['rows']:,.0f}",
                )
                for name, found in results["inputs"].items()
            ),
        ),
        "goals": _goals(figures),
        "figures": _table(
            ("what", "input", "wall s", "rows/s", "rows/CPU s", "peak MiB", "load is faster by"),
            [_row(figure, figures) for figure in figures.values()],
        ),
    }
    made |= {name: _sections(tables) for name, tables in results.get("sections", {}).items()}
    if results.get("failed"):  # why was printed when it happened
        made["figures"] += f"\n\nFailed, so not measured: {', '.join(results['failed'])}."
    return made


def _goals(figures: Mapping[str, Figure]) -> str:
    rows = []
    for goal in GOALS:
        value = goal.of(figures)
        told = "not measured" if value is None else _amount(value, goal.unit)
        verdict = "" if value is None else "yes" if goal.reached(value) else "**no**"
        bound = "at most" if goal.at_most else "at least"
        rows.append((goal.what, f"{bound} {_amount(goal.goal, goal.unit)}", told, verdict))
    return _table(("what", "to reach", "measured", "reached"), rows)


def _amount(value: float, unit: str) -> str:
    return f"{value:,.0f}{unit}" if value >= 100 else f"{value:.3g}{unit}"


def _row(figure: Figure, figures: Mapping[str, Figure]) -> tuple[str, ...]:
    load = figures.get("load-parquet" if figure.input.endswith("parquet") else "load")
    alone = "seconds" in figure.said
    spread = f"{figure.least_seconds:.1f}–{figure.most_seconds:.1f}"
    wall = f"{figure.seconds:.1f}" + (f" ({spread})" if figure.runs > 1 else "")
    staxpipe = load is None or "staxpipe" in figure.title or figure.title.startswith(("limit", "stage"))
    return (
        figure.title,
        "in memory" if alone else figure.input,
        "–" if alone else wall,
        f"{figure.rows_per_second:,.0f}",
        f"{figure.rows_per_cpu_second:,.0f}",
        "–" if alone else f"{figure.peak_mib:,.0f}",
        "" if staxpipe or load is None else f"{load.rows_per_second / figure.rows_per_second:.1f} ×",
    )


def _sections(tables: Sequence[Mapping[str, Any]]) -> str:
    """Tables of a benchmark of its own; or one table, as a list of its rows, each with the same names."""
    if tables and "columns" not in tables[0]:
        return _table(
            [name.replace("_", " ") for name in tables[0]],
            ([f"{cell:,.3g}" if isinstance(cell, float) else cell for cell in row.values()] for row in tables),
        )
    return "\n\n".join(map(_section, tables))


def _section(section: Mapping[str, Any]) -> str:
    note = f"\n\n{section['note']}" if section.get("note") else ""
    return f"**{section['title']}**\n\n{_table(section['columns'], section['rows'])}{note}"


def _pairs(pairs: Mapping[str, str]) -> str:
    return _table(("", ""), pairs.items())


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
