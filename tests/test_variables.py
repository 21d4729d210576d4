"""What is told about a variable: bounded, masked, of the value as it is; and what counts as one."""

from __future__ import annotations

import collections
import dataclasses
import io
import os
import re
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import openai
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image
from test_attachments import png
from until import until

from nbchat import ChatWidget
from nbchat._chat.conversation.conversation import Conversation
from nbchat._notebook import description, tables, variables
from nbchat._notebook.description import describe
from nbchat._notebook.variables import NotThereError, mentioned, offered, resolve

LIMIT = 4000


def told(value: object, limit: int = LIMIT, name: str = "it") -> str:
    attachment = describe(name, value, limit)
    assert attachment.kind == "text"
    assert attachment.name == f"@{name}"
    return attachment.text


# What a text mentions


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("why is @df skewed?", ["df"]),
        ("@df, @df. And (@x)", ["df", "x"]),
        ("@df.price and @rows[0]", ["df.price", "rows[0]"]),
        ("@cfg['a b'][\"c\"].d", ["cfg['a b'][\"c\"].d"]),
        ("me@example.org, a@@b, https://x.org/@you", []),
        ("@1 @ @-x", []),
        ("@größe", ["größe"]),
        ("请看@df。この@df2を", ["df", "df2を"]),
        ("和@df1和@df2", ["df1和", "df2"]),
        ("请联系bob@example.org", []),
        (f"@{'n' * 200} @df{'的' * 200}", ["df" + "的" * 117]),
        ("@df[f(x)] @df['a/b']", ["df"]),
        ("@cache\ndef f(): ...", []),
        ("@app.get('/')\nasync def f(): ...", []),
        ("is it @df\nor not", ["df"]),
    ],
)  # fmt: skip
def test_what_a_text_mentions(text: str, names: list[str]) -> None:
    assert mentioned(text) == names


class Counted(str):
    """A text that counts how many of its characters are looked at, but for those of `_MENTION`."""

    seen = 0

    def __getitem__(self, key: Any) -> str:
        found = str.__getitem__(self, key)
        self.seen += len(found)
        return found

    def find(self, part: str, start: int = 0) -> int:  # type: ignore[override]
        found = str.find(self, part, start)
        self.seen += (found if found >= 0 else len(self)) - start
        return found


class CountedPattern:
    """A pattern that may look at the rest of a line and the blanks that follow."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern

    def match(self, text: Counted, at: int) -> re.Match[str] | None:
        seen = re.compile(r"[^\n]*\s*").match(text, at)
        text.seen += len(seen[0]) if seen else 0
        return self.pattern.match(text, at)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["@a", "@b.c", "(", ")", " ", "\t", "\n", "def "]), min_size=1))
@example(["@a("])
@example(["@a()", "\t"])
@example(["@a", "\n", "\n"])
def test_what_a_text_mentions_is_found_in_linear_time(piece: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(variables, "_DECORATED", CountedPattern(variables._DECORATED))
        text = Counted("".join(piece * 200))
        mentioned(text)
    assert text.seen <= 6 * len(text)


class Watched:
    """Tells when code of its own runs."""

    def __init__(self) -> None:
        self.plain = 1
        self.__dict__["ran"] = False

    @property
    def costly(self) -> int:
        self.__dict__["ran"] = True
        return 2

    def __getattr__(self, name: str) -> int:
        self.__dict__["ran"] = True
        return 3


def test_the_longest_part_that_there_is() -> None:
    watched = Watched()
    counts: dict[str, int] = collections.defaultdict(int, a=1)
    frame = pd.DataFrame({"price": [1, 2]})
    names: dict[str, Any] = {"w": watched, "counts": counts, "rows": [[5]], "df": frame, "os": os}
    assert resolve("w.plain", names) == ("w.plain", 1)
    assert resolve("w.costly.x", names) == ("w", watched)
    assert resolve("w.other", names) == ("w", watched)
    assert not watched.ran
    assert resolve("counts['b']", names) == ("counts", counts)
    assert resolve('counts["a"]', names) == ("counts['a']", 1)
    assert list(counts) == ["a"]
    assert resolve("rows[0][0]", names) == ("rows[0][0]", 5)
    assert resolve("rows[7]", names)[0] == "rows"
    assert resolve("df.price.Then", names)[0] == "df.price"
    for name in ("absent", "os", "os.environ", "__name__", ""):
        with pytest.raises(NotThereError):
            resolve(name, names)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("请看@df", "df"),
        ("请解释 @df的缺失值", "df"),
        ("この@dfを説明して", "df"),
        ("보세요 @df를", "df"),
        ("ดู@dfของเรา", "df"),
        ("@数据的缺失值", "数据"),
        ("@数据表的缺失值", "数据表"),
        ("@df.价格的平均", "df.价格"),
        ("@df.的平均.价格", "df"),
        ("@df的.价格", "df"),
        ("@dfs", ""),
        ("@df_的", ""),
        ("@größe", ""),
    ],
)
def test_a_name_ends_where_it_has_to_in_a_script_without_spaces(text: str, name: str) -> None:
    frame = pd.DataFrame({"价格": [1], "": [2]})
    names: dict[str, Any] = {"df": frame, "数据": [1], "数据表": [2], "gr": 1}
    (expression,) = mentioned(text)
    if name:
        assert resolve(expression, names)[0] == name
    else:
        with pytest.raises(NotThereError):
            resolve(expression, names)


def test_what_is_offered_and_in_which_order() -> None:
    shell = {"In": [], "_": 1, "get_ipython": print}
    own = {
        "os": os,
        "Path": Path,
        "df": pd.DataFrame({"a": [1, 2]}),
        "_private": 1,
        "rows": [1] * 1200,
        "lazy": pl.LazyFrame({"a": [1]}),
        "n": 3,
        "chat": Conversation(),
        "api_key": "secret",
    }
    assert list(offered({**shell, **own}, shell)) == [
        ("lazy", "LazyFrame"),
        ("df", f"DataFrame 2{tables.TIMES}1"),
        ("n", "int"),
        ("rows", "list 1,200"),
    ]
    assert [name for name, _ in offered({"In": [1]}, shell)] == ["In"], "it is the person's now"


class Faked:
    """Records who asks for its class, as a proxy of a database would answer."""

    asked: ClassVar[list[str]] = []

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        self.asked.append(threading.current_thread().name)
        return pd.DataFrame


class FakedType(type):
    def __getattribute__(cls, name: str) -> Any:
        Faked.asked.append(name)
        return super().__getattribute__(name)


class OfFakedType(metaclass=FakedType):
    pass


class Slow(pd.DataFrame):
    """A frame that looks for its size first, and changes the notebook's variables meanwhile."""

    go_on = threading.Event()
    namespace: ClassVar[dict[str, object]] = {}

    @property
    def shape(self) -> tuple[int, int]:
        self.namespace.clear()
        self.go_on.wait(60)
        raise SystemExit


def test_to_list_names_asks_no_variable_for_its_class() -> None:
    names: dict[str, object] = {f"v{n}": Faked() for n in range(5)}
    Faked.asked.clear()
    assert list(offered(names, {})) == [(f"v{n}", "Faked") for n in reversed(range(5))]
    assert resolve("v1.size", names)[0] == "v1"
    assert resolve("v1[0]", names)[0] == "v1"
    assert Faked.asked == []
    assert offered({"c": OfFakedType, "o": OfFakedType()}, {}) == [("o", "OfFakedType")]


def test_slow_variables_cost_only_their_own_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variables, "_HINT_LIMIT_S", 0.05)
    monkeypatch.setattr(variables, "_HINTS_LIMIT_S", 0.5)
    names: dict[str, object] = {"rows": [1, 2], **{f"slow{n}": Slow() for n in range(50)}, "n": 1}
    Slow.namespace = names
    before = time.monotonic()
    found = offered(names, {})
    assert time.monotonic() - before < 20, "50 variables that take a minute each"
    assert [name for name, _ in found] == [*(f"slow{n}" for n in reversed(range(50))), "n", "rows"]
    assert dict(found)["n"] == "int"
    assert {hint for name, hint in found if "slow" in name} == {""}
    Slow.go_on.set()
    until_given_up()


def test_variables_may_come_and_go_while_they_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variables, "_HINTS_LIMIT_S", 0.1)
    names: dict[str, object] = {f"v{n}": n for n in range(200)}
    done = threading.Event()

    def cell() -> None:
        while not done.is_set():
            for n in range(200):
                names.pop(f"v{n}")
                names[f"v{n}"] = n

    thread = threading.Thread(target=cell)
    thread.start()
    try:
        for _ in range(6):
            assert len(list(offered(names, {}))) >= 199
    finally:
        done.set()
        thread.join()


# Where a mention leads


class Holder:
    def __init__(self, **held: object) -> None:
        vars(self).update(held)


def paths(
    root: object, expression: str, most: int = 8000, depth: int = 9
) -> Iterator[tuple[str, object]]:
    """All that plain Python reaches from an object, with the expression that mentions it."""
    seen, todo = {id(root)}, deque([(expression, root, 0)])
    keep = []
    while todo and most:
        where, value, level = todo.popleft()
        steps: list[tuple[str, object]] = []
        if isinstance(value, dict):
            steps = [(f"[{key!r}]", each) for key, each in list(value.items())]
        elif isinstance(value, (list, tuple)):
            steps = [(f"[{n}]", each) for n, each in enumerate(value)]
        with suppress(Exception):
            steps += [(f".{name}", each) for name, each in list(vars(value).items())]
        for kind in type(value).__mro__:
            for slot in vars(kind).get("__slots__", ()):
                with suppress(Exception):
                    steps.append((f".{slot}", getattr(value, slot)))
        for step, each in steps:
            if mentioned(f"@{where}{step}") == [where + step] and most:
                most -= 1
                yield where + step, each
                if id(each) not in seen and level < depth:
                    seen.add(id(each))
                    keep.append(each)
                    todo.append((where + step, each, level + 1))


def test_no_path_leads_from_a_chat_to_its_key() -> None:
    key = "tea-and-cake-9"
    client = openai.AsyncOpenAI(base_url="http://127.0.0.1:9/v1", api_key=key)
    chat = ChatWidget(base_url="http://127.0.0.1:9/v1", api_key=key, model="m")
    names: dict[str, object] = {
        "chat": chat,
        "mine": type("Mine", (ChatWidget,), {})(client=client, model="m"),
        "client": client,
        "box": Holder(chat=chat, clients=[client, client._client], connection=chat._connection),
        "own": Holder(openai=openai, rows=[{"a": 1}], kind=type(client)),
    }
    walked, followed = 0, set()
    for name, value in names.items():
        for expression, _ in paths(value, name):
            walked += 1
            followed.add(resolve(expression, names)[0])
    for name in followed | set(names):
        assert key not in described(name, names), name
    assert walked > 5000
    assert {"box.clients[0]", "own.rows[0]['a']"} <= followed
    assert not [name for name in followed if name.startswith(("chat.", "mine.", "client."))]
    chat.close()


def described(expression: str, names: Mapping[str, object]) -> str:
    return describe(*resolve(expression, names), LIMIT).text


@pytest.mark.parametrize(
    "expression",
    ["cfg.password", "cfg.api_key", "cfg.logins[0].password", "d['api_key']", 'd["API key"]',
     "d.token", "d['db']['passphrase']", "d['passwords'][1]", "cfg.secret", "access_token"],
)  # fmt: skip
def test_the_last_step_decides_whether_it_is_a_secret(expression: str) -> None:
    tea: Any = "tea and cake"
    logins = [Holder(password=tea)]
    names = {
        "cfg": Holder(password=tea, api_key=tea.encode(), logins=logins, secret=[tea]),
        "d": {"api_key": tea, "API key": tea, "db": {"passphrase": tea}, "passwords": [1, tea]},
        "access_token": {tea},
    }
    if expression == "d.token":
        names["d"] = Holder(token=tea)
    assert resolve(expression, names)[0] == expression.replace('"', "'")
    assert described(expression, names).endswith("\n[key]")


def test_what_is_no_secret_is_told() -> None:
    names = {"password": Holder(length=12), "get_token": area, "d": {"tokens": [7]}}
    assert "12" in described("password.length", names)
    assert "return width" in described("get_token", names)
    assert "7" in described("d['tokens'][0]", names)


def test_no_step_leads_to_a_private_name() -> None:
    names = {"w": Holder(_key="tea", __key="cake", plain=Holder(_x=1)), "f": area}
    for expression in ("w._key", "w.__key", "w.__dict__['_key']", "f.__globals__", "w.plain._x"):
        assert "_" not in resolve(expression, names)[0].replace("w.plain", "w")


# Frames and arrays


@pytest.mark.parametrize("library", [pd, pl])
def test_a_frame(library: Any) -> None:
    frame = library.DataFrame(
        {"price": [1.0, None, 400.0], "city": ["Bern", "Basel", "Bern"], "api_key": ["tea"] * 3}
    )
    before = frame.to_dict()
    text = told(frame)
    assert "3 rows" in text
    assert "3 columns" in text
    assert "price: " in text
    assert "1 null" in text
    assert "Basel" in text
    assert "400" in text
    assert "mean" in text
    assert "200.5" in text
    assert "tea" not in text
    assert str(frame.to_dict()) == str(before)


@pytest.mark.parametrize("library", [pd, pl])
def test_a_series_and_an_empty_frame(library: Any) -> None:
    assert "3 rows" in told(library.Series([1, 2, 3]))
    assert "0 rows" in told(library.DataFrame())
    assert "0 rows" in told(library.DataFrame({"a": []}))


def test_a_frame_of_odd_things() -> None:
    assert "[1]" in told(pd.DataFrame({"lists": [[1], [2]], "mixed": [1, "a"]}))
    assert "b" in told(
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([(1, "a"), (1, "b")]))
    )
    twice = told(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    assert "1 rows" in twice


@pytest.mark.parametrize("library", [pd, pl])
def test_of_a_large_frame_a_sample_is_looked_at(library: Any) -> None:
    values = np.zeros(1_000_000)
    values[-1] = 7  # every nth row of them is not this one
    text = told(library.DataFrame({"a": values}))
    assert "1,000,000 rows" in text
    assert "from every 5th row" in text
    wide = told(library.DataFrame({f"c{n}": [1] for n in range(300)}), limit=100_000)
    assert "and 260 more columns" in wide
    assert "c41" not in wide


def test_a_lazy_frame_is_not_collected() -> None:
    def collected(_: object) -> pl.DataFrame:
        raise AssertionError("collected")

    lazy = pl.LazyFrame({"a": [1]}).map_batches(collected, schema={"a": pl.Int64})
    text = told(lazy)
    assert "not collected" in text
    assert "a: Int64" in text


def test_an_array() -> None:
    text = told(np.array([[1.0, np.nan], [3.0, 8.0]]))
    for part in ("shape (2, 2)", "float64", "range 1 to 8", "1 nan"):
        assert part in text
    assert "from every 5th value" in told(np.arange(1_000_000))
    assert "[1 'a']" in told(np.array([1, "a"], dtype=object))
    assert "True" in told(np.array([True, False]))
    assert "2.+1.j" in told(np.array([2 + 1j]))
    assert told(np.array([]))


# Code, files, pictures, hooks


def area(width: float, height: float = 2) -> float:
    """How large it is."""
    return width * height


def test_functions_and_classes() -> None:
    assert "return width * height" in told(area)
    assert "def __getattr__" in told(Watched)
    assert "def plain" not in told(Watched().__init__)
    assert "Return the number of items" in told(len)


def test_a_class_of_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.run_cell("x = 1\nclass Cat:\n    def purr(self):\n        return 'rrr'\n")
    assert told(shell.user_ns["Cat"]).endswith(
        "class Cat:\n    def purr(self):\n        return 'rrr'"
    )


def test_a_file(tmp_path: Path) -> None:
    text = tmp_path / "notes.env"
    text.write_text("HOST=here\nMY_API_KEY=tea\n")
    assert "HOST=here\nMY_API_KEY=[key]" in told(text)
    image = tmp_path / "x.png"
    image.write_bytes(png())
    assert "not a text file" in told(image)
    assert "no such file" in told(tmp_path / "absent")
    assert "a folder" in told(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "no such file" in told(tmp_path / "pipe")


def test_pictures() -> None:
    figure = Figure(figsize=(2, 1))
    axes = figure.subplots()
    axes.plot([1, 2])
    image = Image.new("CMYK", (4000, 10))
    for value in (figure, axes, image):
        drawn = describe("fig", value, LIMIT)
        assert (drawn.name, drawn.media_type) == ("@fig", "image/png")
    assert image.size == (4000, 10)
    small = Image.open(io.BytesIO(drawn.data))
    assert small.width == 1600
    in_words = describe("fig", figure, LIMIT, "tiny does not accept images.")
    assert (in_words.name, in_words.kind) == ("@fig (as text)", "text")
    assert "tiny does not accept images." in in_words.text
    assert "Figure" in in_words.text


class Hooked:
    def __llm__(self) -> str:
        return "I am 3 m long."

    def _repr_markdown_(self) -> str:
        return "**no**"


class Marked:
    def _repr_markdown_(self) -> tuple[str, dict[str, Any]]:
        return "**yes**", {}


class Everything:
    """Answers to every name, as mocks do."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: 1 / 0

    def __repr__(self) -> str:
        return "all"


def test_hooks() -> None:
    assert told(Hooked()).endswith("I am 3 m long.")
    assert told(Marked()).endswith("**yes**")
    assert told(Everything()).endswith("all")
    assert "class Hooked" in told(Hooked)


# All else, however it behaves


@dataclasses.dataclass
class Settings:
    size: int
    password: str
    rows: list[int] = dataclasses.field(default_factory=lambda: list(range(10_000_000)))


class Plain:
    def __init__(self) -> None:
        self.size = 1
        self.me = self


def test_a_repr_of_bounded_work() -> None:
    assert told({"a": [1, (2, {3})]}).endswith("{'a': [1, (2, {3})]}")
    text = told(Settings(3, "tea"))
    assert "size=3" in text
    assert "password='[key]'" in text
    assert len(text) < 400
    assert "Plain(size=1, me=Plain(" in told(Plain())
    endless: list[Any] = [1]
    endless.append(endless)
    assert "..." in told(endless)
    large = told(collections.OrderedDict.fromkeys(range(1_000_000)))
    assert large.startswith("it: collections.OrderedDict\nOrderedDict({0: None")
    assert len(large) < 1000
    assert "bytes" in told(b"\0" * 10_000_000, limit=100)


class UnheardOf(BaseException):
    pass


ENDS = {"exits": SystemExit(3), "interrupts": KeyboardInterrupt(), "ends": UnheardOf()}


class Hostile:
    def __init__(self, how: str) -> None:
        self.how = how
        self.go_on = threading.Event()
        self.count = 0

    def __repr__(self) -> str:
        if self.how == "waits":
            self.go_on.wait()
        while self.how == "loops":
            self.count += 1
        if self.how == "raises":
            raise RuntimeError(self)
        if self.how in ENDS:
            raise ENDS[self.how]
        if self.how == "recurses":
            return repr(self)
        return "x" * 10_000_000 if self.how == "huge" else "\x1b[31mred\x00\ud800"


def until_given_up() -> None:
    """What was given up ends. (Python 3.13.0 may leave out its `finally` when it does.)"""
    until(lambda: all(thread.name != "nbchat-deadline" for thread in threading.enumerate()))


def test_what_a_terminal_would_obey_is_left_out() -> None:
    text = told("\x1b[1;31mred\x1b[0m \x1b]8;;https://x.org\x1b\\link\x1b]8;;\x1b\\ one\rtwo")
    assert text.endswith("red link onetwo")


@pytest.mark.parametrize("how", ["waits", "loops", "raises", *ENDS, "recurses", "huge", "odd"])
def test_hostile_reprs(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(description, "TIME_LIMIT_S", 0.2)
    value = Hostile(how)
    text = told(value, limit=500)
    assert text.startswith("it: test_variables.Hostile")
    assert len(text) <= 500
    if how in ("waits", "loops"):
        assert "takes more than" in text
        value.go_on.set()
        until_given_up()
    if how == "odd":
        assert text.endswith("red?")


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("hook", ["__llm__", "_repr_markdown_", "__repr__"])
def test_an_exit_in_a_variables_code_is_an_error_of_the_variable(hook: str, how: str) -> None:
    def end(_: object) -> str:
        raise ENDS[how]

    text = told(type("Ending", (), {hook: end})())
    assert f"can't be described: RuntimeError: It raised {type(ENDS[how]).__name__}." in text


def test_what_code_raises_without_a_thread_is_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_threads(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_threads)
    assert "It raised SystemExit" in told(Hostile("exits"))
    assert "[1, 2]" in told([1, 2])


def test_a_repr_that_changes_is_asked_once() -> None:
    class Changing:
        count = 0

        def __repr__(self) -> str:
            Changing.count += 1
            return f"number {Changing.count}"

    assert told(Changing()).endswith("number 1")


@pytest.mark.parametrize("limit", [1, 50, 300, 4000])
def test_the_size_is_bounded(limit: int) -> None:
    for value in ("x" * 100_000, list(range(10**6)), pd.DataFrame(np.zeros((50, 39)))):
        assert len(told(value, limit)) <= limit


# Keys

SK = "sk-or-v1-0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "value",
    [
        SK,
        {"any": SK},
        {"OPENAI_API_KEY": "tea-and-cake"},
        {"deep": [{"password": "tea-and-cake"}]},
        "export SERVICE_TOKEN=tea-and-cake\n",
        "client(api_key='tea-and-cake')",
        '{"secret": "tea-and-cake"',
        pd.Series({"MY_API_KEY": "tea-and-cake", "HOST": "here"}),
        pd.DataFrame({"any": [SK], "access_token": ["tea-and-cake"]}),
        ["tea-and-cake-of-the-environment"],
    ],
    ids=repr,
)
def test_keys_are_masked(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "tea-and-cake-of-the-environment")
    text = told(value)
    assert "tea" not in text
    assert "0123456789" not in text
    assert "[key]" in text


def test_a_variable_named_like_a_key() -> None:
    assert "tea" not in told("tea and cake", name="api_key")


def test_the_cut_leaves_no_half_of_a_key() -> None:
    for limit in range(60, 160):
        assert "0123456789" not in told("x " * 30 + SK + " y" * 100, limit)


def test_what_only_sounds_like_a_key_stays() -> None:
    text = told({"max_tokens": 100, "tokens": ["a", "b"], "monkey": "chimp", "key": "C major"})
    assert "[key]" not in text
