"""Calls foreign code with a time limit."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class _GivenUpError(BaseException):
    """Ends the thread of a call that took too long; no `except Exception` catches it."""


def within(seconds: float, function: Callable[[], Result]) -> Result:
    """Calls `function` in a thread of its own; returns or raises what it does.

    Raises:
        TimeoutError: It took longer. Its thread ends as soon as it runs Python code again.
    """
    done: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(function())
        except BaseException as error:  # raised again in the caller's thread
            failed.append(error)

    thread = threading.Thread(target=run, name="nbchat-deadline", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # Pyodide can't start threads
        return function()
    thread.join(seconds)
    if thread.is_alive():
        ident = ctypes.c_ulong(thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(_GivenUpError))
        raise TimeoutError(f"It took longer than {seconds:g} s.")
    if failed:
        raise failed[0]
    return done[0]
