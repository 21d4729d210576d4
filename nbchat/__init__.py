"""A chat with any OpenAI-compatible model, inside a Jupyter notebook.

from nbchat import ChatWidget
ChatWidget().display()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._chat_widget import ChatWidget
from ._errors import ChatError
from ._reasoning import reasoning_rules
from ._reply import Reply
from ._settings import ChatSettings

if TYPE_CHECKING:
    from ._compare import compare

__all__ = ["ChatError", "ChatSettings", "ChatWidget", "Reply", "compare", "reasoning_rules"]


def __getattr__(name: str) -> Any:
    """Loads what most notebooks do without when it is asked for."""
    if name != "compare":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._compare import compare

    globals()[name] = compare
    return compare


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
