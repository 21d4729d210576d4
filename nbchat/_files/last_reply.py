"""The last reply as a real temporary file, from which the download link is served."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from nbchat._chat.notices import Notice, Notices


class LastReply:
    """Holds the text of the last reply in a temporary `.md`, removed with the kernel.

    Args:
        notices: Where it is said that there could be no file.
        show_link: Links to it under this file name; None: there is nothing to link to.
    """

    def __init__(self, notices: Notices, show_link: Callable[[str | None], object]) -> None:
        self._notices = notices
        self._show_link = show_link
        self.path: Path | None = None
        self.name = ""

    def write(self, text: str) -> None:
        """Replaces the file, and links to it."""
        try:
            self._write(text)
            self._show_link(self.name)
        except OSError as error:  # the temporary folder is full, or can't be written to
            self._show_link(None)
            said = (
                "The reply is safe here, but no file could be made for its download link: "
                f"{error.strerror} ({error.filename})."
            )
            self._notices.show(Notice("download", said, tone="error"))

    def _write(self, text: str) -> None:
        from .tempfiles import temporary_path  # its file locks take 10 ms

        self._unlink()
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
        """Takes the file away, and the link to it."""
        self._unlink()
        self._show_link(None)

    def _unlink(self) -> None:
        path, self.path = self.path, None
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
