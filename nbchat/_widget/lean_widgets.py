"""ipywidgets that send little to a page: each widget costs a message of a kilobyte or two."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import ipywidgets

# The browser needs these to make the model, or has no default for them.
_ALWAYS_SENT = {"_model_module", "_model_module_version", "_model_name", "behavior"}


class Lean(ipywidgets.Widget):  # type: ignore[misc]  # ipywidgets has no types
    """A mixin that sends a new page only the traits that differ from their defaults.

    For ipywidgets' own classes, whose defaults are the same in the browser. A saved notebook
    leaves out the defaults, too.
    """

    def get_state(
        self, key: str | Iterable[str] | None = None, drop_defaults: bool = False
    ) -> dict[str, Any]:
        """Returns the state as ipywidgets does; without `key`, it leaves out the defaults."""
        state: dict[str, Any] = super().get_state(key, drop_defaults or key is None)
        if key is not None:
            return state
        return {**state, **super().get_state(_ALWAYS_SENT & set(self.keys))}


class Layout(Lean, ipywidgets.Layout):  # type: ignore[misc]
    """A layout that sends only the traits that are set."""


class Part(ipywidgets.DOMWidget):  # type: ignore[misc]
    """A mixin for parts of a chat, which all share one layout and one style.

    A part sends nothing to the page before `open_family` opens it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("layout", _shared(Layout))
        if (style := self.traits().get("style")) is not None:
            kwargs.setdefault("style", _shared(style.klass))
        super().__init__(*args, **kwargs)

    def open(self) -> None:
        """Does nothing: `open_family` opens the whole chat at once."""


class Labelled(Lean):
    """A mixin that sends no description: `frontend/src/page/labels.ts` writes the label instead.

    ipywidgets' own labels make JupyterLab 4.6 load MathJax, 900 kB before the user can type.
    """

    def get_state(
        self, key: str | Iterable[str] | None = None, drop_defaults: bool = False
    ) -> dict[str, Any]:
        """Returns the state without the description."""
        state = super().get_state(key, drop_defaults)
        state.pop("description", None)
        return state


@cache
def lean(kind: type[ipywidgets.DOMWidget], how: type[Lean] = Lean) -> Any:
    """Returns a lean part made from one of ipywidgets' own classes."""
    return type(kind.__name__, (how, Part, kind), {"__doc__": kind.__doc__})


_shared_widgets: dict[type[ipywidgets.Widget], ipywidgets.Widget] = {}


def _shared(kind: type[ipywidgets.Widget]) -> ipywidgets.Widget:
    """Returns the kernel's one widget of this class; if it has been closed, a new one."""
    found = _shared_widgets.get(kind)
    if found is None or found.comm is None:
        found = _shared_widgets[kind] = kind()
    return found


def is_shared(widget: ipywidgets.Widget) -> bool:
    """Whether many parts share this layout or style."""
    return _shared_widgets.get(type(widget)) is widget
