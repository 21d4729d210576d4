"""The rows of the card that connects a model, and the words on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from nbchat._servers.discovery import FoundServer
from nbchat._servers.providers import KNOWN

from .protocol import ConnectView, WayView

#: What stands on this machine of the demo model: its files, what runs it, or nothing.
Demo = Literal["fetched", "runtime", "absent"]

_STAYS = "Your messages stay on this computer."
MEMORY = "Keys are kept in memory only."
EXTRA = 'No account? `pip install "nbchat-widget[local]"` adds a small offline demo model.'


def card(title: str, ways: Iterable[WayView] = (), **more: object) -> ConnectView:
    """Returns a card with these rows; `more` has other values of `ConnectView`."""
    view: ConnectView = {
        "title": title,
        "text": "",
        "ways": list(ways),
        "sign_in": "",
        "busy": "",
        "progress": None,
        "problem": "",
        "cancel": False,
    }
    view.update(more)  # type: ignore[typeddict-item]  # the callers name the keys
    return view


def ways(
    keys: Sequence[str],
    servers: Sequence[FoundServer],
    demo: Demo,
    *,
    sign_in: bool = True,
    is_first: bool = False,
) -> list[WayView]:
    """Returns the rows: what was found first, then what the user can do.

    Args:
        keys: The providers whose keys were found.
        servers: The servers that were found on this machine.
        demo: What there is of the demo model.
        sign_in: Whether to offer to sign in to OpenRouter.
        is_first: Whether there is no model yet, so that the first row is what most users want.
    """
    rows = [*map(_with_key, keys), *map(_found, servers)]
    if sign_in and "openrouter" not in keys:
        rows.append(_way("sign-in", "Sign in to OpenRouter", "free models, about a minute"))
    rows += [
        _way("key", "Paste a key", "from any provider", "key"),
        _way("address", "Server address", "any OpenAI-compatible server", "address"),
    ]
    if demo == "fetched":
        rows.append(_way("demo", "Use the demo model", "on this computer, often wrong"))
    elif demo == "runtime":
        from nbchat._servers import local_model

        size = f"{local_model.DOWNLOAD_BYTES / 1e6:.0f} MB"
        rows.append(_way("demo", "Demo model", f"{size}, on this computer, often wrong"))
    rows[0]["primary"] = is_first
    return rows


def key_row(name: str) -> WayView:
    """Returns the row that asks for another key of a server; its field is open."""
    return {**_way("key", "Paste a key", f"of {name}", "key"), "primary": True}


def key_owners() -> list[WayView]:
    """Returns a row for each provider that a key of unknown form may belong to."""
    named = {name: known.title for name, known in KNOWN.items() if known.key_env and known.base_url}
    # A key without a form of its own is most likely of a provider whose keys have none.
    order = sorted(named, key=lambda name: KNOWN[name].key_forms != () and name != "openai")
    return [_way(f"owner:{name}", named[name]) for name in order]


def _with_key(name: str) -> WayView:
    return _way(f"key:{name}", f"Use {KNOWN[name].title}", "key found")


def _found(server: FoundServer) -> WayView:
    count = len(server.models)
    models = server.models[0] if count == 1 else f"{count} models"
    title = KNOWN[server.provider].title
    return _way(f"server:{server.provider}", f"Use {title}", f"{models}. {_STAYS}")


def _way(
    id_: str, label: str, note: str = "", kind: Literal["press", "key", "address"] = "press"
) -> WayView:
    return {"id": id_, "kind": kind, "label": label, "note": note, "primary": False}
