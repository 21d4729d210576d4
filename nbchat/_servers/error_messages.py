"""What went wrong with a request, in words for a person, and whether a retry makes sense."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from nbchat._chat.errors import ChatError
from nbchat._chat.keys import SEARCHED, clean

_DETAIL_LIMIT = 2000
_SAID_LIMIT = 400

_BASE_URL = "Is the base_url right? It usually ends in /v1."

# What a retry can cure.
_PASSING = {
    "timeout": "{server} took too long to answer. Try again.",
    "rate": (
        "{server} gets too many requests for {model} right now. "
        "Wait a little and try again, or pick another model."
    ),
    "server": "{server} had a problem of its own. Try again.",
    "overloaded": (
        "{server} is overloaded or down for the moment. Try again soon, or pick another model."
    ),
    "failed": "{server} reported an error. Try again.",
    "mid_reply": "The provider reported an error in mid-reply. Try again.",
    "silent": "{server} closed the connection without sending anything. Try again.",
    "unreadable": (
        "A piece of the stream from {server} could not be read, so the reply may have gaps. "
        "Try again."
    ),
    "empty": "The model sent an empty reply. Try again, or pick another model.",
    "empty_length": (
        "The model used up Max tokens before it wrote any text. Raise Max tokens and try again."
    ),
    "unreachable": (
        "{server} can't be reached. Is it running, is the base_url right, is there a network?"
    ),
    "refused": (
        "{server} refused the connection. Is it running, and is the base_url (its port) right?"
    ),
    "no_host": (
        "The host name of {server} can't be found. Is the base_url right, and is there a network?"
    ),
    "lost": "The connection to {server} was lost before the reply had ended. Try again.",
}

# What stays wrong until a person changes something.
_LASTING = {
    "no_key": "{server} was sent no API key. Set {key}.",
    "key": "{server} does not accept the API key. Check {key}.",
    "key_limit": (
        "The spending limit of this API key is used up. Raise it, or set {key} to another key."
    ),
    "credit": "{server} wants more credit than this account has left.",
    "daily": "The free requests of today are used up on {server}. Pick a paid model, or wait.",
    "forbidden": "{server} does not allow this request with this API key.",
    "blocked": (
        "A content rule of {server} blocked this message. "
        "Say it differently, or pick another model."
    ),
    "empty_filter": (
        "A content filter blocked the reply. Say it differently, or pick another model."
    ),
    "privacy": (
        "The privacy settings or guardrails of this {server} account leave no provider for "
        "{model}. Change them there, or pick another model."
    ),
    "model": (
        "{server} does not have {model}. Free models often go away within months: pick another one."
    ),
    "path": "{server} has no chat at this address. " + _BASE_URL,
    "context": (
        "The conversation is too long for {model}. "
        "Clear the chat, send less, or pick a model with a longer context."
    ),
    "request": "{server} does not accept something in this request.",
    "redirect": (
        "{server} sends requests on to another address. That is not followed, as a key is for its "
        "own server. If the other address is right, make it the base_url."
    ),
    "web_page": ("{server} answered with a web page (HTML) instead of a chat reply. " + _BASE_URL),
    "not_a_stream": "{server} answered with something that is not a chat reply. " + _BASE_URL,
    "tls": (
        "No secure connection to {server}. Should the base_url begin with http://, "
        "or does a proxy use a certificate of its own?"
    ),
    "address": (
        "The base_url of {server} can't be used as it is. It begins with http:// or https://."
    ),
    "key_text": (
        "The API key for {server} holds a character that can't be sent, such as a line break. "
        "Check {key}."
    ),
    "unexpected": "The request to {server} failed in an unexpected way.",
}

_BY_STATUS = {
    400: "request", 401: "key", 402: "credit", 403: "forbidden", 404: "path", 405: "path",
    408: "timeout", 413: "context", 429: "rate", 502: "overloaded", 503: "overloaded",
    504: "timeout", 522: "timeout", 524: "timeout", 529: "overloaded",
}  # fmt: skip

# Statuses tell too little (a 404 is a model or an address, a 400 anything), so the words of the
# body come first. The first row that matches "type code message" counts.
_BY_WORDS = [
    (re.compile(pattern, re.IGNORECASE), cause)
    for pattern, cause in (
        (r"free_tier_daily|free-models-per-day", "daily"),
        (r"key limit exceeded", "key_limit"),
        (r"insufficient[_ ](quota|credits?|balance|funds)|can only afford", "credit"),
        (r"missing auth|no auth|(no|missing|provide an) api.?key|api.?key (is )?missing", "no_key"),
        (r"(invalid|incorrect|wrong)[_ ]api[_ ]key|api[_ ]key.{0,40}(invalid|not valid)", "key"),
        (r"data policy|guardrail restrictions", "privacy"),
        (r"context[_ ]?(length|size|window)|too_many_prompt_tokens", "context"),
        (r"(prompt|messages?|input|request|conversation) (is |are )?too (long|large)", "context"),
        (r"model_not_found|model_decommissioned|invalid[_ ]model|not a valid model", "model"),
        (r"\bmodel\b.{0,200}(not found|does not exist|decommissioned|no longer)", "model"),
        (r"no endpoints found|unknown model", "model"),
        (r"moderation|flagged|guardrail|prompt injection|content_policy|content_filter", "blocked"),
        (r"not support(ed)?\b|unsupported", "request"),
    )
]  # fmt: skip

# Errors in mid-stream come without a status; their words stand for one.
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

# The SDK's majors use different HTTP libraries with the same class names, so names decide.
_BY_CLASS = (
    (("ConnectTimeout",), "unreachable"),
    (("APITimeoutError", "TimeoutException", "TimeoutError"), "timeout"),
    (("gaierror",), "no_host"),
    (("SSLError",), "tls"),
    (("ConnectionRefusedError",), "refused"),
    (("RemoteProtocolError", "ReadError", "WriteError", "ConnectionResetError"), "lost"),
    (("BrokenPipeError", "ConnectionAbortedError", "IncompleteReadError"), "lost"),
    (("UnsupportedProtocol", "InvalidURL"), "address"),
    (("LocalProtocolError", "UnicodeEncodeError"), "key_text"),
    (("ConnectError", "ProxyError", "APIConnectionError", "OSError"), "unreachable"),
    (("DecodingError", "JSONDecodeError", "UnicodeDecodeError"), "unreadable"),
)


def explain(
    exc: BaseException, *, server: str, key_env: str | None = None, model: str | None = None
) -> ChatError:
    """Turns any exception of a request into a `ChatError`; one that is already passes through.

    Args:
        exc: An exception of the openai SDK, of its HTTP library, or of Python's own.
        server: The name by which the person knows the server.
        key_env: The environment variable that holds the key.
        model: The model asked for.
    """
    if isinstance(exc, ChatError):
        return exc
    status = getattr(exc, "status_code", None)
    body = getattr(exc, "body", None)
    if isinstance(status, int) and 300 <= status < 400:
        address = getattr(getattr(exc, "response", None), "headers", {}).get("location", "")
        return explain_cause("redirect", address, server=server)
    if isinstance(status, int) or body:
        headers = getattr(getattr(exc, "response", None), "headers", None)
        return explain_body(
            body,
            status=status if isinstance(status, int) else None,
            headers=headers if isinstance(headers, Mapping) else None,
            server=server,
            key_env=key_env,
            model=model,
        )
    chain = list(_chain(exc))
    names = {base.__name__ for link in chain for base in type(link).__mro__}
    if "OpenAIError" in names and "api_key" in str(exc):
        cause = "no_key"
    else:
        cause = next((c for known, c in _BY_CLASS if names.intersection(known)), "unexpected")
    texts = dict.fromkeys(f"{type(link).__name__}: {link}" for link in chain if str(link))
    if cause == "key_text":
        texts = {}  # They quote the key.
    return explain_cause(
        cause,
        server=server,
        key_env=key_env,
        model=model,
        advice=clean(next(iter(texts), repr(exc)), _SAID_LIMIT) if cause == "unexpected" else "",
        detail="\n".join(texts),
    )


def explain_body(
    body: object,
    *,
    status: int | None,
    headers: Mapping[str, str] | None = None,
    server: str = "The server",
    key_env: str | None = None,
    model: str | None = None,
) -> ChatError:
    """Reads an error body of any shape that servers send.

    Args:
        body: The parsed JSON (whole, or its inner ``error``), or the text where it is none.
        status: The HTTP status; None for an error inside a stream, where the body may name one.
        headers: The headers of the answer, for the time to wait.
        server: The name by which the person knows the server.
        key_env: The environment variable that holds the key.
        model: The model asked for.
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
        value
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
    said = (_sentence(error) if title is None else title)[:SEARCHED]
    limit_source = metadata.get("limit_source")
    cause = _cause_of(" ".join([*words, str(limit_source or ""), said]), status, metadata)
    if title is not None and status is None:
        cause = "web_page"
    all_headers = {
        str(key).lower(): str(value)
        for source in (_mapping(metadata.get("headers")), headers or {})
        for key, value in source.items()
    }
    resets_at = _reset_time(all_headers)
    param = _param_of(fields)
    result = explain_cause(
        cause,
        said,
        server=server,
        key_env=key_env,
        model=model,
        speaker=metadata.get("provider_name"),
        advice=_advice(cause, said, param, resets_at, availability),
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
    body: bytes, *, server: str, key_env: str | None = None, model: str | None = None
) -> ChatError:
    """Says what an answer with status 200 was that held neither a stream nor a completion."""
    text = body.decode("utf-8-sig", "replace").strip()
    lines = [line for line in text.splitlines() if not line.startswith((":", "event", "retry"))]
    if not "".join(lines).strip():
        return explain_cause("silent", server=server)
    parsed = _parsed(text)
    if isinstance(parsed, Mapping) and any(
        parsed.get(key) for key in ("error", "detail", "message")
    ):
        return explain_body(parsed, status=None, server=server, key_env=key_env, model=model)
    title = _page_title(text)
    if title is not None:
        return explain_cause("web_page", title, server=server, detail=text)
    return explain_cause("not_a_stream", text, server=server)


def explain_cause(
    cause: str,
    said: str = "",
    *,
    server: str,
    key_env: str | None = None,
    model: str | None = None,
    speaker: object = None,
    advice: str = "",
    detail: str | None = None,
) -> ChatError:
    """Writes the message of a cause in the table above.

    Args:
        cause: Its name there.
        said: What the server itself said.
        server: The name by which the person knows the server.
        key_env: The environment variable that holds the key.
        model: The model asked for.
        speaker: The provider behind the server, where it is known.
        advice: A sentence that depends on the numbers of this case.
        detail: What the server said in full, where that is more than ``said``.
    """
    sentence = _PASSING.get(cause) or _LASTING[cause]
    parts = [sentence.format(server=server, key=key_env or "api_key", model=model or "this model")]
    if advice:
        parts.append(advice)
    if said := said.strip():
        via = f" ({clean(speaker, 60)})" if isinstance(speaker, str) and speaker else ""
        parts.append(f"{server}{via} said: {clean(said, _SAID_LIMIT)}")
    return ChatError(
        " ".join(parts),
        retryable=cause in _PASSING,
        detail=clean(detail or said, _DETAIL_LIMIT) or None,
        kind=cause,
    )


def _cause_of(words: str, status: int | None, metadata: Mapping[str, Any]) -> str:
    cause = next((cause for pattern, cause in _BY_WORDS if pattern.search(words)), None)
    if cause:
        return cause
    if status == 403 and ("patterns" in metadata or "reasons" in metadata):
        return "blocked"
    if status is None:
        return "failed"
    return _BY_STATUS.get(status) or ("server" if status >= 500 else "request")


def _advice(
    cause: str,
    said: str,
    param: str | None,
    resets_at: float | None,
    availability: Mapping[str, Any],
) -> str:
    if cause == "credit" and (affordable := re.search(r"can only afford (\d+)", said)):
        return f"Lower Max tokens to {affordable[1]} or less, or add credit."
    if cause == "daily" and resets_at is not None:
        reset = datetime.fromtimestamp(resets_at, timezone.utc)
        return f"They come back at {reset:%Y-%m-%d %H:%M} UTC."
    if cause == "request" and param:
        return f"It is about {param}."
    others = availability.get("fallback_models")
    if isinstance(others, list) and others and isinstance(others[0], str):
        return f"{clean(others[0], 100)} could do instead."
    return ""


def _status_of(fields: Mapping[str, Any], words: list[str]) -> int | None:
    for key in ("code", "status_code", "http_status", "raw_status_code", "status"):
        value = str(fields.get(key))[:4]
        if value.isdecimal() and value.isascii() and 400 <= int(value) < 600:
            return int(value)
    return next((_STATUS_OF_WORD[word] for word in words if word in _STATUS_OF_WORD), None)


def _sentence(value: object, depth: int = 0) -> str:
    """Finds the words in an error of any shape; an upstream's own words come first."""
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
        said = _sentence(value.get(key), depth + 1)
        if said:
            loc = value.get("loc")
            where = ".".join(str(part)[:100] for part in loc[:9]) if isinstance(loc, list) else ""
            return f"{where}: {said}" if where else said
    return raw


def _param_of(fields: Mapping[str, Any]) -> str | None:
    """Finds the parameter that the error is about, as OpenAI or pydantic name it."""
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
    """Returns the title of an HTML page ("" if it has none), and None for any other text."""
    from html import unescape

    text = text[:SEARCHED].lstrip()
    if not (text.startswith("<") and re.search(r"<(!doctype html|html|head|body)\b", text, re.I)):
        return None
    title = re.search(r"<title[^>]*>([^<]*)", text, re.IGNORECASE)
    return " ".join(unescape(title[1]).split()) if title else ""


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
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
    """Reads OpenRouter's ``X-RateLimit-Reset``, in ms since 1970, as seconds since 1970."""
    try:
        reset = float(headers["x-ratelimit-reset"]) / 1000
    except (KeyError, ValueError):
        return None
    # Other servers send seconds, or a duration, under this name.
    return reset if 1e9 < reset < 1e11 else None


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    """Yields an exception and what caused it, outermost first."""
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        # A name with several addresses fails as a group, with one error for each.
        for inner in getattr(exc, "exceptions", ()):
            yield from _chain(inner)
        # httpcore hides the real cause by "from None".
        exc = exc.__cause__ or exc.__context__
