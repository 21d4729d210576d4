"""What comes of a stream, whoever sends it: the events that a reply is made of."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

from .attachments import Attachment
from .errors import ChatError


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
    """An image that the model made, whole."""

    image: Attachment


@dataclass(frozen=True, slots=True)
class ReasoningDetails:
    """The reasoning in OpenRouter's own form, whole, as it is sent back in tool loops."""

    details: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """One call that a model asks for.

    Attributes:
        id: By which its result is told from others'; made up where the server gives none.
        name: Of the function.
        arguments: JSON, as the model wrote it.
    """

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """The calls that the model asks for, all of them, at the reply's end.

    Attributes:
        calls: In order.
        reasoning_details: What goes back with them, unmodified, as does `reasoning_content`.
        reasoning_content: The reasoning, from a server that sends it under this name.
    """

    calls: tuple[FunctionCall, ...]
    reasoning_details: tuple[dict[str, Any], ...] = ()
    reasoning_content: str = ""


@dataclass(frozen=True, slots=True)
class ModelName:
    """The model that answers; may be another than the one asked for."""

    name: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, and cost in USD, as far as the server counts them; the last one is right."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    cost: float | None = None

    def __add__(self, more: Usage) -> Usage:
        """Both together; what only one tells is taken from it."""
        pairs = zip(astuple(self), astuple(more), strict=True)
        return Usage(*(a if b is None else b if a is None else a + b for a, b in pairs))


@dataclass(frozen=True, slots=True)
class Finish:
    """Why the model stopped, in OpenAI's words: ``stop``, ``length``, ``content_filter``, …."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failure:
    """The reply ended in an error; always the last event."""

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
