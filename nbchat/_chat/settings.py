"""The settings of a chat, each declared once: check, limits, default, label and control."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any, Literal, get_args

Limits = tuple[float, float]
Control = Literal["model menu", "text area", "effort menu", "slider"]

# The terms of OpenRouter and OpenAI, from least to most.
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
EFFORTS: tuple[str, ...] = get_args(Effort)
# The menu offers these until it knows what the model supports.
USUAL_EFFORTS = ("low", "medium", "high")
# The menu shows this until the user chooses an effort.
UNCHOSEN_EFFORT = "medium"


@dataclass(frozen=True)
class Setting:
    """The declaration of one setting: how it is checked and shown.

    The constructor's check, the trait, the control with its label, the saved file and the README's
    table all follow from this declaration.

    Attributes:
        check: Called as `check(name, value, limits)`; returns the value in its proper type, or
            raises.
        label: The control's name.
        help: One sentence that explains the setting.
        control: The kind of control; None if the setting has none.
        limits: The lowest and the highest number.
        step: The slider's step.
        values: The allowed values as the README shows them; by default, the limits.
        start: The default as the README shows it; by default, the default itself.
    """

    check: Callable[[str, object, Limits], Any]
    label: str
    help: str
    control: Control | None = None
    limits: Limits = (0.0, 0.0)
    step: float = 0.0
    values: str = ""
    default_text: str = ""


def _text(name: str, value: object, _: Limits) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text, not {type(value).__name__}")
    return value


def _model_id(name: str, value: object, limits: Limits) -> str:
    return _text(name, value, limits).strip()


def _effort(name: str, value: object, _: Limits) -> object:
    if value is not None and value not in EFFORTS:
        raise ValueError(f"{name} must be one of {', '.join(EFFORTS)}, not {value!r}")
    return value


def _number(name: str, value: object, limits: Limits) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    number = float(value)
    low, high = limits
    if not low <= number <= high:  # also refuses NaN
        raise ValueError(f"{name} must be between {low} and {high}, not {value}")
    return number


def _whole_number(name: str, value: object, limits: Limits) -> int:
    number = _number(name, value, limits)
    if not number.is_integer():
        raise TypeError(f"{name} must be a whole number, not {number}")
    return int(number)


def _declare(default: Any, *declared: Any, **more: Any) -> Any:
    return field(default=default, metadata={"setting": Setting(*declared, **more)})


@dataclass(frozen=True)
class ChatSettings:
    """The settings of one request, in OpenAI's terms.

    Attributes:
        model: The model's id; blank for the server's default.
        system: System instructions; not sent when blank.
        reasoning_effort: One of `EFFORTS`; None for the model's own default.
        temperature: 0.0 to 2.0.
        max_tokens: The longest reply, in tokens; at least 100.
        top_p: 0.0 to 1.0.
        max_tokens_limit: The highest `max_tokens`: the model's own limit, if it is known.

    Raises:
        ValueError: A value is out of its range.
        TypeError: A value is of the wrong type.
    """

    model: str = _declare(
        *("", _model_id, "Model", "The model's id.", "model menu"),
        values="any id",
        default_text="the server's default",
    )
    system: str = _declare(
        *("", _text, "System instructions", "How the model should behave.", "text area"),
        values="text, or a `.md` or `.txt` file; not sent when blank",
        default_text="none",
    )
    reasoning_effort: str | None = _declare(
        *(None, _effort, "Reasoning effort", "How much the model reasons.", "effort menu"),
        values="low, medium, high, or another that the model offers",
        default_text="the model's own",
    )
    temperature: float = _declare(
        *(1.0, _number, "Temperature", "How random the reply is.", "slider"),
        limits=(0.0, 2.0),
        step=0.05,
    )
    max_tokens: int = _declare(
        *(8192, _whole_number, "Max tokens", "The longest reply, in tokens.", "slider"),
        limits=(100, 65535),
        step=1,
        values="100 to 65535, or the model's own limit",
    )
    top_p: float = _declare(
        *(1.0, _number, "Top p", "The share of likely tokens to choose from.", "slider"),
        limits=(0.0, 1.0),
        step=0.05,
    )
    max_tokens_limit: int = 65535

    def __post_init__(self) -> None:
        for name, setting in SETTINGS.items():
            limits = setting.limits
            if name == "max_tokens":
                limits = (limits[0], self.max_tokens_limit)
            object.__setattr__(self, name, setting.check(name, getattr(self, name), limits))

    def replace(self, **changes: object) -> ChatSettings:
        """Returns the same settings with these changes, checked again."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


SETTINGS: dict[str, Setting] = {
    declared.name: declared.metadata["setting"]
    for declared in dataclasses.fields(ChatSettings)
    if declared.metadata
}
"""The declarations by the settings' names, in the order of the controls."""


def read_system(system: str | Path) -> str:
    """Returns system instructions: the text given, or that of a file.

    Args:
        system: The text itself, a `Path`, or the name of a .txt or .md file.

    Raises:
        ValueError: The file can't be read or is not UTF-8 text.
        TypeError: `system` is neither text nor a path.
    """
    if isinstance(system, str):
        is_file_name = "\n" not in system and system.endswith((".txt", ".md"))
        return read_text_file(Path(system), "system file") if is_file_name else system
    if isinstance(system, Path):
        return read_text_file(system, "system file")
    raise TypeError(f"system must be text or a path, not {type(system).__name__}")


def read_text_file(path: Path, what: str) -> str:
    """Returns the text of a file; `what` names the file's purpose in errors.

    Raises:
        ValueError: The file can't be read or is not UTF-8 text.
    """
    return "".join(read_text_lines(path, what))


def read_text_lines(path: Path, what: str) -> list[str]:
    """Returns the lines of a file, each with its end; raises as `read_text_file` does."""
    try:
        with path.expanduser().open(encoding="utf-8-sig") as file:
            return list(file)
    except OSError as error:
        raise ValueError(f"The {what} {path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"The {what} {path} is not UTF-8 text") from error
