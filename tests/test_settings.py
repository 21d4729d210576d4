from __future__ import annotations

from pathlib import Path

import pytest

from nbchat._chat.settings import ChatSettings, read_system


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
