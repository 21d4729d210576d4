"""Turns errors of requests into messages for the user, and says whether a retry may help."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from nbchat._chat.errors import ChatError
from nbchat._chat.keys import SEARCHED, clean

from . import bounded

_DETAIL_LIMIT = 2000
_QUOTE_LIMIT = 400

_BASE_URL = "If you set base_url, check it: it usually ends in /v1."

# What happened, and what the user can do about it.
_Texts = tuple[str, str]

# A retry may help. `_turns/plan.py` looks for names of parameters in the whole message: keep them
# out of these sentences.
_RETRYABLE: dict[str, _Texts] = {
    "timeout": ("{server} took too long to answer", ""),
    "rate": (
        "Rate limit reached for {model} on {server}",
        "Wait a little and try again, or choose another model.",
    ),
    "server": ("{server} had an internal error", ""),
    "overloaded": (
        "{server} is overloaded or temporarily unavailable",
        "Try again soon, or choose another model.",
    ),
    "failed": ("{server} reported an error", ""),
    "mid_reply": ("The provider reported an error during the reply", ""),
    "silent": ("{server} closed the connection without sending anything", ""),
    "unreadable": (
        "Part of the stream from {server} could not be read, so the reply may have gaps",
        "",
    ),
    "too_large": ("{server} sent more than nbchat reads", ""),
    "empty": ("The model sent an empty reply", "Try again, or choose another model."),
    "empty_length": (
        "The model used up Max tokens before it wrote any text",
        "Raise Max tokens and try again.",
    ),
    "unreachable": (
        "Can't reach {server}",
        "Is it running? Check your connection, and base_url if you set it.",
    ),
    "refused": (
        "{server} refused the connection",
        "Is it running? If you set base_url, check its port.",
    ),
    "no_host": (
        "Can't reach {server}: its host name was not found",
        "Check your connection, and base_url if you set it.",
    ),
    "lost": ("The connection to {server} was lost before the reply ended", ""),
}

# These stay wrong until the user changes something.
_PERMANENT: dict[str, _Texts] = {
    "no_key": ("{server} needs an API key", "Set {key}, or enter a key."),
    "key": ("{server} rejected the API key", "Check {key}, or use another key."),
    "key_limit": (
        "This API key has reached its spending limit on {server}",
        "Raise the limit, or use another key.",
    ),
    "credit": ("Not enough credit on {server}", ""),
    "daily": (
        "Today's free requests on {server} are used up",
        "Choose a paid model, or wait for the quota to reset.",
    ),
    "forbidden": ("{server} does not allow this request with this API key", ""),
    "blocked": (
        "{server}'s content filter blocked this message",
        "Rephrase it, or choose another model.",
    ),
    "empty_filter": (
        "A content filter blocked the reply",
        "Rephrase your message, or choose another model.",
    ),
    "privacy": (
        "Your {server} privacy settings or guardrails exclude every provider of {model}",
        "Change them there, or choose another model.",
    ),
    "model": ("{model} isn't available on {server}", "Choose another model."),
    "path": ("{server} has no chat endpoint at this address", _BASE_URL),
    "context": (
        "The conversation is too long for {model}",
        "Clear the chat, send less, or choose a model with a longer context.",
    ),
    "request": ("{server} rejected the request", ""),
    "redirect": (
        "{server} redirects requests to another address",
        "nbchat does not follow, because it sends a key only to the server you chose. "
        "If the other address is right, use it as base_url.",
    ),
    "web_page": (
        "{server} answered with a web page (HTML) instead of a chat reply",
        _BASE_URL,
    ),
    "not_a_stream": ("{server} answered with something other than a chat reply", _BASE_URL),
    "speaks_https": ("{server} speaks HTTPS", "Use https:// in base_url."),
    "speaks_http": (
        "No secure connection to {server}: it speaks HTTP",
        "Use http:// in base_url.",
    ),
    "tls": (
        "No secure connection to {server}",
        "Should base_url begin with http://, or does a proxy use its own certificate?",
    ),
    "address": (
        "The base_url of {server} is not valid",
        "It must begin with http:// or https://.",
    ),
    "key_text": (
        "The API key for {server} contains a character that can't be sent, such as a line break",
        "Check {key}, or use another key.",
    ),
    "unexpected": ("The request to {server} failed unexpectedly", ""),
}

# Their own sentences explain little: the server's words belong to the advice.
_QUOTED = ("server", "failed", "mid_reply", "forbidden", "redirect", "request")

Remedy = Literal["", "enter_key", "change_key", "add_credit", "change_model"]
"""What the user does about an error, other than try again."""

REMEDIES: dict[str, Remedy] = {
    "no_key": "enter_key",
    **dict.fromkeys(("key", "key_limit", "key_text", "forbidden"), "change_key"),
    "credit": "add_credit",
    **dict.fromkeys(
        ("model", "privacy", "daily", "context", "blocked", "empty_filter"), "change_model"
    ),
}
"""The kind of an error → the remedy, if there is one."""

# 522 and 524 are Cloudflare's. Anthropic and OpenRouter use 529 for "overloaded".
_BY_STATUS = {
    400: "request", 401: "key", 402: "credit", 403: "forbidden", 404: "path", 405: "path",
    408: "timeout", 413: "context", 429: "rate", 502: "overloaded", 503: "overloaded",
    504: "timeout", 522: "timeout", 524: "timeout", 529: "overloaded",
}  # fmt: skip

# A status is ambiguous (404 may be the model or the address, 400 anything), so the words of the
# body come first. The first pattern that matches "type code message" wins. Servers are named as
# recorded or documented up to November 2026.
_BY_WORDS = [
    (re.compile(pattern, re.IGNORECASE), cause)
    for pattern, cause in (
        # nginx, Go and Apache.
        (
            r"plain HTTP request was sent to HTTPS|HTTP request to an HTTPS server"
            r"|speaking plain HTTP to an SSL",
            "speaks_https",
        ),
        # OpenRouter: 429 for the free requests of a day, 403 for the limit of a key.
        (r"free_tier_daily|free-models-per-day", "daily"),
        (r"key limit exceeded", "key_limit"),
        # OpenAI 429 insufficient_quota, OpenRouter and DeepSeek 402.
        (r"insufficient[_ ](quota|credits?|balance|funds)|can only afford", "credit"),
        # OpenRouter 401, also for a malformed key.
        (r"missing auth|no auth|(no|missing|provide an) api.?key|api.?key (is )?missing", "no_key"),
        # OpenAI, Groq, Mistral, Perplexity; DeepSeek and Gemini in the second form.
        (r"(invalid|incorrect|wrong)[_ ]api[_ ]key|api[_ ]key.{0,40}(invalid|not valid)", "key"),
        # OpenRouter 404.
        (r"data policy|guardrail restrictions", "privacy"),
        # OpenAI, DeepSeek and llama-server; too_many_prompt_tokens is Perplexity's.
        (r"context[_ ]?(length|size|window)|too_many_prompt_tokens", "context"),
        # Ollama and Perplexity.
        (r"(prompt|messages?|input|request|conversation) (is |are )?too (long|large)", "context"),
        # OpenAI, Groq and Doubleword 404, Mistral and Perplexity 400, OpenRouter 400.
        (r"model_not_found|model_decommissioned|invalid[_ ]model|not a valid model", "model"),
        # OpenAI and Groq again; Venice, which sends nothing but a sentence.
        (r"\bmodel\b.{0,200}(not found|does not exist|decommissioned|no longer)", "model"),
        # OpenRouter 404 for a free model that has ended.
        (r"no endpoints found|unknown model", "model"),
        # OpenRouter 403, OpenAI and Azure 400.
        (r"moderation|flagged|guardrail|prompt injection|content_policy|content_filter", "blocked"),
        # llama-server answers 500 where the request is wrong ("image input is not supported").
        (r"not support(ed)?\b|unsupported", "request"),
    )
]  # fmt: skip

# An error inside a stream has no status, but its type implies one. The types are Anthropic's and
# OpenAI's.
_STATUS_OF_WORD = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "api_error": 500,
    "server_error": 500,
    "overloaded_error": 529,
}

# openai 2.x uses httpx and 3.x httpx2, with the same class names: neither can be imported here, so
# names decide.
_BY_CLASS = (
    (("ConnectTimeout",), "unreachable"),
    (("APITimeoutError", "TimeoutException", "TimeoutError"), "timeout"),
    (("gaierror",), "no_host"),
    (("SSLError",), "tls"),
    (("ConnectionRefusedError",), "refused"),
    # The connection ends in mid-body: APIConnectionError in openai 3.x, httpx's own error in 2.x.
    (("RemoteProtocolError", "ReadError", "WriteError", "ConnectionResetError"), "lost"),
    (("BrokenPipeError", "ConnectionAbortedError", "IncompleteReadError"), "lost"),
    (("UnsupportedProtocol", "InvalidURL"), "address"),
    (("LocalProtocolError", "UnicodeEncodeError"), "key_text"),
    (("ConnectError", "ProxyError", "APIConnectionError", "OSError"), "unreachable"),
    (("DecodingError", "JSONDecodeError", "UnicodeDecodeError"), "unreadable"),
)

CLIENT_SIDE = {"unexpected", *(cause for _, cause in _BY_CLASS)}
"""The kinds of errors that need no word of the server."""

# What TLS and HTTP make of each other: the words of OpenSSL 1.1 to 3, and of h11, which quotes an
# alert of TLS as a line of HTTP.
_OTHER_SCHEME = (
    (
        re.compile(r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|UNKNOWN_PROTOCOL", re.I),
        "speaks_http",
    ),
    (re.compile(r"illegal status line.{0,20}\\x15\\x03", re.I), "speaks_https"),
)


def explain(
    exc: BaseException,
    *,
    server: str,
    key_env: str | None = None,
    model: str | None = None,
    sent_key: bool | None = None,
) -> ChatError:
    """Turns any exception of a request into a `ChatError`; a `ChatError` passes through.

    Args:
        exc: An exception of the openai SDK, of its HTTP library or of Python.
        server: The server's name, as the user sees it.
        key_env: The environment variable that holds the key.
        model: The requested model.
        sent_key: Whether the request carried an API key, if that is known.
    """
    chain = list(_chain(exc))
    if isinstance(exc, ChatError):
        return exc
    exc = next((link for link in chain if isinstance(link, bounded.RefusalError)), exc)
    status = getattr(exc, "status_code", None)
    body = getattr(exc, "body", None)
    if isinstance(status, int) and 300 <= status < 400:
        address = _headers(exc).get("location", "")
        return explain_cause("redirect", address, server=server)
    if isinstance(status, int) or body:
        return explain_body(
            body,
            status=status if isinstance(status, int) else None,
            headers=_headers(exc),
            server=server,
            key_env=key_env,
            model=model,
            sent_key=sent_key,
        )
    names = {base.__name__ for link in chain for base in type(link).__mro__}
    if "OpenAIError" in names and "api_key" in str(exc):
        cause = "no_key"
    else:
        cause = next((c for known, c in _BY_CLASS if names.intersection(known)), "unexpected")
    texts = dict.fromkeys(f"{type(link).__name__}: {link}" for link in chain if str(link))
    if cause in ("tls", "lost"):
        cause = next((c for words, c in _OTHER_SCHEME if words.search("\n".join(texts))), cause)
    if cause == "key_text":
        texts = {}  # they quote the key
    return explain_cause(
        cause,
        server=server,
        key_env=key_env,
        model=model,
        advice=clean(next(iter(texts), repr(exc)), _QUOTE_LIMIT) if cause == "unexpected" else "",
        detail="\n".join(texts),
    )


def _headers(exc: BaseException) -> Mapping[str, str]:
    """Returns the headers of the response in an exception of the SDK, or in a `RefusalError`."""
    headers = getattr(getattr(exc, "response", exc), "headers", None)
    return headers if isinstance(headers, Mapping) else {}


def explain_body(
    body: object,
    *,
    status: int | None,
    headers: Mapping[str, str] | None = None,
    server: str = "The server",
    key_env: str | None = None,
    model: str | None = None,
    sent_key: bool | None = None,
) -> ChatError:
    """Explains an error body of any shape that servers send.

    Args:
        body: The parsed JSON (whole, or only its inner ``error``), or text that is not JSON.
        status: The HTTP status. None for an error inside a stream; its body may name a status.
        headers: The headers of the response, which may say how long to wait.
        server: The server's name, as the user sees it.
        key_env: The environment variable that holds the key.
        model: The requested model.
        sent_key: Whether the request carried an API key, if that is known.
    """
    if isinstance(body, (bytes, bytearray)):
        body = body.decode("utf-8", "replace")
    if isinstance(body, str) and body.lstrip().startswith(("{", "[")):
        body = _parsed(body) or body
    if status is not None and status < 400:
        status = None
    title = _page_title(body) if isinstance(body, str) else None
    error = body
    if isinstance(body, Mapping) and isinstance(body.get("error"), Mapping):
        error = body["error"] or body
    fields: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    metadata = _mapping(fields.get("metadata"))
    availability = _mapping(fields.get("availability"))
    words = [
        value[:_QUOTE_LIMIT]
        for value in (
            availability.get("code"),
            fields.get("code"),
            fields.get("error_type"),
            metadata.get("error_type"),
            fields.get("type"),
        )
        if isinstance(value, str) and value and not value.isdecimal()
    ]
    status = status or _status_of(fields, words)
    quote = (_sentence(error) if title is None else title)[:SEARCHED]
    limit_source = str(metadata.get("limit_source") or "")[:_QUOTE_LIMIT]
    cause = _cause_of(" ".join([*words, limit_source, quote]), status, metadata)
    if title is not None and status is None:
        cause = "web_page"
    if cause in ("key", "no_key") and sent_key is not None:
        # OpenRouter says "No auth credentials found" of a malformed key, too.
        cause = "key" if sent_key else "no_key"
    all_headers = {
        str(key).lower(): str(value)
        for source in (_mapping(metadata.get("headers")), headers or {})
        for key, value in source.items()
    }
    resets_at = _reset_time(all_headers)
    param = _param_of(fields)
    result = explain_cause(
        cause,
        quote,
        server=server,
        key_env=key_env,
        model=model,
        upstream=metadata.get("provider_name"),
        advice=(
            "This request had none."
            if sent_key is False and cause == "no_key"
            else _advice(cause, quote, param, resets_at, availability)
        ),
        detail=_verbatim(error),
    )
    result.status_code = status
    result.code = clean(words[0] if words else str(fields.get("code") or ""), 100) or None
    result.param = param
    if isinstance(availability.get("retryable"), bool) and cause != "daily":
        result.retryable = availability["retryable"]
    if result.retryable:
        wait = _seconds(availability.get("retry_after"))
        if wait is None:
            wait = _retry_after(all_headers.get("retry-after"))
        if wait is None and resets_at is not None and resets_at > time.time():
            wait = resets_at - time.time()
        result.retry_after_s = wait
    return result


def explain_non_stream(
    body: bytes,
    *,
    server: str,
    key_env: str | None = None,
    model: str | None = None,
    sent_key: bool | None = None,
) -> ChatError:
    """Explains a response with status 200 that is neither a stream nor a completion.

    The openai SDK yields no chunk and raises nothing for it (measured with 2.54 and 3.54).
    """
    text = body.decode("utf-8-sig", "replace").strip()
    lines = [line for line in text.splitlines() if not line.startswith((":", "event", "retry"))]
    if not "".join(lines).strip():
        return explain_cause("silent", server=server)
    parsed = _parsed(text)
    if isinstance(parsed, Mapping) and any(
        parsed.get(key) for key in ("error", "detail", "message")
    ):
        return explain_body(
            parsed, status=None, server=server, key_env=key_env, model=model, sent_key=sent_key
        )
    title = _page_title(text)
    if title is not None:
        return explain_cause("web_page", title, server=server, detail=text)
    return explain_cause("not_a_stream", text, server=server)


def explain_cause(
    cause: str,
    quote: str = "",
    *,
    server: str,
    key_env: str | None = None,
    model: str | None = None,
    upstream: object = None,
    advice: str = "",
    detail: str | None = None,
) -> ChatError:
    """Returns the error for a known cause.

    Args:
        cause: A key of the two tables of sentences above.
        quote: The server's own words.
        server: The server's name, as the user sees it.
        key_env: The environment variable that holds the key.
        model: The requested model.
        upstream: The provider behind the server, if known.
        advice: A sentence with the details of this case, before the usual advice.
        detail: The full text that the server sent, if ``quote`` is only a part of it.
    """
    names = {"server": server, "key": key_env or "api_key", "model": model or "this model"}
    title, usual = (text.format(**names) for text in _RETRYABLE.get(cause) or _PERMANENT[cause])
    said = ""
    if quote := quote.strip():
        who = clean(upstream, 60) if isinstance(upstream, str) and upstream else "The server"
        said = f"{who} said: {clean(quote, _QUOTE_LIMIT)}"
    end = "" if said.endswith((".", "!", "?", "…")) else "."
    advice = " ".join(filter(None, (advice, usual)))
    return ChatError(
        " ".join(filter(None, (f"{title}.", advice, said))),
        title=title,
        advice=f"{said}{end} {advice}".strip() if said and cause in _QUOTED else advice,
        server=server,
        retryable=cause in _RETRYABLE,
        detail=clean(detail or quote, _DETAIL_LIMIT) or None,
        kind=cause,
    )


def _cause_of(words: str, status: int | None, metadata: Mapping[str, Any]) -> str:
    cause = next((cause for pattern, cause in _BY_WORDS if pattern.search(words)), None)
    if cause:
        return cause
    if status == 403 and ("patterns" in metadata or "reasons" in metadata):
        return "blocked"  # OpenRouter's guardrails and moderation (documented)
    if status is None:
        return "failed"
    return _BY_STATUS.get(status) or ("server" if status >= 500 else "request")


def _advice(
    cause: str,
    quote: str,
    param: str | None,
    resets_at: float | None,
    availability: Mapping[str, Any],
) -> str:
    if cause == "credit" and (affordable := re.search(r"can only afford (\d+)", quote)):
        return f"Lower Max tokens to {affordable[1]} or less, or add credit."
    if cause == "credit":
        return "Add credit, or choose a free model."
    if cause == "daily" and resets_at is not None:
        reset = datetime.fromtimestamp(resets_at, timezone.utc)
        return f"It resets at {reset:%Y-%m-%d %H:%M} UTC."
    if cause == "request" and param and param not in quote:
        return f"The rejected parameter is {param}."
    others = availability.get("fallback_models")  # OpenRouter, since August 2026
    if isinstance(others, list) and others and isinstance(others[0], str):
        return f"Try {clean(others[0], 100)} instead."
    return ""


def _status_of(fields: Mapping[str, Any], words: list[str]) -> int | None:
    # "status_code" is Groq's, "http_status" OpenRouter's, "raw_status_code" Mistral's.
    for key in ("code", "status_code", "http_status", "raw_status_code", "status"):
        value = str(fields.get(key))[:4]
        if value.isdecimal() and value.isascii() and 400 <= int(value) < 600:
            return int(value)
    return next((_STATUS_OF_WORD[word] for word in words if word in _STATUS_OF_WORD), None)


def _sentence(value: object, depth: int = 0) -> str:
    """Finds the message in an error of any shape.

    Recorded: ``{"error": {"message": …}}`` from most servers, ``{"error": "text"}`` from Venice and
    the HF router, ``{"detail": …}`` from Mistral and the HF router, ``{"code", "message"}`` from
    Doubleword and Baseten, a page of HTML from Perplexity. OpenRouter's ``metadata.raw`` holds the
    upstream provider's own error, often JSON again, where its ``message`` says only "Provider
    returned error".
    """
    if depth > 5:
        return ""
    if isinstance(value, str):
        inner = _parsed(value) if value.lstrip().startswith(("{", "[")) else None
        return (_sentence(inner, depth + 1) if inner else "") or value
    if isinstance(value, list):
        return "; ".join(filter(None, (_sentence(item, depth + 1) for item in value[:5])))
    if not isinstance(value, Mapping):
        return ""
    raw = _sentence(_mapping(value.get("metadata")).get("raw"), depth + 1)
    if " " in raw:
        return raw
    for key in ("message", "detail", "error", "msg", "error_description", "title"):
        message = _sentence(value.get(key), depth + 1)
        if message:
            loc = value.get("loc")
            where = ".".join(str(part)[:100] for part in loc[:9]) if isinstance(loc, list) else ""
            return f"{where}: {message}" if where else message
    return raw


def _param_of(fields: Mapping[str, Any]) -> str | None:
    """Finds the rejected parameter: OpenAI's ``param``, or the ``loc`` of pydantic's errors."""
    param = fields.get("param")
    detail = fields.get("detail")
    if not param and isinstance(detail, list) and detail:
        loc = _mapping(detail[0]).get("loc")
        param = loc[-1] if isinstance(loc, list) and loc else None
    return clean(param, 100) if param and isinstance(param, str) else None


def _verbatim(error: object) -> str:
    if isinstance(error, str):
        return error
    try:
        return json.dumps(error, ensure_ascii=False, default=str) if error else ""
    except (ValueError, RecursionError, TypeError):
        return ""


def _page_title(text: str) -> str | None:
    """Returns the title of an HTML page ("" if it has none); None for any other text."""
    from html import unescape

    text = text[:SEARCHED].lstrip()
    if not (text.startswith("<") and re.search(r"<(!doctype html|html|head|body)\b", text, re.I)):
        return None
    title = re.search(r"<title[^>]*>([^<]*)", text, re.IGNORECASE)
    return " ".join(unescape(title[1]).split()) if title else ""


def _parsed(text: str) -> object:
    try:
        return bounded.loads(text)
    except (ValueError, RecursionError):
        return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _seconds(value: object) -> float | None:
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < 1e9 else None


def _retry_after(value: str | None) -> float | None:
    """Reads ``Retry-After``: seconds, or an HTTP date."""
    seconds = _seconds(value)
    if seconds is not None or value is None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _reset_time(headers: Mapping[str, str]) -> float | None:
    """Reads OpenRouter's ``X-RateLimit-Reset`` (ms since 1970) as seconds since 1970."""
    try:
        reset = float(headers["x-ratelimit-reset"]) / 1000
    except (KeyError, ValueError):
        return None
    # Under this name, other servers send seconds or a duration.
    return reset if 1e9 < reset < 1e11 else None


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    """Yields an exception and its causes, outermost first."""
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        # anyio tries all addresses of a host name and groups their errors.
        for inner in getattr(exc, "exceptions", ()):
            yield from _chain(inner)
        # The connection pool of httpcore 1.0 hides the real cause with "from None".
        exc = exc.__cause__ or exc.__context__
