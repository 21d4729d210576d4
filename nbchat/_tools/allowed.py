"""The tools that the user has allowed for the rest of a chat. They are never saved."""

from __future__ import annotations

from nbchat._chat.signal import Signal

from .tool import Tool


class AllowedTools:
    """Which tools of one chat are called without asking.

    Attributes:
        changed: Called after each change.
    """

    def __init__(self) -> None:
        self.changed: Signal[[]] = Signal()
        self._functions: dict[str, object] = {}

    @property
    def names(self) -> list[str]:
        """The names of the allowed tools."""
        return list(self._functions)

    def has(self, tool: Tool) -> bool:
        """Whether this tool is allowed; another function of the same name is not."""
        return self._functions.get(tool.name) is tool.function

    def add(self, tool: Tool) -> None:
        """Allows a tool from now on."""
        self._functions[tool.name] = tool.function
        self.changed()

    def remove(self, name: str) -> None:
        """Asks again before each call of this tool."""
        if self._functions.pop(name, None) is not None:
            self.changed()

    def clear(self) -> None:
        """Asks again before each call of any tool."""
        for name in self.names:
            self.remove(name)
