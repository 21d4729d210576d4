"""Keeps the last reply in a temporary file, which the download link serves."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from nbchat._chat.notices import Notice, Notices


class LastReply:
    """A temporary `.md` file with the text of the last reply; it is removed with the kernel.

    Args:
        notices: Shows that the file could not be written.
        show_link: Shows the link with this file name; None takes it away.
    """

    def __init__(self, notices: Notices, show_link: Callable[[str | None], object]) -> None:
        self._notices = notices
        self._show_link = show_link
        self.path: Path | None = None
        self.name = ""

    def write(self, text: str) -> None:
        """Replaces the file, and shows the link."""
        try:
            self._write(text)
            self._show_link(self.name)
        except OSError as error:  # the temporary folder is full, or can't be written to
            self._show_link(None)
            text = (
                "The last reply can't be downloaded, because its file could not be written: "
                f"{error.strerror} ({error.filename})."
            )
            self._notices.show(Notice("download", text, tone="error"))

    def _write(self, text: str) -> None:
        from .tempfiles import temporary_path  # imports filelock, which takes 10 ms

        self._unlink()
        # Nothing in the name comes from a model's output.
        path = temporary_path(f"reply-{uuid.uuid4().hex[:12]}.md")
        path.touch(mode=0o600)
        try:
            # The model's own words, byte for byte: a file to work with, unlike an export to show.
            path.write_bytes(text.encode("utf-8", "replace"))
        except OSError:
            path.unlink(missing_ok=True)
            raise
        self.path = path
        self.name = time.strftime("reply-%Y-%m-%d-%H%M%S.md")

    def read(self) -> tuple[str, bytes]:
        """Returns the name to save the reply under, and its bytes.

        Raises:
            ValueError: There is no reply to download.
            OSError: The file is gone.
        """
        if self.path is None:
            raise ValueError("There is no reply to download yet.")
        return self.name, self.path.read_bytes()

    def remove(self) -> None:
        """Removes the file, and the link to it."""
        self._unlink()
        self._show_link(None)

    def _unlink(self) -> None:
        path, self.path = self.path, None
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
