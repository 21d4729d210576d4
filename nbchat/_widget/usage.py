"""What a conversation has cost, and how much of the context it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from nbchat._chat.notices import Action, Notice, Notices
from nbchat._chat.token_estimate import brief, leave_out, reckon_tokens
from nbchat._servers.connection import Connection
from nbchat._turns.session import Session

# From this part of the context on, the person is told.
_NEARLY_FULL = 0.8
_FULL = "full"
_LISTED = 4


class Figures:
    """Shows them anew after each change.

    Args:
        chat: Has the settings.
        session: Has the conversation.
        connection: Knows the models.
        notices: Where it is said that the context is nearly full.
        publish: Shows figures: names in `ChatState` of `protocol.ts`.
    """

    def __init__(
        self,
        chat: Any,
        session: Session,
        connection: Connection,
        notices: Notices,
        publish: Callable[..., None],
    ) -> None:
        self._chat = chat
        self._session = session
        self._connection = connection
        self._notices = notices
        self._publish = publish
        self._ignored: set[str] = set()

    def show(self) -> None:
        with self._session.lock:
            conversation = self._session.conversation
            model = self._connection.model(self._chat.model)
            length = model.context_length if model is not None else None
            used = self._used() if length else 0
            usage = conversation.spent.usage
            self._publish(
                usage=usage and asdict(usage),
                max_cost=self._chat.max_cost,
                context={"used": used, "length": length} if length and used else None,
            )
            if not conversation.messages:
                self._ignored.clear()
            is_full = length is not None and used >= _NEARLY_FULL * length
            if length and is_full and self._chat.model not in self._ignored:
                self._notices.show(self._nearly_full(used, length))
            else:
                self._notices.dismiss(_FULL)

    def _used(self) -> int:
        conversation = self._session.conversation
        if not conversation.exchanged():
            return 0
        return conversation.counted_tokens() or reckon_tokens(
            conversation.to_openai(self._chat.system)
        )

    def _nearly_full(self, used: int, length: int) -> Notice:
        messages = self._session.conversation.to_openai(self._chat.system)
        reply = min(self._chat.max_tokens, length // 4)
        _, left_out = leave_out(messages, max(1, used + reply - length))
        lines = [f"• {line}" for line in brief(left_out[:_LISTED])]
        if len(left_out) > _LISTED:
            lines.append(f"• and {len(left_out) - _LISTED} more")
        text = (
            f"The conversation takes about {used:,} of the {length:,} tokens that "
            f"{self._chat.model} can see. "
        )
        actions = {"ignore": Action("Not now", self._ignore)}
        if self._chat.overflow == "truncate":
            text += "With the next message, these are left out:"
        else:
            text += (
                "When it is full, the server will refuse it. Clear the chat, pick a model with a "
                'longer context, or leave out the oldest messages (overflow="truncate"):'
            )
            actions = {"truncate": Action("Leave out the oldest", self._truncate), **actions}
        return Notice(_FULL, "\n".join([text, *lines]), actions=actions)

    def _truncate(self) -> None:
        self._chat.overflow = "truncate"

    def _ignore(self) -> None:
        self._ignored.add(self._chat.model)
        self._notices.dismiss(_FULL)
