"""Signs in to OpenRouter in the browser, so that the user need not create and copy a key."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import secrets
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import unquote, urlsplit

from nbchat._chat.errors import ChatError
from nbchat._chat.keys import Secret

from . import bounded, providers
from .engine import import_openai
from .error_messages import explain
from .providers import Provider

_TIMEOUT_S = 30.0
_SERVER = "OpenRouter"


class SignIn:
    """One sign-in: a page that shows a code, and the exchange of that code for a key.

    This is OAuth with PKCE. A callback could not reach the kernel, so the user pastes the code. It
    works once, for 10 minutes (OpenRouter's docs at c26125a).
    """

    def __init__(self) -> None:
        # Proves that the code comes back from the kernel that asked for it.
        self._verifier = Secret(secrets.token_urlsafe(48))

    @property
    def url(self) -> str:
        """The page to open."""
        site = urlsplit(providers.OPENROUTER_URL)
        digest = hashlib.sha256(self._verifier.reveal().encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        query = f"code_challenge={challenge}&code_challenge_method=S256"
        return f"{site.scheme}://{site.netloc}/auth?{query}"

    async def exchange(self, code: Secret) -> Secret:
        """Returns the key for a code; runs on the background loop.

        Args:
            code: The pasted text: the code, or the whole address that contains it.

        Raises:
            ChatError: The code was not accepted, or OpenRouter could not be reached.
        """
        if not code.reveal():
            raise ChatError(f"Paste the code that {_SERVER} shows.")
        failure: BaseException
        try:
            status, key = await self._post(code)
        except Exception as error:
            failure = explain(error, server=_SERVER)
        except BaseException as error:  # cancelled
            failure = type(error)(*error.args)
        else:
            if key is not None:
                return key
            failure = _refusal(status)
        # Raised here, it has neither the frames nor the context of the first exception: IPython's
        # verbose tracebacks would print the code and the verifier that these hold.
        raise failure

    async def _post(self, code: Secret) -> tuple[int, Secret | None]:
        """Returns the HTTP status of the answer, and the key if it has one."""
        await import_openai()
        from openai import DefaultAsyncHttpxClient

        provider = Provider(name=_SERVER, base_url=providers.OPENROUTER_URL)
        async with DefaultAsyncHttpxClient(
            follow_redirects=False,  # the code is for no other host
            timeout=_TIMEOUT_S,
            trust_env=not provider.is_loopback,  # no proxy for a server on this machine
        ) as client:
            fields = {
                "code": _code_in(code.reveal()),
                "code_verifier": self._verifier.reveal(),
                "code_challenge_method": "S256",
            }
            request = client.stream(
                "POST",
                f"{provider.base_url}/auth/keys",
                content=json.dumps(fields),
                headers={"Content-Type": "application/json", **bounded.ENCODING},
            )
            # The client's own timeout starts again with each byte.
            status, body = await asyncio.wait_for(_answer(request), _TIMEOUT_S)
        return status, _key_in(body) if status == 200 else None


def _code_in(pasted: str) -> str:
    query = re.search(r"[?&#]code=([^&#\s]+)", pasted)
    return unquote(query[1]) if query else pasted


async def _answer(request: AbstractAsyncContextManager[Any]) -> tuple[int, bytes]:
    async with request as response:
        return response.status_code, await bounded.read(response, bounded.ERROR_BYTES)


def _key_in(body: bytes) -> Secret | None:
    try:
        key = Secret(bounded.loads(body.decode())["key"])
        key.check()
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return key


def _refusal(status: int) -> ChatError:
    """Explains a status without a key. The body is not quoted: it may repeat the code."""
    if status in (400, 401, 403, 422):
        message = (
            "The code was not accepted. A code works once and expires after 10 minutes. "
            "Sign in again."
        )
    elif status == 200:
        message = f"{_SERVER} answered, but sent no key. Sign in again, or paste a key."
    else:
        message = (
            f"{_SERVER} could not complete the sign-in (HTTP {status}). "
            "Sign in again, or paste a key."
        )
    return ChatError(message, status_code=status, retryable=status in (408, 429) or status >= 500)
