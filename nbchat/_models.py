"""The models that can be picked, and how each is asked to reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ._settings import read_text_file

# Shown only while a server's own list can't be reached. The router outlives the single free models.
BUILT_IN = (
    "openrouter/free",
    "openrouter/auto",
    "openai/gpt-oss-20b:free",
    "openai/gpt-oss-120b",
    "openai/gpt-5.4-mini",
    "x-ai/grok-4.3",
)

ReasoningRule = Callable[[str], dict[str, Any]]


def _effort(effort: str) -> dict[str, Any]:
    return {"reasoning": {"effort": effort}}


def _enabled(effort: str) -> dict[str, Any]:
    return {"reasoning": {"enabled": True}} if effort in ("medium", "high") else {}


reasoning_rules: dict[str, ReasoningRule] = {
    "openai/gpt-oss-*": _effort,
    "openai/gpt-5*": _effort,
    "x-ai/grok-4-fast*": _enabled,
}
"""Pattern of a model's id → what a reasoning effort adds to the request; the last match counts.

A model without a rule gets nothing. Add one: `reasoning_rules["qwen/*"] = lambda effort: {…}`.
"""


def reasoning_parameters(model: str, effort: str) -> dict[str, Any]:
    """What the request says about reasoning, by the model's rule."""
    for pattern, rule in reversed(reasoning_rules.items()):
        if fnmatchcase(model, pattern):
            return rule(effort)
    return {}


@dataclass(frozen=True)
class Model:
    """One entry of a server's `/models`."""

    id: str
    name: str
    is_free: bool = False


def parse_models(body: object) -> list[Model]:
    """The chat models of a `/models` answer: free ones first, then by name.

    Read tolerantly: what can't be understood is left out. Servers other than OpenRouter mostly give
    nothing but an id.
    """
    entries = body.get("data") if isinstance(body, dict) else body
    if not isinstance(entries, list):
        return []
    models = {model.id: model for model in map(_parse_model, entries) if model is not None}
    return sorted(models.values(), key=lambda model: (not model.is_free, model.name.casefold()))


def _parse_model(entry: object) -> Model | None:
    if not isinstance(entry, dict):
        return None
    id_ = entry.get("id")
    if not isinstance(id_, str) or not id_.strip():
        return None
    architecture = entry.get("architecture")
    outputs = architecture.get("output_modalities") if isinstance(architecture, dict) else None
    if isinstance(outputs, list) and outputs and "text" not in outputs:
        return None
    name = entry.get("name")
    return Model(
        id=id_.strip(),
        name=name if isinstance(name, str) and name else id_,
        is_free=_is_free(id_, entry.get("pricing")),
    )


def _is_free(id_: str, pricing: object) -> bool:
    if id_.endswith(":free"):
        return True
    if not isinstance(pricing, dict):
        return False
    prices = [pricing.get(key) for key in ("prompt", "completion")]
    return all(price in ("0", 0) for price in prices)


def read_models(models: str | Path | Iterable[str]) -> list[str]:
    """Model ids from a list, or from a text file with an id a line (`#` starts a comment).

    Raises:
        ValueError: The file is missing, or there is no id in it.
        TypeError: An id is not text.
    """
    if isinstance(models, (str, Path)):
        text = read_text_file(Path(models), "models file")
        ids = [line.split("#")[0].strip() for line in text.splitlines()]
        ids = [id_ for id_ in ids if id_]
        where = f"The models file {models}"
    else:
        ids = list(models)
        where = "models"
        for id_ in ids:
            if not isinstance(id_, str) or not id_.strip():
                raise TypeError(f"models must be a list of model ids, found {id_!r}")
        ids = [id_.strip() for id_ in ids]
    if not ids:
        raise ValueError(f"{where} has no model id in it")
    return list(dict.fromkeys(ids))
