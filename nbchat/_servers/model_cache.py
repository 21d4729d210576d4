"""The cache folder, and the lists of models kept in it for when a server can't be reached."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path

from . import bounded

# Local servers on changing ports would otherwise fill the folder.
_KEPT_LISTS = 32


def cache_dir() -> Path:
    """Returns nbchat's folder in the user's cache, which may not exist yet."""
    import platformdirs

    return platformdirs.user_cache_path("nbchat", appauthor=False)


def read(base_url: str) -> object:
    """Returns the last answer of this server's `/models`; None if there is none."""
    try:
        with open(_list_path(base_url), "rb") as file:
            return bounded.loads(file.read(bounded.LIST_BYTES).decode())
    except (OSError, ValueError, RecursionError):
        return None


def write(base_url: str, body: object) -> None:
    """Keeps an answer of this server's `/models`; if that fails, the list is fetched next time."""
    path = _list_path(base_url)
    with contextlib.suppress(OSError, ValueError, RecursionError):
        text = json.dumps(body)
        if len(text) > bounded.LIST_BYTES:  # it has grown: JSON escapes what is not ASCII
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Replaced in one step, as another kernel may read it now. Only the user can read it.
        descriptor, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(partial, path)
        except BaseException:
            os.unlink(partial)
            raise
        lists = sorted(path.parent.iterdir(), key=lambda each: each.stat().st_mtime)
        for old in lists[:-_KEPT_LISTS]:
            old.unlink(missing_ok=True)


def _list_path(base_url: str) -> Path:
    name = hashlib.sha256(base_url.encode()).hexdigest()[:16]
    return cache_dir() / "models" / f"{name}.json"
