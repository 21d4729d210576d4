from __future__ import annotations

import json
from pathlib import Path

import pytest
from wire import WIRE, needs_wire

from nbchat import reasoning_rules
from nbchat._models import parse_models, read_models, reasoning_parameters


@pytest.mark.parametrize("effort", ["low", "medium", "high"])
@pytest.mark.parametrize(
    "model", ["openai/gpt-oss-120b", "openai/gpt-oss-20b:free", "openai/gpt-5.4"]
)
def test_openai_models_take_an_effort(model: str, effort: str) -> None:
    assert reasoning_parameters(model, effort) == {"reasoning": {"effort": effort}}


def test_grok_4_fast_can_only_be_enabled() -> None:
    for model in ("x-ai/grok-4-fast", "x-ai/grok-4-fast:free"):
        assert reasoning_parameters(model, "low") == {}
        assert reasoning_parameters(model, "medium") == {"reasoning": {"enabled": True}}
        assert reasoning_parameters(model, "high") == {"reasoning": {"enabled": True}}


def test_other_models_get_nothing() -> None:
    for model in ("openrouter/free", "openai/gpt-4o", "x-ai/grok-4", ""):
        assert reasoning_parameters(model, "high") == {}


def test_a_rule_of_ones_own_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reasoning_rules, "openai/gpt-5.9*", lambda effort: {"think": effort})
    assert reasoning_parameters("openai/gpt-5.9-mini", "low") == {"think": "low"}
    assert reasoning_parameters("openai/gpt-5", "low") == {"reasoning": {"effort": "low"}}


def test_free_models_come_first_then_by_name() -> None:
    body = {
        "data": [
            {"id": "z/paid", "name": "a paid one", "pricing": {"prompt": "0.1", "completion": "0"}},
            {"id": "b/x:free", "name": "Beta"},
            {"id": "a/y", "name": "alpha", "pricing": {"prompt": "0", "completion": "0"}},
            {"id": "draws", "architecture": {"output_modalities": ["image"]}},
            {"id": "router", "name": "Auto", "pricing": {"prompt": "-1", "completion": "-1"}},
        ]
    }
    assert [model.id for model in parse_models(body)] == ["a/y", "b/x:free", "z/paid", "router"]


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
    free = [model.is_free for model in models]
    assert free == sorted(free, reverse=True)
    if path.name.startswith("openrouter"):
        assert free[0]
        assert not free[-1]


def test_models_from_a_list_and_a_file(tmp_path: Path) -> None:
    file = tmp_path / "models.txt"
    file.write_text("# mine\na/one\n\n  b/two  # the second\na/one\n", encoding="utf-8")
    assert read_models(file) == read_models(str(file)) == ["a/one", "b/two"]
    assert read_models(("b", "a", "b")) == ["b", "a"]


def test_models_that_are_missing_or_empty(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"absent\.txt can't be read"):
        read_models(tmp_path / "absent.txt")
    empty = tmp_path / "empty.txt"
    empty.write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no model id"):
        read_models(empty)
    with pytest.raises(ValueError, match="no model id"):
        read_models([])
    with pytest.raises(TypeError, match="list of model ids"):
        read_models(["a", 3])  # type: ignore[list-item]
