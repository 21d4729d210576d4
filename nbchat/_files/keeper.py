"""Keeps a chat after its kernel has ended: in a file under its name, and in its cell's output."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from nbchat._chat.markdown_html import Rendered
from nbchat._chat.notices import Notice, Notices
from nbchat._chat.settings import ChatSettings, read_text_lines
from nbchat._chat.suffix import Suffix
from nbchat._turns.session import Session

from .autosave import Autosave
from .chat_reader import SavedChat, from_lines
from .chat_writer import pieces
from .fallback_output import FallbackOutput

if TYPE_CHECKING:
    from .saved_chats import SavedChatFile

_SAVING = "saving"
# What a page gets as one message: Jupyter Server holds it in memory as a whole.
_MAX_DOWNLOAD = 100_000_000

# The keeper of each file in this kernel: running a cell again makes a new chat of the same name.
_keepers: weakref.WeakValueDictionary[Path, Keeper] = weakref.WeakValueDictionary()


class HasSettings(Protocol):
    """The holder of a chat's settings."""

    @property
    def settings(self) -> ChatSettings:
        """The current settings."""


class Keeper:
    """Saves a chat soon after each change.

    Args:
        owner: Holds the current settings.
        session: Holds the conversation.
        notices: Shows that saving failed.
    """

    def __init__(self, owner: HasSettings, session: Session, notices: Notices) -> None:
        self._owner = owner
        self._session = session
        self._notices = notices
        self._file: SavedChatFile | None = None
        self._autosave: Autosave | None = None
        self._fallback = FallbackOutput(self.render)
        self._rendered = Rendered()
        self._refresh = Autosave(self._fallback.update, self._show_failure)

    @property
    def name(self) -> str | None:
        """The name of the chat, if it has one."""
        return self._file.name if self._file is not None else None

    def touch(self) -> None:
        """Notes a change of the conversation or the settings; called for each piece of a reply."""
        if self._autosave is not None:
            self._autosave.touch()

    def refresh(self) -> None:
        """Updates the copies in the notebook soon; too slow for each piece of a reply."""
        if self._fallback.is_shown:
            self._refresh.touch()

    def display(self) -> None:
        """Adds a copy to the output of the running cell; what is long is rendered soon after."""
        self._fallback.display()
        if not self._rendered.is_complete:
            self.refresh()

    def save(self, path: str | Path) -> Path:
        """Writes the chat to a file, in the format of its suffix; returns the file's path."""
        from .saved_chats import suffix_of, write_file

        return write_file(path, self._pieces(suffix_of(path), self._owner.settings))

    def export(self, suffix: Suffix, with_system: bool) -> tuple[str, bytes]:
        """Returns the chat as a file for a page: the name and the bytes.

        Args:
            suffix: The format.
            with_system: Whether the file has the system instructions.

        Raises:
            ValueError: The file would be too large for a page.
        """
        settings = self._owner.settings
        if not with_system:
            settings = settings.replace(system="")
        content = "".join(self._pieces(suffix, settings)).encode()
        if len(content) > _MAX_DOWNLOAD:
            raise ValueError(
                f"This chat is too large to download. Save it from code: chat.save('chat{suffix}')."
            )
        return f"{self.name or 'chat'}{suffix}", content

    def _pieces(self, suffix: Suffix, settings: ChatSettings) -> Iterable[str]:
        from .export import to_markdown, to_notebook

        conversation, lock = self._session.conversation, self._session.lock
        if suffix == ".json":  # without what was cleared: others may read this file
            return pieces([conversation], settings, lock)
        export = to_markdown if suffix == ".md" else to_notebook
        with lock:
            return [export(conversation, settings.system)]

    def close(self) -> None:
        """Saves unsaved changes, and releases the file for other chats."""
        self._release()
        self._refresh.close()

    def _release(self) -> None:
        autosave, self._autosave = self._autosave, None
        if autosave is not None:
            autosave.close()
        if self._file is not None:
            self._file.release()

    def _hand_over(self) -> None:
        self._release()
        text = f"{self.name!r} continues in another cell, so changes here aren't saved."
        self._notices.show(Notice(_SAVING, text))

    def open(self, name: str) -> SavedChat | None:
        """Keeps the chat under this name from now on; returns the chat that was saved under it.

        Raises:
            ValueError: The name is not valid, or its file can't be read or is damaged. The file
                stays as it is.
        """
        from .saved_chats import SavedChatFile

        file = SavedChatFile(name)
        before = _keepers.get(file.path)
        if before is not None:
            before._hand_over()
        try:
            is_ours = file.acquire()
        except OSError as error:
            self._show_failure(error)
            return None
        saved, lines = None, file.read()
        if lines is not None:
            try:
                saved = from_lines(lines)
            except ValueError as error:
                file.release()
                raise ValueError(
                    f"{file.path}: {error} The file was not changed. Move it away, or use another "
                    "name."
                ) from None
        self._file = file
        if is_ours:
            self._autosave = Autosave(self._write, self._show_failure)
            _keepers[file.path] = self
        else:
            self._notices.show(
                Notice(
                    _SAVING,
                    f"{file.name!r} is open in another notebook, so changes here aren't saved. "
                    "Close it there and run this cell again, or use another name.",
                )
            )
        return saved

    def _write(self) -> None:
        assert self._file is not None  # noqa: S101 - for the type checker: `open` has set it
        session = self._session
        with session.lock:
            conversations = [session.conversation, *session.cleared]
        self._file.write(pieces(conversations, self._owner.settings, session.lock))
        self._notices.dismiss(_SAVING)

    def render(self, most: float = math.inf) -> dict[str, str]:
        """Returns the conversation for viewers without widgets, by MIME type.

        Args:
            most: How many characters that are not yet rendered may be rendered.
        """
        with self._session.lock:
            conversation = self._session.conversation
            # An output of HTML makes JupyterLab 4.6 load MathJax (900 kB) before you can type.
            if not conversation.messages:
                return {"text/plain": ""}
            from .export import html_blocks, html_of, to_plain

            blocks, plain = html_blocks(conversation), to_plain(conversation)
        # Without the lock, for which the replies that stream would wait.
        return {"text/html": html_of(blocks, self._rendered, most), "text/plain": plain}

    def _show_failure(self, error: Exception) -> None:
        where = f" ({error.filename})" if isinstance(error, OSError) and error.filename else ""
        what = (error.strerror if isinstance(error, OSError) else None) or str(error)
        text = f"Saving failed: {what}{where}. The chat continues, but changes aren't saved."
        self._notices.show(Notice(_SAVING, text, tone="error"))


def read_chat(path: str | Path) -> SavedChat:
    """Returns the chat that `save` wrote to a .json file.

    Raises:
        ValueError: There is no such file, or it is not a chat, is damaged, or was written by a
            newer nbchat.
    """
    lines = read_text_lines(Path(path), "saved chat")
    try:
        return from_lines(lines)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
