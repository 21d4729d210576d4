"""Describes the error of a cell for a model: the message, where it failed, and the cell."""

from __future__ import annotations

import linecache
import os
import sysconfig
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType as Frame

from nbchat._chat.attachments.attachment import Attachment

from .description import TIME_LIMIT_S, for_model
from .kinds import is_imported, name_of
from .time_limit import within
from .variables import is_offered

QUESTION = "Explain this error and how to fix it."
_LINES_AROUND = 3  # shown before and after the line that failed
_MAX_USER_FRAMES = 6
_MAX_LIBRARY_FRAMES = 4
_MAX_CAUSES = 3
_MAX_VARIABLES = 5
_LIBRARY_FOLDERS = tuple(
    os.path.realpath(sysconfig.get_path(name)) + os.sep
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


@dataclass(frozen=True)
class FailedCell:
    """A cell that ended in an error.

    Attributes:
        error: The exception, with its traceback.
        source: The cell's code, as the user typed it.
        number: The cell's execution count; None if it is not known.
        of_reply: Whether this is code of a reply, which no cell has.
    """

    error: BaseException
    source: str
    number: int | None
    of_reply: bool = False

    @property
    def title(self) -> str:
        """The error and its place, such as "KeyError in cell [3]"."""
        where = "a cell" if self.number is None else f"cell [{self.number}]"
        if self.of_reply:
            where = "the code above"
        return f"{name_of(type(self.error))} in {where}"

    def describe(self, limit: int) -> Attachment:
        """Describes the error in at most `limit` characters, with keys masked."""
        try:
            chain = within(TIME_LIMIT_S, self._chain_text)
        except Exception:
            chain = f"{name_of(type(self.error))} (its message can't be read)"
        cell = for_model(self.source, limit // 2)
        what = "The code" if self.of_reply else "The cell"
        text = for_model(f"{chain}\n\n{what}:\n{cell}", limit)
        return Attachment(self.title, "text/markdown", text.encode())

    def names(self, namespace: Mapping[str, object]) -> list[str]:
        """Returns the variables that the failed code uses, those of the innermost call first."""
        codes = [frame.f_code for frame, _ in reversed(_frames(self.error)) if _is_users(frame)]
        names = dict.fromkeys(name for code in codes for name in code.co_names)
        own = [name for name in names if is_offered(name, namespace)]
        return [name for name in own if not is_imported(namespace[name])][:_MAX_VARIABLES]

    def _chain_text(self) -> str:
        error, *causes = _chain(self.error)
        parts = [_error_text(error)]
        parts += [f"Caused by:\n{_error_text(cause)}" for cause in causes[:_MAX_CAUSES]]
        return "\n\n".join(parts)


def _error_text(error: BaseException) -> str:
    frames = _frames(error)
    users = [_place(*each) for each in frames if _is_users(each[0])][-_MAX_USER_FRAMES:]
    first = next((i for i, (frame, _) in enumerate(frames) if _is_users(frame)), len(frames))
    # The frames before the user's code are Jupyter's.
    below = [_short(*each) for each in frames[first:] if not _is_users(each[0])]
    parts = [_message(error)]
    for inner in getattr(error, "exceptions", ())[:_MAX_CAUSES]:
        parts[0] += f"\n  {_message(inner)}"
    if users:
        parts.append("\n\n".join(["In the user's code, innermost call first:", *reversed(users)]))
    if below:
        parts.append("\n".join(["Then in libraries:", *below[-_MAX_LIBRARY_FRAMES:]]))
    return "\n\n".join(parts)


def _message(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(type(error), error)).strip()


def _frames(error: BaseException) -> list[tuple[Frame, int]]:
    return list(traceback.walk_tb(error.__traceback__))


def _chain(error: BaseException) -> list[BaseException]:
    """Returns an exception and its causes, as in Python's own traceback."""
    chain = [error]
    while len(chain) <= _MAX_CAUSES:
        last = chain[-1]
        cause = last.__cause__ or (None if last.__suppress_context__ else last.__context__)
        if cause is None or cause in chain:
            break
        chain.append(cause)
    return chain


def _is_users(frame: Frame) -> bool:
    """Whether a frame runs the user's code: a cell, or a file that is not installed."""
    file = frame.f_code.co_filename
    if not os.path.isabs(file):  # no real file, or a compiled library's
        return file.startswith("<ipython-input")
    return not os.path.realpath(file).startswith(_LIBRARY_FOLDERS)


def _place(frame: Frame, line: int) -> str:
    """Returns the lines around the failed line, which an arrow marks."""
    file, name = frame.f_code.co_filename, frame.f_code.co_name
    lines = linecache.getlines(file, frame.f_globals)
    first, last = max(1, line - _LINES_AROUND), min(len(lines), line + _LINES_AROUND)
    shown = [
        f"{'-->' if n == line else '   '} {n:4} {lines[n - 1].rstrip()[:200]}"
        for n in range(first, last + 1)
    ]
    where = os.path.basename(file) if os.path.exists(file) and "ipykernel" not in file else "a cell"
    what = "" if name == "<module>" else f", {name}()"
    return "\n".join([f"{where}{what}, line {line}:", *shown])


def _short(frame: Frame, line: int) -> str:
    file = os.path.realpath(frame.f_code.co_filename)
    for folder in _LIBRARY_FOLDERS:
        file = file.removeprefix(folder)
    file = file.removeprefix("site-packages" + os.sep)
    return f"  {file}:{line} in {frame.f_code.co_name}"
