"""How each kind of server is asked to reason."""

from __future__ import annotations

from typing import Any

import pytest

from nbchat import reasoning_rules
from nbchat._servers.providers import KNOWN
from nbchat._servers.reasoning import (
    FIXED_REASONING,
    NO_REASONING,
    Reasoning,
    reasoning_object,
    reasoning_parameters,
)


@pytest.mark.parametrize("effort", ["low", "medium", "high"])
@pytest.mark.parametrize(
    "model", ["openai/gpt-oss-120b", "openai/gpt-oss-20b:free", "openai/gpt-5.4"]
)
def test_openai_models_take_an_effort(model: str, effort: str) -> None:
    assert reasoning_parameters(model, effort) == {"reasoning": {"effort": effort}}


def test_grok_4_fast_can_only_be_enabled() -> None:
    for model in ("x-ai/grok-4-fast", "x-ai/grok-4-fast:free"):
        assert reasoning_parameters(model, "low") == {}
        assert reasoning_parameters(model, "medium") == {"reasoning": {"enabled": True}}
        assert reasoning_parameters(model, "high") == {"reasoning": {"enabled": True}}


def test_other_models_get_nothing() -> None:
    for model in ("openrouter/free", "openai/gpt-4o", "x-ai/grok-4", ""):
        assert reasoning_parameters(model, "high") == {}


def test_a_rule_of_ones_own_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reasoning_rules, "openai/gpt-5.9*", lambda effort: {"think": effort})
    asked = reasoning_parameters("openai/gpt-5.9-mini", "low", reasoning=NO_REASONING)
    assert asked == {"think": "low"}, "over what the server's list says, too"
    assert reasoning_parameters("openai/gpt-5", "low") == {"reasoning": {"effort": "low"}}


@pytest.mark.parametrize(
    ("reasoning", "effort", "asked"),
    [
        (Reasoning.levels(("low", "xhigh")), "xhigh", {"effort": "xhigh"}),
        (Reasoning.levels(("none", "low")), "none", {"enabled": False}),
        (Reasoning.levels(("low", "high"), "high"), None, {"effort": "high"}),
        (Reasoning.levels(("low", "high"), "high"), "medium", {"effort": "high"}),
        (Reasoning.switch(), "none", {"enabled": False}),
        (Reasoning.switch(), "medium", {"enabled": True}),
        (NO_REASONING, "high", None),
        (FIXED_REASONING, "high", None),
    ],
)
def test_openrouter_is_asked_for_what_the_model_offers(
    reasoning: Reasoning, effort: str | None, asked: dict[str, Any] | None
) -> None:
    said = reasoning_parameters("a/b", effort, reasoning=reasoning, effort_format=reasoning_object)
    assert said == ({"reasoning": asked} if asked else {})


SWITCHES = {"enable_thinking": True, "thinking": True}
NO_SWITCHES = {"enable_thinking": False, "thinking": False}


@pytest.mark.parametrize(
    ("server", "high", "none"),
    [
        ("openai", {"reasoning_effort": "high"}, {"reasoning_effort": "none"}),
        ("ollama", {"reasoning_effort": "high"}, {"reasoning_effort": "none"}),
        ("lmstudio", {"reasoning_effort": "high"}, {"reasoning_effort": "none"}),
        ("groq", {"reasoning_effort": "high"}, {"reasoning_effort": "none"}),
        ("huggingface", {"reasoning_effort": "high"}, {"reasoning_effort": "none"}),
        ("mistral", {"reasoning_effort": "high"}, {"reasoning_effort": "none"}),
        ("together", {"reasoning": {"enabled": True}}, {"reasoning": {"enabled": False}}),
        (
            "deepseek",
            {"thinking": {"type": "enabled"}, "reasoning_effort": "high"},
            {"thinking": {"type": "disabled"}},
        ),
        *(
            (
                server,
                {"reasoning_effort": "high", "chat_template_kwargs": SWITCHES},
                {"reasoning_effort": "none", "chat_template_kwargs": NO_SWITCHES},
            )
            for server in ("llama-server", "vllm", "sglang")
        ),
    ],
)
def test_each_server_in_its_own_way(
    server: str, high: dict[str, Any], none: dict[str, Any]
) -> None:
    effort_format = KNOWN[server].dialect.effort_format
    assert reasoning_parameters("some-model", "high", effort_format=effort_format) == high
    assert reasoning_parameters("some-model", "none", effort_format=effort_format) == none
    unchosen = reasoning_parameters("some-model", None, effort_format=effort_format)
    assert unchosen == {}, "left to the server"


def test_models_that_are_known_to_reason_are_always_told_how_much() -> None:
    for server in ("openai", "ollama", "together"):
        effort_format = KNOWN[server].dialect.effort_format
        for model in ("openai/gpt-oss-20b", "gpt-oss:20b"):
            asked = reasoning_parameters(model, None, effort_format=effort_format)
            assert asked == {"reasoning_effort": "medium"}


def test_what_groq_and_mistral_call_on() -> None:
    groq = KNOWN["groq"].dialect.effort_format
    mistral = KNOWN["mistral"].dialect.effort_format
    qwen = reasoning_parameters("qwen", "medium", reasoning=Reasoning.switch(), effort_format=groq)
    assert qwen == {"reasoning_effort": "default"}
    small = reasoning_parameters("small", "low", effort_format=mistral)
    assert small == {"reasoning_effort": "high"}
