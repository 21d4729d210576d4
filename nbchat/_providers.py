"""Where a chat sends its requests: an endpoint, and where its key comes from."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import NoReturn
from urllib.parse import urlsplit

OPENROUTER_URL = "https://openrouter.ai/api/v1"
OPENROUTER_KEY = "OPENROUTER_API_KEY"


class Secret:
    """An API key that no repr, log line, traceback or pickle shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        # Raises nothing: IPython's verbose tracebacks print the arguments of each call.
        self._value = value.strip() if isinstance(value, str) else ""

    def check(self) -> None:
        """Refuses what can't be a key.

        Raises:
            ValueError: It is blank, or has characters that no request header can hold.
        """
        if not self._value:
            raise ValueError("an API key can't be blank")
        if not (self._value.isascii() and self._value.isprintable()):
            raise ValueError(
                "an API key holds only printable ASCII characters: was it pasted whole?"
            )

    def reveal(self) -> str:
        """The key itself, for the one request header it belongs in."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret('…')"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key can't be pickled")


@dataclass(frozen=True)
class Provider:
    """One OpenAI-compatible endpoint.

    Attributes:
        name: What people call it.
        base_url: Up to and without `/chat/completions`.
        key: Sent to this endpoint and to no other.
        key_env: The environment variable a person would set.
        default_model: Used when none was chosen; blank: the first that `/models` lists.
        headers: Sent with each request.
        note: What a person should know of it; by default, its host.
    """

    name: str
    base_url: str
    key: Secret | None = None
    key_env: str | None = None
    default_model: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        if self.key is not None:
            self.key.check()

    @property
    def host(self) -> str:
        """Host and port, as a person knows the server."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2]

    @property
    def is_loopback(self) -> bool:
        """Whether requests stay on this machine."""
        hostname = urlsplit(self.base_url).hostname or ""
        try:
            return ip_address(hostname).is_loopback
        except ValueError:
            return hostname == "localhost"

    def __str__(self) -> str:
        note = self.note or self.host
        return self.name if self.name == note else f"{self.name} ({note})"


def openrouter(key: Secret) -> Provider:
    """OpenRouter; its router of free models is the default, as single free models die in months."""
    return Provider(
        name="OpenRouter",
        base_url=OPENROUTER_URL,
        key=key,
        key_env=OPENROUTER_KEY,
        default_model="openrouter/free",
        # OpenRouter's names for the app that sends a request.
        headers={"X-OpenRouter-Title": "nbchat"},
    )


def endpoint(base_url: str, key: Secret | None) -> Provider:
    """Any OpenAI-compatible server.

    Raises:
        ValueError: `base_url` is no http(s) address.
    """
    if not isinstance(base_url, str):
        raise TypeError(f"base_url must be text, not {type(base_url).__name__}")
    base_url = base_url.strip().rstrip("/")
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"base_url must start with http:// or https://, not {base_url!r}")
    if base_url == OPENROUTER_URL and key is not None:
        return openrouter(key)
    return Provider(name=parts.netloc.rpartition("@")[2], base_url=base_url, key=key)


def find_openrouter_key() -> Secret | None:
    """The key from the environment or from Colab's secrets."""
    value = os.environ.get(OPENROUTER_KEY, "").strip() or _colab_secret(OPENROUTER_KEY)
    return Secret(value) if value else None


def _colab_secret(name: str) -> str:
    if "google.colab" not in sys.modules:
        return ""
    try:
        from google.colab import userdata

        return str(userdata.get(name) or "").strip()
    except Exception:  # absent, or the person did not grant access: the same as no key
        return ""
