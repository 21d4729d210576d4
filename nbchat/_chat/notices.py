"""Notices that the chat itself shows, with their buttons."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal, NamedTuple

#: The id of the button that each notice has: the user closes it.
CLOSE = "close"
_log = logging.getLogger("nbchat")


class Action(NamedTuple):
    """A button on a notice, and the function that it calls."""

    label: str
    do: Callable[[], object]


class Notice(NamedTuple):
    """A line above the message box, or a card.

    Attributes:
        id: Identifies the notice: a new one replaces an old one with the same id.
        text: Plain text, with blank lines between paragraphs.
        actions: The buttons, by their ids.
        tone: "info" or "error".
        closed: Called when the user closes the notice.
    """

    id: str
    text: str
    actions: Mapping[str, Action] = {}
    tone: Literal["info", "error"] = "info"
    closed: Callable[[], object] | None = None


class Notices:
    """The notices on the page.

    Args:
        show_all: Called with all current notices whenever they change.
        lock: Held during each change.
        for_visitors: The ids of the notices that visitors of a shared page see; all others are for
            the owner, and logged. None: the page is not shared.
    """

    def __init__(
        self,
        show_all: Callable[[Sequence[Notice]], object],
        lock: threading.RLock,
        for_visitors: Collection[str] | None = None,
    ) -> None:
        self._show_all = show_all
        self._lock = lock
        self._for_visitors = for_visitors
        self._logged: dict[str, str] = {}
        self._shown: dict[str, Notice] = {}

    def show(self, notice: Notice) -> None:
        """Shows a notice, in place of any with the same id."""
        with self._lock:
            if self._for_visitors is not None and notice.id not in self._for_visitors:
                if self._logged.get(notice.id) != notice.text:
                    _log.warning("%s", notice.text)
                self._logged[notice.id] = notice.text
                return
            self._shown.pop(notice.id, None)  # what is new stands last
            self._shown[notice.id] = notice
            self._show_all(list(self._shown.values()))

    def dismiss(self, *ids: str) -> None:
        """Removes the notices with these ids, if they are shown."""
        with self._lock:
            gone = [self._shown.pop(id_) for id_ in ids if id_ in self._shown]
            if gone:
                self._show_all(list(self._shown.values()))

    def press(self, notice_id: str, action_id: str) -> None:
        """Calls the action of the button that the user pressed.

        Raises:
            ValueError: The notice or the button is no longer shown.
        """
        notice = self._find(notice_id)
        if action_id == CLOSE:
            self.dismiss(notice_id)
            if notice.closed is not None:
                notice.closed()
            return
        action = notice.actions.get(action_id)
        if action is None:
            raise ValueError("This choice is no longer available.")
        action.do()

    def _find(self, notice_id: str) -> Notice:
        notice = self._shown.get(notice_id)
        if notice is None:
            raise ValueError("This notice is no longer shown.")
        return notice
