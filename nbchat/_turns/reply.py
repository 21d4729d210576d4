"""The handle on a reply that `ChatWidget.send()` gives to notebook code."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from nbchat._chat.attachments import Attachment
from nbchat._chat.errors import ChatError
from nbchat._chat.events import Usage
from nbchat._chat.message import Message, Status
from nbchat._chat.reply_parts import CodeBlock, code_blocks, json_in
from nbchat._chat.tool_rounds import ToolCall

if TYPE_CHECKING:
    import pandas as pd

# asyncio does not look at a kernel interrupt while it awaits a future of another thread.
_HEARTBEAT_S = 0.1


class Reply:
    """A reply that streams in the background.

    `await reply` and `reply.wait()` give the reply itself once it has ended. A reply that ends in
    an error makes both raise it; a stopped one is returned with what came. Interrupting the kernel
    while it waits stops the reply.
    """

    def __init__(self, message: Message, stop: Callable[[Reply], None]) -> None:
        self._message = message
        self._stop = stop
        self._ended: concurrent.futures.Future[None] = concurrent.futures.Future()
        # The thread in which waiting would wait for itself.
        self._streaming_thread: threading.Thread | None = None

    @property
    def text(self) -> str:
        """What the model said, so far or in whole."""
        return self._message.content

    @property
    def reasoning(self) -> str:
        """The reasoning that the server exposed; blank if it exposes none."""
        return self._message.reasoning

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls of tools so far: each with name, arguments, status and result."""
        return self._message.tool_calls

    @property
    def usage(self) -> Usage | None:
        """Tokens and cost, as far as the server told them."""
        return self._message.usage

    @property
    def cost(self) -> float | None:
        """US dollars, as the server told or by its prices; None if neither is known."""
        return self._message.cost

    @property
    def images(self) -> tuple[Attachment, ...]:
        """The images that the model made; each shows itself in a notebook, and can be saved."""
        return self._message.attachments

    @property
    def notes(self) -> tuple[str, ...]:
        """What was different about the request, a sentence each: a fallback, a retry, …."""
        return self._message.notes

    @property
    def model(self) -> str | None:
        """The model that answers: a router or an alias is replaced by the one that it chose."""
        return self._message.model

    @property
    def finish_reason(self) -> str | None:
        """Why the model ended ("stop", "length", …); None if the server did not say."""
        return self._message.finish_reason

    @property
    def first_token_s(self) -> float | None:
        """Seconds from the request to the first of the text, the reasoning or the images."""
        return self._message.first_token_s

    @property
    def duration_s(self) -> float | None:
        """Seconds from the request to the end; None before that."""
        return self._message.duration_s

    @property
    def code_blocks(self) -> list[CodeBlock]:
        """The code between fences, each with its `language` and its `code`."""
        return code_blocks(self.text)

    @property
    def tables(self) -> list[pd.DataFrame]:
        """The Markdown tables as pandas DataFrames, in which numbers are numbers.

        Raises:
            ImportError: There is no pandas.
        """
        from nbchat._chat.dataframes import table_frames

        return table_frames(self.text)

    def json(self) -> Any:
        """What the JSON in the reply says: all of its text, or else its first block of JSON.

        Raises:
            ValueError: There is none, or it is damaged.
        """
        return json_in(self.text)

    @property
    def parsed(self) -> Any:
        """The reply in the form that was asked for by `response_format`: an instance of the model.

        Raises:
            ValueError: It does not have that form, none was asked for, or it has not ended yet.
        """
        if self._message.response_format is None:
            raise ValueError("This reply was not asked for with response_format=….")
        if self.status in ("queued", "streaming"):
            raise ValueError("The reply has not ended yet: await it, or call wait().")
        try:
            return self._message.response_format.parse(self.text)
        except ValueError as error:
            if self.status == "complete" and not self._message.is_cut_off:
                raise
            why = "was cut off at max tokens" if self._message.is_cut_off else "is not whole"
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
        """Ends the request; the text so far stays."""
        self._stop(self)

    def wait(self, timeout: float | None = None) -> Reply:
        """Waits in plain code until the reply has ended; the widget streams meanwhile.

        Args:
            timeout: Seconds; None waits as long as it takes.

        Raises:
            TimeoutError: The reply has not ended yet; it goes on.
            ChatError: The reply ended in an error.
            RuntimeError: Waiting here would block the stream itself: use `await reply`.
        """
        if not self._ended.done():
            if self._streaming_thread in (None, threading.current_thread()):
                raise RuntimeError("wait() would block the stream itself here: use `await reply`")
            try:
                self._ended.result(timeout)
            except concurrent.futures.TimeoutError:
                raise TimeoutError(f"The reply has not ended within {timeout} s") from None
            except KeyboardInterrupt:
                self.stop()
                raise
        return self._outcome()

    def __await__(self) -> Generator[Any, None, Reply]:
        return self._wait().__await__()

    async def _wait(self) -> Reply:
        ended = asyncio.wrap_future(self._ended)
        try:
            while not ended.done():
                await asyncio.wait([ended], timeout=_HEARTBEAT_S)
        except asyncio.CancelledError:
            self.stop()
            raise
        return self._outcome()

    def _outcome(self) -> Reply:
        if self.error is not None:
            raise self.error
        return self

    def __repr__(self) -> str:
        return f"<Reply {self.status}, {len(self.text)} characters from {self.model}>"

    def _repr_markdown_(self) -> str:
        return self.text
