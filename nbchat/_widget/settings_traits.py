"""A chat's settings as traits: what code, a control or a saved chat sets is checked here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import traitlets

from nbchat._chat.settings import EFFORTS, SETTINGS, UNCHOSEN_EFFORT, ChatSettings
from nbchat._servers.connection import Connection
from nbchat._tools.toolbox import Toolbox
from nbchat._turns.rules import Rules

_DEFAULTS = {each.name: each.default for each in fields(ChatSettings)}
_RULES = ("fallbacks", "overflow", "max_cost")
_TOOLBOX = ("tools", "approve", "max_tool_rounds", "tool_timeout_s")
# Where the model does not offer what was chosen, its own default counts.
_BY_MODEL = ("reasoning_effort", "max_tokens")


def _trait(name: str) -> Any:
    default = UNCHOSEN_EFFORT if name == "reasoning_effort" else _DEFAULTS[name]
    return traitlets.Any(default, help=SETTINGS[name].help)


class SettingsTraits(traitlets.HasTraits):
    """The settings of a chat, and the user's rules for requests.

    What was chosen is remembered: where a model does not offer it, the model's own default counts,
    and the choice comes back with the next model that does.
    """

    model = _trait("model")
    system = _trait("system")
    reasoning_effort = _trait("reasoning_effort")
    temperature = _trait("temperature")
    max_tokens = _trait("max_tokens")
    top_p = _trait("top_p")
    fallbacks = traitlets.Any(())
    overflow = traitlets.Any("error")
    max_cost = traitlets.Any(None)
    tools = traitlets.Any(())
    approve = traitlets.Any("always")
    max_tool_rounds = traitlets.Any(10)
    tool_timeout_s = traitlets.Any(60.0)

    def connect_settings(self, connection: Connection, chosen: Mapping[str, object]) -> None:
        """Checks settings by what is known of the model from now on.

        Args:
            connection: Knows the models.
            chosen: What was chosen already.
        """
        self._model_source = connection
        self._chosen: dict[str, Any] = {}
        self._is_models_doing = False
        self.choose(chosen)
        self.observe(self._note_choice, list(_BY_MODEL))

    @property
    def settings(self) -> ChatSettings:
        """What the next request will be made with."""
        values = {name: getattr(self, name) for name in SETTINGS}
        values["reasoning_effort"] = self._chosen.get("reasoning_effort")
        highest = max(SETTINGS["max_tokens"].limits[1], values["max_tokens"])
        return ChatSettings(**values, max_tokens_limit=int(highest))

    def rules(self) -> Rules:
        """What the user has decided about requests."""
        toolbox = Toolbox(**{name: getattr(self, name) for name in _TOOLBOX})
        return Rules(self.fallbacks, self.overflow, self.max_cost, toolbox)

    @property
    def max_tokens_limit(self) -> int:
        """The upper end of max tokens with this model."""
        lowest, highest = map(int, SETTINGS["max_tokens"].limits)
        model = self._model_source.model(self.model)
        limit = model.max_tokens_limit if model is not None else None
        return highest if limit is None else max(limit, lowest)

    def choose(self, settings: Mapping[str, object]) -> None:
        """Remembers these choices among the settings that depend on the model."""
        for name in _BY_MODEL:
            if settings.get(name) is not None:
                self._chosen[name] = settings[name]

    def chosen_or(self, name: str, default: Any) -> Any:
        """What was chosen for a setting that depends on the model, or else this."""
        return self._chosen.get(name, default)

    @contextmanager
    def models_doing(self) -> Iterator[None]:
        """What changes in here is the model's doing, and nobody's choice."""
        self._is_models_doing = True
        try:
            yield
        finally:
            self._is_models_doing = False

    def _note_choice(self, change: dict[str, Any]) -> None:
        if not self._is_models_doing:
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

    @traitlets.validate(*_RULES)
    def _check_rule(self, proposal: dict[str, Any]) -> object:
        name, value = proposal["trait"].name, proposal["value"]
        return getattr(Rules(**{name: value}), name)

    @traitlets.validate(*_TOOLBOX)
    def _check_toolbox(self, proposal: dict[str, Any]) -> object:
        name, value = proposal["trait"].name, proposal["value"]
        return getattr(Toolbox(**{name: value}), name)

    def _check_effort(self, effort: object) -> None:
        """Refuses what is no effort, or is known not to be offered by the model."""
        model = self._model_source.model(self.model)
        reasoning = model.reasoning if model is not None else None
        offered: tuple[str, ...] = EFFORTS
        where = ""
        if not self._is_models_doing and reasoning is not None and reasoning.choice == "levels":
            offered, where = reasoning.efforts, f" with {self.model}"
        if effort not in offered:
            raise ValueError(
                f"reasoning_effort must be one of {', '.join(offered)}{where}, not {effort!r}"
            )
