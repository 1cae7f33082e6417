"""The chart of docs/performance.md: rows a second and peak memory, as bars. Grey text, readable on light and on dark.

python -m benchmarks.peers.chart results.json chart.svg
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "staxpipe"  # the same figures give the same file
mpl.rcParams["svg.fonttype"] = "none"

import matplotlib.pyplot as plt  # noqa: E402

from benchmarks.results import Figure, figures_of  # noqa: E402

INK, OURS, OTHERS = "#808080", "#2f9e77", "#8d99ae"
SHOWN = {
    "load": "staxpipe load",
    "read-write": "staxpipe: read, map, write",
    "duckdb-copy": "DuckDB copy, no mapping",
    "duckdb-mapping": "DuckDB, mapping",
    "datafusion-mapping": "DataFusion, mapping",
    "polars-mapping": "Polars, mapping",
    "focus-converter": "focus-converter",
    "koku": "koku, re-enacted",
    "pandas-usual": "pandas in chunks",
}


def main(results: Path, chart: Path) -> None:
    """Draw it."""
    figures = figures_of(json.loads(results.read_text(encoding="utf-8")))
    shown = {name: figures[name] for name in SHOWN if name in figures}
    fig, (speed, memory) = plt.subplots(1, 2, figsize=(11, 0.45 * len(shown) + 1.2), sharey=True)
    _bars(speed, shown, [figure.rows_per_second / 1000 for figure in shown.values()], "thousand rows a second")
    _bars(memory, shown, [figure.peak_mib for figure in shown.values()], "peak memory, MiB")
    fig.tight_layout()
    fig.savefig(chart, transparent=True, metadata={"Date": None})


def _bars(axes: plt.Axes, shown: dict[str, Figure], values: list[float], label: str) -> None:
    names = [f"{SHOWN[name]} ({figure.input})" for name, figure in shown.items()]
    colours = [OURS if name in {"load", "read-write"} else OTHERS for name in shown]
    bars = axes.barh(names, values, color=colours, height=0.65)
    axes.bar_label(bars, [f"{value:,.0f}" for value in values], padding=4, color=INK, fontsize=10)
    axes.set_title(label, color=INK, fontsize=11, loc="left")
    axes.set_xlim(0, max(values) * 1.18)
    axes.invert_yaxis() if axes.get_subplotspec().is_first_col() else None
    axes.tick_params(colors=INK, length=0, labelsize=10)
    axes.xaxis.set_visible(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
