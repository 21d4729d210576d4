"""What was said: how each message's life goes, and what of them the model sees next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from .attachments import Attachment
from .events import Usage
from .message import Fork, Message, Role, to_openai
from .progress import Progress
from .response_format import ResponseFormat
from .token_estimate import estimate_tokens
from .tool_rounds import reply_messages, round_messages

_GO_ON = (
    "Your last message was cut off. Go on exactly where it stopped, if need be in the middle of a "
    "word or of a code block: repeat nothing, and add no remark."
)


class Spent(NamedTuple):
    """What a conversation has taken so far, all versions of its messages included.

    Attributes:
        usage: Tokens and US dollars; None if no server has told anything.
        most_expensive: US dollars of the most expensive request.
    """

    usage: Usage | None = None
    most_expensive: float = 0.0

    @property
    def cost(self) -> float:
        """US dollars, as far as they are known."""
        return (self.usage.cost if self.usage else None) or 0.0

    def plus(self, usage: Usage) -> Spent:
        """With one request more."""
        total = usage if self.usage is None else self.usage + usage
        return Spent(total, max(self.most_expensive, usage.cost or 0.0))


class Conversation:
    """A tree of messages, and the path through it that is shown.

    On it, each of a user's messages is followed by its reply. Not thread-safe: its owner holds a
    lock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._start = Fork()
        self._clock = clock
        self._under_way: dict[str, Progress] = {}
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
        reply = question.next.add("assistant", response_format=response_format)
        self._queue(reply)
        return reply

    def regenerate(self, reply: Message) -> Message:
        """Adds another version of a reply, "queued"."""
        version = reply.fork.add("assistant", response_format=reply.response_format)
        self._queue(version)
        return version

    def continue_reply(self, reply: Message) -> None:
        """Lets a reply go on that was cut off; it is "queued" again."""
        self._queue(reply)

    def _queue(self, reply: Message) -> None:
        self._under_way[reply.id] = Progress(reply, self._clock)

    def progress(self, reply: Message) -> Progress:
        """What changes a reply until it has ended."""
        return self._under_way[reply.id]

    def end(self, reply: Message, *, stopped: bool = False) -> list[int]:
        """The reply is over, however it ended; returns as `Progress.end` does."""
        self.account_for(reply)
        return self._under_way.pop(reply.id).end(stopped=stopped)

    def account_for(self, reply: Message) -> None:
        """Counts what a request took that is over, whether or not another one follows it."""
        usage = self._under_way[reply.id].account_for()
        if usage is not None:
            self.spent = self.spent.plus(usage)

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
        if before is not None and before.has_text_after_calls:
            plain += reply_messages(before.content, before.rounds)
            plain.append({"role": "user", "content": _GO_ON})
        elif before is not None:
            plain += round_messages(before.content, before.rounds)
        return plain

    def counted_tokens(self, *, before: Message | None = None) -> int | None:
        """About what these messages take of the context.

        What the server counted at the last reply that it has seen, and the size of what came since;
        None if it has counted none.
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
