"""What stands in a reply's text: its code blocks, its tables and its JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from .markdown import Code, Prose, split


class CodeBlock(NamedTuple):
    """Code that stood between fences.

    Attributes:
        language: In lower case; blank if none is named.
        code: The code, without the fences.
    """

    language: str
    code: str


Cell: TypeAlias = "str | int | float | None"


class Table(NamedTuple):
    """A table of Markdown; in its rows, numbers are numbers."""

    header: list[str]
    rows: list[list[Cell]]


# `---`, `:--`, `--:` or `:-:` below each heading.
_DELIMITER = re.compile(r":?-+:?")
# What ends a table without an empty line.
_BLOCK = re.compile(r"#{1,6}(\s|$)|[-*+]\s|\d{1,9}[.)]\s|([-*_]\s*){3,}$")
# Not `007`, which is a name.
_NUMBER = re.compile(
    r"[-+]?(\d{1,3}(,\d{3})+|0|[1-9]\d*)?(?P<fraction>\.\d+)?(?P<exponent>[eE][-+]?\d+)?"
)
_MARKS = re.compile(r"(?P<mark>\*{1,3}|_{1,3}|`+|~~)(?P<text>[^\s].*?)(?P=mark)")
# A reader of digits has a limit, and a float has fewer than these.
_DIGITS = 300


def code_blocks(text: str) -> list[CodeBlock]:
    """The text's fenced code, in its order."""
    return [CodeBlock(p.language, p.text) for p in split(text) if isinstance(p, Code)]


def json_source(text: str) -> str:
    """The JSON of a text: all of it, or else its first block of JSON.

    Raises:
        ValueError: There is none, or it is damaged.
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
        raise ValueError(
            "There is no JSON in this reply: it is neither JSON nor has a block of it."
        )
    raise ValueError(f"The JSON in this reply is damaged: {error}.")


def json_in(text: str) -> Any:
    """What the JSON of a text says; see `json_source`."""
    return json.loads(json_source(text))


def _json_error(source: str) -> str | None:
    try:
        json.loads(source)
    except (ValueError, RecursionError) as error:
        return str(error)
    return None


def tables(text: str) -> Iterator[Table]:
    """The text's tables, as GitHub's Markdown has them."""
    for part in split(text):
        if isinstance(part, Prose):
            yield from _tables(part.text.split("\n"))


def _tables(lines: list[str]) -> Iterator[Table]:
    lines = [re.sub(r"^[ \t>]+", "", line) for line in lines]  # in a list or a quotation
    i = 0
    while i + 1 < len(lines):
        header, delimiters = _cells(lines[i]), _cells(lines[i + 1])
        i += 1
        if not _heads(lines[i - 1], header, lines[i], delimiters):
            continue
        i += 1
        rows: list[list[str]] = []
        while i < len(lines) and lines[i].strip() and not _BLOCK.match(lines[i]):
            cells = _cells(lines[i])[: len(header)]
            rows.append(cells + [""] * (len(header) - len(cells)))
            i += 1
        yield _table(header, rows)


def _heads(line: str, header: list[str], below: str, delimiters: list[str]) -> bool:
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
    """A cell's text without what makes all of it bold, italic or code."""
    cell = cell.strip()
    while marked := _MARKS.fullmatch(cell):
        cell = marked["text"]
    return cell


def _table(header: list[str], rows: list[list[str]]) -> Table:
    columns = [_column([row[i] for row in rows]) for i in range(len(header))]
    return Table(header, [list(row) for row in zip(*columns, strict=True)])


def _column(cells: list[str]) -> list[Cell]:
    """Its numbers, and None where there is none; as it is, if there is something else in it."""
    numbers = [_number(cell) if cell else None for cell in cells]
    said = [number for cell, number in zip(cells, numbers, strict=True) if cell]
    return list(numbers) if said and None not in said else list(cells)


def _number(cell: str) -> int | float | None:
    plain = cell.replace("\u2212", "-")  # the minus of typesetters
    found = _NUMBER.fullmatch(plain)
    if found is None or not any(map(str.isdigit, plain)) or len(plain) > _DIGITS:
        return None
    digits = plain.replace(",", "")
    return float(digits) if found["fraction"] or found["exponent"] else int(digits)
