"""Asks several models the same question, side by side; the user continues with one reply."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Generator, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
from IPython.display import display

from ._chat.attachments.attachment import read_all
from ._chat.conversation.dataframes import rows_frame, usage_row
from ._chat.conversation.message import check_content
from ._chat.errors import ChatError
from ._chat.foreign_text import one_line
from ._chat.keys import Secret
from ._chat.markdown_html import Rendered
from ._chat.settings import ChatSettings, Effort, read_system
from ._chat_widget import ChatWidget
from ._files.chat_reader import SavedChat
from ._files.export import html_blocks, html_of, to_plain
from ._files.fallback_output import FallbackOutput, display_widget
from ._servers.connection import Connection
from ._servers.engine import Engine, Timeouts
from ._servers.models import read_model_ids
from ._servers.providers import ProviderName
from ._servers.server import Server
from ._turns.reply import Reply
from ._turns.rules import Rules
from ._turns.session import Session
from ._widget.comms import close_family, open_family
from ._widget.lean_widgets import Layout, Lean, Part, lean
from ._widget.protocol import FaultError, File, ReadAttachment, Request, TakeReply
from ._widget.transcript import Transcript

if TYPE_CHECKING:
    import pandas as pd
    from openai import AsyncOpenAI

_COLUMNS = (
    *("model", "text", "first_token_s", "duration_s", "prompt_tokens", "completion_tokens"),
    *("cost", "status", "error"),
)


def compare(
    content: str,
    models: str | Path | Iterable[str],
    *,
    images: object = (),
    files: object = (),
    system: str | Path = "",
    reasoning_effort: Effort | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    top_p: float | None = None,
    provider: ProviderName | None = None,
    base_url: str | None = None,
    api_key: str | None = None,
    client: AsyncOpenAI | None = None,
    flush_interval_s: float = 0.04,
    first_token_timeout_s: float = 300.0,
    idle_timeout_s: float = 120.0,
) -> Comparison:
    """Asks several models of one server the same question, and returns at once.

    Make it the last line of a cell to see the replies stream side by side, each with the time to
    its first token, its duration, tokens and cost, and a button that continues with it as a chat:

        comparison = nbchat.compare("Explain p-values", models=["a/b", "c/d"])
        comparison

    Wait for all replies with `await comparison`, or with `comparison.wait()` in plain code.

    Args:
        content: The text of the message. It may be blank if there are images or files.
        models: The models to ask: a list of ids, or a text file with one id per line.
        images: A list of images, as in `ChatWidget.send`.
        files: A list of files, as in `ChatWidget.send`.
        system: System instructions: text, a `Path`, or the name of a .txt or .md file.
        reasoning_effort: "low", "medium", "high", or another effort that the models offer.
            Default: each model's own.
        temperature: 0.0 to 2.0. Default: 1.0.
        max_tokens: Maximum number of tokens in each reply: 100 to 65535. Default: 8192.
        top_p: 0.0 to 1.0. Default: 1.0.
        provider: A server by name, as in `ChatWidget`.
        base_url: The server's address, as in `ChatWidget`.
        api_key: The server's key, as in `ChatWidget`.
        client: An `AsyncOpenAI` client of your own, as in `ChatWidget`.
        flush_interval_s: Minimum seconds between two updates of the view.
        first_token_timeout_s: Maximum seconds until a reply begins.
        idle_timeout_s: Maximum seconds of silence once a reply has begun.

    Raises:
        ValueError: The message is blank, there is no model, a setting is out of range, a file is
            missing, or there is no such provider.
        TypeError: An argument is of the wrong type, or can't be combined with `client`.
    """
    key = None if api_key is None else Secret(api_key)
    del api_key  # IPython's verbose tracebacks print arguments
    given: dict[str, Any] = {
        "system": read_system(system),
        "reasoning_effort": reasoning_effort,
        "temperature": temperature,
        "max_tokens": max_tokens,
        "top_p": top_p,
    }
    return Comparison(
        content,
        read_model_ids(models),
        read_all(images, files),
        ChatSettings(**{name: value for name, value in given.items() if value is not None}),
        {"provider": provider, "base_url": base_url, "client": client},
        key,
        Timeouts(first_token_timeout_s, idle_timeout_s),
        flush_interval_s,
    )


class Comparison(Lean, Part, ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The replies of several models to one message, made by `compare`.

    `await comparison` and `comparison.wait()` return the comparison once all replies have ended.
    They don't raise the error of a reply: see `comparison.replies[model].error`.

    Attributes:
        replies: The `Reply` of each model, by the model's id.
    """

    # Until __init__ has ended: ipywidgets' `__del__` calls close(), also on a half-made widget.
    _closed = True

    def __init__(
        self,
        content: str,
        models: list[str],
        attachments: list[Any],
        settings: ChatSettings,
        server: dict[str, Any],
        key: Secret | None,
        timeouts: Timeouts,
        flush_interval_s: float,
    ) -> None:
        check_content(content, attachments)
        self._settings = settings
        self._server = server
        self._key = key
        self._timeouts = timeouts
        self._attachments = attachments
        self._connection = Connection(timeouts, key=key, **server)
        self._fallback = FallbackOutput(self._render)
        self._rendered = Rendered()
        self._take_lock = threading.RLock()
        self._busy_lock = threading.Lock()
        self._chat: ChatWidget | None = None
        self._columns = {model: self._column(model, flush_interval_s) for model in models}
        self._sessions = {
            model: Session(column, self._connect, Rules) for model, column in self._columns.items()
        }
        self._stop_button = lean(ipywidgets.Button)(
            description="Stop",
            tooltip="Stop all replies",
            disabled=True,
            _dom_classes=("nbchat-stop",),
        )
        self._stop_button.on_click(lambda _: self.stop())
        replies = list(self._columns.values())
        # In the box "nbchat-compared", frontend/src/places.ts draws the question instead.
        head = lean(ipywidgets.HBox)(
            [replies[0], self._stop_button], _dom_classes=("nbchat-compared",)
        )
        columns = lean(ipywidgets.Box)(replies, _dom_classes=("nbchat-columns",))
        self._parts = (head, columns)
        classes = ("nbchat", "nbchat-comparison")
        super().__init__(self._parts, _dom_classes=classes, layout=Layout())
        self._closed = False
        self.replies: dict[str, Reply] = {}
        for model, session in self._sessions.items():
            session.changed.connect(partial(self._show_busy, model))
            session.ended.connect(self._on_end)
            column = self._columns[model]
            column.show(session.messages, session.lock)
            with column.changing() as state:
                state.model = model
            self.replies[model] = session.ask(
                content, settings.replace(model=model), attachments=attachments, queue=False
            )
        open_family(self)

    @property
    def chat(self) -> ChatWidget | None:
        """The chat that continues with one of the replies; None before `take`."""
        return self._chat

    def take(self, model: str) -> ChatWidget:
        """Continues with one of the replies: the comparison becomes a chat, which is returned.

        The other replies are stopped. Nothing is asked again.

        Args:
            model: The id of the model whose reply to continue with.

        Raises:
            ValueError: This model was not asked.
            RuntimeError: Its reply is still running, a reply was taken before, or the comparison
                is closed.
        """
        with self._take_lock:
            if model not in self._sessions:
                raise ValueError(f"{model!r} is not one of {', '.join(self._sessions)}.")
            if self._chat is not None:
                raise RuntimeError("A reply has already been taken: continue in comparison.chat.")
            if self._closed:
                raise RuntimeError("This comparison is closed.")
            session = self._sessions[model]
            if session.busy:
                raise RuntimeError("This reply is still running. Wait for it, or stop it.")
            self.stop()
            self._chat = chat = ChatWidget(
                model=model,
                **self._server,
                api_key=self._key.reveal() if self._key else None,
                **vars(self._timeouts),
            )
            settings = self._settings.replace(model=model)
            chat._restore(SavedChat(session.conversation, settings), ())
            chat.set_trait("last", self.replies[model])
            chat.on_reply(lambda _: self._fallback.update())
            self.children = (chat,)
            self._connection.close()
            for part in self._parts:
                close_family(part)
        return chat

    def to_frame(self) -> pd.DataFrame:
        """Returns the replies as a pandas DataFrame with one row per model.

        The columns are model, text, first_token_s, duration_s, prompt_tokens, completion_tokens,
        cost (US dollars), status and error.

        Raises:
            ImportError: pandas is not installed.
        """
        rows = [
            {
                **usage_row(reply._message),
                "model": model,
                "text": reply.text,
                "first_token_s": reply.first_token_s,
                "error": reply.error and str(reply.error),
            }
            for model, reply in self.replies.items()
        ]
        return rows_frame(rows, _COLUMNS)

    def wait(self, timeout: float | None = None) -> Comparison:
        """Waits until all replies have ended, while they stream; returns the comparison.

        Interrupting the kernel stops all replies.

        Args:
            timeout: Maximum seconds for all replies together; None waits as long as it takes.

        Raises:
            TimeoutError: A reply has not ended yet; it goes on.
            RuntimeError: Waiting here would block the streams themselves: use `await`.
        """
        end = None if timeout is None else time.monotonic() + timeout
        try:
            for reply in self.replies.values():
                with contextlib.suppress(ChatError):
                    reply.wait(None if end is None else max(0.0, end - time.monotonic()))
        except TimeoutError:
            raise TimeoutError(f"Not all replies have ended within {timeout} s") from None
        except KeyboardInterrupt:
            self.stop()
            raise
        return self

    def __await__(self) -> Generator[Any, None, Comparison]:
        return self._wait().__await__()

    async def _wait(self) -> Comparison:
        try:
            for reply in self.replies.values():
                with contextlib.suppress(ChatError):
                    await reply
        except asyncio.CancelledError:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stops all running replies; the texts so far stay."""
        for session in self._sessions.values():
            session.stop()

    def close(self) -> None:
        """Stops all replies and removes the comparison, or the chat it became, from the page."""
        if self._closed:
            return
        self._closed = True
        self.stop()
        self._connection.close()
        if self._chat is not None:
            self._chat.close()
        close_family(self)

    def display(self) -> None:
        """Shows the comparison below the cell that runs."""
        display(self)  # type: ignore[no-untyped-call]

    def _ipython_display_(self, **kwargs: Any) -> None:
        """Shows the widget, with a copy of the replies for viewers without widgets."""
        display_widget(self, **kwargs)
        self._show_copy()

    def _show_copy(self) -> None:
        self._fallback.display()
        if not self._rendered.is_complete:
            self._fallback.update()

    def __repr__(self) -> str:
        # Without a status: a notebook keeps this as the plain text of the widget.
        return f"<Comparison of {', '.join(map(one_line, self._sessions))}>"

    def _column(self, model: str, flush_interval_s: float) -> Transcript:
        column = Transcript(flush_interval_s)
        column.answer_with(partial(self._answer, model))
        return column

    def _answer(self, model: str, request: Request) -> File | None:
        match request:
            case ReadAttachment(id_):
                return File(*self._sessions[model].read_attachment(id_))
            case TakeReply():
                self.take(model)
                return None
        raise FaultError(f"A comparison does not answer {request!r}.")

    async def _connect(self, settings: ChatSettings) -> tuple[Engine, Server, ChatSettings]:
        server = await self._connection.server()
        engine = self._connection.engine
        assert engine is not None  # noqa: S101 - for the type checker: else there is no server
        for attachment in self._attachments:
            try:
                self._connection.check_accepts(settings.model, attachment)
            except ValueError as error:
                raise ChatError(str(error)) from None
        # Importing the SDK takes about a second, which must not count as a model's time. An error
        # here comes up again with the request, which reports it.
        with contextlib.suppress(Exception):
            await engine.client()
        return engine, server, settings

    def _show_busy(self, model: str) -> None:
        self._columns[model].show_busy(self._sessions[model].busy)
        with self._busy_lock:
            self._stop_button.disabled = not any(s.busy for s in self._sessions.values())

    def _on_end(self, _: Reply) -> None:
        self._fallback.update()

    def _render(self, most: float = math.inf) -> dict[str, str]:
        if self._chat is not None:
            return self._chat._keeper.render(most)
        conversations = [session.conversation for session in self._sessions.values()]
        blocks, plain = html_blocks(*conversations), to_plain(*conversations)
        return {"text/html": html_of(blocks, self._rendered, most), "text/plain": plain}
