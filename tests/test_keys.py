"""What is masked in a text that goes to a model, a page or a file, and what is left alone."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import openai
import pytest
import sse_server as sse
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sse_server import ScriptedServer
from until import TIMEOUT

from nbchat import ChatError, ChatWidget
from nbchat._chat.keys import MASK, Secret, clean, is_secret_name, mask_keys, mask_secrets
from nbchat._tools.tool import result_text

S = "hunter2-Xy"
LONG = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3z"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{LONG}\n{LONG}/+=\n-----END RSA PRIVATE KEY-----"

# A text, and the secret in it.
BY_FORM = [
    (f"use sk-{LONG}", LONG),
    (f"stripe sk_live_{LONG}", LONG),
    ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    (f"ghp_{LONG}", LONG),
    (f"github_pat_{LONG}", LONG),
    (f"glpat-{LONG}", LONG),
    ("xoxb-123456789012-abcdefABCDEF", "abcdefABCDEF"),
    (f"https://hooks.slack.com/services/T00/B00/{LONG}", LONG),
    (f"cookie: {JWT}", "c2lnbmF0dXJl"),
    (PEM, LONG),
    (repr([PEM]), LONG),
    (json.dumps({"a": PEM}), LONG),
    (PEM[:60], LONG[:20]),
    (f"postgres://u:{S}@db.example.org/x", S),
    (f"redis://:{S}@cache:6379", S),
    ("mysql+pymysql://me:p@ssw0rd@db/x", "ssw0rd"),
    ("mysql+pymysql://me:pa/ssw0rd@db/x", "ssw0rd"),
    (f"mongodb+srv://u:{S}...", S),
    (f"Authorization: Basic {LONG}==", LONG),
    (json.dumps({"authorization": f"Bearer {LONG}"}), LONG),
    (f"https://x.blob.core.windows.net/c?sv=1&sig={LONG}%3D", LONG),
]
BY_NAME = [
    (f"pwd={S}", S),
    (f"Server=h;UID=sa;PWD={S};Port=1", S),
    (f"Server=h;User Id=sa;Password={S}", S),
    (f"AccountName=x;AccountKey={S}==;Suffix=y", S),
    (f"host=h user=u password={S} dbname=d", S),
    (f"https://h/x?api_key={S}&y=1", S),
    (f"tool --password={S} --verbose", S),
    (str([f"PASSWORD={S}"]), S),
    (str([f"PASSWORD={S}, and) more"]), "more"),
    (json.dumps({"Env": ["A=1", f"DB_PASSWORD={S}"]}), S),
    (f"db:\n  user: me\n  password: {S}\n", S),
    (f"x-api-key: {S}", S),
    (f"DB_PASS={S}", S),
    (f"db_pwd = '{S}'", S),
    (str({"pwd": S}), S),
    (json.dumps(json.dumps({"password": S})), S),
]


@pytest.mark.parametrize(("text", "secret"), BY_FORM)
def test_what_has_the_form_of_a_key_is_masked_everywhere(text: str, secret: str) -> None:
    for masked in (mask_keys(text), mask_secrets(text), clean(text, 1000)):
        assert secret not in masked
        assert MASK in masked


@pytest.mark.parametrize(("text", "secret"), [*BY_FORM, *BY_NAME])
@pytest.mark.parametrize("around", ["{}", "before\n{}\nafter", "\t{}", "  {}\n"])
def test_what_has_the_name_of_a_secret_is_masked(text: str, secret: str, around: str) -> None:
    masked = mask_secrets(around.format(text))
    assert secret not in masked
    assert MASK in masked


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:8080/@vite/client", "http://[::1]:8080/a@b", "http://127.0.0.1:8888",
        "see https://example.org/a:b@c and me@example.org", "ssh://git@github.com/a/b",
        "client(api_key=key, password=pw)", "    api_key=key,\n    token=token,\n",
        "password: str\napi_key: str | None = None\ntoken: Token", "PWD=/home/me/project",
        "OLDPWD=/home/me", "{'PWD': '/home/me', 'pwdump': 'a'}", "max_tokens=100, tokens=['a']",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "low_pass=3.5 bypass=1",
        "basic 2-day course", "signature = inspect.signature(f)", "eyJ is how a JWT begins",
        "def get_token(self): return self.token", "risk_assessment-of-things",
    ],
)  # fmt: skip
def test_what_only_sounds_like_a_secret_stays(text: str) -> None:
    assert mask_secrets(text) == text


def test_what_stands_around_a_password_stays() -> None:
    assert mask_secrets(f"postgres://u:{S}@h/x") == f"postgres://u:{MASK}@h/x"
    assert mask_secrets(f"Server=h;PWD={S};Port=1") == f"Server=h;PWD={MASK};Port=1"
    assert mask_secrets(str([f"PASSWORD={S}", "A=1"])) == f"['PASSWORD={MASK}', 'A=1']"
    assert mask_secrets(f"a\n{PEM}\nb") == f"a\n{MASK}\nb"


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [("pwd", True), ("db_pwd", True), ("dbPwd", True), ("DB_PWD", True), ("PWD", False),
     ("OLDPWD", False), ("Authorization", True), ("DB_PASS", True), ("low_pass", False),
     ("AccountKey", True), ("token", True), ("tokens", False), ("author", False)],
)  # fmt: skip
def test_names_of_secrets(name: str, is_secret: bool) -> None:
    assert is_secret_name(name) == is_secret


# The keys in use


def test_a_key_in_use_is_masked_as_long_as_it_is() -> None:
    one, other = Secret("of-no-known-form"), Secret(" of-no-known-form\n")
    text = "Wrong key of-no-known-form!"
    assert clean(text, 100) == mask_keys(text) == mask_secrets(text) == "Wrong key [key]!"
    del one
    assert mask_keys(text) == "Wrong key [key]!", "the other chat still uses it"
    del other
    assert mask_keys(text) == text


def test_a_tools_result_does_not_bring_a_key_to_the_model() -> None:
    key = Secret("of-no-known-form")
    token = f"signed with {JWT}"
    assert result_text([key.reveal(), token]) == f'["[key]","{token}"]', "the model may pass it on"


def test_a_word_that_stands_in_for_a_key_is_no_key() -> None:
    keys = [Secret(word) for word in ("none", "EMPTY", "ollama", "")]
    assert mask_keys("none EMPTY ollama") == "none EMPTY ollama"
    del keys


# Time


PIECES = ["-----BEGIN RSA PRIVATE KEY-----", "-----", "-", "://", ":", "@", "a", "_", "=", ";", "'",
          '"', "\\", " ", "\n", "password", "token", "pwd", "eyJ", ".", "9", "authorization: ",
          "basic ", "sk-", "(", ","]  # fmt: skip


def work(text: str) -> float:
    """The processor's time, which other programs don't change."""
    times = []
    for _ in range(3):
        before = time.thread_time()
        mask_secrets(text)
        times.append(time.thread_time() - before)
    return min(times)


@pytest.mark.environments
@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4))
@example(["-----BEGIN RSA PRIVATE KEY-----"])
@example(["-----BEGIN RSA PRIVATE KEY-----", "-"])
@example(["://a:"])
@example(["eyJ", "-"])
@example(["--token=", "?token="])
@example(["_"])
def test_masking_takes_linear_time(pieces: list[str]) -> None:
    text = "".join(pieces)
    text *= 8000 // len(text)
    small, large = work(text), work(text * 8)
    assert large < 32 * small + 0.01, "8 times the text: 8 times the work, not 64 times"


# A server that quotes the key

KEY = "of-no-known-form"


@pytest.mark.parametrize("by_client", [False, True])
@pytest.mark.parametrize(
    "step",
    [
        sse.status(401, {"error": {"message": f"Wrong key {KEY}", "code": KEY, "param": KEY}}),
        sse.status(500, f"<html><title>No: {KEY}</title></html>"),
        sse.status(400, {"detail": [{"msg": "bad", "input": {"headers": {"x": f"a {KEY}"}}}]}),
        sse.status(200, f"denied to {KEY}"),
        sse.error(f"The key {KEY} is used up", 402, raw=KEY, provider_name=KEY),
    ],
)
def test_a_server_that_quotes_the_key_brings_it_nowhere(
    step: sse.Step, by_client: bool, server: ScriptedServer, tmp_path: Path
) -> None:
    server.script(step)
    client = openai.AsyncOpenAI(base_url=server.base_url, api_key=KEY)
    options: dict[str, Any] = (
        {"client": client} if by_client else {"base_url": server.base_url, "api_key": KEY}
    )
    chat = ChatWidget(model="test/model", **options)
    reply = chat.send("Hi")
    with pytest.raises(ChatError) as raised:
        reply.wait(TIMEOUT)
    error = raised.value
    saved = [chat.save(tmp_path / f"chat.{kind}").read_text() for kind in ("json", "md", "ipynb")]
    shown = json.dumps(chat._transcript.get_state()["snapshot"], default=str)
    for text in (str(error), repr(vars(error)), shown, *saved):
        assert KEY not in text
    assert MASK in f"{error} {vars(error)}"
    chat.close()
