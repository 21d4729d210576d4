"""Starts the turns that code or a page asks for, with the present settings."""

from __future__ import annotations

from collections.abc import Sequence

from nbchat._chat.attachments.attachment import Attachment
from nbchat._chat.conversation.message import Message, check_content
from nbchat._chat.conversation.response_format import ResponseFormat
from nbchat._chat.signal import Signal
from nbchat._servers.connection import Connection
from nbchat._turns.reply import Reply
from nbchat._turns.session import Session

from .settings_traits import SettingsTraits

#: How many messages the user can queue on a page: the kernel keeps each with its files.
MAX_WAITING = 10


class TurnRequests:
    """Checks what a turn asks, and starts it.

    Its methods raise the errors that those of `ChatWidget` document.

    Args:
        settings: The chat's settings.
        session: Runs the turns.
        connection: Knows what the chosen model accepts.

    Attributes:
        begun: Called with the reply of each turn that has started or is queued.
    """

    def __init__(self, settings: SettingsTraits, session: Session, connection: Connection) -> None:
        self.begun: Signal[[Reply]] = Signal()
        self._settings = settings
        self._session = session
        self._connection = connection

    @property
    def no_images(self) -> str:
        """Why the chosen model receives no images; "" if it accepts them."""
        return self._connection.no_images(self._settings.settings.model)

    def ask(
        self,
        content: str,
        attachments: Sequence[Attachment] = (),
        response_format: ResponseFormat | None = None,
        *,
        queue: bool = False,
    ) -> Reply:
        check_content(content, attachments)
        self._session.check_open()
        for attachment in attachments:
            self._connection.check_accepts(self._settings.settings.model, attachment)
        return self._begun(
            self._session.ask(
                content,
                self._settings.settings,
                attachments=attachments,
                response_format=response_format,
                queue=queue,
            )
        )

    def queue(self, content: str, attachments: Sequence[Attachment] = ()) -> None:
        """Asks, or queues the message of a page, which can queue only so many.

        Raises:
            RuntimeError: Too many messages are queued.
        """
        with self._session.lock:
            if self._session.waiting >= MAX_WAITING:
                raise RuntimeError(
                    f"{MAX_WAITING} messages are queued already. Send this one later."
                )
            self.ask(content, attachments, queue=True)

    def edit(self, question: Message, content: str) -> Reply:
        check_content(content, question.attachments)
        return self._begun(self._session.edit(question, content, self._settings.settings))

    def regenerate(self, reply: Message | None = None) -> Reply:
        """Asks for another version of a reply; by default, of the last one."""
        version_of = reply or self._session.last_reply
        return self._begun(self._session.regenerate(version_of, self._settings.settings))

    def continue_reply(self, reply: Message | None = None) -> Reply:
        """Continues the last reply, which ended early."""
        last = self._last(reply)
        return self._begun(self._session.continue_reply(last, self._settings.settings))

    def retry(self, reply: Message | None = None) -> Reply:
        """Repeats the request of the last reply, which failed or was stopped."""
        self._last(reply)
        return self._begun(self._session.retry(self._settings.settings))

    def _last(self, reply: Message | None) -> Message:
        last = self._session.last_reply
        if reply not in (None, last):
            raise ValueError("This reply is no longer the last one.")
        return last

    def _begun(self, reply: Reply) -> Reply:
        self.begun(reply)
        return reply
