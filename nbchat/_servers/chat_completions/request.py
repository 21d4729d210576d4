"""(settings, model, messages) → the body of a `/chat/completions` request."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from nbchat._chat.response_format import ResponseFormat
from nbchat._chat.settings import ChatSettings
from nbchat._chat.token_estimate import estimate_tokens
from nbchat._chat.tool_rounds import without_tools
from nbchat._servers.models import Model
from nbchat._servers.providers import PLAIN, Dialect
from nbchat._servers.reasoning import reasoning_parameters


def chat_completion_body(
    settings: ChatSettings,
    messages: Sequence[dict[str, Any]],
    *,
    model: Model | None = None,
    dialect: Dialect = PLAIN,
    prompt_tokens: int | None = None,
    response_format: ResponseFormat | None = None,
    refused: Collection[str] = (),
    tools: Sequence[dict[str, Any]] = (),
    may_call: bool = True,
) -> dict[str, Any]:
    """The request for one streamed reply to `messages`.

    Args:
        settings: With the id of the model.
        messages: As the OpenAI SDK takes them.
        model: What the catalogue says of the model; only what it takes is sent.
        dialect: How the server takes requests.
        prompt_tokens: About what `messages` take; by default, reckoned from their size.
        response_format: The form that the reply is to have; said in words, if it can't be sent.
        refused: Parameters that this model has refused before.
        tools: What the model may call. Without any, what was called before goes as text.
        may_call: Else it is to answer without calling anything more.
    """
    taken = prompt_tokens or estimate_tokens(messages)
    max_tokens = _max_tokens_name(model, dialect, refused)
    reasoning = reasoning_parameters(
        settings.model,
        settings.reasoning_effort,
        reasoning=model.reasoning if model is not None else None,
        ask=dialect.ask,
    )
    parameters = {
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        max_tokens: _max_tokens(settings, taken, model),
        **reasoning,
        **({"response_format": response_format.param} if response_format else {}),
    }
    if tools:
        parameters["tools"] = list(tools)
        if not may_call:
            parameters["tool_choice"] = "none"
    body: dict[str, Any] = {
        "model": settings.model,
        "messages": list(messages),
        **{name: value for name, value in parameters.items() if _takes(model, name)},
        "stream": True,
        # Most servers send usage in a stream only when asked to.
        "stream_options": {"include_usage": True},
        **dialect.extra,
    }
    body = {name: value for name, value in body.items() if name not in refused}
    if "tools" not in body:
        body.pop("tool_choice", None)
        body["messages"] = without_tools(messages)
    body["messages"] = [
        {name: value for name, value in message.items() if name not in refused}
        for message in body["messages"]
    ]
    if response_format is not None and "response_format" not in body:
        body["messages"] = _instructed(body["messages"], response_format.instruction)
    return body


def _instructed(messages: list[dict[str, Any]], instruction: str) -> list[dict[str, Any]]:
    """The messages with one more thing that the system says."""
    if messages and messages[0]["role"] == "system":
        said = f"{messages[0]['content']}\n\n{instruction}"
        return [{"role": "system", "content": said}, *messages[1:]]
    return [{"role": "system", "content": instruction}, *messages]


def _takes(model: Model | None, name: str) -> bool:
    if model is None:
        return True
    # The same wish in other words: what is listed is one of them.
    if name in ("reasoning", "reasoning_effort", "thinking", "chat_template_kwargs"):
        return model.takes("reasoning", "reasoning_effort", "include_reasoning", name)
    if name == "response_format":
        return model.takes(name, "structured_outputs")
    return model.takes(name)


def _max_tokens_name(model: Model | None, dialect: Dialect, refused: Collection[str]) -> str:
    names = (dialect.max_tokens, "max_tokens", "max_completion_tokens")
    fit = (name for name in names if name not in refused and _takes(model, name))
    return next(fit, names[0])


def _max_tokens(settings: ChatSettings, prompt_tokens: int, model: Model | None) -> int:
    """What can still fit: many servers refuse a request that asks for more than that."""
    if model is None:
        return settings.max_tokens
    room = model.context_length - prompt_tokens if model.context_length else 0
    limits = [settings.max_tokens, model.max_tokens_limit or 0, room]
    return min(limit for limit in limits if limit > 0)
