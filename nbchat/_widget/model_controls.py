"""Keeps the controls in step with the chosen model: its efforts, parameters and limits."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from typing import Any

from nbchat._chat.notices import Action, Notice, Notices
from nbchat._chat.settings import EFFORTS, SETTINGS, UNCHOSEN_EFFORT, USUAL_EFFORTS, ChatSettings
from nbchat._servers.connection import Connection
from nbchat._servers.models import Model

from .controls import Controls
from .settings_traits import SettingsTraits
from .transcript import Transcript
from .views import model_info

GONE = "gone"
_NO_MODEL = "Connect a model first."
_MAX_TOKENS = next(each.default for each in fields(ChatSettings) if each.name == "max_tokens")


class ModelControls:
    """Updates controls and settings when the model, or what is known about it, changes.

    Args:
        settings: The chat's settings.
        controls: The widgets for the settings.
        connection: Knows the models.
        notices: Shows that a model is gone.
        transcript: Shows what is known about the model.
    """

    def __init__(
        self,
        settings: SettingsTraits,
        controls: Controls,
        connection: Connection,
        notices: Notices,
        transcript: Transcript,
    ) -> None:
        self._settings = settings
        self._controls = controls
        self._connection = connection
        self._notices = notices
        self._transcript = transcript
        self._kept: set[str] = set()
        self._shown: tuple[Model, ...] = ()
        self._changes = 0
        settings.observe(self._on_effort, "reasoning_effort")

    @property
    def _model_id(self) -> str:
        return self._settings.settings.model

    def sync(self) -> None:
        """Updates all controls and settings to what is known about the model now."""
        model = self._connection.model(self._model_id)
        with self._settings.adapting():
            self._sync_effort(model)
            limit = self._settings.max_tokens_limit
            self._controls.limit_max_tokens(limit)
            chosen = self._settings.chosen_or("max_tokens", _MAX_TOKENS)
            self._settings.max_tokens = min(chosen, limit)
        why_disabled = self._why_disabled(model)
        self._controls.disable(why_disabled)
        no_choice = self._model_id == "" or "reasoning_effort" in why_disabled
        if self._connection.catalogue.models != self._shown:
            self._shown = self._connection.catalogue.models
            self._changes += 1
        with self._transcript.changing() as state:
            state.model = self._model_id
            state.server = str(self._connection.provider or "")
            state.model_info = model_info(model) if model is not None else None
            state.efforts = {} if no_choice else self._controls.reasoning_effort.efforts
            state.effort = self._settings.reasoning_effort
            state.why_disabled = why_disabled
            state.catalogue = self._changes
            state.list_problem = "" if self._controls.are_fixed else self._connection.list_problem
            state.account = "" if self._controls.are_fixed else self._connection.account
        self._show_if_gone()

    def _on_effort(self, change: dict[str, Any]) -> None:
        with self._transcript.changing() as state:
            state.effort = change["new"]

    def _sync_effort(self, model: Model | None) -> None:
        reasoning = model.reasoning if model is not None else None
        menu = self._controls.reasoning_effort
        chosen = self._settings.chosen_or("reasoning_effort", None)
        effort = chosen or UNCHOSEN_EFFORT
        if reasoning is None or reasoning.choice in ("none", "fixed"):
            provider = self._connection.provider
            usual = provider.dialect.efforts if provider is not None else USUAL_EFFORTS
            menu.offer({each: each for each in EFFORTS if each in (*usual, effort)}, effort)
        elif reasoning.choice == "switch":
            effort = "none" if (chosen or reasoning.default) == "none" else "medium"
            menu.offer({"Off": "none", "On": "medium"}, effort)
        else:
            effort = effort if chosen in reasoning.efforts else reasoning.default
            menu.offer({each: each for each in reasoning.efforts}, effort)
        self._settings.set_trait("reasoning_effort", effort)

    def _why_disabled(self, model: Model | None) -> dict[str, str]:
        """Returns why each disabled control is disabled, by the setting's name."""
        if self._controls.are_fixed:
            return dict.fromkeys(self._controls.settings, "The owner of this page has set this.")
        if self._connection.provider is None:
            return {name: _NO_MODEL for name in self._controls.settings if name != "system"}
        why: dict[str, str] = {}
        refused = self._connection.refused(self._model_id)
        if model is not None:
            if model.reasoning is not None and model.reasoning.choice == "none":
                why["reasoning_effort"] = f"{model.id} does not reason."
            elif model.reasoning is not None and model.reasoning.choice == "fixed":
                why["reasoning_effort"] = f"{model.id} sets its own reasoning effort."
            for name, setting in SETTINGS.items():
                if setting.control == "slider" and not model.takes(*_PARAMETERS.get(name, (name,))):
                    why[name] = f"{model.id} ignores {name}."
        for name in refused:
            control = _CONTROLS.get(name, name)
            why.setdefault(control, f"The server refused this setting for {self._model_id}.")
        if refused == {"max_tokens"} or refused == {"max_completion_tokens"}:
            why.pop("max_tokens", None)  # it is sent under its other name
        return {name: each for name, each in why.items() if name in self._controls.settings}

    def _show_if_gone(self) -> None:
        model_id = self._model_id
        catalogue = self._connection.catalogue
        if not catalogue.lacks(model_id) or model_id in self._kept:
            self._notices.dismiss(GONE)
            return
        server = self._connection.provider
        where = server.name if server is not None else "the server"
        text = f"{where} does not list {model_id}. Free models often disappear within months."
        actions = {}
        nearest = catalogue.nearest(model_id)
        if nearest is not None:
            id_ = nearest.id
            text += f" The closest model that it lists is {id_}."
            actions["use"] = Action(f"Use {id_}", lambda: self._settings.set_trait("model", id_))
        keep = partial(self._keep, model_id)
        actions["keep"] = Action(f"Keep {model_id}", keep)
        self._notices.show(Notice(GONE, text, actions=actions, closed=keep))

    def _keep(self, model_id: str) -> None:
        self._kept.add(model_id)
        self._notices.dismiss(GONE)


# Setting → its parameters in a request; parameter → its setting.
_PARAMETERS = {"max_tokens": ("max_tokens", "max_completion_tokens")}
_CONTROLS = {
    "reasoning": "reasoning_effort",
    "thinking": "reasoning_effort",
    "chat_template_kwargs": "reasoning_effort",
    "max_completion_tokens": "max_tokens",
}
