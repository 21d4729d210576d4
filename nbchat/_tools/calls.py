"""The tool calls of one round: asks for approval, runs them in parallel, reports the results."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import inspect
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from nbchat._chat.conversation.tool_rounds import MAX_CALLS, CallStatus, ToolCall, read_arguments

from .tool import Tool, ToolError, cut_result, result_text
from .toolbox import Toolbox

DENIED = "The user declined this call."
TOO_MANY = f"Not called: at most {MAX_CALLS} calls are made at a time. Ask for this one again."


class ChangeCall(Protocol):
    """A function that changes a tool call, given the call's index in the reply."""

    def __call__(self, index: int, status: CallStatus, result: str | None = None) -> None:
        """Sets the call's status, and its result if there is one."""


class RunningCalls:
    """Runs tool calls on the background loop.

    Plain functions run in daemon threads of their own, coroutine functions on the loop itself.

    Args:
        toolbox: The tools, and the rules for calling them.
        change: Called with a call's index and what has changed about the call.
    """

    def __init__(self, toolbox: Toolbox, change: ChangeCall) -> None:
        self._toolbox = toolbox
        self._change = change
        self._approvals: dict[int, tuple[Tool, concurrent.futures.Future[bool]]] = {}

    async def run(self, calls: Sequence[tuple[int, ToolCall]]) -> None:
        """Runs the calls until all have ended. Cancelling this ends those that can be ended.

        Calls beyond `MAX_CALLS` are answered with an error.
        """
        for index, _ in calls[MAX_CALLS:]:
            self._change(index, status="error", result=TOO_MANY)
        tasks = [asyncio.ensure_future(self._run(index, call)) for index, call in calls[:MAX_CALLS]]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    def decide(self, index: int, allow: bool) -> None:
        """Passes on whether the user allows a call; from any thread.

        Raises:
            ValueError: The call is not waiting for an answer.
        """
        _, approval = self._approvals.pop(index, (None, None))
        # A future that was cancelled with its reply accepts no result.
        if approval is None or not approval.set_running_or_notify_cancel():
            raise ValueError("This call no longer waits for an answer.")
        approval.set_result(allow)

    def allow_tool(self, index: int) -> None:
        """Allows a call, and all calls of its tool that wait or come later; from any thread.

        Raises:
            ValueError: The call is not waiting for an answer.
        """
        tool, _ = self._approvals.get(index, (None, None))
        self.decide(index, True)
        if tool is None:
            return
        self._toolbox.allowed.add(tool)
        for other, (its_tool, approval) in list(self._approvals.items()):
            if its_tool is tool and approval.set_running_or_notify_cancel():
                self._approvals.pop(other, None)
                approval.set_result(True)

    async def _run(self, index: int, call: ToolCall) -> None:
        try:
            tool = self._toolbox.find(call.name)
            arguments = await call_in_thread(partial(tool.parse, call.arguments))
            if not await self._is_allowed(index, tool, call):
                self._change(index, status="denied", result=DENIED)
                return
            self._change(index, status="running")
            result = await self._call(tool, arguments)
        except ToolError as error:
            self._change(index, status="error", result=str(error))
        else:
            self._change(index, status="complete", result=result)

    async def _is_allowed(self, index: int, tool: Tool, call: ToolCall) -> bool:
        approve = self._toolbox.approve
        if approve == "never" or (approve == "always" and self._toolbox.allowed.has(tool)):
            return True
        if approve == "always":
            approval: concurrent.futures.Future[bool] = concurrent.futures.Future()
            self._approvals[index] = tool, approval
            self._change(index, status="waiting")
            try:
                return await asyncio.wrap_future(approval)
            finally:
                self._approvals.pop(index, None)
        # The function decides on what the model wrote, not on what the parameter types made of it.
        given = read_arguments(call.arguments)
        try:
            return bool(await _outcome(partial(approve, call.name, given)))
        except Exception as error:
            raise ToolError(
                cut_result(f"The call was not made, because approving it failed: {error!r}")
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
                raise ToolError(f"The call took more than {seconds:g} s, so its result is ignored.")
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
    """Returns the function's result, awaited if it is awaitable."""
    is_async = inspect.iscoroutinefunction(function)
    result = function() if is_async else await call_in_thread(function)
    if not inspect.isawaitable(result):
        return result
    try:
        return await result
    except (Exception, asyncio.CancelledError, GeneratorExit):
        raise
    except BaseException as error:  # an exit would end the loop of all replies
        raise RuntimeError(repr(error)) from None


async def call_in_thread(function: Callable[[], Any]) -> Any:
    """Calls a function in a daemon thread of its own.

    In a pool, a function that never returns would occupy a worker and keep the kernel from exiting.
    """
    done: concurrent.futures.Future[tuple[Any, Exception | None]] = concurrent.futures.Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            outcome: tuple[Any, Exception | None] = (context.run(function), None)
        except Exception as error:
            # A future doesn't accept a StopIteration.
            is_stop = isinstance(error, StopIteration)
            outcome = None, RuntimeError(repr(error)) if is_stop else error
        except BaseException as error:  # an exit ends only the call
            outcome = None, RuntimeError(repr(error))
        done.set_result(outcome)

    try:
        threading.Thread(target=run, name="nbchat-tool", daemon=True).start()
    except RuntimeError:  # no threads in Pyodide
        run()
    # Shielded: a cancelled future would refuse a late result and print a traceback.
    result, error = await asyncio.shield(asyncio.wrap_future(done))
    if error is not None:
        raise error
    return result
