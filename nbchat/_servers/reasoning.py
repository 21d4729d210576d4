"""How a model can be asked to reason, and how each kind of server wants to be asked."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple

from nbchat._chat.settings import EFFORTS, USUAL_EFFORTS


class Reasoning(NamedTuple):
    """What can be chosen about a model's reasoning.

    Attributes:
        choice: "none": it does not reason; "fixed": it always does, as much as it sees fit;
            "switch": on or off; "levels": by effort.
        efforts: What the menu offers, from the least on; a switch offers "none" and "medium".
        default: What the model does by itself.
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
        """Gives the efforts in their order; without a valid default, the middle one."""
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
"""Pattern of a model's id → what a reasoning effort adds to the request; the last match counts.

For models of which the server's list says nothing; one that you add counts for all:
`reasoning_rules["qwen/*"] = lambda effort: {…}`.
"""
_BUILT_IN = dict(reasoning_rules)


# Of these it is known by name, where the server's list says nothing.
_KNOWN_TO_REASON = ("*gpt-oss*", "gpt-5*", "o[134]", "o[134]-*")

# How a server takes an effort: (effort, what the model offers, if that is known) → what the request
# says.
Asking = Callable[[str, "Reasoning | None"], dict[str, Any]]


def reasoning_object(effort: str, reasoning: Reasoning | None) -> dict[str, Any]:
    """OpenRouter's own form, which it passes on to each provider in that one's way."""
    if reasoning is None:
        return {}
    if reasoning.choice == "levels" and effort in reasoning.efforts and effort != "none":
        return {"reasoning": {"effort": effort}}
    return {"reasoning": {"enabled": effort != "none"}}


def reasoning_effort(effort: str, reasoning: Reasoning | None) -> dict[str, Any]:  # noqa: ARG001
    """OpenAI's form, which most servers have taken over: "none" switches reasoning off."""
    return {"reasoning_effort": effort}


def groq(effort: str, reasoning: Reasoning | None) -> dict[str, Any]:
    """OpenAI's form; what can only be switched is either "none" or "default"."""
    if reasoning is not None and reasoning.choice == "switch" and effort != "none":
        return {"reasoning_effort": "default"}
    return reasoning_effort(effort, reasoning)


def mistral(effort: str, reasoning: Reasoning | None) -> dict[str, Any]:
    """OpenAI's form, in which Mistral knows "high" and "none" alone."""
    return reasoning_effort("none" if effort == "none" else "high", reasoning)


def together(effort: str, reasoning: Reasoning | None) -> dict[str, Any]:
    """OpenAI's form for the models that know levels, a switch for the others."""
    if reasoning is not None:
        return reasoning_effort(effort, reasoning)
    return {"reasoning": {"enabled": effort != "none"}}


def chat_template(effort: str, reasoning: Reasoning | None) -> dict[str, Any]:  # noqa: ARG001
    """For servers that hand the choice to the model's chat template: llama-server, vLLM, SGLang.

    Templates know the one switch or the other, and pass over what they don't know; newer servers
    set both by the effort.
    """
    on = effort != "none"
    return {
        "reasoning_effort": effort,
        "chat_template_kwargs": {"enable_thinking": on, "thinking": on},
    }


def thinking(effort: str, reasoning: Reasoning | None) -> dict[str, Any]:  # noqa: ARG001
    """DeepSeek's form: a switch, and an effort beside it."""
    if effort == "none":
        return {"thinking": {"type": "disabled"}}
    return {"thinking": {"type": "enabled"}, "reasoning_effort": effort}


def reasoning_parameters(
    model_id: str,
    effort: str | None,
    *,
    reasoning: Reasoning | None = None,
    ask: Asking = reasoning_object,
) -> dict[str, Any]:
    """What a request says about reasoning.

    Args:
        model_id: The model asked for.
        effort: One of `EFFORTS`; None if nobody chose one.
        reasoning: What the model offers; None if the server does not say.
        ask: How the server takes it.
    """
    pattern = next((p for p in reversed(list(reasoning_rules)) if fnmatchcase(model_id, p)), None)
    if pattern is not None:
        rule = reasoning_rules[pattern]
        of_ones_own = _BUILT_IN.get(pattern) is not rule
        if of_ones_own or (reasoning is None and ask is reasoning_object):
            return rule(effort or "medium")
    if reasoning is None and any(fnmatchcase(model_id, p) for p in _KNOWN_TO_REASON):
        reasoning = Reasoning.levels()
    if reasoning is None:
        # It may not reason at all, and some servers refuse a request that asks it to.
        return ask(effort, None) if effort is not None else {}
    if reasoning.choice in ("none", "fixed"):
        return {}
    if effort is None or (reasoning.choice == "levels" and effort not in reasoning.efforts):
        effort = reasoning.default
    return ask(effort, reasoning)
