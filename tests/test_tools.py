"""What a model is told of a function, how its calls are read, and how streams bring them."""

from __future__ import annotations

import enum
import functools
import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
import sse_server as sse
from pydantic import BaseModel, Field
from wire import WIRE, needs_wire

from nbchat._chat.conversation.tool_rounds import (
    Round,
    ToolCall,
    read_arguments,
    reply_messages,
    without_tools,
)
from nbchat._chat.events import FunctionCall, ToolCalls
from nbchat._servers.chat_completions.stream import StreamReader
from nbchat._tools.tool import MAX_RESULT, Tool, ToolError, result_text
from nbchat._tools.toolbox import Toolbox

# What a model is told


class Kind(enum.Enum):
    NEW = "new"
    OLD = "old"


class Place(BaseModel):
    """Somewhere."""

    city: str
    zip: str | None = None


def search(
    query: str,
    kind: Kind = Kind.NEW,
    *,
    limit: Annotated[int, Field(ge=1, description="Its own words.")] = 5,
    json: list[float] | None = None,
    place: Place | None = None,
    _private: Literal["a", "b"] = "a",
) -> None:
    """Searches the archive.

    It is large.

    Args:
        query (str): What to look for,
            in any language.
        kind: New: or old.

    Returns:
        Nothing.
    """


def test_the_schema_comes_from_signature_and_docstring() -> None:
    function = Tool(search).schema["function"]
    assert function["name"] == "search"
    assert function["description"] == (
        "Searches the archive.\n\nIt is large.\n\nReturns:\n    Nothing."
    )
    parameters = function["parameters"]
    assert parameters["required"] == ["query"]
    assert parameters["additionalProperties"] is False
    properties = parameters["properties"]
    assert properties["query"] == {
        "type": "string",
        "description": "What to look for, in any language.",
    }
    assert properties["kind"]["description"] == "New: or old."
    assert properties["limit"]["description"] == "Its own words."
    assert properties["limit"]["minimum"] == 1
    assert properties["_private"]["enum"] == ["a", "b"]
    assert set(properties) == {"query", "kind", "limit", "json", "place", "_private"}
    json.dumps(parameters)


def test_one_without_parameters_or_docstring() -> None:
    def now() -> str:
        return ""

    assert Tool(now).schema == {
        "type": "function",
        "function": {
            "name": "now",
            "description": "",
            "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
        },
    }
    assert Tool(now).parse("{}") == {}


def test_a_default_that_json_cannot_say_still_holds() -> None:
    def f(x: int = object()) -> None:  # type: ignore[assignment]
        pass

    assert "default" not in Tool(f).schema["function"]["parameters"]["properties"]["x"]
    assert Tool(f).parse("{}") == {}


def test_a_method_is_one_too() -> None:
    class Counter:
        def add(self, n: int) -> int:
            """Adds."""
            return n

    assert list(Tool(Counter().add).schema["function"]["parameters"]["properties"]) == ["n"]


class Own:
    def __repr__(self) -> str:
        return "Own()"


def untyped(x) -> None:  # type: ignore[no-untyped-def]
    pass


def variable(*args: int) -> None:
    pass


def keywords(**options: int) -> None:
    pass


def positional(x: int, /) -> None:
    pass


def unknown(x: Nowhere) -> None:  # type: ignore[name-defined]  # noqa: F821
    pass


def strange(x: Own) -> None:
    pass


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (untyped, "untyped needs a type hint for x"),
        (variable, r"\*args"),
        (keywords, r"\*\*options"),
        (positional, "positional"),
        (unknown, "Nowhere"),
        (strange, "strange has a parameter that a model can't provide"),
        (lambda: None, "functions with a name"),
        ("search", "functions with a name"),
        (len, "positional"),
    ],
)
def test_a_function_that_can_be_no_tool_says_why(function: Any, why: str) -> None:
    with pytest.raises(TypeError, match=why):
        Toolbox([function])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "error", "why"),
    [
        ({"tools": "abc"}, TypeError, "a list of functions"),
        ({"tools": 3}, TypeError, "a list of functions"),
        ({"tools": [search, search]}, ValueError, "the same name"),
        ({"approve": "sometimes"}, ValueError, "approve"),
        ({"max_tool_rounds": 0}, ValueError, "at least 1"),
        ({"max_tool_rounds": 2.5}, TypeError, "whole number"),
        ({"tool_timeout_s": 0}, ValueError, "more than 0"),
        ({"tool_timeout_s": float("nan")}, ValueError, "more than 0"),
        ({"tool_timeout_s": "1"}, TypeError, "number of seconds"),
    ],
)
def test_a_toolbox_takes_only_what_makes_sense(
    options: dict[str, Any], error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        Toolbox(**options)


# What a model sends


def test_arguments_come_as_the_function_takes_them() -> None:
    given = '{"query": "x", "kind": "old", "limit": "7", "place": {"city": "Ulm"}, "json": [1]}'
    assert Tool(search).parse(given) == {
        "query": "x",
        "kind": Kind.OLD,
        "limit": 7,
        "place": Place(city="Ulm"),
        "json": [1.0],
    }
    assert Tool(search).parse(json.dumps('{"query": "in a string"}')) == {"query": "in a string"}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "JSON object"),
        ("{}", "query: Field required"),
        ('{"query": 1, "limit": 0}', "limit: Input should be greater"),
        ('{"query": "a", "more": 1}', "more: Extra inputs"),
        ('{"query": "a", "place": {}}', "place.city: Field required"),
        ("null", "JSON object"),
    ],
)
def test_arguments_that_do_not_fit_say_why(given: str, why: str) -> None:
    with pytest.raises(ToolError, match=why):
        Tool(search).parse(given)


# What a model gets


@dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is\n", "as it is\n"),
        (None, "null"),
        ({"a": [1, Kind.NEW, float("inf")]}, '{"a":[1,"new",Infinity]}'),
        (Point(1), '{"x":1}'),
        (Place(city="Ulm"), '{"city":"Ulm","zip":null}'),
        (Own(), "Own()"),
        ({"a": Own()}, "{'a': Own()}"),
        ("\ud83d", "?"),
    ],
)
def test_results_as_text(value: object, text: str) -> None:
    assert result_text(value) == text


def test_a_long_result_is_bounded_and_says_so() -> None:
    text = result_text("x" * (MAX_RESULT + 1234))
    assert len(text) < MAX_RESULT + 100
    assert text.endswith("(1,234 more characters)")


# Calls in a stream


def read(*deltas: dict[str, Any], finish: str = "tool_calls") -> tuple[FunctionCall, ...]:
    reader = StreamReader()
    events = reader.feed(b"".join(map(sse.chunk, deltas)) + sse.finish(finish) + sse.DONE)
    events += reader.end()
    return tuple(c for event in events if isinstance(event, ToolCalls) for c in event.calls)


def piece(arguments: object = "", name: str | None = None, **call: object) -> dict[str, Any]:
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {"tool_calls": [{"function": function, **call}]}


F = FunctionCall("a", "f", '{"x": 1}')
G = FunctionCall("b", "g", '{"y": 2}')


@pytest.mark.parametrize(
    "deltas",
    [
        [piece('{"x"', "f", index=0, id="a"), piece(": 1}", index=0)],
        [piece('{"x": 1}', "f", id="a")],  # without an index, as Mistral's
        [piece({"x": 1}, "f", index=0, id="a")],  # an object, as Ollama's own
        # The name and id come again with each piece.
        [piece('{"x": ', "f", index=0, id="a"), piece("1}", "f", index=0, id="a")],
        [piece(None, "f", index=0, id="a"), piece('{"x": 1}', index=0, type="function")],
        [piece('{"x": ', "f", id="a"), piece("1}")],
    ],
)
def test_pieces_of_a_call_are_joined(deltas: list[dict[str, Any]]) -> None:
    assert read(*deltas) == (F,)


@pytest.mark.parametrize(
    "deltas",
    [
        [piece('{"x": 1}', "f", index=0, id="a"), piece('{"y": 2}', "g", index=1, id="b")],
        [piece('{"x": 1}', "f", id="a"), piece('{"y": 2}', "g", id="b")],
        # All are counted as the first, each whole.
        [piece('{"x": 1}', "f", index=0, id="a"), piece('{"y": 2}', "g", index=0, id="b")],
        [
            piece('{"x": ', "f", index=0, id="a"),
            piece('{"y": ', "g", index=1, id="b"),
            piece("1}", index=0),
            piece("2}", index=1),
        ],
    ],
)
def test_calls_are_told_from_each_other(deltas: list[dict[str, Any]]) -> None:
    assert read(*deltas) == (F, G)


def test_what_servers_leave_out() -> None:
    (call,) = read(piece("", "f", index=0))
    assert (bool(call.id), call.name, call.arguments) == (True, "f", "{}")
    (call,) = read({"function_call": {"name": "f", "arguments": ""}}, finish="function_call")
    assert (call.name, call.arguments) == ("f", "{}")
    assert read(piece("null", "f", index=0, id="a")) == (FunctionCall("a", "f", "{}"),)  # Groq
    assert len(read(piece("{}", "f", index=0, id="a"), finish="stop")) == 1
    assert read(piece("{}", index=0, id="a")) == ()  # of nothing


@pytest.mark.parametrize("calls", [5, [5], [{}], [{"function": 5}], [{"index": "x", "id": []}], {}])
def test_nonsense_is_no_call(calls: object) -> None:
    assert read({"content": "Hi", "tool_calls": calls}) == ()


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_what_is_cut_off_is_no_call(finish: str) -> None:
    assert read({"content": "Hi"}, piece('{"x": 1}', "f", index=0, id="a"), finish=finish) == ()


@needs_wire
def test_recorded_calls_are_whole() -> None:
    found, broken = 0, set[str]()
    for file in sorted((WIRE / "recorded").glob("*.sse")):
        reader = StreamReader()
        events = [*reader.feed(file.read_bytes()), *reader.end()]
        for event in events:
            if isinstance(event, ToolCalls):
                for call in event.calls:
                    found += 1
                    assert call.id, file.name
                    assert call.name, file.name
                    try:
                        assert isinstance(json.loads(call.arguments), dict), file.name
                    except ValueError:
                        broken.add(file.stem)
                ids = [call.id for call in event.calls]
                assert len(set(ids)) == len(ids), file.name
    assert found > 80
    # OpenRouter does not say that these were cut off; the model is told that they are no JSON.
    assert broken == {
        f"openrouter__rig__tool-truncation-contract-matri__streaming-{name}__1"
        for name in ("gpt41-low-agent", "gpt41-low-model", "gpt4o-mid-agent")
    }


# What a request tells


def test_every_call_has_an_answer_however_it_ended() -> None:
    calls = tuple(
        ToolCall(str(n), "f", "no JSON", status, result)  # type: ignore[arg-type]
        for n, (status, result) in enumerate(
            [("complete", "1"), ("stopped", ""), ("waiting", ""), ("denied", "No.")]
        )
    )
    details = {"type": "new.kind", "x": [1]}
    messages = reply_messages("Hm.\n\nSo.", [Round(3, calls, (details,), "thought")])
    asked, *answers, end = messages
    assert asked["content"] == "Hm."
    assert asked["reasoning_details"] == [details]
    assert "reasoning_content" not in asked
    assert {call["function"]["arguments"] for call in asked["tool_calls"]} == {"{}"}
    assert [answer["tool_call_id"] for answer in answers] == ["0", "1", "2", "3"]
    assert [("stopped" in answer["content"]) for answer in answers] == [False, True, True, False]
    assert end == {"role": "assistant", "content": "So."}
    # A person's message right after a result is refused by some.
    assert reply_messages("", [Round(0, calls)])[-1]["role"] == "assistant"


def test_without_tools_all_of_it_is_text_and_roles_alternate() -> None:
    calls = (ToolCall("1", "f", "{}", "complete", "1"), ToolCall("2", "g", "{}", "denied", "No."))
    question = {"role": "user", "content": [{"type": "text", "text": "?"}]}
    messages = [question, *reply_messages("End.", [Round(0, calls)]), question]
    assert without_tools(messages) == [
        question,
        {"role": "assistant", "content": "[f({}) → 1]\n\n[g({}) → No.]\n\nEnd."},
        question,
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        r'{"path": "\u002f\u0065tc"}',
        r'"{\"path\": \"\\u002f\\u0065tc\"}"',  # JSON within a JSON string
        '{"path": "notes.txt", "path": "/etc"}',
        '{"n": 1e999, "m": -0.10000000000000000000001, "k": NaN}',
        '{"n": 123456789012345678901234567890}',
        r'{"path": "\ud800x"}',
        f'{{"path": "{"x" * 100}", "deep": [{{"a": null}}]}}',
    ],
)
def test_the_user_sees_the_arguments_that_the_tool_gets(arguments: str) -> None:
    shown = ToolCall("1", "f", arguments).pretty_arguments
    assert repr(json.loads(shown)) == repr(read_arguments(arguments))
    assert "u0065" not in shown


@pytest.mark.parametrize(
    "arguments", ["no JSON", "[1]", '"[1]"', f'{{"n": {"9" * 5000}}}', "[" * 100_000, '"x"']
)
def test_what_no_tool_gets_is_shown_as_it_came(arguments: str) -> None:
    with pytest.raises(ValueError, match="The arguments"):
        read_arguments(arguments)
    assert ToolCall("1", "f", arguments).pretty_arguments == arguments


# Types and docstrings as users write them


def test_descriptions_come_from_annotated_and_each_style_of_docstring() -> None:
    def annotated(x: Annotated[int, "How many."]) -> Elsewhere:  # type: ignore[name-defined]  # noqa: F821
        """Counts."""

    def sphinx(x: int, y: str = "") -> None:
        """Counts.

        :param x: How many,
            at most.
        :param str y: Of what.
        """

    def of_numpy(x: int, y: str = "") -> None:
        """Counts.

        Parameters
        ----------
        x : int
            How many.
        y : str, optional
            Of what.

        Returns
        -------
        None
        """

    def about(function: Any) -> dict[str, Any]:
        properties = Tool(function).schema["function"]["parameters"]["properties"]
        return {name: each.get("description") for name, each in properties.items()}

    assert about(annotated) == {"x": "How many."}
    assert about(sphinx) == {"x": "How many, at most.", "y": "Of what."}
    assert about(of_numpy) == {"x": "How many.", "y": "Of what."}
    assert Tool(sphinx).schema["function"]["description"] == "Counts."


def test_what_a_partial_has_bound_is_not_offered() -> None:
    def area(width: float, height: float, unit: str = "m") -> float:
        """Measures."""
        return width * height

    tool = Tool(functools.partial(area, 2.0, unit="km"))
    assert tool.name == "area"
    assert list(tool.schema["function"]["parameters"]["properties"]) == ["height"]
    assert tool.function(**tool.parse('{"height": 3}')) == 6.0


def test_an_unknown_type_names_its_parameter() -> None:
    with pytest.raises(TypeError, match="parameter x can't be found"):
        Tool(unknown)
