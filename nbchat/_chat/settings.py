"""What a person can set about a chat, validated in one place."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

# OpenRouter's and OpenAI's words, from the least on.
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
# What the menu offers while it isn't known what the model does.
USUAL_EFFORTS = ("low", "medium", "high")
TEMPERATURE = (0.0, 2.0)
MAX_TOKENS = (100, 65535)
TOP_P = (0.0, 1.0)


@dataclass(frozen=True)
class ChatSettings:
    """The settings of one request, in OpenAI's terms.

    Attributes:
        model: The model's id; blank means "the server's own default".
        system: System instructions; blank ones are not sent.
        reasoning_effort: One of `EFFORTS`; None: what the model does by itself.
        temperature: 0.0 to 2.0.
        max_tokens: The reply's upper limit in tokens, from 100 on.
        top_p: 0.0 to 1.0.
        max_tokens_limit: The most that `max_tokens` can be: the model's own limit, if it is known.

    Raises:
        ValueError: A value is out of its range.
        TypeError: A value is of the wrong type.
    """

    model: str = ""
    system: str = ""
    reasoning_effort: str | None = None
    temperature: float = 1.0
    max_tokens: int = 8192
    top_p: float = 1.0
    max_tokens_limit: int = MAX_TOKENS[1]

    def __post_init__(self) -> None:
        for name in ("model", "system"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise TypeError(f"{name} must be text, not {type(value).__name__}")
        if self.reasoning_effort is not None and self.reasoning_effort not in EFFORTS:
            raise ValueError(
                f"reasoning_effort must be one of {', '.join(EFFORTS)}, "
                f"not {self.reasoning_effort!r}"
            )
        object.__setattr__(self, "model", self.model.strip())
        for name, limits in (("temperature", TEMPERATURE), ("top_p", TOP_P)):
            object.__setattr__(self, name, _number(name, getattr(self, name), limits))
        limits = (MAX_TOKENS[0], self.max_tokens_limit)
        max_tokens = _number("max_tokens", self.max_tokens, limits)
        if not max_tokens.is_integer():
            raise TypeError(f"max_tokens must be a whole number, not {max_tokens}")
        object.__setattr__(self, "max_tokens", int(max_tokens))

    def replace(self, **changes: object) -> ChatSettings:
        """The same settings with some changed, validated again."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


def _number(name: str, value: object, limits: tuple[float, float]) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    number = float(value)
    low, high = limits
    if not low <= number <= high:  # also refuses NaN
        raise ValueError(f"{name} must be between {low} and {high}, not {value}")
    return number


def read_system(system: str | Path) -> str:
    """System instructions from text or from a file (a `Path`, or the name of a .txt or .md file).

    Raises:
        ValueError: The file is missing or is not UTF-8 text.
        TypeError: Neither text nor a path.
    """
    if isinstance(system, str):
        is_file_name = "\n" not in system and system.endswith((".txt", ".md"))
        return read_text_file(Path(system), "system file") if is_file_name else system
    if isinstance(system, Path):
        return read_text_file(system, "system file")
    raise TypeError(f"system must be text or a path, not {type(system).__name__}")


def read_text_file(path: Path, what: str) -> str:
    """A file's text; `what` names its purpose in errors."""
    try:
        return path.expanduser().read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"The {what} {path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"The {what} {path} is not UTF-8 text") from error
