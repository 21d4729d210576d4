"""Foreign Markdown, made fit to stand among other text: what of it is code, and what is harmless.

In a chat HTML is text and no image loads by itself. A file that is saved keeps to that wherever it
is opened, and no message of it swallows the next one by a fence or a comment that it leaves open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPENING = re.compile(
    r"""
    (?P<indent>[ \t]*)
    (?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?   # the first thing of a list's item
    (?P<fence>`{3,}(?=[^`]*$)|~{3,})
    (?P<info>.*)
    """,
    re.VERBOSE,
)
_CLOSING = re.compile(r"(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})[ \t]*")

# Where a tag, a comment or the like may begin, but not a link in angle brackets.
_HTML = re.compile(r"<(?!https?://[^\s<>]*>)(?=[A-Za-z/!?])")
_IMAGE = re.compile(r"!(?=\[)")

_PYTHON = ("python", "py", "python3", "ipython", "ipython3")


@dataclass(frozen=True)
class Prose:
    """Markdown without fenced code."""

    text: str


@dataclass(frozen=True)
class Code:
    """What stood between fences (or after the last one, if nothing closes it).

    Attributes:
        info: What stood behind the opening fence.
        text: The code, without the fence's indentation.
    """

    info: str
    text: str

    @property
    def language(self) -> str:
        """In lower case; blank if none is named."""
        return self.info.split()[0].lower() if self.info.strip() else ""

    @property
    def is_python(self) -> bool:
        """Whether it is marked as what a notebook's cell can run."""
        return self.language in _PYTHON


def split(text: str) -> Iterator[Prose | Code]:
    """The text's parts in their order."""
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
    # Within a list's item the code stands as far in as what it belongs to.
    margin = re.compile(rf"[ \t]{{0,{len(opening['indent'])}}}")
    return Code(opening["info"].strip(), "\n".join(margin.sub("", line, count=1) for line in lines))


def _width(indent: str) -> int:
    return len(indent.expandtabs(4))


def harmless(text: str) -> str:
    """The same Markdown with HTML as text, images as links, and every fence closed."""
    return "\n".join(map(harmless_part, split(text)))


def harmless_part(part: Prose | Code) -> str:
    """One part of a text, as Markdown that stands for itself."""
    if isinstance(part, Code):
        return fenced(part.text, part.info)
    return "".join(map(_harmless_chunk, re.split(r"(\n(?:[ \t]*\n)+)", part.text)))


def fenced(text: str, info: str = "") -> str:
    """Code between fences that nothing in it closes."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{info.replace('`', '')}\n{text}\n{fence}"


def plain(text: str) -> str:
    """Text for one line of Markdown, in which it means nothing else."""
    return re.sub(r"([\\`*\[\]<&$|])", r"\\\1", " ".join(text.split()))


def _harmless_chunk(chunk: str) -> str:
    """Lines without a blank one between them.

    Code in a line stays as it is, but only where every reader finds the same code: where it begins
    and ends in one line, and nothing else could take its backticks.
    """
    runs = (re.findall(r"`+", line) for line in chunk.split("\n"))
    is_clear = not re.search(r"[\\$|]", chunk) and all(run[::2] == run[1::2] for run in runs)
    parts = re.split(r"(`+[^`]+`+)", chunk) if is_clear else [chunk]
    parts[::2] = (_IMAGE.sub("&#33;", _HTML.sub("&lt;", part)) for part in parts[::2])
    return "".join(parts)
