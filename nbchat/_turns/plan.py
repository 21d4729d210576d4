"""Plans the requests of a turn: the first one, and those that are tried after an error."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nbchat._chat.conversation.conversation import Spent
from nbchat._chat.conversation.response_format import ResponseFormat
from nbchat._chat.conversation.token_estimate import (
    brief,
    estimate_tokens,
    estimate_tool_tokens,
    leave_out,
)
from nbchat._chat.errors import ChatError
from nbchat._chat.settings import ChatSettings
from nbchat._servers.account import dollars
from nbchat._servers.chat_completions.request import chat_completion_body
from nbchat._servers.models import Model
from nbchat._servers.server import Server

from .rules import Rules

#: The longest wait that a server may ask for: for a longer one, the request fails instead.
MAX_WAIT_S = 300.0

# Parameters that a request can do without.
_REASONING = ("reasoning", "reasoning_effort", "thinking", "chat_template_kwargs")
_OPTIONAL = (
    *("temperature", "top_p", "max_tokens", "max_completion_tokens"),
    *(*_REASONING, "response_format", "stream_options", "plugins", "tool_choice", "tools"),
)
# Words of servers that refuse a response_format.
_FORM = re.compile(r"response.format|json.(schema|object|mode)|structured.output|grammar", re.I)
# Groq, the HF router, vLLM without --enable-auto-tool-choice, llama-server without --jinja.
_NO_TOOLS = re.compile(
    r"(?:tool[ _-]?(?:s|use|call\w*|choice|param)\b|function[ _-]call\w*)"
    r".{0,80}(?:\bnot\b|unsupported|requires)|(?:not|n't) support.{0,20}(?:tools|function)",
    re.IGNORECASE,
)
# Templates of Gemma and Mistral, Google's own API, OpenAI's first reasoning models.
_NO_SYSTEM = re.compile(
    r"(?:system|developer)['\"`]? (?:role|message|prompt|instruction)s?.{0,60}"
    r"(?:\bnot\b|unsupported|n't)|(?:not|n't) support\w* .{0,30}['\"` ](?:system|developer)\b"
    r"|(?:unsupported|unknown|invalid|unexpected) (?:message )?role\b.{0,20}(?:system|developer)",
    re.IGNORECASE,
)
_REFUSALS = (400, 404, 422, 500, 501)
# Fields that a message can do without.
_OPTIONAL_IN_MESSAGES = ("reasoning_details", "reasoning_content")
# Errors after which another model may succeed: not those of a wrong key or a wrong request.
_ANOTHER_MODEL_MAY_HELP = {
    *("rate", "daily", "credit", "key_limit", "overloaded", "server", "timeout", "failed"),
    *("mid_reply", "silent", "empty", "model", "privacy", "context"),
}


class Plan:
    """The request to send next, in `body`, and what is different about it, in `notes`.

    Args:
        settings: The settings, with the id of the model.
        messages: What the model receives, as the OpenAI SDK takes it.
        server: The server that receives the request.
        rules: What the user has decided about requests.
        spent: What the conversation has cost so far.
        prompt_tokens: The tokens of `messages`; estimated by default.
        response_format: The form that the reply should have.
        may_call: Whether the model may call tools, if there are any.

    Raises:
        ChatError: The request could cost more than `max_cost` allows, or the server would silently
            leave out a part of it.
    """

    def __init__(
        self,
        settings: ChatSettings,
        messages: Sequence[dict[str, Any]],
        server: Server,
        rules: Rules,
        spent: Spent,
        prompt_tokens: int | None = None,
        response_format: ResponseFormat | None = None,
        may_call: bool = True,
    ) -> None:
        self._settings = settings
        self._messages = list(messages)
        self._server = server
        self._rules = rules
        self._spent = spent
        self._response_format = response_format
        self._tools = rules.toolbox.schemas
        self._may_call = may_call
        tools_tokens = estimate_tool_tokens(self._tools)
        self._prompt_tokens = (prompt_tokens or estimate_tokens(messages)) + tools_tokens
        self._fallbacks = [id_ for id_ in rules.fallbacks if id_ != settings.model]
        self._left_out: list[dict[str, Any]] = []
        self._notes: dict[str, str] = {}
        self._waited = False
        self._fit()
        self.body = self._build()

    @property
    def notes(self) -> list[str]:
        """What the user should know about the request, a sentence each."""
        return list(self._notes.values())

    @property
    def settings(self) -> ChatSettings:
        """The settings, with the id of the model that is asked, perhaps a fallback."""
        return self._settings

    @property
    def may_call(self) -> bool:
        """Whether this request lets the model call tools."""
        return "tools" in self.body and "tool_choice" not in self.body

    @property
    def asks_to_reason(self) -> bool:
        """Whether this request has a reasoning effort that the user has chosen."""
        chosen = self._settings.reasoning_effort not in (None, "none")
        return chosen and any(name in self.body for name in _REASONING)

    @property
    def most(self) -> float:
        """The most that the request can cost, in US dollars, as far as that is known."""
        return self._most(self.body)

    @property
    def model(self) -> Model | None:
        """What is known about the model that is asked."""
        return self._server.model(self._settings.model)

    def after(self, error: ChatError) -> float | None:
        """Changes the request after an error, if that may help.

        Returns:
            Seconds to wait before the request is sent again; None if nothing is left to try.
        """
        wait_s = self._without_parameter(error)
        if wait_s is None and error.kind == "context" and self._rules.overflow == "truncate":
            wait_s = self._leave_out(self._prompt_tokens // 4 + 1)
        if wait_s is None and error.kind in _ANOTHER_MODEL_MAY_HELP:
            wait_s = self._with_another_model(error)
        if wait_s is None:
            wait_s = self._as_the_server_asks(error)
        if wait_s is not None:
            self.body = self._build()
        return wait_s

    def cut_wait(self) -> None:
        """Lets the request wait once more: the user did not let it wait as the server asked."""
        self._waited = False

    def note_truncation(self, counted: int | None) -> None:
        """Adds a note if the server has silently left out a part of the request.

        Args:
            counted: The tokens of prompt and reply, as the server counted them.
        """
        if not self._server.provider.dialect.truncates or counted is None:
            return
        sent = estimate_tokens(self._messages)
        if counted > sent // 2:
            return
        self._notes["truncated"] = (
            f"{self._server.provider.name} counted {counted:,} of about {sent:,} tokens: it left "
            "out the beginning of the conversation. Set a longer context on the server."
        )

    def _without_parameter(self, error: ChatError) -> float | None:
        name = refused_parameter(error, self.body)
        if name is None:
            return None
        model_id = self._settings.model
        refused = self._server.refused.setdefault(model_id, set())
        if name in refused:
            return None
        refused.add(name)
        if name == "system":
            self._notes[name] = (
                f"{model_id} does not accept the system role here: the system instructions were "
                "sent at the beginning of your first message."
            )
            return 0.0
        self._notes[name] = f"Sent without {name}: {model_id} does not accept it here."
        return 0.0

    def _leave_out(self, tokens: int) -> float | None:
        kept, left_out = leave_out(self._messages, tokens)
        if not left_out:
            return None
        self._messages = kept
        self._prompt_tokens = max(0, self._prompt_tokens - estimate_tokens(left_out))
        self._left_out += left_out
        (first,) = brief(self._left_out[:1])
        self._notes["left out"] = (
            f"Left out to fit the context: the {len(self._left_out)} oldest messages, starting "
            f"with “{first}”."
        )
        return 0.0

    def _with_another_model(self, error: ChatError) -> float | None:
        failed = self._settings.model
        while self._fallbacks:
            self._settings = self._settings.replace(model=self._fallbacks.pop(0))
            try:
                self._check_cost(self._build())
            except ChatError:
                continue
            self._notes[failed] = (
                f"{failed} failed ({error.title}), so {self._settings.model} was asked."
            )
            return 0.0
        return None

    def _as_the_server_asks(self, error: ChatError) -> float | None:
        wait_s = error.retry_after_s
        if self._waited or not error.retryable or wait_s is None or wait_s > MAX_WAIT_S:
            return None
        self._waited = True
        self._notes["wait"] = f"{error.title} (first attempt)."
        return wait_s

    def _fit(self) -> None:
        model = self.model
        if model is None or not model.context_length:
            return
        reply = min(self._settings.max_tokens, model.context_length // 4)
        over = self._prompt_tokens + reply - model.context_length
        if over <= 0:
            return
        if self._rules.overflow == "truncate":
            self._leave_out(over)
        elif self._server.provider.dialect.truncates and over > reply:
            raise ChatError(
                f"The conversation is too long for {model.id}: it has about "
                f"{self._prompt_tokens:,} tokens, and the context {model.context_length:,}. "
                f"{self._server.provider.name} would silently leave out its beginning. To leave "
                'out the oldest messages, with a note, set chat.overflow = "truncate".',
                kind="context",
                retryable=True,
            )

    def _build(self) -> dict[str, Any]:
        body = chat_completion_body(
            self._settings,
            self._messages,
            model=self.model,
            dialect=self._server.provider.dialect,
            prompt_tokens=self._prompt_tokens,
            response_format=self._response_format,
            refused=self._server.refused.get(self._settings.model, set()),
            tools=self._tools,
            may_call=self._may_call,
        )
        if self._tools and "tools" not in body:
            self._notes.setdefault(
                "tools", f"Sent without tools: {self._settings.model} does not accept them."
            )
        self._check_cost(body)
        if self._response_format is not None:
            self._note_form(body)
        return body

    def _note_form(self, body: Mapping[str, Any]) -> None:
        if "response_format" in body:
            self._notes.pop("response_format", None)
        else:
            self._notes["response_format"] = (
                f"Sent without response_format: {body['model']} does not accept it here. The form "
                "was described in the system instructions instead."
            )

    def _check_cost(self, body: Mapping[str, Any]) -> None:
        max_cost = self._rules.max_cost
        if max_cost is None:
            return
        most = self._most(body)
        left = max(0.0, max_cost - self._spent.cost)
        if most > left:
            advice = "Lower Max tokens, choose a cheaper model, or raise chat.max_cost."
            if self._rules.budget is not None:
                advice = "The owner of this page has set the limit."
            raise ChatError(
                f"Not sent: it could cost up to {dollars(most)}, and the chat's limit of "
                f"{dollars(max_cost)} has {dollars(left)} left. {advice}",
                kind="max_cost",
                retryable=True,
            )

    def _most(self, body: Mapping[str, Any]) -> float:
        """Returns the most that a request can cost.

        Without prices, this is the cost of the most expensive request so far.
        """
        model = self._server.model(str(body["model"]))
        if model is not None and model.is_free:
            return 0.0
        tokens = body.get("max_tokens") or body.get("max_completion_tokens")
        tokens = tokens or (model and model.max_tokens_limit) or self._settings.max_tokens
        price = model.price(self._prompt_tokens, tokens) if model else None
        return self._spent.most_expensive if price is None else price


def refused_parameter(error: ChatError, body: Mapping[str, Any]) -> str | None:
    """Returns the parameter that a refusal names, if the request can do without it.

    The system role counts as one, "system".
    """
    text = f"{error.message} {error.detail or ''}"
    if error.status_code in _REFUSALS:
        has_system = any(message["role"] == "system" for message in body.get("messages", ()))
        if has_system and _NO_SYSTEM.search(text):
            return "system"
        if "tools" in body and "tool_choice" not in body and _NO_TOOLS.search(text):
            return "tools"
    if error.status_code == 404 and "tools" in body and re.search(r"\btool (use|call)", text):
        return "tools"  # OpenRouter, where no provider of the model takes tools
    if error.status_code not in (400, 422) or error.kind not in ("request", "failed"):
        return None
    present = [name for name in _OPTIONAL if name in body]
    present += [
        name
        for name in _OPTIONAL_IN_MESSAGES
        if any(name in message for message in body.get("messages", ()))
    ]
    named = re.split(r"[.\[]", error.param or "")[0]
    if named in present:
        return named
    for name in present:
        if re.search(rf"(?<!\w){name}(?!\w)", text):
            return name
    if re.search(r"\bthink(ing)?\b|\breasoning\b", text, re.IGNORECASE):
        return next((name for name in _REASONING if name in body), None)
    if "response_format" in body and _FORM.search(text):
        return "response_format"
    return next((name for name in present if re.search(rf"\b{name}\b", text, re.IGNORECASE)), None)
