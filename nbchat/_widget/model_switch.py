"""Keeps a chat at home with its server and its model, as they change and become known."""

from __future__ import annotations

from collections.abc import Callable

from nbchat._chat.background import background
from nbchat._chat.notices import Notice, Notices
from nbchat._servers.connection import Connection
from nbchat._servers.models import Model
from nbchat._turns.session import Session

from .controls import Controls
from .model_controls import ModelControls
from .settings_traits import SettingsTraits
from .usage import UsageDisplay
from .welcome import Welcome

# By then the page has drawn the chat: imports would slow that down on two cores.
_DRAWN_S = 0.5


class ModelSwitch:
    """Changes to another server or model, with all that shows or depends on it.

    Args:
        settings: Those of the chat.
        session: Has the conversation, which stays.
        connection: Knows the server.
        controls: Offer its models.
        model_controls: Are brought in step with the model.
        notices: Where it says that a list of models is of no use.
        usage: Is that of the model.
        models: The only models to offer, if the user has given any.
    """

    def __init__(
        self,
        settings: SettingsTraits,
        session: Session,
        connection: Connection,
        controls: Controls,
        model_controls: ModelControls,
        notices: Notices,
        usage: UsageDisplay,
        models: list[str] | None,
    ) -> None:
        self._settings = settings
        self._session = session
        self._connection = connection
        self._controls = controls
        self._model_controls = model_controls
        self._notices = notices
        self._usage = usage
        self._models = models
        self.welcome = Welcome(connection, notices, self.switch)
        controls.model.offer(models or connection.catalogue.ids)

    def prepare(self) -> None:
        """A page shows the chat: fetches the list of models before the first message."""
        background().call(background().loop.call_later, _DRAWN_S, self._connection.load_models)

    def choose(self, model: str) -> None:
        """Changes to this model, listed or not."""
        self._settings.model = model

    def switch(self, change: Callable[[], object], model: str = "") -> None:
        """Changes the server, in mid-conversation if need be.

        Raises:
            RuntimeError: A reply is running.
        """
        with self._session.lock:
            if self._session.busy:
                raise RuntimeError("A reply is still running: wait for it, or stop it.")
            change()
            if not self._models:
                self._controls.model.offer(self._connection.catalogue.ids)
            self.adopt(model)
        self._connection.load_models()

    def adopt(self, model: str) -> None:
        """There is a server, or none: goes on with this model, or else with its default."""
        provider = self._connection.provider
        if provider is None:
            self.welcome.no_model()
        else:
            self.welcome.done()
            known = next(iter(self._connection.catalogue.ids), "")
            self._settings.model = model or provider.default_model or known
        self.sync_model()

    def sync_model(self) -> None:
        """Brings everything in step with the model as it is known now."""
        with self._session.lock:
            self._model_controls.sync()
            self._usage.show()

    def on_connection(self) -> None:
        """The server's list of models has come, or the account has changed."""
        try:
            with self._session.lock:
                ids = self._connection.catalogue.ids
                if not self._models:
                    self._controls.model.offer(ids)
                if ids and not self._settings.model:
                    self._settings.model = ids[0]
                self.sync_model()
        except Exception as error:  # it would vanish with the task
            text = f"nbchat could not make use of the server's list of models: {error!r}"
            self._notices.show(Notice("catalogue", text, tone="error"))

    def listed(self) -> list[Model]:
        """The models of the menu, in its order; a list that is old is fetched again meanwhile."""
        self._connection.load_models()
        if self._models is None:
            return list(self._connection.catalogue.models)
        return [self._connection.model(id_) or Model(id_, id_) for id_ in self._models]
