"""Text that was written for a terminal, as it would be read there."""

from __future__ import annotations

import re

# Colours and other commands to a terminal (ECMA-48), and links (OSC 8).
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


def without_commands(text: str) -> str:
    """Without colours, links and whatever else is not to be read."""
    return _TERMINAL.sub("", text)


def as_on_a_terminal(text: str) -> str:
    """Without these, and of a progress bar what it came to."""
    plain = without_commands(text).replace("\r\n", "\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in plain.split("\n"))
