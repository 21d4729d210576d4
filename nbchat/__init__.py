"""A chat with any OpenAI-compatible model, in a Jupyter notebook.

To show a chat, run this in a cell:

    from nbchat import ChatWidget
    chat = ChatWidget()
    chat
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._chat.errors import ChatError
from ._chat.settings import ChatSettings
from ._chat.shared import Shared
from ._chat_widget import ChatWidget
from ._servers.reasoning import reasoning_rules

if TYPE_CHECKING:
    __version__: str
    from ._compare import compare
    from ._turns.reply import Reply

__all__ = [
    "ChatError",
    "ChatSettings",
    "ChatWidget",
    "Reply",
    "Shared",
    "compare",
    "reasoning_rules",
]


# Showing a chat needs only the imports above. Code imports the rest when it needs it: for a
# request, a tool, a file, or when the user asks for one of these names.
_LATER = {"Reply": "._turns.reply", "compare": "._compare"}


def __getattr__(name: str) -> Any:
    """Finds `__version__`, or imports a name of `_LATER`, when it is first used."""
    if name == "__version__":
        from importlib.metadata import version

        return version("nbchat-widget")
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(_LATER[name], __name__), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
