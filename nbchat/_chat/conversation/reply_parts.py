"""The code blocks, tables and JSON in a reply's text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from nbchat._chat.markdown import Code, Prose, split


class CodeBlock(NamedTuple):
    """A fenced code block.

    Attributes:
        language: The language in lower case; blank if the fence names none.
        code: The code, without the fences.
    """

    language: str
    code: str


Cell: TypeAlias = "str | int | float | None"


class Table(NamedTuple):
    """A Markdown table; a column of numbers holds numbers, with None for blank cells."""

    header: list[str]
    rows: list[list[Cell]]


# The line below the header has `---`, `:--`, `--:` or `:-:` in each cell.
_DELIMITER = re.compile(r":?-+:?")
# The start of a block that ends a table without a blank line.
_BLOCK = re.compile(r"#{1,6}(\s|$)|[-*+]\s|\d{1,9}[.)]\s|([-*_]\s*){3,}$")
# No leading zeros: `007` is a name.
_NUMBER = re.compile(
    r"[-+]?(\d{1,3}(,\d{3})+|0|[1-9]\d*)?(?P<fraction>\.\d+)?(?P<exponent>[eE][-+]?\d+)?"
)
_MARKS = re.compile(r"(?P<mark>\*{1,3}|_{1,3}|`+|~~)(?P<text>[^\s].*?)(?P=mark)")
# Below the 4,300 digits that Python's int() reads, and within the range of a float (1.8e308).
_DIGITS = 300


def code_blocks(text: str) -> list[CodeBlock]:
    """Returns the text's fenced code blocks, in order."""
    return [CodeBlock(p.language, p.text) for p in split(text) if isinstance(p, Code)]


def json_source(text: str) -> str:
    """Returns the JSON in a text: the whole text, or else its first block of JSON.

    Raises:
        ValueError: There is no JSON, or it is invalid.
    """
    if _json_error(text) is None:
        return text
    blocks = code_blocks(text)
    marked = [block.code for block in blocks if block.language.startswith("json")]
    if not marked and len(blocks) == 1 and not blocks[0].language:
        marked = [blocks[0].code]
    if marked:
        source, error = marked[0], _json_error(marked[0])
        if error is None:
            return source
    elif text.lstrip()[:1] in ("{", "["):
        error = _json_error(text)
    else:
        raise ValueError("No JSON found in this reply.")
    raise ValueError(f"The JSON in this reply is invalid: {error}.")


def json_in(text: str) -> Any:
    """Returns the value of the JSON in a text; see `json_source`."""
    return json.loads(json_source(text))


def _json_error(source: str) -> str | None:
    try:
        json.loads(source)
    except (ValueError, RecursionError) as error:
        return str(error)
    return None


def tables(text: str) -> Iterator[Table]:
    """Yields the text's tables, written in GitHub Flavored Markdown."""
    for part in split(text):
        if isinstance(part, Prose):
            yield from _tables(part.text.split("\n"))


def _tables(lines: list[str]) -> Iterator[Table]:
    lines = [re.sub(r"^[ \t>]+", "", line) for line in lines]  # in a list or a block quote
    i = 0
    while i + 1 < len(lines):
        header, delimiters = _cells(lines[i]), _cells(lines[i + 1])
        i += 1
        if not _starts_table(lines[i - 1], header, lines[i], delimiters):
            continue
        i += 1
        rows: list[list[str]] = []
        while i < len(lines) and lines[i].strip() and not _BLOCK.match(lines[i]):
            cells = _cells(lines[i])[: len(header)]
            rows.append(cells + [""] * (len(header) - len(cells)))
            i += 1
        yield _table(header, rows)


def _starts_table(line: str, header: list[str], below: str, delimiters: list[str]) -> bool:
    return (
        "|" in line + below
        and len(header) == len(delimiters)
        and all(map(_DELIMITER.fullmatch, delimiters))
    )


def _cells(line: str) -> list[str]:
    line = line.strip().removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return [_plain(cell.replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", line)]


def _plain(cell: str) -> str:
    """Returns a cell's text without the marks that make all of it bold, italic or code."""
    cell = cell.strip()
    while marked := _MARKS.fullmatch(cell):
        cell = marked["text"]
    return cell


def _table(header: list[str], rows: list[list[str]]) -> Table:
    columns = [_column([row[i] for row in rows]) for i in range(len(header))]
    return Table(header, [list(row) for row in zip(*columns, strict=True)])


def _column(cells: list[str]) -> list[Cell]:
    """Returns numbers, with None for blank cells; the cells as they are if any is no number."""
    numbers = [_number(cell) if cell else None for cell in cells]
    filled = [number for cell, number in zip(cells, numbers, strict=True) if cell]
    return list(numbers) if filled and None not in filled else list(cells)


def _number(cell: str) -> int | float | None:
    plain = cell.replace("\u2212", "-")  # the typographic minus sign
    found = _NUMBER.fullmatch(plain)
    if found is None or not any(map(str.isdigit, plain)) or len(plain) > _DIGITS:
        return None
    digits = plain.replace(",", "")
    return float(digits) if found["fraction"] or found["exponent"] else int(digits)
