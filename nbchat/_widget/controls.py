"""The ipywidgets around the conversation: Stop, the panel of settings, and their layout."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import ipywidgets
import traitlets

from nbchat._chat.settings import SETTINGS, UNCHOSEN_EFFORT, USUAL_EFFORTS, Setting

from .comms import close_family, deliver_while_busy
from .lean_widgets import Labelled, Part, lean

_OTHER = "Other model…"


class ModelMenu(Labelled, Part, ipywidgets.Dropdown):  # type: ignore[misc]  # ipywidgets has no types
    """A menu of models; its last entry lets the user type the id of any other.

    Attributes:
        model: The id of the chosen model, listed or not.
        other: The text field for the id of an unlisted model, while it is needed.

    Args:
        fixed: Whether the menu offers the chosen model alone.
    """

    model = traitlets.Unicode()
    options: Any
    other = traitlets.Instance(ipywidgets.Text, allow_none=True)

    def __init__(self, *, fixed: bool) -> None:
        self._ids: list[str] = []
        self._fixed = fixed
        self._showing = False
        super().__init__(options=() if fixed else [_OTHER], **_named("model"))
        self.observe(self._on_picked, "value")
        self.observe(lambda _: self._show(), "model")

    def offer(self, ids: Sequence[str]) -> None:
        """Sets the models of the menu; the chosen model stays chosen, listed or not."""
        self._ids = [] if self._fixed else list(ids)
        self._show()

    def _show(self) -> None:
        listed = [self.model, *self._ids] if self.model not in ("", *self._ids) else self._ids
        options = tuple(listed) if self._fixed else (*listed, _OTHER)
        self._showing = True  # new options briefly select the first one
        try:
            if self.options != options:
                self.options = options
            self.value = self.model or None
        finally:
            self._showing = False
        self.other = None

    def _on_picked(self, change: dict[str, Any]) -> None:
        if self._showing:
            return
        if change["new"] == _OTHER:
            self.other = ipywidgets.Text(
                description="Model id", placeholder="vendor/model", continuous_update=False
            )
            deliver_while_busy(self.other)
            self.other.observe(self._on_typed, "value")
        else:
            self.model = change["new"] or ""

    def _on_typed(self, change: dict[str, Any]) -> None:
        typed = change["new"].strip()
        if typed:
            self.model = typed
            self._show()


class EffortMenu(Labelled, Part, ipywidgets.Dropdown):  # type: ignore[misc]
    """A menu of the reasoning efforts that a model offers.

    Attributes:
        effort: The chosen effort. While it is unknown what the model offers, it can be any.
    """

    effort = traitlets.Unicode(UNCHOSEN_EFFORT)

    def __init__(self) -> None:
        self._offered: Mapping[str, str] | None = None
        self._showing = False
        super().__init__(options=USUAL_EFFORTS, **_named("reasoning_effort"))
        self._show()
        self.observe(self._on_picked, "value")
        self.observe(lambda _: self._show(), "effort")

    def offer(self, efforts: Mapping[str, str] | None, chosen: str) -> None:
        """Sets the menu (label → effort; None: the usual efforts) and the chosen effort."""
        self._offered = efforts
        self.effort = chosen
        self._show()

    @property
    def efforts(self) -> dict[str, str]:
        """What the menu offers: label → effort."""
        if self._offered is None:
            return {effort: effort for effort in (*USUAL_EFFORTS, self.effort)}
        return dict(self._offered)

    def _show(self) -> None:
        options = tuple(self.efforts.items())
        self._showing = True  # new options briefly select the first one
        try:
            self.options = options
            self.value = self.effort
        finally:
            self._showing = False

    def _on_picked(self, change: dict[str, Any]) -> None:
        if not self._showing and change["new"] is not None:
            self.effort = change["new"]


class Controls:
    """The widgets for the settings, the button Stop, and their layout.

    Args:
        transcript: The conversation. It stands in several boxes; the class of a box says which
            part of the chat `frontend/src/places.ts` draws there.
        fixed: Whether the user sees the settings and can't change them. The system instructions
            are not shown then.
    """

    def __init__(self, transcript: Part, *, fixed: bool = False) -> None:
        self.are_fixed = fixed
        self.model = ModelMenu(fixed=fixed)
        self.reasoning_effort = EffortMenu()
        menus = {"model menu": self.model, "effort menu": self.reasoning_effort}
        #: Each setting's widget, by the setting's name.
        self.settings: dict[str, ipywidgets.Widget] = {
            name: menus[setting.control] if setting.control in menus else _control(name, setting)
            for name, setting in SETTINGS.items()
            if setting.control is not None and not (fixed and name == "system")
        }
        # No icons: their glyphs would become part of the accessible names.
        self.stop = lean(ipywidgets.ToggleButton)(
            description="Stop",
            tooltip="Stop the reply (Esc)",
            disabled=True,
            _dom_classes=("nbchat-stop",),
        )
        self.thoughts = lean(ipywidgets.Accordion)(
            [transcript], selected_index=None, _dom_classes=("nbchat-thoughts-accordion",)
        )
        self.thoughts.set_title(0, "Thoughts")
        box = lean(ipywidgets.VBox)
        header = box([transcript], _dom_classes=("nbchat-header",))
        compose = box([transcript, self.stop], _dom_classes=("nbchat-compose",))
        main = box([header, transcript, compose], _dom_classes=("nbchat-main",))
        model, *others = self.settings.values()
        self._side = box([model, transcript, *others, self.thoughts], _dom_classes=("nbchat-side",))
        self.model.observe(self._show_other, "other")
        #: The conversation in one column, and the panel of settings, which folds.
        self.columns = (main, self._side)

    def _show_other(self, change: dict[str, Any]) -> None:
        old, new = change["old"], change["new"]
        menu, *below = (child for child in self._side.children if child is not old)
        self._side.children = (menu, *([new] if new else []), *below)
        if old is not None:
            close_family(old)

    def limit_max_tokens(self, limit: int) -> None:
        """Sets the upper end of the slider for max tokens."""
        self.settings["max_tokens"].max = limit

    def disable(self, names: Collection[str]) -> None:
        """Disables the controls of these settings, and enables all others."""
        for name, control in self.settings.items():
            control.disabled = name in names

    def values(self) -> dict[str, tuple[ipywidgets.Widget, str]]:
        """Returns the trait that holds each setting, as (widget, name of the trait)."""
        traits = {"model": "model", "reasoning_effort": "effort"}
        return {name: (each, traits.get(name, "value")) for name, each in self.settings.items()}


def _control(name: str, setting: Setting) -> ipywidgets.Widget:
    """Returns the text area or the slider for a setting."""
    if setting.control == "text area":
        return lean(ipywidgets.Textarea, Labelled)(
            placeholder=f"{setting.help.rstrip('.')} (optional)", rows=4, **_named(name)
        )
    low, high = setting.limits
    kind = ipywidgets.IntSlider if isinstance(low, int) else ipywidgets.FloatSlider
    return lean(kind, Labelled)(min=low, max=high, step=setting.step, **_named(name))


def _named(name: str) -> dict[str, Any]:
    """Returns the arguments that give a control its label and its CSS class."""
    return {
        "description": SETTINGS[name].label,
        "_dom_classes": (f"nbchat-{name.replace('_', '-')}",),
    }
