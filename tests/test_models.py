from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from wire import WIRE, needs_wire

from nbchat._servers.catalogue import Catalogue
from nbchat._servers.models import Model, parse_models, read_model_ids
from nbchat._widget.views import model_info


def test_free_models_come_first_then_by_id() -> None:
    body = {
        "data": [
            {"id": "z/paid", "name": "a paid one", "pricing": {"prompt": "0.1", "completion": "0"}},
            {"id": "b/x:free", "name": "Beta"},
            {"id": "a/y", "name": "alpha", "pricing": {"prompt": "0", "completion": "0"}},
            {"id": "draws", "architecture": {"output_modalities": ["image"]}},
            {"id": "router", "name": "Auto", "pricing": {"prompt": "-1", "completion": "-1"}},
        ]
    }
    assert [model.id for model in parse_models(body)] == ["b/x:free", "a/y", "router", "z/paid"]
    assert [model.id for model in parse_models(body, is_local=True)][:2] == ["a/y", "b/x:free"]


def test_a_price_of_nothing_is_not_free_unless_it_is_marked() -> None:
    nothing = {"pricing": {"prompt": "0", "completion": "0"}}
    some = {"pricing": {"prompt": "0.000001", "completion": "0.000002"}}
    sings = {"architecture": {"output_modalities": ["text", "audio"]}}
    entries = [
        {"id": "google/lyria", **nothing, **sings},
        {"id": "a/unmarked", **nothing},
        {"id": "a/speaks", **some, **sings},
        {"id": "a/b:free", **nothing},
        {"id": "openrouter/free", **nothing},
    ]
    models = {model.id: model for model in parse_models(entries)}
    assert [id_ for id_ in models if models[id_].is_free] == ["a/b:free", "openrouter/free"]
    for id_ in ("google/lyria", "a/unmarked", "a/speaks"):
        assert models[id_].price(10, 10) is None, "it is not known"
    assert models["a/b:free"].price(10, 10) == 0.0


@pytest.mark.parametrize(
    "body",
    [None, "text", 3, [], {}, {"data": None}, {"data": [None, 1, {}, {"id": 3}, {"id": ""}]}],
)
def test_what_is_no_catalogue_has_no_models(body: object) -> None:
    assert parse_models(body) == []


@needs_wire
@pytest.mark.parametrize(
    "path", sorted([*WIRE.glob("openrouter-models-*.json"), *WIRE.glob("models-other/*.json")])
)
def test_recorded_catalogues(path: Path) -> None:
    models = parse_models(json.loads(path.read_text(encoding="utf-8")))
    assert models
    assert len({model.id for model in models}) == len(models)
    free = [model.is_free for model in models if model.chats]
    assert free == sorted(free, reverse=True)
    assert not any("embed" in model.id or "whisper" in model.id for model in models)
    if path.name.startswith("openrouter"):
        assert free[0]
        assert not free[-1]


def test_no_number_or_text_spoils_the_list_for_the_browser() -> None:
    body = [
        {"id": "a", "pricing": {"prompt": "1e306", "completion": "1e306"}},
        {"id": "b", "name": "half a \ud83d", "pricing": {"input": 1e400, "output": 10**400}},
    ]
    models = parse_models(body)
    assert [model.prompt_price for model in models] == [None, None]
    json.dumps(
        [model_info(model) for model in models], ensure_ascii=False, allow_nan=False
    ).encode()


def parsed(**entry: Any) -> Model:
    (model,) = parse_models({"data": [{"id": "a/b", **entry}]})
    return model


@needs_wire
def test_what_openrouter_says_of_a_model() -> None:
    body = json.loads((WIRE / "openrouter-models-2026-08.json").read_text(encoding="utf-8"))
    catalogue = Catalogue(tuple(parse_models(body)), is_live=True)
    qwen = catalogue.find("qwen/qwen3.8-27b")
    assert qwen is not None
    assert (qwen.context_length, qwen.max_completion_tokens) == (262_144, 131_072)
    assert (qwen.prompt_price, qwen.completion_price) == (0.45, 3.2)
    assert qwen.price(1_000_000, 500_000) == pytest.approx(2.05)
    assert (qwen.images, qwen.files, qwen.is_free) == (True, False, False)
    assert qwen.reasoning is not None
    assert qwen.reasoning.efforts == ("none", "low", "medium", "xhigh")
    assert qwen.reasoning.default == "xhigh"
    router = catalogue.find("openrouter/auto")
    assert router is not None
    assert router.prompt_price is None, "-1 is no price"
    # Of a mandatory one, reasoning can't be switched off.
    for model in catalogue.models:
        entry = next(each for each in body["data"] if each["id"] == model.id)
        if entry.get("reasoning", {}).get("mandatory"):
            assert model.reasoning is not None
            assert "none" not in model.reasoning.efforts
        assert model.max_tokens_limit is not None


def test_what_can_be_chosen_about_reasoning() -> None:
    def offered(**reasoning: Any) -> tuple[str, tuple[str, ...], str]:
        found = parsed(reasoning=reasoning).reasoning
        assert found is not None
        return found.choice, found.efforts, found.default

    assert offered(mandatory=False) == ("switch", ("none", "medium"), "medium")
    assert offered(mandatory=False, default_enabled=False)[2] == "none"
    assert offered(mandatory=True)[0] == "fixed"
    some = {"supported_efforts": ["high", "low"], "default_effort": "high"}
    assert offered(mandatory=True, **some) == ("levels", ("low", "high"), "high")
    assert offered(mandatory=False, **some) == ("levels", ("none", "low", "high"), "high")
    assert offered(mandatory=False, default_enabled=False, **some)[2] == "none"
    every = offered(mandatory=False, supported_efforts=None)
    assert every[1] == ("none", "minimal", "low", "medium", "high", "xhigh", "max")
    assert parsed().reasoning is None
    no = parsed(supported_parameters=["temperature"]).reasoning
    assert no is not None
    assert no.choice == "none"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"max_model_len": 4096}, {"context_length": 4096}),  # vLLM
        ({"meta": {"n_ctx": 512, "n_ctx_train": 8192}}, {"context_length": 512}),  # llama-server
        (  # Groq
            {
                "context_window": 8192,
                "max_completion_tokens": 1024,
                "input_modalities": ["text", "image"],
                "pricing": {"prompt": "0.000001", "completion": "0.000002"},
            },
            {"context_length": 8192, "max_completion_tokens": 1024, "images": True}
            | {"prompt_price": 1.0, "completion_price": 2.0},
        ),
        (  # Mistral
            {
                "max_context_length": 32_768,
                "capabilities": {"completion_chat": True, "vision": True, "reasoning": False},
                "deprecation": "2026-08-31T12:00:00Z",
            },
            {"context_length": 32_768, "images": True, "expires": date(2026, 8, 31)},
        ),
        (  # the HF router: the most expensive of its providers
            {
                "providers": [
                    {"context_length": 10, "pricing": {"input": 1, "output": 2}},
                    {"context_length": 20, "pricing": {"input": 3, "output": 4}},
                    {"status": "live"},
                ]
            },
            {"context_length": 20, "prompt_price": 3.0, "completion_price": 4.0},
        ),
        (  # Venice
            {
                "type": "text",
                "model_spec": {
                    "availableContextTokens": 7,
                    "maxCompletionTokens": 5,
                    "capabilities": {"supportsVision": False},
                    "pricing": {"input": {"usd": 1.5}, "output": {"usd": 2.5}},
                },
            },
            {"context_length": 7, "max_completion_tokens": 5, "images": False}
            | {"prompt_price": 1.5, "completion_price": 2.5},
        ),
    ],
)
def test_other_servers_say_it_in_other_words(
    entry: dict[str, Any], expected: dict[str, Any]
) -> None:
    model = parsed(**entry)
    assert {name: getattr(model, name) for name in expected} == expected


@pytest.mark.parametrize(
    "entry",
    [
        {"id": "text-embedding-3-small"},
        {"id": "x", "type": "image"},
        {"id": "x", "capabilities": {"completion_chat": False}},
        {"id": "x", "capabilities": {"type": "embeddings"}},
        {"id": "x", "output_modalities": ["speech"]},
    ],
)
def test_what_is_not_for_chat_is_left_out(entry: dict[str, Any]) -> None:
    assert parse_models({"data": [entry]}) == []


def listing(*ids: str, is_live: bool = True, owned_by: str = "") -> Catalogue:
    entries = [{"id": id_, "owned_by": owned_by} for id_ in ids]
    return Catalogue(tuple(parse_models({"data": entries})), is_live)


def test_a_model_that_is_gone_and_the_nearest_one() -> None:
    catalogue = listing("deepseek/deepseek-v4:free", "x-ai/grok-4.3", "deepseek/deepseek-v4")
    assert catalogue.lacks("deepseek/deepseek-r1:free")
    nearest = catalogue.nearest("deepseek/deepseek-r1:free")
    assert nearest is not None
    assert nearest.id == "deepseek/deepseek-v4:free"
    nearest = catalogue.nearest("x-ai/grok-4-fast")
    assert nearest is not None
    assert nearest.id == "x-ai/grok-4.3"
    assert Catalogue().nearest("any") is None


def test_models_that_only_seem_to_be_gone() -> None:
    catalogue = listing("a/b", "llama3:latest", "c/d:free")
    for model_id in ("a/b", "a/b:nitro", "llama3", "@preset/mine", ""):
        assert not catalogue.lacks(model_id), model_id
    assert catalogue.lacks("a/b:free"), "a free variant is a model of its own"
    assert not listing("a/b", is_live=False).lacks("gone"), "an old list proves nothing"
    assert not listing().lacks("gone"), "a server without a list"
    assert not listing("/models/x.gguf", owned_by="llamacpp").lacks("qwen3")


def test_models_from_a_list_and_a_file(tmp_path: Path) -> None:
    file = tmp_path / "models.txt"
    file.write_text("# mine\na/one\n\n  b/two  # the second\na/one\n", encoding="utf-8")
    assert read_model_ids(file) == read_model_ids(str(file)) == ["a/one", "b/two"]
    assert read_model_ids(("b", "a", "b")) == ["b", "a"]


def test_models_that_are_missing_or_empty(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"absent\.txt can't be read"):
        read_model_ids(tmp_path / "absent.txt")
    empty = tmp_path / "empty.txt"
    empty.write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no model id"):
        read_model_ids(empty)
    with pytest.raises(ValueError, match="no model id"):
        read_model_ids([])
    with pytest.raises(TypeError, match="list of model ids"):
        read_model_ids(["a", 3])  # type: ignore[list-item]


def test_what_holds_no_conversation_comes_last() -> None:
    def entry(id_: str, *outputs: str) -> dict[str, Any]:
        return {"id": id_, "architecture": {"output_modalities": [*outputs, "text"]}}

    ids = [
        *("a/gpt-5:batch", "a/gpt-3.5-turbo-instruct", "b/llama-guard-4", "b/gpt-oss-safeguard"),
        *("c/gpt-5", "d/image-too"),
    ]
    entries = [*map(entry, ids[:-1]), entry("d/image-too", "image"), entry("a/song", "audio")]
    models = parse_models({"data": entries})
    assert [model.id for model in models if model.chats] == ["c/gpt-5", "d/image-too"]
    assert [model.chats for model in models] == sorted((m.chats for m in models), reverse=True)
