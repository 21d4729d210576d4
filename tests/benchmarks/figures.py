"""What is reckoned from what was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import linear_regression


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that this share of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float | None:
    """The k of cost ~ size**k; None unless there are two sizes and all costs are positive."""
    if len(sizes) < 2 or min(costs) <= 0:
        return None
    return linear_regression(list(map(math.log, sizes)), list(map(math.log, costs))).slope


def lags(seen: Sequence[tuple[int, float]], sent: Sequence[float]) -> list[float]:
    """How long each marker took into sight.

    Args:
        seen: The last marker in sight, and since when; markers before it came with it.
        sent: When each marker was sent.
    """
    found = []
    first = 0
    for last, at in seen:
        found += [at - each for each in sent[first : last + 1]]
        first = last + 1
    return found
