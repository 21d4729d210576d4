"""The public class: puts the parts of a chat together and has the methods that code calls."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import ipywidgets
import traitlets
from IPython.display import display

from ._chat.attachments.attachment import read_all
from ._chat.conversation.message import Message, to_openai
from ._chat.events import Usage
from ._chat.foreign_text import one_line
from ._chat.keys import Secret
from ._chat.notices import Action, Notice, Notices
from ._chat.settings import SETTINGS, ChatSettings, Effort, read_system
from ._chat.shared import Shared, read_shared
from ._files.chat_reader import SavedChat
from ._files.fallback_output import display_widget
from ._files.keeper import Keeper, read_chat
from ._files.last_reply import LastReply
from ._notebook.notebook import Notebook
from ._servers.chat_completions.response_format import read_response_format
from ._servers.connection import Connection
from ._servers.engine import Timeouts
from ._servers.models import read_model_ids
from ._servers.providers import ProviderName
from ._tools.toolbox import Approve
from ._turns.callbacks import Callbacks
from ._turns.reply import Parsed, Reply
from ._turns.rules import Overflow
from ._turns.session import Session
from ._widget.code_runs import CodeRuns
from ._widget.comms import close_family, open_family
from ._widget.controls import Controls
from ._widget.lean_widgets import Layout, Lean, Part
from ._widget.model_controls import ModelControls
from ._widget.model_switch import ModelSwitch
from ._widget.own_names import OwnNames
from ._widget.owner_log import log_to_kernel, warn_in_voila
from ._widget.requests import ChatRequests
from ._widget.settings_traits import RULES, TOOLBOX, SettingsTraits
from ._widget.transcript import Transcript
from ._widget.turn_requests import TurnRequests
from ._widget.usage import FULL, UsageDisplay

if TYPE_CHECKING:
    import pandas as pd
    from openai import AsyncOpenAI

_CLEARED = "cleared"

Callback = TypeVar("Callback", bound="Callable[[Reply], object]")


class ChatWidget(OwnNames, SettingsTraits, Lean, Part, ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A chat with a language model, in a notebook.

    Show it by making it the last line of a cell:

        chat = ChatWidget()
        chat

    Or use it from code; the widget shows the same conversation:

        reply = await chat.send("What is a p-value?")  # or chat.send("…").wait()
        reply.text

    Without arguments, the chat uses OpenRouter with the key from `OPENROUTER_API_KEY` (an
    environment variable or a Colab secret). Without that key, it uses the demo model of the extra
    `local` if it has been fetched; otherwise, the chat shows how to connect a model.

    The settings (`model`, `system`, `reasoning_effort`, `temperature`, `max_tokens`, `top_p`) are
    traits: assign to them at any time, observe them, or link them to other widgets. You can also
    assign to `fallbacks`, `overflow`, `max_cost` and the four arguments about tools. A reply keeps
    the values from when it was requested.

    The arguments and methods in groups:

    - Model: `model`, `models`, `system`, `reasoning_effort`, `temperature`, `max_tokens`, `top_p`
    - Server: `provider`, `base_url`, `api_key`, `client`, `use_server`
    - Money and limits: `max_cost`, `fallbacks`, `overflow`, `usage`
    - Tools: `tools`, `approve`, `max_tool_rounds`, `tool_timeout_s`
    - Replies: `send`, `explain`, `stop`, `retry`, `regenerate`, `edit`, `continue_reply`,
      `on_reply`
    - Keeping: `name`, `save`, `load`, `messages`, `to_frame`, `clear`, `undo_clear`
    - Pages: `display`, `shared`, `layout`, `flush_interval_s`, `variable_chars`
    - Timeouts: `first_token_timeout_s`, `idle_timeout_s`

    Args:
        model: The model's id. Default: the first of `models`, else the server's default.
        name: Saves the chat to a file as it goes, and restores it when you run the cell again,
            even after a kernel restart. Names are per folder: notebooks in different folders
            don't share chats.
        shared: For a page that many visitors use, such as with Voila: they can't see the notebook,
            and can't change the settings or the server. All of them together may make 60 requests
            an hour and spend 1 US dollar a day; `nbchat.Shared(…)` sets other limits.
        models: The models to pick from: a list of ids, or a text file with one id per line.
            Default: the models that the server lists.
        system: System instructions: text, a `Path`, or the name of a .txt or .md file.
        reasoning_effort: "low", "medium", "high", or another effort that the model offers.
            Default: the model's own.
        temperature: 0.0 to 2.0. Default: 1.0.
        max_tokens: Maximum number of tokens in a reply: 100 to 65535, or to the model's own limit.
            Default: 8192.
        top_p: 0.0 to 1.0. Default: 1.0.
        provider: A server that nbchat knows by name: "openrouter", "openai", "groq", "deepseek",
            "mistral", "together", "fireworks", "huggingface", "anthropic", "gemini", "xai",
            "cerebras", "azure", "ollama", "lmstudio", "llama-server", "vllm" or "sglang". With
            `base_url`: a server of this kind at that address. "azure" needs one such as
            "https://RESOURCE.openai.azure.com/openai/v1", here or in `AZURE_OPENAI_ENDPOINT`.
        base_url: The address of any OpenAI-compatible server, such as
            "http://localhost:11434/v1".
        api_key: The server's key; if neither `provider` nor `base_url` is given, OpenRouter's.
            Default for a `provider` at its usual address: its environment variable, such as
            `OPENAI_API_KEY`, or a Colab secret of that name.
        client: An `AsyncOpenAI` client of your own, instead of `provider`, `base_url` and
            `api_key`. The chat never closes it.
        fallbacks: The id of the model to try if the chosen one fails, or ids in this order.
        overflow: What to do when the conversation no longer fits the model's context: "error"
            lets the request fail; "truncate" leaves out the oldest messages and says so.
        max_cost: US dollars that the conversation may cost. A request that could exceed this limit
            is not sent, as far as prices are known.
        variable_chars: Maximum number of characters sent per variable or error.
        tools: A function that the model may call, or a list of functions. Each parameter needs a
            type, and the docstring says what the function does. Arguments are checked before each
            call. A plain function runs in a thread of its own, beside your cells. A coroutine
            function runs on the event loop that streams all replies, and must not block it.
        approve: "always" asks you before each call, and "never" does not ask. A function
            `approve(name, arguments)` returns whether to make the call. With ipykernel 6, the
            kernel can't receive your answer while a cell waits for the reply: send in one cell,
            and wait in a later one.
        max_tool_rounds: Maximum number of times that the model may call tools within one reply.
        tool_timeout_s: Maximum seconds that a tool call may take. A plain function can't be
            stopped: it keeps running, and its result is ignored.
        flush_interval_s: Minimum seconds between two updates of the view.
        first_token_timeout_s: Maximum seconds until a reply begins.
        idle_timeout_s: Maximum seconds of silence once a reply has begun.
        layout: The `ipywidgets.Layout` of the whole widget.

    Attributes:
        busy: Whether a reply is streaming or queued. A trait: observe it.
        last: The `Reply` that was requested last, or None. Also a trait.

    Raises:
        ValueError: A setting is out of range, a file is missing or empty, there is no such
            provider, or `shared` has a name or no server.
        TypeError: An argument is of the wrong type, or can't be combined with `client`.
    """

    if TYPE_CHECKING:
        busy: bool
        last: Reply | None
    else:
        busy = traitlets.Bool(False, read_only=True, help="Whether a reply is streaming or queued.")
        last = traitlets.Any(
            None, read_only=True, help="The `Reply` that was requested last, or None."
        )

    # Until __init__ has ended: ipywidgets' `__del__` calls close(), also on a half-made widget.
    _closed = True

    def __init__(
        self,
        model: str = "",
        *,
        name: str | None = None,
        shared: bool | Shared = False,
        models: str | Path | Iterable[str] | None = None,
        system: str | Path = "",
        reasoning_effort: Effort | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        provider: ProviderName | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        client: AsyncOpenAI | None = None,
        fallbacks: str | Sequence[str] = (),
        overflow: Overflow = "error",
        max_cost: float | None = None,
        variable_chars: int = 4000,
        tools: Iterable[Callable[..., Any]] | Callable[..., Any] = (),
        approve: Literal["always", "never"] | Approve = "always",
        max_tool_rounds: int = 10,
        tool_timeout_s: float = 60.0,
        flush_interval_s: float = 0.04,
        first_token_timeout_s: float = 300.0,
        idle_timeout_s: float = 120.0,
        layout: ipywidgets.Layout | None = None,
    ) -> None:
        key = None if api_key is None else Secret(api_key)
        del api_key  # IPython's verbose tracebacks print arguments
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
        limits = read_shared(shared)
        if limits is not None and name is not None:
            raise ValueError("A shared chat can't have a name: each visitor would read the others.")
        given_models = None if models is None else read_model_ids(models)
        if given_models and not settings.model:
            settings = settings.replace(model=given_models[0])

        self._connection = connection = Connection(
            timeouts, provider=provider, base_url=base_url, key=key, client=client
        )
        if limits is None:
            warn_in_voila()
        elif connection.engine is None:
            raise ValueError(
                "A shared chat needs a server: set OPENROUTER_API_KEY, or pass provider, base_url "
                "or client."
            )
        else:
            from ._files.shared_budget import SharedBudget

            self._budget = SharedBudget(limits)
            log_to_kernel()
        self._transcript = transcript = Transcript(flush_interval_s)
        self._session = session = Session(transcript, connection.connect, self.rules)
        self._lock = session.lock
        transcript.show(session.messages, self._lock)
        for_visitors = None if limits is None else (FULL, _CLEARED)
        self._notices = notices = Notices(transcript.show_notices, self._lock, for_visitors)
        self._callbacks = Callbacks(notices)
        self._last_reply = LastReply(notices, transcript.show_download)
        self._notebook = Notebook(notices, variable_chars, hidden=limits is not None)
        self._keeper = Keeper(self, session, notices)
        saved = self._keeper.open(name) if name is not None else None
        self._controls = controls = Controls(transcript, fixed=limits is not None)
        super().__init__(controls.columns, _dom_classes=("nbchat",), layout=layout or Layout())
        self.connect_settings(connection, given)
        self._usage = UsageDisplay(self, session, connection, notices, transcript)
        model_controls = ModelControls(self, controls, connection, notices, transcript)
        self._turns = TurnRequests(self, session, connection)
        self._models = ModelSwitch(
            *(self, session, connection, controls, model_controls, notices),
            *(transcript.show_connect, self._usage, given_models, self._turns.retry),
        )
        self._runs = CodeRuns(session, transcript, self._notebook)
        allowed = self._allowed
        allowed.changed.connect(lambda: transcript.show_allowed_tools(allowed.names))
        requests = ChatRequests(
            *(session, self._turns, self._models, notices, self._notebook, self._runs),
            *(allowed, self._last_reply.read, self._keeper.export, self.clear, self._show_version),
            shared=limits is not None,
        )
        with transcript.changing() as state:
            state.shared = limits is not None
        transcript.answer_with(requests.answer)

        for name in SETTINGS:
            if (value := getattr(settings, name)) is not None:
                setattr(self, name, value)
        self.fallbacks, self.overflow, self.max_cost = fallbacks, overflow, max_cost
        self.tools, self.approve = tools, approve
        self.max_tool_rounds, self.tool_timeout_s = max_tool_rounds, tool_timeout_s
        # A visitor's page can change any control, whether it is disabled or not.
        link = traitlets.link if limits is None else traitlets.dlink
        for name, control in controls.values().items():
            link((self, name), control)
        self._listen()
        self._closed = False
        self._models.adopt(self.model)
        self.observe(lambda _: self._models.sync_model(), "model")
        self.observe(lambda _: self._usage.show(), ["max_cost", "overflow", "system"])
        self.observe(lambda _: self._keeper.touch(), list(SETTINGS))
        if saved is not None:
            self._restore(saved, given)
        self._show_suggestions()
        self._notebook.watch()
        open_family(self)

    def _listen(self) -> None:
        """Connects the parts' signals."""
        self._connection.changed.connect(self._models.on_connection)
        self._transcript.changed.connect(self._keeper.touch)
        self._runs.changed.connect(self._keeper.touch)
        self._runs.changed.connect(self._keeper.refresh)
        self._transcript.opened.connect(self._models.prepare)
        self._session.changed.connect(self._show_busy)
        self._session.ended.connect(self._on_end)
        self._turns.begun.connect(self._on_turn)
        self._notebook.changed.connect(self._show_suggestions)
        self._controls.stop.observe(self._on_stop_toggled, "value")

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation as a list of messages in the OpenAI SDK's form.

        It starts with the system instructions, if there are any. As in a request, a question
        whose reply has no text is left out.
        """
        with self._lock:
            return self._session.conversation.to_openai(self.system)

    @property
    def usage(self) -> Usage | None:
        """Tokens and cost (US dollars) of the whole conversation with all its branches.

        What the servers did not report is None.
        """
        with self._lock:
            return self._session.conversation.spent.usage

    def to_frame(self) -> pd.DataFrame:
        """Returns the conversation as a pandas DataFrame with one row per message.

        The columns are role, content, model, time (in UTC), prompt_tokens, completion_tokens, cost
        (US dollars), duration_s, status and finish_reason.

        Raises:
            ImportError: pandas is not installed.
        """
        from ._chat.conversation.dataframes import conversation_frame

        with self._lock:
            return conversation_frame(self._session.conversation.messages)

    # What notebook code calls

    @classmethod
    def load(cls, path: str | Path, **options: Any) -> ChatWidget:
        """Returns a new chat with the conversation and settings that `save` wrote to a .json file.

        Args:
            path: The file. The chat reads it once and never writes to it.
            options: The arguments of `ChatWidget`. Settings given here override the saved ones.

        Raises:
            ValueError: The file is missing, damaged, not a chat, or from a newer nbchat.
        """
        saved = read_chat(path)
        chat = cls(**options)
        chat._restore(saved, options)
        return chat

    def save(self, path: str | Path) -> Path:
        """Saves the conversation to a file that only you can read, and returns its path.

        Args:
            path: The suffix sets the format. .json keeps everything, for `load`. .md and .ipynb
                hold what the chat shows, for others to read; .ipynb has the replies' Python in
                code cells.

        Raises:
            ValueError: The suffix is another one, or the file exists and nbchat didn't write it.
            OSError: The file can't be written.
        """
        return self._keeper.save(path)

    def display(self) -> None:
        """Shows the chat below the cell that runs; you can show it more than once."""
        display(self)  # type: ignore[no-untyped-call]

    def _ipython_display_(self, **kwargs: Any) -> None:
        """Shows the widget, with a copy of the conversation for viewers without widgets."""
        display_widget(self, **kwargs)
        self._show_copy()

    def _show_copy(self) -> None:
        self._keeper.display()
        self._notebook.use()

    @overload
    def send(
        self,
        content: str,
        *,
        response_format: type[Parsed],
        images: object = (),
        files: object = (),
        mentions: bool = False,
        queue: bool = False,
    ) -> Reply[Parsed]: ...

    @overload
    def send(
        self,
        content: str,
        *,
        images: object = (),
        files: object = (),
        response_format: Mapping[str, Any] | None = None,
        mentions: bool = False,
        queue: bool = False,
    ) -> Reply[Any]: ...

    def send(
        self,
        content: str,
        *,
        images: object = (),
        files: object = (),
        response_format: object = None,
        mentions: bool = False,
        queue: bool = False,
    ) -> Reply[Any]:
        """Sends a message and returns its `Reply` at once; the reply streams in the background.

        Wait for the end of the reply with `await reply`, or with `reply.wait()` in plain code. If
        `send` is the last line of a cell, the cell shows the reply once it has ended.

        Args:
            content: The text of the message. It may be blank if there are images or files.
            images: A path, bytes, a PIL image or a matplotlib figure, or a list of these, for
                models that accept images.
            files: A path, bytes or a pair `(name, bytes)`, or a list of these. Text files are sent
                as text; whether you can send others, such as PDF, depends on the model.
            response_format: The form of the reply: a pydantic model, of which `reply.parsed` will
                be an instance; `dict` for any JSON object; or a response_format in the form of
                OpenAI's API.
            mentions: Attach the variables that the text mentions: `@name` attaches what that
                variable of the notebook holds, as do `@name.attribute` and `@name["key"]`. Leave
                this off for a text that others wrote: it could mention any variable.
            queue: If a reply is running, send the message after it instead of raising an error.

        Raises:
            ValueError: The message is blank, a file can't be read, or the model does not accept
                an image or file.
            TypeError: An argument is of the wrong type.
            RuntimeError: A reply is running and `queue` is false, or the chat is closed.
        """
        attachments = read_all(images, files)
        if mentions and isinstance(content, str):
            attachments += self._notebook.find(content, self._turns.no_images)
        form = None
        if response_format is not None:
            form = read_response_format(response_format)
        return self._turns.ask(content, attachments, form, queue=queue)

    def explain(self) -> Reply:
        """Asks the model to explain the last failed cell, and returns the `Reply` at once.

        The chat sends the cell's source, the traceback, and the variables that the cell names.

        Raises:
            RuntimeError: No cell has failed, a reply is running, or the chat is closed.
        """
        self._session.check_open()
        reply = self._turns.ask(*self._notebook.explained(self._turns.no_images))
        self._notebook.withdraw()
        return reply

    def edit(self, i: int, content: str) -> Reply:
        """Sends another version of a user message, and returns the `Reply` at once.

        The earlier version and what followed it stay as a branch.

        Args:
            i: The index of the message in `messages`.
            content: The new text.

        Raises:
            ValueError: The message is not the user's, or the new text is blank.
            IndexError: There is no such message.
            RuntimeError: A reply is running, or the chat is closed.
        """
        with self._lock:
            exchanged = self._session.conversation.exchanged()
            said = [message for message in exchanged for _ in to_openai(message)]
            instructions = len(self.messages) - len(said)
            choice = [*[None] * instructions, *said]
            if not -len(choice) <= i < len(choice):
                raise IndexError(f"There is no messages[{i}]: the chat has {len(choice)} messages.")
            question = choice[i]
            if question is None or question.role != "user":
                role = self.messages[i]["role"]
                raise ValueError(
                    f"messages[{i}] is the {role}'s; only user messages can be edited."
                )
            return self._turns.edit(question, content)

    def regenerate(self) -> Reply:
        """Asks for another version of the last reply, and returns the new `Reply` at once.

        The earlier version stays as a branch.

        Raises:
            RuntimeError: There is no reply yet, one is running, or the chat is closed.
        """
        return self._turns.regenerate()

    def continue_reply(self) -> Reply:
        """Continues the last reply, if it ended early; returns its `Reply` at once.

        A reply ends early at max tokens, when it is stopped, and when the connection breaks.

        Raises:
            RuntimeError: The last reply did not end early, one is running, or the chat is closed.
        """
        return self._turns.continue_reply()

    def retry(self) -> Reply:
        """Repeats the last request, if its reply failed or was stopped; returns a `Reply` at once.

        Raises:
            RuntimeError: There is nothing to repeat, a reply is running, or the chat is closed.
        """
        return self._turns.retry()

    def stop(self) -> None:
        """Stops the running reply and all queued ones; all messages and texts stay.

        A message that was still queued is shown as "Not sent". The user can send the last one with
        *Retry*, and take each one back into the box.
        """
        self._session.stop()

    def clear(self) -> None:
        """Stops all replies and begins an empty conversation; `undo_clear` brings the last back.

        The chat keeps the last ten conversations that were cleared; a chat with a name keeps them
        in its file, but `save` leaves them out. In a shared chat, what they have cost still counts
        for `max_cost`.
        """
        with self._lock:
            self._session.clear(keep_spent=self._budget is not None)
            self._last_reply.remove()
            self._allowed.clear()  # the cards that say so, and take it back, are gone
            self._show_conversation()

    def undo_clear(self) -> None:
        """Brings back the conversation that was cleared last, with all its branches.

        The page offers the same with the button Undo until the next message. This method also works
        later, and after a restart if the chat has a name. What was said since is then kept as if it
        were cleared: each further call brings back the conversation that was cleared before, and in
        the end this one again.

        Raises:
            RuntimeError: There is nothing to undo, a reply is running, or the chat is closed.
        """
        with self._lock:
            self._session.undo_clear(keep_spent=self._budget is not None)
            self._write_last_reply()
            self._show_conversation()

    def close(self) -> None:
        """Stops all replies and removes the chat from the page; a chat with a name stays saved."""
        # When the process ends, ipywidgets' `__del__` calls this after what it needs is gone.
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
        provider: ProviderName | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        client: AsyncOpenAI | None = None,
        model: str = "",
    ) -> None:
        """Continues the conversation on another server.

        Args:
            provider: A server by name, as in `ChatWidget`.
            base_url: The server's address, as in `ChatWidget`.
            api_key: The server's key, as in `ChatWidget`.
            client: A client of your own, as in `ChatWidget`.
            model: The model to continue with. Default: the server's default.

        Raises:
            ValueError: There is no such provider, or `base_url` is not an http(s) address.
            TypeError: An argument is of the wrong type, or can't be combined with `client`.
            RuntimeError: A reply is running, or the chat is closed.
        """
        key = None if api_key is None else Secret(api_key)
        del api_key  # IPython's verbose tracebacks print arguments
        self._session.check_open()
        self._models.switch(lambda: self._connection.use(provider, base_url, key, client), model)

    def on_reply(self, callback: Callback) -> Callback:
        """Calls `callback(reply)` each time a reply has ended; also usable as a decorator.

        Each call runs in a thread of its own. An exception that it raises is shown in the chat.

        Args:
            callback: A plain function or a coroutine function.

        Raises:
            TypeError: The callback is not a function.
        """
        if not callable(callback):
            raise TypeError("on_reply takes a function")
        self._callbacks.add(callback)
        return callback

    def __repr__(self) -> str:
        where = self._connection.provider or "no server"
        return f"<ChatWidget: {one_line(self.model or 'no model')} on {one_line(str(where))}>"

    # What the parts report

    def _show_version(self, message: Message, step: int) -> None:
        self._session.show_version(message, step)
        self._usage.show()
        self._keeper.refresh()

    def _on_stop_toggled(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.stop()
            self._controls.stop.value = False

    def _on_turn(self, reply: Reply) -> None:
        self._notebook.use()
        self._notices.dismiss(_CLEARED)
        self.set_trait("last", reply)

    def _show_conversation(self) -> None:
        """Shows what depends on the conversation after it was replaced by another."""
        self._runs.close()
        self._notebook.forget_code()
        self._usage.show()
        self._offer_undo()
        self._show_suggestions()
        self._keeper.refresh()

    def _show_suggestions(self) -> None:
        """Shows what the user can do, if the chat is empty."""
        if not self._session.conversation.messages:
            self._transcript.show_suggestions(self._notebook.suggestions())

    def _offer_undo(self) -> None:
        """Offers to undo *Clear chat*, as long as nothing was said since."""
        if self._session.cleared and not self._session.conversation.messages:
            actions = {"undo": Action("Undo", self.undo_clear)}
            self._notices.show(Notice(_CLEARED, "Chat cleared.", actions=actions))
        else:
            self._notices.dismiss(_CLEARED)

    def _write_last_reply(self) -> None:
        """Offers the last reply that has text for download, if there is one."""
        for message in reversed(self._session.conversation.messages):
            if message.role == "assistant" and message.has_text:
                self._last_reply.write(message.content)
                return
        self._last_reply.remove()

    def _restore(self, saved: SavedChat, given: Iterable[str]) -> None:
        """Continues a saved chat; settings that were given in code override the saved ones."""
        with self._lock:
            self._session.restore(saved.conversation, saved.cleared)
            kept = {name: getattr(saved.settings, name) for name in SETTINGS if name not in given}
            self.choose(kept)
            for name in kept.keys() - {"reasoning_effort", "max_tokens"}:
                setattr(self, name, kept[name])
            self._write_last_reply()
            self._offer_undo()
        self._models.sync_model()

    def _show_busy(self) -> None:
        busy = self._session.busy
        self._transcript.show_busy(busy)
        self._controls.stop.disabled = not busy
        self.set_trait("busy", busy)

    def _on_end(self, reply: Reply) -> None:
        if reply._message in self._session.conversation.messages and reply.text:
            self._last_reply.write(reply.text)
        error = reply.error
        welcome = self._models.welcome
        if error is None and reply.text:
            welcome.replied()
        elif error is not None and self._budget is None and error.kind == "no_model":
            welcome.no_model()
        self._models.sync_model()
        self._connection.ask_account()
        self._keeper.refresh()
        self._callbacks.call(reply)


ChatWidget.own_names_are((*SETTINGS, *RULES, *TOOLBOX))


def _given(**settings: Any) -> Mapping[str, Any]:
    """Returns the settings that were given."""
    return {name: value for name, value in settings.items() if value is not None}
