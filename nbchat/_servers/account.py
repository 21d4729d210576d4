"""Describes what is left of an account's quota or credit, and amounts of money."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def account(body: object) -> str:
    """Describes what is left, given the body of OpenRouter's `/key`; blank if it does not say."""
    data = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(data, Mapping):
        return ""
    parts = []
    left = data.get("limit_remaining")
    if isinstance(left, (int, float)) and not isinstance(left, bool) and left < 1e12:
        parts.append(f"{dollars(max(0.0, left))} left on this key")
    daily: Any = data.get("free_model_daily_requests")
    if isinstance(daily, Mapping) and all(
        isinstance(daily.get(name), int) and abs(daily[name]) < 1e12
        for name in ("limit", "remaining")
    ):
        parts.append(f"{daily['remaining']} of {daily['limit']} free requests left today")
    return " · ".join(parts)


def dollars(amount: float) -> str:
    """Formats an amount: to the cent, or to two significant digits if it is less than a cent."""
    return f"${amount:.2f}" if amount >= 0.01 or amount == 0 else f"${amount:.2g}"
