"""What can be chosen about a model's reasoning, and how each kind of server takes the choice."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple

from nbchat._chat.settings import EFFORTS, USUAL_EFFORTS


class Reasoning(NamedTuple):
    """What can be chosen about a model's reasoning.

    Attributes:
        choice: "none": it does not reason; "fixed": it always reasons, and decides how much;
            "switch": on or off; "levels": by effort.
        efforts: The efforts in the menu, lowest first; a switch has "none" and "medium".
        default: The effort that the model uses by default.
    """

    choice: Literal["none", "fixed", "switch", "levels"]
    efforts: tuple[str, ...] = ()
    default: str = "medium"

    @classmethod
    def switch(cls, default: str = "medium") -> Reasoning:
        return cls("switch", ("none", "medium"), default)

    @classmethod
    def levels(
        cls, efforts: tuple[str, ...] = USUAL_EFFORTS, default: str | None = None
    ) -> Reasoning:
        """Sorts the efforts; without a valid default, "medium" or the middle one is the default."""
        ordered = tuple(effort for effort in EFFORTS if effort in efforts)
        if default not in ordered:
            default = "medium" if "medium" in ordered else ordered[len(ordered) // 2]
        return cls("levels", ordered, default)


NO_REASONING = Reasoning("none")
FIXED_REASONING = Reasoning("fixed")

ReasoningRule = Callable[[str], dict[str, Any]]


def _by_effort(effort: str) -> dict[str, Any]:
    return {"reasoning": {"effort": effort}}


def _by_enabling(effort: str) -> dict[str, Any]:
    return {"reasoning": {"enabled": True}} if effort in ("medium", "high") else {}


reasoning_rules: dict[str, ReasoningRule] = {
    "openai/gpt-oss-*": _by_effort,
    "openai/gpt-5*": _by_effort,
    "x-ai/grok-4-fast*": _by_enabling,
}
"""Pattern of model ids → function that returns the request parameters for a reasoning effort.

The last match wins. The built-in rules are for models whose reasoning the server's list does not
describe. A rule of your own always applies: `reasoning_rules["qwen/*"] = lambda effort: {…}`.
"""
_BUILT_IN = dict(reasoning_rules)


# Models that reason, by their names: for servers whose list does not say so.
_KNOWN_TO_REASON = ("*gpt-oss*", "gpt-5*", "o[134]", "o[134]-*")

# How a server takes an effort: (effort, the model's choices if known) → request parameters.
EffortFormat = Callable[[str, "Reasoning | None"], dict[str, Any]]


def reasoning_object(effort: str, reasoning: Reasoning | None) -> dict[str, Any]:
    """OpenRouter's format, which it translates for each provider."""
    if reasoning is None:
        return {}
    if reasoning.choice == "levels" and effort in reasoning.efforts and effort != "none":
        return {"reasoning": {"effort": effort}}
    return {"reasoning": {"enabled": effort != "none"}}


def reasoning_effort(effort: str, reasoning: Reasoning | None) -> dict[str, Any]:  # noqa: ARG001
    """OpenAI's format, which most servers have adopted; "none" switches reasoning off."""
    return {"reasoning_effort": effort}


def groq(effort: str, reasoning: Reasoning | None) -> dict[str, Any]:
    """OpenAI's format, but a model that is only switched takes "none" or "default" (recorded)."""
    if reasoning is not None and reasoning.choice == "switch" and effort != "none":
        return {"reasoning_effort": "default"}
    return reasoning_effort(effort, reasoning)


def mistral(effort: str, reasoning: Reasoning | None) -> dict[str, Any]:
    """OpenAI's format, but Mistral Small 4 and Medium 3.5 know only "high" and "none".

    See docs.mistral.ai, conversations/reasoning (November 2026). Large 4 has more levels.
    """
    return reasoning_effort("none" if effort == "none" else "high", reasoning)


def together(effort: str, reasoning: Reasoning | None) -> dict[str, Any]:
    """OpenAI's format for models with levels, a switch for the others."""
    if reasoning is not None:
        return reasoning_effort(effort, reasoning)
    return {"reasoning": {"enabled": effort != "none"}}


def chat_template(effort: str, reasoning: Reasoning | None) -> dict[str, Any]:  # noqa: ARG001
    """For servers that pass the choice to the model's chat template: llama-server, vLLM, SGLang.

    A template knows one of the two switches and ignores the other. Newer servers set both from the
    effort.
    """
    on = effort != "none"
    return {
        "reasoning_effort": effort,
        "chat_template_kwargs": {"enable_thinking": on, "thinking": on},
    }


def thinking(effort: str, reasoning: Reasoning | None) -> dict[str, Any]:  # noqa: ARG001
    """DeepSeek's format: a switch and an effort (its API docs, thinking_mode)."""
    if effort == "none":
        return {"thinking": {"type": "disabled"}}
    return {"thinking": {"type": "enabled"}, "reasoning_effort": effort}


def reasoning_parameters(
    model_id: str,
    effort: str | None,
    *,
    reasoning: Reasoning | None = None,
    effort_format: EffortFormat = reasoning_object,
) -> dict[str, Any]:
    """Returns the parameters of a request that are about reasoning.

    Args:
        model_id: The requested model.
        effort: One of `EFFORTS`; None if the user has not chosen one.
        reasoning: What can be chosen for the model; None if the server does not say.
        effort_format: How the server takes an effort.
    """
    pattern = next((p for p in reversed(list(reasoning_rules)) if fnmatchcase(model_id, p)), None)
    if pattern is not None:
        rule = reasoning_rules[pattern]
        is_users_own = _BUILT_IN.get(pattern) is not rule
        if is_users_own or (reasoning is None and effort_format is reasoning_object):
            return rule(effort or "medium")
    if reasoning is None and any(fnmatchcase(model_id, p) for p in _KNOWN_TO_REASON):
        reasoning = Reasoning.levels()
    if reasoning is None:
        # The model may not reason at all; then Ollama, for one, answers 400 to an effort.
        return effort_format(effort, None) if effort is not None else {}
    if reasoning.choice in ("none", "fixed"):
        return {}
    if effort is None or (reasoning.choice == "levels" and effort not in reasoning.efforts):
        effort = reasoning.default
    return effort_format(effort, reasoning)
