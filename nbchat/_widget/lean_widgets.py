"""Parts of a chat that cost a page little: each widget is a message of a kilobyte or two."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import ipywidgets

# What the browser makes the model by, and what it has no default for.
_TOLD = {"_model_module", "_model_module_version", "_model_name", "behavior"}


class Lean(ipywidgets.Widget):  # type: ignore[misc]  # ipywidgets has no types
    """Tells a new page only what it would not take for granted, as a saved notebook does.

    Mixed into one of ipywidgets' own, whose defaults are the same in the browser.
    """

    def get_state(
        self, key: str | Iterable[str] | None = None, drop_defaults: bool = False
    ) -> dict[str, Any]:
        """The state as ipywidgets has it, without what is as it is by default."""
        state: dict[str, Any] = super().get_state(key, drop_defaults or key is None)
        return state if key is not None else {**state, **super().get_state(_TOLD & set(self.keys))}


class Layout(Lean, ipywidgets.Layout):  # type: ignore[misc]
    """A layout in which hardly anything is set."""


class Part(ipywidgets.DOMWidget):  # type: ignore[misc]
    """Shares layout and style with all others of the kernel, and waits for `open_family`.

    Mixed into a kind of widget. Until it is open, changes cost nothing.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("layout", _shared(Layout))
        if (style := self.traits().get("style")) is not None:
            kwargs.setdefault("style", _shared(style.klass))
        super().__init__(*args, **kwargs)

    def open(self) -> None:
        """Does nothing: the whole is opened at once."""


class Labelled(Lean):
    """Its description is written above it by `frontend/src/page/labels.ts`.

    ipywidgets would have JupyterLab load MathJax for it, 900 kB before one can type.
    """

    def get_state(
        self, key: str | Iterable[str] | None = None, drop_defaults: bool = False
    ) -> dict[str, Any]:
        """The state without the description."""
        state = super().get_state(key, drop_defaults)
        state.pop("description", None)
        return state


@cache
def lean(kind: type[ipywidgets.DOMWidget], how: type[Lean] = Lean) -> Any:
    """One of ipywidgets' own kinds as a lean part."""
    return type(kind.__name__, (how, Part, kind), {"__doc__": kind.__doc__})


_the_shared: dict[type[ipywidgets.Widget], ipywidgets.Widget] = {}


def _shared(kind: type[ipywidgets.Widget]) -> ipywidgets.Widget:
    """The kernel's one widget of this kind, made anew if it has been closed."""
    found = _the_shared.get(kind)
    if found is None or found.comm is None:
        found = _the_shared[kind] = kind()
    return found


def is_shared(widget: ipywidgets.Widget) -> bool:
    """Whether a layout or a style is that of many parts."""
    return _the_shared.get(type(widget)) is widget
