"""What a model is asked, by code or in the browser: checked, and with the settings as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nbchat._chat.attachments import Attachment, from_upload
from nbchat._chat.message import Message, check_content
from nbchat._chat.response_format import ResponseFormat
from nbchat._servers.connection import Connection
from nbchat._turns.reply import Reply
from nbchat._turns.session import Session

from .transcript import Handler


class Turns:
    """Begins the turns of a chat. What may be wrong with one, `ChatWidget.send` and others tell.

    Args:
        chat: Has the settings.
        session: Runs the turns.
        connection: Knows what the chosen model takes.
        on_turn: Called with each reply that has been asked for.
    """

    def __init__(
        self,
        chat: Any,
        session: Session,
        connection: Connection,
        on_turn: Callable[[Reply], None],
    ) -> None:
        self._chat = chat
        self._session = session
        self._connection = connection
        self._on_turn = on_turn

    @property
    def handlers(self) -> dict[str, Handler]:
        """What a person does in the browser, by its type in `frontend/src/protocol.ts`."""
        session = self._session
        return {
            "send": self._send,
            "edit": lambda message: self.edit(session.find(message["id"]), message["content"]),
            "regenerate": lambda message: self.regenerate(session.find(message["id"])),
            "continue": lambda _: self.resume(),
            "retry": lambda _: self.retry(),
            "approve": lambda message: session.decide(
                session.find(message["id"]), message["call"], message["allow"] is True
            ),
            "attachment": lambda message: session.read_attachment(message["id"]),
            "stop": lambda _: session.stop(),
        }

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
            self._connection.check_accepts(self._chat.model, attachment)
        return self._begun(
            self._session.ask(
                content,
                self._chat.settings,
                attachments=attachments,
                response_format=response_format,
                queue=queue,
            )
        )

    def edit(self, question: Message, content: str) -> Reply:
        check_content(content, question.attachments)
        return self._begun(self._session.edit(question, content, self._chat.settings))

    def regenerate(self, reply: Message | None = None) -> Reply:
        """Asks for another version of a reply: by default, of the last one."""
        version_of = reply or self._session.last_reply
        return self._begun(self._session.regenerate(version_of, self._chat.settings))

    def resume(self) -> Reply:
        """Lets the last reply go on that was cut off."""
        return self._begun(self._session.resume(self._session.last_reply, self._chat.settings))

    def retry(self) -> Reply:
        return self._begun(self._session.retry(self._chat.settings))

    def _send(self, message: dict[str, Any]) -> None:
        attachments = [
            from_upload(file["name"], file["media_type"], bytes(data))
            for file, data in zip(message.get("attachments", ()), message["buffers"], strict=True)
        ]
        self.ask(message["content"], attachments)

    def _begun(self, reply: Reply) -> Reply:
        self._on_turn(reply)
        return reply
