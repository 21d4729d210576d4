"""A message of a conversation: its text, its metadata and its versions."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, Literal

from nbchat._chat.attachments.attachment import Attachment
from nbchat._chat.errors import ChatError
from nbchat._chat.events import Usage

from .response_format import ResponseFormat
from .runs import Run
from .tool_rounds import Round, ToolCall, reply_messages

Role = Literal["user", "assistant"]
Status = Literal["queued", "streaming", "complete", "stopped", "error"]


class Fork:
    """All versions of a message at one point in a conversation; one of them is shown."""

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
        """Adds a version and shows it."""
        message = Message(
            role, self, attachments=tuple(attachments), response_format=response_format
        )
        message._content.write(content)
        self.versions.append(message)
        self._switch_to(message)
        return message

    def step(self, step: int) -> None:
        """Shows the next version (1) or the previous one (-1).

        Raises:
            ValueError: There is no such version.
        """
        index = self.index + step
        if not 0 <= index < len(self.versions):
            raise ValueError("There is no such version.")
        self._switch_to(self.versions[index])

    def _switch_to(self, version: Message) -> None:
        left = self.versions[self.index]
        # An empty version is not worth going back to, unless messages follow it.
        if left is not version and not left.has_content and not left.next.versions:
            self.versions.remove(left)
        self.index = self.versions.index(version)


@dataclass(eq=False)
class Message:
    """One message of a conversation.

    A user message is complete from the start. An assistant message is "queued", then "streaming",
    and ends as "complete", "stopped" or "error".

    Attributes:
        fork: Holds this message and its other versions.
        next: Holds the versions of the message that follows.
        created: When the message was made, in Unix seconds; None if an old saved chat has no time.
        response_format: The format that was requested for the reply.
        attachments: What the user attached, or the images that the model made.
        rounds: The rounds of tool calls in a reply.
        notes: What the user should know about how the reply was made, one sentence each.
        retry_at: When the request is sent again, on the `time.monotonic` clock.
        usage: The total of all requests that wrote the reply.
        context_tokens: The size of the conversation in the context, up to and with this message.
        estimated_cost: US dollars, from known prices where the server reports no cost.
        asked_to_reason: Whether the request had a reasoning effort that the user has chosen.
        reasoning_s: Seconds that the model spent reasoning, in all requests together.
        first_token_s: Seconds from the first request to the first text, reasoning or image.
        duration_s: Seconds from the first request to the end, without the time for tool calls.
        runs: What became of each block of Python that was run, by the block's index.
    """

    role: Role
    fork: Fork = field(repr=False)
    next: Fork = field(default_factory=Fork, repr=False)
    # A StringIO grows in linear time, and one thread can read it while another writes.
    _content: StringIO = field(default_factory=StringIO)
    _reasoning: StringIO = field(default_factory=StringIO)
    _reasoning_at: int = 0  # where the reasoning of the current round begins
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
    asked_to_reason: bool = False
    reasoning_s: float | None = None
    first_token_s: float | None = None
    duration_s: float | None = None
    error: ChatError | None = None
    runs: dict[int, Run] = field(default_factory=dict)
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    @property
    def content(self) -> str:
        return self._content.getvalue()

    @property
    def reasoning(self) -> str:
        return self._reasoning.getvalue()

    @property
    def length(self) -> int:
        """How many characters the text has, without a copy of it."""
        return self._content.tell()

    @property
    def has_text(self) -> bool:
        return self.length > 0

    @property
    def has_content(self) -> bool:
        """Whether there is text, an attachment or a tool call."""
        return self.has_text or bool(self.attachments or self.rounds)

    @property
    def has_text_after_calls(self) -> bool:
        """Whether there is text after the last tool call."""
        return self._content.tell() > (self.rounds[-1].at if self.rounds else 0)

    @property
    def size(self) -> int:
        """About how many bytes the texts, the attachments and the outputs of its code take."""
        texts = self._content.tell() + self._reasoning.tell()
        files = sum(len(attachment.data) for attachment in self.attachments)
        return texts + files + sum(run.size for run in self.runs.values())

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """All tool calls, in order."""
        return tuple(call for round_ in self.rounds for call in round_.calls)

    @property
    def cost(self) -> float | None:
        """US dollars, as the server reports or else estimated from prices."""
        reported = self.usage.cost if self.usage else None
        return self.estimated_cost if reported is None else reported

    @property
    def is_cut_off(self) -> bool:
        """Whether a reply ended at max tokens, after some text."""
        return self.finish_reason == "length" and self.has_text_after_calls

    @property
    def is_unsent(self) -> bool:
        """Whether the question of this reply was never sent: it was stopped in the queue."""
        return self.status == "stopped" and self.duration_s is None and not self.has_content

    @property
    def can_continue(self) -> bool:
        """Whether a reply has text and ended early.

        That is at max tokens, stopped, without an end, or in an error that a retry may cure.
        """
        ended_early = (
            self.status == "stopped"
            or (self.status == "complete" and self.finish_reason is None)
            or (self.error is not None and self.error.retryable)
        )
        return self.is_cut_off or (ended_early and self.has_text_after_calls)


def to_openai(message: Message, images: bool = True) -> list[dict[str, Any]]:
    """Returns a message in OpenAI's format: several messages for a reply that called tools.

    If `images` is false, because the model takes none, each image is replaced by its name.
    """
    if message.role == "assistant":
        return reply_messages(_assistant_content(message), message.rounds)
    return [{"role": message.role, "content": _user_content(message, images)}]


def check_content(content: object, attachments: Sequence[Attachment] = ()) -> None:
    """Checks that a message can be sent.

    Raises:
        ValueError: The message is blank and has no attachments.
        TypeError: The content is not text.
    """
    if not isinstance(content, str):
        raise TypeError(f"a message must be text, not {type(content).__name__}")
    if not content.strip() and not attachments:
        raise ValueError("The message is empty.")


def _assistant_content(reply: Message) -> str:
    # No server accepts images in an assistant message, so those that the model made are named.
    shown = [f"[{a.name}]" for a in reply.attachments if a.kind == "image"]
    return "\n\n".join(filter(None, (reply.content, *shown)))


def _user_content(message: Message, images: bool) -> str | list[dict[str, Any]]:
    if not message.attachments:
        return message.content
    parts: list[dict[str, Any]] = [{"type": "text", "text": message.content}]
    for attachment in message.attachments:
        if attachment.kind == "image" and not images:
            parts.append({"type": "text", "text": f"[{attachment.name}]"})
        else:
            parts.append(attachment.part())
    return [part for part in parts if part.get("text") != ""]
