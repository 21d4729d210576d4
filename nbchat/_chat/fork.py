"""A place in a conversation, and the versions of what is said there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .attachments import Attachment
    from .message import Message, Role, Status


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
        from .message import Message

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
