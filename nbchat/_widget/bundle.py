"""The front end's code, sent to a page once per kernel."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import anywidget
import ipywidgets
import traitlets

from .lean_widgets import Part, lean

_STATIC = Path(__file__).parents[1] / "static"
# Files that the bundle loads when the first code block or formula appears.
_ASSETS = frozenset({"highlight.js", "math.js"})


class Bundle(lean(ipywidgets.Image)):  # type: ignore[misc]  # ipywidgets has no types
    """A widget that is never shown; its value is the front end's code. Each `View` refers to it.

    anywidget's own `_esm` would send the code with every instance. And it is an image, because a
    notebook with saved widget state needs the code to show its chats without a kernel: JupyterLab
    drops bytes when it saves widget state (ipywidgets 8.1.9, see
    https://github.com/jupyter-widgets/ipywidgets/pull/3689), except those of ipywidgets' own media.
    """

    digest = traitlets.Unicode().tag(sync=True)

    def open(self) -> None:
        """Opens it at once: it is part of no family."""
        ipywidgets.Widget.open(self)


_bundle: Bundle | None = None
# For work on the front end, by anywidget's own name: open chats show each new build.
_HOT_RELOAD = os.environ.get("ANYWIDGET_HMR") == "1"


def bundle() -> Bundle:
    """Returns the kernel's one bundle; if it has been closed, a new one.

    Raises:
        RuntimeError: The front end has not been built, as in a checkout that is not installed.
    """
    global _bundle
    if _bundle is None or _bundle.comm is None:
        code, digest = _built()
        made = _bundle = Bundle(value=code, digest=digest)
        if _HOT_RELOAD:
            from .hot_reload import on_change

            on_change(_STATIC / "nbchat.js", lambda: _renew(made))
    return _bundle


def _built() -> tuple[bytes, str]:
    """Returns the bundle's code, deflated to a third of its bytes, and its digest."""
    code = _read("nbchat.js")
    # The build writes "/* nbchat <digest> */" into the first line.
    return zlib.compress(code.encode()), code.split(maxsplit=3)[2]


def _renew(bundle: Bundle) -> None:
    code, digest = _built()
    bundle.value = code
    # When the digest changes, the views have the page load the bundle.
    bundle.digest = digest


def _read(name: str) -> str:
    try:
        return (_STATIC / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RuntimeError(
            "nbchat's front end has not been built: run `pip install -e .` in the checkout, or "
            "`python nbchat/frontend/build.py`."
        ) from None


def asset(name: str) -> tuple[str, bytes]:
    """Returns the name and the deflated content of a file that a page loads on demand.

    Raises:
        ValueError: There is no such asset.
        RuntimeError: The front end has not been built.
    """
    if name not in _ASSETS:
        raise ValueError(f"There is no asset {name!r}.")
    return name, zlib.compress(_read(name).encode())


class View(Part, anywidget.AnyWidget):
    """A widget that the bundle draws."""

    _esm = traitlets.Unicode().tag(sync=True)
    bundle = traitlets.Instance(Bundle).tag(sync=True, **ipywidgets.widget_serialization)

    @traitlets.default("bundle")
    def _default_bundle(self) -> Bundle:
        shared = bundle()
        if _HOT_RELOAD:
            # anywidget draws a widget again when its script changes.
            script = (self, "_esm")
            traitlets.dlink((shared, "digest"), script, lambda digest: f"{_loader()}// {digest}")
        return shared

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return _loader()


def _loader() -> str:
    return _read("loader.js").partition("\n")[2]
