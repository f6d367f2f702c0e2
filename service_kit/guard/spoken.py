"""Passwords and access codes as people tell them: "my wifi password is hunter2".

The word after "password is" is far more often no password ("too weak", "the same as"), so what is
taken for one must look it: a digit or a symbol within, or quotes around it, or be a lone word that
ends its clause and is no common predicate, or begin a passphrase. A code ("the code to the safe is
4711") counts where it opens or unlocks something; promo, postal, error and booking codes do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from service_kit.guard.no_secrets import NO_PASSWORD, PREDICATE_ENDING, is_no_secret
from service_kit.guard.passphrases import passphrase_end
from service_kit.guard.spans import Kind, Span

_WORDS_FOR_ONE = (
    r"pass[ -]?(?:words?|phrases?|codes?)|passwd|pwd|seed phrase|recovery (?:phrase|key|code)"
    r"|log[- ]?in credentials|(?:api|access|secret|client|private|encryption|master|licen[cs]e)"
    r"[ _-]?(?:secret[ _-]?)?(?:key|secret|token)|auth[ _-]?token"
    r"|passwort|kennwort|zugangscode|mot de passe|contrase(?:ñ|n)a|wachtwoord|senha|密码|密碼|口令"
)
_CODE_WORDS = (
    r"pin(?:[ -]?(?:code|number|nummer))?|cv[vc]2?(?: code| number)?|otp|puk"
    r"|(?:safe|door|front door|back door|gate|alarm|entry|entrance|security|unlock|lock|locker"
    r"|garage|building|vault|phone|keypad|key ?pad|lockbox|key box|access|verification|2fa|mfa"
    r"|one[- ]time|backup|authenticator|login|log-in|sign-in|t[üu]r)[ -]?(?:pass)?codes?"
    r"|(?:safe|lock|locker|vault|padlock) combination"
)
_OPENED = (
    r"safe|door|front door|back door|gate|alarm|house|flat|apartment|building|garage|locker|lock"
    r"|vault|lockbox|padlock|phone|office|entrance|suitcase|key ?box|shed|gym locker"
)
_CODE_TO = rf"(?:codes?|combination) (?:to|for|of|on) (?:\w{{1,12}} ){{0,3}}?(?:{_OPENED})"
# One of these is in each of the words above: a quick look spares most texts the slow one.
_HINTS = (
    *"pass pwd phrase credential key secret token kennwort mot contrase wachtwoord senha".split(),
    *"密 口令 pin cv otp puk code combination".split(),
)

# "for the guest network" between the word and "is", within a sentence.
_NAME_PART = (
    r"(?!(?:and|but|then|so|before|after|when|because|und|aber|et|mais|y|pero) )"
    r"(?:[\w'’.@-]{0,29}[\w'’@-]|(?:st|mt|mr|mrs|ms|dr|no)\.)"
)
_OF_WHAT = (
    r"(?: (?:for|to|of|on|at|in|f[üu]r|zum|vom|de|del|du|para|voor)"
    rf"(?: {_NAME_PART}){{1,5}}?)?"
)
_BECOMES = (
    r"(?: (?:has been |was |is )?(?:changed|set|reset|updated) to:? "
    r"|\s?[:=：＝]\s?|(?:['’]s| is| was| are| will be| remains| ist| lautet| war| est| es"
    r"| era| é| è)(?: (?:now|still|currently|just|set to|jetzt|maintenant|ahora))?:? "
    r"|\s?(?:是|为|為)\s?)"
)
_QUOTED = r"[\"“”«„`'‘’](?P<quoted>[^\"“”«»`\n]{3,64}?)[\"“”»`'’](?!\w)"
_VALUE = rf"(?:{_QUOTED}|(?P<word>[^\s\"“”,;，。]{{2,128}}))"

_TOLD_PASSWORD = re.compile(rf"\b(?:{_WORDS_FOR_ONE}){_OF_WHAT}{_BECOMES}{_VALUE}", re.IGNORECASE)
_OF_WORDS = re.compile(
    r"pass|pwd|seed|recovery phrase|kennwort|mot de|contrase|wachtwoord|senha", re.IGNORECASE
)
_TOLD_PIN = re.compile(
    rf"\bpin(?:[ -]?(?:code|number|nummer))?{_OF_WHAT}{_BECOMES}(?P<word>[^\s\"“”,;]{{1,24}})",
    re.IGNORECASE,
)
_CHANGED_PASSWORD = re.compile(
    rf"\b(?:chang|set|reset|updat)\w{{0,3}} (?:[\w'’-]{{1,20}} ){{0,4}}?(?:{_WORDS_FOR_ONE})"
    rf"{_OF_WHAT} to:? {_VALUE}",
    re.IGNORECASE,
)
_CHINESE_PASSWORD = re.compile(rf"(?:密码|密碼|口令)\s?(?:[:：]|是|为|為)\s?{_VALUE}")
_TOLD_CODE = re.compile(
    rf"\b(?:(?:{_CODE_WORDS}){_OF_WHAT}|{_CODE_TO})(?:{_BECOMES}|\s)\"?(?P<word>[^\s\",;]{{3,24}})",
    re.IGNORECASE,
)
_BESIDE_PASSWORD = re.compile(
    rf"\b(?:{_WORDS_FOR_ONE}) (?P<word>[^\s\"“”,;]{{5,128}})", re.IGNORECASE
)
_PHRASE = re.compile(
    rf"\b(?:pass[ -]?phrase|seed phrase|recovery phrase|mnemonic)s?{_OF_WHAT}{_BECOMES}"
    r"[\"“]?(?P<word>(?:[a-z]{2,12} ){2,23}[a-z]{2,12})",
    re.IGNORECASE,
)
_VALUE_FIRST = re.compile(
    r"(?<!\S)[\"“]?(?P<word>[^\s\"“”,;:()]{4,64})[\"”]? is (?:my|our|the|his|her|their|your|an?)"
    rf" (?:[\w'’-]{{1,20}} ){{0,4}}?(?:{_WORDS_FOR_ONE}|{_CODE_WORDS}|{_CODE_TO})\b",
    re.IGNORECASE,
)

_MARKS_AT_THE_END = ".,;:!?)]}'’\"”»。，！？"
_ENDS_ITS_CLAUSE = re.compile(r"[\s\"”»]*(?:[.,;:!?)。，！？\n]|\Z|and\b|but\b|und\b|et\b|y\b)")
_CODE = re.compile(r"[#*]?(?=[\w-]*\d)[0-9A-Z]{1,12}(?:-[0-9A-Z]{1,6}){0,4}[#*]?\Z")
_YEAR = re.compile(r"(?:19|20)\d\d\Z")


def spoken_secrets(text: str) -> Iterator[Span]:
    """Passwords, passphrases, PINs and door codes that a text tells."""
    lowered = text.lower()
    if any(hint in lowered for hint in _HINTS):
        yield from _passwords(text)
        yield from _pins(text)
        yield from _codes(text)
        yield from _values_first(text)


def _passwords(text: str) -> Iterator[Span]:
    for form in (_TOLD_PASSWORD, _CHANGED_PASSWORD, _CHINESE_PASSWORD):
        for found in form.finditer(text):
            yield from _password(text, found)
    for found in _PHRASE.finditer(text):
        words = found["word"].lower().split()
        if sum(word in NO_PASSWORD for word in words) * 2 < len(words):
            yield Span(*found.span("word"), Kind.PASSWORD)
    for found in _BESIDE_PASSWORD.finditer(text):
        start, end = _trimmed(text, *found.span("word"))
        if _looks_made_up(text[start:end]) or _digits(text[start:end], at_least=6):
            yield Span(start, end, Kind.PASSWORD)


def _password(text: str, found: re.Match[str]) -> Iterator[Span]:
    if found["quoted"] is not None:
        if not is_no_secret(found["quoted"]):
            yield Span(*found.span("quoted"), Kind.PASSWORD)
        return
    start, end = _trimmed(text, *found.span("word"))
    if _OF_WORDS.match(found[0]) and (last := passphrase_end(text, start)):
        yield Span(start, last, Kind.PASSWORD)
        return
    word = text[start:end]
    if _looks_made_up(word) or _digits(word, at_least=4) or _is_lone_word(text, start, end):
        yield Span(start, end, Kind.PASSWORD)


def _pins(text: str) -> Iterator[Span]:
    """Of several words or groups of digits; a pin of gold, or as long as a thumb, is another."""
    for found in _TOLD_PIN.finditer(text):
        if _digits(found["word"], at_least=4):
            continue  # a code by itself
        start = found.start("word")
        end = passphrase_end(text, start) or start
        if any(map(str.isdigit, text[start:end])):
            all_digits = text[start:end].replace(" ", "").isdigit()
            yield Span(start, end, Kind.ACCESS_CODE if all_digits else Kind.PASSWORD)


def _codes(text: str) -> Iterator[Span]:
    for found in _TOLD_CODE.finditer(text):
        start, end = _trimmed(text, *found.span("word"))
        if _CODE.match(text[start:end].upper()) and sum(map(str.isdigit, text[start:end])) >= 3:
            yield Span(start, end, Kind.ACCESS_CODE)


def _values_first(text: str) -> Iterator[Span]:
    for found in _VALUE_FIRST.finditer(text):
        start, end = found.span("word")
        word = text[start:end]
        if _looks_made_up(word):
            yield Span(start, end, Kind.PASSWORD)
        elif _digits(word, at_least=4):
            yield Span(start, end, Kind.ACCESS_CODE)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the sentence's own marks at the end: hunter2 of "hunter2.", but all of "Pa5s!"."""
    while end > start and text[end - 1] in _MARKS_AT_THE_END:
        if text[end - 1] in "!?" and not text[start : end - 1].strip("!?").isalpha():
            break
        end -= 1
    return start, end


def _looks_made_up(word: str) -> bool:
    """Letters beside digits or symbols, or capitals in the middle: no word of a language."""
    if len(word) < 4 or is_no_secret(word) or "://" in word:
        return False
    core = word.strip("-'’")
    letters = any(character.isalpha() for character in core)
    digits = any(character.isdigit() for character in core)
    symbols = any(character in "!@#$%^&*_+=~|\\<>?/" for character in core)
    capitals = any(a.islower() and b.isupper() for a, b in pairwise(core))
    return letters and (digits or symbols or capitals)


def _digits(word: str, at_least: int) -> bool:
    return word.isdigit() and len(word) >= at_least and not _YEAR.match(word)


def _is_lone_word(text: str, start: int, end: int) -> bool:
    word = text[start:end].lower()
    return (
        len(word) >= 4
        and word.replace("-", "").isalpha()
        and not is_no_secret(word)
        and not PREDICATE_ENDING.search(word)
        and _ENDS_ITS_CLAUSE.match(text, end) is not None
    )
