"""Temporary files that are removed when the kernel ends: one private folder per process.

The folder holds a locked file. A kernel that was killed leaves its folder behind, but the operating
system frees the lock. The next process that needs a folder removes those whose lock is free, and
touches no others.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
from pathlib import Path

from filelock import FileLock, Timeout

_LOCK = "lock"


class _Folder:
    """This process's folder, locked for as long as the process lives."""

    def __init__(self) -> None:
        _sweep()
        self.pid = os.getpid()
        self.path = Path(tempfile.mkdtemp(prefix=_prefix()))
        self._lock = FileLock(self.path / _LOCK, thread_local=False)
        self._lock.acquire(timeout=0)
        atexit.register(self.remove)

    def remove(self) -> None:
        # A forked child inherits the handler, not the folder.
        if os.getpid() == self.pid:
            shutil.rmtree(self.path, ignore_errors=True)
            self._lock.release()
            shutil.rmtree(self.path, ignore_errors=True)  # Windows can't delete open files


def _make_folder() -> _Folder:
    while True:
        try:
            return _Folder()
        except Timeout:  # another process swept the folder before it was locked
            continue


_folder: _Folder | None = None
_making = threading.Lock()


def temporary_path(name: str) -> Path:
    """Returns the path of a file in this process's private folder, which is made on first use.

    Raises:
        OSError: The temporary folder can't be written to.
    """
    global _folder
    with _making:
        if _folder is None or _folder.pid != os.getpid() or not _folder.path.is_dir():
            _folder = _make_folder()
        return _folder.path / name


def _prefix() -> str:
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return f"nbchat-{user}-"


def _sweep() -> None:
    """Removes the folders of this user's processes that have ended."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix()}*"):
        if folder.is_symlink() or not (folder / _LOCK).is_file():
            continue
        if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
            continue
        lock = FileLock(folder / _LOCK, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            continue  # its process is alive, or another one is sweeping it
        try:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            lock.release()
