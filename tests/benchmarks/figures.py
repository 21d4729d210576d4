"""Computes figures from what was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import linear_regression


def percentile(values: Sequence[float], share: float) -> float:
    """Returns the smallest value that is not less than this share of the values."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float | None:
    """Returns the k of cost ~ size**k; None without two sizes, or if a cost is not positive."""
    if len(sizes) < 2 or min(costs) <= 0:
        return None
    return linear_regression(list(map(math.log, sizes)), list(map(math.log, costs))).slope


def lags(seen: Sequence[tuple[int, float]], sent: Sequence[float]) -> list[float]:
    """Returns how long each marker took from the server to the screen.

    Args:
        seen: Markers, and when each became visible; those in between became visible with the next.
        sent: When each marker was sent.
    """
    found = []
    first = 0
    for last, at in seen:
        found += [at - each for each in sent[first : last + 1]]
        first = last + 1
    return found
