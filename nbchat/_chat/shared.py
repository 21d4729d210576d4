"""The limits of a page that many visitors share."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any


@dataclass(frozen=True)
class Shared:
    """What all visitors of a shared page together may ask and spend, on their owner's account.

    Attributes:
        requests_per_hour: Requests to the server. A reply that calls tools needs several.
        cost_per_day: US dollars within 24 hours, as far as prices are known.
        name: All your shared chats with the same name count together.

    Raises:
        ValueError: A limit is out of its range.
        TypeError: A limit is no number, or the name is not text.
    """

    requests_per_hour: int = 60
    cost_per_day: float = 1.0
    name: str = ""

    def __post_init__(self) -> None:
        requests: Any = self.requests_per_hour
        if isinstance(requests, bool) or not isinstance(requests, int):
            raise TypeError(f"requests_per_hour must be a whole number, not {requests!r}")
        if requests < 1:
            raise ValueError(f"requests_per_hour must be at least 1, not {requests}")
        cost: Any = self.cost_per_day
        if isinstance(cost, bool) or not isinstance(cost, Real):
            raise TypeError(f"cost_per_day must be a number of US dollars, not {cost!r}")
        if not float(cost) >= 0:  # also refuses NaN
            raise ValueError(f"cost_per_day must be at least 0, not {cost}")
        name: Any = self.name
        if not isinstance(name, str):
            raise TypeError(f"name must be text, not {name!r}")


def read_shared(shared: object) -> Shared | None:
    """Returns the limits that the argument `shared` of `ChatWidget` stands for; None: not shared.

    Raises:
        TypeError: It is neither true, false nor a `Shared`.
    """
    if isinstance(shared, Shared):
        return shared
    if isinstance(shared, bool):
        return Shared() if shared else None
    raise TypeError(f"shared must be True, False or nbchat.Shared(…), not {shared!r}")
