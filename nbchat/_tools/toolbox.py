"""The tools of a chat and the rules for calling them, all checked in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any, Literal

from .allowed import AllowedTools
from .tool import Tool, ToolError

#: Called as `approve(name, arguments)` before each tool call; may be async.
Approve = Callable[[str, dict[str, Any]], Any]


class Toolbox:
    """The tools that a model may call, and the rules for calling them.

    Args:
        tools: The functions.
        approve: "always" asks the user before each call, "never" asks nobody; a function decides
            for each call.
        max_tool_rounds: How many rounds of tool calls one reply may have.
        tool_timeout_s: How many seconds a call may take.
        allowed: The tools for which "always" does not ask any more; none by default.

    Raises:
        ValueError: A value is out of its range, or two tools have the same name.
        TypeError: A value is of the wrong type, or a function can't be a tool.
    """

    def __init__(
        self,
        tools: Iterable[Callable[..., Any]] | Callable[..., Any] = (),
        approve: Literal["always", "never"] | Approve = "always",
        max_tool_rounds: int = 10,
        tool_timeout_s: float = 60.0,
        allowed: AllowedTools | None = None,
    ) -> None:
        given: Any = (tools,) if callable(tools) else tools
        if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
            raise TypeError(f"tools must be a function or a list of functions, not {given!r}")
        self.tools = tuple(given)
        self._by_name = _named(self.tools)
        if approve not in ("always", "never") and not callable(approve):
            raise ValueError(f'approve must be "always", "never" or a function, not {approve!r}')
        self.approve = approve
        rounds: Any = max_tool_rounds
        if isinstance(rounds, bool) or not isinstance(rounds, int):
            raise TypeError(f"max_tool_rounds must be a whole number, not {rounds!r}")
        if rounds < 1:
            raise ValueError(f"max_tool_rounds must be at least 1, not {rounds}")
        self.max_tool_rounds = max_tool_rounds
        seconds: Any = tool_timeout_s
        if isinstance(seconds, bool) or not isinstance(seconds, Real):
            raise TypeError(f"tool_timeout_s must be a number of seconds, not {seconds!r}")
        if not float(seconds) > 0:
            raise ValueError(f"tool_timeout_s must be more than 0, not {seconds}")
        self.tool_timeout_s = tool_timeout_s
        self.allowed = allowed if allowed is not None else AllowedTools()

    @property
    def schemas(self) -> list[dict[str, Any]]:
        """The schemas of all tools, in OpenAI's format."""
        return [tool.schema for tool in self._by_name.values()]

    def find(self, name: str) -> Tool:
        """Returns the tool with this name.

        Raises:
            ToolError: There is no such tool.
        """
        if name not in self._by_name:
            known = ", ".join(self._by_name) or "none"
            raise ToolError(f"There is no tool with this name. Available tools: {known}.")
        return self._by_name[name]


def _named(functions: tuple[Callable[..., Any], ...]) -> dict[str, Tool]:
    if not functions:
        return {}
    tools = [Tool(function) for function in functions]
    by_name = {tool.name: tool for tool in tools}
    if len(by_name) < len(tools):
        names = ", ".join(sorted(tool.name for tool in tools))
        raise ValueError(f"two tools have the same name: {names}")
    return by_name
