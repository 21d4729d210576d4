"""Runs one turn: all requests that a reply needs, from the first one to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, Protocol

from nbchat._chat.background import background
from nbchat._chat.conversation.conversation import Conversation
from nbchat._chat.conversation.message import Message
from nbchat._chat.conversation.tool_rounds import CallStatus
from nbchat._chat.errors import ChatError, assert_never
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
)
from nbchat._chat.settings import ChatSettings
from nbchat._servers.engine import Engine
from nbchat._servers.server import Server
from nbchat._tools.calls import RunningCalls

from .plan import Plan
from .reply import Reply
from .rules import Rules

#: Returns the engine, what is known about its server, and the settings with a model.
Connect = Callable[[ChatSettings], Awaitable[tuple[Engine, Server, ChatSettings]]]
_log = logging.getLogger("nbchat")


class ConversationView(Protocol):
    """Shows the conversation to the user."""

    def put(self, message: Message) -> None:
        """Adds a message at the end."""

    def replace(self, messages: Sequence[Message], by: Sequence[Message]) -> None:
        """Removes messages, and adds others at the end, in one step."""

    def append(self, message: Message, part: Literal["content", "reasoning"], delta: str) -> None:
        """Adds text to a message's "content" or "reasoning"."""

    def send_facts(self, message: Message) -> None:
        """Shows everything about a message but its texts and its tool calls."""

    def send_call(self, message: Message, index: int) -> None:
        """Shows the current state of one of a message's tool calls."""


class Turn:
    """One turn: a reply in progress.

    Args:
        message: The reply, a message of `conversation`.
        settings: The settings when the reply was asked for.
        rules: What the user had decided about requests at that time.
        conversation: The conversation that the reply belongs to.
        view: Shows the conversation.
        lock: Held while conversation and view change.
        connect: Finds the server.
        stop: Stops the turn of a reply.
        end: Called with the turn when it is over, and whether it was stopped; perhaps repeatedly.

    Attributes:
        ended: Whether the turn is over; set by its owner. The message's status can't say so: the
            reply may be continued by another turn while the task of this one is still ending.
    """

    def __init__(
        self,
        message: Message,
        settings: ChatSettings,
        rules: Rules,
        *,
        conversation: Conversation,
        view: ConversationView,
        lock: threading.RLock,
        connect: Connect,
        stop: Callable[[Reply], None],
        end: Callable[[Turn, bool], None],
    ) -> None:
        self.message = message
        self._settings = settings
        self._rules = rules
        self._conversation = conversation
        self._progress = conversation.progress(message)
        self._view = view
        self._lock = lock
        self._connect = connect
        self._end = end
        self.reply = Reply(message, stop)
        self.reply._streaming_thread = background().thread
        self.cancel: Callable[[], None] | None = None
        self.ended = False
        # Whether the current request has been answered with anything that is visible.
        self._answered = False
        # The notes of the requests before the current one.
        self._past_notes: list[str] = []
        self._calls: RunningCalls | None = None
        self._try_now = asyncio.Event()

    def try_now(self) -> None:
        """Ends the wait before a request."""
        background().call(self._try_now.set)

    def decide(self, index: int, allow: bool) -> None:
        """Allows or denies a tool call that waits for the user's answer.

        Raises:
            ValueError: The call does not wait for an answer.
        """
        if self._calls is None:
            raise ValueError("This call no longer waits for an answer.")
        self._calls.decide(index, allow)

    def allow_tool(self, index: int) -> None:
        """Allows a tool call that waits for the user's answer, and all others of its tool.

        Raises:
            ValueError: The call does not wait for an answer.
        """
        if self._calls is None:
            raise ValueError("This call no longer waits for an answer.")
        self._calls.allow_tool(index)

    async def run(self) -> None:
        """Runs the turn from its first request to its end."""
        try:
            with self._lock:
                if self.ended:
                    return  # stopped before it began
                self._progress.begin(self._settings.model)
                self._view.send_facts(self.message)
            engine, server, settings = await self._connect(self._settings)
            if settings.model == server.taken != "" and self._is_first:
                self._past_notes.append(server.note)
            rounds = self._rules.toolbox.max_tool_rounds
            for left in range(rounds, -1, -1):
                if left == 0:
                    self._past_notes.append(
                        f"The model reached the limit of {rounds} rounds of tool calls, so it had "
                        "to answer without more."
                    )
                plan = self._plan(server, settings, may_call=left > 0)
                await self._request(engine, plan)
                if not plan.may_call or not await self._call_tools():
                    break
                self._past_notes, settings = list(self.message.notes), plan.settings
        except ChatError as error:
            self._fail(error)
        except asyncio.CancelledError:
            self._end(self, True)
            raise
        except Exception as error:  # anything else would vanish with the task
            failed = "nbchat failed"
            text = f"{failed}: {error!r}"
            self._fail(ChatError(text, title=failed, advice=f"{error!r}", retryable=True))
        finally:
            self._end(self, False)

    @property
    def _is_first(self) -> bool:
        """Whether this is the first reply of the conversation."""
        with self._lock:
            messages = self._conversation.messages
            return next((m for m in messages if m.role == "assistant"), None) is self.message

    async def _request(self, engine: Engine, plan: Plan) -> None:
        """Sends a request, and after an error again if that may help.

        Raises:
            ChatError: The last answer ended in this error.
        """
        wait_s: float | None = 0.0
        while wait_s is not None:
            await self._wait(plan, wait_s)
            failure = await self._ask(engine, plan)
            wait_s = plan.after(failure) if failure and not self._answered else None
        if failure:
            raise failure

    def _plan(self, server: Server, settings: ChatSettings, *, may_call: bool) -> Plan:
        model = server.model(settings.model)
        images = model is None or model.images is not False
        with self._lock:
            self._conversation.account_for(self.message)  # adds the cost of the rounds before
            messages = self._conversation.to_openai(
                settings.system, before=self.message, images=images
            )
            tokens = self._conversation.counted_tokens(before=self.message)
            spent = self._conversation.spent
        form = self.message.response_format
        return Plan(settings, messages, server, self._rules, spent, tokens, form, may_call)

    async def _wait(self, plan: Plan, wait_s: float) -> None:
        """Shows the request that is sent next, and waits until it may be sent."""
        with self._lock:
            notes = self._notes(plan)
            self._conversation.account_for(self.message)
            self._progress.begin_request(
                plan.body["model"], notes, wait_s, asked_to_reason=plan.asks_to_reason
            )
            self._view.send_facts(self.message)
        if wait_s:
            self._try_now.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._try_now.wait(), wait_s)
                plan.cut_wait()
            with self._lock:
                self._progress.end_wait()
                self._view.send_facts(self.message)

    async def _ask(self, engine: Engine, plan: Plan) -> ChatError | None:
        """Sends the request; returns the error if its answer ended in one.

        Raises:
            ChatError: It is not sent, because it is beyond a limit of a shared page.
        """
        self._answered = False
        failures: list[ChatError] = []
        budget = self._rules.budget
        settle = await asyncio.to_thread(budget.take, plan.most) if budget is not None else None

        def apply(event: Event) -> None:
            if isinstance(event, Failure):
                failures.append(event.error)
            else:
                self._apply(event)

        await engine.stream(plan.body, apply)
        with self._lock:
            if not self.ended:
                plan.note_truncation(self.message.context_tokens)
                self._progress.note(self._notes(plan))
                if plan.model is not None:
                    self._progress.estimate(plan.model.price)
            failure = failures[0] if failures else None
            refused = failure is not None and failure.status_code and not self._answered
            cost = 0.0 if refused else self._progress.request_cost
        if settle is not None and cost is not None:
            await asyncio.to_thread(settle, cost)
        return failure

    def _notes(self, plan: Plan) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self._past_notes, *plan.notes]))

    async def _call_tools(self) -> bool:
        """Calls the tools that the last answer asked for; returns whether it asked for any."""
        with self._lock:
            calls = [pair for pair in enumerate(self.message.tool_calls) if pair[1].is_open]
            for index, _ in calls:
                self._view.send_call(self.message, index)
        if not calls:
            return False

        def change(index: int, status: CallStatus, result: str | None = None) -> None:
            with self._lock:
                if not self.ended:
                    self._progress.change_call(index, status, result)
                    self._view.send_call(self.message, index)

        self._calls = RunningCalls(self._rules.toolbox, change)
        await self._calls.run(calls)
        return True

    def _fail(self, error: ChatError) -> None:
        if self._rules.budget is not None and (error.detail or not error.kind):
            error = _for_visitors(error)
        with self._lock:
            if not self.ended:  # it may have been stopped meanwhile
                self._progress.apply(Failure(error))

    def _apply(self, event: Event) -> None:
        with self._lock:
            message = self.message
            if self.ended:
                return  # stopped meanwhile
            known = (message.first_token_s, message.reasoning_s)
            event = self._progress.apply(event)
            if known != (message.first_token_s, message.reasoning_s):
                self._view.send_facts(message)  # how long the first token and the thoughts took
            match event:
                case ContentDelta(text):
                    self._answered = True
                    self._view.append(message, "content", text)
                case ReasoningDelta(text):
                    self._answered = True
                    self._view.append(message, "reasoning", text)
                case ImageOutput():
                    self._answered = True
                    self._view.send_facts(message)
                case ToolCalls():
                    self._answered = True
                case ModelName():
                    self._view.send_facts(message)
                case ReasoningDetails() | Usage() | Finish() | Failure():
                    pass  # shown at the end
                case _:
                    assert_never(event)


def _for_visitors(error: ChatError) -> ChatError:
    """Logs an error; returns it without the server's words, which may name the owner's account."""
    _log.warning("A reply on a shared page failed: %s %s", error.message, error.detail or "")
    return ChatError(
        f"{error.title.partition(': ')[0]}. The owner of this page finds the details in the log.",
        status_code=error.status_code,
        retryable=error.retryable,
        kind=error.kind,
    )
