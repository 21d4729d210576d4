"""Warns the owner of a notebook whose page strangers may open."""

from __future__ import annotations

import logging
import os

_log = logging.getLogger("nbchat")
_has_warned = False


def warn_in_voila() -> None:
    """Says once in the log that a chat on a page of Voila should be shared."""
    global _has_warned
    if _has_warned or not _is_voila():
        return
    _has_warned = True
    _log.warning(
        "This chat is on a page of Voila. Whoever opens the page spends your money and reads the "
        "variables of the notebook. If that is not you alone, write ChatWidget(shared=True)."
    )


def _is_voila() -> bool:
    # Voila 0.5.13 sets the first for the kernel of a visitor, and the second also for a kernel that
    # it starts ahead of a visitor.
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila/") or (
        "VOILA_PREHEAT" in os.environ
    )
