"""The error in which a request may end, and one for what can't happen."""

from __future__ import annotations

from typing import NoReturn


class ChatError(Exception):
    """A request that failed; ``str()`` is what a person reads.

    Holds plain values only: requests and responses carry the key in their headers.

    Attributes:
        message: What happened and what to do about it.
        status_code: The HTTP status, or the one named in the error body.
        code: The server's own name for the error, such as ``rate_limit_exceeded``.
        param: The request parameter that the server objects to.
        retryable: Whether the same request may succeed later.
        retry_after_s: Seconds to wait before that, where the server says so.
        detail: What the server said, verbatim but without keys, at most 2000 characters.
        kind: What sort of error it is, in a word of nbchat's own: "rate", "context", "key", ….
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: str | None = None,
        param: str | None = None,
        retryable: bool = False,
        retry_after_s: float | None = None,
        detail: str | None = None,
        kind: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.code = code
        self.param = param
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.detail = detail
        self.kind = kind


def assert_never(value: NoReturn) -> NoReturn:
    """Makes the type checker prove that a match is exhaustive; `typing` has it from 3.11 on."""
    raise AssertionError(f"not expected: {value!r}")
