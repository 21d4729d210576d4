"""The conversation: a tree of messages, replies in progress, and what the model sees next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from nbchat._chat.attachments.attachment import Attachment
from nbchat._chat.events import Usage

from .message import Fork, Message, Role, to_openai
from .progress import Progress
from .response_format import ResponseFormat
from .token_estimate import estimate_tokens
from .tool_rounds import reply_messages, round_messages

_CONTINUE = (
    "Your last message was cut off. Continue exactly where it stopped, even if that is in the "
    "middle of a word or a code block. Repeat nothing and add no remark."
)


class Spent(NamedTuple):
    """The usage of a conversation so far, including all versions of its messages.

    Attributes:
        usage: Tokens and US dollars; None if no server has reported any.
        most_expensive: The cost of the most expensive request, in US dollars.
    """

    usage: Usage | None = None
    most_expensive: float = 0.0

    @property
    def cost(self) -> float:
        """US dollars, as far as they are known."""
        return (self.usage.cost if self.usage else None) or 0.0

    def plus(self, usage: Usage) -> Spent:
        """Returns the sum with one more request."""
        total = usage if self.usage is None else self.usage + usage
        return Spent(total, max(self.most_expensive, usage.cost or 0.0))


class Conversation:
    """A tree of messages, and the path through it that is shown.

    On the path, each user message is followed by its reply. Not thread-safe: the owner holds a
    lock.

    Args:
        clock: Returns seconds.
        spent: What earlier conversations have cost, if that counts.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, spent: Spent | None = None
    ) -> None:
        self._start = Fork()
        self._clock = clock
        self._in_progress: dict[str, Progress] = {}
        self.spent = spent or Spent()

    @property
    def messages(self) -> list[Message]:
        """The messages on the path that is shown."""
        path: list[Message] = []
        message = self._start.shown
        while message is not None:
            path.append(message)
            message = message.next.shown
        return path

    @property
    def size(self) -> int:
        """About how many bytes all versions of all messages take."""
        return sum(message.size for _, message in self.walk())

    def ask(
        self,
        content: str,
        *,
        attachments: Sequence[Attachment] = (),
        instead_of: Message | None = None,
        response_format: ResponseFormat | None = None,
    ) -> Message:
        """Adds a user message, at the end or as another version; returns its "queued" reply.

        Raises:
            ValueError: `instead_of` is a reply.
        """
        if instead_of is not None and instead_of.role != "user":
            raise ValueError("Only your own messages can be edited.")
        path = self.messages
        end = path[-1].next if path else self._start
        fork = instead_of.fork if instead_of else end
        question = fork.add("user", content, attachments=attachments)
        reply = question.next.add("assistant", response_format=response_format)
        self._queue(reply)
        return reply

    def regenerate(self, reply: Message) -> Message:
        """Adds another version of a reply and returns it, "queued".

        Raises:
            ValueError: This is a message of the user.
        """
        if reply.role != "assistant":
            raise ValueError("Only a reply can be regenerated.")
        version = reply.fork.add("assistant", response_format=reply.response_format)
        self._queue(version)
        return version

    def continue_reply(self, reply: Message) -> None:
        """Continues a reply that ended early: it is "queued" again."""
        self._queue(reply)

    def take_back(self, reply: Message) -> None:
        """Removes an empty reply and its question; the messages after them stay."""
        path = self.messages
        question = path[path.index(reply) - 1]
        fork, later = question.fork, reply.next
        at = fork.index
        fork.versions[at : at + 1] = later.versions
        for version in later.versions:
            version.fork = fork
        fork.index = at + later.index if later.versions else max(0, at - 1)

    def _queue(self, reply: Message) -> None:
        self._in_progress[reply.id] = Progress(reply, self._clock)

    def progress(self, reply: Message) -> Progress:
        """Returns the object that changes this reply until it has ended."""
        return self._in_progress[reply.id]

    def end(self, reply: Message, *, stopped: bool = False) -> list[int]:
        """Ends a reply; returns what `Progress.end` returns."""
        self.account_for(reply)
        return self._in_progress.pop(reply.id).end(stopped=stopped)

    def account_for(self, reply: Message) -> None:
        """Adds the usage of the request that has just ended to the total."""
        usage = self._in_progress[reply.id].account_for()
        if usage is not None:
            self.spent = self.spent.plus(usage)

    def exchanged(self, *, before: Message | None = None) -> list[Message]:
        """Returns the messages that the model sees next; with `before`, those before that reply.

        If a reply has no content, its question is left out as well, so that roles always alternate:
        after two user messages in a row, some models answer the wrong one, and some servers refuse
        the request.
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
        """Returns the messages of the next request, in OpenAI's format.

        With `before`, they ask for that reply. If it has text after its last tool call, the model
        is asked to continue it; otherwise its tool calls and their results come last.

        If `images` is false, because the model takes none, each image is replaced by its name.
        """
        plain: list[dict[str, Any]] = []
        if system.strip():
            plain.append({"role": "system", "content": system})
        for message in self.exchanged(before=before):
            plain += to_openai(message, images)
        if before is not None and before.has_text_after_calls:
            plain += reply_messages(before.content, before.rounds)
            plain.append({"role": "user", "content": _CONTINUE})
        elif before is not None:
            plain += round_messages(before.content, before.rounds)
        return plain

    def counted_tokens(self, *, before: Message | None = None) -> int | None:
        """Returns about how many tokens of the context these messages take.

        That is the server's count for the last reply that has one, plus an estimate for all that
        came later; None if no reply has a count.
        """
        since: list[dict[str, Any]] = []
        if before is not None and before.rounds:
            if before.context_tokens is not None:
                results: list[dict[str, Any]] = []
                if not before.has_text_after_calls:
                    results = round_messages("", before.rounds[-1:])[1:]
                return before.context_tokens + estimate_tokens(results)
            since += round_messages(before.content, before.rounds)
        later: list[Message] = []
        for message in reversed(self.exchanged(before=before)):
            if message.context_tokens is not None:
                since += [part for each in later for part in to_openai(each)]
                return message.context_tokens + estimate_tokens(since)
            later.append(message)
        return None

    def walk(self) -> Iterator[tuple[Message | None, Message]]:
        """Yields all versions of all messages, each with the message before it (None: it is first).

        A message always comes later than the message before it.
        """
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
        **fields: Any,
    ) -> Message:
        """Adds a saved message, as a version of what follows `after` (None: of the first message).

        `fields` are the other fields of a `Message`. The caller makes sure that roles alternate and
        that each user message has a reply.
        """
        fork = after.next if after else self._start
        message = Message(role, fork, **fields)
        message._content.write(content)
        message._reasoning.write(reasoning)
        fork.versions.append(message)
        if message.usage is not None:
            self.spent = self.spent.plus(replace(message.usage, cost=message.cost))
        if shown:
            fork.index = len(fork.versions) - 1
        return message
