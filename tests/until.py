"""Waiting for what happens on another thread."""

from __future__ import annotations

import time
from collections.abc import Callable

TIMEOUT = 60


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)
