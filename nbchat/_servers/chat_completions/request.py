"""Builds the body of a `/chat/completions` request from settings, model and messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from nbchat._chat.conversation.response_format import ResponseFormat
from nbchat._chat.conversation.token_estimate import estimate_tokens
from nbchat._chat.conversation.tool_rounds import without_tools
from nbchat._chat.settings import ChatSettings
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
    """Returns the body of a request for one streamed reply to `messages`.

    Args:
        settings: The settings, with the id of the model.
        messages: The conversation, as the OpenAI SDK takes it.
        model: The model's entry in the catalogue; only the parameters it supports are sent.
        dialect: How the server wants its requests.
        prompt_tokens: The approximate size of `messages`; by default, estimated from their text.
        response_format: The format of the reply; put into words if the parameter can't be sent.
        refused: Parameters that the server has refused with this model; "system" for the role.
        tools: The tools that the model may call. Without tools, earlier calls are sent as text.
        may_call: Whether the model may call tools now; if not, it must answer without them.
    """
    taken = prompt_tokens or estimate_tokens(messages)
    max_tokens = _max_tokens_name(model, dialect, refused)
    reasoning = reasoning_parameters(
        settings.model,
        settings.reasoning_effort,
        reasoning=model.reasoning if model is not None else None,
        effort_format=dialect.effort_format,
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
        # Most servers send usage in a stream only on request.
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
    if "system" in refused:
        body["messages"] = _without_system(body["messages"])
    return body


def _without_system(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the messages with the system message's text in front of the first user message."""
    text = "\n\n".join(each["content"] for each in messages if each["role"] == "system")
    others = [each for each in messages if each["role"] != "system"]
    first = next((n for n, each in enumerate(others) if each["role"] == "user"), None)
    if not text or first is None:
        return [*([{"role": "user", "content": text}] if text else []), *others]
    content = others[first]["content"]
    merged = (
        f"{text}\n\n{content}"
        if isinstance(content, str)
        else [{"type": "text", "text": text}, *content]
    )
    return [*others[:first], {**others[first], "content": merged}, *others[first + 1 :]]


def _instructed(messages: list[dict[str, Any]], instruction: str) -> list[dict[str, Any]]:
    """Returns the messages with the instruction at the end of the system message."""
    if messages and messages[0]["role"] == "system":
        content = f"{messages[0]['content']}\n\n{instruction}"
        return [{"role": "system", "content": content}, *messages[1:]]
    return [{"role": "system", "content": instruction}, *messages]


def _takes(model: Model | None, name: str) -> bool:
    if model is None:
        return True
    # Different names for the same choice; a server's list has only some of them.
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
    """Returns how many tokens still fit. Many servers reject a request for more."""
    if model is None:
        return settings.max_tokens
    room = model.context_length - prompt_tokens if model.context_length else 0
    limits = [settings.max_tokens, model.max_tokens_limit or 0, room]
    return min(limit for limit in limits if limit > 0)
