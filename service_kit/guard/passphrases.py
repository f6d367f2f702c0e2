"""Passphrases of several words: "the wifi password is blue horse 77".

What follows "password is" or "password:" to the end of its clause is taken for one if its words say
nothing: none of those with which something is said of passwords, or where one is to be found.
With a digit among them less than half of the words may be such. Time is bounded by `_MOST_WORDS`.
"""

from __future__ import annotations

import re

from service_kit.guard.no_secrets import NO_PASSWORD, PREDICATE_ENDING, is_no_secret

_MOST_WORDS = 12
_MOST_WORDS_WITHOUT_DIGIT = 6
_LEAST_DIGITS = 4
"""Of what begins with a number: less is a number of something."""

_WORD = re.compile(r"[^\s\"“”,;:!?()，。；！？]{1,64}")
_GAP = re.compile(r"[ \t](?=\S)")

# They begin something else after a digit, or before a word of the others: "and the router is up".
_JOINING = frozenset("and but so for since because if when while or und aber et y".split())
_SAYING = NO_PASSWORD | frozenset(
    """
    am are at beside can could do does done due from get gets given got had has have he he's i'm
    i've into is must near next of off onto out per she since should than then they until was we
    were while will would you
    add ask call check contact enter find look open read refer see try type use write
    able broken built given held kept made sent shown stolen taken told
    again anymore btw daily every now monthly please sometimes thanks today tomorrow tonight weekly
    yesterday case related sensitive way weaker stronger older newer longest
    am ab an auf bei beim bitte für im in ist liegt mit siehe steht und vom von wurde zum zur
    avec chez dans est et sur voir con en está para pide por ver y
    """.split()
)
_OF_PASSWORDS = frozenset(
    """
    character characters digit digits letter letters long length maximum minimum number numbers
    symbol symbols word words zeichen ziffern buchstaben
    """.split()
)


def passphrase_end(text: str, start: int) -> int | None:
    """Where the passphrase of two words or more that starts here ends; None if none does."""
    words, end = _clause(text, start)
    return end if len(words) > 1 and _is_passphrase(words) else None


def _clause(text: str, start: int) -> tuple[list[str], int]:
    """The words from here to the end of their clause, in lower case, and where it is."""
    words: list[str] = []
    end = start
    while len(words) < _MOST_WORDS and (found := _WORD.match(text, start)):
        word = found[0].rstrip(".").lower()
        if not word or (word in _JOINING and _goes_on(text, words, found.end())):
            break
        words.append(word)
        end = start + len(word)
        if word != found[0].lower() or not _GAP.match(text, found.end()):
            break
        start = found.end() + 1
    return words, end


def _goes_on(text: str, words: list[str], at: int) -> bool:
    """Whether what follows a word that joins is about something else: not so in "rock and roll"."""
    following = _WORD.match(text, at + 1)
    said = following is not None and following[0].lower() in _SAYING
    return bool(words) and (said or _digits(words) > 0)


def _digits(words: list[str]) -> int:
    return sum(map(str.isdigit, "".join(words)))


def _is_passphrase(words: list[str]) -> bool:
    first, last = words[0], words[-1]
    if first in _SAYING or PREDICATE_ENDING.search(first) or _OF_PASSWORDS & set(words):
        return False
    if any(is_no_secret(word) for word in words if not word.isalpha()):
        return False
    said = sum(word in _SAYING for word in words)
    if first.isdigit() and _digits(words) < _LEAST_DIGITS:
        return False
    if _digits([first]):
        return not said
    if _digits(words):
        return said * 2 < len(words)
    plain = all(map(str.isalpha, words)) and not PREDICATE_ENDING.search(last)
    return plain and not said and len(words) <= _MOST_WORDS_WITHOUT_DIGIT
