"""Keeps what is logged for the owner of a page from its visitors, and warns of an open page."""

from __future__ import annotations

import logging
import os

import traitlets.log

_log = logging.getLogger("nbchat")
_has_warned = False


def log_to_kernel() -> None:
    """Sends nbchat's log to the kernel's own log, which the server of the page prints.

    Without a handler, Python writes warnings to stderr, which ipykernel shows on the page.
    """
    log = traitlets.log.get_logger()
    handlers = log.handlers if isinstance(log, logging.Logger) else []
    if any(isinstance(handler, logging.StreamHandler) for handler in handlers):
        _log.propagate = False  # the root's handlers may write to stderr
        for handler in handlers:
            _log.addHandler(handler)  # adds none twice


def warn_in_voila() -> None:
    """Says once in the log that a chat on a page of Voila should be shared."""
    global _has_warned
    if _has_warned or not _is_voila():
        return
    _has_warned = True
    log_to_kernel()
    _log.warning(
        "This chat is on a Voila page. Anyone who opens the page spends your money and can read "
        "the notebook's variables. If others can open it, use ChatWidget(shared=True)."
    )


def _is_voila() -> bool:
    # Voila 0.5.13 sets the first for the kernel of a visitor, and the second also for a kernel that
    # it starts ahead of a visitor.
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila/") or (
        "VOILA_PREHEAT" in os.environ
    )
