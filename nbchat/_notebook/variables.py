"""Finds the variables that a text mentions with `@`, and lists those that can be mentioned."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

from nbchat._chat.keys import is_secret_name

from .kinds import (
    holds_keys,
    is_a,
    is_class,
    is_imported,
    is_nbchats,
    is_routine,
    is_table,
    name_of,
)
from .tables import column_names, shape
from .time_limit import within

# Letters of scripts that put no space between a name and the next word: Thai, Lao, Burmese, Khmer,
# Chinese, Japanese, Korean. Keep these patterns in step with frontend/src/composer/mentions.ts.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff"
)
# Not inside a word, as in an e-mail address.
_STEP = r"""\.[^\W\d]\w*|\[(?:\d+|"[\w -]+"|'[\w -]+')\]"""
_MENTION = re.compile(rf"(?:(?<![\w.@/])|(?<=[{_UNSPACED}]))@([^\W\d]\w*(?:{_STEP})*)")
_WORD_END = re.compile(rf"(?=[{_UNSPACED}])|(?<=[{_UNSPACED}])")
_STEPS = re.compile(_STEP)
_NAMES = re.compile(r"[\w -]*[^\W\d][\w -]*")
# What follows the line of a decorator in code, which is no mention.
_DECORATED = re.compile(r"\n\s*(@|(def|class|async)\b)")
_LIMIT = 120  # the most characters of an attachment's name, which begins with the "@"

_HINT_LIMIT_S = 0.2  # for the hint of a variable
_HINTS_LIMIT_S = 1.0  # for all hints together

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
    names: dict[str, None] = {}
    line_end = code_end = -1  # of the mention's line, with and without the blanks at its end
    is_before_code = False
    for match in _MENTION.finditer(text):
        end = match.end(1)
        if end > line_end:
            line_end = text.find("\n", end) % (len(text) + 1)
            code_end = end + len(text[end:line_end].rstrip(" \t"))
            is_before_code = _DECORATED.match(text, line_end) is not None
        is_whole_line = end == code_end or (text[end], text[code_end - 1]) == ("(", ")")
        if not (is_before_code and is_whole_line):
            names[match[1]] = None
    return [name for name in map(_within_limit, names) if name]


def _within_limit(name: str) -> str:
    """Returns a name without what is beyond the limit; "" if only a part of a word were left."""
    if len(name) < _LIMIT:
        return name
    return name[: _LIMIT - 1] if _WORD_END.match(name, _LIMIT - 1) else ""


def _prefixes(name: str) -> Iterator[str]:
    """Yields what a name in a text may stand for, the longest first: "df的列", "df的", "df"."""
    yield name
    for end in range(len(name) - 1, 0, -1):
        if _WORD_END.match(name, end):
            yield name[:end]


def last_name(expression: str) -> str:
    """Returns the name of what an expression stands for: "api key" for "users[0]['api key']"."""
    return _NAMES.findall(expression)[-1] if expression else ""


def resolve(expression: str, namespace: Namespace) -> tuple[str, object]:
    """Finds the value of an expression that `mentioned` returned, or of its longest valid part.

    In "is it @df.Then …" and in "请看@df的列" that part is "df". Properties are not read, and a
    defaultdict does not grow. No step leads to a private name, or into an object that may hold an
    API key.

    Returns:
        The valid part, and its value.

    Raises:
        NotThereError: The expression does not begin with a variable.
    """
    written = re.split(r"[.\[]", expression, maxsplit=1)[0]
    name = next((each for each in _prefixes(written) if is_offered(each, namespace)), "")
    if not name:
        raise NotThereError(f"There is no variable {written!r}.")
    value = namespace[name]
    if name != written:
        return name, value
    for written in _STEPS.findall(expression):
        attributes = (f".{each}" for each in _prefixes(written[1:]))
        for step in attributes if written[0] == "." else [written]:
            with suppress(NotThereError, LookupError):
                value = _step(value, step)
                name += step.replace('"', "'")
                break
        else:
            break
        if step != written:
            break
    return name, value


def offered(namespace: Namespace, hidden: Namespace) -> list[tuple[str, str]]:
    """Returns the variables that can be mentioned, each with a hint such as "list 12".

    Tables come first, and of all others the newest. Left out are chats, imported functions and
    classes, and names of secrets. A variable whose code takes too long gets no hint.

    Args:
        namespace: The user's variables.
        hidden: Those that the shell itself has put there.
    """
    # A cell that runs in another thread may make variables meanwhile.
    names = list(dict(namespace).items())
    end = time.monotonic() + _HINTS_LIMIT_S
    tables: list[tuple[str, str]] = []
    others: list[tuple[str, str]] = []
    for name, value in reversed(names):
        if hidden.get(name, _MISSING) is value or not _is_offered(name, value):
            continue
        if is_secret_name(name) or is_nbchats(value):
            continue
        is_foreign, text = _look_at(value, end - time.monotonic())
        if not is_foreign:
            (tables if is_table(value) else others).append((name, text))
    return tables + others


def _look_at(value: object, seconds: float) -> tuple[bool, str]:
    """Returns whether another module defines the value, and its hint."""
    if seconds > 0:
        with suppress(Exception):
            return within(min(seconds, _HINT_LIMIT_S), lambda: (is_imported(value), hint(value)))
    return False, ""


def is_offered(name: str, namespace: Namespace) -> bool:
    """Whether a name is a variable's: public, and no module's."""
    return name in namespace and _is_offered(name, namespace[name])


def _is_offered(name: str, value: object) -> bool:
    return type(name) is str and not name.startswith("_") and not is_a(value, ModuleType)


def hint(value: object) -> str:
    """Returns what a value is, in a word or two: "list 12", or a data frame with its shape."""
    kind = type(value)
    if is_class(value):
        return "class"
    if is_table(value):
        return f"{name_of(kind)} {shape(value)}".rstrip()
    if getattr(kind, "__len__", None) in _LENGTHS:
        return f"{name_of(kind)} {len(value):,}"  # type: ignore[arg-type]
    return name_of(kind)[:60]


def _step(value: object, step: str) -> object:
    if holds_keys(value):
        raise NotThereError(step)
    return _attribute(value, step[1:]) if step[0] == "." else _item(value, step[1:-1])


def _attribute(value: object, name: str) -> object:
    if name.startswith("_"):
        raise NotThereError(name)
    if is_table(value):
        return _item(value, repr(name))
    try:
        found: object = inspect.getattr_static(value, name)
    except AttributeError:
        raise NotThereError(name) from None
    if is_a(found, classmethod) or is_a(found, staticmethod):
        return found.__func__
    if is_routine(found) or not hasattr(type(found), "__get__"):
        return found
    raise NotThereError(name)


def _item(value: Any, key: str) -> object:
    quoted = key[0] in "\"'"
    if is_table(value):
        name = key[1:-1]
        if quoted and name in column_names(value):
            return value[name]
    elif is_a(value, dict):
        found = dict.get(value, key[1:-1] if quoted else int(key), _MISSING)
        if found is not _MISSING:
            return found
    elif is_a(value, list) and not quoted:
        return list.__getitem__(value, int(key))
    elif is_a(value, tuple) and not quoted:
        return tuple.__getitem__(value, int(key))
    raise NotThereError(key)
