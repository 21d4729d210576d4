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

    def __init__(self, panel: ipywidgets.Widget, layout: ipywidgets.Layout) -> None:
        self._ids: list[str] = []
        self._showing = False
        self.menu = ipywidgets.Dropdown(description="Model", options=[_OTHER], layout=layout)
        self.other = ipywidgets.Text(
            description="Model id",
            placeholder="vendor/model",
            continuous_update=False,
            layout=ipywidgets.Layout(display="none"),
        )
        super().__init__(
            [self.menu, self.other, panel], layout=layout, _dom_classes=("nbchat-model",)
        )
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

    def __init__(self, layout: ipywidgets.Layout) -> None:
        self._offered: Mapping[str, str] | None = None
        self._showing = False
        super().__init__(
            description="Reasoning effort",
            options=USUAL_EFFORTS,
            layout=layout,
            _dom_classes=("nbchat-reasoning-effort",),
        )
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
    """The settings' widgets by the names of the settings, and the chat's buttons.

    Every widget costs a page a kilobyte or more before anything is to be seen: the parts of a chat
    share one layout, and each is made with all it has.

    Args:
        transcript: The conversation.
        panels: What belongs to the conversation and stands elsewhere, by its kind.
    """

    def __init__(self, transcript: ipywidgets.Widget, panels: dict[str, ipywidgets.Widget]) -> None:
        self._transcript = transcript
        self._panels = panels
        self._layout = layout = transcript.layout
        self.model = ModelPicker(panels["model"], layout)
        self.system = ipywidgets.Textarea(
            description="System instructions",
            placeholder="How the model should behave (optional)",
            rows=4,
            layout=layout,
        )
        self.reasoning_effort = EffortMenu(layout)
        self.temperature = ipywidgets.FloatSlider(
            description="Temperature",
            min=TEMPERATURE[0],
            max=TEMPERATURE[1],
            step=0.05,
            layout=layout,
            _dom_classes=("nbchat-temperature",),
        )
        self.max_tokens = ipywidgets.IntSlider(
            description="Max tokens",
            min=MAX_TOKENS[0],
            max=MAX_TOKENS[1],
            layout=layout,
            style=self.temperature.style,
            _dom_classes=("nbchat-max-tokens",),
        )
        # Without icons: their glyphs become part of the accessible names.
        self.stop = ipywidgets.ToggleButton(
            description="Stop",
            tooltip="Stop the reply (Esc)",
            disabled=True,
            layout=layout,
            _dom_classes=("nbchat-stop",),
        )
        self.clear = ipywidgets.Button(
            description="Clear chat",
            tooltip="Empty the conversation",
            layout=layout,
            _dom_classes=("nbchat-clear",),
        )
        self.thoughts = ipywidgets.Accordion(
            [panels["thoughts"]],
            selected_index=None,
            layout=layout,
            _dom_classes=("nbchat-thoughts-accordion",),
        )
        self.thoughts.set_title(0, "Thoughts")
        # All on one way with what is sent from the composer: a setting moved before Send counts.
        menu_and_other = self.model.children[:2]
        for widget in (self.stop, *menu_and_other, *(each for each, _ in self.settings().values())):
            deliver_while_busy(widget)

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

    def arrange(self) -> tuple[ipywidgets.Widget, ipywidgets.Widget]:
        """The two columns: the conversation, and the settings beside or below it."""

        def box(
            kind: type[ipywidgets.Box], name: str, *children: ipywidgets.Widget
        ) -> ipywidgets.Widget:
            return kind(children, layout=self._layout, _dom_classes=(f"nbchat-{name}",))

        compose = box(ipywidgets.HBox, "compose", self._panels["composer"], self.stop)
        footer = box(ipywidgets.HBox, "footer", self._panels["download"], self.clear)
        main = box(ipywidgets.VBox, "main", self._transcript, self.thoughts, compose, footer)
        settings = (widget for widget, _ in self.settings().values())
        return main, box(ipywidgets.VBox, "side", *settings)
