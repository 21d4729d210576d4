"""Saves what changes, soon after it has."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
import time
from collections.abc import Callable

from nbchat._chat.background import start


class Autosave:
    """Saves soon after each change, but not all the time.

    Saving takes at most about a tenth of the time: the longer one save takes, the longer it is to
    the next one. What is not saved yet when the process ends is saved then.

    Never call `flush` or `close` while holding a lock that `write` needs.

    Args:
        write: Makes the text and writes it; called in a thread. May give how many seconds to rest
            then, at least.
        on_error: Called with what `write` raises.
        interval_s: The least time from one save to the next, in seconds.
    """

    def __init__(
        self,
        write: Callable[[], float | None],
        on_error: Callable[[Exception], None],
        interval_s: float = 1.0,
    ) -> None:
        self._write = write
        self._on_error = on_error
        self._interval_s = interval_s
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        # How many changes there were, and how many of them a save has tried to keep or has kept.
        self._changes = self._tried = self._kept = 0
        self._next = 0.0
        self._running = self._closed = False
        atexit.register(self._at_exit)

    def touch(self) -> None:
        """Something has changed; returns at once."""
        with self._lock:
            if self._closed:
                return
            self._changes += 1
            if self._running:
                return
            self._running = True
        start(self._run())

    def flush(self) -> None:
        """Saves now, and returns when that is done; also what could not be saved before."""
        with self._saving:
            changes = self._changes
            if self._kept == changes:
                return
            began = time.monotonic()
            rest = 0.0
            try:
                rest = self._write() or 0.0
                self._kept = changes
            except Exception as error:
                with contextlib.suppress(Exception):  # where it can't even be said
                    self._on_error(error)
            finally:
                self._tried = changes
                ended = time.monotonic()
                self._next = ended + max(self._interval_s, rest, 9 * (ended - began))

    def close(self) -> None:
        """Saves what is not saved yet, and ends."""
        with self._lock:
            self._closed = True
        self.flush()
        atexit.unregister(self._at_exit)

    async def _run(self) -> None:
        """Lives from a change until it is saved, with those that came meanwhile."""
        while True:
            await asyncio.sleep(max(0.0, self._next - time.monotonic()))
            try:
                await asyncio.to_thread(self.flush)
            except RuntimeError:  # no threads in Pyodide, nor when the process is about to end
                self.flush()
            with self._lock:
                if self._tried == self._changes or self._closed:
                    self._running = False
                    return

    def _at_exit(self) -> None:
        # A forked child inherits the handler, not the chat.
        if os.getpid() == self._pid:
            self.flush()
