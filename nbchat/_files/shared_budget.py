"""Counts what all visitors of a shared page ask and spend, in one file for all their kernels."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from functools import partial

from filelock import FileLock, Timeout

from nbchat._chat.errors import ChatError
from nbchat._chat.shared import Shared
from nbchat._servers.account import dollars

from .saved_chats import data_folder, replace_locked

_HOUR = 60
_DAY = 24 * 60
_LOCK_S = 10.0
_MOST_REQUESTS = 10**9
_MOST_DOLLARS = 1e6
_log = logging.getLogger("nbchat")

#: Minutes since 1970 → the requests of that minute, and their cost in US dollars.
Minutes = dict[int, tuple[int, float]]


class SharedBudget:
    """The limits of a shared page, and the file that counts for all its visitors.

    Each visitor has a kernel, so the file is locked while a kernel reads and replaces it. Only the
    owner's code says which file it is: the page's address is the visitor's to write, in many ways.
    The file has at most one entry for each minute of 24 hours.

    Args:
        limits: What the visitors may ask and spend.
        clock: Returns seconds since 1970.
    """

    def __init__(self, limits: Shared, clock: Callable[[], float] = time.time) -> None:
        self._limits = limits
        self._clock = clock
        key = hashlib.sha256(limits.name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        self.path = data_folder("shared") / f"{key}.json"

    def take(self, most: float) -> Callable[[float], None]:
        """Counts a request, at the most that it may cost.

        Returns:
            A function to call with the real cost. Without that call, the request keeps its price.

        Raises:
            ChatError: The request is beyond a limit, or can't be counted.
        """
        now = int(self._clock() // 60)
        try:
            with self._locked():
                minutes = self._read(now)
                try:
                    self._check(minutes, now, most)
                    _add(minutes, now, 1, most)
                finally:
                    self._write(minutes)  # also when refused: minutes in the future move to now
        except (OSError, Timeout) as error:
            _log.warning("The requests of a shared page can't be counted: %s", error)
            raise ChatError(
                "Not sent: this page can't count its requests now. Please tell its owner.",
                kind="shared",
                retryable=True,
            ) from None
        return partial(self._settle, now, most)

    def _settle(self, minute: int, most: float, cost: float) -> None:
        if not 0 <= cost <= _MOST_DOLLARS:  # also NaN: the server reports what can't be
            return
        try:
            with self._locked():
                minutes = self._read(int(self._clock() // 60))
                if minute in minutes:
                    _add(minutes, minute, 0, cost - most)
                    self._write(minutes)
        except (OSError, Timeout) as error:
            _log.warning("The cost of a shared page can't be counted: %s", error)

    def _check(self, minutes: Minutes, now: int, most: float) -> None:
        recent = sorted(minute for minute in minutes if minute > now - _HOUR)
        left = self._limits.requests_per_hour - sum(minutes[minute][0] for minute in recent)
        if left < 1:
            # The first minute whose end makes room.
            for minute in recent:
                left += minutes[minute][0]
                if left >= 1:
                    break
            wait = minute + _HOUR - now
            raise ChatError(
                f"Not sent: all visitors of this page together may make "
                f"{_count(self._limits.requests_per_hour, 'request')} an hour, and that limit is "
                f"reached. Try again in {_count(wait, 'minute')}.",
                kind="shared",
                retryable=True,
            )
        if most + sum(cost for _, cost in minutes.values()) > self._limits.cost_per_day:
            raise ChatError(
                f"Not sent: all visitors of this page together may spend "
                f"{dollars(self._limits.cost_per_day)} a day, and what is left is not enough for "
                "this request. Try again later, or with a shorter conversation.",
                kind="shared",
                retryable=True,
            )

    def _locked(self) -> FileLock:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self.path.with_suffix(".lock")
        return FileLock(lock, _LOCK_S, mode=0o600, thread_local=False)

    def _read(self, now: int) -> Minutes:
        """Returns what the file counts of the last 24 hours."""
        try:
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            return {}
        except UnicodeDecodeError:
            text = ""
        try:
            kept = json.loads(text)["minutes"]
            if not isinstance(kept, dict):
                raise TypeError("minutes is no object")
        except (ValueError, RecursionError, KeyError, TypeError):
            _log.warning("%s is damaged: the shared page counts from 0 again.", self.path)
            return {}
        minutes: Minutes = {}
        for name, entry in kept.items():
            match entry:
                case [int(requests), int() | float() as cost] if (
                    name.isdecimal()
                    and len(name) < 12
                    and 0 <= requests <= _MOST_REQUESTS
                    and 0 <= cost <= _MOST_DOLLARS
                ):
                    # A minute in the future was counted by a clock that has been set back since.
                    minute = min(int(name), now)
                    if minute > now - _DAY:
                        _add(minutes, minute, requests, cost)
        return minutes

    def _write(self, minutes: Minutes) -> None:
        replace_locked(self.path, [json.dumps({"version": 1, "minutes": minutes})])


def _add(minutes: Minutes, minute: int, requests: int, cost: float) -> None:
    had, spent = minutes.get(minute, (0, 0.0))
    minutes[minute] = (had + requests, max(0.0, spent + cost))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
