"""How widgets' messages are delivered, which differs between kernels, and how widgets end."""

from __future__ import annotations

import contextlib
from typing import Any

import ipywidgets
import traitlets


def deliver_while_busy(widget: Any) -> None:
    """Lets a widget's messages arrive while a cell runs.

    ipykernel 7.4 answers a comm on the shell that last sent on it, so that a widget that a cell
    made or drove gets its messages only after the cell: Stop would come too late. The attribute is
    private; where it is missing, there is nothing to undo.
    """
    comm = widget.comm
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, default: default


def close_family(widget: ipywidgets.Widget) -> None:
    """Closes a widget with all that it is made of: children, layouts, styles."""
    for child in getattr(widget, "children", ()):
        close_family(child)
    for part in ("layout", "style"):
        with contextlib.suppress(AttributeError, traitlets.TraitError):
            getattr(widget, part).close()
    ipywidgets.Widget.close(widget)
