"""The connection of a chat to its server: which one, its models, and the switch to another."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from nbchat._chat.attachments.attachment import Attachment
from nbchat._chat.background import background, cancel, start
from nbchat._chat.errors import ChatError
from nbchat._chat.keys import Secret
from nbchat._chat.settings import ChatSettings
from nbchat._chat.signal import Signal

from . import providers
from .account import account
from .catalogue import Catalogue
from .engine import Engine, Timeouts
from .models import BUILT_IN, MOST_MODELS, Model, parse_models
from .providers import Provider, endpoint, find_openrouter_key, named, openrouter
from .server import Server

if TYPE_CHECKING:
    from openai import AsyncOpenAI

# How long the first message waits for the list of models, if no list is known yet.
_PATIENCE_S = 3.0
# How long a list counts as up to date.
_FRESH_S = 3600.0
# How long after a failure the list is not asked for again.
_FAILED_S = 30.0
# The last list of each server in this kernel: the next chat starts with it.
_listed: dict[str, tuple[Model, ...]] = {}


class NotAcceptedError(ValueError):
    """An attachment that the model does not accept.

    Attributes:
        other: The id of a model of this server that accepts it; blank if there is none.
    """

    def __init__(self, message: str, other: str) -> None:
        super().__init__(message)
        self.other = other


class Connection:
    """One chat's connection to a server. Without an engine, there is no server yet.

    Args:
        timeouts: How long a server may be silent.
        provider: As in `ChatWidget`.
        base_url: As in `ChatWidget`.
        key: The API key that the user passed, if any.
        client: As in `ChatWidget`.

    Attributes:
        changed: Called on the background loop when the catalogue or the account has changed.
        catalogue: The server's models, as far as they are known.
        account: What is left of the account's quota or credit, as text.
        list_problem: Why the menu does not have the server's models; blank if it has them.
    """

    def __init__(
        self,
        timeouts: Timeouts,
        *,
        provider: str | None = None,
        base_url: str | None = None,
        key: Secret | None = None,
        client: AsyncOpenAI | None = None,
    ) -> None:
        self._timeouts = timeouts
        self.changed: Signal[[]] = Signal()
        self._loading: asyncio.Task[None] | None = None
        self._loaded_at = 0.0
        self._too_large: ChatError | None = None
        self._asking: asyncio.Task[None] | None = None
        self.account = self.list_problem = self._taken = ""
        self._refused: dict[str, set[str]] = {}
        self.engine = self._choose(provider, base_url, key, client)
        self.catalogue = self._known()

    @property
    def provider(self) -> Provider | None:
        """The provider, if there is one."""
        return self.engine.provider if self.engine is not None else None

    @property
    def is_openrouter(self) -> bool:
        return self.provider is not None and self.provider.base_url == providers.OPENROUTER_URL

    @property
    def takes_keys(self) -> bool:
        """Whether the server would receive another key."""
        engine = self.engine
        return engine is not None and engine.owns_client and not engine.is_prepared

    def use(
        self,
        provider: str | None = None,
        base_url: str | None = None,
        key: Secret | None = None,
        client: AsyncOpenAI | None = None,
    ) -> None:
        """Switches to another server; the arguments are those of the constructor.

        Raises:
            ValueError: There is no such server, or its address is not valid.
        """
        self._change(self._choose(provider, base_url, key, client))

    def use_openrouter(self, key: Secret) -> None:
        """Switches to OpenRouter."""
        self._change(Engine(openrouter(key), self._timeouts))

    def use_key(self, key: Secret) -> None:
        """Switches to another key for the same server, or to OpenRouter if there is no server."""
        provider = self.provider
        if provider is None or self.is_openrouter:
            self.use_openrouter(key)
        else:
            self._change(Engine(replace(provider, key=key), self._timeouts))

    def use_local_model(self) -> None:
        """Switches to the demo model on this machine. Its weights must be there."""
        self._change(self._local_engine())

    def model(self, model_id: str) -> Model | None:
        """Returns what is known of a model; None if it isn't listed."""
        return self.catalogue.find(model_id)

    def refused(self, model_id: str) -> set[str]:
        """Returns the parameters that the server has refused with this model."""
        return self._refused.get(model_id, set())

    def check_accepts(self, model_id: str, attachment: Attachment) -> None:
        """Refuses an attachment that the model is known not to accept.

        Raises:
            NotAcceptedError: The attachment is not accepted.
        """
        model = self.model(model_id)
        accepts = model.accepts(attachment.kind) if model is not None else None
        who = model_id
        if accepts is None and attachment.kind == "file" and self.provider is not None:
            accepts = self.provider.dialect.files
            who = self.provider.name
        if accepts is False:
            what = "images" if attachment.kind == "image" else "files other than text"
            models = (m for m in self.catalogue.models if m.chats and m.accepts(attachment.kind))
            other = next(models, None)
            hint = f" {other.id} does." if other is not None else ""
            raise NotAcceptedError(
                f"{who} does not accept {what}, so {attachment.name} was not sent.{hint}",
                other.id if other is not None else "",
            )

    def no_images(self, model_id: str) -> str:
        """Returns why a model is sent no images; "" if it accepts them or that isn't known."""
        model = self.model(model_id)
        blind = model is not None and model.accepts("image") is False
        return f"{model_id} does not accept images." if blind else ""

    async def server(self) -> Server:
        """Returns what a request needs to know about the server.

        Raises:
            ChatError: There is no server yet.
        """
        if self.engine is None:
            raise ChatError(
                "Not sent: no model is connected yet. "
                "Connect one in the chat, and it is sent. In code, use chat.use_server(…).",
                kind="no_model",
            )
        loading = self._start_loading()
        if not self.catalogue.models:
            await asyncio.wait([loading], timeout=_PATIENCE_S)
        return Server(self.engine.provider, self.catalogue, self._refused, self._taken)

    async def connect(self, settings: ChatSettings) -> tuple[Engine, Server, ChatSettings]:
        """Returns the engine, what is known about its server, and the settings with a model.

        Raises:
            ChatError: There is no server yet.
        """
        server = await self.server()
        engine = self.engine
        assert engine is not None  # noqa: S101 - for the type checker: there is a server
        if not settings.model:
            settings = settings.replace(model=await self.default_model())
            server = await self.server()
        return engine, server, settings

    async def default_model(self) -> str:
        """Returns the id of the first model in the menu; blank if there is no list.

        Raises:
            ChatError: The list is too large to be read.
        """
        # Shielded: stopping one reply must not cancel the list that the next one needs.
        await asyncio.shield(self._start_loading())
        if self._too_large is not None and not self.catalogue.ids:
            raise self._too_large
        return self.take_first()

    def take_first(self) -> str:
        """Returns the first model in the menu, for a chat without a choice; blank if none is known.

        If there are others, the reply says so.
        """
        first = next(iter(self.catalogue.ids), "")
        if len(self.catalogue.ids) > 1:
            self._taken = first
        return first

    def load_models(self) -> None:
        """Fetches the list of models, unless it is up to date. May be called from any thread."""
        if self.engine is not None:
            background().call(self._start_loading)

    def ask_account(self) -> None:
        """Fetches what is left of quota or credit. May be called from any thread."""
        if self.is_openrouter:
            background().call(self._start_asking)

    def close(self) -> None:
        """Cancels requests for lists and closes the connections to the server."""
        self._change(None)

    def _change(self, engine: Engine | None) -> None:
        old, self.engine = self.engine, engine
        tasks = (self._loading, self._asking)
        self._loading = self._asking = self._too_large = None
        self.catalogue, self._refused = self._known(), {}
        self.account = self.list_problem = self._taken = ""
        for task in tasks:
            if task is not None:
                background().call(cancel, task)
        if old is not None:
            start(old.close())

    def _choose(
        self,
        provider: str | None,
        base_url: str | None,
        key: Secret | None,
        client: AsyncOpenAI | None,
    ) -> Engine | None:
        if client is not None:
            if base_url is not None or key is not None or provider is not None:
                raise TypeError(
                    "client= has its own server and key: pass no provider, base_url or api_key"
                )
            return Engine(endpoint(str(client.base_url), None), self._timeouts, client=client)
        if provider is not None:
            return Engine(named(provider, base_url, key), self._timeouts)
        if base_url is not None:
            chosen = endpoint(base_url, key)
            if chosen.key is None and chosen.base_url == providers.OPENROUTER_URL:
                chosen = endpoint(base_url, find_openrouter_key())
            return Engine(chosen, self._timeouts)
        key = key or find_openrouter_key()
        if key is not None:
            return Engine(openrouter(key), self._timeouts)
        from . import local_model

        if local_model.runtime_installed() and local_model.weights() is not None:
            return self._local_engine()
        return None

    def _known(self) -> Catalogue:
        address = self.engine.provider.base_url if self.engine is not None else ""
        return Catalogue(_listed.get(address, ()))

    def _local_engine(self) -> Engine:
        return Engine(_local_provider(), self._timeouts, prepare=_serve_local_model)

    # On the background loop

    def _start_loading(self) -> asyncio.Task[None]:
        loop = background().loop
        is_old = loop.time() - self._loaded_at > (_FAILED_S if self.list_problem else _FRESH_S)
        if self._loading is None or (is_old and self._loading.done()):
            self._loaded_at = loop.time()
            self._loading = loop.create_task(self._load())
        return self._loading

    async def _load(self) -> None:
        from . import model_cache

        engine = self.engine
        if engine is None:
            return
        provider = engine.provider
        # The embedded model's server has a new address each time, so its list is not kept.
        address = "" if engine.is_prepared else provider.base_url
        self.ask_account()
        if address and not self.catalogue.models:
            body = await asyncio.to_thread(model_cache.read, address)
            known = parse_models(body, is_local=provider.is_loopback)
            self._take(engine, Catalogue(tuple(known)))
        try:
            body = await self._fetch_models(engine)
        except ChatError as error:
            # The next request reports what is wrong. Until then, the known list stays.
            self._too_large = error if error.kind == "too_large" else None
            if not self.catalogue.models and engine is self.engine:
                self.list_problem = "The list of models could not be loaded."
                if self.is_openrouter:
                    self.catalogue = Catalogue(tuple(Model(id_, id_) for id_ in BUILT_IN))
                self.changed()
            return
        models = tuple(parse_models(body, is_local=provider.is_loopback))
        # A list of so many models has been cut: it does not say what the server lacks.
        self._take(engine, Catalogue(models, is_live=len(models) < MOST_MODELS))
        if address:
            _listed[address] = models
            await asyncio.to_thread(model_cache.write, address, body)

    async def _fetch_models(self, engine: Engine) -> object:
        if self.is_openrouter and engine.provider.key is not None:
            # Only the models that the account's settings allow.
            with contextlib.suppress(ChatError):
                return await engine.get("/models/user")
        return await engine.get("/models")

    def _take(self, engine: Engine, catalogue: Catalogue) -> None:
        if engine is self.engine and (catalogue.models or catalogue.is_live):
            self.catalogue, self.list_problem = catalogue, ""
            self.changed()

    def _start_asking(self) -> None:
        if self._asking is None or self._asking.done():
            self._asking = background().loop.create_task(self._ask())

    async def _ask(self) -> None:
        engine = self.engine
        if engine is None:
            return
        with contextlib.suppress(ChatError):
            text = account(await engine.get("/key"))
            if engine is self.engine and text != self.account:
                self.account = text
                self.changed()


def _local_provider(base_url: str = "", key: Secret | None = None) -> Provider:
    from . import local_model

    return Provider(
        name="this machine",
        base_url=base_url,
        key=key,
        default_model=local_model.MODEL_ID,
        # The llama-server in xllamacpp failed 8 of 60 back-to-back requests on a reused connection,
        # and none with this header (measured in November 2026).
        headers={"Connection": "close"},
        note="a tiny demo model, often wrong",
    )


def _serve_local_model() -> Provider:
    from . import local_model

    server = local_model.serve()
    return _local_provider(server.base_url, Secret(server.api_key))
