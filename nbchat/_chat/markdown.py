"""Splits Markdown into prose and fenced code, as the page does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPENING = re.compile(
    r"""
    (?P<indent>[ \t]*)
    (?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?   # a fence may be the first thing in a list item
    (?P<fence>`{3,}(?=[^`]*$)|~{3,})
    (?P<info>.*)
    """,
    re.VERBOSE,
)
_CLOSING = re.compile(r"(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})[ \t]*")

_PYTHON = ("python", "py", "python3", "ipython", "ipython3")


@dataclass(frozen=True)
class Prose:
    """Markdown without fenced code."""

    text: str


@dataclass(frozen=True)
class Code:
    """A fenced code block; without a closing fence, it ends with the text.

    Attributes:
        info: The text after the opening fence.
        text: The code, without the fence's indentation.
    """

    info: str
    text: str

    @property
    def language(self) -> str:
        """The language in lower case; blank if the fence names none."""
        return self.info.split()[0].lower() if self.info.strip() else ""

    @property
    def is_python(self) -> bool:
        """Whether the code is marked as Python, which a notebook cell can run."""
        return self.language in _PYTHON


def split(text: str) -> Iterator[Prose | Code]:
    """Yields the parts of a text, in order."""
    lines: list[str] = []
    opening: re.Match[str] | None = None
    for line in re.split(r"\r\n?|\n", text):
        if opening is None:
            opening = _OPENING.fullmatch(line)
            if opening is None:
                lines.append(line)
                continue
            if lines:
                yield Prose("\n".join(lines))
            lines = []
        elif _closes(line, opening):
            yield _code(lines, opening)
            lines, opening = [], None
        else:
            lines.append(line)
    if opening is not None:
        yield _code(lines, opening)
    elif lines:
        yield Prose("\n".join(lines))


def _closes(line: str, opening: re.Match[str]) -> bool:
    closing = _CLOSING.fullmatch(line)
    return (
        closing is not None
        and closing["fence"].startswith(opening["fence"])
        and _width(closing["indent"]) <= _width(opening["indent"]) + 3
    )


def _code(lines: list[str], opening: re.Match[str]) -> Code:
    # In a list item, the code is indented as far as its fence.
    margin = re.compile(rf"[ \t]{{0,{len(opening['indent'])}}}")
    return Code(opening["info"].strip(), "\n".join(margin.sub("", line, count=1) for line in lines))


def _width(indent: str) -> int:
    return len(indent.expandtabs(4))
