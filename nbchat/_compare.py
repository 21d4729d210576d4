"""One question to several models side by side, of which one reply can be gone on with."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Generator, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
from IPython.display import display

from ._chat.attachments import read_all
from ._chat.dataframes import figures, rows_frame
from ._chat.errors import ChatError
from ._chat.keys import Secret
from ._chat.message import check_content
from ._chat.settings import ChatSettings, read_system
from ._chat_widget import ChatWidget
from ._files.chat_json import SavedChat
from ._files.export import to_html, to_plain
from ._files.fallback_output import FallbackOutput, display_widget
from ._servers.connection import Connection
from ._servers.engine import Engine, Timeouts
from ._servers.models import read_model_ids
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
    images: Iterable[object] = (),
    files: Iterable[object] = (),
    system: str | Path = "",
    reasoning_effort: str | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    top_p: float | None = None,
    provider: str | None = None,
    base_url: str | None = None,
    api_key: str | None = None,
    client: AsyncOpenAI | None = None,
    flush_interval_s: float = 0.04,
    first_token_timeout_s: float = 300.0,
    idle_timeout_s: float = 120.0,
) -> Comparison:
    """Asks several models of one server the same; returns at once, while they all answer.

    In a cell the comparison shows itself: the replies side by side, each with the time to its first
    token, its duration, tokens and cost, and a button that goes on with it as a chat.

    Args:
        content: What to say; may be blank beside images or files.
        models: The models' ids: a list, or a text file with an id a line.
        images: As in `ChatWidget.send`, as are `files`.
        files: What else goes with the message.
        system: As in `ChatWidget`, as are all that follow.
        reasoning_effort: "low", "medium" or "high".
        temperature: 0.0 to 2.0.
        max_tokens: The upper limit of each reply.
        top_p: 0.0 to 1.0.
        provider: A server by its name.
        base_url: Any OpenAI-compatible server.
        api_key: Its key.
        client: A ready `AsyncOpenAI`.
        flush_interval_s: The least time between two refreshes of the view.
        first_token_timeout_s: How long a reply may take to begin.
        idle_timeout_s: How long it may then be silent.

    Raises:
        ValueError: The message is blank, there is no model, a setting is out of range, or a file is
            missing.
        TypeError: An argument is of the wrong type.
    """
    key = None if api_key is None else Secret(api_key)
    del api_key  # from here on, no traceback can print it
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
    """The replies of several models to one message, as `compare` gives it.

    `await comparison` and `comparison.wait()` give the comparison itself once all have ended. An
    error of one model is not raised: `comparison.replies[model].error` tells.

    Attributes:
        replies: Model → its `Reply`.
    """

    _closed = True  # until it is made: ipywidgets closes what it collects

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
        self._taking = threading.RLock()
        self._showing = threading.Lock()
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
        # The first one shows the question as well: frontend/src/places.ts.
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
            column.show(session.messages)
            with column.changing() as state:
                state.model = model
            self.replies[model] = session.ask(
                content, settings.replace(model=model), attachments=attachments, queue=False
            )
        open_family(self)

    @property
    def chat(self) -> ChatWidget | None:
        """The chat that goes on with one of the replies, once one has been taken."""
        return self._chat

    def take(self, model: str) -> ChatWidget:
        """Goes on with one of the replies: the comparison becomes a chat; others are stopped.

        Raises:
            ValueError: This model was not asked.
            RuntimeError: Its reply still runs, one was taken before, or the comparison is closed.
        """
        with self._taking:
            if model not in self._sessions:
                raise ValueError(f"{model!r} is not one of {', '.join(self._sessions)}.")
            if self._chat is not None:
                raise RuntimeError("One of the replies has been taken: it is comparison.chat.")
            if self._closed:
                raise RuntimeError("This comparison is closed.")
            session = self._sessions[model]
            if session.busy:
                raise RuntimeError("This reply is still running: wait for it, or stop it.")
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
        """What came of it as a pandas DataFrame, a model a row.

        Its columns are model, text, first_token_s, duration_s, prompt_tokens, completion_tokens,
        cost (US dollars), status and error.

        Raises:
            ImportError: There is no pandas.
        """
        rows = [
            {
                **figures(reply._message),
                "model": model,
                "text": reply.text,
                "first_token_s": reply.first_token_s,
                "error": reply.error and str(reply.error),
            }
            for model, reply in self.replies.items()
        ]
        return rows_frame(rows, _COLUMNS)

    def wait(self, timeout: float | None = None) -> Comparison:
        """Waits in plain code until all replies have ended; they stream meanwhile.

        Args:
            timeout: Seconds for all of them; None waits as long as it takes.

        Raises:
            TimeoutError: Some have not ended yet; they go on.
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
        """Ends all requests that run; the texts so far stay."""
        for session in self._sessions.values():
            session.stop()

    def close(self) -> None:
        """Stops what runs and takes the comparison off the page, with the chat it may be now."""
        if self._closed:
            return
        self._closed = True
        self.stop()
        self._connection.close()
        if self._chat is not None:
            self._chat.close()
        close_family(self)

    def display(self) -> None:
        """Shows the comparison below the cell."""
        display(self)  # type: ignore[no-untyped-call]

    def _ipython_display_(self, **kwargs: Any) -> None:
        """Shows the widget, and beside it what viewers without widgets can show."""
        display_widget(self, **kwargs)
        self._fallback.display()

    def __repr__(self) -> str:
        states = ", ".join(f"{model}: {reply.status}" for model, reply in self.replies.items())
        return f"<Comparison: {states}>"

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
        # Importing the SDK takes a second that is no model's. The request tells what is wrong.
        with contextlib.suppress(Exception):
            await engine.client()
        return engine, server, settings

    def _show_busy(self, model: str) -> None:
        self._columns[model].show_busy(self._sessions[model].busy)
        with self._showing:
            self._stop_button.disabled = not any(s.busy for s in self._sessions.values())

    def _on_end(self, _: Reply) -> None:
        self._fallback.update()

    def _render(self) -> dict[str, str]:
        if self._chat is not None:
            return self._chat._keeper.render()
        conversations = [session.conversation for session in self._sessions.values()]
        return {
            "text/html": "\n".join(map(to_html, conversations)),
            "text/plain": "\n\n".join(map(to_plain, conversations)),
        }
