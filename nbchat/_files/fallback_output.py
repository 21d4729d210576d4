"""Copies the conversation into the cell's output, for viewers without widgets.

GitHub, nbconvert and a notebook without its kernel can't show a widget. So the cell has a second
output of plain HTML, which the front end hides where the widget is shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets
from IPython.core.getipython import get_ipython
from IPython.display import DisplayHandle, display
from IPython.utils.dir2 import get_real_method

# An update sends the whole copy, and the page draws all of it again. So a long conversation gets
# fewer updates: the copy may lag behind, but must not make each turn slower than the one before.
_CHARACTERS_PER_S = 25_000

# Rendering this takes about a tenth of a second.
_AT_ONCE = 100_000


class FallbackOutput:
    """The outputs with a copy of the conversation: one for each time the chat was displayed.

    Args:
        render: Returns the content of an output, by MIME type; called with how many characters
            that are not yet rendered it may render.
    """

    def __init__(self, render: Callable[[float], dict[str, str]]) -> None:
        _leave_copies_in_boxes()
        self._render = render
        self._outputs: list[DisplayHandle] = []

    @property
    def is_shown(self) -> bool:
        """Whether there is an output to update."""
        return bool(self._outputs)

    def display(self) -> None:
        """Adds an output to the running cell, which does not wait until all of it is rendered."""
        output = display(self._render(_AT_ONCE), raw=True, display_id=True)  # type: ignore[no-untyped-call]
        if output is not None:  # it is None outside IPython
            self._outputs.append(output)

    def update(self) -> float:
        """Updates all outputs; may be called from any thread.

        In a reloaded page, the updates arrive only after the cell has run again.

        Returns:
            Seconds to wait before the next update.
        """
        content = self._render(math.inf)
        for output in self._outputs:
            output.update(content, raw=True)  # type: ignore[no-untyped-call]
        return len(self._outputs) * sum(map(len, content.values())) / _CHARACTERS_PER_S


def display_widget(widget: ipywidgets.DOMWidget, **kwargs: Any) -> None:
    """Displays the widget alone, where its own `_ipython_display_` displays more."""
    if hasattr(ipywidgets.Widget, "_repr_mimebundle_"):
        display(widget._repr_mimebundle_(**kwargs), raw=True)  # type: ignore[no-untyped-call]
    else:  # ipywidgets 7
        ipywidgets.DOMWidget._ipython_display_(widget, **kwargs)


class HasCopy(Protocol):
    """A widget that leaves a copy of itself in the output of the running cell."""

    def _show_copy(self) -> None:
        """Adds the copy to the output."""


def _leave_copies_in_boxes() -> None:
    """From now on, an `HBox`, a `Tab` or the like leaves the copies of the chats in it.

    IPython asks only the outermost widget how it is displayed. A rule for boxes that the user has
    given to IPython stays.
    """
    shell = get_ipython()
    if shell is not None and shell.display_formatter is not None:
        formatter = shell.display_formatter.ipython_display_formatter
        if ipywidgets.Box not in formatter.type_printers:
            formatter.for_type(ipywidgets.Box, _display_box)


def _display_box(box: ipywidgets.Box) -> None:
    own = get_real_method(box, "_ipython_display_")
    copies = [] if hasattr(box, "_show_copy") else list(_in(box))
    if own is not None:
        own()
    elif copies:
        display_widget(box)
    else:
        raise NotImplementedError  # IPython displays it as usual
    for inner in copies:
        inner._show_copy()


def _in(box: ipywidgets.Box) -> dict[HasCopy, None]:
    """Returns the chats in a box, in order, each once."""
    found: dict[HasCopy, None] = {}
    left, seen = [box], set()
    while left:
        widget = left.pop()
        if widget in seen:
            continue
        seen.add(widget)
        if hasattr(widget, "_show_copy"):
            found[widget] = None
        else:
            left += reversed(getattr(widget, "children", ()))
    return found
