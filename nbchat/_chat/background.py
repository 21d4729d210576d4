"""The background: one daemon thread per kernel runs one asyncio loop; every reply is a task on it.

There, streaming continues while a cell computes or sleeps. On the kernel's own loop it would stop
(measured with ipykernel 6.17 to 7.4).
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any

#: Seconds between two cancellations of a task that may have lost the first.
REPEAT_S = 0.2


class Background:
    """The loop that replies run on, and its thread (None if it is the kernel's own loop)."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.thread: threading.Thread | None = None
        self.loop = asyncio.new_event_loop()
        try:
            thread = threading.Thread(target=self._run, name="nbchat", daemon=True)
            thread.start()
            self.thread = thread
        except RuntimeError:  # no threads in Pyodide
            self.loop.close()
            self.loop = asyncio.get_event_loop()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Runs `function` on the loop, from any thread."""
        self.loop.call_soon_threadsafe(function, *args)


_background: Background | None = None
_starting = threading.Lock()


def background() -> Background:
    """Returns this process's background, started on first use (a forked child needs its own)."""
    global _background
    with _starting:
        if _background is None or _background.pid != os.getpid():
            _background = Background()
        return _background


def start(coroutine: Coroutine[Any, Any, None]) -> Callable[[], None]:
    """Starts a task on the background loop, from any thread; returns a function that cancels it."""
    running = background()
    task: asyncio.Task[None] | None = None
    cancelled = False

    def run() -> None:
        nonlocal task
        if cancelled:
            coroutine.close()
        else:
            task = running.loop.create_task(coroutine)

    def cancel_task() -> None:
        if task is not None:
            cancel(task)

    def cancel_soon() -> None:
        nonlocal cancelled
        cancelled = True
        running.call(cancel_task)

    running.call(run)
    return cancel_soon


def cancel(task: asyncio.Task[Any]) -> None:
    """Cancels a task of the running loop, and repeats that until the task is done.

    Python 3.10 with anyio 4.16 loses one in eight cancellations that meet the end of
    `anyio.connect_tcp`, which httpx uses: it ends with a cancellation of its own, and before
    Python 3.11 (`Task.uncancel`) the two can't be told apart.
    """
    if not task.done():
        task.cancel()
        task.get_loop().call_later(REPEAT_S, cancel, task)


def start_thread(function: Callable[[], object]) -> None:
    """Calls a function on a thread of its own, because it may take long or wait for a reply."""
    try:
        threading.Thread(target=function, name="nbchat-thread", daemon=True).start()
    except RuntimeError:  # no threads in Pyodide
        function()
