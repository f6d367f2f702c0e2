"""Secrets in a text: what lets its holder act as somebody else.

Own rules: libraries for this (detect-secrets, gitleaks) read files line by line and report that a
line holds a secret, not where, and know nothing of how people tell a password.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from service_kit.guard.cards import card_numbers
from service_kit.guard.spans import Kind, Span, disjoint, holds_placeholder
from service_kit.guard.spoken import spoken_secrets
from service_kit.guard.vendor_tokens import vendor_tokens

_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")

_IN_URL = re.compile(r"(?<=://)[^\s:/@\"']{0,128}:(?P<password>[^\s/@\"']{1,256})@(?=[\w.\[-])")
_SETTING = re.compile(
    r"(?i)(?<![a-z])(?:accountkey|sharedaccesskey|sharedaccesssignature|password|pwd|passwd"
    r"|api[_-]?key|apikey|client[_-]?secret|secret[_-]?access[_-]?key|access[_-]?token"
    r"|auth[_-]?token|sig)[\"']?\s?[=:]\s?[\"']?(?P<value>[^\s\"'`;&,\[\]<>{}]{6,})"
)
_AUTHORIZATION = re.compile(
    r"(?i)\b(?:bearer|basic|authorization: ?\w{3,10}) (?P<value>[\w.~+/=-]{12,})"
)

_KEYWORD = re.compile(
    r"(?i)secret|token|\bkey\b|api[ _-]?key|credential|passw|\bpwd\b|\bauth\b|bearer|private"
    r"|webhook"
)
_KEYWORD_REACH = 60
_RANDOM_WORD = re.compile(r"(?<![\w+/=.-])[\w+/=-]{16,}(?![\w+/=@-])", re.ASCII)
_HEX_OR_UUID = re.compile(r"[0-9a-fA-F-]+\Z")
# Of 5,000 random strings of 16 characters, 99% have more bits a character than 2.68 (hex), 3.15
# (lower case and digits), 3.37 (base64). Words in a row reach that too, hence `_has_random_part`.
_LEAST_BITS_HEX, _LEAST_BITS = 2.6, 3.1


def find_secrets(text: str) -> tuple[Span, ...]:
    """Where a text holds secrets, in order, none overlapping: time linear in its length."""
    return disjoint(_secrets(text))


def _secrets(text: str) -> Iterator[Span]:
    yield from _private_keys(text)
    yield from vendor_tokens(text)
    yield from card_numbers(text)
    yield from spoken_secrets(text)
    yield from _settings(text)
    yield from _near_a_keyword(text)


def _private_keys(text: str) -> Iterator[Span]:
    """From BEGIN to END; one that was cut off reaches to the end of the text."""
    at = 0
    while begin := _KEY_BEGINS.search(text, at):
        end = _KEY_ENDS.search(text, begin.end())
        at = end.end() if end else len(text)
        yield Span(begin.start(), at, Kind.PRIVATE_KEY)


def _settings(text: str) -> Iterator[Span]:
    """Credentials in URLs, connection strings, settings and headers: the value alone."""
    for found in _IN_URL.finditer(text):
        if not holds_placeholder(found["password"]):
            yield Span(*found.span("password"), Kind.PASSWORD)
    for found in _SETTING.finditer(text):
        if any(character.isdigit() for character in found["value"]):
            yield Span(*found.span("value"), Kind.PASSWORD)
    for found in _AUTHORIZATION.finditer(text):
        if _is_random(found["value"]):
            yield Span(*found.span("value"), Kind.TOKEN)


def _near_a_keyword(text: str) -> Iterator[Span]:
    """A random string shortly after a word such as key, token or secret."""
    for word in _RANDOM_WORD.finditer(text):
        before = max(0, word.start() - _KEYWORD_REACH)
        if _KEYWORD.search(text, before, word.start()) and _is_random(word[0]):
            yield Span(word.start(), word.end(), Kind.TOKEN)


def _is_random(word: str) -> bool:
    least = _LEAST_BITS_HEX if _HEX_OR_UUID.match(word) else _LEAST_BITS
    return _has_random_part(word) and _bits_a_character(word) >= least


def _has_random_part(word: str) -> bool:
    """Whether a part between hyphens mixes letters and digits at length; a UUID's last does."""
    return any(
        len(part) >= 12 and not part.isalpha() and not part.isdigit()
        for part in re.split(r"[-_/]", word)
    )


def _bits_a_character(word: str) -> float:
    """Shannon's entropy of the word's own distribution of characters."""
    shares = [count / len(word) for count in Counter(word).values()]
    return -sum(share * math.log2(share) for share in shares)
