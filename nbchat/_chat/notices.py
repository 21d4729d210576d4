"""The notices that the chat itself shows, and what the user can do about them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from .keys import Secret


class Action(NamedTuple):
    """A button of a notice, and what it does."""

    label: str
    do: Callable[[], object]


class SecretBox(NamedTuple):
    """A password box of a notice, and what is done with what is typed there."""

    label: str
    button: str
    use: Callable[[Secret], object]


class Notice(NamedTuple):
    """A card in the conversation.

    Attributes:
        text: Plain text, blank lines between paragraphs.
        secret: Asks for a key or a code.
        actions: Its buttons, by an id each.
        progress: (done, total) of what is under way.
        tone: "info" or "error".
    """

    id: str
    text: str
    secret: SecretBox | None = None
    actions: Mapping[str, Action] = {}
    progress: tuple[int, int] | None = None
    tone: Literal["info", "error"] = "info"


class Notices:
    """The notices that are shown; one of the same id replaces another.

    Args:
        show_all: Shows these, and no others.
        lock: Held while they change.
    """

    def __init__(
        self, show_all: Callable[[Sequence[Notice]], object], lock: threading.RLock
    ) -> None:
        self._show_all = show_all
        self._lock = lock
        self._shown: dict[str, Notice] = {}

    def show(self, notice: Notice) -> None:
        """Shows a notice."""
        with self._lock:
            self._shown[notice.id] = notice
            self._show_all(list(self._shown.values()))

    def dismiss(self, *ids: str) -> None:
        """Takes away the notices with these ids, where they are shown."""
        with self._lock:
            gone = [self._shown.pop(id_) for id_ in ids if id_ in self._shown]
            if gone:
                self._show_all(list(self._shown.values()))

    def press(self, notice_id: str, action_id: str) -> None:
        """The user pressed a button.

        Raises:
            ValueError: The notice or the button is no longer there.
        """
        action = self._find(notice_id).actions.get(action_id)
        if action is None:
            raise ValueError("This choice is no longer there.")
        action.do()

    def enter_secret(self, notice_id: str, secret: Secret) -> None:
        """The user typed a key or a code.

        Raises:
            ValueError: The notice is no longer there.
        """
        notice = self._find(notice_id)
        if notice.secret is None:
            raise ValueError("This notice asks for nothing any more.")
        notice.secret.use(secret)

    def _find(self, notice_id: str) -> Notice:
        notice = self._shown.get(notice_id)
        if notice is None:
            raise ValueError("This notice is no longer there.")
        return notice
