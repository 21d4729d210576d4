"""Runs the turns of a conversation: what may be asked when, and which turn is next."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from nbchat._chat.attachments.attachment import Attachment
from nbchat._chat.background import start
from nbchat._chat.conversation.cleared import Cleared
from nbchat._chat.conversation.conversation import Conversation
from nbchat._chat.conversation.message import Message
from nbchat._chat.conversation.response_format import ResponseFormat
from nbchat._chat.settings import ChatSettings
from nbchat._chat.signal import Signal

from .reply import Reply
from .rules import Rules
from .turn import Connect, ConversationView, Turn


class Session:
    """Runs the turns of one conversation, one at a time.

    Its methods may be called from any thread.

    Args:
        view: Shows the conversation.
        connect: Finds the server.
        rules: Returns what the user has decided about requests.

    Attributes:
        changed: Emitted when the session becomes busy or idle.
        ended: Emitted with each reply that has ended, on the thread that ended it.
    """

    def __init__(
        self,
        view: ConversationView,
        connect: Connect,
        rules: Callable[[], Rules],
    ) -> None:
        self.lock = threading.RLock()
        self.conversation = Conversation()
        self.cleared = Cleared()
        self._view = view
        self._connect = connect
        self._rules = rules
        self.changed: Signal[[]] = Signal()
        self.ended: Signal[[Reply]] = Signal()
        self._queue: deque[Turn] = deque()
        self._turn: Turn | None = None
        self._closed = False

    def messages(self) -> list[Message]:
        """The messages that are shown."""
        return self.conversation.messages

    @property
    def busy(self) -> bool:
        """Whether a reply streams or waits its turn."""
        return self._turn is not None

    @property
    def waiting(self) -> int:
        """How many messages wait their turn."""
        return len(self._queue)

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

        The new version keeps the attachments, and its reply has the same `response_format`.

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
        """Asks for the last reply again, if it was stopped or ended in an error.

        Raises:
            RuntimeError: There is no such reply, or a reply is running.
        """
        with self.lock:
            reply = self.last_reply
            if not self.busy and reply.status not in ("error", "stopped"):
                raise RuntimeError("There is no failed reply to retry.")
            return (self.continue_reply if reply.is_cut_off else self.regenerate)(reply, settings)

    def continue_reply(self, reply: Message, settings: ChatSettings) -> Reply:
        """Continues a reply that ended early.

        Raises:
            RuntimeError: The reply has no text or is complete, or a reply is running.
        """
        with self._changing():
            if not reply.can_continue:
                raise RuntimeError("There is nothing to continue: this reply did not end early.")
            self.conversation.continue_reply(reply)
            self._view.send_facts(reply)
            return self._enqueue(reply, settings)

    def take_back(self, reply: Message) -> None:
        """Removes a reply and its question, which waits its turn or was stopped before it came.

        Raises:
            ValueError: The question has been sent.
        """
        with self.lock:
            turn = next((turn for turn in self._queue if turn.message is reply), None)
            if (turn is None and not reply.is_unsent) or len(reply.fork.versions) > 1:
                raise ValueError("This message has already been sent.")
            with self._changing(anytime=True):
                self.conversation.take_back(reply)
            if turn is not None:
                self._end(turn, True)

    def show_version(self, message: Message, step: int) -> None:
        """Shows the next (1) or previous (-1) version of a message, and the messages after it.

        Raises:
            RuntimeError: A reply is running.
            ValueError: There is no such version.
        """
        with self._changing():
            message.fork.step(step)

    def find(self, message_id: str) -> Message:
        """Returns the shown message with this id.

        Raises:
            ValueError: No message that is shown has this id.
        """
        with self.lock:
            for message in self.conversation.messages:
                if message.id == message_id:
                    return message
        raise ValueError("This message is no longer shown.")

    def read_attachment(self, attachment_id: str) -> tuple[str, bytes]:
        """Returns the name and content of an attachment of a shown message.

        Raises:
            ValueError: No attachment of a shown message has this id.
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
            RuntimeError: There is no reply yet.
        """
        with self.lock:
            if messages := self.conversation.messages:
                return messages[-1]
        raise RuntimeError("There is no reply yet.")

    def stop(self, reply: Reply | None = None) -> None:
        """Stops one reply, or all that stream or wait their turn; all messages and texts stay."""
        with self.lock:
            turns = [turn for turn in (*self._queue, self._turn) if turn is not None]
        for turn in turns:
            if reply in (None, turn.reply):
                self._end(turn, True)

    def restore(self, conversation: Conversation, cleared: Iterable[Conversation] = ()) -> None:
        """Replaces the conversation with a saved one."""
        with self.lock:
            before, self.conversation = self.conversation, conversation
            self.cleared = Cleared(cleared)
            self._view.replace(before.messages, conversation.messages)

    def clear(self, *, keep_spent: bool = False) -> None:
        """Stops all replies, and begins an empty conversation; `undo_clear` brings the last back.

        Args:
            keep_spent: Whether the cost of the cleared conversation still counts.
        """
        with self.lock:
            self.stop()
            with self._changing(anytime=True):
                cleared = self.conversation
                if cleared.messages:
                    self.cleared.put(cleared)
                    self.conversation = Conversation(spent=cleared.spent if keep_spent else None)

    def undo_clear(self, *, keep_spent: bool = False) -> None:
        """Brings back the conversation that was cleared last; the present one takes its place.

        Args:
            keep_spent: Whether what was spent since still counts.

        Raises:
            RuntimeError: Nothing was cleared, or a reply is running.
        """
        with self._changing():
            present = self.conversation
            self.conversation = self.cleared.take(present)
            if keep_spent:
                self.conversation.spent = present.spent

    def close(self) -> None:
        """Stops all replies, and refuses new questions."""
        self._closed = True
        self.stop()

    def check_open(self) -> None:
        """Raises a RuntimeError if the session is closed."""
        if self._closed:
            raise RuntimeError("This chat is closed: make a new ChatWidget.")

    @contextmanager
    def _changing(self, *, anytime: bool = False) -> Iterator[None]:
        """Shows what the block changes; refuses changes while a reply runs, unless `anytime`."""
        with self.lock:
            self.check_open()
            if self.busy and not anytime:
                raise RuntimeError(
                    "A reply is still running. Wait for it, or stop it. "
                    "(In code: send(…, queue=True), reply.wait() or chat.stop().)"
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
        turn = Turn(
            message,
            settings,
            self._rules(),
            conversation=self.conversation,
            view=self._view,
            lock=self.lock,
            connect=self._connect,
            stop=self.stop,
            end=self._end,
        )
        self._queue.append(turn)
        if self._turn is None:
            self._begin_next()
        return turn.reply

    def _begin_next(self) -> None:
        self._turn = turn = self._queue.popleft() if self._queue else None
        if turn is not None:
            turn.cancel = start(turn.run())
        self.changed()

    def decide(self, message: Message, index: int, allow: bool) -> None:
        """Allows or denies a tool call that waits for the user's answer.

        Raises:
            ValueError: The call does not wait for an answer.
        """
        self._turn_of(message).decide(index, allow)

    def allow_tool(self, message: Message, index: int) -> None:
        """Allows a tool call, and all calls of its tool that wait or come later.

        Raises:
            ValueError: The call does not wait for an answer.
        """
        self._turn_of(message).allow_tool(index)

    def _turn_of(self, message: Message) -> Turn:
        turn = self._turn
        if turn is None or turn.message is not message:
            raise ValueError("This call no longer waits for an answer.")
        return turn

    def try_now(self, message: Message) -> None:
        """Sends the request of a reply now, instead of when the server asked for.

        Raises:
            ValueError: The reply does not wait for that.
        """
        turn = self._turn
        if turn is None or turn.message is not message or message.retry_at is None:
            raise ValueError("This reply is no longer waiting.")
        turn.try_now()

    def _end(self, turn: Turn, stopped: bool) -> None:
        with self.lock:
            if turn.ended:
                return
            turn.ended = True
            for index in self.conversation.end(turn.message, stopped=stopped):
                self._view.send_call(turn.message, index)
            self._view.send_facts(turn.message)
            if turn in self._queue:
                self._queue.remove(turn)
            if turn is self._turn:
                self._begin_next()
        if stopped and turn.cancel is not None:
            turn.cancel()
        self.ended(turn.reply)
        turn.reply._ended.set_result(None)
