"""The progress of a reply: the only code that changes it, from "queued" until it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from nbchat._chat.errors import assert_never
from nbchat._chat.events import (
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
    cost,
)

from .message import Message
from .tool_rounds import CallStatus, Round, ToolCall


class Progress:
    """Changes a reply from "queued" until it has ended.

    Args:
        reply: A new reply, or a reply that ended early and is continued.
        clock: Returns seconds.
    """

    def __init__(self, reply: Message, clock: Callable[[], float]) -> None:
        self._reply = reply
        self._clock = clock
        self._started: float | None = None
        self._is_sent = False
        self._finish_reason_before = reply.finish_reason
        # The usage of the finished requests, and of the current one.
        self._usage_before = reply.usage
        self._usage: Usage | None = None
        self._estimate: float | None = None
        self._reasoning_since: float | None = None
        self._calling_since: float | None = None
        reply.status = "queued"
        reply.error = None

    def begin(self, model: str) -> None:
        """Starts the reply when its turn in the queue has come."""
        self._started = self._clock()
        self._reply.status = "streaming"
        self._reply.model = model or None

    def begin_request(
        self,
        model: str,
        notes: Sequence[str],
        wait_s: float = 0.0,
        *,
        asked_to_reason: bool = False,
    ) -> None:
        """Prepares for a request, which is sent to this model in `wait_s` seconds."""
        self._end_calls()
        if not self._is_sent:  # the time that nbchat took before this doesn't count
            self._started, self._is_sent = self._clock(), True
        reply = self._reply
        reply.model = model
        reply.asked_to_reason = asked_to_reason
        reply.notes = tuple(notes)
        reply.finish_reason = self._finish_reason_before
        reply.retry_at = time.monotonic() + wait_s if wait_s else None

    def end_wait(self) -> None:
        """Ends the wait before a request."""
        self._reply.retry_at = None

    def note(self, notes: Sequence[str]) -> None:
        """Sets what the user should know about how the reply was made."""
        self._reply.notes = tuple(notes)

    def change_call(
        self, index: int, status: CallStatus | None = None, result: str | None = None
    ) -> None:
        """Changes the call at `index` in the reply's `tool_calls`."""
        rounds = list(self._reply.rounds)
        for at, round_ in enumerate(rounds):
            if index < len(round_.calls):
                calls = list(round_.calls)
                call = calls[index]
                calls[index] = replace(
                    call,
                    status=call.status if status is None else status,
                    result=call.result if result is None else result,
                )
                rounds[at] = replace(round_, calls=tuple(calls))
                break
            index -= len(round_.calls)
        self._reply.rounds = tuple(rounds)

    def apply(self, event: Event) -> Event:
        """Applies one event to the reply, and returns the event with the spacing added to it."""
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
            case _:
                assert_never(event)
        return event

    def estimate(self, price: Callable[[int, int], float | None]) -> None:
        """Estimates the request's cost by `price(tokens in, out)` if the server reports none."""
        usage = self._usage
        if usage is None or usage.cost is not None:
            return
        self._estimate = cost(price(usage.prompt_tokens or 0, usage.completion_tokens or 0))
        if self._estimate is not None:
            self._reply.estimated_cost = (self._reply.estimated_cost or 0.0) + self._estimate

    @property
    def request_cost(self) -> float | None:
        """The cost of the current request, reported or estimated; None if it is not known."""
        reported = self._usage.cost if self._usage is not None else None
        return self._estimate if reported is None else reported

    def account_for(self) -> Usage | None:
        """Returns the usage of the request that has just ended, once; None if there is none."""
        paid = self.request_cost
        usage, self._usage = self._usage, None
        if usage is None:
            return None
        self._usage_before, self._estimate = self._reply.usage, None
        return replace(usage, cost=paid)

    def end(self, *, stopped: bool) -> list[int]:
        """Ends the reply; the text that has arrived stays.

        Returns:
            The indexes in `tool_calls` of the calls that this has stopped.
        """
        reply = self._reply
        self._end_reasoning()
        self._end_calls()
        if self._started is not None:
            reply.retry_at = None
            reply.duration_s = (reply.duration_s or 0) + self._clock() - self._started
        reply.status = "error" if reply.error else "stopped" if stopped else "complete"
        unanswered = [index for index, call in enumerate(reply.tool_calls) if call.is_open]
        for index in unanswered:
            self.change_call(index, status="stopped")
        return unanswered

    def _note_first_token(self) -> None:
        if self._reply.first_token_s is None and self._started is not None:
            self._reply.first_token_s = self._clock() - self._started

    def _end_reasoning(self) -> None:
        if self._reasoning_since is not None:
            seconds = self._clock() - self._reasoning_since
            self._reply.reasoning_s = (self._reply.reasoning_s or 0) + seconds
            self._reasoning_since = None

    def _end_calls(self) -> None:
        if self._calling_since is not None and self._started is not None:
            self._started += self._clock() - self._calling_since
            self._calling_since = None


def _spaced(reply: Message, event: Event) -> Event:
    """Adds a blank line before a round's first text: it would run into the previous round's."""
    if not reply.rounds:
        return event
    match event:
        case ContentDelta(text) if reply.has_text and not reply.has_text_after_calls:
            return ContentDelta(f"\n\n{text}")
        case ReasoningDelta(text) if reply._reasoning_at == reply._reasoning.tell() > 0:
            return ReasoningDelta(f"\n\n{text}")
    return event
