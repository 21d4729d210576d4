"""The chat: puts the parts together, and has the methods that code calls."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import ipywidgets
import traitlets
from IPython.display import display

from ._chat.attachments import read_all
from ._chat.events import Usage
from ._chat.keys import Secret
from ._chat.message import Message, to_openai
from ._chat.notices import Notices
from ._chat.settings import SETTINGS, ChatSettings, read_system
from ._files.chat_json import SavedChat
from ._files.fallback_output import display_widget
from ._files.keeper import Keeper, read_chat
from ._files.last_reply import LastReply
from ._notebook.notebook import Notebook
from ._servers.chat_completions.response_format import read_response_format
from ._servers.connection import Connection
from ._servers.engine import Timeouts
from ._servers.models import read_model_ids
from ._tools.toolbox import Approve
from ._turns.callbacks import Callbacks
from ._turns.reply import Reply
from ._turns.rules import Overflow
from ._turns.session import Session
from ._widget.code_runs import CodeRuns
from ._widget.comms import close_family, open_family
from ._widget.controls import Controls
from ._widget.lean_widgets import Layout, Lean, Part
from ._widget.model_controls import ModelControls
from ._widget.model_switch import ModelSwitch
from ._widget.requests import ChatRequests
from ._widget.settings_traits import SettingsTraits
from ._widget.transcript import Transcript
from ._widget.turn_requests import TurnRequests
from ._widget.usage import UsageDisplay

if TYPE_CHECKING:
    import pandas as pd
    from openai import AsyncOpenAI

Callback = TypeVar("Callback", bound="Callable[[Reply], object]")


class ChatWidget(SettingsTraits, Lean, Part, ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A chat with a model, in a notebook.

    Without arguments it talks to OpenRouter, with the key from `OPENROUTER_API_KEY` (environment or
    Colab's secrets); without a key, to the small model of the extra `local`.

    Besides the settings, `max_cost`, `overflow`, `fallbacks` and all about tools can be changed at
    any time; what runs goes on as it began.

    Args:
        name: Keeps the chat in a file of the user's, saved as it goes: run the cell again after the
            kernel was restarted, and it is back. Each folder of notebooks has names of its own.
        model: The model's id; by default the server's own default.
        models: The models to pick from: a list, or a text file with an id a line. By default what
            the server offers.
        system: System instructions: text, or a `Path` or the name of a .txt or .md file.
        reasoning_effort: "low", "medium", "high", or what else the model offers; by default what
            the model does by itself.
        temperature: 0.0 to 2.0; by default 1.0.
        max_tokens: The upper limit of a reply, from 100 to what the model allows.
        top_p: 0.0 to 1.0; by default 1.0.
        provider: A server by its name: "openrouter", "openai", "ollama", "lmstudio",
            "llama-server", "vllm", "sglang", "groq", "deepseek", "mistral", "together" or
            "huggingface"; with `base_url`, one of this kind at that address.
        base_url: Any OpenAI-compatible server, for example "http://localhost:11434/v1".
        api_key: Its key; without `base_url`, OpenRouter's.
        client: A ready `AsyncOpenAI`, which is used and not closed.
        fallbacks: Models to ask, one after the other, where the one that was chosen fails.
        overflow: What happens when a conversation no longer fits the model's context: "error", or
            "truncate" to leave out the oldest messages, which is then said.
        max_cost: US dollars that this conversation may cost: no request is sent that could pass it,
            as far as prices are known.
        variable_chars: How much is told, at most, of a variable or an error: characters of each.
        tools: Functions that the model may call, with a type for each parameter, and a docstring
            that says what they do; arguments are checked before a call. Plain functions run in
            threads of their own, beside the cells; coroutine functions run on the loop that streams
            all replies, which they must not block.
        approve: "always" has the chat ask before each call; "never" just calls; a function
            `approve(name, arguments)` says whether to. While a cell waits for the reply, a kernel
            of ipykernel 6 does not hear the answer: wait for it in a later cell.
        max_tool_rounds: How many times in one reply the model may call tools.
        tool_timeout_s: Seconds that a call may take. A plain function can't be ended: it runs on,
            and its result is ignored.
        flush_interval_s: The least time between two refreshes of the view.
        first_token_timeout_s: How long a reply may take to begin.
        idle_timeout_s: How long it may then be silent.
        layout: The `ipywidgets.Layout` of the whole.

    Raises:
        ValueError: A setting is out of range, or a file is missing or empty.
        TypeError: An argument is of the wrong type.
    """

    busy = traitlets.Bool(False, read_only=True, help="Whether a reply streams or is queued.")
    last = traitlets.Any(None, read_only=True, help="The last `Reply` that was asked for.")

    _closed = True  # until it is made: ipywidgets closes what it collects

    def __init__(
        self,
        *,
        name: str | None = None,
        model: str = "",
        models: str | Path | Iterable[str] | None = None,
        system: str | Path = "",
        reasoning_effort: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        provider: str | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        client: AsyncOpenAI | None = None,
        fallbacks: Iterable[str] = (),
        overflow: Overflow = "error",
        max_cost: float | None = None,
        variable_chars: int = 4000,
        tools: Iterable[Callable[..., Any]] = (),
        approve: Literal["always", "never"] | Approve = "always",
        max_tool_rounds: int = 10,
        tool_timeout_s: float = 60.0,
        flush_interval_s: float = 0.04,
        first_token_timeout_s: float = 300.0,
        idle_timeout_s: float = 120.0,
        layout: ipywidgets.Layout | None = None,
    ) -> None:
        key = None if api_key is None else Secret(api_key)
        del api_key  # from here on, no traceback can print it
        given = _given(
            model=model or None,
            system=read_system(system) or None,
            reasoning_effort=reasoning_effort,
            temperature=temperature,
            max_tokens=max_tokens,
            top_p=top_p,
        )
        settings = ChatSettings(**given)
        timeouts = Timeouts(first_token_timeout_s, idle_timeout_s)
        if not flush_interval_s > 0:
            raise ValueError(f"flush_interval_s must be more than 0, not {flush_interval_s}")
        if variable_chars < 1:
            raise ValueError(f"variable_chars must be at least 1, not {variable_chars}")
        given_models = None if models is None else read_model_ids(models)
        if given_models and not settings.model:
            settings = settings.replace(model=given_models[0])

        self._connection = connection = Connection(
            timeouts, provider=provider, base_url=base_url, key=key, client=client
        )
        self._transcript = transcript = Transcript(flush_interval_s)
        self._session = session = Session(transcript, connection.connect, self.rules)
        self._lock = session.lock
        transcript.show(session.messages)
        self._notices = notices = Notices(transcript.show_notices, self._lock)
        self._callbacks = Callbacks(notices)
        self._last_reply = LastReply(notices, transcript.show_download)
        self._notebook = Notebook(notices, variable_chars)
        self._keeper = Keeper(self, session, notices)
        saved = self._keeper.open(name) if name is not None else None
        self._controls = controls = Controls(transcript)
        super().__init__(controls.columns, _dom_classes=("nbchat",), layout=layout or Layout())
        self.connect_settings(connection, given)
        self._usage = UsageDisplay(self, session, connection, notices, transcript)
        model_controls = ModelControls(self, controls, connection, notices, transcript)
        self._models = ModelSwitch(
            *(self, session, connection, controls, model_controls, notices),
            *(self._usage, given_models),
        )
        self._turns = TurnRequests(self, session, connection)
        self._runs = CodeRuns(session, transcript)
        requests = ChatRequests(
            *(session, self._turns, self._models, notices, self._notebook, self._runs),
            *(self._last_reply.read, self._show_version, self._show_thoughts),
        )
        transcript.answer_with(requests.answer)

        for name in SETTINGS:
            if (value := getattr(settings, name)) is not None:
                setattr(self, name, value)
        self.fallbacks, self.overflow, self.max_cost = fallbacks, overflow, max_cost
        self.tools, self.approve = tools, approve
        self.max_tool_rounds, self.tool_timeout_s = max_tool_rounds, tool_timeout_s
        for name, control in controls.values().items():
            traitlets.link((self, name), control)
        self._listen()
        self._closed = False
        self._models.adopt(self.model)
        self.observe(lambda _: self._models.sync_model(), "model")
        self.observe(lambda _: self._usage.show(), ["max_cost", "overflow", "system"])
        self.observe(lambda _: self._keeper.touch(), list(SETTINGS))
        if saved is not None:
            self._restore(saved, given)
        self._notebook.watch()
        open_family(self)

    def _listen(self) -> None:
        """Lets the parts hear of each other."""
        self._connection.changed.connect(self._models.on_connection)
        self._transcript.changed.connect(self._keeper.touch)
        self._transcript.opened.connect(self._models.prepare)
        self._session.changed.connect(self._show_busy)
        self._session.ended.connect(self._on_end)
        self._turns.begun.connect(self._on_turn)
        self._controls.stop.observe(self._on_stop_toggled, "value")
        self._controls.clear.on_click(lambda _: self.clear())

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What the model has seen and said, as the OpenAI SDK takes it."""
        with self._lock:
            return self._session.conversation.to_openai(self.system)

    @property
    def usage(self) -> Usage | None:
        """Tokens and cost of the whole conversation, as far as they are known."""
        with self._lock:
            return self._session.conversation.spent.usage

    def to_frame(self) -> pd.DataFrame:
        """The conversation as a pandas DataFrame, a message a row.

        Its columns are role, content, model, time (when it was said, in UTC), prompt_tokens,
        completion_tokens, cost (US dollars), duration_s, status and finish_reason.

        Raises:
            ImportError: There is no pandas.
        """
        from ._chat.dataframes import conversation_frame

        with self._lock:
            return conversation_frame(self._session.conversation.messages)

    # What code calls

    @classmethod
    def load(cls, path: str | Path, **options: Any) -> ChatWidget:
        """A chat as `save` wrote it to a .json file.

        Args:
            path: The file, which is not written to.
            options: As for a new chat; settings among them count instead of the saved ones.

        Raises:
            ValueError: There is no such file, or it is no chat, damaged, or of a newer nbchat.
        """
        saved = read_chat(path)
        chat = cls(**options)
        chat._restore(saved, options)
        return chat

    def save(self, path: str | Path) -> Path:
        """Writes the conversation to a file, for the user alone; gives its path.

        Args:
            path: .json holds all there is, for `load`; .md and .ipynb hold what is shown, for
                people, the latter with Python as code cells.

        Raises:
            ValueError: It has another suffix, or there is a file that nbchat has not written.
            OSError: It can't be written there.
        """
        return self._keeper.save(path)

    def display(self) -> None:
        """Shows the chat below the cell."""
        display(self)  # type: ignore[no-untyped-call]

    def _ipython_display_(self, **kwargs: Any) -> None:
        """Shows the widget, and beside it what viewers without widgets can show."""
        display_widget(self, **kwargs)
        self._keeper.display()
        self._notebook.use()

    def send(
        self,
        content: str,
        *,
        images: Iterable[object] = (),
        files: Iterable[object] = (),
        response_format: object = None,
        queue: bool = False,
    ) -> Reply:
        """Sends a message; returns at once, while the reply streams in the background.

        Args:
            content: What to say; may be blank beside images or files. `@name` takes along what a
                variable of the notebook holds, as does `@name.attribute` or `@name["key"]`.
            images: Paths, bytes, PIL images or matplotlib figures, for models that take them.
            files: Paths, or pairs of a name and bytes. Text goes in as text; what else a file may
                be (PDF) depends on the model.
            response_format: A pydantic model that `reply.parsed` is to be an instance of; or
                `dict` for any JSON object, or a response_format as OpenAI's API takes it.
            queue: Wait for one's turn if a reply is running.

        Raises:
            ValueError: The message is blank, a file is missing, or the model does not take it.
            TypeError: An argument is of the wrong type.
            RuntimeError: A reply is running, or the chat is closed.
        """
        attachments = read_all(images, files)
        if isinstance(content, str):
            attachments += self._notebook.find(content, self._turns.no_images)
        form = None
        if response_format is not None:
            form = read_response_format(response_format)
        return self._turns.ask(content, attachments, form, queue=queue)

    def explain(self) -> Reply:
        """Asks about the last cell that failed: its source, the traceback, the variables it names.

        Raises:
            RuntimeError: No cell has failed, a reply is running, or the chat is closed.
        """
        self._session.check_open()
        return self._turns.ask(*self._notebook.explained(self._turns.no_images))

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
            exchanged = self._session.conversation.exchanged()
            said = [message for message in exchanged for _ in to_openai(message)]
            instructions = len(self.messages) - len(said)
            question = [*[None] * instructions, *said][i]
            if question is None or question.role != "user":
                raise ValueError(f"messages[{i}] is not a user's: only these can be edited.")
            return self._turns.edit(question, content)

    def regenerate(self) -> Reply:
        """Asks for another version of the last reply; this one stays as a branch.

        Raises:
            RuntimeError: There is no reply, one is running, or the chat is closed.
        """
        return self._turns.regenerate()

    def continue_reply(self) -> Reply:
        """Lets the last reply go on, if it was cut off at max tokens.

        Raises:
            RuntimeError: It was not, a reply is running, or the chat is closed.
        """
        return self._turns.continue_reply()

    def retry(self) -> Reply:
        """Repeats the last request, if its reply was stopped or ended in an error.

        Raises:
            RuntimeError: There is nothing to repeat, or a reply is running.
        """
        return self._turns.retry()

    def stop(self) -> None:
        """Ends the running request, and those that wait; the text so far stays."""
        self._session.stop()

    def clear(self) -> None:
        """Stops what runs and empties the conversation, with all its branches."""
        with self._lock:
            self._session.clear()
            self._runs.close()
            self._last_reply.remove()
            self._transcript.show_thoughts(None)
            self._usage.show()
        self._keeper.refresh()

    def close(self) -> None:
        """Stops what runs and takes the chat off the page; its temporary file goes too."""
        # ipywidgets closes what is left when the process ends: what it takes is gone by then.
        if self._closed or sys.is_finalizing():
            return
        self._closed = True
        self._session.close()
        self._keeper.close()
        self._notebook.close()
        self._runs.close()
        self._last_reply.remove()
        self._connection.close()
        close_family(self)

    def use_server(
        self,
        provider: str | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        client: AsyncOpenAI | None = None,
        model: str = "",
    ) -> None:
        """Goes on with another server; the conversation stays.

        Args:
            provider: As in the constructor, as are `base_url`, `api_key` and `client`.
            base_url: Where it is.
            api_key: Its key.
            client: A ready client.
            model: The model to go on with; by default, the server's own default.

        Raises:
            ValueError: There is no such server.
            RuntimeError: A reply is running, or the chat is closed.
        """
        key = None if api_key is None else Secret(api_key)
        del api_key  # from here on, no traceback can print it
        self._session.check_open()
        self._models.switch(lambda: self._connection.use(provider, base_url, key, client), model)

    def on_reply(self, callback: Callback) -> Callback:
        """Calls `callback(reply)` in a thread of its own when a reply has ended; also a decorator.

        An exception in it is shown in the chat.
        """
        if not callable(callback):
            raise TypeError("on_reply takes a function")
        self._callbacks.add(callback)
        return callback

    def __repr__(self) -> str:
        where = self._connection.provider or "no server"
        return f"<ChatWidget: {self.model or 'no model'} on {where}>"

    # What happens in its parts

    def _show_version(self, message: Message, step: int) -> None:
        self._session.show_version(message, step)
        self._usage.show()
        self._keeper.refresh()

    def _show_thoughts(self, message_id: str) -> None:
        self._transcript.show_thoughts(message_id)
        self._controls.open_thoughts()

    def _on_stop_toggled(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.stop()
            self._controls.stop.value = False

    def _on_turn(self, reply: Reply) -> None:
        self._transcript.show_thoughts(None)  # the latest ones again
        self._notebook.use()
        self.set_trait("last", reply)

    def _restore(self, saved: SavedChat, given: Iterable[str]) -> None:
        """Goes on with a saved chat; settings that were given in code win."""
        with self._lock:
            self._session.restore(saved.conversation)
            kept = {name: getattr(saved.settings, name) for name in SETTINGS if name not in given}
            self.choose(kept)
            for name in kept.keys() - {"reasoning_effort", "max_tokens"}:
                setattr(self, name, kept[name])
            for message in reversed(saved.conversation.messages):
                if message.role == "assistant" and message.has_text:
                    self._last_reply.write(message.content)
                    break
        self._models.sync_model()

    def _show_busy(self) -> None:
        busy = self._session.busy
        self._transcript.show_busy(busy)
        self._controls.stop.disabled = not busy
        self.set_trait("busy", busy)

    def _on_end(self, reply: Reply) -> None:
        if reply._message in self._session.conversation.messages and reply.text:
            self._last_reply.write(reply.text)
        if reply.error is not None and reply.error.kind in ("key", "no_key"):
            self._models.welcome.other_key()
        self._models.sync_model()
        self._connection.ask_account()
        self._keeper.refresh()
        self._callbacks.call(reply)


def _given(**settings: Any) -> Mapping[str, Any]:
    """Those of the settings that were given."""
    return {name: value for name, value in settings.items() if value is not None}
