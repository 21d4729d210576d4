"""Calls the user's functions with each reply that has ended."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from functools import partial

from nbchat._chat.background import start_thread
from nbchat._chat.notices import Notice, Notices

from .reply import Reply

Callback = Callable[[Reply], object]


class Callbacks:
    """The functions to call with each reply.

    Each runs in a thread of its own, where it may wait for another reply.

    Args:
        notices: Shows the exceptions of these functions, which would reach no cell.
    """

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._callbacks: list[Callback] = []

    def add(self, callback: Callback) -> None:
        self._callbacks.append(callback)

    def call(self, reply: Reply) -> None:
        for callback in self._callbacks:
            start_thread(partial(self._call, callback, reply))

    def _call(self, callback: Callback, reply: Reply) -> None:
        try:
            result = callback(reply)
            if inspect.iscoroutine(result):
                asyncio.run(result)
        except Exception as error:
            name = getattr(callback, "__name__", "the callback")
            text = f"on_reply: {name} raised {error!r}"
            self._notices.show(Notice(f"callback-{name}", text, tone="error"))
