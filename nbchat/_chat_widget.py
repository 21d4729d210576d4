"""The chat: joins the conversation and the engine to the widgets, and alone knows both sides."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import ipywidgets
import traitlets
from IPython.display import display

from . import _local_model, _welcome
from ._controls import Controls
from ._conversation import Conversation, Message
from ._download import LastReply
from ._engine import Engine, Timeouts, background, start
from ._errors import ChatError
from ._models import BUILT_IN, parse_models, read_models
from ._providers import (
    OPENROUTER_URL,
    Provider,
    Secret,
    endpoint,
    find_openrouter_key,
    openrouter,
)
from ._reply import Reply
from ._request import chat_completion_body
from ._settings import ChatSettings, read_system
from ._stream import ContentDelta, Event, Failure, ModelName, ReasoningDelta
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
        settings = ChatSettings(
            model=model,
            system=read_system(system),
            reasoning_effort=reasoning_effort,
            temperature=temperature,
            max_tokens=max_tokens,
            top_p=top_p,
        )
        self._timeouts = Timeouts(first_token_timeout_s, idle_timeout_s)
        if not flush_interval_s > 0:
            raise ValueError(f"flush_interval_s must be more than 0, not {flush_interval_s}")
        given_models = None if models is None else read_models(models)
        self._engine = self._choose_engine(base_url, api_key, client)
        del api_key

        self._lock = threading.RLock()
        self._conversation = Conversation()
        self._queue: deque[_Turn] = deque()
        self._turn: _Turn | None = None
        self._closed = False
        self._callbacks: list[Callable[[Reply], object]] = []
        self._notices: dict[str, Notice] = {}
        self._last_reply = LastReply()
        self._catalogue: asyncio.Task[None] | None = None
        self._models_given = given_models is not None

        self._controls = controls = Controls()
        self._transcript = Transcript(
            {
                "resync": lambda _: self._load_models(),
                "send": self._on_send,
                "stop": lambda _: self.stop(),
                "retry": self._on_retry,
                "download": lambda _: self._last_reply.read(),
                "secret": lambda message: self._use_key(message["value"]),
                "action": lambda _: self._fetch_local_model(),
            },
            flush_interval_s,
        )
        self._transcript.show(lambda: self._conversation.messages)
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
        self.observe(lambda _: self._describe(), "model")
        controls.model.offer(given_models or [])
        self._adopt_default_model()

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
            return self._conversation.to_openai(self.system)

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
        if not isinstance(content, str):
            raise TypeError(f"a message must be text, not {type(content).__name__}")
        if not content.strip():
            raise ValueError("The message is empty.")
        with self._lock:
            self._check_ready(queue)
            question, message = self._conversation.ask(content)
            self._transcript.put(question)
            return self._enqueue(message)

    def retry(self) -> Reply:
        """Repeats the last request, if its reply was stopped or ended in an error.

        Raises:
            RuntimeError: There is nothing to repeat, or a reply is running.
        """
        with self._lock:
            self._check_ready(queue=False)
            failed = self._conversation.messages[-1:]
            if not failed or failed[0].status not in ("error", "stopped"):
                raise RuntimeError("There is no failed reply to repeat.")
            message = self._conversation.ask_again(failed[0])
            self._transcript.remove(failed[0])
            return self._enqueue(message)

    def stop(self) -> None:
        """Ends the running request, and those that wait; the text so far stays."""
        with self._lock:
            turns = [*([self._turn] if self._turn else []), *self._queue]
        for turn in reversed(turns):
            self._end(turn, stopped=True)

    def clear(self) -> None:
        """Stops what runs and empties the conversation."""
        self.stop()
        with self._lock:
            messages = list(self._conversation.messages)
            self._conversation.remove(*messages)
            self._transcript.remove(*messages)
            self._last_reply.remove()
            self._transcript.publish(download=None)

    def close(self) -> None:
        """Stops what runs and takes the chat off the page; its temporary file goes too."""
        if self._closed:
            return
        self._closed = True
        self.stop()
        self._last_reply.remove()
        if self._catalogue is not None:
            background().call(self._catalogue.cancel)
        if self._engine is not None:
            start(self._engine.close())
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
        where = self._engine.provider if self._engine else "no server"
        return f"<ChatWidget: {self.model or 'no model'} on {where}>"

    # What a person does in the browser

    def _on_send(self, message: dict[str, Any]) -> None:
        self.send(message["content"])

    def _on_retry(self, _: dict[str, Any]) -> None:
        self.retry()

    def _on_stop_toggled(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.stop()
            self._controls.stop.value = False

    # A turn, from its place in the queue to its end

    def _check_ready(self, queue: bool) -> None:
        if self._closed:
            raise RuntimeError("This chat is closed: make a new ChatWidget.")
        if self._turn is not None and not queue:
            raise RuntimeError(
                "A reply is still running: await it, stop() it, or send(…, queue=True)."
            )

    def _enqueue(self, message: Message) -> Reply:
        turn = _Turn(message, self.settings, self._stop_reply)
        self._transcript.put(message)
        self._queue.append(turn)
        self.set_trait("last", turn.reply)
        if self._turn is None:
            self._begin_next()
        return turn.reply

    def _begin_next(self) -> None:
        self._turn = turn = self._queue.popleft() if self._queue else None
        if turn is not None:
            turn.cancel = start(self._run(turn))
        self._show_busy()

    async def _run(self, turn: _Turn) -> None:
        try:
            with self._lock:
                if turn.message.status != "queued":
                    return  # stopped before it began
                self._conversation.begin(turn.message, turn.settings.model)
                messages = self._conversation.to_openai(turn.settings.system, before=turn.message)
                self._transcript.settle(turn.message)
            if self._engine is None:
                raise ChatError(
                    "This chat has no model to talk to yet: paste an OpenRouter key above, or make "
                    "it with base_url=….",
                    retryable=True,
                )
            if not turn.settings.model:
                await self._load_catalogue()
                turn.settings = turn.settings.replace(model=self.model)
            body = chat_completion_body(turn.settings, messages)
            await self._engine.stream(body, partial(self._apply, turn))
        except ChatError as error:
            self._apply(turn, Failure(error))
        except asyncio.CancelledError:
            self._end(turn, stopped=True)
            raise
        except Exception as error:  # anything else would vanish with the task
            self._apply(turn, Failure(ChatError(f"nbchat failed: {error!r}", retryable=True)))
        finally:
            self._end(turn)

    def _apply(self, turn: _Turn, event: Event) -> None:
        with self._lock:
            message = turn.message
            if message.status != "streaming":
                return  # stopped meanwhile
            self._conversation.apply(message, event)
            match event:
                case ContentDelta(text):
                    self._transcript.append(message, "content", text)
                case ReasoningDelta(text):
                    self._transcript.append(message, "reasoning", text)
                case ModelName():
                    self._transcript.settle(message)
                case Failure(error) if error.status_code == 401 and self._uses_openrouter():
                    self._notify(_welcome.other_key())

    def _end(self, turn: _Turn, *, stopped: bool = False) -> None:
        with self._lock:
            if turn.message.status not in ("queued", "streaming"):
                return
            self._conversation.end(turn.message, stopped=stopped)
            self._transcript.settle(turn.message)
            if turn in self._queue:
                self._queue.remove(turn)
            self._save_last_reply(turn.message)
            if turn is self._turn:
                self._begin_next()
        if stopped and turn.cancel is not None:
            turn.cancel()
        turn.reply._ended.set_result(None)
        for callback in self._callbacks:
            _call_in_thread(partial(self._call_back, callback, turn.reply))

    def _stop_reply(self, reply: Reply) -> None:
        with self._lock:
            turns = [turn for turn in (self._turn, *self._queue) if turn and turn.reply is reply]
        for turn in turns:
            self._end(turn, stopped=True)

    def _call_back(self, callback: Callable[[Reply], object], reply: Reply) -> None:
        try:
            result = callback(reply)
            if inspect.iscoroutine(result):
                asyncio.run(result)
        except Exception as error:
            name = getattr(callback, "__name__", "the callback")
            self._notify(
                Notice(f"callback-{name}", f"on_reply: {name} raised {error!r}", tone="error")
            )

    def _save_last_reply(self, message: Message) -> None:
        if not message.has_text or message not in self._conversation.messages:
            return
        try:
            self._last_reply.write(message.content)
            self._transcript.publish(download=self._last_reply.name)
        except OSError as error:
            self._transcript.publish(download=None)
            self._notify(
                Notice(
                    "download",
                    "The reply is safe here, but no file could be made for its download link: "
                    f"{error.strerror} ({error.filename}).",
                    tone="error",
                )
            )

    def _show_busy(self) -> None:
        busy = self._turn is not None
        self._transcript.publish(busy=busy)
        self._controls.stop.disabled = not busy
        self.set_trait("busy", busy)

    # The server and its models

    def _choose_engine(
        self, base_url: str | None, api_key: str | None, client: AsyncOpenAI | None
    ) -> Engine | None:
        if client is not None:
            if base_url is not None or api_key is not None:
                raise TypeError("client= brings its own base_url and api_key")
            return Engine(endpoint(str(client.base_url), None), self._timeouts, client=client)
        if base_url is not None:
            key = Secret(api_key) if api_key else None
            if key is None and base_url.rstrip("/") == OPENROUTER_URL:
                key = find_openrouter_key()
            return Engine(endpoint(base_url, key), self._timeouts)
        key = Secret(api_key) if api_key is not None else find_openrouter_key()
        if key is not None:
            return Engine(openrouter(key), self._timeouts)
        if _local_model.runtime_installed() and _local_model.weights() is not None:
            return self._local_engine()
        return None

    def _local_engine(self) -> Engine:
        return Engine(_local_provider(), self._timeouts, prepare=_serve_local_model)

    def _adopt_default_model(self) -> None:
        if self._engine is not None and not self.model:
            self.model = self._engine.provider.default_model
        self._describe()

    def _describe(self) -> None:
        engine = self._engine
        server = str(engine.provider) if engine else ""
        self._controls.model.server.value = f"on {server}" if engine else "no server yet"
        self._transcript.publish(model=self.model, server=server)
        if engine is None:
            self._notify(_welcome.no_model())

    def _uses_openrouter(self) -> bool:
        return self._engine is not None and self._engine.provider.base_url == OPENROUTER_URL

    def _use_engine(self, engine: Engine) -> None:
        with self._lock:
            old, self._engine = self._engine, engine
            self._catalogue = None
            self._dismiss(_welcome.NO_MODEL)
            self._adopt_default_model()
        if old is not None:
            start(old.close())
        self._load_models()

    def _use_key(self, value: str) -> None:
        self._use_engine(Engine(openrouter(Secret(value)), self._timeouts))

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
            self._use_engine(self._local_engine())

    def _load_models(self) -> None:
        if self._engine is not None and self._catalogue is None:
            background().call(self._start_catalogue)

    def _start_catalogue(self) -> asyncio.Task[None]:
        if self._catalogue is None:
            self._catalogue = background().loop.create_task(self._fetch_models())
        return self._catalogue

    async def _load_catalogue(self) -> None:
        # Shielded: stopping one reply must not end what the next one needs.
        await asyncio.shield(self._start_catalogue())

    async def _fetch_models(self) -> None:
        engine = self._engine
        assert engine is not None  # noqa: S101 - for the type checker
        try:
            ids = [model.id for model in parse_models(await engine.models())]
        except ChatError:
            # The next request tells what is wrong; until then the list is what is known.
            ids = list(BUILT_IN) if self._uses_openrouter() else []
        with self._lock:
            if engine is not self._engine or self._closed:
                return
            if not self._models_given:
                self._controls.model.offer(ids)
            if ids and not self.model:
                self.model = ids[0]

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


class _Turn:
    """A reply on its way: what was asked, with which settings, and how to cancel it."""

    def __init__(
        self, message: Message, settings: ChatSettings, stop: Callable[[Reply], None]
    ) -> None:
        self.message = message
        self.settings = settings
        self.reply = Reply(message, stop)
        self.reply._streaming_thread = background().thread
        self.cancel: Callable[[], None] | None = None


def _local_provider(base_url: str = "", key: Secret | None = None) -> Provider:
    return Provider(
        name="this machine",
        base_url=base_url,
        key=key,
        default_model=_local_model.MODEL_ID,
        # llama-server loses requests on a reused connection.
        headers={"Connection": "close"},
    )


def _serve_local_model() -> Provider:
    server = _local_model.serve()
    return _local_provider(server.base_url, Secret(server.api_key))


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
