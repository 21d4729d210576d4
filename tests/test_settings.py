"""Settings: their limits, and what follows from how each is declared."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nbchat import ChatWidget
from nbchat._chat.settings import SETTINGS, ChatSettings, read_system
from nbchat._files.chat_writer import to_json


def test_starts_as_documented() -> None:
    settings = ChatSettings()
    assert (settings.temperature, settings.max_tokens, settings.top_p) == (1.0, 8192, 1.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("temperature", float("nan")),
        ("max_tokens", 99),
        ("max_tokens", 65536),
        ("top_p", 1.5),
        ("reasoning_effort", "extreme"),
    ],
)
def test_out_of_range_names_the_setting(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        ChatSettings(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", "hot"), ("max_tokens", 100.5), ("max_tokens", True), ("model", 3)],
)
def test_wrong_type_names_the_setting(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=name):
        ChatSettings(**{name: value})


def test_whole_floats_are_token_counts() -> None:
    assert ChatSettings(max_tokens=200.0).max_tokens == 200  # a slider's value


def test_system_from_text_and_file(tmp_path: Path) -> None:
    file = tmp_path / "system.md"
    file.write_text("\ufeffBe brief.", encoding="utf-8")
    assert read_system("Be brief.") == "Be brief."
    assert read_system(file) == read_system(str(file)) == "Be brief."


def test_system_file_that_is_missing_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="can't be read"):
        read_system(tmp_path / "absent.txt")
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ValueError, match="not UTF-8"):
        read_system(binary)


def readme_row(name: str) -> str:
    """A setting's row in the README's table, as it is declared."""
    setting, default = SETTINGS[name], getattr(ChatSettings(), name)
    label = setting.label if setting.control else ""
    low, high = setting.limits
    values = setting.values or f"{low} to {high}"
    return f"| {label} | `{name}` | {values} | {setting.default_text or default} |".replace(
        "|  |", "| |"
    )


def test_the_readme_has_each_setting_as_it_is_declared() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    _, _, table = readme.partition("| control | argument and attribute | values | default |\n")
    rows = table.partition("\n\n")[0].splitlines()[1:]
    assert rows == [readme_row(name) for name in SETTINGS]


@pytest.mark.parametrize("name", SETTINGS)
def test_all_else_about_a_setting_follows_from_its_declaration(
    name: str, make: Callable[..., ChatWidget]
) -> None:
    setting = SETTINGS[name]
    chat = make()
    assert name in inspect.signature(ChatWidget).parameters
    assert ChatWidget.class_traits()[name].help == setting.help
    assert name in json.loads(to_json(chat._session.conversation, chat.settings))["settings"]
    control = chat._controls.settings.get(name)
    assert (control is not None) == (setting.control is not None)
    if control is not None:
        assert control.description == setting.label
    if setting.control == "slider":
        lowest = setting.limits[0]
        assert (control.min, control.step) == (lowest, setting.step)
        assert control.value == getattr(chat, name)
        with pytest.raises(ValueError, match=name):
            setattr(chat, name, lowest - 1)
        control.value = lowest
        assert getattr(chat, name) == getattr(chat.settings, name) == lowest
