"""The error that a failed request raises, and a check that matches are exhaustive."""

from __future__ import annotations

from typing import NoReturn


class ChatError(Exception):
    """A failed request; ``str(error)`` is the text that the user reads.

    Holds plain values only, never a request or response: their headers carry the API key.

    Attributes:
        message: What happened and what the user can do about it: title, advice, the server's words.
        title: What happened, in a few words without a full stop.
        advice: What the user can do about it, in a sentence or two; may be blank.
        server: The name of the server that failed, as the user sees it; "" if it was not a server.
        status_code: The HTTP status, or the status in the error body.
        code: The server's own name for the error, such as ``rate_limit_exceeded``.
        param: The request parameter that the server rejects.
        retryable: Whether the same request may succeed later.
        retry_after_s: Seconds to wait before a retry, if the server says so.
        detail: The server's own words with keys masked, at most 2000 characters.
        kind: nbchat's own category of the error: "rate", "context", "key", ….
    """

    def __init__(
        self,
        message: str,
        *,
        title: str = "",
        advice: str = "",
        server: str = "",
        status_code: int | None = None,
        code: str | None = None,
        param: str | None = None,
        retryable: bool = False,
        retry_after_s: float | None = None,
        detail: str | None = None,
        kind: str = "",
    ) -> None:
        super().__init__(message)
        if not title:
            title, _, advice = message.partition(". ")
        self.message = message
        self.title = title.rstrip(".")
        self.advice = advice
        self.server = server
        self.status_code = status_code
        self.code = code
        self.param = param
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.detail = detail
        self.kind = kind


def assert_never(value: NoReturn) -> NoReturn:
    """Makes the type checker prove that a match is exhaustive (`typing` has it since 3.11)."""
    raise AssertionError(f"unexpected value: {value!r}")
