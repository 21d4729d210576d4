"""Finds model servers that run on this machine."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

_HOST = "127.0.0.1"
_ANSWER_LIMIT = 1_000_000
_MOST_MODELS = 1_000
# Names, folders, versions and tags, and the path of a file (llama-server): no space and no "://".
_ID = re.compile(r"(?!.*://)[A-Za-z0-9._:/\\@+-]{1,128}")

# Path → the parsed answer of a server; None for anything but JSON with status 200.
Get = Callable[[str], Any]


@dataclass(frozen=True)
class FoundServer:
    """A server that offers chat models.

    Attributes:
        provider: "ollama", "lmstudio", "llama-server" or "vllm".
        base_url: The address of its OpenAI-compatible API.
        models: The ids of its models that run on this machine, in its order; at least one.
    """

    provider: str
    base_url: str
    models: tuple[str, ...]


def find_servers(timeout_s: float = 0.3) -> list[FoundServer]:
    """Asks the usual ports of Ollama, LM Studio, llama-server and vLLM. Blocks: use a thread.

    It sends requests to this machine only, past any proxy, and without a key. Other programs often
    use the same ports, so a server that does not identify itself is left out.

    Args:
        timeout_s: For all ports together, in seconds.
    """
    deadline = time.monotonic() + timeout_s
    probes = [_Probe(provider, port, timeout_s) for provider, port in PORTS.items()]
    for probe in probes:
        probe.start()
    for probe in probes:
        probe.join(max(0, deadline - time.monotonic()))
    for probe in probes:
        probe.abandon()
    return [found for probe in probes if (found := probe.found) is not None]


class _Probe(threading.Thread):
    """Asks one port which server it is."""

    def __init__(self, provider: str, port: int, timeout_s: float) -> None:
        super().__init__(name=f"nbchat-{provider}", daemon=True)
        self.found: FoundServer | None = None
        self._provider = provider
        self._port = port
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None
        self._abandoned = False

    def run(self) -> None:
        models = _RECOGNISE[self._provider](self._get)
        if models:
            base_url = f"http://{_HOST}:{self._port}/v1"
            self.found = FoundServer(self._provider, base_url, tuple(models))

    def abandon(self) -> None:
        """Ends a probe that still waits: a server that sends slowly could keep it alive."""
        self._abandoned = True
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it has just ended
                self._socket.shutdown(socket.SHUT_RDWR)

    def _get(self, path: str) -> Any:
        # http.client uses no proxy of the environment and follows no redirect.
        connection = HTTPConnection(_HOST, self._port, timeout=self._timeout_s)
        try:
            connection.connect()
            self._socket = connection.sock
            if self._abandoned:  # checked once `abandon` can see the socket
                return None
            connection.request("GET", path, headers={"Accept": "application/json"})
            with connection.getresponse() as response:
                body = response.read(_ANSWER_LIMIT + 1)
                if response.status == 200 and len(body) <= _ANSWER_LIMIT:
                    return json.loads(body)
        except (OSError, HTTPException, ValueError, RecursionError):
            pass  # no server, or another program
        finally:
            connection.close()
        return None


def _ollama(get: Get) -> list[str]:
    if not _field(get("/api/version"), "version"):
        return []
    return [
        name
        for entry in _entries(get("/api/tags"), "models")
        if (name := _chat_model(entry.get("name"))) and _stays_here(name, entry) and _chats(entry)
    ]


def _stays_here(name: str, entry: dict[str, Any]) -> bool:
    """Whether the model runs on this machine. Ollama forwards requests for its cloud models."""
    return not (name.lower().endswith((":cloud", "-cloud")) or entry.get("remote_host"))


def _chats(entry: dict[str, Any]) -> bool:
    """Whether it is a chat model. Old versions of Ollama don't say, so it counts as one."""
    capabilities = entry.get("capabilities")
    return not isinstance(capabilities, list) or "completion" in capabilities


def _lmstudio(get: Get) -> list[str]:
    entries = _entries(get("/v1/models"), "data")
    owners = [entry.get("owned_by") for entry in entries]
    # Only LM Studio names an organization as owner, or has an API of its own at /api/v0.
    if "organization_owner" not in owners and not _entries(get("/api/v0/models"), "data"):
        return []
    return [model for entry in entries if (model := _chat_model(entry.get("id")))]


def _owned_by(owner: str) -> Callable[[Get], list[str]]:
    """Recognises llama-server and vLLM, which name themselves as the owners of their models."""

    def recognise(get: Get) -> list[str]:
        return [
            model
            for entry in _entries(get("/v1/models"), "data")
            if entry.get("owned_by") == owner and (model := _chat_model(entry.get("id")))
        ]

    return recognise


def _chat_model(name: object) -> str:
    """Returns the name; "" if it does not look like an id, or names an embedding model.

    Any program may listen on these ports, and the chat shows the names: no sentence, no link.
    """
    if not isinstance(name, str) or not _ID.fullmatch(name) or "embed" in name.lower():
        return ""
    return name


def _entries(answer: object, name: str) -> list[dict[str, Any]]:
    entries = _field(answer, name)
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries[:_MOST_MODELS] if isinstance(entry, dict)]


def _field(answer: object, name: str) -> Any:
    return answer.get(name) if isinstance(answer, dict) else None


# llama-server's default is 9931 since August 2026 (llama.cpp#26508), and was 8080.
PORTS = {"ollama": 11434, "lmstudio": 1234, "llama-server": 8080, "vllm": 8000}
"""The ports that are asked: those that each server uses by default."""

_RECOGNISE: dict[str, Callable[[Get], list[str]]] = {
    "ollama": _ollama,
    "lmstudio": _lmstudio,
    "llama-server": _owned_by("llamacpp"),
    "vllm": _owned_by("vllm"),
}
