"""The one way out for foreign text: what others wrote, made safe as Markdown, HTML or one line.

The chat shows HTML as text, and loads no images by itself. The same must hold for what a cell
shows, a copy and a saved file, wherever they are opened: viewers run HTML in Markdown, follow links
to scripts, and let formulas make links. And a message with an unclosed fence or comment must not
swallow the next.
"""

from __future__ import annotations

import re
from html import escape

from .markdown import Code, Prose, split

# Characters that control a terminal, or that XML can't contain.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# The start of a tag, a comment or the like, but not of a link in angle brackets. What the page lets
# do something comes first and stays: a break, and what is raised or lowered, closed on its line.
_HTML = re.compile(
    r"(<br ?/?>|<(su[bp])>[^<>\n]{1,200}</\2>)|<(?!https?://[^\s<>]*>)(?=[A-Za-z/!?])"
)
_IMAGE = re.compile(r"!(?=\[)")

# The bracket before a link's address, or in its definition, if the address is no web or mail
# address in so many letters. As an entity, it is shown but makes no link.
_LINK = re.compile(r"\](?=[(:](?!\s*<?(?:https?://|mailto:)))", re.IGNORECASE)

# Code that viewers draw instead of showing it: nbconvert 7.17 puts mermaid's into the page as HTML,
# and MyST takes a word in braces as a command.
_DRAWN = re.compile(
    r"\A\s*(?:\{.*|(?:mermaid|math|geojson|topojson|stl)\b.*)", re.IGNORECASE | re.DOTALL
)

# Commands of MathJax that make links, load files, or set styles; and those that rename them. The
# names in the second row are words of file paths too.
_MATH = re.compile(r"\$|\\[(\[]|\\begin")
_COMMAND = re.compile(
    r"\\(?=(?:href|mmlToken|cssId|bbox|csname|html[A-Za-z]+)(?![A-Za-z])"
    r"|(?:style|class|data|require|url|unicode|includegraphics)(?:\s*[{}\[#]))"
)
_COMMAND_IN_MATH = re.compile(
    r"\\(?=(?:style|class|data|require|url|unicode|includegraphics)(?![A-Za-z]))"
)


def printable(text: str) -> str:
    """Returns text without control characters, with every line end as a newline."""
    return _CONTROL.sub("", re.sub(r"\r\n?", "\n", text))


def harmless(text: str) -> str:
    """Returns the same Markdown with HTML as text, images as links, and every fence closed.

    Only links to the web and to mail addresses stay links. A text that needs no change comes back
    with its own line ends.
    """
    safe = "\n".join(map(harmless_part, split(text)))
    return text if text.replace("\r\n", "\n") == safe else safe


def harmless_part(part: Prose | Code) -> str:
    """Returns one part of a text as harmless Markdown that can stand alone."""
    if isinstance(part, Code):
        return fenced(part.text, part.info)
    text = _without_commands(printable(part.text))
    return "".join(map(_harmless_chunk, re.split(r"(\n(?:[ \t]*\n)+)", text)))


def fenced(text: str, info: str = "") -> str:
    """Returns code between fences that are longer than any in the code."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    # JupyterLab 4.6 writes this into an attribute, unescaped.
    info = re.sub(r"[^\w \t+#.,:=/-]", "", _DRAWN.sub("text", info))
    return f"{fence}{info}\n{text}\n{fence}"


def plain(text: str) -> str:
    """Returns text as one line of Markdown, with special characters escaped."""
    text = _without_commands(" ".join(printable(text).split()))
    text = re.sub(r"([\\`*\[\]&$|])", r"\\\1", text)
    # Not by a backslash, which may become the end of an address, as in "http://a.b/\\<img".
    return text.replace("<", "&lt;")


def one_line(text: str, limit: int = 100) -> str:
    """Returns text as one short line of plain text, without what is not shown."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 2 * limit]).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def html_block(text: str) -> str:
    """Returns text as a block of HTML that no viewer renders further."""
    # In running text, Jupyter renders what is between two "$" as a formula.
    return (
        '<pre style="margin:0 0 0.6em;white-space:pre-wrap;overflow-wrap:anywhere">\n'
        f"{escape(printable(text))}</pre>"
    )


def _without_commands(text: str) -> str:
    text = _COMMAND.sub(r"\\ ", text)
    return _COMMAND_IN_MATH.sub(r"\\ ", text) if _MATH.search(text) else text


def _harmless_chunk(chunk: str) -> str:
    """Returns harmless Markdown of lines that no blank line separates.

    Inline code stays as it is, but only where every Markdown parser finds the same code: it begins
    and ends on one line, and no other syntax could claim its backticks.
    """
    runs = (re.findall(r"`+", line) for line in chunk.split("\n"))
    is_clear = not re.search(r"[\\$|]", chunk) and all(run[::2] == run[1::2] for run in runs)
    parts = re.split(r"(`+[^`]+`+)", chunk) if is_clear else [chunk]
    if not all(map(_has_whole_brackets, parts[::2])):  # a link's text or address could claim them
        parts = [chunk]
    parts[::2] = map(_harmless_prose, parts[::2])
    return "".join(parts)


def _harmless_prose(text: str) -> str:
    text = _HTML.sub(lambda found: found[1] or "&lt;", text)
    return _IMAGE.sub("&#33;", _LINK.sub("&#93;", text))


def _has_whole_brackets(text: str) -> bool:
    depth = 0
    for char in re.findall(r"[\[\]]", text):
        depth += 1 if char == "[" else -1
        if depth < 0:
            break
    return depth == 0
