"""Providers: the addresses of servers, their keys, and how they want their requests."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from nbchat._chat.keys import Secret
from nbchat._chat.settings import USUAL_EFFORTS

from .reasoning import (
    EffortFormat,
    chat_template,
    groq,
    mistral,
    reasoning_effort,
    reasoning_object,
    thinking,
    together,
)

OPENROUTER_URL = "https://openrouter.ai/api/v1"
OPENROUTER_KEY = "OPENROUTER_API_KEY"


class Dialect(NamedTuple):
    """How a kind of server wants its requests, where servers differ.

    Attributes:
        effort_format: How it takes a reasoning effort.
        efforts: The efforts in the menu while those of the model aren't known.
        max_tokens: Its parameter for max tokens, unless its list of models says otherwise.
        extra: Parameters for each request.
        truncates: Whether it silently leaves out what does not fit the context.
        files: Whether messages may contain files other than images and text.
        list_headers: Returns the headers that a request for the list of models needs besides.
    """

    effort_format: EffortFormat = reasoning_object
    efforts: tuple[str, ...] = USUAL_EFFORTS
    max_tokens: str = "max_tokens"
    extra: Mapping[str, Any] = {}
    truncates: bool = False
    files: bool = True
    list_headers: Callable[[Secret], Mapping[str, str]] = lambda _: {}


def _for_anthropics_list(key: Secret) -> Mapping[str, str]:
    """Returns the headers of Anthropic's own protocol, which is the one that lists models.

    A bearer key alone is answered with 401 "x-api-key header is required" (QwenLM/qwen-code#3799,
    farion1231/cc-switch#3738; May and June 2026).
    """
    return {"x-api-key": key.reveal(), "anthropic-version": "2023-06-01"}


PLAIN = Dialect()
_OPENROUTER = Dialect(
    # By default, OpenRouter silently leaves out the middle of a conversation that does not fit a
    # small context (openrouter.ai/docs/guides/features/message-transforms).
    extra={"plugins": [{"id": "context-compression", "enabled": False}]},
)
_WITH_NONE = ("none", *USUAL_EFFORTS)
_EFFORT = Dialect(effort_format=reasoning_effort, efforts=_WITH_NONE, files=False)
# OpenAI's newer models answer 400 unsupported_parameter to max_tokens (recorded).
_OPENAI = _EFFORT._replace(max_tokens="max_completion_tokens", files=True)
# Ollama silently leaves out the beginning of a conversation that does not fit (ollama#4967).
_OLLAMA = _EFFORT._replace(truncates=True)
_GROQ = _EFFORT._replace(effort_format=groq)
_MISTRAL = _EFFORT._replace(effort_format=mistral)
_TOGETHER = _EFFORT._replace(effort_format=together)
_TEMPLATE = _EFFORT._replace(effort_format=chat_template)
_DEEPSEEK = _EFFORT._replace(effort_format=thinking)
_ANTHROPIC = _EFFORT._replace(list_headers=_for_anthropics_list)


class Known(NamedTuple):
    """A server that nbchat knows by name.

    Attributes:
        title: The name that the user sees.
        base_url: Its usual address; blank if each customer has another one.
        dialect: How it wants its requests.
        key_env: The environment variable in which users keep the key.
        other_key_env: Another one.
        key_forms: How its keys begin, if no other provider's do.
    """

    title: str
    base_url: str
    dialect: Dialect
    key_env: str | None = None
    other_key_env: str | None = None
    key_forms: tuple[str, ...] = ()

    def find_key(self, find: Callable[[str], Secret | None]) -> Secret | None:
        """Returns the key that `find` knows under one of the usual names."""
        names = filter(None, (self.key_env, self.other_key_env))
        return next(filter(None, map(find, names)), None)


#: The names in `KNOWN`, for type checkers.
ProviderName = Literal[
    "openrouter",
    "openai",
    "anthropic",
    "gemini",
    "xai",
    "groq",
    "cerebras",
    "deepseek",
    "mistral",
    "together",
    "fireworks",
    "huggingface",
    "azure",
    "ollama",
    "lmstudio",
    "llama-server",
    "vllm",
    "sglang",
]

KNOWN: dict[str, Known] = {
    "openrouter": Known(
        "OpenRouter", OPENROUTER_URL, _OPENROUTER, OPENROUTER_KEY, key_forms=("sk-or-",)
    ),
    # Old keys of OpenAI begin with "sk-" alone, as DeepSeek's do.
    "openai": Known(
        "OpenAI",
        "https://api.openai.com/v1",
        _OPENAI,
        "OPENAI_API_KEY",
        key_forms=("sk-proj-", "sk-svcacct-"),
    ),
    # Anthropic's and Google's own protocols are others; these are the addresses that they document
    # for OpenAI's SDK (platform.claude.com, openai-sdk; ai.google.dev, openai; November 2026).
    "anthropic": Known(
        "Anthropic",
        "https://api.anthropic.com/v1",
        _ANTHROPIC,
        "ANTHROPIC_API_KEY",
        key_forms=("sk-ant-",),
    ),
    "gemini": Known(
        "Google Gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        _EFFORT,
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
        key_forms=("AIza",),
    ),
    "xai": Known("xAI", "https://api.x.ai/v1", _EFFORT, "XAI_API_KEY", key_forms=("xai-",)),
    "groq": Known(
        "Groq", "https://api.groq.com/openai/v1", _GROQ, "GROQ_API_KEY", key_forms=("gsk_",)
    ),
    "cerebras": Known(
        "Cerebras", "https://api.cerebras.ai/v1", _EFFORT, "CEREBRAS_API_KEY", key_forms=("csk-",)
    ),
    "deepseek": Known("DeepSeek", "https://api.deepseek.com/v1", _DEEPSEEK, "DEEPSEEK_API_KEY"),
    "mistral": Known("Mistral", "https://api.mistral.ai/v1", _MISTRAL, "MISTRAL_API_KEY"),
    # Together documents api.together.ai since April 2026 (its openapi#257); .xyz still answers in
    # recordings.
    "together": Known("Together", "https://api.together.xyz/v1", _TOGETHER, "TOGETHER_API_KEY"),
    # Address and variable as in ai-sdk.dev, providers, fireworks (November 2026).
    "fireworks": Known(
        "Fireworks",
        "https://api.fireworks.ai/inference/v1",
        _EFFORT,
        "FIREWORKS_API_KEY",
        key_forms=("fw_",),
    ),
    "huggingface": Known(
        "Hugging Face",
        "https://router.huggingface.co/v1",
        _EFFORT,
        "HF_TOKEN",
        key_forms=("hf_",),
    ),
    "azure": Known("Azure OpenAI", "", _OPENAI, "AZURE_OPENAI_API_KEY"),
    "ollama": Known("Ollama", "http://127.0.0.1:11434/v1", _OLLAMA),
    "lmstudio": Known("LM Studio", "http://127.0.0.1:1234/v1", _EFFORT),
    # llama-server's default port is 9931 since August 2026 (llama.cpp#26508), and was 8080.
    "llama-server": Known("llama-server", "http://127.0.0.1:8080/v1", _TEMPLATE),
    "vllm": Known("vLLM", "http://127.0.0.1:8000/v1", _TEMPLATE),
    "sglang": Known("SGLang", "http://127.0.0.1:30000/v1", _TEMPLATE),
}
"""The servers that nbchat knows by name, with their usual addresses."""

AZURE_ADDRESS = "AZURE_OPENAI_ENDPOINT"
"""The environment variable in which users of Azure keep their address, with or without a path."""
# Each resource has a host of its own (Microsoft's docs on the v1 API).
_AZURE_HOSTS = (".openai.azure.com", ".services.ai.azure.com")
_CREDIT_PAGES = {
    "openrouter": "https://openrouter.ai/settings/credits",
    "openai": "https://platform.openai.com/settings/organization/billing",
    "groq": "https://console.groq.com/settings/billing",
    "deepseek": "https://platform.deepseek.com/top_up",
    "mistral": "https://admin.mistral.ai/organization/billing",
    "together": "https://api.together.ai/settings/billing",
    "huggingface": "https://huggingface.co/settings/billing",
    "anthropic": "https://platform.claude.com/settings/billing",
}


def credit_page(title: str) -> str:
    """Returns the page where users add credit to the server with this title; "" if unknown."""
    return next((page for name, page in _CREDIT_PAGES.items() if KNOWN[name].title == title), "")


@dataclass(frozen=True)
class Provider:
    """One OpenAI-compatible endpoint.

    Attributes:
        name: The name that the user sees.
        base_url: The address without `/chat/completions`.
        key: Sent to this endpoint and to no other.
        key_env: The environment variable in which users keep the key.
        default_model: Used if no model is chosen; blank means the first that `/models` lists.
        headers: Sent with each request.
        note: Shown after the name; by default, the host.
        dialect: How it wants its requests.
    """

    name: str
    base_url: str
    key: Secret | None = None
    key_env: str | None = None
    default_model: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    note: str = ""
    dialect: Dialect = PLAIN

    def __post_init__(self) -> None:
        if self.key is not None:
            self.key.check()

    @property
    def host(self) -> str:
        """The host and port, without a user name and password."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2]

    @property
    def is_loopback(self) -> bool:
        """Whether requests stay on this machine."""
        return _is_loopback(urlsplit(self.base_url).hostname or "")

    def __str__(self) -> str:
        note = self.note or self.host
        return self.name if self.name == note else f"{self.name} ({note})"


def _is_loopback(hostname: str) -> bool:
    try:
        return ip_address(hostname).is_loopback
    except ValueError:
        return hostname == "localhost"


def openrouter(key: Secret) -> Provider:
    """Returns OpenRouter, with its router of free models as the default.

    Single free models disappear within months: of seven popular ones of late 2025, none was left in
    November 2026.
    """
    return Provider(
        name="OpenRouter",
        base_url=OPENROUTER_URL,
        key=key,
        key_env=OPENROUTER_KEY,
        default_model="openrouter/free",
        # Names the app in OpenRouter's statistics. Without HTTP-Referer it has no effect (its docs
        # at c26125a).
        headers={"X-OpenRouter-Title": "nbchat"},
        dialect=_OPENROUTER,
    )


def named(name: str, base_url: str | None = None, key: Secret | None = None) -> Provider:
    """Returns the server with this name in `KNOWN`, at its usual or at another address.

    Without `key`, it uses the key from the environment, but only at the usual address, and for
    Azure at one of Azure's.

    Raises:
        ValueError: There is no such name, `base_url` is not an http(s) address, or it is missing
            for Azure.
    """
    if name not in KNOWN:
        raise ValueError(
            f"provider must be one of {', '.join(KNOWN)}, not {name!r}. For any other "
            "OpenAI-compatible server, pass its address as base_url."
        )
    known = KNOWN[name]
    if name == "azure":
        return _azure(known, base_url or azure_address(), key)
    if base_url is not None:
        return replace(endpoint(base_url, key), dialect=known.dialect)
    if name == "openrouter":
        return endpoint(OPENROUTER_URL, key or find_openrouter_key())
    return Provider(
        name=known.title,
        base_url=known.base_url,
        key=key or known.find_key(find_key),
        key_env=known.key_env,
        dialect=known.dialect,
    )


def _azure(known: Known, base_url: str, key: Secret | None) -> Provider:
    if not base_url:
        raise ValueError(
            'provider="azure" needs base_url="https://RESOURCE.openai.azure.com/openai/v1", or the '
            f"environment variable {AZURE_ADDRESS}."
        )
    given = endpoint(base_url, key)
    if key is None and (urlsplit(given.base_url).hostname or "").endswith(_AZURE_HOSTS):
        key = known.find_key(find_key)
    return replace(given, name=known.title, key=key, key_env=known.key_env, dialect=known.dialect)


def azure_address() -> str:
    """Returns the address of the user's Azure resource from the environment; "" if it has none."""
    address = os.environ.get(AZURE_ADDRESS, "").strip().rstrip("/")
    # The SDK for Azure wants the host alone there.
    return f"{address}/openai/v1" if address and not urlsplit(address).path else address


def owner_of(key: Secret) -> str:
    """Returns the name in `KNOWN` of the provider whose keys have this form; "" if unknown."""
    for name, known in KNOWN.items():
        if known.key_forms and key.reveal().startswith(known.key_forms):
            return name
    return ""


def endpoint(base_url: str, key: Secret | None) -> Provider:
    """Returns the OpenAI-compatible server at this address.

    Raises:
        ValueError: `base_url` is not an http(s) address.
    """
    if not isinstance(base_url, str):
        raise TypeError(f"base_url must be text, not {type(base_url).__name__}")
    base_url = base_url.strip().rstrip("/")
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"base_url must start with http:// or https://, not {base_url!r}")
    if base_url == OPENROUTER_URL and key is not None:
        return openrouter(key)
    return Provider(
        name=parts.netloc.rpartition("@")[2],
        base_url=base_url,
        key=key,
        dialect=_dialect_at(parts.hostname, parts.port),
    )


def _dialect_at(hostname: str, port: int | None) -> Dialect:
    """Returns the dialect of a known host, or of a known port on this machine."""
    if hostname.endswith(_AZURE_HOSTS):
        return _OPENAI
    for known in KNOWN.values():
        usual = urlsplit(known.base_url)
        if usual.port is None:
            if usual.hostname == hostname:
                return known.dialect
        elif usual.port == port and _is_loopback(hostname):
            return known.dialect
    return PLAIN


def key_in_environment(name: str) -> Secret | None:
    """Returns the key with this name from the environment."""
    key = Secret(os.environ.get(name, ""))
    return key if key.reveal() else None


def find_key(name: str) -> Secret | None:
    """Returns the key with this name from the environment or from Colab's secrets."""
    if (key := key_in_environment(name)) is not None:
        return key
    key = Secret(_colab_secret(name))
    return key if key.reveal() else None


def find_openrouter_key() -> Secret | None:
    """Returns OpenRouter's key from the environment or from Colab's secrets."""
    return find_key(OPENROUTER_KEY)


def _colab_secret(name: str) -> str:
    if "google.colab" not in sys.modules:
        return ""
    try:
        from google.colab import userdata

        return str(userdata.get(name) or "").strip()
    except Exception:  # no such secret, or the user did not grant access
        return ""
