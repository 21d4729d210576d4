"""A cell's error as a model is told of it: the cell, where it failed, and what it names."""

from __future__ import annotations

import linecache
import os
import sysconfig
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType as Frame

from nbchat._chat.attachments import Attachment

from .description import TIME_LIMIT_S, for_model
from .time_limit import within
from .variables import is_imported, is_offered

QUESTION = "Explain this error and how to fix it."
_AROUND = 3  # lines of code before and after the one that failed
_USERS = 6
_LIBRARYS = 4
_CAUSES = 3
_VARIABLES = 5
_LIBRARIES = tuple(
    os.path.realpath(sysconfig.get_path(name)) + os.sep
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


@dataclass(frozen=True)
class FailedCell:
    """A cell that ended in an error.

    Attributes:
        error: The exception, with its traceback.
        source: The cell's, as it was typed.
        number: Which execution it was; None if that is not known.
    """

    error: BaseException
    source: str
    number: int | None

    @property
    def title(self) -> str:
        """What it is called: "KeyError in cell [3]"."""
        where = "a cell" if self.number is None else f"cell [{self.number}]"
        return f"{type(self.error).__name__} in {where}"

    def describe(self, limit: int) -> Attachment:
        """Tells what happened, in at most `limit` characters, keys masked."""
        try:
            told = within(TIME_LIMIT_S, self._tell)
        except Exception:
            told = f"{type(self.error).__name__} (its message can't be had)"
        cell = for_model(self.source, limit // 2)
        text = for_model(f"{told}\n\nThe cell:\n{cell}", limit)
        return Attachment(self.title, "text/markdown", text.encode())

    def names(self, namespace: Mapping[str, object]) -> list[str]:
        """The variables that the code which failed names, innermost first."""
        codes = [frame.f_code for frame, _ in reversed(_frames(self.error)) if _is_users(frame)]
        names = dict.fromkeys(name for code in codes for name in code.co_names)
        own = [name for name in names if is_offered(name, namespace)]
        return [name for name in own if not is_imported(namespace[name])][:_VARIABLES]

    def _tell(self) -> str:
        chain = _chain(self.error)
        parts = [_told(chain[0])]
        for cause in chain[1 : 1 + _CAUSES]:
            parts.append(f"It came of this one:\n{_told(cause)}")
        return "\n\n".join(parts)


def _told(error: BaseException) -> str:
    frames = _frames(error)
    users = [_place(*each) for each in frames if _is_users(each[0])][-_USERS:]
    first = next((i for i, (frame, _) in enumerate(frames) if _is_users(frame)), len(frames))
    # What is above the person's own code is Jupyter's.
    below = [_short(*each) for each in frames[first:] if not _is_users(each[0])][-_LIBRARYS:]
    parts = ["".join(traceback.format_exception_only(type(error), error)).strip()]
    for inner in getattr(error, "exceptions", ())[:_CAUSES]:
        said = "".join(traceback.format_exception_only(type(inner), inner)).strip()
        parts[0] += f"\n  {said}"
    if users:
        parts.append("\n\n".join(["In this code, the innermost first:", *reversed(users)]))
    if below:
        parts.append("\n".join(["Below it, in libraries:", *below]))
    return "\n\n".join(parts)


def _frames(error: BaseException) -> list[tuple[Frame, int]]:
    return list(traceback.walk_tb(error.__traceback__))


def _chain(error: BaseException) -> list[BaseException]:
    """An exception and what it came of, as Python's own traceback tells it."""
    chain = [error]
    while len(chain) <= _CAUSES:
        last = chain[-1]
        cause = last.__cause__ or (None if last.__suppress_context__ else last.__context__)
        if cause is None or cause in chain:
            break
        chain.append(cause)
    return chain


def _is_users(frame: Frame) -> bool:
    """Whether it runs code of the person's: of a cell, or of a file that is not installed."""
    file = frame.f_code.co_filename
    if not os.path.isabs(file):  # made up; compiled libraries name their files like this too
        return file.startswith("<ipython-input")
    return not os.path.realpath(file).startswith(_LIBRARIES)


def _place(frame: Frame, line: int) -> str:
    """The lines around the one that failed, which is marked."""
    file, name = frame.f_code.co_filename, frame.f_code.co_name
    lines = linecache.getlines(file, frame.f_globals)
    first, last = max(1, line - _AROUND), min(len(lines), line + _AROUND)
    shown = [
        f"{'-->' if n == line else '   '} {n:4} {lines[n - 1].rstrip()[:200]}"
        for n in range(first, last + 1)
    ]
    where = os.path.basename(file) if os.path.exists(file) and "ipykernel" not in file else "a cell"
    what = "" if name == "<module>" else f", {name}()"
    return "\n".join([f"{where}{what}, line {line}:", *shown])


def _short(frame: Frame, line: int) -> str:
    file = os.path.realpath(frame.f_code.co_filename)
    for library in _LIBRARIES:
        file = file.removeprefix(library)
    file = file.removeprefix("site-packages" + os.sep)
    return f"  {file}:{line} in {frame.f_code.co_name}"
