"""One message: what was said, what is known about it, and its versions."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, Literal

from .attachments import Attachment
from .errors import ChatError
from .events import Usage
from .response_format import ResponseFormat
from .tool_rounds import Round, ToolCall, reply_messages

Role = Literal["user", "assistant"]
Status = Literal["queued", "streaming", "complete", "stopped", "error"]


class Fork:
    """A place in a conversation: the versions of what is said there, one of which is shown."""

    def __init__(self) -> None:
        self.versions: list[Message] = []
        self.index = 0

    @property
    def shown(self) -> Message | None:
        return self.versions[self.index] if self.versions else None

    def add(
        self,
        role: Role,
        content: str = "",
        attachments: Sequence[Attachment] = (),
        response_format: ResponseFormat | None = None,
    ) -> Message:
        """Adds a version, and shows it."""
        message = Message(
            role, self, attachments=tuple(attachments), response_format=response_format
        )
        message._content.write(content)
        self.versions.append(message)
        self._leave_for(message)
        return message

    def step(self, step: int) -> None:
        """Shows the next version (1) or the previous one (-1).

        Raises:
            ValueError: There is none.
        """
        index = self.index + step
        if not 0 <= index < len(self.versions):
            raise ValueError("There is no such version.")
        self._leave_for(self.versions[index])

    def _leave_for(self, version: Message) -> None:
        left = self.versions[self.index]
        # A failure is not worth going back to, unless something was said after it.
        if left is not version and not left.has_content and not left.next.versions:
            self.versions.remove(left)
        self.index = self.versions.index(version)


@dataclass(eq=False)
class Message:
    """One message of a conversation.

    A user's message is complete from the start; an assistant's is "queued", then "streaming", and
    ends as "complete", "stopped" or "error".

    Attributes:
        fork: Where it stands, among the other versions of it.
        next: What follows it.
        created: When it was made, in Unix seconds; None where an older nbchat did not say.
        response_format: The form that a reply was asked to have.
        attachments: What a person sent along, or the images that the model made.
        rounds: The requests of a reply that called tools, with the calls.
        notes: What a person should know about how it came about, a sentence each.
        retry_at: When its request is sent again, on the clock of `time.monotonic`.
        usage: Of all the requests that wrote it, as are the seconds.
        context_tokens: What the conversation took of the context when it had been said.
        estimated_cost: US dollars, where the server names none but the prices are known.
        reasoning_s: Seconds of reasoning before there was text.
        first_token_s: Seconds from the first request to the first of its text, reasoning or images.
        duration_s: Seconds from the first request to the end, without those in which tools were
            called.
    """

    role: Role
    fork: Fork = field(repr=False)
    next: Fork = field(default_factory=Fork, repr=False)
    # Buffers grow at a cost linear in the text, and can be read by one thread while another writes.
    _content: StringIO = field(default_factory=StringIO)
    _reasoning: StringIO = field(default_factory=StringIO)
    _reasoning_at: int = 0  # where that of this round begins
    status: Status = "complete"
    created: float | None = field(default_factory=time.time)
    response_format: ResponseFormat | None = None
    model: str | None = None
    finish_reason: str | None = None
    attachments: tuple[Attachment, ...] = ()
    rounds: tuple[Round, ...] = ()
    notes: tuple[str, ...] = ()
    retry_at: float | None = None
    usage: Usage | None = None
    context_tokens: int | None = None
    estimated_cost: float | None = None
    reasoning_details: tuple[dict[str, Any], ...] = ()
    reasoning_s: float | None = None
    first_token_s: float | None = None
    duration_s: float | None = None
    error: ChatError | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    @property
    def content(self) -> str:
        return self._content.getvalue()

    @property
    def reasoning(self) -> str:
        return self._reasoning.getvalue()

    @property
    def has_text(self) -> bool:
        return self._content.tell() > 0

    @property
    def has_content(self) -> bool:
        """Whether it says, shows or calls something."""
        return self.has_text or bool(self.attachments or self.rounds)

    @property
    def has_text_after_calls(self) -> bool:
        """Whether there is text after the last call of a tool."""
        return self._content.tell() > (self.rounds[-1].at if self.rounds else 0)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """All calls of tools, in order."""
        return tuple(call for round_ in self.rounds for call in round_.calls)

    @property
    def cost(self) -> float | None:
        """US dollars, as the server names it or else by its prices."""
        named = self.usage.cost if self.usage else None
        return self.estimated_cost if named is None else named

    @property
    def is_cut_off(self) -> bool:
        """Whether a reply ended at max tokens, and can be continued."""
        return self.finish_reason == "length" and self.has_text_after_calls


def to_openai(message: Message, images: bool = True) -> list[dict[str, Any]]:
    """A message as the OpenAI SDK takes it: of a reply that called tools, several.

    Without `images`, each is only named: for a model that takes none.
    """
    if message.role == "assistant":
        return reply_messages(_said(message), message.rounds)
    return [{"role": message.role, "content": _content(message, images)}]


def check_content(content: object, attachments: Sequence[Attachment] = ()) -> None:
    """Refuses what is no message.

    Raises:
        ValueError: It is blank.
        TypeError: It is not text.
    """
    if not isinstance(content, str):
        raise TypeError(f"a message must be text, not {type(content).__name__}")
    if not content.strip() and not attachments:
        raise ValueError("The message is empty.")


def _said(reply: Message) -> str:
    # Made by the model: no server takes them back as its words.
    shown = [f"[{a.name}]" for a in reply.attachments if a.kind == "image"]
    return "\n\n".join(filter(None, (reply.content, *shown)))


def _content(message: Message, images: bool) -> str | list[dict[str, Any]]:
    if not message.attachments:
        return message.content
    parts: list[dict[str, Any]] = [{"type": "text", "text": message.content}]
    for attachment in message.attachments:
        if attachment.kind == "image" and not images:
            parts.append({"type": "text", "text": f"[{attachment.name}]"})
        else:
            parts.append(attachment.part())
    return [part for part in parts if part.get("text") != ""]
