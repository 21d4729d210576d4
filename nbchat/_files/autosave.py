"""Saves changes soon after they happen."""

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

    Saving takes at most about a tenth of the time: the longer a save takes, the longer the pause
    before the next one. When the process ends, unsaved changes are saved.

    Never call `flush` or `close` while holding a lock that `write` needs.

    Args:
        write: Saves everything; called in a thread. May return the shortest pause after it, in
            seconds.
        on_error: Called with the exception that `write` raised.
        interval_s: The shortest pause between two saves, in seconds.
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
        # Changes are counted: all, those that a save has tried to write, and those it has written.
        self._changes = self._tried = self._saved = 0
        self._next = 0.0  # when the next save may begin, on the clock of `time.monotonic`
        self._running = self._closed = False
        _open.add(self)

    def touch(self) -> None:
        """Notes a change; returns at once."""
        with self._lock:
            if self._closed:
                return
            self._changes += 1
            if self._running:
                return
            self._running = True
        start(self._run())

    def flush(self) -> None:
        """Saves unsaved changes now, including those that an earlier save failed to write."""
        with self._saving:
            changes = self._changes
            if self._saved == changes:
                return
            began = time.monotonic()
            rest = 0.0
            try:
                rest = self._write() or 0.0
                self._saved = changes
            except Exception as error:
                with contextlib.suppress(Exception):  # a failing handler must not stop the saving
                    self._on_error(error)
            finally:
                self._tried = changes
                ended = time.monotonic()
                self._next = ended + max(self._interval_s, rest, 9 * (ended - began))

    def close(self) -> None:
        """Saves unsaved changes, and ignores later ones."""
        with self._lock:
            self._closed = True
        self.flush()
        _open.discard(self)

    async def _run(self) -> None:
        """Saves until no new change is left."""
        while True:
            await asyncio.sleep(max(0.0, self._next - time.monotonic()))
            try:
                await asyncio.to_thread(self.flush)
            except RuntimeError:  # Pyodide starts no threads, nor does a process that is ending
                self.flush()
            with self._lock:
                if self._tried == self._changes or self._closed:
                    self._running = False
                    return

    def save_at_exit(self) -> None:
        # A forked child inherits the handler, not the chat.
        if os.getpid() == self._pid:
            self.flush()


# One handler for all: Python keeps the place of a handler that is no longer registered.
_open: set[Autosave] = set()


@atexit.register
def _at_exit() -> None:
    for autosave in tuple(_open):
        autosave.save_at_exit()
