"""Untrusted Markdown: splits it into prose and code, and makes it safe inside other Markdown.

The chat shows HTML as text and loads no images by itself. The same must hold for a saved file,
wherever it is opened; and a message with an unclosed fence or comment must not swallow the next.
"""

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

# The start of a tag, a comment or the like, but not of a link in angle brackets.
_HTML = re.compile(r"<(?!https?://[^\s<>]*>)(?=[A-Za-z/!?])")
_IMAGE = re.compile(r"!(?=\[)")

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


def harmless(text: str) -> str:
    """Returns the same Markdown with HTML as text, images as links, and every fence closed."""
    return "\n".join(map(harmless_part, split(text)))


def harmless_part(part: Prose | Code) -> str:
    """Returns one part of a text as harmless Markdown that can stand alone."""
    if isinstance(part, Code):
        return fenced(part.text, part.info)
    return "".join(map(_harmless_chunk, re.split(r"(\n(?:[ \t]*\n)+)", part.text)))


def fenced(text: str, info: str = "") -> str:
    """Returns code between fences that are longer than any in the code."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{info.replace('`', '')}\n{text}\n{fence}"


def plain(text: str) -> str:
    """Returns text as one line of Markdown, with special characters escaped."""
    return re.sub(r"([\\`*\[\]<&$|])", r"\\\1", " ".join(text.split()))


def _harmless_chunk(chunk: str) -> str:
    """Returns harmless Markdown of lines that no blank line separates.

    Inline code stays as it is, but only where every Markdown parser finds the same code: it begins
    and ends on one line, and no other syntax could claim its backticks.
    """
    runs = (re.findall(r"`+", line) for line in chunk.split("\n"))
    is_clear = not re.search(r"[\\$|]", chunk) and all(run[::2] == run[1::2] for run in runs)
    parts = re.split(r"(`+[^`]+`+)", chunk) if is_clear else [chunk]
    parts[::2] = (_IMAGE.sub("&#33;", _HTML.sub("&lt;", part)) for part in parts[::2])
    return "".join(parts)
