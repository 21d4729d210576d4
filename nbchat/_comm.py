"""What differs between kernels in how a widget's messages are delivered."""

from __future__ import annotations

from typing import Any


def deliver_while_busy(widget: Any) -> None:
    """Lets a widget's messages arrive while a cell runs.

    ipykernel 7.4 answers a comm on the shell that last sent on it, so that a widget that a cell
    made or drove gets its messages only after the cell: Stop would come too late. The attribute is
    private; where it is missing, there is nothing to undo.
    """
    comm = widget.comm
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, default: default
