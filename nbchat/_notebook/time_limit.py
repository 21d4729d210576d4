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
        RuntimeError: It raised a SystemExit, a KeyboardInterrupt or the like. These must not end
            the kernel: they don't come from the user.
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
        run()
    else:
        try:
            thread.join(seconds)
        finally:
            is_late = thread.is_alive()
            if is_late:
                _give_up(thread)
        if is_late:
            raise TimeoutError(f"It took longer than {seconds:g} s.")
    for error in failed:
        if issubclass(type(error), Exception):
            raise error
        raise RuntimeError(f"It raised {type(error).__name__}.") from None
    return done[0]


def _give_up(thread: threading.Thread) -> None:
    ident = ctypes.c_ulong(thread.ident or 0)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(_GivenUpError))
