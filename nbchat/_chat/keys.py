"""Takes keys and passwords out of a text that is about to be shown or sent."""

from __future__ import annotations

import os
import re

MASK = "[key]"
_LEAST = 8  # characters: what is shorter is no key, and may stand anywhere

# Within JSON or a repr, the letter of an escape ("\\n") may stand before a key.
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
# In code, a repr or JSON: name = "value", 'name': 'value'; the text may end within the value.
_QUOTED = re.compile(
    rf"""({_NAME}['"]?\]?\s{{0,9}}[:=]\s{{0,9}}[bruf]?)"""
    r"""(?:"(?:[^"\\\n]|\\.)+(?:"|\Z)|'(?:[^'\\\n]|\\.)+(?:'|\Z))""",
    re.IGNORECASE,
)
# In a file or a table of settings: NAME=value, NAME  value.
_SETTING = re.compile(
    r"^((?:export )?[ \t]*[A-Z\d_]*(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)"
    r"(?:[ \t]*[=:][ \t]*|[ \t]{2,}))(?!['\"])\S+",
    re.MULTILINE,
)


def is_secret_name(name: str) -> bool:
    """Whether what has this name is likely to be a key or a password."""
    return _SECRET_NAME.match(name) is not None


def mask_known_keys(text: str) -> str:
    """Takes out what looks like a key of a provider's."""
    return _KEY.sub(MASK, text)


def mask_secrets(text: str) -> str:
    """Takes out what looks like a key, is named like one, or is one in the environment."""
    for name, value in os.environ.items():
        if len(value) >= _LEAST and is_secret_name(name):
            text = text.replace(value, MASK)
    text = _QUOTED.sub(rf"\1'{MASK}'", mask_known_keys(text))
    return _SETTING.sub(rf"\1{MASK}", text)
