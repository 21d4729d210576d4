"""How widgets are sent, reached while the kernel is busy, and closed."""

from __future__ import annotations

from typing import Any

import ipywidgets

from .lean_widgets import is_shared


def deliver_while_busy(widget: Any) -> None:
    """Lets a widget's messages arrive while a cell runs.

    ipykernel 7.4 answers a comm on the shell that last sent on it, so that a widget that a cell
    made or drove gets its messages only after the cell: Stop would come too late. The attribute is
    private; where it is missing, there is nothing to undo.
    """
    comm = widget.comm
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, default: default


def open_family(widget: ipywidgets.Widget) -> None:
    """Sends a widget to the page, with all that is in it, as it is now.

    All on one way: a setting moved before Send counts for what is sent.
    """
    for child in getattr(widget, "children", ()):
        open_family(child)
    ipywidgets.Widget.open(widget)
    deliver_while_busy(widget)


def close_family(widget: ipywidgets.Widget) -> None:
    """Closes a widget with all that is in it; what it shares with others stays."""
    for child in getattr(widget, "children", ()):
        close_family(child)
    for part in (getattr(widget, name, None) for name in ("layout", "style")):
        if part is not None and not is_shared(part):
            part.close()
    ipywidgets.Widget.close(widget)
