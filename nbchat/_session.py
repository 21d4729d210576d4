"""A conversation in progress: whose turn it is, and how a turn goes from the queue to its end."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from ._attachments import Attachment
from ._conversation import Conversation
from ._engine import Engine, background, start
from ._errors import ChatError
from ._message import Message
from ._plan import Plan, Rules, Server
from ._reply import Reply
from ._settings import ChatSettings
from ._stream import (
    ContentDelta,
    Event,
    Failure,
    ImageOutput,
    ModelName,
    ReasoningDelta,
    ToolCalls,
)
from ._tool_loop import CallsUnderWay

if TYPE_CHECKING:
    from ._response_format import ResponseFormat


class ConversationView(Protocol):
    """What shows the conversation."""

    def put(self, message: Message) -> None:
        """Adds a message."""

    def replace(self, messages: Sequence[Message], by: Sequence[Message]) -> None:
        """Takes messages away and adds others at the end, at once."""

    def append(self, message: Message, part: str, delta: str) -> None:
        """Adds text to a message's "content" or "reasoning"."""

    def settle(self, message: Message) -> None:
        """Shows all of a message but its texts and its calls of tools."""

    def call(self, message: Message, index: int) -> None:
        """Shows one of its calls as it is now."""


class Turn:
    """A reply on its way: with which settings it was asked for, and how to cancel it."""

    def __init__(
        self,
        message: Message,
        settings: ChatSettings,
        rules: Rules,
        stop: Callable[[Reply], None],
    ) -> None:
        self.message = message
        self.settings = settings
        self.rules = rules
        self.reply = Reply(message, stop)
        self.reply._streaming_thread = background().thread
        self.cancel: Callable[[], None] | None = None
        # Its message tells less: that may be continued while the task of this turn still ends.
        self.ended = False
        # Whether the request on its way has been answered with anything that is to be seen.
        self.answered = False
        # What was different about its requests but the one on its way.
        self.notes: list[str] = []
        self.calls: CallsUnderWay | None = None


class Session:
    """Runs the turns of one conversation, one at a time.

    Its methods may be called from any thread.

    Args:
        view: What shows the conversation.
        connect: Gives the engine, what is known of its server, and the settings with a model.
        rules: Gives what a person has decided about requests.
        on_change: Called when the session has become busy or idle.
        on_end: Called with each reply that has ended, on the thread that ended it.
    """

    def __init__(
        self,
        view: ConversationView,
        connect: Callable[[ChatSettings], Awaitable[tuple[Engine, Server, ChatSettings]]],
        rules: Callable[[], Rules],
        on_change: Callable[[], None],
        on_end: Callable[[Reply], None],
    ) -> None:
        self.lock = threading.RLock()
        self.conversation = Conversation()
        self._view = view
        self._connect = connect
        self._rules = rules
        self._on_change = on_change
        self._on_end = on_end
        self._queue: deque[Turn] = deque()
        self._turn: Turn | None = None
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether a reply streams or waits its turn."""
        return self._turn is not None

    def ask(
        self,
        content: str,
        settings: ChatSettings,
        *,
        attachments: Sequence[Attachment] = (),
        response_format: ResponseFormat | None = None,
        queue: bool,
    ) -> Reply:
        """Adds a message and the turn that answers it.

        Raises:
            RuntimeError: A reply is running, and `queue` is false.
        """
        with self._changing(anytime=queue):
            reply = self.conversation.ask(
                content, attachments=attachments, response_format=response_format
            )
            return self._enqueue(reply, settings)

    def edit(self, question: Message, content: str, settings: ChatSettings) -> Reply:
        """Adds another version of a user's message, and the turn that answers it.

        What was attached to the message stays attached, and the reply is to have the same form.

        Raises:
            RuntimeError: A reply is running.
        """
        with self._changing():
            answer = question.next.shown
            reply = self.conversation.ask(
                content,
                attachments=question.attachments,
                instead_of=question,
                response_format=answer.response_format if answer else None,
            )
            return self._enqueue(reply, settings)

    def regenerate(self, reply: Message, settings: ChatSettings) -> Reply:
        """Asks for another version of a reply.

        Raises:
            RuntimeError: A reply is running.
        """
        with self._changing():
            return self._enqueue(self.conversation.regenerate(reply), settings)

    def retry(self, settings: ChatSettings) -> Reply:
        """Repeats the last request, if it was stopped or ended in an error.

        Raises:
            RuntimeError: There is no such request, or a reply is running.
        """
        with self.lock:
            reply = self.last_reply
            if not self.busy and reply.status not in ("error", "stopped"):
                raise RuntimeError("There is no failed reply to repeat.")
            return (self.resume if reply.is_cut_off else self.regenerate)(reply, settings)

    def resume(self, reply: Message, settings: ChatSettings) -> Reply:
        """Lets a reply go on that was cut off at max tokens.

        Raises:
            RuntimeError: It was not, or a reply is running.
        """
        with self._changing():
            if not reply.is_cut_off:
                raise RuntimeError("This reply was not cut off at max tokens.")
            self.conversation.resume(reply)
            self._view.settle(reply)
            return self._enqueue(reply, settings)

    def show_version(self, message: Message, step: int) -> None:
        """Shows the next version of a message (1) or the previous one (-1), with what follows it.

        Raises:
            RuntimeError: A reply is running.
            ValueError: There is no such version.
        """
        with self._changing():
            message.fork.step(step)

    def find(self, message_id: str) -> Message:
        """The message that is shown under this id.

        Raises:
            ValueError: There is none.
        """
        with self.lock:
            for message in self.conversation.messages:
                if message.id == message_id:
                    return message
        raise ValueError("This message is no longer shown.")

    def read_attachment(self, attachment_id: str) -> tuple[str, bytes]:
        """Name and content of what goes with one of the messages that are shown.

        Raises:
            ValueError: There is none with this id.
        """
        with self.lock:
            for message in self.conversation.messages:
                for attachment in message.attachments:
                    if attachment.id == attachment_id:
                        return attachment.name, attachment.data
        raise ValueError("This file is no longer there.")

    @property
    def last_reply(self) -> Message:
        """The last reply that is shown.

        Raises:
            RuntimeError: There is none.
        """
        with self.lock:
            if messages := self.conversation.messages:
                return messages[-1]
        raise RuntimeError("There is no reply yet.")

    def stop(self, reply: Reply | None = None) -> None:
        """Ends one reply, or all that run and wait; the text so far stays."""
        with self.lock:
            turns = [turn for turn in (*self._queue, self._turn) if turn is not None]
        for turn in turns:
            if reply in (None, turn.reply):
                self._end(turn, stopped=True)

    def restore(self, conversation: Conversation) -> None:
        """Goes on with a conversation that was kept elsewhere."""
        with self.lock:
            before, self.conversation = self.conversation, conversation
            self._view.replace(before.messages, conversation.messages)

    def clear(self) -> None:
        """Ends what runs and empties the conversation."""
        with self.lock:
            self.stop()
            with self._changing(anytime=True):
                self.conversation.clear()

    def close(self) -> None:
        """Ends what runs; nothing can be asked any more."""
        self._closed = True
        self.stop()

    def check_open(self) -> None:
        """Raises a RuntimeError where the session is closed."""
        if self._closed:
            raise RuntimeError("This chat is closed: make a new ChatWidget.")

    @contextmanager
    def _changing(self, *, anytime: bool = False) -> Iterator[None]:
        """Shows what becomes of the path; refuses to change it below a reply that runs."""
        with self.lock:
            self.check_open()
            if self.busy and not anytime:
                raise RuntimeError(
                    "A reply is still running: wait for it, or stop it. "
                    "(In code, send(…, queue=True) waits its turn.)"
                )
            before = self.conversation.messages
            yield
            after = self.conversation.messages
            kept = set(before).intersection(after)
            gone = [message for message in before if message not in kept]
            new = [message for message in after if message not in kept]
            if gone:
                self._view.replace(gone, new)
            else:
                for message in new:
                    self._view.put(message)

    def _enqueue(self, message: Message, settings: ChatSettings) -> Reply:
        turn = Turn(message, settings, self._rules(), self.stop)
        self._queue.append(turn)
        if self._turn is None:
            self._begin_next()
        return turn.reply

    def _begin_next(self) -> None:
        self._turn = turn = self._queue.popleft() if self._queue else None
        if turn is not None:
            turn.cancel = start(self._run(turn))
        self._on_change()

    async def _run(self, turn: Turn) -> None:
        try:
            with self.lock:
                if turn.ended:
                    return  # stopped before it began
                self.conversation.begin(turn.message, turn.settings.model)
                self._view.settle(turn.message)
            engine, server, settings = await self._connect(turn.settings)
            rounds = turn.rules.toolbox.max_tool_rounds
            for left in range(rounds, -1, -1):
                if left == 0:
                    turn.notes.append(
                        f"Tools were called {rounds} times: the answer had to do without more."
                    )
                plan = self._plan(turn, server, settings, may_call=left > 0)
                await self._request(turn, engine, plan)
                if not plan.may_call or not await self._call_tools(turn):
                    break
                turn.notes, settings = list(turn.message.notes), plan.settings
        except ChatError as error:
            self._fail(turn, error)
        except asyncio.CancelledError:
            self._end(turn, stopped=True)
            raise
        except Exception as error:  # anything else would vanish with the task
            self._fail(turn, ChatError(f"nbchat failed: {error!r}", retryable=True))
        finally:
            self._end(turn)

    async def _request(self, turn: Turn, engine: Engine, plan: Plan) -> None:
        """Sends a request, again if that may help.

        Raises:
            ChatError: Its answer ended in one.
        """
        wait_s: float | None = 0.0
        while wait_s is not None:
            await self._wait(turn, plan, wait_s)
            failure = await self._ask(turn, engine, plan)
            wait_s = plan.after(failure) if failure and not turn.answered else None
        if failure:
            raise failure

    def _plan(self, turn: Turn, server: Server, settings: ChatSettings, *, may_call: bool) -> Plan:
        model = server.model(settings.model)
        images = model is None or model.images is not False
        with self.lock:
            self.conversation.settle(turn.message)  # what the rounds before have cost
            messages = self.conversation.to_openai(
                settings.system, before=turn.message, images=images
            )
            tokens = self.conversation.prompt_tokens(settings.system, before=turn.message)
            spent = self.conversation.spent
        form = turn.message.response_format
        return Plan(settings, messages, server, turn.rules, spent, tokens, form, may_call)

    async def _wait(self, turn: Turn, plan: Plan, wait_s: float) -> None:
        """Shows what is about to be sent, and waits for its time."""
        with self.lock:
            notes = self._notes(turn, plan)
            self.conversation.ask_again(turn.message, plan.body["model"], notes, wait_s)
            self._view.settle(turn.message)
        if wait_s:
            await asyncio.sleep(wait_s)
            with self.lock:
                turn.message.retry_at = None
                self._view.settle(turn.message)

    async def _ask(self, turn: Turn, engine: Engine, plan: Plan) -> ChatError | None:
        """Sends the request; gives the error in which its answer ended, if it did."""
        turn.answered, failures = False, []

        def apply(event: Event) -> None:
            if isinstance(event, Failure):
                failures.append(event.error)
            else:
                self._apply(turn, event)

        await engine.stream(plan.body, apply)
        with self.lock:
            if not turn.ended:
                plan.look_back(turn.message.context_tokens)
                turn.message.notes = self._notes(turn, plan)
                if plan.model is not None:
                    self.conversation.estimate(turn.message, plan.model.price)
        return failures[0] if failures else None

    @staticmethod
    def _notes(turn: Turn, plan: Plan) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*turn.notes, *plan.notes]))

    async def _call_tools(self, turn: Turn) -> bool:
        """Calls the tools that the last answer asked for; gives whether it asked for any."""
        with self.lock:
            calls = [pair for pair in enumerate(turn.message.tool_calls) if pair[1].is_open]
            for index, _ in calls:
                self._view.call(turn.message, index)
        if not calls:
            return False

        def change(index: int, **changes: object) -> None:
            with self.lock:
                if not turn.ended:
                    self.conversation.change_call(turn.message, index, **changes)
                    self._view.call(turn.message, index)

        turn.calls = CallsUnderWay(turn.rules.toolbox, change)
        await turn.calls.run(calls)
        return True

    def decide(self, message: Message, index: int, allow: bool) -> None:
        """Allows or denies a call that waits for it.

        Raises:
            ValueError: It does not wait.
        """
        turn = self._turn
        if turn is None or turn.message is not message or turn.calls is None:
            raise ValueError("This call no longer waits for an answer.")
        turn.calls.decide(index, allow)

    def _fail(self, turn: Turn, error: ChatError) -> None:
        with self.lock:
            if not turn.ended:  # else it was stopped meanwhile
                self.conversation.apply(turn.message, Failure(error))

    def _apply(self, turn: Turn, event: Event) -> None:
        with self.lock:
            message = turn.message
            if turn.ended:
                return  # stopped meanwhile
            begins = message.first_token_s is None
            event = self.conversation.apply(message, event)
            if begins and message.first_token_s is not None:
                self._view.settle(message)  # how long that took
            match event:
                case ContentDelta(text):
                    turn.answered = True
                    self._view.append(message, "content", text)
                case ReasoningDelta(text):
                    turn.answered = True
                    self._view.append(message, "reasoning", text)
                case ImageOutput():
                    turn.answered = True
                    self._view.settle(message)
                case ToolCalls():
                    turn.answered = True
                case ModelName():
                    self._view.settle(message)

    def _end(self, turn: Turn, *, stopped: bool = False) -> None:
        with self.lock:
            if turn.ended:
                return
            turn.ended = True
            for index in self.conversation.end(turn.message, stopped=stopped):
                self._view.call(turn.message, index)
            self._view.settle(turn.message)
            if turn in self._queue:
                self._queue.remove(turn)
            if turn is self._turn:
                self._begin_next()
        if stopped and turn.cancel is not None:
            turn.cancel()
        self._on_end(turn.reply)
        turn.reply._ended.set_result(None)
