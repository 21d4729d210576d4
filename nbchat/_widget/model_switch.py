"""Changes the chat's server and model, and updates everything that depends on them."""

from __future__ import annotations

from collections.abc import Callable

from nbchat._chat.background import background
from nbchat._chat.notices import Notice, Notices
from nbchat._servers.connection import Connection
from nbchat._servers.models import Model
from nbchat._turns.session import Session

from .controls import Controls
from .model_controls import ModelControls
from .protocol import ConnectView
from .settings_traits import SettingsTraits
from .usage import UsageDisplay
from .welcome import Welcome

#: The kinds of errors after which another key may help.
KEY_ERRORS = ("key", "no_key")
# After this time the page has drawn the chat; on two cores, imports would delay that.
_DRAWN_S = 0.5


class ModelSwitch:
    """Changes a chat's server or model, and updates the controls, notices and usage.

    Args:
        settings: The chat's settings.
        session: Has the conversation, which stays.
        connection: Knows the server.
        controls: Offers the server's models.
        model_controls: Adapts the controls to the model.
        notices: Shows that a list of models can't be used.
        show_connect: Shows the card that connects a model; None: removes it.
        usage: Shows how full the model's context is.
        models: The only models to offer, if the user has named any.
        retry: Repeats the request of the last reply.
    """

    def __init__(
        self,
        settings: SettingsTraits,
        session: Session,
        connection: Connection,
        controls: Controls,
        model_controls: ModelControls,
        notices: Notices,
        show_connect: Callable[[ConnectView | None], None],
        usage: UsageDisplay,
        models: list[str] | None,
        retry: Callable[[], object],
    ) -> None:
        self._settings = settings
        self._session = session
        self._connection = connection
        self._controls = controls
        self._model_controls = model_controls
        self._notices = notices
        self._usage = usage
        self._models = models
        self._retry = retry
        self.welcome = Welcome(connection, show_connect, self._connect, session.lock)
        controls.model.offer(self._offered())

    def prepare(self) -> None:
        """Fetches the list of models before the first message; called when a page opens."""
        background().call(background().loop.call_later, _DRAWN_S, self._connection.load_models)

    def choose(self, model: str) -> None:
        """Changes to this model, listed or not."""
        self._settings.model = model

    def choose_effort(self, effort: str) -> None:
        """Changes the reasoning effort.

        Raises:
            ValueError: The model does not offer it.
        """
        self._settings.set_trait("reasoning_effort", effort)

    def ask_key(self) -> None:
        """Asks for another API key.

        Raises:
            RuntimeError: The server would not receive it.
        """
        if not self._connection.takes_keys:
            raise RuntimeError("This chat has a client of its own, which sends its own key.")
        self.welcome.other_key()

    def switch(self, change: Callable[[], object], model: str = "") -> None:
        """Changes the server; the conversation stays.

        Args:
            change: Changes the connection.
            model: The model to continue with; blank: the server's default.

        Raises:
            RuntimeError: A reply is running.
        """
        with self._session.lock:
            if self._session.busy:
                raise RuntimeError("A reply is still running. Wait for it, or stop it.")
            change()
            self._controls.model.offer(self._offered())
            self.adopt(model)
        self._connection.load_models()

    def _connect(self, change: Callable[[], object]) -> None:
        """Changes the server, and sends the last message if only the connection was missing."""
        before = self._connection.provider
        with self._session.lock:
            self.switch(change)
            after, messages = self._connection.provider, self._session.messages()
            error = messages[-1].error if messages else None
            if error is None or after is None:
                return
            # A message for a server that refused the key is for no other server.
            same = before is not None and before.base_url == after.base_url
            if error.kind == "no_model" or (error.kind in KEY_ERRORS and same):
                self._retry()

    def adopt(self, model: str) -> None:
        """Continues with this model of the present server; blank: the server's default.

        Without a server, it offers ways to connect one.
        """
        provider = self._connection.provider
        if provider is None:
            self.welcome.no_model()
        else:
            self.welcome.done()
            chosen = model or provider.default_model
            self._settings.model = chosen or self._connection.take_first()
        self.sync_model()

    def sync_model(self) -> None:
        """Updates the controls and the usage to what is known about the model now."""
        with self._session.lock:
            self._model_controls.sync()
            self._usage.show()

    def on_connection(self) -> None:
        """Shows the server's list of models and the account; called when either has changed."""
        try:
            with self._session.lock:
                self._controls.model.offer(self._offered())
                if not self._settings.model:
                    self._settings.model = self._connection.take_first()
                self.sync_model()
        except Exception as error:  # no cell would show it
            text = f"nbchat could not use the server's list of models: {error!r}"
            self._notices.show(Notice("catalogue", text, tone="error"))

    def _offered(self) -> list[str]:
        """Returns the ids of the menu: the user's own, else the server's in alphabetical order."""
        if self._models:
            return self._models
        models = self._connection.catalogue.models
        ordered = sorted(models, key=lambda model: (not model.chats, model.id.casefold()))
        return [model.id for model in ordered]

    def listed(self) -> list[Model]:
        """Returns the models, free ones first, and refreshes an old list in the background."""
        self._connection.load_models()
        if self._models is None:
            return list(self._connection.catalogue.models)
        return [self._connection.model(id_) or Model(id_, id_) for id_ in self._models]
