"""The events of a reply's stream, the same for every server and protocol."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

from .attachments.attachment import Attachment
from .errors import ChatError

# No server counts more in one request, however long. Beyond these, a number is a mistake or a lie.
_MOST_TOKENS = 10**12
_MOST_DOLLARS = 10**6


def count(value: object) -> int | None:
    """Returns a number of tokens; None for anything that can't be one."""
    number = _between_0_and(_MOST_TOKENS, value)
    return None if number is None else int(number)


def cost(value: object) -> float | None:
    """Returns an amount of US dollars; None for anything that can't be one."""
    number = _between_0_and(_MOST_DOLLARS, value)
    return None if number is None else float(number)


def _between_0_and(most: int, value: object) -> int | float | None:
    """Returns the number if it is in this range: NaN is in none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if 0 <= value <= most else None


@dataclass(frozen=True, slots=True)
class ContentDelta:
    """More text of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More text of the reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class ImageOutput:
    """A complete image that the model made."""

    image: Attachment


@dataclass(frozen=True, slots=True)
class ReasoningDetails:
    """The complete reasoning in OpenRouter's format, as it is sent back in tool loops."""

    details: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function call that the model asks for.

    Attributes:
        id: Links the result to the call; made up if the server sends none.
        name: The function's name.
        arguments: JSON, as the model wrote it.
    """

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """All calls that the model asks for, at the end of its response.

    Attributes:
        calls: The calls, in order.
        reasoning_details: The reasoning in OpenRouter's format, sent back with the calls.
        reasoning_content: The reasoning from a server that uses this name, sent back as well.
    """

    calls: tuple[FunctionCall, ...]
    reasoning_details: tuple[dict[str, Any], ...] = ()
    reasoning_content: str = ""


@dataclass(frozen=True, slots=True)
class ModelName:
    """The model that answers; it may differ from the requested one."""

    name: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, and cost in US dollars, as far as the server reports them; the last event counts."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    cost: float | None = None

    def __add__(self, more: Usage) -> Usage:
        """Returns the sum; a number that only one of the two has is taken as it is."""
        pairs = zip(astuple(self), astuple(more), strict=True)
        return Usage(*(a if b is None else b if a is None else a + b for a, b in pairs))


@dataclass(frozen=True, slots=True)
class Finish:
    """Why the model stopped, in OpenAI's terms: ``stop``, ``length``, ``content_filter``, …."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failure:
    """The error that ended the reply; always the last event."""

    error: ChatError


Event = (
    ContentDelta
    | ReasoningDelta
    | ImageOutput
    | ReasoningDetails
    | ToolCalls
    | ModelName
    | Usage
    | Finish
    | Failure
)
