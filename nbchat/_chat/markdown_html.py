"""Renders foreign Markdown as HTML that is safe anywhere, for viewers without widgets.

No HTML of the text, no image and no attribute of it comes through, but for the address of a link to
the web or to a mail address. Each tag is written here: the parser only says which of them to use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING

from .foreign_text import html_block, printable

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

#: A longer text is shown as it is: rendering takes about a second for a million characters.
MAX_RENDERED = 100_000

# markdown-it drops what is nested deeper than its limit. Here it becomes a paragraph of text.
_DEEPEST = 40
_MAX_FORMULA = 5_000
_DOLLARS = re.compile(r"\$(?![\s\d])[^$`\n]{1,500}(?<!\s)\$(?!\d)")

_INLINE_TAGS = ("strong", "em", "sub", "sup", "th", "td")
_BLOCK_TAGS = (
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "blockquote", "ul", "ol", "li"),
    *("table", "thead", "tbody", "tr"),
)
_LINK = re.compile(r"(?:https?://|mailto:)[^\s<>\"']+", re.IGNORECASE)
_START = re.compile(r"\d{1,9}")
_ALIGNED = re.compile(r"text-align:(left|center|right)")
# Between "$", after "\(" and the like, Jupyter renders a formula, whose commands can make links.
# It looks for them within one element, and not in code.
_MATH = re.compile(r"([$\\])")
_TAG = re.compile(r"<br ?/?>|<(su[bp])>([^<>\n]{1,200})</\1>")
_CLOSINGS = {"$$": "$$", "\\(": "\\)", "\\[": "\\]"}


class Markdown(str):
    """A text that is to be rendered, among others that are HTML."""

    __slots__ = ()


class Rendered:
    """Renders the same texts again and again, with a few new ones each time.

    Attributes:
        is_complete: Whether no text was left for the next time.
    """

    def __init__(self) -> None:
        self._html: dict[str, str] = {}
        self.is_complete = True

    def render(self, blocks: Iterable[str], most: float) -> Iterator[str]:
        """Yields all blocks as HTML.

        Args:
            blocks: HTML, and `Markdown`, which is rendered.
            most: How many characters that are not yet rendered may be rendered. What is beyond
                comes as it was written.
        """
        before, self._html = self._html, {}
        self.is_complete = True
        for block in blocks:
            if not isinstance(block, Markdown):
                yield block
                continue
            html = before.get(block)
            if html is None and (most := most - len(block)) < 0:
                self.is_complete = False
                yield html_block(block)
                continue
            html = self._html[block] = html or to_html(block)
            yield html


def to_html(text: str) -> str:
    """Returns Markdown as safe HTML; a very long text comes back unrendered."""
    if len(text) > MAX_RENDERED:
        return html_block(text)
    return "".join(map(_html, _parser().parse(printable(text))))


def code_to_html(text: str) -> str:
    """Returns code, an output or the like as a block of HTML."""
    return (
        '<pre style="margin:0 0 0.8em;padding:0.6em 0.8em;background:rgba(128,128,128,0.1);'
        'white-space:pre-wrap;overflow-wrap:anywhere"><code style="background:none">'
        f"{escape(printable(text))}</code></pre>"
    )


def text_to_html(text: str) -> str:
    """Returns text as HTML in which no viewer finds a formula."""
    return _MATH.sub(r"<span>\1</span>", escape(printable(text)))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _DEEPEST + 5})
    parser.enable(["table", "strikethrough"]).disable(["html_block", "html_inline", "image"])
    parser.inline.ruler.before("escape", "formula", _formula)
    parser.inline.ruler.before("escape", "tag", _tag)
    interrupts = ["paragraph", "reference", "blockquote", "list"]
    parser.block.ruler.before("fence", "formula_block", _formula_block, {"alt": interrupts})
    parser.block.ruler.before("table", "deepest", _deepest)
    parser.parse("x")  # gets the rules ready: two threads must not do so at once
    return parser


# From tokens to HTML


def _html(token: Token) -> str:
    match token.type:
        case "inline":
            return "".join(_inline(token.children or ()))
        case "fence" | "code_block" | "formula_block":
            return code_to_html(token.content.removesuffix("\n"))
        case "hr":
            return "<hr>\n"
    is_block = token.tag in _BLOCK_TAGS
    if token.hidden or not (is_block or token.tag in _INLINE_TAGS):
        return ""  # the paragraphs of a tight list are hidden
    end = "\n" if is_block else ""
    if token.nesting < 0:
        return f"</{token.tag}>{end}"
    return f"<{token.tag}{_attribute(token)}>"


def _attribute(token: Token) -> str:
    if token.tag in ("th", "td"):
        aligned = _ALIGNED.fullmatch(str(token.attrGet("style")))
        # JupyterLab 4.6 and nbconvert 7.17 move each cell of an HTML table to the right.
        return f' style="text-align:{aligned[1] if aligned else "left"}"'
    if token.tag == "ol" and _START.fullmatch(start := str(token.attrGet("start"))):
        return f' start="{start}"'
    return ""


def _inline(tokens: Sequence[Token]) -> Iterator[str]:
    links: list[bool] = []
    for token in tokens:
        match token.type:
            case "text" | "text_special" | "html_inline":
                yield text_to_html(token.content)
            case "code_inline" | "formula":
                yield f"<code>{escape(printable(token.content))}</code>"
            case "softbreak":
                yield "\n"
            case "hardbreak":
                yield "<br>\n"
            case "s_open":
                yield "<del>"
            case "s_close":
                yield "</del>"
            case "link_open":
                href = str(token.attrGet("href"))
                links.append(bool(_LINK.fullmatch(href)))
                if links[-1]:
                    yield f'<a href="{escape(href)}" rel="noopener noreferrer">'
            case "link_close":
                if links.pop():
                    yield "</a>"
            case _:
                yield _html(token)


# What the page takes for more than CommonMark


def _formula(state: StateInline, silent: bool) -> bool:
    """A formula stays as it was written: Markdown would take its backslashes and asterisks."""
    text, at = state.src, state.pos
    if text[at] not in "$\\":
        return False
    opening = text[at : at + 2]
    closing = _CLOSINGS.get(opening)
    if closing is not None:
        # What was searched in vain is not searched again: many openings cost no more than one.
        searched, until = state.env.get(opening, ("", 0))
        if searched is text and at < until:
            return False
        end = text.find(closing, at + 2, at + _MAX_FORMULA)
        content = text[at + 2 : end]
        if end < 0 or "`" in content or not content.strip():
            state.env[opening] = text, at + _MAX_FORMULA if end < 0 else end
            return False
        end += 2
    else:
        found = _DOLLARS.match(text, at)
        if found is None:
            return False
        end = found.end()
    if not silent:
        state.push("formula", "", 0).content = text[at:end]
    state.pos = end
    return True


def _formula_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A formula on lines of its own, none of which is empty."""
    if state.is_code_block(start):
        return False
    first = state.bMarks[start] + state.tShift[start]
    closing = _CLOSINGS.get(state.src[first : first + 2])
    if closing in (None, "\\)"):
        return False
    for line in range(start, min(end, start + 100)):
        if state.isEmpty(line) or state.sCount[line] < state.blkIndent:
            return False
        begin = first + 2 if line == start else state.bMarks[line]
        if state.src[begin : state.eMarks[line]].rstrip().endswith(str(closing)):
            if not silent:
                token = state.push("formula_block", "", 0)
                token.content = state.getLines(start, line + 1, state.blkIndent, False)
                state.line = line + 1
            return True
    return False


def _tag(state: StateInline, silent: bool) -> bool:
    """The few tags that the page obeys: a break, and what is raised or lowered."""
    found = _TAG.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        if tag := found[1]:
            state.push(f"{tag}_open", tag, 1)
            state.push("text", "", 0).content = found[2]
            state.push(f"{tag}_close", tag, -1)
        else:
            state.push("hardbreak", "br", 0)
    state.pos = found.end()
    return True


def _deepest(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if state.level < _DEEPEST or silent:
        return False
    state.push("paragraph_open", "p", 1)
    inline = state.push("inline", "", 0)
    inline.content = state.getLines(start, end, state.blkIndent, False).strip()
    inline.children = []
    inline.map = [start, end]
    state.push("paragraph_close", "p", -1)
    state.line = end
    return True
