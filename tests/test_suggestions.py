"""What an empty chat suggests: names and sizes from the notebook, and nothing else."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from nbchat._notebook.suggestions import suggestions
from nbchat._notebook.tables import TIMES


class Loud:
    """Tells on whoever looks at it."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"{name} was read")

    def __repr__(self) -> str:
        raise AssertionError("its repr was read")

    def __len__(self) -> int:
        raise AssertionError("its length was read")


def labels(namespace: dict[str, object], failed: bool = False, **hidden: object) -> list[str]:
    return [each.label for each in suggestions(namespace, hidden, failed=failed)]


FRAME = pd.DataFrame({"a": range(1000), "b": 1})


def test_the_newest_table() -> None:
    said = suggestions({"old": FRAME, "x": Loud(), "df": FRAME.head(100)}, {}, failed=False)
    assert said[0] == (f"Summarise @df (100 {TIMES} 2)", "Summarise @df")
    assert [each.text for each in said[1:]] == ["Plot @df", "Compare @df and @old"]


def test_the_last_error() -> None:
    assert labels({"df": FRAME}, failed=True) == [
        f"Summarise @df (1,000 {TIMES} 2)",
        "Plot @df",
        "Explain the last error",
    ]
    error, *_ = suggestions({}, {}, failed=True)
    assert error == ("Explain the last error", "")


def test_without_tables_there_are_three_that_need_none() -> None:
    said = labels({"x": 1, "s": Loud()})
    assert len(said) == 3
    assert "@" not in "".join(said)


@pytest.mark.parametrize("name", ["_private", "api_key", "x" * 41, "a b", "df\n", "a.b", 7])
def test_names_that_are_not_offered(name: Any) -> None:
    assert "@" not in "".join(labels({name: FRAME}))


def test_what_the_shell_has_put_there() -> None:
    assert "@" not in "".join(labels({"df": FRAME}, df=FRAME))


def test_a_table_that_hangs_or_fails_has_no_size() -> None:
    class Slow(pd.DataFrame):
        @property
        def shape(self) -> tuple[int, int]:
            raise SystemExit

    assert labels({"df": Slow()})[0] == "Summarise @df"


def test_a_large_namespace_is_quick() -> None:
    many: dict[str, object] = {f"v{n}": Loud() for n in range(100_000)}
    assert len(labels({"df": FRAME, **many})) == 3
