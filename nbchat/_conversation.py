"""What was said: messages, how each one's life goes, and what of them the model sees next."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from io import StringIO
from typing import Any, Literal

from ._errors import ChatError
from ._stream import (
    ContentDelta,
    Event,
    Failure,
    Finish,
    ModelName,
    ReasoningDelta,
    ReasoningDetails,
    Usage,
)

Role = Literal["user", "assistant"]
Status = Literal["queued", "streaming", "complete", "stopped", "error"]


@dataclass(eq=False)
class Message:
    """One message of a conversation.

    A user's message is complete from the start; an assistant's is "queued", then "streaming", and
    ends as "complete", "stopped" or "error".

    Attributes:
        reasoning_s: Seconds from the first reasoning to the first text.
        duration_s: Seconds from the request to the end.
    """

    role: Role
    # Buffers grow at a cost linear in the text, and can be read by one thread while another writes.
    _content: StringIO = field(default_factory=StringIO)
    _reasoning: StringIO = field(default_factory=StringIO)
    status: Status = "complete"
    model: str | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    reasoning_details: tuple[dict[str, Any], ...] = ()
    reasoning_s: float | None = None
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

    def to_view(self) -> dict[str, Any]:
        """The message as the front end knows it (`Message` in `frontend/src/protocol.ts`)."""
        return {"content": self.content, "reasoning": self.reasoning, **self.facts()}

    def facts(self) -> dict[str, Any]:
        """All of the message but its two texts."""
        error = self.error
        return {
            "id": self.id,
            "role": self.role,
            "status": self.status,
            "model": self.model,
            "finish_reason": self.finish_reason,
            "reasoning_s": self.reasoning_s,
            "duration_s": self.duration_s,
            "usage": asdict(self.usage) if self.usage else None,
            "error": error
            and {"message": error.message, "detail": error.detail, "retryable": error.retryable},
        }


class Conversation:
    """Messages in order: each of a user's is followed by its reply.

    Not thread-safe: its owner holds a lock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.messages: list[Message] = []
        self._clock = clock
        self._started: dict[str, float] = {}
        self._reasoning_since: dict[str, float] = {}

    def ask(self, content: str) -> tuple[Message, Message]:
        """Adds a user's message and the reply that is to come, "queued"."""
        question = Message("user")
        question._content.write(content)
        reply = Message("assistant", status="queued")
        self.messages += [question, reply]
        return question, reply

    def ask_again(self, reply: Message) -> Message:
        """Puts a fresh, "queued" reply in the place of one that failed."""
        fresh = Message("assistant", status="queued")
        self.messages[self.messages.index(reply)] = fresh
        return fresh

    def begin(self, reply: Message, model: str) -> None:
        """The request is on its way."""
        reply.status = "streaming"
        reply.model = model or None
        self._started[reply.id] = self._clock()

    def apply(self, reply: Message, event: Event) -> None:
        """Takes one event of the stream into the reply it belongs to."""
        match event:
            case ContentDelta(text):
                if reply.reasoning_s is None:
                    self._end_reasoning(reply)
                reply._content.write(text)
            case ReasoningDelta(text):
                self._reasoning_since.setdefault(reply.id, self._clock())
                reply._reasoning.write(text)
            case ReasoningDetails(details):
                reply.reasoning_details = details
            case ModelName(name):
                reply.model = name
            case Usage():
                reply.usage = event
            case Finish(reason):
                reply.finish_reason = reason
            case Failure(error):
                reply.error = error

    def end(self, reply: Message, *, stopped: bool = False) -> None:
        """The stream is over, however it ended; the text that came stays."""
        self._end_reasoning(reply)
        started = self._started.pop(reply.id, None)
        if started is not None:
            reply.duration_s = self._clock() - started
        reply.status = "error" if reply.error else "stopped" if stopped else "complete"

    def _end_reasoning(self, reply: Message) -> None:
        since = self._reasoning_since.pop(reply.id, None)
        if since is not None:
            reply.reasoning_s = self._clock() - since

    def to_openai(self, system: str = "", *, before: Message | None = None) -> list[dict[str, str]]:
        """The messages as the OpenAI SDK takes them; with `before`, only those that precede it.

        A turn whose reply has no text is left out whole, so that roles always alternate: two user
        messages in a row make some models answer the wrong one, and some servers refuse.
        """
        plain = [{"role": "system", "content": system}] if system.strip() else []
        question: Message | None = None
        for message in self.messages:
            if message is before:
                break
            if message.role == "user":
                question = message
            elif question is not None and message.has_text:
                plain.append({"role": "user", "content": question.content})
                plain.append({"role": "assistant", "content": message.content})
                question = None
        if question is not None and before is not None:
            plain.append({"role": "user", "content": question.content})
        return plain
