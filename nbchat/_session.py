"""A conversation in progress: whose turn it is, and how a turn goes from the queue to its end."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from ._conversation import Conversation, Message
from ._engine import Engine, background, start
from ._errors import ChatError
from ._reply import Reply
from ._request import chat_completion_body
from ._settings import ChatSettings
from ._stream import ContentDelta, Event, Failure, ModelName, ReasoningDelta


class ConversationView(Protocol):
    """What shows the conversation."""

    def put(self, message: Message) -> None:
        """Adds a message, or replaces the one with its id."""

    def append(self, message: Message, part: str, delta: str) -> None:
        """Adds text to a message's "content" or "reasoning"."""

    def settle(self, message: Message) -> None:
        """Shows all of a message but its texts."""

    def remove(self, *messages: Message) -> None:
        """Takes messages away."""


class Turn:
    """A reply on its way: with which settings it was asked for, and how to cancel it."""

    def __init__(
        self, message: Message, settings: ChatSettings, stop: Callable[[Reply], None]
    ) -> None:
        self.message = message
        self.settings = settings
        self.reply = Reply(message, stop)
        self.reply._streaming_thread = background().thread
        self.cancel: Callable[[], None] | None = None


class Session:
    """Runs the turns of one conversation, one at a time.

    Its methods may be called from any thread.

    Args:
        view: What shows the conversation.
        connect: Gives the engine and the model to ask when none was chosen.
        on_change: Called when the session has become busy or idle.
        on_end: Called with each reply that has ended, on the thread that ended it.
    """

    def __init__(
        self,
        view: ConversationView,
        connect: Callable[[ChatSettings], Awaitable[tuple[Engine, ChatSettings]]],
        on_change: Callable[[], None],
        on_end: Callable[[Reply], None],
    ) -> None:
        self.lock = threading.RLock()
        self.conversation = Conversation()
        self._view = view
        self._connect = connect
        self._on_change = on_change
        self._on_end = on_end
        self._queue: deque[Turn] = deque()
        self._turn: Turn | None = None

    @property
    def busy(self) -> bool:
        """Whether a reply streams or waits its turn."""
        return self._turn is not None

    def ask(self, content: str, settings: ChatSettings, *, queue: bool) -> Reply:
        """Adds a message and the turn that answers it.

        Raises:
            RuntimeError: A reply is running, and `queue` is false.
        """
        with self.lock:
            self._check_idle(queue)
            question, message = self.conversation.ask(content)
            self._view.put(question)
            return self._enqueue(message, settings)

    def ask_again(self, settings: ChatSettings) -> Reply:
        """Repeats the last turn, if it was stopped or ended in an error.

        Raises:
            RuntimeError: There is no such turn, or a reply is running.
        """
        with self.lock:
            self._check_idle()
            failed = self.conversation.messages[-1:]
            if not failed or failed[0].status not in ("error", "stopped"):
                raise RuntimeError("There is no failed reply to repeat.")
            message = self.conversation.ask_again(failed[0])
            self._view.remove(failed[0])
            return self._enqueue(message, settings)

    def stop(self, reply: Reply | None = None) -> None:
        """Ends one reply, or all that run and wait; the text so far stays."""
        with self.lock:
            turns = [turn for turn in (*self._queue, self._turn) if turn is not None]
        for turn in turns:
            if reply in (None, turn.reply):
                self._end(turn, stopped=True)

    def clear(self) -> None:
        """Ends what runs and empties the conversation."""
        with self.lock:
            self.stop()
            messages = self.conversation.messages
            self.conversation.messages = []
            self._view.remove(*messages)

    def _check_idle(self, queue: bool = False) -> None:
        if self.busy and not queue:
            raise RuntimeError(
                "A reply is still running: await it, stop() it, or send(…, queue=True)."
            )

    def _enqueue(self, message: Message, settings: ChatSettings) -> Reply:
        turn = Turn(message, settings, self.stop)
        self._view.put(message)
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
                if turn.message.status != "queued":
                    return  # stopped before it began
                self.conversation.begin(turn.message, turn.settings.model)
                messages = self.conversation.to_openai(turn.settings.system, before=turn.message)
                self._view.settle(turn.message)
            engine, settings = await self._connect(turn.settings)
            body = chat_completion_body(settings, messages)
            await engine.stream(body, partial(self._apply, turn))
        except ChatError as error:
            self._apply(turn, Failure(error))
        except asyncio.CancelledError:
            self._end(turn, stopped=True)
            raise
        except Exception as error:  # anything else would vanish with the task
            self._apply(turn, Failure(ChatError(f"nbchat failed: {error!r}", retryable=True)))
        finally:
            self._end(turn)

    def _apply(self, turn: Turn, event: Event) -> None:
        with self.lock:
            message = turn.message
            if message.status != "streaming":
                return  # stopped meanwhile
            self.conversation.apply(message, event)
            match event:
                case ContentDelta(text):
                    self._view.append(message, "content", text)
                case ReasoningDelta(text):
                    self._view.append(message, "reasoning", text)
                case ModelName():
                    self._view.settle(message)

    def _end(self, turn: Turn, *, stopped: bool = False) -> None:
        with self.lock:
            if turn.message.status not in ("queued", "streaming"):
                return
            self.conversation.end(turn.message, stopped=stopped)
            self._view.settle(turn.message)
            if turn in self._queue:
                self._queue.remove(turn)
            if turn is self._turn:
                self._begin_next()
        if stopped and turn.cancel is not None:
            turn.cancel()
        self._on_end(turn.reply)
        turn.reply._ended.set_result(None)
