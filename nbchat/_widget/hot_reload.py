"""Hot reload, for work on the front end: says when a file has been built again."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

POLL_S = 0.2


def on_change(path: Path, act: Callable[[], None]) -> None:
    """Calls `act` after each change of the file, in a thread of its own."""

    def watch(seen: int) -> None:
        while True:
            time.sleep(POLL_S)
            with contextlib.suppress(FileNotFoundError):
                now = path.stat().st_mtime_ns
                if now != seen:
                    act()
                seen = now

    thread = threading.Thread(target=watch, args=(path.stat().st_mtime_ns,), daemon=True)
    thread.start()
