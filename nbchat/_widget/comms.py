"""Opens widgets on the page, lets their messages arrive while the kernel is busy, closes them."""

from __future__ import annotations

from typing import Any

import ipywidgets

from .lean_widgets import is_shared


def deliver_while_busy(widget: Any) -> None:
    """Lets a widget's messages arrive while a cell runs.

    ipykernel 7.4 handles a comm's messages on the shell that last sent on it. Messages to a widget
    that a cell made or changed would wait until the cell ends, and Stop would come too late. The
    attribute is private; older versions have neither it nor the problem.
    """
    comm = widget.comm
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, default: default


def open_family(widget: ipywidgets.Widget) -> None:
    """Sends a widget and all its descendants to the page, as they are now.

    Their messages take the same path from the page, so they arrive in order: a setting that the
    user moved before Send applies to the message.
    """
    for child in getattr(widget, "children", ()):
        open_family(child)
    ipywidgets.Widget.open(widget)
    deliver_while_busy(widget)


def close_family(widget: ipywidgets.Widget) -> None:
    """Closes a widget and all its descendants; a layout or style shared with others stays."""
    for child in getattr(widget, "children", ()):
        close_family(child)
    for part in (getattr(widget, name, None) for name in ("layout", "style")):
        if part is not None and not is_shared(part):
            part.close()
    ipywidgets.Widget.close(widget)
