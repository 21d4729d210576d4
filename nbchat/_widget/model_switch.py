"""Keeps a chat at home with its server and its model, as they change and become known."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from nbchat._chat.background import background
from nbchat._chat.notices import Notice, Notices
from nbchat._chat.settings import ChatSettings
from nbchat._servers.connection import Connection
from nbchat._servers.engine import Engine
from nbchat._servers.models import Model
from nbchat._servers.server import Server
from nbchat._turns.session import Session

from .controls import Controls
from .model_controls import ModelControls
from .transcript import Handler
from .usage import Figures
from .welcome import Welcome

# By then the page has drawn the chat: imports would slow that down on two cores.
_DRAWN_S = 0.5


class Following:
    """Goes on with another server or model, with all that shows or depends on it.

    Args:
        chat: Has the settings.
        session: Has the conversation, which stays.
        connection: Knows the server.
        controls: Offer its models.
        model_controls: Are brought in step with the model.
        notices: Where it is said that a list of models is of no use.
        figures: Are those of the model.
        models: The only models to offer, if a person has given any.
    """

    def __init__(
        self,
        chat: Any,
        session: Session,
        connection: Connection,
        controls: Controls,
        model_controls: ModelControls,
        notices: Notices,
        figures: Figures,
        models: list[str] | None,
    ) -> None:
        self._chat = chat
        self._session = session
        self._connection = connection
        self._controls = controls
        self._model_controls = model_controls
        self._notices = notices
        self._figures = figures
        self._models = models
        self.welcome = Welcome(connection, notices, self.switch)
        controls.model.offer(models or connection.catalogue.ids)

    @property
    def handlers(self) -> dict[str, Handler]:
        """What a person does in the browser, by its type in `frontend/src/protocol.ts`."""
        return {
            "resync": lambda _: self._prepare(),
            "models": lambda _: self._list_models(),
            "model": lambda message: setattr(self._chat, "model", message["id"]),
            "servers": lambda _: self.welcome.offer_servers(),
        }

    def _prepare(self) -> None:
        """A page shows the chat: has what the first message takes ready before it is typed."""
        background().call(background().loop.call_later, _DRAWN_S, self._connection.load_models)

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
            self._chat.model = model or provider.default_model or known
        self.follow()

    def follow(self) -> None:
        """Brings everything in step with the model as it is known now."""
        with self._session.lock:
            self._model_controls.follow()
            self._figures.show()

    def on_connection(self) -> None:
        """The server's list of models has come, or the account has changed."""
        try:
            with self._session.lock:
                ids = self._connection.catalogue.ids
                if not self._models:
                    self._controls.model.offer(ids)
                if ids and not self._chat.model:
                    self._chat.model = ids[0]
                self.follow()
        except Exception as error:  # it would vanish with the task
            text = f"nbchat could not make use of the server's list of models: {error!r}"
            self._notices.show(Notice("catalogue", text, tone="error"))

    async def connect(self, settings: ChatSettings) -> tuple[Engine, Server, ChatSettings]:
        """The engine, what is known of its server, and the settings with a model."""
        server = await self._connection.server()
        engine = self._connection.engine
        assert engine is not None  # noqa: S101 - for the type checker: else there is no server
        if not settings.model:
            default = await self._connection.default_model()
            settings = settings.replace(model=self._chat.model or default)
            server = await self._connection.server()
        return engine, server, settings

    def _list_models(self) -> tuple[str, bytes]:
        self._connection.load_models()
        listed = self._connection.catalogue.models
        if self._models is not None:
            listed = tuple(self._connection.model(id_) or Model(id_, id_) for id_ in self._models)
        return "models.json", json.dumps([model.to_view() for model in listed]).encode()
