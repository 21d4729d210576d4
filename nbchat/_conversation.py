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
from ._rounds import Round, ToolCall, reply_messages, round_messages
from ._stream import (
    ContentDelta,
    Event,
    Failure,
    Finish,
    ImageOutput,
    ModelName,
    ReasoningDelta,
    ReasoningDetails,
    ToolCalls,
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
        rounds: The requests of a reply that called tools, with the calls.
        notes: What a person should know about how it came about, a sentence each.
        runs: The number of each block of Python that has been run here, and the id of the widget
            that shows what came out.
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
    next: Fork = field(default_factory=lambda: Fork(), repr=False)
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
    runs: dict[int, str] = field(default_factory=dict)
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
    def goes_on(self) -> bool:
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
        return self.finish_reason == "length" and self.goes_on

    def to_view(self) -> dict[str, Any]:
        """The message as the front end knows it (`Message` in `frontend/src/protocol.ts`)."""
        return {
            "content": self.content,
            "reasoning": self.reasoning,
            "tool_calls": list(map(self.call_to_view, range(len(self.tool_calls)))),
            **self.facts(),
        }

    def call_to_view(self, index: int) -> dict[str, Any]:
        """One of the calls of tools as the front end knows it."""
        ats = [round_.at for round_ in self.rounds for _ in round_.calls]
        call = self.tool_calls[index]
        return {
            "name": call.name,
            "arguments": call.pretty_arguments,
            "status": call.status,
            "result": call.result,
            "at": _utf16_length(self.content[: ats[index]]),
        }

    def facts(self) -> dict[str, Any]:
        """All of the message but its two texts and the calls, which grow."""
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
            "runs": {str(index): model_id for index, model_id in self.runs.items()},
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
    calling_since: float | None = None


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
        self.settle(reply)
        self._end_calls(reply)
        run = self._runs[reply.id]
        if not run.is_sent:  # until then, nbchat itself took its time
            run.started, run.is_sent = self._clock(), True
        reply.model = model
        reply.notes = tuple(notes)
        reply.finish_reason = run.finish_reason
        reply.retry_at = time.monotonic() + wait_s if wait_s else None

    def apply(self, reply: Message, event: Event) -> Event:
        """Takes one event of the stream into the reply it belongs to; gives what became of it."""
        event = _spaced(reply, event)
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
            case ToolCalls():
                calls = tuple(ToolCall(call.id, call.name, call.arguments) for call in event.calls)
                round_ = Round(
                    len(reply.content), calls, event.reasoning_details, event.reasoning_content
                )
                reply.rounds = (*reply.rounds, round_)
                reply.reasoning_details = ()
                reply._reasoning_at = reply._reasoning.tell()
                self._end_reasoning(reply)
                self._runs[reply.id].calling_since = self._clock()
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
        return event

    def change_call(self, reply: Message, index: int, **changes: Any) -> None:
        """Sets what is known of one of the reply's `tool_calls`."""
        rounds = list(reply.rounds)
        for at, round_ in enumerate(rounds):
            if index < len(round_.calls):
                calls = list(round_.calls)
                calls[index] = replace(calls[index], **changes)
                rounds[at] = replace(round_, calls=tuple(calls))
                break
            index -= len(round_.calls)
        reply.rounds = tuple(rounds)

    def end(self, reply: Message, *, stopped: bool = False) -> list[int]:
        """The stream is over, however it ended; the text that came stays.

        Returns:
            Which of its `tool_calls` have been stopped by this.
        """
        self._end_reasoning(reply)
        self._end_calls(reply)
        reply.retry_at = None
        self.settle(reply)
        run = self._runs.pop(reply.id, None)
        if run is not None:
            reply.duration_s = (reply.duration_s or 0) + self._clock() - run.started
        reply.status = "error" if reply.error else "stopped" if stopped else "complete"
        unanswered = [index for index, call in enumerate(reply.tool_calls) if call.is_open]
        for index in unanswered:
            self.change_call(reply, index, status="stopped")
        return unanswered

    def settle(self, reply: Message) -> None:
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

    def _end_calls(self, reply: Message) -> None:
        run = self._runs.get(reply.id)
        if run is not None and run.calling_since is not None:
            run.started += self._clock() - run.calling_since
            run.calling_since = None

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

        One that has called tools is to go on with what they gave.

        Without `images`, each is only named: for a model that takes none.
        """
        plain: list[dict[str, Any]] = []
        if system.strip():
            plain.append({"role": "system", "content": system})
        for message in self.exchanged(before=before):
            plain += to_openai(message, images)
        if before is not None and before.goes_on:
            plain += reply_messages(before.content, before.rounds)
            plain.append({"role": "user", "content": _GO_ON})
        elif before is not None:
            plain += round_messages(before.content, before.rounds)
        return plain

    def prompt_tokens(self, system: str = "", *, before: Message | None = None) -> int:
        """About what these messages take of the context, 0 if there are none.

        What the server counted at the last reply that it has seen, and the size of what came since.
        """
        since: list[dict[str, Any]] = []
        if before is not None and before.rounds:
            if before.context_tokens is not None:
                results = [] if before.goes_on else round_messages("", before.rounds[-1:])[1:]
                return before.context_tokens + reckon_tokens(results)
            since += round_messages(before.content, before.rounds)
        for message in reversed(self.exchanged(before=before)):
            if message.context_tokens is not None:
                return message.context_tokens + reckon_tokens(since)
            since += to_openai(message)
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


def to_openai(message: Message, images: bool = True) -> list[dict[str, Any]]:
    """A message as the OpenAI SDK takes it: of a reply that called tools, several.

    Without `images`, each is only named: for a model that takes none.
    """
    if message.role == "assistant":
        return reply_messages(_said(message), message.rounds)
    return [{"role": message.role, "content": _content(message, images)}]


def _said(reply: Message) -> str:
    # Made by the model: no server takes them back as its words.
    shown = [f"[{a.name}]" for a in reply.attachments if a.kind == "image"]
    return "\n\n".join(filter(None, (reply.content, *shown)))


def _spaced(reply: Message, event: Event) -> Event:
    """Texts of different rounds, which would run into each other, with a blank line between."""
    if not reply.rounds:
        return event
    match event:
        case ContentDelta(text) if reply.has_text and not reply.goes_on:
            return ContentDelta(f"\n\n{text}")
        case ReasoningDelta(text) if reply._reasoning_at == reply._reasoning.tell() > 0:
            return ReasoningDelta(f"\n\n{text}")
    return event


def _utf16_length(text: str) -> int:
    """How long JavaScript finds a text."""
    return len(text) + sum(char > "\uffff" for char in text)


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
