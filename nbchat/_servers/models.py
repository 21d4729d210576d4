"""The models of a server: what they are, cost and support, as its `/models` says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from nbchat._chat.settings import EFFORTS, read_text_file

from .reasoning import FIXED_REASONING, NO_REASONING, Reasoning

# Shown while OpenRouter's own list can't be reached. Its routers outlive single free models.
BUILT_IN = (
    "openrouter/free",
    "openrouter/auto",
    "openai/gpt-oss-20b:free",
    "openai/gpt-oss-120b",
    "openai/gpt-5.4-mini",
    "x-ai/grok-4.3",
)

# OpenAI and Ollama list all their models, with nothing but an id: the name must decide.
_NOT_FOR_CHAT = re.compile(
    r"embed|whisper|\btts\b|dall-e|moderation|realtime|transcribe|gpt-(image|audio)|"
    r"chatgpt-image|\bsora\b|davinci|babbage|rerank|gpt-3\.5-turbo-instruct",
    re.IGNORECASE,
)
# These write text, but hold no conversation: they only continue a text, classify what others write,
# or (":batch", OpenRouter's doubles) answer within hours.
_BESIDE_CHAT = re.compile(
    r":batch$|gpt-3\.5-turbo-instruct|\bguard\b|llama-?guard|shieldgemma|safeguard|"
    r"content-safety|gpt-audio|\blyria\b",
    re.IGNORECASE,
)
# OpenRouter listed about 500 in November 2026. The page receives them all.
MOST_MODELS = 5_000
_ID_CHARS = 256
_MOST_WORDS = 100

_CHAT_TYPES = {"chat", "language", "text", "base", "llm", "vlm", "model"}


@dataclass(frozen=True)
class Model:
    """One entry of a server's `/models`. None means that the server does not say.

    Attributes:
        id: Its id in requests.
        name: The name that the user sees.
        context_length: The most tokens of a request and its reply together.
        max_completion_tokens: The most tokens of a reply.
        prompt_price: US dollars per million tokens, as completion_price is.
        parameters: The request parameters that it supports.
        reasoning: What can be chosen about its reasoning.
        images: Whether messages may contain images.
        files: Whether messages may contain files such as PDF.
        expires: The day on which the server removes it.
        aliases: Other ids of the same model.
        chats: Whether it is for conversations. All others come last.
        owned_by: The owner or server software that the server names, such as "llamacpp".
    """

    id: str
    name: str
    is_free: bool = False
    context_length: int | None = None
    max_completion_tokens: int | None = None
    prompt_price: float | None = None
    completion_price: float | None = None
    parameters: frozenset[str] | None = None
    reasoning: Reasoning | None = None
    images: bool | None = None
    files: bool | None = None
    expires: date | None = None
    aliases: tuple[str, ...] = ()
    chats: bool = True
    owned_by: str = ""

    def takes(self, *names: str) -> bool:
        """Whether it supports one of these parameters; True if that isn't known."""
        return self.parameters is None or not self.parameters.isdisjoint(names)

    def accepts(self, kind: str) -> bool | None:
        """Whether a message may contain an attachment of this kind; None if that isn't known."""
        return {"image": self.images, "file": self.files}.get(kind, True)  # sent as text

    @property
    def max_tokens_limit(self) -> int | None:
        """The most tokens that a request can ask for; None if that isn't known."""
        limits = [n for n in (self.max_completion_tokens, self.context_length) if n]
        return min(limits) if limits else None

    def price(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """Returns US dollars for this many tokens; None if a price isn't known."""
        if self.prompt_price is None or self.completion_price is None:
            return None
        dollars = prompt_tokens * self.prompt_price + completion_tokens * self.completion_price
        return dollars / 1e6


def parse_models(body: object, *, is_local: bool = False) -> list[Model]:
    """Returns the models of a `/models` answer that write text: free ones first, then by id.

    Free are the models that OpenRouter marks as free, and on this machine those with a price of 0.
    Elsewhere a price of 0 may hide another: OpenRouter lists music models with it that cost "$0.04
    per clip" (November 2026).

    Leaves out what it can't understand, and what comes after `MOST_MODELS`. It knows the lists of
    OpenRouter (August 2026), Groq, Mistral, the HF router, Venice, Copilot and llama-server (all
    recorded), Together and vLLM. Most others have nothing but ids.
    """
    entries = body.get("data") if isinstance(body, dict) else body
    if not isinstance(entries, list):
        return []
    models: dict[str, Model] = {}
    for model in filter(None, (_parse_model(entry, is_local) for entry in entries)):
        if len(models) == MOST_MODELS:
            break
        models[model.id] = model
    return sorted(models.values(), key=_order)


def _order(model: Model) -> tuple[bool, bool, str]:
    return not model.chats, not model.is_free, model.id.casefold()


def _parse_model(entry: object, is_local: bool) -> Model | None:
    if not isinstance(entry, dict):
        return None
    id_ = _text(entry.get("id"))
    # An id is shown in texts where addresses become links.
    if not 0 < len(id_) <= _ID_CHARS or not id_.isprintable() or "://" in id_:
        return None
    if not _is_for_chat(id_, entry):
        return None
    spec = _mapping(entry.get("model_spec"))  # Venice
    is_free, (prompt_price, completion_price) = _is_marked_free(id_), _prices(entry, spec)
    if prompt_price == completion_price == 0:
        is_free = is_free or is_local
    if not is_free and (prompt_price == completion_price == 0 or "audio" in _outputs(entry)):
        prompt_price = completion_price = None
    inputs = _words(_mapping(entry.get("architecture")).get("input_modalities"))
    inputs = inputs or _words(entry.get("input_modalities"))
    outputs = _outputs(entry)
    expires = _day(entry.get("expiration_date")) or _day(entry.get("deprecation"))
    aliases = [_text(entry.get("canonical_slug")), *(_words(entry.get("aliases")) or ())]
    return Model(
        id=id_,
        name=_name(entry) or _name(spec) or id_,
        is_free=is_free,
        context_length=_context_length(entry, spec),
        max_completion_tokens=_max_completion_tokens(entry, spec),
        prompt_price=prompt_price,
        completion_price=completion_price,
        parameters=_parameters(entry),
        reasoning=_reasoning(entry, spec),
        images="image" in inputs if inputs else _vision(entry, spec),
        files="file" in inputs if inputs else None,
        expires=expires,
        aliases=tuple(alias for alias in aliases if 0 < len(alias) <= _ID_CHARS),
        chats="audio" not in outputs and not _BESIDE_CHAT.search(id_),
        owned_by=_text(entry.get("owned_by"))[:_ID_CHARS],
    )


def _name(entry: Mapping[str, Any]) -> str:
    return " ".join(_text(entry.get("name"))[:_ID_CHARS].split())


def _is_marked_free(id_: str) -> bool:
    return id_.endswith(":free") or id_ == "openrouter/free"


def _is_for_chat(id_: str, entry: Mapping[str, Any]) -> bool:
    if outputs := _outputs(entry):
        return "text" in outputs
    capabilities = _mapping(entry.get("capabilities"))
    if isinstance(capabilities.get("completion_chat"), bool):  # Mistral
        return bool(capabilities["completion_chat"])
    type_ = _text(capabilities.get("type")) or _text(entry.get("type"))
    if type_ and type_ not in _CHAT_TYPES:
        return False
    return not _NOT_FOR_CHAT.search(id_)


def _outputs(entry: Mapping[str, Any]) -> tuple[str, ...]:
    outputs = _words(_mapping(entry.get("architecture")).get("output_modalities"))
    return outputs or _words(entry.get("output_modalities")) or ()


def _context_length(entry: Mapping[str, Any], spec: Mapping[str, Any]) -> int | None:
    limits = _mapping(_mapping(entry.get("capabilities")).get("limits"))  # Copilot
    providers = [_mapping(provider) for provider in _list(entry.get("providers"))]  # HF router
    lengths = [
        # llama-server: the context that it was started with, which may be less than the model's.
        _mapping(entry.get("meta")).get("n_ctx"),
        entry.get("context_length"),  # OpenRouter, Groq, Together
        entry.get("max_context_length"),  # Mistral
        entry.get("max_model_len"),  # vLLM
        entry.get("context_window"),  # Groq
        limits.get("max_context_window_tokens"),
        spec.get("availableContextTokens"),  # Venice
        max((_count(p.get("context_length")) or 0 for p in providers), default=0),
    ]
    return next(filter(None, map(_count, lengths)), None)


def _max_completion_tokens(entry: Mapping[str, Any], spec: Mapping[str, Any]) -> int | None:
    limits = _mapping(_mapping(entry.get("capabilities")).get("limits"))
    most = [
        _mapping(entry.get("top_provider")).get("max_completion_tokens"),  # OpenRouter
        entry.get("max_completion_tokens"),  # Groq
        limits.get("max_output_tokens"),  # Copilot
        spec.get("maxCompletionTokens"),  # Venice
    ]
    return next(filter(None, map(_count, most)), None)


def _prices(entry: Mapping[str, Any], spec: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Returns US dollars per million tokens in and out, at the most expensive provider."""
    offers = [_mapping(_mapping(p).get("pricing")) for p in _list(entry.get("providers"))]
    prices = [
        _price(pricing)
        for pricing in (_mapping(entry.get("pricing")), _mapping(spec.get("pricing")), *offers)
    ]
    known = [(inward, out) for inward, out in prices if inward is not None and out is not None]
    return max(known, key=sum, default=(None, None))


def _price(pricing: Mapping[str, Any]) -> tuple[float | None, float | None]:
    if "prompt" in pricing or "completion" in pricing:
        # OpenRouter: dollars per token, as text. Routers have "-1": the price of the picked model.
        inward, out = _amount(pricing.get("prompt")), _amount(pricing.get("completion"))
        return (
            None if inward is None else round(inward * 1e6, 6),
            None if out is None else round(out * 1e6, 6),
        )
    values = (pricing.get("input"), pricing.get("output"))  # dollars per million
    inward, out = (_amount(_mapping(v).get("usd") if isinstance(v, Mapping) else v) for v in values)
    return inward, out


def _parameters(entry: Mapping[str, Any]) -> frozenset[str] | None:
    names = _words(entry.get("supported_parameters"))
    if names:
        return frozenset(names)
    names = _words(entry.get("supported_sampling_parameters"))  # Groq
    if names:
        reasons = "reasoning" in (_words(entry.get("supported_features")) or ())
        return frozenset([*names, *(["reasoning_effort"] if reasons else [])])
    return None


def _reasoning(entry: Mapping[str, Any], spec: Mapping[str, Any]) -> Reasoning | None:
    if isinstance(entry.get("reasoning"), Mapping):
        return _openrouter_reasoning(entry["reasoning"])
    parameters = _words(entry.get("supported_parameters"))
    if parameters:
        # OpenRouter's routers take an effort, though they don't know yet for which model.
        routes = {"reasoning", "reasoning_effort"} & set(parameters)
        return Reasoning.levels() if routes else NO_REASONING
    features = _words(entry.get("supported_features"))
    if features:
        if "reasoning" not in features:
            return NO_REASONING
        # Groq: Qwen models can only be switched on or off.
        switched = "qwen" in _text(entry.get("id")).lower()
        return Reasoning.switch() if switched else Reasoning.levels()
    capabilities = _mapping(entry.get("capabilities"))
    efforts = _words(_mapping(capabilities.get("supports")).get("reasoning_effort"))  # Copilot
    if efforts:
        return Reasoning.levels(efforts)
    if isinstance(capabilities.get("reasoning"), bool):  # Mistral
        if not capabilities["reasoning"]:
            return NO_REASONING
        return Reasoning.levels(("none", "high"), "none")
    venice = _mapping(spec.get("capabilities"))
    if isinstance(venice.get("supportsReasoning"), bool):
        if not venice["supportsReasoning"]:
            return NO_REASONING
        return Reasoning.levels() if venice.get("supportsReasoningEffort") else FIXED_REASONING
    return None


def _openrouter_reasoning(fields: Mapping[str, Any]) -> Reasoning:
    """Reads OpenRouter's `reasoning`: no `supported_efforts` means no choice, null means all."""
    mandatory = bool(fields.get("mandatory"))
    default = "none" if fields.get("default_enabled") is False else fields.get("default_effort")
    if "supported_efforts" not in fields:
        if mandatory:
            return FIXED_REASONING
        return Reasoning.switch("none" if default == "none" else "medium")
    efforts = fields["supported_efforts"]
    offered = set(EFFORTS if efforts is None else _words(efforts) or ())
    offered -= {"none"} if mandatory else set()
    offered |= set() if mandatory else {"none"}
    if not offered.intersection(EFFORTS):
        return FIXED_REASONING
    return Reasoning.levels(tuple(offered), default if isinstance(default, str) else None)


def _vision(entry: Mapping[str, Any], spec: Mapping[str, Any]) -> bool | None:
    capabilities = _mapping(entry.get("capabilities"))
    values = (
        capabilities.get("vision"),  # Mistral
        _mapping(capabilities.get("supports")).get("vision"),  # Copilot
        _mapping(spec.get("capabilities")).get("supportsVision"),  # Venice
    )
    return next((value for value in values if isinstance(value, bool)), None)


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _amount(value: object) -> float | None:
    try:
        amount = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return amount if 0 <= amount < 1e12 else None


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e12:
        return None
    return int(value)


def _text(value: object) -> str:
    # JSON allows half a surrogate pair, which UTF-8 can't encode later.
    return value.encode("utf-8", "replace").decode().strip() if isinstance(value, str) else ""


def _words(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(text for text in map(_text, value[:_MOST_WORDS]) if 0 < len(text) <= _ID_CHARS)


def _list(value: object) -> list[Any]:
    return value[:_MOST_WORDS] if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def read_model_ids(models: str | Path | Iterable[str]) -> list[str]:
    """Returns model ids from a list, or from a text file: one per line, `#` starts a comment.

    Raises:
        ValueError: The file is missing, or there is no id.
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
        raise ValueError(f"{where} contains no model id")
    return list(dict.fromkeys(ids))
