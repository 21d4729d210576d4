"""What the chat itself says in the conversation, and what one can do about it there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

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
    tone: str = "info"

    def to_view(self) -> dict[str, Any]:
        """The notice as the front end knows it (`Notice` in `frontend/src/protocol.ts`)."""
        return {
            "id": self.id,
            "text": self.text,
            "secret_label": self.secret and self.secret.label,
            "secret_button": self.secret.button if self.secret else "",
            "actions": [{"id": id_, "label": each.label} for id_, each in self.actions.items()],
            "progress": self.progress and dict(zip(("done", "total"), self.progress, strict=True)),
            "tone": self.tone,
        }


class Notices:
    """The notices that are shown; one of the same id replaces another.

    Args:
        publish: Shows them: gets all of them, as the front end knows them.
        lock: Held while they change.
    """

    def __init__(
        self, publish: Callable[[list[dict[str, Any]]], object], lock: threading.RLock
    ) -> None:
        self._publish = publish
        self._lock = lock
        self._shown: dict[str, Notice] = {}

    @property
    def handlers(self) -> dict[str, Callable[[dict[str, Any]], None]]:
        """What a person does in the browser, by its type in `frontend/src/protocol.ts`."""
        return {"action": self.act, "secret": self.take_secret}

    def show(self, notice: Notice) -> None:
        with self._lock:
            self._shown[notice.id] = notice
            self._publish([each.to_view() for each in self._shown.values()])

    def dismiss(self, *ids: str) -> None:
        with self._lock:
            gone = [self._shown.pop(id_) for id_ in ids if id_ in self._shown]
            if gone:
                self._publish([each.to_view() for each in self._shown.values()])

    def act(self, message: dict[str, Any]) -> None:
        """A person pressed a button.

        Raises:
            ValueError: The notice is no longer there.
        """
        notice = self._find(message)
        if (action := notice.actions.get(message["action"])) is None:
            raise ValueError("This choice is no longer there.")
        action.do()

    def take_secret(self, message: dict[str, Any]) -> None:
        """A person typed a key or a code.

        Raises:
            ValueError: The notice is no longer there.
        """
        secret = Secret(message.pop("value"))
        notice = self._find(message)
        if notice.secret is None:
            raise ValueError("This notice asks for nothing any more.")
        notice.secret.use(secret)

    def _find(self, message: dict[str, Any]) -> Notice:
        notice = self._shown.get(message["notice"])
        if notice is None:
            raise ValueError("This notice is no longer there.")
        return notice
