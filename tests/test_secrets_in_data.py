"""Secrets in data are found by their names at every level, and what is harmless stays."""

from __future__ import annotations

import collections
import dataclasses
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sse_server import ScriptedServer
from until import TIMEOUT

from nbchat import ChatWidget
from nbchat._chat.keys import Secret, is_secret_name, mask_secrets
from nbchat._notebook.description import describe
from nbchat._notebook.variables import hint, resolve
from nbchat._servers import providers

S = "hunter2-Xy"
Frame = pd.DataFrame


def told(value: object) -> str:
    return describe("it", value, 4000).text


@dataclasses.dataclass
class Login:
    user: str
    password: str


STRUCT = pa.struct([("password", pa.string())])
RECORD = np.dtype([("user", "U9"), ("password", "U10")])
SECRETS: dict[str, Any] = {
    "a heading of two words": Frame({"user password": [S]}),
    "a heading with a capital": Frame({"API Key": [S]}),
    "a heading with a dot": Frame({"db.password": [S]}),
    "a heading in another language": Frame({"Passwort": [S], "密码": [S]}),
    "two columns of one name": Frame([[S, S]], columns=["password", "password"]),
    "a category": Frame({"password": pd.Categorical([S])}),
    "levels of columns": Frame(
        [[S, 1]], columns=pd.MultiIndex.from_tuples([("login", "password"), ("login", "n")])
    ),
    "concat with keys": pd.concat({"db": Frame({"user": ["u"], "password": [S]})}, axis=1),
    "the index": Frame({"user": ["u"], "password": [S]}).set_index("password"),
    "a level of the index": Frame({"u": ["u"], "password": [S], "v": [1]}).set_index(
        ["u", "password"]
    ),
    "labels of columns": Frame({"password": [S], "v": [1], "r": ["a"]}).pivot(
        index="r", columns="password", values="v"
    ),
    "levels of rows": Frame(
        {"v": [S, "u"]},
        index=pd.MultiIndex.from_tuples([("db", "password"), ("db", "user")]),
    ),
    "names and values": Frame({"setting": ["password", "user"], "value": [S, "u"]}),
    "an Index": pd.Index([S], name="User password"),
    "a MultiIndex": pd.MultiIndex.from_tuples([("u", S)], names=["user", "password"]),
    "a Series": pd.Series({"API Key": S, "HOST": "h"}),
    "dicts in cells": Frame({"cfg": [{"password": S + "x" * 80}]}),
    "objects in cells": Frame({"cfg": [Login("u", S)]}),
    "a frame in a cell": Frame({"cfg": [Frame({"password": [S]})]}),
    "an Arrow column": Frame({"s": pd.array([{"password": S}], dtype=pd.ArrowDtype(STRUCT))}),
    "a polars struct": pl.DataFrame({"cfg": [{"password": S, "u": 1}]}),
    "polars lists": pl.DataFrame({"cfg": [[{"password": S}]]}),
    "a polars Enum": pl.DataFrame({"password": pl.Series([S], dtype=pl.Enum([S]))}),
    "polars objects": pl.DataFrame({"o": pl.Series([{"password": S}], dtype=pl.Object)}),
    "polars names and values": pl.DataFrame({"k": ["password"], "v": [S]}),
    "a record array": np.array([("u", S)], dtype=RECORD),
    "a record": np.array([("u", S)], dtype=RECORD)[0],
    "records in records": np.array([(("u", S), 1)], dtype=[("login", RECORD), ("n", int)]),
    "an array of pairs": np.array([["password", S], ["user", "u"]]),
    "an array of objects": np.array([Login("u", S)], dtype=object),
    "an Arrow table": pa.table({"password": [S]}),
    "an Arrow struct": pa.table({"cfg": pa.array([{"login": {"password": S}}])}),
    "an Arrow map": pa.table(
        {"cfg": pa.array([[("password", S)]], pa.map_(pa.string(), pa.string()))}
    ),
    "an Arrow array": pa.array([[{"password": S}]]),
    "an Arrow scalar": pa.scalar({"password": S}),
    "a list of pairs": [("password", S)],
    "a list of lists": [["password", S], ["user", "u"]],
    "headers": [(b"authorization", b"Bearer " + S.encode())],
    "names and values of Docker": [{"name": "DB_PASSWORD", "value": S}],
    "a key of several levels": {("db", "password"): S},
    "items": {"password": S}.items(),
    "nested objects": {"logins": [Login("u", S)]},
    "a namespace": SimpleNamespace(password=S),
    "a proxy": MappingProxyType({"API Key": S}),
    "a ChainMap": collections.ChainMap({"password": S}),
    "a JSON text": f'{{"API Key": "{S}"}}',
}


@pytest.mark.parametrize("what", SECRETS)
def test_a_secret_is_masked_wherever_its_name_stands(what: str) -> None:
    text = told(SECRETS[what])
    assert S not in text
    assert "hunter" not in text
    assert "can't be described" not in text


@pytest.mark.parametrize(
    "name",
    ["API Key", "API Keys", "api key 2", "user password", "User Password (plain)", "Password:",
     "db.password", "login/password", "X-Api-Key", "Client Secret", "AWS Secret Access Key",
     "Access Token", "What is your password?", "my\xa0password", "apiKey", "_token", "secrets",
     "password_hash", "Contraseña", "mot de passe", "пароль"],
)  # fmt: skip
def test_names_of_secrets_as_users_write_them(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["monkey", "keyboard", "key", "keys", "primary key", "token count", "Total tokens", "tokens",
     "tokens (input)", "tokenizer", "The Secret Garden", "Victoria's Secret", "secretary",
     "account keywords", "access_keypad", "password length", "Which password manager?",
     "SKI PASS", "Boarding Pass", "compass", "author", "authority", "crossword", "3.5", ""],
)  # fmt: skip
def test_names_that_only_sound_like_secrets(name: str) -> None:
    assert not is_secret_name(name)


def test_the_type_of_a_column_is_no_secret() -> None:
    columns = pd.DataFrame({"API_KEY": [1], "USER_TOKEN": [0.5], "n": [1], "DB_PASSWORD": ["x"]})
    types = "token: float64\n  password: uint8\nsecret: datetime64[ns]\n- api_key: Int64"
    for text in (types, columns.dtypes.to_string()):
        assert mask_secrets(text) == text
    for value in ("float65", "int64x", "xint64", "int64-7"):
        assert value not in mask_secrets(f"TOKEN: {value}")
        assert value not in mask_secrets(f"API_KEY   {value}")


def test_numbers_and_truth_values_are_no_secrets() -> None:
    frame = Frame({"token count": [31], "password": [True], "token": [0.25], "monkey": ["chimp"]})
    for text in (told(frame), told(pl.from_dict(frame.to_dict("list")))):
        for part in ("31", "0.25", "chimp", "True" if "Frame" in text else ""):
            assert part in text or part.lower() in text
    weights = told(pd.Series({"password": 0.25, "secret": 0.75}))
    assert "0.25" in weights
    assert told({"password": None, "has_password": True}).endswith(
        "{'password': None, 'has_password': True}"
    )
    assert "username" in told([["id", "name"], ["username", "password"]])


@pytest.mark.parametrize(
    "written",
    ['"{}"', "'{}'", " {} \n", "Bearer {}", "bearer  {}", '"Bearer {}"', "“{}”", "`{}`",
     "Authorization: Bearer {}", "\ufeff{}", "{}\u200b", "\t'{}'\r\n"],
)  # fmt: skip
def test_a_key_is_taken_as_it_is_meant(written: str) -> None:
    key = Secret(written.format("sk-of-nobody-1"))
    key.check()
    assert key.reveal() == "sk-of-nobody-1"


def test_a_key_of_nothing_but_quotes_is_blank() -> None:
    with pytest.raises(ValueError, match="blank"):
        Secret(' "" ').check()


# Frames that are hard to describe


class Odd:
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise RuntimeError("no")


LISTS = pd.ArrowDtype(pa.list_(pa.int64()))
HARD: dict[str, tuple[Any, str]] = {
    "one category": (Frame({"v": [1, 2]}, index=pd.CategoricalIndex(["a", "a"])), "mean"),
    "no times": (Frame({"v": [1.0]}, index=pd.to_datetime(["2024-01-01"])).iloc[:0], "0 rows"),
    "Arrow lists": (Frame({"n": [1, 2], "l": pd.array([[1], [2]], dtype=LISTS)}), "1.5"),
    "Arrow structs": (
        Frame({"s": pd.array([{"password": None}], dtype=pd.ArrowDtype(STRUCT)), "n": [7]}),
        "{'password': None}",
    ),
    "periods": (Frame({"p": pd.period_range("2024", periods=2, freq="Y")}), "2025"),
    "intervals": (Frame({"v": [7, 8]}, index=pd.interval_range(0, 2)), "(1, 2]"),
    "sparse": (Frame({"s": pd.arrays.SparseArray([0, 0, 7])}), "7"),
    "time zones": (Frame({"t": pd.date_range("2024", periods=1, tz="Asia/Tokyo")}), "+09:00"),
    "names that are equal": (Frame([[1, "x"]], columns=["a", "a"]), "x"),
    "a cell without a repr": (Frame({"odd": [Odd()], "n": [7]}), "7"),
    "a label without a repr": (Frame({"n": [7]}, index=[Odd]), "7"),
    "complex numbers": (Frame({"c": [1 + 2j], "n": [7]}), "7"),
    "a list of such": ([1, Odd(), 7], "7"),
    "an array of such": (np.array([Odd(), 7], dtype=object), "7"),
    "only an index": (Frame(index=["a"]), "a"),
    "columns of equal names": (pa.table([[1], [7]], names=["a", "a"]), "a: 7"),
}


@pytest.mark.parametrize("what", HARD)
def test_what_fails_costs_only_itself(what: str) -> None:
    value, part = HARD[what]
    text = told(value)
    assert "can't be described" not in text
    assert part in text


def test_what_has_no_summary_is_named() -> None:
    frame = Frame({"n": [1, 3], "l": pd.array([[1], [2]], dtype=LISTS)})
    text = told(frame)
    assert "(No summary of l.)" in text
    assert "mean" in text


def test_arrow_tables_are_tables() -> None:
    table = pa.table({"a": [1, None], "b": ["x", "y"]})
    assert hint(table) == "Table 2\N{MULTIPLICATION SIGN}2"
    assert hint(pa.array([1, 2])) == "Int64Array 2"
    assert resolve("t.b", {"t": table})[0] == "t.b"
    assert "a: int64, 1 nulls" in told(table)
    assert "b: y" in told(table)


@pytest.mark.parametrize("by", ["environment", "constructor", "use_server"])
def test_a_key_with_quotes_is_sent_without_them(
    by: str, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, address = '"Bearer sk-of-nobody-1"\n', {"base_url": server.base_url, "model": "m"}
    if by == "environment":
        monkeypatch.setattr(providers, "OPENROUTER_URL", server.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", written)
    chat = ChatWidget(**address, api_key=None if by == "environment" else written)
    if by == "use_server":
        chat.use_server(**address, api_key=written)
    chat.send("Hi").wait(TIMEOUT)
    assert server.chats[0].headers["authorization"] == "Bearer sk-of-nobody-1"
    chat.close()
