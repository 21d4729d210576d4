"""Keys and passwords: a value that never shows its key, and masking of keys in texts."""

from __future__ import annotations

import os
import re
from typing import NoReturn

MASK = "[key]"
# How many characters of an untrusted text are searched.
SEARCHED = 20_000
_MIN_LENGTH = 8  # characters: a shorter value is no key, and may occur in any text

# In JSON or a repr, the letter of an escape (the n of "\\n") may come right before a key.
_KEY = re.compile(
    r"(?:\b|(?<=\\[bfnrt])|(?<=\\x[\da-f]{2})|(?<=\\u[\da-f]{4}))"
    r"(?:(?:sk|pk)-[\w*.-]{8,}|(?:gsk|hf|xai|pplx|csk)[-_]\w{20,}|(?:AIza|nvapi-)[\w-]{20,})"
    r"|(?<=bearer\s)(?=\S*\d)[\w.~+/=-]{8,}",
    re.IGNORECASE,
)
_WORDS = (
    r"(?:api[_-]?key|access[_-]?key|secret|passw(?:or)?d|passphrase|credential|private[_-]?key)"
)
_NAME = rf"(?<![\w-])[\w-]{{0,60}}?(?:{_WORDS}[\w-]{{0,60}}|(?<![a-z\d])token|(?-i:[a-z\d]Token))"
_SECRET_NAME = re.compile(rf"{_NAME}\Z", re.IGNORECASE)
# In code, a repr or JSON: name = "value", 'name': 'value'; the text may end inside the value.
_QUOTED = re.compile(
    rf"""({_NAME}['"]?\]?\s{{0,9}}[:=]\s{{0,9}}[bruf]?)"""
    r"""(?:"(?:[^"\\\n]|\\.)+(?:"|\Z)|'(?:[^'\\\n]|\\.)+(?:'|\Z))""",
    re.IGNORECASE,
)
# In a settings file or a table: NAME=value, NAME  value.
_SETTING = re.compile(
    r"^((?:export )?[ \t]*[A-Z\d_]*(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)"
    r"(?:[ \t]*[=:][ \t]*|[ \t]{2,}))(?!['\"])\S+",
    re.MULTILINE,
)


class Secret:
    """An API key that appears in no repr, log line, traceback or pickle."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        # Never raises: IPython's verbose tracebacks print the arguments of each call.
        self._value = value.strip() if isinstance(value, str) else ""

    def check(self) -> None:
        """Checks that the value can be a key.

        Raises:
            ValueError: The value is blank, or has characters that a request header can't hold.
        """
        if not self._value:
            raise ValueError("an API key can't be blank")
        if not (self._value.isascii() and self._value.isprintable()):
            raise ValueError(
                "an API key has only printable ASCII characters: was it pasted completely?"
            )

    def reveal(self) -> str:
        """Returns the key itself, for the one request header that carries it."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret('…')"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key can't be pickled")


def is_secret_name(name: str) -> bool:
    """Returns whether a value of this name is likely to be a key or a password."""
    return _SECRET_NAME.match(name) is not None


def mask_known_keys(text: str) -> str:
    """Masks what looks like a provider's API key."""
    return _KEY.sub(MASK, text)


def mask_secrets(text: str) -> str:
    """Masks what looks like a key, has a name like one, or is a key in the environment."""
    for name, value in os.environ.items():
        if len(value) >= _MIN_LENGTH and is_secret_name(name):
            text = text.replace(value, MASK)
    text = _QUOTED.sub(rf"\1'{MASK}'", mask_known_keys(text))
    return _SETTING.sub(rf"\1{MASK}", text)


def clean(text: str, limit: int) -> str:
    """Masks keys in an untrusted text, shortens it, and makes sure that UTF-8 can encode it."""
    text = mask_known_keys(text[:SEARCHED]).encode("utf-8", "replace").decode("utf-8").strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"
