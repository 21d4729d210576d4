"""What was said: messages, how each one's life goes, and what of them the model sees next."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from io import StringIO
from typing import TYPE_CHECKING, Any, Literal

from ._attachments import Attachment
from ._context import reckon_tokens
from ._errors import ChatError
from ._stream import (
    ContentDelta,
    Event,
    Failure,
    Finish,
    ImageOutput,
    ModelName,
    ReasoningDelta,
    ReasoningDetails,
    Usage,
)

if TYPE_CHECKING:
    from ._response_format import ResponseFormat

Role = Literal["user", "assistant"]
Status = Literal["queued", "streaming", "complete", "stopped", "error"]

_GO_ON = (
    "Your last message was cut off. Go on exactly where it stopped, if need be in the middle of a "
    "word or of a code block: repeat nothing, and add no remark."
)


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
        notes: What a person should know about how it came about, a sentence each.
        retry_at: When its request is sent again, on the clock of `time.monotonic`.
        usage: Of all the requests that wrote it, as are the seconds.
        context_tokens: What the conversation took of the context when it had been said.
        estimated_cost: US dollars, where the server names none but the prices are known.
        reasoning_s: Seconds of reasoning before there was text.
        first_token_s: Seconds from the first request to the first of its text, reasoning or images.
        duration_s: Seconds from the first request to the end.
    """

    role: Role
    fork: Fork = field(repr=False)
    next: Fork = field(default_factory=lambda: Fork(), repr=False)
    # Buffers grow at a cost linear in the text, and can be read by one thread while another writes.
    _content: StringIO = field(default_factory=StringIO)
    _reasoning: StringIO = field(default_factory=StringIO)
    status: Status = "complete"
    created: float | None = field(default_factory=time.time)
    response_format: ResponseFormat | None = None
    model: str | None = None
    finish_reason: str | None = None
    attachments: tuple[Attachment, ...] = ()
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
        """Whether it says or shows something."""
        return self.has_text or bool(self.attachments)

    @property
    def cost(self) -> float | None:
        """US dollars, as the server names it or else by its prices."""
        named = self.usage.cost if self.usage else None
        return self.estimated_cost if named is None else named

    @property
    def is_cut_off(self) -> bool:
        """Whether a reply ended at max tokens, and can be continued."""
        return self.finish_reason == "length" and self.has_text

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
            "branch": {"index": self.fork.index, "count": len(self.fork.versions)},
            "model": self.model,
            "finish_reason": self.finish_reason,
            "reasoning_s": self.reasoning_s,
            "first_token_s": self.first_token_s,
            "duration_s": self.duration_s,
            "usage": asdict(self.usage) if self.usage else None,
            "estimated_cost": self.estimated_cost,
            "attachments": [attachment.to_view() for attachment in self.attachments],
            "notes": list(self.notes),
            "retry_in_s": self.retry_at and max(0.0, self.retry_at - time.monotonic()),
            "error": error
            and {"message": error.message, "detail": error.detail, "retryable": error.retryable},
        }


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
        status: Status = "complete",
        attachments: Sequence[Attachment] = (),
    ) -> Message:
        """Adds a version, and shows it."""
        message = Message(role, self, status=status, attachments=tuple(attachments))
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


@dataclass
class _Run:
    """A request on its way, and what was known of its reply before."""

    started: float
    usage: Usage | None
    finish_reason: str | None
    is_sent: bool = False
    reasoning_since: float | None = None
    own_usage: Usage | None = None
    own_estimate: float | None = None


@dataclass(frozen=True)
class Spent:
    """What a conversation has taken so far, all versions of its messages included.

    Attributes:
        usage: Tokens and US dollars; None if no server has told anything.
        dearest: US dollars of the dearest request.
    """

    usage: Usage | None = None
    dearest: float = 0.0

    @property
    def cost(self) -> float:
        """US dollars, as far as they are known."""
        return (self.usage.cost if self.usage else None) or 0.0

    def plus(self, usage: Usage) -> Spent:
        """With one request more."""
        total = usage if self.usage is None else self.usage + usage
        return Spent(total, max(self.dearest, usage.cost or 0.0))


class Conversation:
    """A tree of messages, and the path through it that is shown.

    On it, each of a user's messages is followed by its reply. Not thread-safe: its owner holds a
    lock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._start = Fork()
        self._clock = clock
        self._runs: dict[str, _Run] = {}
        self.spent = Spent()

    @property
    def messages(self) -> list[Message]:
        """The path that is shown."""
        path: list[Message] = []
        message = self._start.shown
        while message is not None:
            path.append(message)
            message = message.next.shown
        return path

    def clear(self) -> None:
        """Forgets all messages, with all their versions."""
        self._start = Fork()
        self.spent = Spent()

    def ask(
        self,
        content: str,
        *,
        attachments: Sequence[Attachment] = (),
        instead_of: Message | None = None,
        response_format: ResponseFormat | None = None,
    ) -> Message:
        """Adds a user's message, at the end or as another version; gives its "queued" reply."""
        path = self.messages
        end = path[-1].next if path else self._start
        fork = instead_of.fork if instead_of else end
        question = fork.add("user", content, attachments=attachments)
        reply = question.next.add("assistant", status="queued")
        reply.response_format = response_format
        return reply

    def regenerate(self, reply: Message) -> Message:
        """Adds another version of a reply, "queued"."""
        version = reply.fork.add("assistant", status="queued")
        version.response_format = reply.response_format
        return version

    def resume(self, reply: Message) -> None:
        """A reply that was cut off is to go on."""
        reply.status = "queued"
        reply.error = None

    def begin(self, reply: Message, model: str) -> None:
        """The request is on its way."""
        reply.status = "streaming"
        reply.model = model or None
        self._runs[reply.id] = _Run(self._clock(), reply.usage, reply.finish_reason)

    def ask_again(
        self, reply: Message, model: str, notes: Sequence[str], wait_s: float = 0.0
    ) -> None:
        """Its request is about to be sent, to this model and with these notes."""
        self._settle(reply)
        run = self._runs[reply.id]
        if not run.is_sent:  # until then, nbchat itself took its time
            run.started, run.is_sent = self._clock(), True
        reply.model = model
        reply.notes = tuple(notes)
        reply.finish_reason = run.finish_reason
        reply.retry_at = time.monotonic() + wait_s if wait_s else None

    def apply(self, reply: Message, event: Event) -> None:
        """Takes one event of the stream into the reply it belongs to."""
        match event:
            case ContentDelta(text):
                self._note_first_token(reply)
                self._end_reasoning(reply)
                reply._content.write(text)
            case ReasoningDelta(text):
                self._note_first_token(reply)
                run = self._runs[reply.id]
                if run.reasoning_since is None:
                    run.reasoning_since = self._clock()
                reply._reasoning.write(text)
            case ImageOutput(image):
                self._note_first_token(reply)
                self._end_reasoning(reply)
                reply.attachments = (*reply.attachments, image)
            case ReasoningDetails(details):
                reply.reasoning_details = details
            case ModelName(name):
                reply.model = name
            case Usage():
                run = self._runs[reply.id]
                run.own_usage = event
                reply.usage = run.usage + event if run.usage else event
                counts = (event.prompt_tokens, event.completion_tokens)
                if None not in counts:
                    reply.context_tokens = sum(filter(None, counts))
            case Finish(reason):
                reply.finish_reason = reason
            case Failure(error):
                reply.error = error

    def end(self, reply: Message, *, stopped: bool = False) -> None:
        """The stream is over, however it ended; the text that came stays."""
        self._end_reasoning(reply)
        reply.retry_at = None
        self._settle(reply)
        run = self._runs.pop(reply.id, None)
        if run is not None:
            reply.duration_s = (reply.duration_s or 0) + self._clock() - run.started
        reply.status = "error" if reply.error else "stopped" if stopped else "complete"

    def _settle(self, reply: Message) -> None:
        """Counts what a request took that is over, whether or not another one follows it."""
        run = self._runs.get(reply.id)
        if run is not None and run.own_usage is not None:
            own = run.own_usage
            cost = run.own_estimate if own.cost is None else own.cost
            self.spent = self.spent.plus(replace(own, cost=cost))
            run.usage, run.own_usage, run.own_estimate = reply.usage, None, None

    def estimate(self, reply: Message, price: Callable[[int, int], float | None]) -> None:
        """Reckons what a request cost whose server does not say, by `price(tokens in, out)`."""
        run = self._runs[reply.id]
        usage = run.own_usage
        if usage is None or usage.cost is not None:
            return
        run.own_estimate = price(usage.prompt_tokens or 0, usage.completion_tokens or 0)
        if run.own_estimate is not None:
            reply.estimated_cost = (reply.estimated_cost or 0.0) + run.own_estimate

    def _note_first_token(self, reply: Message) -> None:
        if reply.first_token_s is None:
            reply.first_token_s = self._clock() - self._runs[reply.id].started

    def _end_reasoning(self, reply: Message) -> None:
        run = self._runs.get(reply.id)
        if run is not None and run.reasoning_since is not None:
            reply.reasoning_s = (reply.reasoning_s or 0) + self._clock() - run.reasoning_since
            run.reasoning_since = None

    def exchanged(self, *, before: Message | None = None) -> list[Message]:
        """The messages that the model sees next; with `before`, those that ask for that reply.

        A turn whose reply has no text is left out whole, so that roles always alternate: two user
        messages in a row make some models answer the wrong one, and some servers refuse.
        """
        path = self.messages
        exchanged: list[Message] = []
        for question, reply in zip(path[::2], path[1::2], strict=True):
            if reply is before:
                return [*exchanged, question]
            if reply.has_content:
                exchanged += [question, reply]
        return exchanged

    def to_openai(
        self, system: str = "", *, before: Message | None = None, images: bool = True
    ) -> list[dict[str, Any]]:
        """The same as the OpenAI SDK takes them. A reply that has text already is to go on.

        Without `images`, each is only named: for a model that takes none.
        """
        plain: list[dict[str, Any]] = []
        if system.strip():
            plain.append({"role": "system", "content": system})
        plain += [_plain(message, images) for message in self.exchanged(before=before)]
        if before is not None and before.has_text:
            plain.append({"role": "assistant", "content": before.content})
            plain.append({"role": "user", "content": _GO_ON})
        return plain

    def prompt_tokens(self, system: str = "", *, before: Message | None = None) -> int:
        """About what these messages take of the context, 0 if there are none.

        What the server counted at the last reply that it has seen, and the size of what came since.
        """
        since: list[Message] = []
        for message in reversed(self.exchanged(before=before)):
            if message.context_tokens is not None:
                return message.context_tokens + reckon_tokens([_plain(m) for m in since])
            since.append(message)
        return reckon_tokens(self.to_openai(system, before=before)) if since else 0

    def walk(self) -> Iterator[tuple[Message | None, Message]]:
        """All messages in all versions, each with the one that it follows, which comes earlier."""
        places: list[tuple[Message | None, Fork]] = [(None, self._start)]
        while places:
            before, fork = places.pop()
            for message in fork.versions:
                yield before, message
                places.append((message, message.next))

    def restore(
        self,
        after: Message | None,
        role: Role,
        content: str,
        reasoning: str = "",
        *,
        shown: bool = True,
        **facts: Any,
    ) -> Message:
        """Adds a message as it once was: a version of what follows `after` (None: of the first).

        `facts` are what else a `Message` has. The caller sees to it that roles alternate, and that
        each of a user's messages gets a reply.
        """
        fork = after.next if after else self._start
        message = Message(role, fork, **facts)
        message._content.write(content)
        message._reasoning.write(reasoning)
        fork.versions.append(message)
        if message.usage is not None:
            self.spent = self.spent.plus(replace(message.usage, cost=message.cost))
        if shown:
            fork.index = len(fork.versions) - 1
        return message


def _plain(message: Message, images: bool = True) -> dict[str, Any]:
    return {"role": message.role, "content": _content(message, images)}


def _content(message: Message, images: bool) -> str | list[dict[str, Any]]:
    if not message.attachments:
        return message.content
    shown = [a for a in message.attachments if a.kind == "image"]
    if message.role == "assistant":  # made by the model: no server takes them back as its words
        return "\n\n".join(filter(None, (message.content, *(f"[{a.name}]" for a in shown))))
    parts: list[dict[str, Any]] = [{"type": "text", "text": message.content}]
    for attachment in message.attachments:
        if attachment.kind == "image" and not images:
            parts.append({"type": "text", "text": f"[{attachment.name}]"})
        else:
            parts.append(attachment.part())
    return [part for part in parts if part.get("text") != ""]
