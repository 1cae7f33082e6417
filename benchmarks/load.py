"""`staxpipe load` of this checkout beside that of another, in turn: rows per second, CPU, peak memory, their ratios.

    python -m benchmarks.load                         # 1 M and 5 M rows
    python -m benchmarks.load --against ../other      # the same beside another checkout of staxpipe
    python -m benchmarks.load --rows 1M 50M           # other months; Parquet too: 5M-parquet

Each run is a whole process with a home of its own whose database was made before. The same Python runs both checkouts,
and the database is prepared by the checkout that uses it.
"""

from __future__ import annotations

import os
import sys
from functools import partial

from benchmarks.arguments import parser_of
from benchmarks.contestants import CONTESTANTS, measured
from benchmarks.inputs import HERE, SIZES, generated
from benchmarks.measuring import Median, in_turn

LOAD = next(contestant for contestant in CONTESTANTS if contestant.name == "load")


def main() -> None:
    """Measure and print."""
    parser = parser_of(__doc__, runs=True, against="optional")
    parser.add_argument("--rows", nargs="+", choices=list(SIZES), default=["1M", "5M"], help="months' sizes")
    asked = parser.parse_args()
    checkouts = {"this": HERE} | ({"other": asked.against.resolve()} if asked.against else {})
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {asked.runs} runs each, medians")
    print(f"{'checkout':<9} {'rows':>10} {'wall s':>8} {'cpu s':>8} {'rows/s':>9} {'peak MiB':>9}")
    for name in asked.rows:
        given = generated(name)
        medians = in_turn(
            {who: partial(measured, LOAD, given, checkout=checkout) for who, checkout in checkouts.items()}, asked.runs
        )
        done = {who: median for who, median in medians.items() if isinstance(median, Median)}
        for who, median in done.items():
            print(
                f"{who:<9} {given.rows:>10,} {median.seconds:>8.1f} {median.cpu_seconds:>8.1f} "
                f"{given.rows / median.seconds:>9,.0f} {median.peak_mib:>9,.0f}",
                flush=True,
            )
        if len(done) > 1:
            this, other = done["this"], done["other"]
            print(
                f"this / other: {other.seconds / this.seconds:.2f} times the speed, "
                f"{other.cpu_seconds / this.cpu_seconds:.2f} by CPU time, "
                f"{this.peak_mib / other.peak_mib:.2f} times the memory"
            )
        if len(done) < len(checkouts):
            sys.exit("a load failed")


if __name__ == "__main__":
    main()
