"""The reply that `ChatWidget.send()` returns to notebook code."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any, Generic

from IPython.core.getipython import get_ipython
from IPython.display import display

from nbchat._chat.attachments.attachment import Attachment
from nbchat._chat.conversation.message import Message, Status
from nbchat._chat.conversation.reply_parts import CodeBlock, code_blocks, json_in
from nbchat._chat.conversation.tool_rounds import ToolCall
from nbchat._chat.errors import ChatError
from nbchat._chat.events import Usage
from nbchat._chat.foreign_text import harmless, one_line, plain

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import TypeVar

    # Type checkers take a plain `Reply` for a `Reply[Any]`.
    Parsed = TypeVar("Parsed", default=Any)
else:
    from typing import TypeVar

    Parsed = TypeVar("Parsed")

# While asyncio awaits a future of another thread, a kernel interrupt has no effect until the loop
# wakes up for another reason (measured in November 2026).
_HEARTBEAT_S = 0.1

# How long `async for` waits before it looks for more text, as the view does.
_DELTA_S = 0.04

# True whatever becomes of the kernel.
_IN_THE_CHAT = "The reply appears in the chat."


class Reply(Generic[Parsed]):
    """A reply that streams in the background.

    `await reply` and `reply.wait()` return the reply itself once it has ended. If it ended in an
    error, both raise that error. A stopped reply is returned with the text so far. Interrupting the
    kernel while it waits stops the reply.

    `async for delta in reply` yields the text from its beginning, piece by piece as it arrives. At
    the end, it raises the reply's error, if there is one. `str(reply)` is the text so far.
    """

    def __init__(self, message: Message, stop: Callable[[Reply[Any]], None]) -> None:
        self._message = message
        self._stop = stop
        self._ended: concurrent.futures.Future[None] = concurrent.futures.Future()
        # wait() on this thread would block the stream that it waits for.
        self._streaming_thread: threading.Thread | None = None

    @property
    def text(self) -> str:
        """The text of the reply, so far or in full."""
        return self._message.content

    @property
    def reasoning(self) -> str:
        """The reasoning so far or in full; blank if the server exposes none."""
        return self._message.reasoning

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls so far, each with its name, arguments, status and result."""
        return self._message.tool_calls

    @property
    def usage(self) -> Usage | None:
        """Tokens and cost, as far as the server reported them."""
        return self._message.usage

    @property
    def cost(self) -> float | None:
        """US dollars, as the server reported or by its prices; None if neither is known."""
        return self._message.cost

    @property
    def images(self) -> tuple[Attachment, ...]:
        """The images that the model made: a notebook displays them, and you can save them."""
        return self._message.attachments

    @property
    def notes(self) -> tuple[str, ...]:
        """What was different about the request, such as a fallback or a retry; a sentence each."""
        return self._message.notes

    @property
    def model(self) -> str | None:
        """The model that answers; for a router or an alias, the model that it chose."""
        return self._message.model

    @property
    def finish_reason(self) -> str | None:
        """Why the model stopped ("stop", "length", …); None if the server did not say."""
        return self._message.finish_reason

    @property
    def first_token_s(self) -> float | None:
        """Seconds from the request to the first text, reasoning or image."""
        return self._message.first_token_s

    @property
    def duration_s(self) -> float | None:
        """Seconds from the request to the end; None until then."""
        return self._message.duration_s

    @property
    def code_blocks(self) -> list[CodeBlock]:
        """The fenced code blocks, each with its `language` and its `code`."""
        return code_blocks(self.text)

    @property
    def tables(self) -> list[pd.DataFrame]:
        """The Markdown tables as pandas DataFrames, with numbers as numbers.

        Raises:
            ImportError: pandas is not installed.
        """
        from nbchat._chat.conversation.dataframes import table_frames

        return table_frames(self.text)

    def json(self) -> Any:
        """Returns the JSON in the reply: the whole text, or else the first block of JSON.

        Raises:
            ValueError: The reply contains no JSON, or the JSON is not valid.
        """
        return json_in(self.text)

    @property
    def parsed(self) -> Parsed:
        """The reply in the form of its `response_format`, such as an instance of a pydantic model.

        Raises:
            ValueError: The reply does not have this form, had no `response_format`, or has not
                ended yet.
        """
        if self._message.response_format is None:
            raise ValueError("This reply has no response_format: pass one to send().")
        if self.status in ("queued", "streaming"):
            raise ValueError("The reply has not ended yet: await it, or call wait().")
        try:
            parsed: Parsed = self._message.response_format.parse(self.text)
            return parsed
        except ValueError as error:
            if self.status == "complete" and not self._message.is_cut_off:
                raise
            why = "stopped at the token limit" if self._message.is_cut_off else "is incomplete"
            raise ValueError(f"{error} (The reply {why}.)") from error

    @property
    def status(self) -> Status:
        """One of "queued", "streaming", "complete", "stopped" and "error"."""
        return self._message.status

    @property
    def error(self) -> ChatError | None:
        """What went wrong, if the status is "error"."""
        return self._message.error

    def stop(self) -> None:
        """Stops the reply; the text so far stays."""
        self._stop(self)

    def wait(self, timeout: float | None = None) -> Reply[Parsed]:
        """Blocks until the reply has ended; the widget streams meanwhile.

        Args:
            timeout: The longest wait, in seconds; None waits as long as it takes.

        Raises:
            TimeoutError: The reply has not ended yet, and continues.
            ChatError: The reply ended in an error.
            RuntimeError: Waiting here would block the stream itself: use `await reply`.
        """
        if not self._ended.done():
            if self._streaming_thread in (None, threading.current_thread()):
                raise RuntimeError("wait() would block the stream itself here: use `await reply`")
            try:
                self._ended.result(timeout)
            except concurrent.futures.TimeoutError:
                raise TimeoutError(f"The reply did not end within {timeout} s") from None
            except KeyboardInterrupt:
                self.stop()
                raise
        return self._outcome()

    def __await__(self) -> Generator[Any, None, Reply[Parsed]]:
        return self._wait().__await__()

    async def _wait(self) -> Reply[Parsed]:
        ended = asyncio.wrap_future(self._ended)
        try:
            while not ended.done():
                await asyncio.wait([ended], timeout=_HEARTBEAT_S)
        except asyncio.CancelledError:
            self.stop()
            raise
        return self._outcome()

    async def __aiter__(self) -> AsyncGenerator[str, None]:
        at = 0
        ended = asyncio.wrap_future(self._ended)
        while True:
            is_last = ended.done()
            if self._message.length > at:
                delta = self.text[at:]
                at += len(delta)
                yield delta
            elif is_last:
                break
            else:
                try:
                    await asyncio.wait([ended], timeout=_DELTA_S)
                except asyncio.CancelledError:
                    self.stop()
                    raise
        self._outcome()

    def _outcome(self) -> Reply[Parsed]:
        if self.error is not None:
            raise self.error
        return self

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        model = one_line(self.model or "an unknown model")
        return f"<Reply {self.status}, {len(self.text)} characters from {model}>"

    def _repr_markdown_(self) -> str:
        end = ""
        if self.error is not None:
            end = plain(f"Error: {self.error.message}")
        elif self.status == "stopped":
            end = "Stopped."
        return "\n\n".join(filter(None, (harmless(self.text), end)))

    def _ipython_display_(self) -> None:
        """Shows a reply that has not ended as a line, which the reply replaces at its end.

        A notebook keeps what a cell shows: `<Reply queued>` would stand there for ever.
        """
        if self._ended.done() or not hasattr(get_ipython(), "kernel"):
            raise NotImplementedError  # IPython shows the representations instead
        line = {"text/plain": _IN_THE_CHAT, "text/markdown": _IN_THE_CHAT}
        handle = display(line, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        self._ended.add_done_callback(lambda _: handle.update(self._representations(), raw=True))

    def _representations(self) -> dict[str, str]:
        return {"text/plain": repr(self), "text/markdown": self._repr_markdown_()}
