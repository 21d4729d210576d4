"""Finds the variables that a text mentions with `@`, and lists those that can be mentioned."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from .tables import is_table, shape

# Not inside a word, as in an e-mail address. Keep in step with frontend/src/composer/mentions.ts.
_STEP = r"""\.[^\W\d]\w*|\[(?:\d+|"[\w -]+"|'[\w -]+')\]"""
_MENTION = re.compile(rf"(?<![\w.@/])@([^\W\d]\w*(?:{_STEP})*)")
_STEPS = re.compile(_STEP)
# What follows the name of a decorator in code, which is no mention.
_DECORATED = re.compile(r"(\([^\n]*\))?[ \t]*\n\s*(@|(def|class|async)\b)")
_LIMIT = 120  # the most characters of an attachment's name, which begins with the "@"

Namespace = Mapping[str, object]

_MISSING = object()
# These are quick and run no foreign code.
_LENGTHS: tuple[object, ...] = tuple(
    kind.__len__ for kind in (str, bytes, bytearray, list, tuple, dict, set, frozenset, range)
)


class NotThereError(ValueError):
    """There is no such variable, attribute or item, or looking it up would run foreign code."""


def mentioned(text: str) -> list[str]:
    """Returns what a text mentions, in order and once each: "df", "config.model", "rows[0]"."""
    names = (
        match[1]
        for match in _MENTION.finditer(text)
        if len(match[1]) < _LIMIT and not _DECORATED.match(text, match.end())
    )
    return list(dict.fromkeys(names))


def resolve(expression: str, namespace: Namespace) -> tuple[str, object]:
    """Finds the value of an expression that `mentioned` returned, or of its longest valid part.

    In "is it @df.Then …" that part is "df". No code of the objects runs: properties are not read,
    and a defaultdict does not grow.

    Returns:
        The valid part, and its value.

    Raises:
        NotThereError: The expression does not begin with a variable.
    """
    name = re.split(r"[.\[]", expression, maxsplit=1)[0]
    if not is_offered(name, namespace):
        raise NotThereError(f"There is no variable {name!r}.")
    value = namespace[name]
    for step in _STEPS.findall(expression):
        try:
            value = _attribute(value, step[1:]) if step[0] == "." else _item(value, step[1:-1])
        except (NotThereError, LookupError):
            break
        name += step.replace('"', "'")
    return name, value


def offered(namespace: Namespace, hidden: Namespace) -> Iterator[tuple[str, str]]:
    """Yields the variables that can be mentioned, each with a hint such as "list 12".

    Variables made in the notebook come first, the newest before the others. Imported functions and
    classes, and chats, come last.

    Args:
        namespace: The user's variables.
        hidden: Those that the shell itself has put there.
    """
    own = {
        name: value for name, value in namespace.items() if hidden.get(name, _MISSING) is not value
    }
    names = [name for name in reversed(list(own)) if is_offered(name, own)]
    for name in sorted(names, key=lambda name: _is_offered_last(namespace[name])):
        yield name, hint(namespace[name])


def is_offered(name: str, namespace: Namespace) -> bool:
    """Whether a name is a variable's: public, and no module's."""
    private = name.startswith("_") or name not in namespace
    return not private and not isinstance(namespace[name], ModuleType)


def is_imported(value: object) -> bool:
    """Whether the value is a function or class that another module defines."""
    return (isinstance(value, type) or inspect.isroutine(value)) and (
        value.__module__ != "__main__"
    )


def _is_offered_last(value: object) -> bool:
    ours = __name__.partition(".")[0]
    return is_imported(value) or type(value).__module__.partition(".")[0] == ours


def hint(value: object) -> str:
    """Returns what a value is, in a word or two: "list 12", or a data frame with its shape."""
    kind = type(value)
    if isinstance(value, type):
        return "class"
    if is_table(value):
        return f"{kind.__name__} {shape(value)}".rstrip()
    if getattr(kind, "__len__", None) in _LENGTHS:
        return f"{kind.__name__} {len(value):,}"  # type: ignore[arg-type]
    return kind.__name__[:60]


def _attribute(value: object, name: str) -> object:
    if is_table(value):
        return _item(value, repr(name))
    try:
        found: object = inspect.getattr_static(value, name)
    except AttributeError:
        raise NotThereError(name) from None
    if isinstance(found, (classmethod, staticmethod)):
        return found.__func__
    if inspect.isfunction(found) or not hasattr(type(found), "__get__"):
        return found
    raise NotThereError(name)


def _item(value: Any, key: str) -> object:
    quoted = key[0] in "\"'"
    if is_table(value):
        name = key[1:-1]
        if quoted and name in getattr(value, "columns", ()):
            return value[name]
    elif isinstance(value, dict):
        found = dict.get(value, key[1:-1] if quoted else int(key), _MISSING)
        if found is not _MISSING:
            return found
    elif isinstance(value, (list, tuple)) and not quoted:
        return value[int(key)]
    raise NotThereError(key)
