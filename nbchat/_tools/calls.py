"""The calls of one round: asks for consent, runs them side by side, and tells what they gave."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import inspect
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from nbchat._chat.tool_rounds import CallStatus, ToolCall

from .tool import Tool, ToolError, cut_result, read_arguments, result_text
from .toolbox import Toolbox

DENIED = "The person did not allow this call."


class ChangeCall(Protocol):
    """Takes a call's place, and what has changed about the call."""

    def __call__(self, index: int, status: CallStatus, result: str | None = None) -> None:
        """Changes it."""


class CallsUnderWay:
    """Runs calls on the background loop.

    Functions run in daemon threads of their own, coroutine functions on the loop itself.

    Args:
        toolbox: What there is to call, and how.
        change: Called with a call's place and what has changed about it.
    """

    def __init__(self, toolbox: Toolbox, change: ChangeCall) -> None:
        self._toolbox = toolbox
        self._change = change
        self._consents: dict[int, concurrent.futures.Future[bool]] = {}

    async def run(self, calls: Sequence[tuple[int, ToolCall]]) -> None:
        """Ends when all of them have; cancelling it ends those that can be ended."""
        tasks = [asyncio.ensure_future(self._run(index, call)) for index, call in calls]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    def decide(self, index: int, allow: bool) -> None:
        """A person's answer; from any thread.

        Raises:
            ValueError: Nothing was asked.
        """
        consent = self._consents.pop(index, None)
        # (A future that has been cancelled with its reply takes no result.)
        if consent is None or not consent.set_running_or_notify_cancel():
            raise ValueError("This call no longer waits for an answer.")
        consent.set_result(allow)

    async def _run(self, index: int, call: ToolCall) -> None:
        try:
            tool = self._toolbox.find(call.name)
            arguments = await call_in_thread(partial(tool.parse, call.arguments))
            if not await self._is_allowed(index, call):
                self._change(index, status="denied", result=DENIED)
                return
            self._change(index, status="running")
            result = await self._call(tool, arguments)
        except ToolError as error:
            self._change(index, status="error", result=str(error))
        else:
            self._change(index, status="complete", result=result)

    async def _is_allowed(self, index: int, call: ToolCall) -> bool:
        approve = self._toolbox.approve
        if approve == "never":
            return True
        if approve == "always":
            consent = self._consents[index] = concurrent.futures.Future()
            self._change(index, status="waiting")
            try:
                return await asyncio.wrap_future(consent)
            finally:
                self._consents.pop(index, None)
        # What it decides on is what the model wrote, not what a type has made of it.
        given = read_arguments(call.arguments)
        try:
            return bool(await _outcome(partial(approve, call.name, given)))
        except Exception as error:
            raise ToolError(
                cut_result(f"It could not be decided whether to allow this call: {error!r}")
            ) from None

    async def _call(self, tool: Tool, arguments: dict[str, Any]) -> str:
        seconds = self._toolbox.tool_timeout_s

        async def call() -> str:
            result = await _outcome(partial(tool.function, **arguments))
            text: str = await call_in_thread(partial(result_text, result))
            return text

        task = asyncio.ensure_future(call())
        try:
            await asyncio.wait([task], timeout=seconds)
            if not task.done():
                raise ToolError(f"The call took more than {seconds:g} s: its result is ignored.")
            if task.cancelled():
                raise ToolError("The call was cancelled.")
            return task.result()
        except ToolError:
            raise
        except Exception as error:
            raise ToolError(cut_result(f"{type(error).__name__}: {error}")) from None
        finally:
            task.cancel()


async def _outcome(function: Callable[[], Any]) -> Any:
    """What it returns, or what awaiting that gives."""
    if inspect.iscoroutinefunction(function):
        return await function()
    result = await call_in_thread(function)
    return await result if inspect.isawaitable(result) else result


async def call_in_thread(function: Callable[[], Any]) -> Any:
    """Calls a function in a daemon thread.

    One that never returns takes no place from others, as it would in a pool, nor does it keep the
    kernel from ending.
    """
    done: concurrent.futures.Future[tuple[Any, Exception | None]] = concurrent.futures.Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            outcome: tuple[Any, Exception | None] = (context.run(function), None)
        except (KeyboardInterrupt, SystemExit, StopIteration) as error:
            # They end the call and nothing else; a future takes no StopIteration.
            outcome = None, RuntimeError(repr(error))
        except Exception as error:
            outcome = None, error
        done.set_result(outcome)

    try:
        threading.Thread(target=run, name="nbchat-tool", daemon=True).start()
    except RuntimeError:  # no threads in Pyodide
        run()
    # Shielded: a cancelled future would refuse what comes late, and say so in a traceback.
    result, error = await asyncio.shield(asyncio.wrap_future(done))
    if error is not None:
        raise error
    return result
