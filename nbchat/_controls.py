"""The ipywidgets around the conversation: settings, Stop, Clear chat, and their layout."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import ipywidgets
import traitlets

from ._comm import deliver_while_busy
from ._settings import MAX_TOKENS, TEMPERATURE, USUAL_EFFORTS

_OTHER = "Other model…"


class ModelPicker(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A menu of models in which any other id can be typed."""

    value = traitlets.Unicode()

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._showing = False
        self.menu = ipywidgets.Dropdown(description="Model", options=[_OTHER])
        self.other = ipywidgets.Text(
            description="Model id", placeholder="vendor/model", continuous_update=False
        )
        self.other.layout.display = "none"
        super().__init__([self.menu, self.other])
        self.add_class("nbchat-model")
        self.menu.observe(self._picked, "value")
        self.other.observe(self._typed, "value")
        self.observe(lambda _: self._show(), "value")

    def offer(self, ids: Sequence[str]) -> None:
        """Sets the models of the menu; the chosen one stays chosen, listed or not."""
        self._ids = list(ids)
        self._show()

    def _show(self) -> None:
        listed = [self.value, *self._ids] if self.value not in ("", *self._ids) else self._ids
        options = (*listed, _OTHER)
        self._showing = True  # new options make the menu pick its first one for a moment
        try:
            if self.menu.options != options:
                self.menu.options = options
            self.menu.value = self.value or None
        finally:
            self._showing = False
        self.other.layout.display = "none"

    def _picked(self, change: dict[str, Any]) -> None:
        if self._showing:
            return
        if change["new"] == _OTHER:
            self.other.layout.display = None
        else:
            self.value = change["new"] or ""

    def _typed(self, change: dict[str, Any]) -> None:
        typed = change["new"].strip()
        if typed:
            self.value = typed
            self.other.value = ""
            self._show()


class EffortMenu(ipywidgets.Dropdown):  # type: ignore[misc]  # ipywidgets has no types
    """The reasoning efforts that a model offers; any other can be set, until that is known."""

    effort = traitlets.Unicode(USUAL_EFFORTS[1])

    def __init__(self) -> None:
        self._offered: Mapping[str, str] | None = None
        self._showing = False
        super().__init__(description="Reasoning effort", options=USUAL_EFFORTS)
        self._show()
        self.observe(self._picked, "value")
        self.observe(lambda _: self._show(), "effort")

    def offer(self, efforts: Mapping[str, str] | None, chosen: str) -> None:
        """Sets the menu (label → effort; None: the usual ones), and what is picked in it."""
        self._offered = efforts
        self.effort = chosen
        self._show()

    def _show(self) -> None:
        efforts = self._offered
        if efforts is None:
            efforts = {effort: effort for effort in (*USUAL_EFFORTS, self.effort)}
        options = tuple(efforts.items())
        self._showing = True  # new options make the menu pick its first one for a moment
        try:
            self.options = options
            self.value = self.effort
        finally:
            self._showing = False

    def _picked(self, change: dict[str, Any]) -> None:
        if not self._showing and change["new"] is not None:
            self.effort = change["new"]


class Controls:
    """The settings' widgets by the names of the settings, and the chat's buttons."""

    def __init__(self) -> None:
        self.model = ModelPicker()
        self.system = ipywidgets.Textarea(
            description="System instructions",
            placeholder="How the model should behave (optional)",
            rows=4,
        )
        self.reasoning_effort = EffortMenu()
        self.temperature = ipywidgets.FloatSlider(
            description="Temperature", min=TEMPERATURE[0], max=TEMPERATURE[1], step=0.05
        )
        self.max_tokens = ipywidgets.IntSlider(
            description="Max tokens", min=MAX_TOKENS[0], max=MAX_TOKENS[1]
        )
        # Without icons: their glyphs become part of the accessible names.
        self.stop = ipywidgets.ToggleButton(
            description="Stop", tooltip="Stop the reply (Esc)", disabled=True
        )
        self.clear = ipywidgets.Button(description="Clear chat", tooltip="Empty the conversation")
        self.thoughts = ipywidgets.Accordion(selected_index=None)
        self.stop.add_class("nbchat-stop")
        self.clear.add_class("nbchat-clear")
        self.thoughts.add_class("nbchat-thoughts-accordion")
        self.reasoning_effort.add_class("nbchat-reasoning-effort")
        self.temperature.add_class("nbchat-temperature")
        self.max_tokens.add_class("nbchat-max-tokens")
        deliver_while_busy(self.stop)

    def open_thoughts(self) -> None:
        self.thoughts.selected_index = 0

    def limit_max_tokens(self, limit: int) -> None:
        """Sets the upper end of the slider."""
        self.max_tokens.max = limit

    def disable(self, names: Collection[str]) -> None:
        """Greys the controls of these settings, and no others."""
        for name in ("reasoning_effort", "temperature", "max_tokens"):
            getattr(self, name).disabled = name in names

    def settings(self) -> dict[str, tuple[ipywidgets.Widget, str]]:
        """The widgets that hold a setting, and under which name they do."""
        names = ("model", "system", "reasoning_effort", "temperature", "max_tokens")
        return {
            name: (getattr(self, name), "effort" if name == "reasoning_effort" else "value")
            for name in names
        }

    def arrange(
        self, transcript: ipywidgets.Widget, panels: dict[str, ipywidgets.Widget]
    ) -> tuple[ipywidgets.Widget, ipywidgets.Widget]:
        """The two columns: the conversation, and the settings beside or below it."""
        self.model.children = (*self.model.children, panels["model"])
        self.thoughts.children = (panels["thoughts"],)
        self.thoughts.set_title(0, "Thoughts")
        compose = ipywidgets.HBox([panels["composer"], self.stop])
        footer = ipywidgets.HBox([panels["download"], self.clear])
        main = ipywidgets.VBox([transcript, self.thoughts, compose, footer])
        side = ipywidgets.VBox([widget for widget, _ in self.settings().values()])
        for box, name in ((compose, "compose"), (footer, "footer"), (main, "main"), (side, "side")):
            box.add_class(f"nbchat-{name}")
        return main, side
