"""The last reply as a real temporary file, from which the download link is served."""

from __future__ import annotations

import contextlib
import time
import uuid
from pathlib import Path


class LastReply:
    """Holds the text of the last reply in a temporary `.md`, removed with the kernel."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.name = ""

    def write(self, text: str) -> None:
        """Replaces the file's content.

        Raises:
            OSError: The temporary folder is full or can't be written to.
        """
        from ._tempfiles import temporary_path

        self.remove()
        # The name is made here alone: a model's output has no say in it.
        path = temporary_path(f"reply-{uuid.uuid4().hex[:12]}.md")
        path.touch(mode=0o600)
        try:
            path.write_bytes(text.encode("utf-8", "replace"))
        except OSError:
            path.unlink(missing_ok=True)
            raise
        self.path = path
        self.name = time.strftime("reply-%Y-%m-%d-%H%M%S.md")

    def read(self) -> tuple[str, bytes]:
        """The name to save it under, and the bytes.

        Raises:
            ValueError: There is no reply to download.
            OSError: The file is gone.
        """
        if self.path is None:
            raise ValueError("There is no reply to download yet.")
        return self.name, self.path.read_bytes()

    def remove(self) -> None:
        path, self.path = self.path, None
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
