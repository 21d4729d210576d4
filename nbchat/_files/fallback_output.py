"""The conversation in the cell's own output, for viewers that know no widgets.

GitHub, nbconvert and a notebook without its kernel show nothing of a widget. Beside it stands an
output of plain HTML, which the chat empties where it is shown itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets
from IPython.display import DisplayHandle, display

# An update sends all of it, and the page draws it anew: it may lag, but not grow dearer each turn.
_CHARACTERS_PER_S = 25_000


class FallbackOutput:
    """Outputs that follow the conversation, one for each time the chat was displayed.

    Args:
        render: Gives the outputs' content, by MIME type.
    """

    def __init__(self, render: Callable[[], dict[str, str]]) -> None:
        self._render = render
        self._outputs: list[DisplayHandle] = []

    @property
    def is_shown(self) -> bool:
        """Whether there is an output to be brought up to date."""
        return bool(self._outputs)

    def display(self) -> None:
        """Adds an output to the cell that runs."""
        output = display(self._render(), raw=True, display_id=True)  # type: ignore[no-untyped-call]
        if output is not None:  # outside of IPython, there is none
            self._outputs.append(output)

    def update(self) -> float:
        """Brings all outputs up to date; from any thread.

        A page that was loaded anew no longer knows them, until the cell runs again.

        Returns:
            Seconds in which it had better not be called again.
        """
        content = self._render()
        for output in self._outputs:
            output.update(content, raw=True)  # type: ignore[no-untyped-call]
        return len(self._outputs) * sum(map(len, content.values())) / _CHARACTERS_PER_S


def display_widget(widget: ipywidgets.DOMWidget, **kwargs: Any) -> None:
    """Shows a widget whose own `_ipython_display_` shows more than that."""
    if hasattr(ipywidgets.Widget, "_repr_mimebundle_"):
        display(widget._repr_mimebundle_(**kwargs), raw=True)  # type: ignore[no-untyped-call]
    else:  # ipywidgets 7
        ipywidgets.DOMWidget._ipython_display_(widget, **kwargs)
