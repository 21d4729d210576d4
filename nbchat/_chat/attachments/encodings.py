"""Reads the bytes of a text file, in UTF-8 or in one of the encodings that programs still write.

Another encoding is chosen only if what it reads looks like a text: characters that are frequent in
its languages, accents within words, no control characters. All else counts as binary.
"""

# ruff: noqa: RUF001 - letters of all languages

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

# Escape is allowed: logs use it for colours; and ^Z (1A): DOS programs end a text with it.
_BINARY = re.compile(r"[\x00-\x08\x0e-\x19\x1c-\x1f\x7f]")
_BINARY_OR_ODD = re.compile(rf"{_BINARY.pattern}|[\x80-\x9f\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff]")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_DOS_END = "\x1a"
_SHORTEST = 6  # bytes: fewer tell nothing
_SAMPLE = 50_000  # bytes, from the first line that is not ASCII
_ENOUGH_OF_LITTLE = 0.79
_ENOUGH = 0.75  # of the characters beyond ASCII look like those of a text

#: The codecs of encodings that Python knows by a narrower definition than browsers and Windows.
_CODECS = {"shift_jis": "cp932", "euc-kr": "cp949"}


def decode(data: bytes, *, is_cut: bool = False) -> tuple[str, str] | None:
    """Returns a text and the name of its encoding; None if the bytes are no text.

    Args:
        data: The bytes of the file.
        is_cut: Whether they are only the first ones, which may end within a character.
    """
    for bom, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16le"),
        (codecs.BOM_UTF16_BE, "utf-16be"),
    ):
        if data.startswith(bom):
            text = read(data, encoding, is_cut=is_cut)
            return None if text is None or _BINARY.search(text) else (text, encoding)
    text = read(data, "utf-8", is_cut=is_cut)
    if text is not None and not _BINARY.search(text):
        return text, "utf-8"
    found = _utf_16(data) if b"\0" in data else _older(data) if text is None else None
    text = read(data, found, is_cut=is_cut) if found else None
    return None if not found or text is None or _BINARY_OR_ODD.search(text) else (text, found)


def read(data: bytes, encoding: str, *, is_cut: bool = False) -> str | None:
    """Returns the text of bytes in an encoding that `decode` found; None if it does not fit."""
    decoder = codecs.getincrementaldecoder(_CODECS.get(encoding, encoding))()
    try:
        text = decoder.decode(data, final=not is_cut)
    except UnicodeDecodeError:
        return None
    return text.removeprefix("\ufeff").removesuffix(_DOS_END)


def _utf_16(data: bytes) -> str | None:
    """Returns which UTF-16 a text without a mark at its beginning is in.

    Blanks, digits and line ends have a zero as their second byte, or as their first.
    """
    sample = data[: _SAMPLE * 2]
    zeros = (sample[::2].count(0), sample[1::2].count(0))
    if len(data) % 2 or min(zeros) or max(zeros) < len(sample) // 40 + 1:
        return None
    return "utf-16le" if zeros[1] else "utf-16be"


def _older(data: bytes) -> str | None:
    """Returns the encoding in which the bytes look most like a text."""
    first = _NOT_ASCII.search(data)
    start = data.rfind(b"\n", 0, first.start()) + 1 if first else 0
    sample = data[max(start, first.start() - 200 if first else 0) :][:_SAMPLE]
    plain = sample.decode("ascii", "ignore")
    if len(data) < _SHORTEST or not plain or 3 * len(_RARE_IN_TEXTS.findall(plain)) > len(plain):
        return None
    best, most = None, _ENOUGH if len(data) > 40 else _ENOUGH_OF_LITTLE
    for encoding, likeness in _LIKENESS.items():
        text = read(sample, encoding, is_cut=True)
        if text is None or _BINARY_OR_ODD.search(text):
            continue
        if (found := likeness(text)) > most:
            best, most = encoding, found
    return best


# How much what is beyond ASCII looks like a text: 0 to 1

_WORD = re.compile(r"[^\W\d_]+")
_MARKS = frozenset("“”„‘’‚«»‹›–—…•·€£¥§©®™°²³µ±×÷ºª¿¡\xa0\xad½¼¾")
_MARK_IN_WORD = re.compile(r"(?<=[^\W\d_])[²³µ¹¿¡½¼¾¥£§±×÷ºª°¶¤¦¨¯´¸](?=[^\W\d_])")
# Latin letters right beside others, or a capital after a small letter.
_MIXED = re.compile(r"[A-Za-z][^\W\d_A-Za-zªºµ]|[^\W\d_A-Za-zªºµ][A-Za-z]|[а-яёα-ω][А-ЯЁΑ-Ω]")
_WORDS = ("à", "é", "è", "É", "À", "ó", "í", "á")
_RARE_IN_TEXTS = re.compile(r"[\x0b\x0c\x1b!#$%&*+<=>?@\[\\\]^`{|}~]")


def _latin(usual: str, unusual: str) -> Callable[[str], float]:
    """Letters with accents stand in words that have other letters too."""

    def likeness(text: str) -> float:
        total = sum(not char.isascii() for char in text)
        # A mark of money or of a quotation has no letters on both sides.
        good = sum(char in _MARKS for char in text) - 2.0 * len(_MARK_IN_WORD.findall(text))
        for word in _WORD.findall(text):
            accents = [char for char in word if not char.isascii()]
            if 0 < len(accents) < len(word) or word in _WORDS:
                good += sum(1 if c in usual else 0.7 if c in unusual else 0.4 for c in accents)
                good -= 0.7 * word.endswith("æ")  # "ć" in Central Europe
        return good / total if total else 0.0

    return likeness


def _alphabet(frequent: str, others: str) -> Callable[[str], float]:
    """The frequent letters of a language, in lower case, make up most of its texts."""

    def likeness(text: str) -> float:
        letters = [char for char in text if not char.isascii() and char not in _MARKS]
        if len(letters) < 4 or sum(char.islower() for char in letters) < 0.6 * len(letters):
            return 0.0
        if _MIXED.search(text):
            return 0.0
        known = sum(char in frequent or char in others for char in map(str.lower, letters))
        share = sum(char in frequent for char in map(str.lower, letters))
        return min(1.0, share / len(letters) + 0.35) * known / len(letters)

    return likeness


def _double(codec: str, weights: Callable[[int, int], float]) -> Callable[[str], float]:
    """The characters of a language fill a part of the codes only; `weights` knows which."""

    def likeness(text: str) -> float:
        beyond = [char for char in text if not char.isascii()]
        scores = []
        for char in beyond:
            code = char.encode(codec, "replace")
            scores.append(weights(code[0], code[1]) if len(code) == 2 else 0.1)
        return sum(scores) / len(scores) if len(scores) >= 2 else 0.0

    return likeness


def _shift_jis(first: int, _: int) -> float:
    if first in (0x82, 0x83):  # full-width letters and kana
        return 1.0
    return 0.9 if 0x87 <= first <= 0x97 or first in (0x81, 0xFA, 0xFB) else 0.4


def _gbk(first: int, second: int) -> float:
    if second < 0xA1:
        return 0.05  # beyond GB 2312: rare
    return 0.88 if 0xB0 <= first <= 0xD7 or 0xA1 <= first <= 0xA3 else 0.3


def _euc_kr(first: int, second: int) -> float:
    if second < 0xA1:
        return 0.2  # syllables that KS X 1001 lacks
    return 0.8 if 0xB0 <= first <= 0xC8 or first in (0xA1, 0xA3) else 0.1


def _korean(text: str) -> float:
    """Chinese texts may have the same codes, but rarely those of the frequent syllables."""
    letters = [char for char in text if "가" <= char <= "힣"]
    frequent = sum(char in _SYLLABLES for char in letters)
    return _double("cp949", _euc_kr)(text) + (0.13 if 4 * frequent >= len(letters) else 0.0)


def _big5(first: int, _: int) -> float:
    return 0.86 if 0xA4 <= first <= 0xC6 else 0.6 if 0xA1 <= first <= 0xA3 else 0.2


def _euc_jp(first: int, _: int) -> float:
    if first in (0xA4, 0xA5):  # kana
        return 1.0
    return 0.85 if 0xB0 <= first <= 0xCF or first == 0xA1 else 0.3


_WESTERN = ("àáâãäåæçèéêëíîïñòóôöøúùûüœšžßÀÁÂÃÄÅÆÇÉÍÑÓÔÖØÚÜŒŠŽ", "ìõýÿðþÈÊËÌÎÏÐÒÕÙÛÝÞŸ")
_CENTRAL = ("áäąčćďéęěíľłńňóöőřśšťúůűüýźžżđÁÄĄČĆĎÉĘĚÍĽŁŃŇÓÖŐŘŚŠŤÚŮŰÜÝŹŽŻĐ", "âăçëîĺôŕşţßÂĂÎÔŔŞŢ")
_TURKISH = ("çğıöşüÇĞİÖŞÜ", "âîûÂÎÛ")
_RUSSIAN = ("оеаинтсрвлкмдпу", "яыьгзбчйхжшюцщэфъёіїєґ№")
_GREEK = ("αοιετνσρηυπκμλςάίόέή", "γδθωώύβφχξζψϊϋΐΰ΄")
_SYLLABLES = frozenset(
    "이다는을가에고의하지로한기도자사서나어리시대를인있은아그들수일해구과라보전여정장제부비조주유무스상동성원공"
    "안소문명미신우연용국세실진경오게면거내만학년중교관계영선물생양심요적름울김박최강"
)

# By the names that browsers know too. The first of equals is taken.
_LIKENESS: dict[str, Callable[[str], float]] = {
    "cp1252": _latin(*_WESTERN),
    "cp1250": _latin(*_CENTRAL),
    "cp1254": _latin(*_TURKISH),
    "shift_jis": _double("cp932", _shift_jis),
    "gbk": _double("gbk", _gbk),
    "euc-kr": _korean,
    "big5": _double("big5", _big5),
    "euc-jp": _double("euc-jp", _euc_jp),
    "cp1251": _alphabet(*_RUSSIAN),
    "koi8-r": _alphabet(*_RUSSIAN),
    "cp1253": _alphabet(*_GREEK),
}
