"""A chat with any OpenAI-compatible model, inside a Jupyter notebook.

from nbchat import ChatWidget
ChatWidget().display()
"""

from __future__ import annotations

from ._chat_widget import ChatWidget
from ._compare import compare
from ._errors import ChatError
from ._reasoning import reasoning_rules
from ._reply import Reply
from ._settings import ChatSettings

__all__ = ["ChatError", "ChatSettings", "ChatWidget", "Reply", "compare", "reasoning_rules"]
