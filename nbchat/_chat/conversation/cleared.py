"""The conversations that were cleared last: each can be had back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .conversation import Conversation

MOST = 10
#: Bytes of all of them. The one that was cleared last is kept, however large it is.
MOST_BYTES = 50_000_000


class Cleared:
    """The cleared conversations, the last one last. Not thread-safe: the owner holds a lock."""

    def __init__(self, conversations: Iterable[Conversation] = ()) -> None:
        self._kept: list[Conversation] = []
        for conversation in conversations:
            self.put(conversation)

    def __iter__(self) -> Iterator[Conversation]:
        return iter(self._kept)

    def __bool__(self) -> bool:
        return bool(self._kept)

    def put(self, conversation: Conversation) -> None:
        """Keeps a conversation that was cleared; beyond the limits, the oldest ones go."""
        self._kept.append(conversation)
        sizes = [each.size for each in self._kept]
        while len(sizes) > 1 and (len(sizes) > MOST or sum(sizes) > MOST_BYTES):
            del self._kept[0], sizes[0]

    def take(self, instead: Conversation) -> Conversation:
        """Returns the conversation that was cleared last, and keeps `instead` unless it is empty.

        `instead` comes back last, so repeated calls bring back each of them.

        Raises:
            RuntimeError: Nothing was cleared.
        """
        if not self._kept:
            raise RuntimeError("There is nothing to undo: no conversation was cleared.")
        last = self._kept.pop()
        if instead.messages:
            self._kept.insert(0, instead)
        return last
