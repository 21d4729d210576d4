"""A chat's settings as traits, which check what code, a control or a saved chat sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, Literal

import traitlets

from nbchat._chat.settings import EFFORTS, SETTINGS, UNCHOSEN_EFFORT, ChatSettings, Effort
from nbchat._servers.connection import Connection
from nbchat._tools.allowed import AllowedTools
from nbchat._tools.toolbox import Approve, Toolbox
from nbchat._turns.rules import Budget, Overflow, Rules

_DEFAULTS = {each.name: each.default for each in fields(ChatSettings)}
RULES = ("fallbacks", "overflow", "max_cost")
TOOLBOX = ("tools", "approve", "max_tool_rounds", "tool_timeout_s")
# If the model does not offer the chosen value of these, its own default applies.
_BY_MODEL = ("reasoning_effort", "max_tokens")


def _trait(name: str) -> Any:
    default = UNCHOSEN_EFFORT if name == "reasoning_effort" else _DEFAULTS[name]
    return traitlets.Any(default, help=SETTINGS[name].help)


def _rule(default: object) -> Any:
    return traitlets.Any(default)


class SettingsTraits(traitlets.HasTraits):
    """The settings of a chat, and the user's rules for its requests.

    The user's choices are remembered. If a model does not offer a chosen value, the model's own
    default applies; with the next model that offers it, the chosen value returns.
    """

    model: str = _trait("model")
    system: str = _trait("system")
    reasoning_effort: Effort = _trait("reasoning_effort")
    temperature: float = _trait("temperature")
    max_tokens: int = _trait("max_tokens")
    top_p: float = _trait("top_p")
    fallbacks: Sequence[str] = _rule(())
    overflow: Overflow = _rule("error")
    max_cost: float | None = _rule(None)
    tools: Iterable[Callable[..., Any]] | Callable[..., Any] = _rule(())
    approve: Literal["always", "never"] | Approve = _rule("always")
    max_tool_rounds: int = _rule(10)
    tool_timeout_s: float = _rule(60.0)
    _budget: Budget | None = None

    def connect_settings(self, connection: Connection, chosen: Mapping[str, object]) -> None:
        """Makes the model's limits apply to all settings from now on.

        Args:
            connection: Knows the models.
            chosen: The settings that the user has already chosen.
        """
        self._model_source = connection
        self._allowed = AllowedTools()
        self._chosen: dict[str, Any] = {}
        self._is_adapting = False
        self.choose(chosen)
        self.observe(self._note_choice, list(_BY_MODEL))

    @property
    def settings(self) -> ChatSettings:
        """The settings for the next request."""
        values = {name: getattr(self, name) for name in SETTINGS}
        values["reasoning_effort"] = self._chosen.get("reasoning_effort")
        highest = max(SETTINGS["max_tokens"].limits[1], values["max_tokens"])
        return ChatSettings(**values, max_tokens_limit=int(highest))

    def rules(self) -> Rules:
        """Returns the user's rules for the next request."""
        given = {name: getattr(self, name) for name in TOOLBOX}
        toolbox = Toolbox(**given, allowed=self._allowed)
        return Rules(self.fallbacks, self.overflow, self.max_cost, toolbox, self._budget)

    @property
    def max_tokens_limit(self) -> int:
        """The largest max tokens that the model allows."""
        lowest, highest = map(int, SETTINGS["max_tokens"].limits)
        model = self._model_source.model(self.model)
        limit = model.max_tokens_limit if model is not None else None
        return highest if limit is None else max(limit, lowest)

    def choose(self, settings: Mapping[str, object]) -> None:
        """Remembers the user's choice of those settings that depend on the model."""
        for name in _BY_MODEL:
            if settings.get(name) is not None:
                self._chosen[name] = settings[name]

    def chosen_or(self, name: str, default: Any) -> Any:
        """Returns the user's choice of a setting that depends on the model, else `default`."""
        return self._chosen.get(name, default)

    @contextmanager
    def adapting(self) -> Iterator[None]:
        """A context for adapting settings to the model: its changes are not the user's choice."""
        self._is_adapting = True
        try:
            yield
        finally:
            self._is_adapting = False

    def _note_choice(self, change: dict[str, Any]) -> None:
        if not self._is_adapting:
            self._chosen[change["name"]] = change["new"]

    @traitlets.validate(*SETTINGS)
    def _check_setting(self, proposal: dict[str, Any]) -> object:
        name, value = proposal["trait"].name, proposal["value"]
        values = {name: value}
        if name == "reasoning_effort":
            self._check_effort(value)
        elif name == "max_tokens":
            values["max_tokens_limit"] = self.max_tokens_limit
        return getattr(ChatSettings(**values), name)

    @traitlets.validate(*RULES)
    def _check_rule(self, proposal: dict[str, Any]) -> object:
        name, value = proposal["trait"].name, proposal["value"]
        return getattr(Rules(**{name: value}), name)

    @traitlets.validate(*TOOLBOX)
    def _check_toolbox(self, proposal: dict[str, Any]) -> object:
        name, value = proposal["trait"].name, proposal["value"]
        return getattr(Toolbox(**{name: value}), name)

    def _check_effort(self, effort: object) -> None:
        """Refuses an unknown effort, and one that the model is known not to offer."""
        model = self._model_source.model(self.model)
        reasoning = model.reasoning if model is not None else None
        offered: tuple[str, ...] = EFFORTS
        where = ""
        if not self._is_adapting and reasoning is not None and reasoning.choice == "levels":
            offered, where = reasoning.efforts, f" with {self.model}"
        if effort not in offered:
            raise ValueError(
                f"reasoning_effort must be one of {', '.join(offered)}{where}, not {effort!r}"
            )
