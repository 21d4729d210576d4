"""Counts what a page, and the processes behind it, spend while something happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, Frame
from playwright.sync_api import Error as PlaywrightError

WATCH = (Path(__file__).parent / "watch.js").read_text("utf-8")
QUIET_S = 0.5


@dataclass
class Cost:
    """What was spent; times are seconds of CPU or of the page's main thread."""

    kernel_s: float = 0.0
    jupyter_s: float = 0.0
    browser_s: float = 0.0
    script_s: float = 0.0
    layout_s: float = 0.0
    bytes: int = 0
    messages: int = 0
    rss: int = 0
    heap: int = 0


def cpu_s(process: psutil.Process | None) -> float:
    if process is None:
        return 0.0
    times = process.cpu_times()
    return float(times.user + times.system)


class BenchmarkPage:
    """A page of the shared Chromium, with the counters of `watch.js` in each of its frames."""

    def __init__(self, browser: Browser) -> None:
        self._context = browser.new_context(viewport={"width": 1280, "height": 900})
        self.page = self._context.new_page()
        self.page.add_init_script(WATCH)
        self.page.on("dialog", lambda dialog: dialog.accept())
        self._devtools = self._context.new_cdp_session(self.page)
        self._devtools.send("Performance.enable")
        self._http: list[int] | None = None
        self.kernel: psutil.Process | None = None
        self.jupyter: psutil.Process | None = None

    def close(self) -> None:
        self._context.close()

    def count_http(self) -> None:
        """Counts bytes that arrive by HTTP from now on; those by WebSocket always count."""
        if self._http:
            return
        http = self._http = [0, 0]

        def add(event: dict[str, Any]) -> None:
            http[0] += event["dataLength"]
            http[1] += 1

        self._devtools.on("Network.dataReceived", add)
        self._devtools.send("Network.enable")

    def received(self) -> tuple[int, int]:
        """Returns the bytes and messages received so far."""
        counted = [each for each in map(_counted, self.page.frames) if each]
        if self._http:
            counted.append(self._http)
        bytes_, messages = map(sum, zip(*counted, strict=True))
        return bytes_, messages

    def fetched(self) -> int:
        """Returns the bytes of files loaded so far."""
        return sum(int(frame.evaluate("bench.fetched()")) for frame in self.page.frames)

    def settle(self, seconds: float = QUIET_S) -> None:
        """Waits until nothing more has come for a while."""
        before = None
        while before != (before := self.received()):
            self.page.wait_for_timeout(seconds * 1000)

    def _totals(self, memory: bool) -> Cost:
        rss = heap = 0
        if memory:
            rss = self.kernel.memory_info().rss if self.kernel else 0
            self._devtools.send("HeapProfiler.collectGarbage")
            heap = self._devtools.send("Runtime.getHeapUsage")["usedSize"]
        metrics = {
            each["name"]: each["value"]
            for each in self._devtools.send("Performance.getMetrics")["metrics"]
        }
        bytes_, messages = self.received()
        return Cost(
            cpu_s(self.kernel),
            cpu_s(self.jupyter),
            metrics["TaskDuration"],
            metrics["ScriptDuration"],
            metrics["LayoutDuration"] + metrics["RecalcStyleDuration"],
            bytes_,
            messages,
            rss,
            int(heap),
        )

    @contextmanager
    def spent(self, *, memory: bool = False) -> Iterator[Cost]:
        """Yields a `Cost`, which is filled in when the block has ended and the page is quiet."""
        cost = Cost()
        before = self._totals(memory)
        yield cost
        self.settle()
        after = self._totals(memory)
        for name in vars(cost):
            setattr(cost, name, getattr(after, name) - getattr(before, name))


def _counted(frame: Frame) -> list[int] | None:
    try:
        counted: list[int] | None = frame.evaluate(
            "window.bench ? [bench.bytes, bench.messages] : null"
        )
    except PlaywrightError:  # the frame no longer exists
        return None
    return counted
