"""Which request is sent, and what is tried after an error."""

from __future__ import annotations

from typing import Any

import pytest

from nbchat import ChatError, ChatSettings
from nbchat._chat.conversation.conversation import Spent
from nbchat._chat.conversation.token_estimate import brief, estimate_tokens, leave_out
from nbchat._chat.events import Usage
from nbchat._servers.catalogue import Catalogue
from nbchat._servers.error_messages import explain_body
from nbchat._servers.models import parse_models
from nbchat._servers.providers import KNOWN, Provider
from nbchat._servers.server import Server
from nbchat._tools.toolbox import Toolbox
from nbchat._turns.plan import Plan, refused_parameter
from nbchat._turns.rules import Rules

MESSAGES = [{"role": "user", "content": "Hi"}]


def server(*models: dict[str, Any], name: str = "openrouter") -> Server:
    known = KNOWN[name]
    provider = Provider(known.title, known.base_url, dialect=known.dialect)
    return Server(provider, Catalogue(tuple(parse_models({"data": list(models)})), is_live=True))


def plan(
    *models: dict[str, Any],
    name: str = "openrouter",
    messages: list[dict[str, Any]] = MESSAGES,
    rules: Rules = Rules(),  # noqa: B008 - nothing changes it
    spent: Spent = Spent(),  # noqa: B008
    **settings: Any,
) -> Plan:
    chosen = ChatSettings(**{"model": "a/b", **settings})
    return Plan(chosen, messages, server(*models, name=name), rules, spent)


def spent(*costs: float) -> Spent:
    total = Spent()
    for cost in costs:
        total = total.plus(Usage(cost=cost))
    return total


def said(status: int, error: dict[str, Any] | str) -> ChatError:
    return explain_body({"error": error}, status=status, server="The server")


# What is sent


def test_only_what_the_model_takes_is_sent_by_the_name_it_takes_it() -> None:
    takes = {"id": "a/b", "supported_parameters": ["max_completion_tokens", "top_p"]}
    body = plan(takes, max_tokens=500, reasoning_effort="high").body
    assert body["max_completion_tokens"] == 500
    assert body["top_p"] == 1.0
    assert not {"max_tokens", "temperature", "reasoning"} & set(body)
    body = plan({"id": "a/b", "supported_parameters": ["temperature"]}).body
    assert not {"max_tokens", "max_completion_tokens"} & set(body)
    assert "max_completion_tokens" in plan(name="openai").body
    assert "max_tokens" in plan(name="ollama").body


def test_nothing_is_left_out_by_openrouter_without_a_word() -> None:
    assert plan().body["plugins"] == [{"id": "context-compression", "enabled": False}]
    assert "plugins" not in plan(name="groq").body


def test_no_more_is_asked_for_than_fits() -> None:
    small = {"id": "a/b", "context_length": 1000}
    question = [{"role": "user", "content": "x" * 2000}]
    assert plan(small, messages=question).body["max_tokens"] == 1000 - estimate_tokens(question)
    limited = {"id": "a/b", "top_provider": {"max_completion_tokens": 700}}
    assert plan(limited).body["max_tokens"] == 700
    assert plan({"id": "a/b"}).body["max_tokens"] == 8192


# After an error


@pytest.mark.parametrize(
    ("name", "status", "error", "dropped"),
    [
        (
            "openrouter",
            400,
            {"message": "Unsupported value", "code": "unsupported_value", "param": "temperature"},
            "temperature",
        ),
        ("groq", 422, {"message": "extra inputs: `top_p` is not permitted"}, "top_p"),
        ("ollama", 400, {"message": '"qwen2.5" does not support thinking'}, "reasoning_effort"),
        (
            "mistral",
            400,
            {"message": "reasoning_effort='high' is not supported for this model.", "code": "3051"},
            "reasoning_effort",
        ),
        ("openrouter", 400, {"message": "Validation: Temperature must be below 1"}, "temperature"),
        ("llama-server", 400, {"message": "Field 'temperature': must be number"}, "temperature"),
    ],
)
def test_a_parameter_that_is_refused_is_left_out_once(
    name: str, status: int, error: dict[str, Any], dropped: str
) -> None:
    request = plan(name=name, reasoning_effort="high")
    assert dropped in request.body
    assert request.after(said(status, error)) == 0.0
    assert dropped not in request.body
    assert any(dropped in note for note in request.notes)
    assert request.after(said(status, error)) is None, "it can't be left out twice"


def test_max_tokens_under_its_other_name() -> None:
    request = plan(max_tokens=500)
    error = {
        "message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
        "'max_completion_tokens' instead.",
        "type": "invalid_request_error",
        "param": "max_tokens",
        "code": "unsupported_parameter",
    }
    assert request.after(said(400, error)) == 0.0
    assert request.body["max_completion_tokens"] == 500
    assert "max_tokens" not in request.body


def test_what_was_refused_is_not_sent_again() -> None:
    known = server()
    settings = ChatSettings(model="a/b")
    first = Plan(settings, MESSAGES, known, Rules(), Spent())
    first.after(said(400, {"message": "no", "param": "temperature"}))
    assert "temperature" not in Plan(settings, MESSAGES, known, Rules(), Spent()).body
    other = ChatSettings(model="c/d")
    assert "temperature" in Plan(other, MESSAGES, known, Rules(), Spent()).body


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"message": "Invalid 'messages[3]'", "param": "messages[3]"}),
        (401, {"message": "temperature", "param": "temperature"}),
        (404, {"message": "The model `x` does not exist", "code": "model_not_found"}),
        (400, {"message": "context length exceeded", "code": "context_length_exceeded"}),
    ],
)
def test_other_errors_name_no_parameter(status: int, error: dict[str, Any]) -> None:
    assert refused_parameter(said(status, error), plan().body) is None


RATE = {"message": "Rate limit exceeded", "code": 429}
WAIT = {"message": "busy", "availability": {"code": "x", "retryable": True, "retry_after": 7}}
DAILY = {"message": "Rate limit exceeded: free-models-per-day", "code": 429}


def test_it_waits_once_where_the_server_says_how_long() -> None:
    request = plan()
    assert request.after(said(429, WAIT)) == 7
    assert request.notes == ["Rate limit reached for this model on The server (first attempt)."]
    assert request.after(said(429, WAIT)) is None
    request.cut_wait()
    assert request.after(said(429, WAIT)) == 7, "the user did not let it wait"
    assert plan().after(said(429, RATE)) is None, "it did not say how long"
    long = {**WAIT, "availability": {"retryable": True, "retry_after": 4000}}
    assert plan().after(said(429, long)) is None, "nobody waits an hour"
    assert plan().after(said(429, DAILY)) is None


def test_fallbacks_are_asked_one_after_the_other() -> None:
    request = plan(rules=Rules(fallbacks=("c/d", "e/f")))
    assert request.after(said(429, DAILY)) == 0.0
    assert request.body["model"] == "c/d"
    assert request.after(said(404, {"message": "No endpoints found for c/d."})) == 0.0
    assert request.body["model"] == "e/f"
    assert request.after(said(503, "down")) is None
    assert [note.split(" ")[0] for note in request.notes] == ["a/b", "c/d"]
    assert "e/f was asked" in request.notes[1]


def test_a_fallback_takes_what_it_takes() -> None:
    takes_little = {"id": "c/d", "supported_parameters": ["max_tokens"]}
    request = plan(takes_little, rules=Rules(fallbacks=("c/d",)))
    assert request.after(said(500, "down")) == 0.0
    assert "temperature" not in request.body


def test_no_other_model_cures_a_refused_key() -> None:
    request = plan(rules=Rules(fallbacks=("c/d",)))
    assert request.after(said(401, {"message": "Invalid API key"})) is None
    assert request.body["model"] == "a/b"


# The context


def conversation(exchanges: int) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": "Be brief."}]
    for i in range(exchanges):
        messages.append({"role": "user", "content": f"question {i} " + "x" * 400})
        messages.append({"role": "assistant", "content": f"answer {i} " + "x" * 400})
    return [*messages, {"role": "user", "content": "now"}]


def test_the_oldest_exchanges_are_left_out() -> None:
    messages = conversation(5)
    kept, left_out = leave_out(messages, 150)
    assert left_out == messages[1:3]
    assert kept == [messages[0], *messages[3:]]
    kept, left_out = leave_out(messages, 10**9)
    assert kept == [messages[0], messages[-1]], "what is asked now always stays"
    assert brief(left_out[:1]) == [f"You: question 0 {'x' * 400}"]


def test_truncating_fits_the_context_and_says_so() -> None:
    small = {"id": "a/b", "context_length": 800}
    messages = conversation(10)
    request = plan(small, messages=messages, rules=Rules(overflow="truncate"), max_tokens=200)
    sent = request.body["messages"]
    assert sent[0] == messages[0]
    assert sent[1]["role"] == "user"
    assert sent[-1] == messages[-1]
    assert estimate_tokens(sent) + 200 <= 800
    (note,) = request.notes
    assert f"{len(messages) - len(sent)} oldest messages" in note
    assert "question 0" in note


def test_truncating_again_where_the_server_still_refuses() -> None:
    error = {"message": "the request exceeds the available context size", "n_ctx": 512}
    request = plan(messages=conversation(8), rules=Rules(overflow="truncate"))
    sizes = [len(request.body["messages"])]
    while request.after(said(400, error)) is not None:
        sizes.append(len(request.body["messages"]))
    assert sizes == sorted(set(sizes), reverse=True)
    assert sizes[-1] == 2, "the instructions and the question"
    assert plan(messages=conversation(8)).after(said(400, error)) is None


def test_a_server_that_would_truncate_without_a_word_is_not_asked() -> None:
    small = {"id": "a/b", "context_length": 400}
    with pytest.raises(ChatError, match="too long") as raised:
        plan(small, name="ollama", messages=conversation(10))
    assert "truncate" in raised.value.message
    assert plan(small, messages=conversation(10)).body, "others say so themselves"


# Money


PRICED = {"id": "a/b", "pricing": {"prompt": "0.00001", "completion": "0.0001"}}


def test_no_request_is_sent_that_could_pass_max_cost() -> None:
    # 1000 tokens of reply at $100 a million cost 10 cents.
    assert plan(PRICED, rules=Rules(max_cost=0.11), max_tokens=1000).body
    with pytest.raises(ChatError, match="max_cost") as raised:
        plan(PRICED, rules=Rules(max_cost=0.09), max_tokens=1000)
    assert "$0.10" in raised.value.message
    with pytest.raises(ChatError, match=r"has \$0\.05 left"):
        plan(PRICED, rules=Rules(max_cost=0.11), spent=spent(0.06), max_tokens=1000)


def test_free_models_cost_nothing_however_much_was_spent() -> None:
    free = {"id": "a/b:free", "pricing": {"prompt": "0", "completion": "0"}}
    rules = Rules(max_cost=0.01)
    assert plan(free, model="a/b:free", rules=rules, spent=spent(5)).body
    unmarked = {**free, "id": "a/b"}
    with pytest.raises(ChatError, match="max_cost"):
        plan(unmarked, rules=rules, spent=spent(0.005, 0.004))


def test_where_no_price_is_known_the_dearest_reply_counts() -> None:
    assert plan(rules=Rules(max_cost=0.5), spent=spent(0.2)).body
    with pytest.raises(ChatError, match="max_cost"):
        plan(rules=Rules(max_cost=0.5), spent=spent(0.2, 0.2))


def test_a_fallback_that_is_too_dear_is_passed_over() -> None:
    cheap = {"id": "c/d", "pricing": {"prompt": "0", "completion": "0"}}
    request = plan({**PRICED, "id": "dear"}, cheap, rules=Rules(("dear", "c/d"), max_cost=0.01))
    assert request.after(said(503, "down")) == 0.0
    assert request.body["model"] == "c/d"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"fallbacks": 3}, TypeError),
        ({"fallbacks": [3]}, TypeError),
        ({"overflow": "drop"}, ValueError),
        ({"max_cost": "1"}, TypeError),
        ({"max_cost": -1}, ValueError),
        ({"max_cost": float("nan")}, ValueError),
    ],
)
def test_bad_rules(options: dict[str, Any], error: type[Exception]) -> None:
    (name,) = options
    with pytest.raises(error, match=name):
        Rules(**options)


# The system role and tools


SYSTEM = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "System role not supported"),
        (500, "Jinja Exception: System role not supported"),
        (400, "Developer instruction is not enabled for models/gemma-3-27b-it"),
        (400, "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
    ],
)
def test_a_model_without_the_system_role_gets_its_text_in_the_first_message(
    status: int, message: str
) -> None:
    there = server(name="groq")
    request = Plan(ChatSettings(model="a/b"), SYSTEM, there, Rules(), Spent())
    assert request.body["messages"] == SYSTEM
    assert request.after(said(status, {"message": message})) == 0.0
    merged = [{"role": "user", "content": "Be brief.\n\nHi"}]
    assert request.body["messages"] == merged
    assert any("does not accept the system role" in note for note in request.notes)
    assert request.after(said(status, {"message": message})) is None, "it is tried once"
    later = Plan(ChatSettings(model="a/b"), SYSTEM, there, Rules(), Spent())
    assert later.body["messages"] == merged, "it is remembered for this model"
    other = Plan(ChatSettings(model="c/d"), SYSTEM, there, Rules(), Spent())
    assert other.body["messages"] == SYSTEM


def test_the_system_text_goes_before_the_parts_of_a_message() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:,"}}
    messages = [SYSTEM[0], {"role": "user", "content": [image]}]
    request = plan(messages=messages)
    request.after(said(400, "System role not supported"))
    assert request.body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Be brief."}, image]}
    ]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "`tool calling` is not supported with this model"),
        (400, "model features function calling not support"),
        (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser'),
        (500, "tools param requires --jinja flag"),
        (400, "registry.ollama.ai/library/gemma:2b does not support tools"),
    ],
)
def test_a_server_that_refuses_tools_is_asked_without(status: int, message: str) -> None:
    def area(width: float) -> float:
        return width

    request = plan(name="groq", rules=Rules(toolbox=Toolbox([area])))
    assert "tools" in request.body
    assert request.after(said(status, {"message": message})) == 0.0
    assert "tools" not in request.body
    assert any("without tools" in note for note in request.notes)
