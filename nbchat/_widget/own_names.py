"""Keeps to nbchat's own names: says what a misspelled one may mean, and lists them first."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import traitlets

# What users of ipywidgets call, or set, on any widget.
_USUAL = (
    *("add_class", "children", "comm", "has_trait", "hold_trait_notifications", "layout"),
    *("model_id", "observe", "remove_class", "trait_names", "traits", "unobserve", "unobserve_all"),
)


class _ListsOwnNames(type(traitlets.HasTraits)):  # type: ignore[misc]  # its metaclass has no name
    """Hides the inherited methods of ipywidgets from `help`, which lists what `dir` returns."""

    def __dir__(cls) -> list[str]:
        names: list[str] = super().__dir__()
        if "_own_names" not in vars(cls):
            return names  # traitlets itself finds the traits so, also those of a subclass
        shown = {*cls._own_names, *_USUAL, *cls._traits}
        return [name for name in names if name.startswith("_") or name in shown]


class OwnNames(traitlets.HasTraits, metaclass=_ListsOwnNames):
    """A mixin that knows the public names of a class, and their near misses.

    A subclass may have any names, and ipywidgets keeps its own.
    """

    _own_names: frozenset[str] = frozenset()
    _settable: frozenset[str] = frozenset()

    @classmethod
    def own_names_are(cls, settable: Iterable[str]) -> None:
        """Notes that the class is complete; its own names are those of its body, and these."""
        cls._settable = frozenset(settable)
        public = (name for name in vars(cls) if not name.startswith("_"))
        cls._own_names = frozenset({*public, *settable})

    def __new__(cls, *args: Any, **kwargs: Any) -> OwnNames:
        """Refuses a misspelled argument, and says which may be meant."""
        names = list(kwargs)
        del args, kwargs  # IPython's verbose tracebacks print arguments, such as a key
        parameters = inspect.signature(cls.__init__).parameters
        open_ended = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
        for name in names:
            if name not in parameters and not open_ended:
                hint = _meant(name, parameters)
                raise TypeError(f"{cls.__name__} has no argument {name!r}.{hint}")
        made: OwnNames = super().__new__(cls)
        return made

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_") and name not in vars(self) and not hasattr(type(self), name):
            declared = any(
                name in vars(each).get("__annotations__", {}) for each in type(self).__mro__
            )
            if not declared and (hint := _meant(name, self._settable)):
                raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.{hint}")
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        hidden = {*type.__dir__(type(self))} - {*dir(type(self))}
        return sorted({*super().__dir__()} - hidden)


def _meant(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), 1, 0.8)
    return f" Did you mean {near[0]!r}?" if near else ""
