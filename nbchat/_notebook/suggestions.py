"""What the user can ask in an empty chat: about the notebook's tables, and the last error."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from nbchat._chat.keys import is_secret_name

from .kinds import is_nbchats, is_table
from .tables import TIMES, shape
from .time_limit import within
from .variables import is_offered, mentioned

_COUNT = 3
_NAMES_LOOKED_AT = 2000
_NAME_CHARS = 40  # of a name that a button shows
_SHAPE_LIMIT_S = 0.2
_MISSING = object()


class Suggestion(NamedTuple):
    """Something to ask.

    Attributes:
        label: What its button says.
        text: The message; "" stands for an explanation of the last error.
    """

    label: str
    text: str


_GENERAL = (
    "Write code that reads a CSV file and plots it",
    "Show how to group a table by month",
    "Explain what a p-value says",
)


def suggestions(
    namespace: Mapping[str, object], hidden: Mapping[str, object], *, failed: bool
) -> list[Suggestion]:
    """Returns three suggestions. They hold names and sizes, never values.

    Args:
        namespace: The user's variables.
        hidden: Those that the shell itself has put there.
        failed: Whether there is an error to explain.
    """
    tables = _tables(namespace, hidden)
    found = [Suggestion("Explain the last error", "")] if failed else []
    for name, value in tables[:1]:
        size = _shape(value)
        label = f"Summarise @{name} ({size})" if size else f"Summarise @{name}"
        found = [Suggestion(label, f"Summarise @{name}"), _same(f"Plot @{name}"), *found]
    if len(tables) > 1:
        found.append(_same(f"Compare @{tables[0][0]} and @{tables[1][0]}"))
    elif tables:
        found.append(_same(f"Find problems in @{tables[0][0]}"))
    return [*found, *map(_same, _GENERAL)][:_COUNT]


def _same(text: str) -> Suggestion:
    return Suggestion(text, text)


def _tables(
    namespace: Mapping[str, object], hidden: Mapping[str, object]
) -> list[tuple[str, object]]:
    """Returns the two newest tables, by their types alone."""
    tables: list[tuple[str, object]] = []
    # A cell that runs in another thread may make variables meanwhile.
    for name, value in list(dict(namespace).items())[: -_NAMES_LOOKED_AT - 1 : -1]:
        if not is_table(value) or hidden.get(name, _MISSING) is value or is_nbchats(value):
            continue
        if not is_offered(name, namespace) or is_secret_name(name) or len(name) > _NAME_CHARS:
            continue
        if name.isidentifier() and mentioned(f"@{name}") == [name]:
            tables.append((name, value))
        if len(tables) == 2:
            break
    return tables


def _shape(table: object) -> str:
    with suppress(Exception):  # foreign code: a table's own
        size = within(_SHAPE_LIMIT_S, lambda: shape(table))
        return f" {TIMES} ".join(size.split(TIMES))
    return ""
