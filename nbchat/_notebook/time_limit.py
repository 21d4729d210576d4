"""Gives up on foreign code that takes too long."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class _GivenUpError(BaseException):
    """Ends what is still running; no `except Exception` keeps it."""


def within(seconds: float, function: Callable[[], Result]) -> Result:
    """What `function` returns or raises, called in a thread of its own.

    Raises:
        TimeoutError: It took longer. Its thread is made to end as soon as it runs Python again.
    """
    done: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(function())
        except BaseException as error:  # whatever it is, it is raised for the caller
            failed.append(error)

    thread = threading.Thread(target=run, name="nbchat-deadline", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no threads in Pyodide
        return function()
    thread.join(seconds)
    if thread.is_alive():
        ident = ctypes.c_ulong(thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(_GivenUpError))
        raise TimeoutError(f"It took longer than {seconds:g} s.")
    if failed:
        raise failed[0]
    return done[0]
