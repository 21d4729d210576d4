"""pandas DataFrames of a reply's tables and of a conversation's messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .message import Message
from .reply_parts import tables

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = (
    *("role", "content", "model", "time", "prompt_tokens", "completion_tokens"),
    *("cost", "duration_s", "status", "finish_reason"),
)


def table_frames(text: str) -> list[pd.DataFrame]:
    """Returns the tables in a text.

    Raises:
        ImportError: pandas is not installed.
    """
    pandas = _pandas()
    return [pandas.DataFrame(rows, columns=header) for header, rows in tables(text)]


def conversation_frame(messages: Iterable[Message]) -> pd.DataFrame:
    """Returns a frame with one row per message. Times are in UTC.

    Raises:
        ImportError: pandas is not installed.
    """
    frame = rows_frame([_row(message) for message in messages], _COLUMNS)
    frame["time"] = _pandas().to_datetime(frame["time"].astype(float), unit="s", utc=True)
    return frame


def rows_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Returns a frame of these rows, each a mapping from column names to values.

    Raises:
        ImportError: pandas is not installed.
    """
    frame = _pandas().DataFrame(rows, columns=list(columns))
    # Columns of numbers keep their type even if no server reported any.
    for name in columns:
        if name.endswith("_tokens"):
            frame[name] = frame[name].astype("Int64")
        elif name.endswith("_s") or name == "cost":
            frame[name] = frame[name].astype(float)
    return frame


def usage_row(message: Message) -> dict[str, Any]:
    """Returns a reply's duration, tokens, cost and status by column name."""
    usage = message.usage
    return {
        "duration_s": message.duration_s,
        "prompt_tokens": usage and usage.prompt_tokens,
        "completion_tokens": usage and usage.completion_tokens,
        "cost": message.cost,
        "status": message.status,
    }


def _row(message: Message) -> dict[str, Any]:
    return {
        "role": message.role,
        "content": message.content,
        "model": message.model,
        "time": message.created,
        "finish_reason": message.finish_reason,
        **usage_row(message),
    }


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as error:
        raise ImportError("DataFrames need pandas: pip install pandas") from error
    return pandas
