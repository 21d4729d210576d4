"""The ipywidgets around the conversation: settings, Stop, Clear chat, and their layout."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import ipywidgets
import traitlets

from nbchat._chat.settings import MAX_TOKENS, TEMPERATURE, USUAL_EFFORTS

from .comms import close_family, deliver_while_busy
from .lean_widgets import Part, Setting, lean

_OTHER = "Other model…"


class ModelMenu(Setting, Part, ipywidgets.Dropdown):  # type: ignore[misc]  # ipywidgets has no types
    """A menu of models; its last entry asks for any other.

    Attributes:
        model: The id of the chosen one, listed or not.
        other: Where one types the id of a model that is not listed, while that is asked for.
    """

    model = traitlets.Unicode()
    options: Any
    other = traitlets.Instance(ipywidgets.Text, allow_none=True)

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._showing = False
        super().__init__(description="Model", options=[_OTHER], _dom_classes=("nbchat-model",))
        self.observe(self._picked, "value")
        self.observe(lambda _: self._show(), "model")

    def offer(self, ids: Sequence[str]) -> None:
        """Sets the models of the menu; the chosen one stays chosen, listed or not."""
        self._ids = list(ids)
        self._show()

    def _show(self) -> None:
        listed = [self.model, *self._ids] if self.model not in ("", *self._ids) else self._ids
        options = (*listed, _OTHER)
        self._showing = True  # new options make the menu pick its first one for a moment
        try:
            if self.options != options:
                self.options = options
            self.value = self.model or None
        finally:
            self._showing = False
        self.other = None

    def _picked(self, change: dict[str, Any]) -> None:
        if self._showing:
            return
        if change["new"] == _OTHER:
            self.other = ipywidgets.Text(
                description="Model id", placeholder="vendor/model", continuous_update=False
            )
            deliver_while_busy(self.other)
            self.other.observe(self._typed, "value")
        else:
            self.model = change["new"] or ""

    def _typed(self, change: dict[str, Any]) -> None:
        typed = change["new"].strip()
        if typed:
            self.model = typed
            self._show()


class EffortMenu(Setting, Part, ipywidgets.Dropdown):  # type: ignore[misc]
    """The reasoning efforts that a model offers; any other can be set, until that is known."""

    effort = traitlets.Unicode(USUAL_EFFORTS[1])

    def __init__(self) -> None:
        self._offered: Mapping[str, str] | None = None
        self._showing = False
        super().__init__(
            description="Reasoning effort",
            options=USUAL_EFFORTS,
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
    """The settings' widgets by the names of the settings, the chat's buttons, and their places.

    Args:
        transcript: The conversation. Where else it is put, it shows another part of the chat, told
            by the class of the box: see `frontend/src/places.ts`.
    """

    def __init__(self, transcript: Part) -> None:
        self.model = ModelMenu()
        self.system = lean(ipywidgets.Textarea, Setting)(
            description="System instructions",
            placeholder="How the model should behave (optional)",
            rows=4,
            _dom_classes=("nbchat-system",),
        )
        self.reasoning_effort = EffortMenu()
        self.temperature = lean(ipywidgets.FloatSlider, Setting)(
            description="Temperature",
            min=TEMPERATURE[0],
            max=TEMPERATURE[1],
            step=0.05,
            _dom_classes=("nbchat-temperature",),
        )
        self.max_tokens = lean(ipywidgets.IntSlider, Setting)(
            description="Max tokens",
            min=MAX_TOKENS[0],
            max=MAX_TOKENS[1],
            _dom_classes=("nbchat-max-tokens",),
        )
        # Without icons: their glyphs become part of the accessible names.
        self.stop = lean(ipywidgets.ToggleButton)(
            description="Stop",
            tooltip="Stop the reply (Esc)",
            disabled=True,
            _dom_classes=("nbchat-stop",),
        )
        self.clear = lean(ipywidgets.Button)(
            description="Clear chat",
            tooltip="Empty the conversation",
            _dom_classes=("nbchat-clear",),
        )
        self.thoughts = lean(ipywidgets.Accordion)(
            [transcript], selected_index=None, _dom_classes=("nbchat-thoughts-accordion",)
        )
        self.thoughts.set_title(0, "Thoughts")
        box = lean(ipywidgets.VBox)
        compose = box([transcript, self.stop, self.clear], _dom_classes=("nbchat-compose",))
        main = box([transcript, self.thoughts, compose], _dom_classes=("nbchat-main",))
        settings = (self.system, self.reasoning_effort, self.temperature, self.max_tokens)
        self._side = box([self.model, transcript, *settings], _dom_classes=("nbchat-side",))
        self.model.observe(self._place_other, "other")
        #: The two columns: the conversation, and the settings beside or below it.
        self.columns = (main, self._side)

    def _place_other(self, change: dict[str, Any]) -> None:
        old, new = change["old"], change["new"]
        menu, *below = (child for child in self._side.children if child is not old)
        self._side.children = (menu, *([new] if new else []), *below)
        if old is not None:
            close_family(old)

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
        return {
            "model": (self.model, "model"),
            "system": (self.system, "value"),
            "reasoning_effort": (self.reasoning_effort, "effort"),
            "temperature": (self.temperature, "value"),
            "max_tokens": (self.max_tokens, "value"),
        }
