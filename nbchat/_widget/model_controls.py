"""Keeps the controls in step with the model that is chosen: what it offers, takes and allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nbchat._chat.notices import Action, Notice, Notices
from nbchat._chat.settings import EFFORTS, MAX_TOKENS, USUAL_EFFORTS, ChatSettings
from nbchat._servers.connection import Connection
from nbchat._servers.models import Model

from .controls import Controls

if TYPE_CHECKING:
    import traitlets

GONE = "gone"
# What the controls show while nothing else was wished for.
_DEFAULTS: dict[str, Any] = {"reasoning_effort": "medium", "max_tokens": ChatSettings().max_tokens}


class ModelControls:
    """Changes controls and settings as the model and what is known of it change.

    What a person or code has chosen is remembered: where a model does not offer it, its own default
    counts, and the choice comes back with the next model that does.

    Args:
        chat: Has the settings as traits.
        controls: The settings' widgets.
        connection: Knows the models.
        notices: Where it is said that a model is gone.
        publish: Shows facts of the model: names in `ChatState` of `protocol.ts`.
        given: The settings that were chosen already.
    """

    def __init__(
        self,
        chat: traitlets.HasTraits,
        controls: Controls,
        connection: Connection,
        notices: Notices,
        publish: Callable[..., None],
        given: dict[str, Any],
    ) -> None:
        self._chat: Any = chat
        self._controls = controls
        self._connection = connection
        self._notices = notices
        self._publish = publish
        self._wishes: dict[str, Any] = {}
        self.wish(given)
        self._kept: set[str] = set()
        self._following = False
        self._shown: tuple[Model, ...] = ()
        self._changes = 0
        chat.observe(self._note_wish, list(_DEFAULTS))

    @property
    def max_tokens_limit(self) -> int:
        """The upper end of max tokens."""
        model = self._connection.model(self._chat.model)
        limit = model.max_tokens_limit if model is not None else None
        return MAX_TOKENS[1] if limit is None else max(limit, MAX_TOKENS[0])

    @property
    def chosen_effort(self) -> str | None:
        """The effort that a person or code has chosen; None: what the model does by itself."""
        return self._wishes.get("reasoning_effort")

    def check_effort(self, effort: object) -> None:
        """Refuses what is no effort, or is known not to be offered by the model.

        Raises:
            ValueError: With what it offers.
        """
        model = self._connection.model(self._chat.model)
        reasoning = model.reasoning if model is not None else None
        offered: tuple[str, ...] = EFFORTS
        where = ""
        if not self._following and reasoning is not None and reasoning.choice == "levels":
            offered, where = reasoning.efforts, f" with {self._chat.model}"
        if effort not in offered:
            raise ValueError(
                f"reasoning_effort must be one of {', '.join(offered)}{where}, not {effort!r}"
            )

    def wish(self, settings: Mapping[str, Any]) -> None:
        """What was chosen among settings that depend on the model, whatever it offers."""
        for name in _DEFAULTS:
            if settings.get(name) is not None:
                self._wishes[name] = settings[name]

    def follow(self) -> None:
        """Brings everything in step with the model as it is known now."""
        model = self._connection.model(self._chat.model)
        self._following = True
        try:
            self._follow_effort(model)
            limit = self.max_tokens_limit
            self._controls.limit_max_tokens(limit)
            self._chat.max_tokens = min(self._wished("max_tokens"), limit)
        finally:
            self._following = False
        disabled = self._disabled(model)
        self._controls.disable(disabled)
        if self._connection.catalogue.models != self._shown:
            self._shown = self._connection.catalogue.models
            self._changes += 1
        self._publish(
            model=self._chat.model,
            server=str(self._connection.provider or ""),
            facts=model and model.to_view(),
            disabled=disabled,
            catalogue=self._changes,
            account=self._connection.account,
        )
        self._say_if_gone()

    def _wished(self, name: str) -> Any:
        return self._wishes.get(name, _DEFAULTS[name])

    def _note_wish(self, change: dict[str, Any]) -> None:
        if not self._following:
            self._wishes[change["name"]] = change["new"]

    def _follow_effort(self, model: Model | None) -> None:
        reasoning = model.reasoning if model is not None else None
        wish = self._wished("reasoning_effort")
        if reasoning is None or reasoning.choice in ("none", "fixed"):
            provider = self._connection.provider
            usual = provider.dialect.efforts if provider is not None else USUAL_EFFORTS
            offered = {effort: effort for effort in EFFORTS if effort in (*usual, wish)}
            self._controls.reasoning_effort.offer(offered, wish)
        elif reasoning.choice == "switch":
            if "reasoning_effort" not in self._wishes:
                wish = reasoning.default
            wish = "none" if wish == "none" else "medium"
            self._controls.reasoning_effort.offer({"Off": "none", "On": "medium"}, wish)
        else:
            if wish not in reasoning.efforts or "reasoning_effort" not in self._wishes:
                wish = reasoning.default
            offered = {effort: effort for effort in reasoning.efforts}
            self._controls.reasoning_effort.offer(offered, wish)
        self._chat.reasoning_effort = wish

    def _disabled(self, model: Model | None) -> dict[str, str]:
        """Control → why it is grey."""
        reasons: dict[str, str] = {}
        refused = self._connection.refused(self._chat.model)
        if model is not None:
            if model.reasoning is not None and model.reasoning.choice == "none":
                reasons["reasoning_effort"] = f"{model.id} does not reason."
            elif model.reasoning is not None and model.reasoning.choice == "fixed":
                reasons["reasoning_effort"] = f"{model.id} always reasons, as much as it sees fit."
            if not model.takes("temperature"):
                reasons["temperature"] = f"{model.id} takes no temperature."
            if not model.takes("max_tokens", "max_completion_tokens"):
                reasons["max_tokens"] = f"{model.id} takes no limit of tokens."
        for name in refused:
            control = _CONTROLS.get(name, name)
            reasons.setdefault(control, f"The server refused it with {self._chat.model}.")
        if refused == {"max_tokens"} or refused == {"max_completion_tokens"}:
            reasons.pop("max_tokens", None)  # sent under its other name
        return {name: why for name, why in reasons.items() if name in _GREYED}

    def _say_if_gone(self) -> None:
        model_id = self._chat.model
        catalogue = self._connection.catalogue
        if not catalogue.lacks(model_id) or model_id in self._kept:
            self._notices.dismiss(GONE)
            return
        server = self._connection.provider
        where = server.name if server is not None else "the server"
        text = f"{where} does not list {model_id}. Free models often go away within months."
        actions = {}
        nearest = catalogue.nearest(model_id)
        if nearest is not None:
            id_ = nearest.id
            text += f" The nearest one that it has is {id_}."
            actions["use"] = Action(f"Use {id_}", lambda: setattr(self._chat, "model", id_))
        actions["keep"] = Action(f"Keep {model_id}", lambda: self._keep(model_id))
        self._notices.show(Notice(GONE, text, actions=actions))

    def _keep(self, model_id: str) -> None:
        self._kept.add(model_id)
        self._notices.dismiss(GONE)


_GREYED = ("reasoning_effort", "temperature", "max_tokens")
_CONTROLS = {
    "reasoning": "reasoning_effort",
    "thinking": "reasoning_effort",
    "chat_template_kwargs": "reasoning_effort",
    "max_completion_tokens": "max_tokens",
}
