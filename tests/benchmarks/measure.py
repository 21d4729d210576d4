"""Measures a contestant: its replies, a conversation, its memory, how it opens."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import median

from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from . import server as model
from .contestants import Chat, Contestant, FloorLoop
from .figures import lags, percentile
from .page import Cost

LONG_TASK_MS = 50
TURNS = 200
BETWEEN_TURNS_S = 0.08
STALL_S = 3.0
OPENED_S = 2.0  # of silence: late messages for one chat must not count for the next


@dataclass
class Reply:
    """One reply. Times are seconds."""

    tokens: int
    rate: int
    bytes: int = 0
    # "slow": the rest was still coming; "stalled": nothing came any more;
    # "failed": the server was never asked, which says nothing about the contestant's speed.
    gave_up: str = ""
    in_sight: float = 0.0  # the share that was visible when it was given up
    waited_s: float = 0.0  # until it was given up
    first_s: float = 0.0
    lag_p50_s: float = 0.0
    lag_p95_s: float = 0.0
    lag_max_s: float = 0.0
    last_s: float = 0.0
    took_s: float = 0.0
    long_tasks: int = 0
    longest_ms: float = 0.0
    cost: Cost = field(default_factory=Cost)


@dataclass
class Opening:
    """What it costs to open a chat; times are seconds, sizes bytes."""

    first_s: float = 0.0
    later_s: float = 0.0
    first_bytes: int = 0
    later_bytes: int = 0
    fetched_bytes: int = 0
    saved_bytes: int = 0


@dataclass
class Stretch:
    """The turns of a conversation from `first` to `last`, with the average cost of a turn."""

    first: int
    last: int
    took_s: float
    kernel_s: float
    browser_s: float
    bytes: float


class GaveUpError(Exception):
    """The end of a reply did not become visible in time.

    Attributes:
        how: As `Reply.gave_up`.
        in_sight: As `Reply.in_sight`.
    """

    def __init__(self, how: str, in_sight: float) -> None:
        super().__init__(how)
        self.how = how
        self.in_sight = in_sight


class Examiner:
    """Asks contestants for replies, and measures them."""

    def __init__(self, server: model.Server, patience_s: float) -> None:
        self._server = server
        self._patience_s = patience_s
        self._numbers = itertools.cycle(range(1, 1000))

    def reply(self, of: Contestant, tokens: int, rate: int = 0) -> Reply:
        """Asks for one reply and measures it.

        If it takes too long, the contestant's page is closed and opened again.
        """
        number = next(self._numbers)
        pieces, ends = model.reply(number, tokens)
        found = Reply(tokens, rate, len("".join(pieces).encode()))
        try:
            with of.measured.spent() as found.cost:
                asked = self._ask(of, number, tokens, rate)
        except GaveUpError as error:
            found.gave_up, found.in_sight = error.how, error.in_sight
            found.waited_s = self._patience(tokens, rate)
            of.close()
            of.open()
            self.warm(of)
            return found
        sent = self._server.sent(number)
        if isinstance(of, FloorLoop):
            found.last_s = of.ended_at() - sent[-1]
            found.took_s = of.ended_at() - asked
            return found
        seen = [(n, ms / 1000) for n, ms in of.frame.evaluate("bench.seen")]
        late = lags(seen, [sent[end] for end in ends])
        tasks = of.frame.evaluate("bench.longTasks")
        found.first_s = seen[0][1] - asked
        found.lag_p50_s = median(late)
        found.lag_p95_s = percentile(late, 0.95)
        found.lag_max_s = max(late)
        found.last_s = late[-1]
        found.took_s = seen[-1][1] - asked
        found.long_tasks = sum(each > LONG_TASK_MS for each in tasks)
        found.longest_ms = max(tasks, default=0.0)
        return found

    def warm(self, of: Contestant) -> None:
        """Asks for a first reply, so that loading and compiling count for none that is measured."""
        of.fresh()
        with suppress(GaveUpError):
            self._ask(of, next(self._numbers), 200, 0)
        of.measured.settle()
        of.fresh()

    def memory(self, of: Contestant, tokens: int) -> Cost | None:
        """Returns the memory that a reply leaves in use; None if the reply was given up."""
        number = next(self._numbers)
        try:
            with of.measured.spent(memory=True) as cost:
                self._ask(of, number, tokens, 0)
        except GaveUpError:
            return None
        return cost

    def conversation(
        self, of: Chat, turns: int, stretch: int, tokens: int, patience_s: float
    ) -> tuple[list[Stretch], str]:
        """Returns the stretches of a conversation, and why it ended early; "" if it did not."""
        found = []
        deadline = time.monotonic() + patience_s
        turn = 0
        try:
            while turn + stretch <= turns and time.monotonic() < deadline:
                took = 0.0
                with of.measured.spent() as cost:
                    for _ in range(stretch):
                        start = time.time()
                        self._ask(of, next(self._numbers), tokens, 0)
                        took += time.time() - start
                        of.measured.settle(BETWEEN_TURNS_S)
                figures = (took, cost.kernel_s, cost.browser_s, cost.bytes)
                means = (each / stretch for each in figures)
                found.append(Stretch(turn + 1, turn + stretch, *means))
                turn += stretch
        except GaveUpError as error:
            return found, f"turn {turn + 1} or a later one was given up ({error.how})"
        return found, "" if turn + stretch > turns else f"{patience_s:.0f} s had passed"

    def _patience(self, tokens: int, rate: int) -> float:
        return self._patience_s + (tokens / rate if rate else 0)

    def _ask(self, of: Contestant, number: int, tokens: int, rate: int) -> float:
        """Asks, and waits until the end of the reply is visible; returns when it asked."""
        patience_s = self._patience(tokens, rate)
        frame = of.frame
        _, ends = model.reply(number, tokens)
        frame.evaluate("(watched) => bench.watch(...watched)", [of.log, number, len(ends) - 1])
        asked = time.time()
        try:
            of.ask(f"#{number}: {tokens} tokens at {rate}/s")
            if isinstance(of, FloorLoop):
                of.notebook.wait_idle(patience_s)
        except PlaywrightTimeoutError:  # the box accepted no text, or the loop is still running
            raise GaveUpError("slow" if self._server.sent(number) else "failed", 0) from None
        if of.views and not frame.evaluate("(ms) => bench.wait(ms)", patience_s * 1000):
            if not self._server.sent(number):
                raise GaveUpError("failed", 0)
            seen = frame.evaluate("bench.seen.at(-1)?.[0] ?? -1")
            _, before = of.measured.received()
            of.page.wait_for_timeout(STALL_S * 1000)
            _, after = of.measured.received()
            # Up to 5 messages are heartbeats of the connections.
            moved = frame.evaluate("bench.seen.at(-1)?.[0] ?? -1") > seen or after - before > 5
            raise GaveUpError("slow" if moved else "stalled", (seen + 1) / len(ends))
        return asked


def opening(of: Chat) -> Opening:
    """Opens a first and a second chat, in a page that has just been opened."""
    found = Opening()
    of.measured.settle()
    start, files = of.before_setup
    saved = of.saved_bytes()
    found.first_s = of.show(2)
    of.measured.settle(OPENED_S)
    first, _ = of.measured.received()
    found.first_bytes = first - start
    found.fetched_bytes = of.measured.fetched() - files
    found.later_s = of.show(3)
    of.measured.settle(OPENED_S)
    later, _ = of.measured.received()
    found.later_bytes = later - first
    found.saved_bytes = (of.saved_bytes() - saved) // 2
    return found


def importing(repeats: int) -> dict[str, float]:
    """Times `import nbchat`, after its widget libraries, and making two chats.

    Returns:
        Seconds by name, each the median over fresh processes.
    """
    code = """
import time, ipywidgets, anywidget
times = [time.perf_counter()]
import nbchat
times.append(time.perf_counter())
for _ in range(2):
    nbchat.ChatWidget(base_url="http://127.0.0.1:9/v1", api_key="none", model="benchmark")
    times.append(time.perf_counter())
print(*(b - a for a, b in zip(times, times[1:])))
"""
    # With bytecode, as after an install by pip: the first run writes it, and does not count.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    runs = []
    for _ in range(1 + repeats):
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        runs.append([float(each) for each in done.stdout.split()])
    runs = runs[1:]
    names = ("import_s", "first_chat_s", "later_chat_s")
    return dict(zip(names, map(median, zip(*runs, strict=True)), strict=True))
