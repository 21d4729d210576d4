"""Keys and passwords: a value that never shows its key, and masking of keys in texts."""

from __future__ import annotations

import os
import re
import weakref
from typing import NoReturn

MASK = "[key]"
# How many characters of an untrusted text are searched.
SEARCHED = 20_000
_MOST_CHARS = 10_000  # of a key
_MIN_LENGTH = 8  # characters: a shorter value is no key, and may occur in any text
# Blanks and invisible characters, and quotes of all keyboards.
_AROUND_KEY = " \t\r\n\f\v\xa0\u200b\u2060\ufeff'\"`\u2018\u2019\u201c\u201d\u201e\xab\xbb"
# By id, because equal keys of two chats must not share an entry that ends with one of them.
_in_use: weakref.WeakValueDictionary[int, Secret] = weakref.WeakValueDictionary()

# In JSON or a repr, the letter of an escape (the n of "\\n") may come right before a key.
_START = r"(?:(?<!\w)|(?<=\\[bfnrt])|(?<=\\x[\da-f]{2})|(?<=\\u[\da-f]{4}))"
_KEY = re.compile(
    rf"{_START}(?:"
    r"(?:sk|pk|rk)[-_](?:live_|test_)?[\w*.-]{8,}|(?:gsk|hf|xai|pplx|csk|npm)[-_]\w{20,}"
    r"|(?:AIza|nvapi-|glpat-|pypi-|GOCSPX-|ya29\.)[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|gh[oprsu]_\w{20,}|github_pat_\w{20,}|xox[a-z]-[\w-]{10,}|xapp-[\w-]{10,}"
    r"|(?-i:(?:AKIA|ASIA)[A-Z\d]{16}|(?<!-)eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*){0,3}))"
    r"|(?<=bearer\s)(?=\S*\d)[\w.~+/=-]{8,}"
    r"|(?<=hooks\.slack\.com/services/)[\w/]{8,}"
    r"|(?:(?<=[?&]sig=)|(?<=signature=))[\w%+/=-]{16,}",
    re.IGNORECASE,
)
# A private key, or what is left of one.
_PEM = re.compile(
    r"-----BEGIN[A-Z\d ]{0,40} PRIVATE KEY[A-Z ]{0,9}-----[^-]*(?:-(?!----)[^-]*)*"
    r"(?:-----END[A-Z\d ]{0,50}-----)?"
)
# The password in scheme://user:password@host, which a table may have cut off. Not a port.
_ADDRESS = re.compile(
    r"((?<=://)[^\s:/@?#\[\]'\"]{0,200}:)(?!\d{1,5}(?![^\s/?#'\",;)\]}>]))"
    r"[^\s'\"<>]{1,300}?(?:@(?:[^\s'\"/@]{0,200}@)?|(?=\.\.\.|…|\Z))"
)
_AUTHORIZATION = re.compile(
    r"(authorization\\{0,4}['\"]?\s{0,9}[:=,]\s{0,9}[bru]?\\{0,4}['\"]?"
    r"(?:basic|bearer|token|digest)\s{1,9})[^\s'\"\\,)}\]]+",
    re.IGNORECASE,
)
_KINDS_OF_KEYS = (
    r"(?:api|access|account|private|signing|encryption|master|auth|subscription)[_ -]?"
    r"key(?!words?|board|pad|stone)"
)
_PASSWORDS = (
    r"passw(?:or)?[dt]|passphrase|kennwort|contrase[ñn]a|mot[_ -]de[_ -]passe|\bsenha\b"
    r"|wachtwoord|lösenord|hasło|пароль|密码|密碼|パスワード|비밀번호"
)
# PWD and OLDPWD are the shell's folders.
_WORDS = (
    rf"(?:{_KINDS_OF_KEYS}|secret(?!ar|ion|ive|ly)|{_PASSWORDS}|credential"
    r"|(?-i:[A-Z\d]_PASS(?![A-Za-z])))"
)
_LAST_WORDS = (
    r"(?:(?<![a-z\d])token|(?-i:[a-z\d]Token)|(?-i:(?<![A-Za-z\d])pwd|[a-z\d]P(?:wd|WD)|_PWD)"
    r"|(?<![a-z])authorization)"
)
_NAME = rf"(?<![\w-])[\w-]{{0,60}}?(?:{_WORDS}[\w-]{{0,60}}|{_LAST_WORDS})"
# A name as code has it, or as the last part of a heading.
_SECRET_NAME = re.compile(rf"(?:{_WORDS}|{_LAST_WORDS}\Z)", re.IGNORECASE)
# A heading of several words names a secret in its last ones: "The Secret Garden", "token count" and
# "Which password manager?" name none.
_SECRET_HEADING = re.compile(
    rf"(?:{_KINDS_OF_KEYS}|\b(?:{_PASSWORDS}|passcode|credentials?|token(?!s))"
    r"|\b(?:client|app|api|consumer|shared|webhook|jwt|oauth|signing|access|service|aws) secret)"
    r"s?(?: (?:hash|value|\d+))?\Z",
    re.IGNORECASE,
)
# All names of secrets have one of these: most names are ruled out at once.
_MAY_BE_SECRET = re.compile(
    rf"key|secret|pass|pwd|token|credential|authorization|{_PASSWORDS}", re.IGNORECASE
)
_IN_BRACKETS = re.compile(r"\s*[(\[{].*")
_NAME_CHARS = 200
# In code, a repr or JSON: name = "value", 'name': 'value'; the text may end inside the value.
_QUOTED = re.compile(
    rf"""({_NAME}\\{{0,4}}['"]?\]?\s{{0,9}}[:=]\s{{0,9}}[bruf]?)"""
    r"""\\{0,4}(?:"(?:[^"\\\n]|\\.)+(?:"|\Z)|'(?:[^'\\\n]|\\.)+(?:'|\Z))""",
    re.IGNORECASE,
)
# In a string: "NAME=value". What follows the quote up to the next one is the value.
_QUOTED_SETTING = re.compile(
    rf"""((["'])(?:export )?{_NAME}=)(?!["'])(?:(?!\2)[^\\\n]|\\.)+""", re.IGNORECASE
)
# Between other settings, in a connection string or an address: user=me password=value;
# but not f(password=variable).
_UNQUOTED = re.compile(
    rf"((?<![,(]\s)(?:(?<![^\s;&?'\"])|(?<=--)){_NAME}=)(?!\[key\]|['\"])"
    r"(?:[^\s'\"&;,()\[\]{}\\]{300,}|[^\s'\"&;,()\[\]{}\\]{1,299}(?=[\s'\"&;\\]|\Z))"
    rf"|((?<=;)\s{{0,9}}(?:PWD|{_NAME})\s{{0,9}}=\s{{0,9}})(?!\[key\]|['\"])[^;'\"\s]+",
    re.IGNORECASE,
)
# What a table says of a column: that is no secret.
_DTYPE = (
    r"(?i:(?:u?int|float|complex)(?:8|16|32|64|128)|(?:datetime|timedelta)64\[[a-z]{1,3}\]"
    r"|object|string|category|boolean|bool|str)(?=[ \t,]*$)"
)
# In YAML or a header: name: value. A value without a digit may be a type in code.
_HEADER = re.compile(
    rf"^([ \t]*(?:- )?{_NAME}:[ \t]{{1,9}})(?=\S*\d)(?!['\"\[{{(]|{_DTYPE})[^\s,)]+(?=[ \t]*$)",
    re.IGNORECASE | re.MULTILINE,
)
# In a settings file or a table: NAME=value, NAME  value.
_SETTING = re.compile(
    r"^((?:export )?[ \t]*[A-Z\d_]*(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|_PWD|_PASS|CREDENTIALS?)"
    rf"(?:[ \t]*[=:][ \t]*|[ \t]{{2,}}))(?!['\"]|{_DTYPE})\S+",
    re.MULTILINE,
)


class Secret:
    """An API key that appears in no repr, log line, traceback or pickle.

    As long as it is in use, it is masked wherever it turns up in a text from outside.
    """

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: str) -> None:
        # Never raises: IPython's verbose tracebacks print the arguments of each call.
        self._value = _meant(value) if isinstance(value, str) else ""
        _in_use[id(self)] = self

    def check(self) -> None:
        """Checks that the value can be a key.

        Raises:
            ValueError: The value is blank or too long, or has characters that a request header
                can't hold.
        """
        if not self._value:
            raise ValueError("an API key can't be blank")
        if len(self._value) > _MOST_CHARS:
            raise ValueError(f"an API key has at most {_MOST_CHARS:,} characters")
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


def _meant(value: str) -> str:
    """Returns a key without what was copied with it: quotes, blanks, "Bearer "."""
    value = value.strip(_AROUND_KEY)
    value = re.sub(r"\A(?:authorization:\s*)?bearer\s+", "", value, flags=re.IGNORECASE)
    return value.strip(_AROUND_KEY)


def is_secret_name(name: str) -> bool:
    """Returns whether a value of this name, or below this heading, is likely to be a secret."""
    if not _MAY_BE_SECRET.search(name[:_NAME_CHARS]):
        return False
    name = _IN_BRACKETS.sub("", name[:_NAME_CHARS]).strip(" :?*") or name[:_NAME_CHARS]
    # "db.password", "login/password"
    last = re.split(r"[./:|>\\]+", name)[-1].strip()
    if " " in last or "\n" in last or "\xa0" in last:
        return _SECRET_HEADING.search(" ".join(last.split())) is not None
    return any(_SECRET_NAME.search(part) for part in {name.strip("_"), last} if " " not in part)


def mask_keys_in_use(text: str) -> str:
    """Masks the keys of this kernel's chats, whatever form they have."""
    for ref in _in_use.valuerefs():
        key = ref()
        if key is not None and len(key.reveal()) >= _MIN_LENGTH:
            text = text.replace(key.reveal(), MASK)
    return text


def mask_keys(text: str) -> str:
    """Masks the keys in use, and what looks like a key of a provider."""
    text = _PEM.sub(MASK, mask_keys_in_use(text))
    text = _ADDRESS.sub(rf"\1{MASK}@", text)
    text = _AUTHORIZATION.sub(rf"\1{MASK}", text)
    return _KEY.sub(MASK, text)


def mask_secrets(text: str) -> str:
    """Masks what looks like a key, has a name like one, or is a key in the environment."""
    for name, value in os.environ.items():
        if len(value) >= _MIN_LENGTH and is_secret_name(name):
            text = text.replace(value, MASK)
    text = _QUOTED.sub(rf"\1'{MASK}'", mask_keys(text))
    text = _QUOTED_SETTING.sub(rf"\1{MASK}", text)
    text = _UNQUOTED.sub(lambda found: f"{found[1] or found[2]}{MASK}", text)
    text = _HEADER.sub(rf"\1{MASK}", text)
    return _SETTING.sub(rf"\1{MASK}", text)


def clean(text: str, limit: int) -> str:
    """Masks keys in an untrusted text, shortens it, and makes sure that UTF-8 can encode it."""
    text = mask_keys(text[:SEARCHED]).encode("utf-8", "replace").decode("utf-8").strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"
