"""A text as its reader would understand it, whatever its letters are dressed in.

Confusable letters are those of Unicode's security data (UTS 39) that look like a to z after NFKD
and case folding; not its whole table, which also maps m to rn.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

_LOOKALIKES = str.maketrans(
    "авсԁеһіјкӏмоорԛгѕтухѡүνаαβϲετιкκνоορυχωɡɩłøđı’‘＇´`",
    "abcdehijklmoopqrstyxwyvaabcetikknoopuxwgilodi'''''",
)
_DROPPED = {"Mn", "Cf", "Cc"}  # accents, invisible marks, control characters
_BREAKS = "\n\t\r"

_JOINED_BY = r"[ .\-_*·,/|]"
_SPACED_WORD = re.compile(rf"(?<![\w'])\w({_JOINED_BY})\w(?:\1\w)+(?![\w'])")
_LONG_ENOUGH = 4  # U.S.A. is no disguise

_LEET = str.maketrans("013457@$!|", "oieastasii")
_LEET_WORD = re.compile(r"[a-z@$!|0-9]+")
_LETTER = re.compile(r"[a-z]")

_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{20,}={0,2}(?![A-Za-z0-9+/=_-])")
_ZEROS = re.compile(r"&#0+(?=[0-9])")
_NO_CHARACTER = re.compile(r"&#[0-9]{8,};?")  # the last one is &#1114111;
_PERCENT = re.compile(r"\w%20\w")
_GAPS = re.compile(r"[\s_*~`–—-]+")

_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{2,8}\U000e007f")  # England, Scotland, Wales
_HIDDEN = re.compile(
    "[\U000e0000-\U000e007f]"  # tag characters, which spell ASCII invisibly
    "|[\u202d\u202e]"  # the order of letters forced
    "|[\u200b-\u200d\u2060-\u2064\ufeff\u180e]{8}"  # zero-width code
    "|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4}"  # variation selectors that vary nothing
)
_SPLIT_WORD = re.compile("[A-Za-z][\u200b\u2060\ufeff]+(?=[A-Za-z])")
_SPLITS = 2


def hides_something(text: str) -> bool:
    """Whether the text has characters whose use is to be read by machines and seen by nobody."""
    if text.isascii():
        return False
    splits = sum(1 for _ in _SPLIT_WORD.finditer(text))
    return splits >= _SPLITS or _HIDDEN.search(_FLAG.sub("", text)) is not None


def readings(text: str) -> Iterator[str]:
    """The text in plain letters: as it stands, and with its leet or base64 resolved, if any.

    Lower case, without accents and invisible characters, look-alike and fullwidth letters as a to
    z, spaced-out words joined, HTML entities and %20 resolved. Line breaks and
    punctuation are kept.
    """
    plain = _plain(text)
    yield plain
    unleeted = _LEET_WORD.sub(_unleeted, plain)
    if unleeted != plain:
        yield unleeted
    for word in _BASE64.finditer(text):
        hidden = _decoded(word[0])
        if hidden:
            yield _plain(hidden)


def words_of(plain: str) -> str:
    """One line: every gap, dash and underscore a single space."""
    return _GAPS.sub(" ", plain)


def _plain(text: str) -> str:
    if "&" in text:
        text = _unescaped(text)
    if _PERCENT.search(text):
        text = unquote(text)
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in decomposed if c in _BREAKS or _is_seen(c))
    return _SPACED_WORD.sub(_joined, text.casefold().translate(_LOOKALIKES))


def _unescaped(text: str) -> str:
    """HTML's entities resolved. Those by number are cut first: int() reads 4,300 digits at most."""
    return html.unescape(_NO_CHARACTER.sub("\ufffd", _ZEROS.sub("&#", text)))


def _is_seen(character: str) -> bool:
    return character.isascii() or unicodedata.category(character) not in _DROPPED


def _joined(spaced: re.Match[str]) -> str:
    letters = spaced[0][::2]
    return letters if len(letters) >= _LONG_ENOUGH else spaced[0]


def _unleeted(word: re.Match[str]) -> str:
    return word[0].translate(_LEET) if _LETTER.search(word[0]) else word[0]


def _decoded(word: str) -> str:
    """What the base64 says, if it is a text with spaces, else nothing."""
    padded = word.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        said = base64.b64decode(padded + "=" * (-len(padded) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return said if " " in said.strip() and said.isprintable() else ""
