"""How a cost grows: the exponent of a power law, by least squares on logarithms. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The b of cost = a * size**b that fits best: 0 is constant, 1 linear, 2 quadratic. NaN for one size."""
    points = [
        (math.log(size), math.log(cost)) for size, cost in zip(sizes, costs, strict=True) if size > 0 and cost > 0
    ]
    if len({x for x, _ in points}) < 2:
        return math.nan
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
