"""The variables of a notebook that a text names by `@`, and those that can be named."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from .tables import is_table, shape

# Not within a word, as in an e-mail address. The same as in frontend/src/mentions.ts.
_STEP = r"""\.[^\W\d]\w*|\[(?:\d+|"[\w -]+"|'[\w -]+')\]"""
_MENTION = re.compile(rf"(?<![\w.@/])@([^\W\d]\w*(?:{_STEP})*)")
_STEPS = re.compile(_STEP)
# What follows a decorator in a piece of code.
_DECORATED = re.compile(r"(\([^\n]*\))?[ \t]*\n\s*(@|(def|class|async)\b)")
_LIMIT = 120  # characters: the longest name that an attachment can have, without its "@"

Namespace = Mapping[str, object]

_MISSING = object()
# To count by these is quick, and runs no code of others.
_LENGTHS: tuple[object, ...] = tuple(
    kind.__len__ for kind in (str, bytes, bytearray, list, tuple, dict, set, frozenset, range)
)


class NotThereError(ValueError):
    """There is no such attribute or item, or to look would run code of the object's."""


def mentioned(text: str) -> list[str]:
    """What a text names: "df", "config.model", "rows[0]", each once, in its order."""
    names = (
        match[1]
        for match in _MENTION.finditer(text)
        if len(match[1]) < _LIMIT and not _DECORATED.match(text, match.end())
    )
    return list(dict.fromkeys(names))


def resolve(expression: str, namespace: Namespace) -> tuple[str, object]:
    """What an expression of `mentioned` stands for, or else the longest part of it.

    In "is it @df.Then …" only "df" is one. No code of the objects runs: properties are not read,
    and a defaultdict is not added to.

    Returns:
        The part that there is, and its value.

    Raises:
        NotThereError: Not even the first name is there.
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
    """The names that a person can pick, and what each is in a word or two.

    What was made in the notebook comes first, the newest before the others, then what was imported.

    Args:
        namespace: The person's.
        hidden: What the shell itself has put there.
    """
    own = {
        name: value for name, value in namespace.items() if hidden.get(name, _MISSING) is not value
    }
    names = [name for name in reversed(list(own)) if is_offered(name, own)]
    for name in sorted(names, key=lambda name: _is_not_asked_about(namespace[name])):
        yield name, hint(namespace[name])


def is_offered(name: str, namespace: Namespace) -> bool:
    """Whether a name is that of a variable, and no module's."""
    private = name.startswith("_") or name not in namespace
    return not private and not isinstance(namespace[name], ModuleType)


def is_imported(value: object) -> bool:
    """Whether it is a function or class of another module."""
    return (isinstance(value, type) or inspect.isroutine(value)) and (
        value.__module__ != "__main__"
    )


def _is_not_asked_about(value: object) -> bool:
    ours = __name__.partition(".")[0]
    return is_imported(value) or type(value).__module__.partition(".")[0] == ours


def hint(value: object) -> str:
    """What a value is: "list 12", or a frame with its shape."""
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
