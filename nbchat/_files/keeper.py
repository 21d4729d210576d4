"""Keeps a chat beyond its kernel: under its name in a file, and in the output of its cell."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from nbchat._chat.notices import Notice, Notices
from nbchat._chat.settings import ChatSettings, read_text_file
from nbchat._turns.session import Session

from .autosave import Autosave
from .chat_json import SavedChat, from_json, to_json
from .fallback_output import FallbackOutput

if TYPE_CHECKING:
    from .saved_chats import SavedChatFile

_SAVING = "saving"

# Who keeps which file in this kernel: running a cell again makes a new chat of the same name.
_keepers: weakref.WeakValueDictionary[Path, Keeper] = weakref.WeakValueDictionary()


class HasSettings(Protocol):
    """Whoever has the settings of the chat."""

    @property
    def settings(self) -> ChatSettings:
        """The settings as they are now."""


class Keeper:
    """Saves what has changed, soon after it has.

    Args:
        owner: Has the settings as they are now.
        session: Has the conversation.
        notices: Where it is said that saving failed.
    """

    def __init__(self, owner: HasSettings, session: Session, notices: Notices) -> None:
        self._owner = owner
        self._session = session
        self._notices = notices
        self._file: SavedChatFile | None = None
        self._autosave: Autosave | None = None
        self._fallback = FallbackOutput(self.render)
        self._refresh = Autosave(self._fallback.update, self._say_failed)

    @property
    def name(self) -> str | None:
        """The name of the chat, if it has one."""
        return self._file.name if self._file is not None else None

    def touch(self) -> None:
        """Something has been said, or set; called for each piece of a reply."""
        if self._autosave is not None:
            self._autosave.touch()

    def refresh(self) -> None:
        """The copies in the notebook are to follow; each holds the whole conversation."""
        if self._fallback.is_shown:
            self._refresh.touch()

    def display(self) -> None:
        """Puts a copy into the output of the cell that runs."""
        self._fallback.display()

    def save(self, path: str | Path) -> Path:
        """Writes the chat to a file, in the form that its name says."""
        from .export import to_markdown, to_notebook
        from .saved_chats import suffix_of, write_file

        with self._session.lock:
            conversation = self._session.conversation
            match suffix_of(path):
                case ".json":
                    text = to_json(conversation, self._owner.settings)
                case ".md":
                    text = to_markdown(conversation, self._owner.settings.system)
                case ".ipynb":
                    text = to_notebook(conversation, self._owner.settings.system)
        return write_file(path, text)

    def close(self) -> None:
        """Saves what is not saved yet, and lets others have the file."""
        self._let_go()
        self._refresh.close()

    def _let_go(self) -> None:
        autosave, self._autosave = self._autosave, None
        if autosave is not None:
            autosave.close()
        if self._file is not None:
            self._file.release()

    def _hand_over(self) -> None:
        self._let_go()
        text = f"The chat {self.name!r} goes on in another cell: what is said here is not saved."
        self._notices.show(Notice(_SAVING, text))

    def open(self, name: str) -> SavedChat | None:
        """Keeps the chat under this name from now on; gives what was kept under it before.

        Raises:
            ValueError: The name can't be one, or the file can't be read or is damaged. It is not
                touched.
        """
        from .saved_chats import SavedChatFile

        file = SavedChatFile(name)
        before = _keepers.get(file.path)
        if before is not None:
            before._hand_over()
        try:
            is_ours = file.acquire()
        except OSError as error:
            self._say_failed(error)
            return None
        saved, text = None, file.read()
        if text is not None:
            try:
                saved = from_json(text)
            except ValueError as error:
                file.release()
                raise ValueError(
                    f"{file.path}: {error} It was left as it is: move it away, or take another "
                    "name."
                ) from None
        self._file = file
        if is_ours:
            self._autosave = Autosave(self._write, self._say_failed)
            _keepers[file.path] = self
        else:
            self._notices.show(
                Notice(
                    _SAVING,
                    f"The chat {file.name!r} is open in another notebook or kernel: what is said "
                    "here is not saved. Close it there and run this cell again, or take another "
                    "name.",
                )
            )
        return saved

    def _write(self) -> None:
        assert self._file is not None  # noqa: S101 - for the type checker: only then it is saved
        with self._session.lock:
            text = to_json(self._session.conversation, self._owner.settings)
        self._file.write(text)
        self._notices.dismiss(_SAVING)

    def render(self) -> dict[str, str]:
        """The conversation as viewers without widgets show it, by MIME type."""
        with self._session.lock:
            conversation = self._session.conversation
            if not conversation.messages:  # HTML makes JupyterLab load MathJax before one can type
                return {"text/plain": ""}
            from .export import to_html, to_plain

            return {"text/html": to_html(conversation), "text/plain": to_plain(conversation)}

    def _say_failed(self, error: Exception) -> None:
        where = f" ({error.filename})" if isinstance(error, OSError) and error.filename else ""
        what = (error.strerror if isinstance(error, OSError) else None) or str(error)
        text = f"The chat could not be saved: {what}{where}. It goes on here, and is tried again."
        self._notices.show(Notice(_SAVING, text, tone="error"))


def read_chat(path: str | Path) -> SavedChat:
    """The chat that `save` wrote to a .json file.

    Raises:
        ValueError: There is no such file, or it is no chat, damaged, or of a newer nbchat.
    """
    text = read_text_file(Path(path), "saved chat")
    try:
        return from_json(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
