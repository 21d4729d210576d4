"""Shows what a conversation has cost, and how full the model's context is."""

from __future__ import annotations

from nbchat._chat.conversation.token_estimate import brief, estimate_tokens, leave_out
from nbchat._chat.notices import Action, Notice, Notices
from nbchat._servers.connection import Connection
from nbchat._turns.session import Session

from .settings_traits import SettingsTraits
from .transcript import Transcript
from .views import usage_view

# From this fraction of the context on, a notice warns the user.
_NEARLY_FULL = 0.8
FULL = "full"
_LISTED = 4


class UsageDisplay:
    """Shows tokens, cost and context of the conversation.

    Args:
        settings: The chat's settings.
        session: Has the conversation.
        connection: Knows the models.
        notices: Shows that the context is nearly full.
        transcript: Shows tokens and cost.
    """

    def __init__(
        self,
        settings: SettingsTraits,
        session: Session,
        connection: Connection,
        notices: Notices,
        transcript: Transcript,
    ) -> None:
        self._settings = settings
        self._session = session
        self._connection = connection
        self._notices = notices
        self._transcript = transcript
        self._ignored: set[str] = set()

    @property
    def _model_id(self) -> str:
        return self._settings.settings.model

    def show(self) -> None:
        """Shows tokens, cost and context as they are now."""
        with self._session.lock:
            conversation = self._session.conversation
            model = self._connection.model(self._model_id)
            length = model.context_length if model is not None else None
            used = self._used() if length else 0
            with self._transcript.changing() as state:
                state.usage = usage_view(conversation.spent.usage)
                state.max_cost = self._settings.max_cost
                state.context = {"used": used, "length": length} if length and used else None
            if not conversation.messages:
                self._ignored.clear()
            is_full = length is not None and used >= _NEARLY_FULL * length
            if length and is_full and self._model_id not in self._ignored:
                self._notices.show(self._nearly_full(used, length))
            else:
                self._notices.dismiss(FULL)

    def _used(self) -> int:
        conversation = self._session.conversation
        if not conversation.exchanged():
            return 0
        return conversation.counted_tokens() or estimate_tokens(
            conversation.to_openai(self._settings.settings.system)
        )

    def _nearly_full(self, used: int, length: int) -> Notice:
        messages = self._session.conversation.to_openai(self._settings.settings.system)
        reply = min(self._settings.settings.max_tokens, length // 4)
        _, left_out = leave_out(messages, max(1, used + reply - length))
        lines = [f"• {line}" for line in brief(left_out[:_LISTED])]
        if len(left_out) > _LISTED:
            lines.append(f"• and {len(left_out) - _LISTED} more")
        text = (
            f"The conversation takes about {used:,} of the {length:,} tokens in the context of "
            f"{self._model_id}. "
        )
        actions = {}
        if self._settings.overflow == "truncate":
            text += "The next message drops these:"
        else:
            text += (
                "Once the context is full, the server refuses the next message. Clear the chat, "
                "choose a model with a longer context, or drop the oldest messages "
                '(overflow="truncate"):'
            )
            actions = {"truncate": Action("Drop oldest messages", self._truncate)}
        return Notice(FULL, "\n".join([text, *lines]), actions=actions, closed=self._ignore)

    def _truncate(self) -> None:
        self._settings.overflow = "truncate"

    def _ignore(self) -> None:
        self._ignored.add(self._model_id)
        self._notices.dismiss(FULL)
