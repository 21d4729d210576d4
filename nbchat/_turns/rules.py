"""What the user has decided about requests, beyond the settings; checked in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any, Literal, Protocol

from nbchat._tools.toolbox import Toolbox

Overflow = Literal["error", "truncate"]
_OVERFLOWS = ("error", "truncate")


class Budget(Protocol):
    """What all visitors of a shared page may still ask and spend."""

    def take(self, most: float) -> Callable[[float], object]:
        """Counts a request that costs at most this; returns a function to call with its cost.

        Raises:
            ChatError: The request is beyond a limit.
        """


class Rules:
    """The rules of a turn, from its beginning to its end.

    Args:
        fallbacks: Models to ask, in this order, if the chosen one fails.
        overflow: What to do if the conversation does not fit the context.
        max_cost: The most US dollars that the conversation may cost; None for no limit.
        toolbox: The tools that the model may call; none by default.
        budget: Counts the requests of a shared page; None if the chat is not shared.

    Raises:
        ValueError: A value is out of its range.
        TypeError: A value is of the wrong type.
    """

    def __init__(
        self,
        fallbacks: str | Iterable[str] = (),
        overflow: Overflow = "error",
        max_cost: float | None = None,
        toolbox: Toolbox | None = None,
        budget: Budget | None = None,
    ) -> None:
        given: Any = fallbacks
        if isinstance(given, str):
            given = (given,)
        ids = tuple(given) if isinstance(given, Iterable) else (given,)
        if not all(isinstance(id_, str) for id_ in ids):
            raise TypeError(f"fallbacks must be a model id or a list of them, not {fallbacks!r}")
        if overflow not in _OVERFLOWS:
            raise ValueError(f"overflow must be one of {', '.join(_OVERFLOWS)}, not {overflow!r}")
        dollars: Any = max_cost
        if dollars is not None:
            if isinstance(dollars, bool) or not isinstance(dollars, Real):
                raise TypeError(f"max_cost must be a number of US dollars, not {dollars!r}")
            if not float(dollars) >= 0:  # also refuses NaN
                raise ValueError(f"max_cost must be at least 0, not {dollars}")
        self.fallbacks = tuple(id_.strip() for id_ in ids)
        self.overflow = overflow
        self.max_cost = max_cost
        self.toolbox = toolbox or Toolbox()
        self.budget = budget
