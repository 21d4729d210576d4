"""The chat: joins the session and its server to the widgets, and alone knows both sides."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import ipywidgets
import traitlets
from IPython.display import display

from . import _local_model, _welcome
from ._bundle import asset
from ._connection import Connection
from ._controls import Controls
from ._conversation import Message
from ._download import LastReply
from ._engine import Engine, Timeouts
from ._errors import ChatError
from ._models import read_models
from ._providers import Secret
from ._reply import Reply
from ._session import Session
from ._settings import ChatSettings, read_system
from ._transcript import Notice, Panel, Transcript

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_SETTINGS = ("model", "system", "reasoning_effort", "temperature", "max_tokens", "top_p")

Callback = TypeVar("Callback", bound=Callable[[Reply], object])


class ChatWidget(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A chat with a model, in a notebook.

    Without arguments it talks to OpenRouter, with the key from `OPENROUTER_API_KEY` (environment or
    Colab's secrets); without a key, to the small model of the extra `local`.

    Args:
        model: The model's id; by default the server's own default.
        models: The models to pick from: a list, or a text file with an id a line. By default what
            the server offers.
        system: System instructions: text, or a `Path` or the name of a .txt or .md file.
        reasoning_effort: "low", "medium" or "high", for the models that have a reasoning rule.
        temperature: 0.0 to 2.0.
        max_tokens: The upper limit of a reply, 100 to 65535.
        top_p: 0.0 to 1.0.
        base_url: Any OpenAI-compatible server, for example "http://localhost:11434/v1".
        api_key: Its key; without `base_url`, OpenRouter's.
        client: A ready `AsyncOpenAI`, which is used and not closed.
        flush_interval_s: The least time between two refreshes of the view.
        first_token_timeout_s: How long a reply may take to begin.
        idle_timeout_s: How long it may then be silent.
        layout: The `ipywidgets.Layout` of the whole.

    Raises:
        ValueError: A setting is out of range, or a file is missing or empty.
        TypeError: An argument is of the wrong type.
    """

    model = traitlets.Any("")
    system = traitlets.Any("")
    reasoning_effort = traitlets.Any("medium")
    temperature = traitlets.Any(1.0)
    max_tokens = traitlets.Any(8192)
    top_p = traitlets.Any(1.0)
    busy = traitlets.Bool(False, read_only=True, help="Whether a reply streams or is queued.")
    last = traitlets.Any(None, read_only=True, help="The last `Reply` that was asked for.")

    _closed = True  # until it is made: ipywidgets closes what it collects

    def __init__(
        self,
        *,
        model: str = "",
        models: str | Path | Iterable[str] | None = None,
        system: str | Path = "",
        reasoning_effort: str = "medium",
        temperature: float = 1.0,
        max_tokens: int = 8192,
        top_p: float = 1.0,
        base_url: str | None = None,
        api_key: str | None = None,
        client: AsyncOpenAI | None = None,
        flush_interval_s: float = 0.04,
        first_token_timeout_s: float = 300.0,
        idle_timeout_s: float = 120.0,
        layout: ipywidgets.Layout | None = None,
    ) -> None:
        key = None if api_key is None else Secret(api_key)
        del api_key  # from here on, no traceback can print it
        settings = ChatSettings(
            model=model,
            system=read_system(system),
            reasoning_effort=reasoning_effort,
            temperature=temperature,
            max_tokens=max_tokens,
            top_p=top_p,
        )
        timeouts = Timeouts(first_token_timeout_s, idle_timeout_s)
        if not flush_interval_s > 0:
            raise ValueError(f"flush_interval_s must be more than 0, not {flush_interval_s}")
        given_models = None if models is None else read_models(models)
        self._models_given = given_models is not None
        self._connection = Connection(
            timeouts, self._offer_models, base_url=base_url, key=key, client=client
        )

        self._notices: dict[str, Notice] = {}
        self._callbacks: list[Callable[[Reply], object]] = []
        self._last_reply = LastReply()
        self._controls = controls = Controls()
        self._transcript = Transcript(
            {
                "resync": lambda _: self._connection.load_models(),
                "send": self._on_send,
                "stop": lambda _: self.stop(),
                "retry": self._on_retry,
                "regenerate": self._on_regenerate,
                "edit": self._on_edit,
                "continue": self._on_continue,
                "branch": self._on_branch,
                "thoughts": self._on_thoughts,
                "download": lambda _: self._last_reply.read(),
                "asset": lambda message: asset(message["name"]),
                "secret": self._on_key,
                "action": lambda _: self._fetch_local_model(),
            },
            flush_interval_s,
        )
        self._session = Session(self._transcript, self._connect, self._show_busy, self._on_end)
        self._lock = self._session.lock
        self._transcript.show(lambda: self._session.conversation.messages)
        panels = {
            kind: Panel(kind, self._transcript) for kind in ("composer", "thoughts", "download")
        }
        super().__init__(
            controls.arrange(self._transcript, panels), **({"layout": layout} if layout else {})
        )
        self.add_class("nbchat")

        if given_models and not settings.model:
            settings = settings.replace(model=given_models[0])
        for name in _SETTINGS:
            setattr(self, name, getattr(settings, name))
        for name, control in controls.settings().items():
            traitlets.link((self, name), (control, "value"))
        controls.stop.observe(self._on_stop_toggled, "value")
        controls.clear.on_click(lambda _: self.clear())
        self.observe(lambda _: self._describe_server(), "model")
        controls.model.offer(given_models or [])
        self._closed = False
        self._adopt_server()

    # Settings

    @traitlets.validate(*_SETTINGS)
    def _validate_setting(self, proposal: dict[str, Any]) -> object:
        name = proposal["trait"].name
        return getattr(ChatSettings(**{name: proposal["value"]}), name)

    @property
    def settings(self) -> ChatSettings:
        """What the next request will be made with."""
        return ChatSettings(**{name: getattr(self, name) for name in _SETTINGS})

    @property
    def messages(self) -> list[dict[str, str]]:
        """What the model has seen and said, as the OpenAI SDK takes it."""
        with self._lock:
            return self._session.conversation.to_openai(self.system)

    # What code calls

    def display(self) -> None:
        """Shows the chat below the cell."""
        display(self)  # type: ignore[no-untyped-call]

    def send(self, content: str, *, queue: bool = False) -> Reply:
        """Sends a message; returns at once, while the reply streams in the background.

        Args:
            content: What to say.
            queue: Wait for one's turn if a reply is running.

        Raises:
            ValueError: The message is blank.
            RuntimeError: A reply is running, or the chat is closed.
        """
        _check_content(content)
        self._check_open()
        return self._remember(self._session.ask(content, self.settings, queue=queue))

    def edit(self, i: int, content: str) -> Reply:
        """Sends another version of a user's message; what followed it stays as a branch.

        Args:
            i: Its place in `messages`.
            content: What to say instead.

        Raises:
            ValueError: That message is not a user's, or the new one is blank.
            IndexError: There is no such message.
            RuntimeError: A reply is running, or the chat is closed.
        """
        with self._lock:
            said = self._session.conversation.exchanged()
            instructions = len(self.messages) - len(said)
            question = [*[None] * instructions, *said][i]
            if question is None or question.role != "user":
                raise ValueError(f"messages[{i}] is not a user's: only these can be edited.")
            return self._edit(question, content)

    def regenerate(self) -> Reply:
        """Asks for another version of the last reply; this one stays as a branch.

        Raises:
            RuntimeError: There is no reply, one is running, or the chat is closed.
        """
        return self._regenerate(self._session.last_reply)

    def continue_reply(self) -> Reply:
        """Lets the last reply go on, if it was cut off at max tokens.

        Raises:
            RuntimeError: It was not, a reply is running, or the chat is closed.
        """
        self._check_open()
        return self._remember(self._session.resume(self._session.last_reply, self.settings))

    def retry(self) -> Reply:
        """Repeats the last request, if its reply was stopped or ended in an error.

        Raises:
            RuntimeError: There is nothing to repeat, or a reply is running.
        """
        self._check_open()
        return self._remember(self._session.retry(self.settings))

    def stop(self) -> None:
        """Ends the running request, and those that wait; the text so far stays."""
        self._session.stop()

    def clear(self) -> None:
        """Stops what runs and empties the conversation, with all its branches."""
        with self._lock:
            self._session.clear()
            self._last_reply.remove()
            self._transcript.publish(download=None, thoughts=None)

    def close(self) -> None:
        """Stops what runs and takes the chat off the page; its temporary file goes too."""
        if self._closed:
            return
        self._closed = True
        self._session.stop()
        self._last_reply.remove()
        self._connection.close()
        for widget in _family(self):
            ipywidgets.Widget.close(widget)

    def on_reply(self, callback: Callback) -> Callback:
        """Calls `callback(reply)` in a thread of its own when a reply has ended; also a decorator.

        An exception in it is shown in the chat.
        """
        if not callable(callback):
            raise TypeError("on_reply takes a function")
        self._callbacks.append(callback)
        return callback

    def __repr__(self) -> str:
        where = self._connection.provider or "no server"
        return f"<ChatWidget: {self.model or 'no model'} on {where}>"

    # What a person does in the browser

    def _on_send(self, message: dict[str, Any]) -> None:
        self.send(message["content"])

    def _on_retry(self, _: dict[str, Any]) -> None:
        self.retry()

    def _on_regenerate(self, message: dict[str, Any]) -> None:
        self._regenerate(self._session.find(message["id"]))

    def _on_edit(self, message: dict[str, Any]) -> None:
        self._edit(self._session.find(message["id"]), message["content"])

    def _on_continue(self, _: dict[str, Any]) -> None:
        self.continue_reply()

    def _on_branch(self, message: dict[str, Any]) -> None:
        self._session.show_version(self._session.find(message["id"]), message["step"])

    def _on_thoughts(self, message: dict[str, Any]) -> None:
        self._transcript.publish(thoughts=message["id"])
        self._controls.open_thoughts()

    def _on_stop_toggled(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.stop()
            self._controls.stop.value = False

    def _on_key(self, message: dict[str, Any]) -> None:
        self._connection.use_openrouter(Secret(message["value"]))
        self._adopt_server()

    # The session

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("This chat is closed: make a new ChatWidget.")

    def _edit(self, question: Message, content: str) -> Reply:
        _check_content(content)
        self._check_open()
        return self._remember(self._session.edit(question, content, self.settings))

    def _regenerate(self, reply: Message) -> Reply:
        self._check_open()
        return self._remember(self._session.regenerate(reply, self.settings))

    def _remember(self, reply: Reply) -> Reply:
        self._transcript.publish(thoughts=None)  # the latest ones again
        self.set_trait("last", reply)
        return reply

    async def _connect(self, settings: ChatSettings) -> tuple[Engine, ChatSettings]:
        engine = self._connection.engine
        if engine is None:
            raise ChatError(
                "This chat has no model to talk to yet: paste an OpenRouter key, or make it with "
                "base_url=….",
                retryable=True,
            )
        if not settings.model:
            ids = await self._connection.models()
            settings = settings.replace(model=self.model or next(iter(ids), ""))
        return engine, settings

    def _show_busy(self) -> None:
        busy = self._session.busy
        self._transcript.publish(busy=busy)
        self._controls.stop.disabled = not busy
        self.set_trait("busy", busy)

    def _on_end(self, reply: Reply) -> None:
        if reply._message in self._session.conversation.messages and reply.text:
            self._save_last_reply(reply)
        refused = reply.error is not None and reply.error.status_code == 401
        if refused and self._connection.is_openrouter:
            self._notify(_welcome.other_key())
        for callback in self._callbacks:
            _call_in_thread(partial(self._call_back, callback, reply))

    def _call_back(self, callback: Callable[[Reply], object], reply: Reply) -> None:
        try:
            result = callback(reply)
            if inspect.iscoroutine(result):
                asyncio.run(result)
        except Exception as error:
            name = getattr(callback, "__name__", "the callback")
            text = f"on_reply: {name} raised {error!r}"
            self._notify(Notice(f"callback-{name}", text, tone="error"))

    def _save_last_reply(self, reply: Reply) -> None:
        try:
            self._last_reply.write(reply.text)
            self._transcript.publish(download=self._last_reply.name)
        except OSError as error:
            self._transcript.publish(download=None)
            text = (
                "The reply is safe here, but no file could be made for its download link: "
                f"{error.strerror} ({error.filename})."
            )
            self._notify(Notice("download", text, tone="error"))

    # The server and its models

    def _adopt_server(self) -> None:
        provider = self._connection.provider
        if provider is None:
            self._notify(_welcome.no_model())
        else:
            self._dismiss(_welcome.NO_MODEL)
            if not self.model:
                self.model = provider.default_model
        self._describe_server()

    def _describe_server(self) -> None:
        server = str(self._connection.provider or "")
        self._controls.model.server.value = f"on {server}" if server else "no server yet"
        self._transcript.publish(model=self.model, server=server)

    def _offer_models(self, ids: list[str]) -> None:
        with self._lock:
            if not self._models_given:
                self._controls.model.offer(ids)
            if ids and not self.model:
                self.model = ids[0]

    def _fetch_local_model(self) -> None:
        self._notify(_welcome.fetching(0, _local_model.DOWNLOAD_BYTES))
        _call_in_thread(self._fetch_and_use_local_model)

    def _fetch_and_use_local_model(self) -> None:
        try:
            _local_model.download_weights(
                lambda done, total: self._notify(_welcome.fetching(done, total))
            )
        except ChatError as error:
            self._notify(_welcome.no_model())
            self._notify(Notice("fetch", error.message, tone="error"))
        else:
            self._dismiss("fetch")
            self._connection.use_local_model()
            self._adopt_server()

    # Notices

    def _notify(self, notice: Notice) -> None:
        with self._lock:
            self._notices[notice.id] = notice
            self._show_notices()

    def _dismiss(self, notice_id: str) -> None:
        with self._lock:
            self._notices.pop(notice_id, None)
            self._show_notices()

    def _show_notices(self) -> None:
        self._transcript.publish(notices=[notice.to_view() for notice in self._notices.values()])


def _check_content(content: object) -> None:
    if not isinstance(content, str):
        raise TypeError(f"a message must be text, not {type(content).__name__}")
    if not content.strip():
        raise ValueError("The message is empty.")


def _call_in_thread(function: Callable[[], object]) -> None:
    """Calls what may take long, or wait for a reply, off the thread that streams."""
    try:
        threading.Thread(target=function, name="nbchat-callback", daemon=True).start()
    except RuntimeError:  # no threads in Pyodide
        function()


def _family(widget: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    """A widget with all that it is made of: children, layouts, styles."""
    family = [widget]
    for child in getattr(widget, "children", ()):
        family += _family(child)
    for part in ("layout", "style"):
        with contextlib.suppress(AttributeError, traitlets.TraitError):
            family.append(getattr(widget, part))
    return family
