"""A reply on its way: what each event of the stream makes of it, and the time that takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from .events import (
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
from .message import Message
from .tool_rounds import Round, ToolCall


class Progress:
    """From a reply's first request to its end; it may have begun before, and be continued now.

    Args:
        reply: As it was before.
        clock: Gives seconds.
    """

    def __init__(self, reply: Message, clock: Callable[[], float]) -> None:
        self._reply = reply
        self._clock = clock
        self._started = clock()
        self._is_sent = False
        self._finish_reason_before = reply.finish_reason
        # Of the requests that are over, and of the one that is on its way.
        self._usage_before = reply.usage
        self._usage: Usage | None = None
        self._estimate: float | None = None
        self._reasoning_since: float | None = None
        self._calling_since: float | None = None

    def ask_again(self, model: str, notes: Sequence[str], wait_s: float) -> None:
        """A request is about to be sent."""
        self._end_calls()
        if not self._is_sent:  # until then, nbchat itself took its time
            self._started, self._is_sent = self._clock(), True
        reply = self._reply
        reply.model = model
        reply.notes = tuple(notes)
        reply.finish_reason = self._finish_reason_before
        reply.retry_at = time.monotonic() + wait_s if wait_s else None

    def apply(self, event: Event) -> Event:
        """Takes one event into the reply; gives what became of it."""
        reply = self._reply
        event = _spaced(reply, event)
        match event:
            case ContentDelta(text):
                self._note_first_token()
                self._end_reasoning()
                reply._content.write(text)
            case ReasoningDelta(text):
                self._note_first_token()
                if self._reasoning_since is None:
                    self._reasoning_since = self._clock()
                reply._reasoning.write(text)
            case ImageOutput(image):
                self._note_first_token()
                self._end_reasoning()
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
                self._end_reasoning()
                self._calling_since = self._clock()
            case ModelName(name):
                reply.model = name
            case Usage():
                self._usage = event
                reply.usage = self._usage_before + event if self._usage_before else event
                counts = (event.prompt_tokens, event.completion_tokens)
                if None not in counts:
                    reply.context_tokens = sum(filter(None, counts))
            case Finish(reason):
                reply.finish_reason = reason
            case Failure(error):
                reply.error = error
        return event

    def estimate(self, price: Callable[[int, int], float | None]) -> None:
        """Reckons what a request cost whose server does not say, by `price(tokens in, out)`."""
        usage = self._usage
        if usage is None or usage.cost is not None:
            return
        self._estimate = price(usage.prompt_tokens or 0, usage.completion_tokens or 0)
        if self._estimate is not None:
            self._reply.estimated_cost = (self._reply.estimated_cost or 0.0) + self._estimate

    def settle(self) -> Usage | None:
        """The request is over: what it took, unless that was told before."""
        usage, self._usage = self._usage, None
        if usage is None:
            return None
        cost = self._estimate if usage.cost is None else usage.cost
        self._usage_before, self._estimate = self._reply.usage, None
        return replace(usage, cost=cost)

    def end(self) -> None:
        """Nothing more comes."""
        self._end_reasoning()
        self._end_calls()
        reply = self._reply
        reply.retry_at = None
        reply.duration_s = (reply.duration_s or 0) + self._clock() - self._started

    def _note_first_token(self) -> None:
        if self._reply.first_token_s is None:
            self._reply.first_token_s = self._clock() - self._started

    def _end_reasoning(self) -> None:
        if self._reasoning_since is not None:
            seconds = self._clock() - self._reasoning_since
            self._reply.reasoning_s = (self._reply.reasoning_s or 0) + seconds
            self._reasoning_since = None

    def _end_calls(self) -> None:
        if self._calling_since is not None:
            self._started += self._clock() - self._calling_since
            self._calling_since = None


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
