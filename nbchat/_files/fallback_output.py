"""Copies the conversation into the cell's output, for viewers without widgets.

GitHub, nbconvert and a notebook without its kernel can't show a widget. So the cell has a second
output of plain HTML, which the front end hides where the widget is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets
from IPython.display import DisplayHandle, display

# An update sends the whole copy, and the page draws all of it again. So a long conversation gets
# fewer updates: the copy may lag behind, but must not make each turn slower than the one before.
_CHARACTERS_PER_S = 25_000


class FallbackOutput:
    """The outputs with a copy of the conversation: one for each time the chat was displayed.

    Args:
        render: Returns the content of an output, by MIME type.
    """

    def __init__(self, render: Callable[[], dict[str, str]]) -> None:
        self._render = render
        self._outputs: list[DisplayHandle] = []

    @property
    def is_shown(self) -> bool:
        """Whether there is an output to update."""
        return bool(self._outputs)

    def display(self) -> None:
        """Adds an output to the running cell."""
        output = display(self._render(), raw=True, display_id=True)  # type: ignore[no-untyped-call]
        if output is not None:  # it is None outside IPython
            self._outputs.append(output)

    def update(self) -> float:
        """Updates all outputs; may be called from any thread.

        In a reloaded page, the updates arrive only after the cell has run again.

        Returns:
            Seconds to wait before the next update.
        """
        content = self._render()
        for output in self._outputs:
            output.update(content, raw=True)  # type: ignore[no-untyped-call]
        return len(self._outputs) * sum(map(len, content.values())) / _CHARACTERS_PER_S


def display_widget(widget: ipywidgets.DOMWidget, **kwargs: Any) -> None:
    """Displays the widget alone, where its own `_ipython_display_` displays more."""
    if hasattr(ipywidgets.Widget, "_repr_mimebundle_"):
        display(widget._repr_mimebundle_(**kwargs), raw=True)  # type: ignore[no-untyped-call]
    else:  # ipywidgets 7
        ipywidgets.DOMWidget._ipython_display_(widget, **kwargs)
