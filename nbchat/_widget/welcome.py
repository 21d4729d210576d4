"""Helps the user to connect a model: the card, and what each of its rows does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from nbchat._chat.background import start, start_thread
from nbchat._chat.errors import ChatError
from nbchat._chat.keys import Secret
from nbchat._servers.connection import Connection
from nbchat._servers.providers import KNOWN, azure_address, find_key, key_in_environment, owner_of

from . import ways
from .protocol import ConnectView, WayView

if TYPE_CHECKING:
    from nbchat._servers.discovery import FoundServer
    from nbchat._servers.sign_in import SignIn

_FIRST = "Connect a model"
_ELSEWHERE = "Continue this conversation on…"


class Welcome:
    """Offers ways to connect a model, and connects the one that the user picks.

    Args:
        connection: The connection to change.
        show: Shows the card; None: removes it.
        switch: Applies a change of the connection and updates the chat; raises to refuse it.
        lock: Held while the card changes.
    """

    def __init__(
        self,
        connection: Connection,
        show: Callable[[ConnectView | None], None],
        switch: Callable[[Callable[[], object]], None],
        lock: threading.RLock,
    ) -> None:
        self._connection = connection
        self._switch = switch
        self._show_card = show
        self._lock = lock
        self._card: ConnectView | None = None
        # Shows the card that the user began with: the next steps lead back to it.
        self._begin: Callable[[str], None] = self._offer_first
        self._servers: list[FoundServer] = []
        self._sign_in: SignIn | None = None
        self._key: Secret | None = None  # its provider isn't known yet

    def done(self) -> None:
        """Removes the card, because there is a model now."""
        self._sign_in = self._key = None
        self._show(None)

    def replied(self) -> None:
        """Removes the card that asks for a key, because the server has accepted the present one."""
        if self._begin == self._offer_key:
            self.done()

    def no_model(self) -> None:
        """Says that no model is connected, and offers ways to connect one."""
        self._offer_first()
        start_thread(self._add_found_servers)

    def other_key(self) -> None:
        """Asks for a key, because the server rejected the one in use, or was sent none."""
        if self._connection.provider is not None and self._connection.takes_keys:
            self._offer_key()

    def offer_servers(self) -> None:
        """Looks for servers that the chat can use, and lets the user pick one."""
        self._begin = self._offer_servers
        self._show(ways.card(_ELSEWHERE, busy="Looking for servers on this computer…", cancel=True))
        start_thread(self._find_and_offer_servers)

    # What the user does on the card

    def choose(self, way: str) -> None:
        """Does what a row of the card says.

        Raises:
            ValueError: The card no longer has this row.
            RuntimeError: A reply is running.
        """
        self._check_offers(way)
        kind, _, name = way.partition(":")
        if kind == "cancel":
            self._cancel()
        elif kind == "sign-in":
            self._ask_for_code()
        elif kind == "owner":
            self._switch(lambda: self._connection.use(name, key=self._key))
        elif kind == "server":
            address = {each.provider: each.base_url for each in self._servers}[name]
            self._switch(lambda: self._connection.use(name, address))
        elif kind == "demo":
            self._use_local_model()
        elif name:
            self._switch(lambda: self._connection.use(name))

    def enter(self, way: Literal["key", "sign-in"], secret: Secret) -> None:
        """Uses the key or the code that the user typed.

        Raises:
            ValueError: This can't be a key, or nothing asks for it any more.
            RuntimeError: A reply is running.
        """
        if way == "key":
            self._check_offers(way)
            self._use_key(secret)
        elif self._sign_in is not None:
            start(self._exchange(self._sign_in, secret))
        else:
            raise ValueError("The sign-in has ended. Start it again.")

    def connect_to(self, base_url: str, key: Secret) -> None:
        """Tests the address that the user typed, and uses it if a chat server answers.

        Raises:
            ValueError: This can't be a key, or nothing asks for an address any more.
        """
        card = self._check_offers("address")
        given = key if key.reveal() else None
        if given is not None:
            given.check()
        waiting: ConnectView = {**card, "busy": "Connecting…", "problem": ""}
        self._show(waiting)
        start(self._reach(waiting, base_url, given))

    def _check_offers(self, way: str) -> ConnectView:
        card = self._card
        offered = [each["id"] for each in card["ways"]] if card is not None else []
        if card is None or not (way in offered or (way == "cancel" and card["cancel"])):
            raise ValueError("This choice is no longer available.")
        return card

    def _use_key(self, key: Secret) -> None:
        key.check()
        owner = owner_of(key)
        if self._begin == self._offer_key:
            self._use_for_same_server(key, owner)
        elif owner:
            self._switch(lambda: self._connection.use(owner, key=key))
        else:
            # It goes to nobody before the user has said whose it is.
            self._key = key
            title = "Which provider is this key from?"
            self._show(ways.card(title, ways.key_owners(), text=ways.MEMORY, cancel=True))

    def _use_for_same_server(self, key: Secret, owner: str) -> None:
        provider = self._connection.provider
        usual = {known.base_url: name for name, known in KNOWN.items()}
        server = usual.get(provider.base_url if provider is not None else "", "")
        if owner and server and owner != server:
            raise ValueError(
                f"This looks like a key from {KNOWN[owner].title}, not from {KNOWN[server].title}."
            )
        self._switch(lambda: self._connection.use_key(key))

    async def _reach(self, waiting: ConnectView, base_url: str, key: Secret | None) -> None:
        from nbchat._servers.address import reach

        try:
            provider = await reach(base_url, key)
            if self._card is waiting:  # the user has not given up
                self._switch(lambda: self._connection.use(None, provider.base_url, key))
        except (ChatError, RuntimeError, ValueError) as error:
            with self._lock:
                if self._card is waiting:
                    self._show({**waiting, "busy": "", "problem": str(error)})

    def _cancel(self) -> None:
        """Goes one step back."""
        is_step = self._sign_in is not None or self._key is not None
        self._sign_in = self._key = None
        if is_step:
            self._begin("")
        elif self._connection.provider is not None:
            self._show(None)
        else:
            self._offer_first()

    # The cards to begin with

    def _offer_first(self, problem: str = "") -> None:
        self._begin = self._offer_first
        # Not Colab's secrets: reading one may ask the user, who has not asked for this server.
        self._show(self._offers(_FIRST, key_in_environment, problem))

    def _offer_servers(self, problem: str = "") -> None:
        self._begin = self._offer_servers
        self._show(self._offers(_ELSEWHERE, find_key, problem))

    def _offers(
        self, title: str, find: Callable[[str], Secret | None], problem: str = ""
    ) -> ConnectView:
        demo = _demo()
        rows = ways.ways(
            self._keys(find),
            self._servers,
            demo,
            sign_in=not self._connection.is_openrouter,
            is_first=title == _FIRST,
        )
        text = ways.MEMORY if demo != "absent" else f"{ways.MEMORY} {ways.EXTRA}"
        return ways.card(title, rows, text=text, problem=problem, cancel=title == _ELSEWHERE)

    def _offer_key(self, problem: str = "") -> None:
        self._begin = self._offer_key
        provider = self._connection.provider
        if provider is None:  # the server was given up meanwhile
            return
        verb = "rejected the API key" if provider.key else "needs an API key"
        rows: list[WayView] = [ways.key_row(provider.name)]
        if self._connection.is_openrouter:
            rows += ways.ways((), (), "absent")[:1]
        title = f"{provider.name} {verb}"
        self._show(ways.card(title, rows, text=ways.MEMORY, problem=problem, cancel=True))

    def _keys(self, find: Callable[[str], Secret | None]) -> list[str]:
        """Returns the other providers whose key `find` knows."""
        current = self._connection.provider
        return [
            name
            for name, known in KNOWN.items()
            if (known.base_url or azure_address())
            and not (current and current.name == known.title)
            and known.find_key(find)
        ]

    def _add_found_servers(self) -> None:
        self._servers = _find_servers()
        with self._lock:
            # Not while the user is at the next step.
            if self._servers and self._card is not None and self._card["title"] == _FIRST:
                self._show(self._offers(_FIRST, key_in_environment, self._card["problem"]))

    def _find_and_offer_servers(self) -> None:
        self._servers = _find_servers()
        card = self._offers(_ELSEWHERE, find_key)  # on Colab, this may ask the user
        with self._lock:
            waits = self._card is not None and self._card["busy"] and not self._card["ways"]
            if waits and self._begin == self._offer_servers:
                self._show(card)

    def _show(self, card: ConnectView | None) -> None:
        with self._lock:
            self._card = card
            self._show_card(card)

    # Signing in

    def _ask_for_code(self, problem: str = "") -> None:
        from nbchat._servers.sign_in import SignIn

        self._sign_in = sign_in = SignIn()
        text = "Authorize nbchat on OpenRouter's page, then paste the code that it shows."
        self._show(
            ways.card(
                "Sign in to OpenRouter",
                text=f"{text} The code works once and expires after 10 minutes.",
                sign_in=sign_in.url,
                problem=problem,
                cancel=True,
            )
        )

    async def _exchange(self, sign_in: SignIn, code: Secret) -> None:
        self._show(ways.card("Sign in to OpenRouter", busy="Signing in…"))
        try:
            key = await sign_in.exchange(code)
            self._switch(lambda: self._connection.use_openrouter(key))
        except (ChatError, RuntimeError) as error:
            self._ask_for_code(str(error))

    # The demo model

    def _use_local_model(self) -> None:
        from nbchat._servers import local_model

        if local_model.weights() is not None:
            self._switch(self._connection.use_local_model)
        else:
            self._show_progress(0, local_model.DOWNLOAD_BYTES)
            start_thread(self._fetch_and_use_local_model)

    def _fetch_and_use_local_model(self) -> None:
        from nbchat._servers import local_model

        try:
            local_model.download_weights(self._show_progress)
            self._switch(self._connection.use_local_model)
        except (ChatError, RuntimeError) as error:
            self._begin(str(error))

    def _show_progress(self, done: int, total: int) -> None:
        busy = f"Fetching the demo model: {done / 1e6:.0f} of {total / 1e6:.0f} MB"
        progress = {"done": done, "total": total}
        title = self._card["title"] if self._card is not None else ""
        self._show(ways.card(title, busy=busy, progress=progress))


def _demo() -> ways.Demo:
    from nbchat._servers import local_model

    if not local_model.runtime_installed():
        return "absent"
    return "fetched" if local_model.weights() is not None else "runtime"


def _find_servers() -> list[FoundServer]:
    from nbchat._servers.discovery import find_servers

    try:
        return find_servers()
    except RuntimeError:  # Pyodide has no threads, and there are no servers beside it
        return []
