"""The models of one server, by their ids."""

from __future__ import annotations

from difflib import get_close_matches
from heapq import nlargest

from .models import Model

_MOST_COMPARED = 20
_COMPARED_CHARS = 256


class Catalogue:
    """The models of one server.

    Args:
        models: The models, in the order of the menu.
        is_live: Whether the server has just sent this list; if not, it comes from a cache.
    """

    def __init__(self, models: tuple[Model, ...] = (), is_live: bool = False) -> None:
        self.models = models
        self.is_live = is_live
        self.ids = [model.id for model in models]
        # Mistral also lists some aliases as models of their own (recorded): ids win.
        self._by_id = {alias: model for model in models for alias in model.aliases}
        self._by_id.update((model.id, model) for model in models)

    def find(self, model_id: str) -> Model | None:
        """Returns the model that a request for this id reaches; None if it isn't listed."""
        base, _, variant = model_id.partition(":")
        # Ollama's default tag, and OpenRouter's variants such as ":nitro". Its free variants are
        # listed as models of their own.
        others = (f"{model_id}:latest", base if variant and variant != "free" else model_id)
        return next(filter(None, map(self._by_id.get, (model_id, *others))), None)

    def lacks(self, model_id: str) -> bool:
        """Whether a list that the server has just sent lacks this model.

        llama-server serves its one model under any name, and OpenRouter does not list the presets
        of an account ("@preset/…"). Neither counts as lacking.
        """
        if not self.is_live or not self.models or not model_id or model_id.startswith("@"):
            return False
        answers_to_all = all(model.owned_by == "llamacpp" for model in self.models)
        return not answers_to_all and self.find(model_id) is None

    def nearest(self, model_id: str) -> Model | None:
        """Returns the model whose id is most similar; for a free model a free one, if any.

        The chat proposes it in its own words: an id with spaces could be the server's sentence.
        """
        ids = [model for model in self.models if " " not in model.id]
        candidates = [model for model in ids if not model.id.startswith("openrouter/")] or ids
        if model_id.endswith(":free"):
            candidates = [model for model in candidates if model.is_free] or candidates
        # difflib's time grows with the square of the lengths: it compares only the likely ones.
        wanted = _pairs(model_id)
        shared = {model.id: len(wanted & _pairs(model.id)) for model in candidates}
        likely = nlargest(_MOST_COMPARED, shared, key=lambda id_: (shared[id_], -len(id_)))
        found = get_close_matches(model_id[:_COMPARED_CHARS], likely, n=1, cutoff=0.0)
        return self._by_id[found[0]] if found else None


def _pairs(text: str) -> set[str]:
    """Returns all pairs of neighbouring characters."""
    return {text[i : i + 2] for i in range(len(text) - 1)}
