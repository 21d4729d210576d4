"""Makes text that was written for a terminal readable elsewhere."""

from __future__ import annotations

import re

# Colours and other commands (ECMA-48), and links (OSC 8).
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


def without_commands(text: str) -> str:
    """Removes colours, links and all other escape sequences."""
    return _ESCAPE.sub("", text)


def as_on_a_terminal(text: str) -> str:
    """Removes escape sequences, and all states of a progress bar but the last."""
    plain = without_commands(text).replace("\r\n", "\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in plain.split("\n"))
