"""The ipywidgets around the conversation: settings, Stop, Clear chat, and their layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets
import traitlets

from ._comm import deliver_while_busy
from ._settings import EFFORTS, MAX_TOKENS, TEMPERATURE

_OTHER = "Other model…"


class ModelPicker(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A menu of models in which any other id can be typed, and the server they run on."""

    value = traitlets.Unicode()

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._showing = False
        self.menu = ipywidgets.Dropdown(description="Model", options=[_OTHER])
        self.other = ipywidgets.Text(
            description="Model id", placeholder="vendor/model", continuous_update=False
        )
        self.other.layout.display = "none"
        self.server = ipywidgets.Label()
        self.server.add_class("nbchat-server")
        super().__init__([self.menu, self.other, self.server])
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


class Controls:
    """The settings' widgets by the names of the settings, and the chat's buttons."""

    def __init__(self) -> None:
        self.model = ModelPicker()
        self.system = ipywidgets.Textarea(
            description="System instructions",
            placeholder="How the model should behave (optional)",
            rows=4,
        )
        self.reasoning_effort = ipywidgets.Dropdown(description="Reasoning effort", options=EFFORTS)
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

    def settings(self) -> dict[str, ipywidgets.Widget]:
        """The widgets that hold a setting as their value."""
        names = ("model", "system", "reasoning_effort", "temperature", "max_tokens")
        return {name: getattr(self, name) for name in names}

    def arrange(
        self, transcript: ipywidgets.Widget, panels: dict[str, ipywidgets.Widget]
    ) -> tuple[ipywidgets.Widget, ipywidgets.Widget]:
        """The two columns: the conversation, and the settings beside or below it."""
        self.thoughts.children = (panels["thoughts"],)
        self.thoughts.set_title(0, "Thoughts")
        compose = ipywidgets.HBox([panels["composer"], self.stop])
        footer = ipywidgets.HBox([panels["download"], self.clear])
        main = ipywidgets.VBox([transcript, self.thoughts, compose, footer])
        side = ipywidgets.VBox(list(self.settings().values()))
        for box, name in ((compose, "compose"), (footer, "footer"), (main, "main"), (side, "side")):
            box.add_class(f"nbchat-{name}")
        return main, side
