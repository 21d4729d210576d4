"""Tests whether a chat server answers at an address that the user typed."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlsplit

from nbchat._chat.errors import ChatError
from nbchat._chat.keys import Secret

from .engine import Engine, Timeouts
from .models import parse_models
from .providers import Provider, endpoint

_TIMEOUT_S = 15.0
_MOST_CHARS = 2000
# What users copy along with the address of a server.
_ENDPOINTS = re.compile(r"/(chat/completions|completions|models|responses)/?\Z")
_LOCAL = re.compile(r"(localhost|127\.[\d.]+|\[::1\])(?=[:/]|\Z)")

# An error's kind → what is wrong with the address, in a sentence.
_WRONG = {
    "no_host": "No host has the name {host}. Check the spelling and your connection.",
    "refused": "{host} refused the connection. Is the server running, and is the port right?",
    "unreachable": "{host} can't be reached. Check the address and your connection.",
    "timeout": "{host} did not answer within {seconds:.0f} s.",
    "speaks_https": "{host} speaks HTTPS: write https:// instead of http://.",
    "speaks_http": "{host} speaks HTTP: write http:// instead of https://.",
    "tls": "No secure connection to {host}: its certificate is not trusted here.",
    "key": "{host} rejected the API key.",
    "no_key": "{host} needs an API key.",
    "redirect": "{host} redirects to another address. Type that one, if you trust it.",
    "key_text": "The API key contains a character that can't be sent.",
}
_NO_CHAT = "{host} answered, but not as a chat server. Is the path right? It mostly ends in /v1."


async def reach(typed: str, key: Secret | None) -> Provider:
    """Returns the server at this address, once it has listed its models.

    Without a path, /v1 is tried too. The key goes to this address alone.

    Args:
        typed: The address, with or without a scheme.
        key: The server's key, if it needs one.

    Raises:
        ChatError: What is wrong, in a sentence.
        ValueError: This is no address of a server.
    """
    first = _address(typed)
    candidates = [first] if urlsplit(first).path else [f"{first}/v1", first]
    problem = ""
    for base_url in candidates:
        provider = endpoint(base_url, key)
        found = await _problem(provider)
        if not found:
            return provider
        problem = problem or found
        if found != _NO_CHAT.format(host=provider.host):
            break
    raise ChatError(problem)


def _address(typed: str) -> str:
    address = _ENDPOINTS.sub("", typed.strip()[:_MOST_CHARS]).rstrip("/")
    if address and "://" not in address:
        address = f"{'http' if _LOCAL.match(address) else 'https'}://{address}"
    try:
        return endpoint(address, None).base_url
    except ValueError:
        raise ValueError(
            "This is no address of a server. Type one such as http://localhost:11434/v1."
        ) from None


async def _problem(provider: Provider) -> str:
    """Returns what is wrong with the server; "" if it lists models."""
    engine = Engine(provider, Timeouts(_TIMEOUT_S, _TIMEOUT_S))
    try:
        body = await asyncio.wait_for(engine.get("/models"), _TIMEOUT_S)
        if parse_models(body, is_local=provider.is_loopback):
            return ""
        sentence = _NO_CHAT
    except asyncio.TimeoutError:
        sentence = _WRONG["timeout"]
    except ChatError as error:
        if error.kind in ("key", "forbidden", "no_key"):
            # Some servers say "invalid key" of a request that carries none.
            sentence = _WRONG["key" if provider.key else "no_key"]
        elif error.status_code is not None and error.status_code >= 500:
            sentence = f"{{host}} answered with an error (HTTP {error.status_code})."
        else:
            sentence = _WRONG.get(error.kind, _NO_CHAT)
    finally:
        await engine.close()
    return sentence.format(host=provider.host, seconds=_TIMEOUT_S)
