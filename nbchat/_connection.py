"""The server that a chat talks to: which one, the models it offers, and changing to another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import _local_model, _providers
from ._engine import Engine, Timeouts, background, start
from ._errors import ChatError
from ._models import BUILT_IN, parse_models
from ._providers import Provider, Secret, endpoint, find_openrouter_key, openrouter

if TYPE_CHECKING:
    from openai import AsyncOpenAI


class Connection:
    """One chat's connection; without an engine, there is no server to talk to yet.

    Args:
        timeouts: How long a server may be silent.
        on_models: Called with the ids of the models that the server offers, on the background loop.
        base_url: As in `ChatWidget`.
        key: The API key that was given, if one was.
        client: As in `ChatWidget`.
    """

    def __init__(
        self,
        timeouts: Timeouts,
        on_models: Callable[[list[str]], None],
        *,
        base_url: str | None,
        key: Secret | None,
        client: AsyncOpenAI | None,
    ) -> None:
        self._timeouts = timeouts
        self._on_models = on_models
        self._catalogue: asyncio.Task[list[str]] | None = None
        self.engine = self._choose(base_url, key, client)

    @property
    def provider(self) -> Provider | None:
        """The endpoint, if there is one."""
        return self.engine.provider if self.engine is not None else None

    @property
    def is_openrouter(self) -> bool:
        return self.provider is not None and self.provider.base_url == _providers.OPENROUTER_URL

    def use_openrouter(self, key: Secret) -> None:
        """Goes on with OpenRouter."""
        self._change(Engine(openrouter(key), self._timeouts))

    def use_local_model(self) -> None:
        """Goes on with the model on this machine, whose weights are there."""
        self._change(self._local_engine())

    def load_models(self) -> None:
        """Fetches the server's list of models, once; from any thread."""
        if self.engine is not None and self._catalogue is None:
            background().call(self._start_catalogue)

    async def models(self) -> list[str]:
        """The ids of the server's models, free ones first; on the background loop."""
        # Shielded: stopping one reply must not end what the next one needs.
        return await asyncio.shield(self._start_catalogue())

    def close(self) -> None:
        """Ends what runs and closes the connections to the server."""
        self._change(None)

    def _change(self, engine: Engine | None) -> None:
        old, self.engine = self.engine, engine
        catalogue, self._catalogue = self._catalogue, None
        if catalogue is not None:
            background().call(catalogue.cancel)
        if old is not None:
            start(old.close())

    def _choose(
        self, base_url: str | None, key: Secret | None, client: AsyncOpenAI | None
    ) -> Engine | None:
        if client is not None:
            if base_url is not None or key is not None:
                raise TypeError("client= brings its own base_url and api_key")
            provider = endpoint(str(client.base_url), None)
            return Engine(provider, self._timeouts, client=client)
        if base_url is not None:
            provider = endpoint(base_url, key)
            if provider.key is None and provider.base_url == _providers.OPENROUTER_URL:
                provider = endpoint(base_url, find_openrouter_key())
            return Engine(provider, self._timeouts)
        key = key or find_openrouter_key()
        if key is not None:
            return Engine(openrouter(key), self._timeouts)
        if _local_model.runtime_installed() and _local_model.weights() is not None:
            return self._local_engine()
        return None

    def _local_engine(self) -> Engine:
        return Engine(_local_provider(), self._timeouts, prepare=_serve_local_model)

    def _start_catalogue(self) -> asyncio.Task[list[str]]:
        if self._catalogue is None:
            self._catalogue = background().loop.create_task(self._fetch_models())
        return self._catalogue

    async def _fetch_models(self) -> list[str]:
        engine = self.engine
        if engine is None:
            return []
        try:
            ids = [model.id for model in parse_models(await engine.models())]
        except ChatError:
            # The next request tells what is wrong; until then the list is what is known.
            ids = list(BUILT_IN) if self.is_openrouter else []
        if engine is self.engine:
            self._on_models(ids)
        return ids


def _local_provider(base_url: str = "", key: Secret | None = None) -> Provider:
    return Provider(
        name="this machine",
        base_url=base_url,
        key=key,
        default_model=_local_model.MODEL_ID,
        # llama-server has lost requests on a reused connection.
        headers={"Connection": "close"},
        note="a tiny demo model, often wrong",
    )


def _serve_local_model() -> Provider:
    server = _local_model.serve()
    return _local_provider(server.base_url, Secret(server.api_key))
