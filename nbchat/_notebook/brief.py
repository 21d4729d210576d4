"""A short repr of any value, without the secrets in it."""

from __future__ import annotations

import inspect
import reprlib
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from nbchat._chat.keys import MASK, is_secret_name

from .kinds import holds_keys, is_of, is_picture, is_table, name_of

_ITEMS = 50  # the most items of a container that are shown
_NO_REPR: object = object.__repr__
# Of {"name": "PASSWORD", "value": "…"}, as Docker and browsers write settings.
_NAMING = ("name", "key")


def brief(value: object) -> str:
    """Returns a repr of limited length that looks only at the first items of a value."""
    return _Brief().repr(value)


def is_hidden(name: object, value: object = "") -> bool:
    """Whether a value of this name is a secret; a name of several levels is a tuple."""
    if value is None or isinstance(value, (bool, float)):
        return False  # "password: True" says only that there is one
    if isinstance(name, tuple):
        return any(is_hidden(part, value) for part in name)
    if isinstance(name, bytes):
        name = name.decode("latin-1")
    return isinstance(name, str) and is_secret_name(name)


def are_pairs(items: Iterable[object]) -> bool:
    """Whether there are items, and all of them are pairs of a name and a value."""
    some = list(islice(items, _ITEMS))
    return bool(some) and all(
        type(item) in (tuple, list)
        and len(item) == 2  # type: ignore[arg-type]
        and isinstance(item[0], (str, bytes))  # type: ignore[index]
        for item in some
    )


class _Brief(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 5
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = _ITEMS
        self.maxdeque = self.maxarray = _ITEMS
        self.maxstring = self.maxother = 2000

    def repr1(self, x: Any, level: int) -> str:
        kind = type(x)
        for base, show in self._containers().items():
            # A subclass's own repr might show all items, so it is not called.
            if isinstance(x, base) and not hasattr(kind, "_fields"):
                shown = show(x, level)
                return shown if kind is base else f"{kind.__name__}({shown})"
        if is_table(x) or is_picture(x):
            return f"<{kind.__name__}>"
        if is_of(x, "pyarrow", "Scalar"):
            return self.repr1(x.as_py(), level)
        if (fields := self._fields(x)) is not None:
            if level <= 0:
                return f"{kind.__name__}(...)"
            shown = ", ".join(
                f"{name}={self._value(name, each, level)}"
                for name, each in islice(fields.items(), _ITEMS)
            )
            return f"{kind.__name__}({shown})"
        return str(super().repr1(x, level))

    def repr_instance(self, x: Any, level: int) -> str:
        try:
            return str(super().repr_instance(x, level))
        except Exception as error:
            if level == self.maxlevel:
                raise  # the value itself, not one in it
            return f"<{name_of(type(x))}: its repr raises {name_of(type(error))}>"

    def _containers(self) -> dict[type, Callable[[Any, int], str]]:
        # reprlib sorts all items of a set before it cuts them.
        def few(x: Any) -> Any:
            return islice(iter(x), _ITEMS + 1)

        return {
            dict: lambda x, level: self._dict(x, level),
            list: lambda x, level: self.repr_list(self._without_secrets(x, list.__iter__), level),
            tuple: lambda x, level: self.repr_tuple(
                tuple(self._without_secrets(x, tuple.__iter__)), level
            ),
            set: lambda x, level: self.repr_set(set(self._without_secrets(few(x), iter)), level),
            frozenset: lambda x, level: self.repr_frozenset(
                frozenset(self._without_secrets(few(x), iter)), level
            ),
            deque: lambda x, level: self.repr_deque(
                deque(self._without_secrets(x, deque.__iter__)), level
            ),
            type({}.items()): lambda x, level: self.repr_list(
                self._without_secrets(x, iter), level
            ),
            bytes: lambda x, _: repr(x[: self.maxother]) + ("…" if len(x) > self.maxother else ""),
        }

    def _without_secrets(self, x: Any, items: Callable[[Any], Any]) -> list[Any]:
        """Returns the first items of a container, and one more; of pairs, without secrets."""
        first = list(islice(items(x), _ITEMS + 1))
        if not are_pairs(first):
            return first
        return [type(p)((p[0], MASK if is_hidden(*p) else p[1])) for p in first]

    def _value(self, name: object, value: object, level: int) -> str:
        return repr(MASK) if is_hidden(name, value) else self.repr1(value, level - 1)

    def _dict(self, x: dict[Any, Any], level: int) -> str:
        if level <= 0 and x:
            return "{...}"
        named = next((name for key in _NAMING if isinstance(name := dict.get(x, key), str)), "")
        shown = []
        for key, each in islice(dict.items(x), _ITEMS):
            name = named if key == "value" else key
            shown.append(f"{self.repr1(key, level - 1)}: {self._value(name, each, level)}")
        more = ["..."] if len(x) > _ITEMS else []
        return f"{{{', '.join([*shown, *more])}}}"

    def _fields(self, x: Any) -> dict[str, Any] | None:
        """Returns a value's attributes, if its own repr would show no more, or all of them."""
        kind = type(x)
        if isinstance(x, tuple):
            return dict(zip(kind._fields, x, strict=False)) if hasattr(kind, "_fields") else None
        if is_of(x, "numpy", "void"):  # a row of a record array
            return {name: x[name] for name in x.dtype.names} if x.dtype.names else None
        if isinstance(x, type) or not hasattr(x, "__dict__") or holds_keys(x):
            return None
        if "__dataclass_fields__" in vars(kind):
            names = [n for n, f in vars(kind)["__dataclass_fields__"].items() if f.repr]
            return {name: vars(x)[name] for name in names if name in vars(x)}
        has_no_repr = getattr(kind, "__repr__", None) is _NO_REPR
        if has_no_repr and not inspect.isroutine(x):
            return dict(vars(x)) or None
        return None
