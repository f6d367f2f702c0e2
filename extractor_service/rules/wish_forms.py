"""How somebody puts it how they want to be answered and reached, and what they want to be spared.

What is asked for is one of the words listed here, or the name of what is not to be suggested any
more: an order to do anything else is no wish, and gets into no memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from extractor_service.rules.words import word_set

LANGUAGES = word_set(
    "english german french spanish italian portuguese dutch polish czech slovak hungarian romanian "
    "bulgarian greek turkish russian ukrainian serbian croatian bosnian slovenian macedonian "
    "albanian lithuanian latvian estonian finnish swedish norwegian danish icelandic irish welsh "
    "gaelic catalan basque galician arabic hebrew persian farsi urdu hindi bengali punjabi tamil "
    "telugu gujarati marathi kannada malayalam nepali sinhala chinese mandarin cantonese japanese "
    "korean vietnamese thai indonesian malay tagalog swahili afrikaans amharic esperanto"
)
SHORT = word_set("short shorter brief concise")
LONG = word_set("long longer detailed")
_WAYS = {
    "email": "email", "e-mail": "email", "call": "phone", "phon": "phone", "ring": "phone",
    "text": "text message", "sms": "text message", "whatsapp": "WhatsApp", "post": "post",
    "letter": "letter",
}  # fmt: skip
# What may follow "never suggest" in the place of a thing, but is none, or is for somebody else.
_NO_THING = word_set(
    "it this that them these those me you him her us one any anything everything nothing something "
    "the a an to for with about and not if when unless until user users anyone everyone "
    "everybody anybody people customer customers other others your my our i"
)


class Scope(Enum):
    """When a form is about more than what is at hand: as it is, where nothing else is asked for in
    the same message, or only with a word that says so, such as "always".
    """

    GENERAL = auto()
    ALONE = auto()
    MARKED = auto()


@dataclass(frozen=True, slots=True)
class Form:
    """A way to put a wish, and what it says of whoever has it, "" where it is none."""

    scope: Scope
    pattern: re.Pattern[str]
    told: Callable[[re.Match[str]], str]


def _any_of(words: frozenset[str]) -> str:
    return "|".join(sorted(words, key=lambda word: (-len(word), word)))


_POLITE = r"(?:please|pls|plz|kindly)"
_FOR_GOOD = (
    r"(?:always|from now on|in general|in (?:the )?future|going forward|at all times|by default)"
)
_OPENING = (
    r"(?:(?:ok|okay|and|but|also|btw|by the way|so|oh|hi|hey|hello|well|thanks|thank you|thx|great"
    rf"|cool|perfect|actually|sorry|then|just|no,|yes|{_POLITE}|{_FOR_GOOD})[\s,]+){{0,6}}"
)
_CLOSING = (
    rf"(?:,? (?:{_POLITE}|thanks|thx|ok|only|too|as well|(?:ever )?again|any ?more"
    rf"|{_FOR_GOOD})){{0,4}}"
)
_ENDS = (
    r"(?=[^\w\"'\u201c\u201d]*$|\s*[,;)]| [-\u2013\u2014] "
    r"|\s+(?:and|but|so|because|cause|cos|as|since) (?:i|i'\w+|my|it|please|always|never)\b)"
)
_FOR_ONCE = (
    r"(?![\s,;\u2013\u2014-]*(?:and |but |so )?(?:if|when|whenever|while|until|till|unless|except"
    r"|before|after|today|tonight|tomorrow|this|for (?:now|this|that))\b)"
)
_WANT = r"i(?: want| would like|'d like|d like| would prefer|'d prefer| would love|'d love)"
_WANT_YOU = rf"{_WANT} you to (?:{_POLITE} |always |only ){{0,3}}"
_ASK = (
    rf"(?:{_WANT_YOU}|(?:can|could|would|will) you |make sure (?:to |that you )|be sure to "
    r"|(?:remember |note )?(?:that )?you (?:should|must|need to|have to) )?"
    rf"(?:{_POLITE} |just |only |always ){{0,3}}"
)
_NOT = r"(?:do not|don't|dont|never)(?: ever)?"
_TO_ME = r"(?: to me| with me| me)?"
_LANGUAGE = rf"(?P<language>(?:british |american )?(?:{_any_of(LANGUAGES)}))"
_SAY = (
    rf"(?:(?:answer|reply|respond|write|speak|talk){_TO_ME} (?:only )?in {_LANGUAGE}{_TO_ME}"
    rf"|speak {_LANGUAGE.replace('language', 'spoken')}{_TO_ME})"
)
_LENGTH = rf"(?:very |more )?(?P<length>{_any_of(SHORT | LONG)})"
_ANSWERS = r"(?P<answers>answers|replies|responses|explanations)"
_VERB, _VERBING = (r"(?:e-?mail|text|call|phone|ring|whatsapp)", r"(?:e-?mail|text|call|phon|ring)")
_NOUN = r"(?:e-?mail|text(?: message)?|sms|phone|whatsapp|post|letter)"
_THING = r"(?P<thing>[\w+#'-]+(?: [\w+#'-]+){0,2}?)"
_STYLE = r"(?P<thing>(?:\w+ )?(?:examples|suggestions|recommendations|emojis|jokes|puns))"
_SENT = r"(?P<thing>newsletters?|ads|adverts|advertising|promotions|offers|spam)"
_YOURS = r"(?:(?:any|more|your|the|these) ){0,3}"


def _form(scope: Scope, told: Callable[[re.Match[str]], str], words: str) -> Form:
    whole = rf"\s*{_OPENING}(?:{words}){_CLOSING}{_ENDS}{_FOR_ONCE}"
    return Form(scope, re.compile(whole, re.IGNORECASE), told)


def _in_language(found: re.Match[str]) -> str:
    said = found.groupdict()
    return f"wants answers in {(said.get('spoken') or said['language']).title()}"


def _of_length(found: re.Match[str]) -> str:
    said = found.groupdict().get("answers") or "answers"
    what = "explanations" if said.lower() == "explanations" else "answers"
    return f"wants {found['length'].lower()} {what}"


def _by_way(found: re.Match[str]) -> str:
    """ "By email, not by phone": whichever of the two the form has."""
    said = found.groupdict()
    way, other = (_way(said.get(name)) for name in ("way", "other"))
    if not way:
        return f"does not want to be contacted by {other}"
    if way == other:
        return ""
    return f"wants to be contacted by {way}" + (f", not by {other}" if other else "")


def _way(said: str | None) -> str:
    lower = (said or "").lower()
    return next((way for start, way in _WAYS.items() if lower.startswith(start)), "")


def _unsuggested(found: re.Match[str]) -> str:
    thing = found["thing"]
    named = _NO_THING.isdisjoint(thing.lower().split())
    return f"does not want suggestions of {thing}" if named else ""


def _spared(found: re.Match[str]) -> str:
    thing = found["thing"].lower() if found["thing"].islower() else found["thing"]
    return f"does not want {'the newsletter' if thing == 'newsletter' else thing}"


_BY_EMAIL = (
    rf"(?:by|via|through|per|over) (?P<way>{_NOUN})"
    rf"(?:,? (?:and )?not (?:by )?(?P<other>{_NOUN}))?"
)
_NOT_CALL = rf"{_NOT} (?P<other>{_VERB})"

FORMS = (
    _form(Scope.GENERAL, _in_language, rf"{_WANT_YOU}{_SAY}"),
    _form(Scope.GENERAL, _in_language, rf"(?:{_WANT} |keep )?(?:your )?{_ANSWERS} in {_LANGUAGE}"),
    _form(Scope.MARKED, _in_language, rf"{_ASK}{_SAY}"),
    _form(
        Scope.GENERAL,
        _of_length,
        rf"{_ASK}keep (?:all )?(?:your |the )?{_ANSWERS} {_LENGTH}(?: and to the point)?",
    ),
    _form(Scope.GENERAL, _of_length, rf"{_WANT} (?:to (?:get|have) )?{_LENGTH} {_ANSWERS}"),
    _form(Scope.MARKED, _of_length, rf"{_ASK}(?:be|answer|reply) (?P<length>brief|concise)(?:ly)?"),
    _form(
        Scope.GENERAL,
        _by_way,
        rf"{_ASK}(?P<way>{_VERB}) me,? (?:and |but )?{_NOT_CALL}(?: me)?",
    ),
    _form(
        Scope.GENERAL,
        _by_way,
        rf"{_ASK}(?P<way>{_VERB}) me (?:instead of|rather than) (?P<other>{_VERBING})ing(?: me)?",
    ),
    _form(
        Scope.GENERAL,
        _by_way,
        rf"{_NOT_CALL} me[,;]? (?:but )?(?:just |rather |{_POLITE} ){{0,3}}(?P<way>{_VERB}) me"
        r"(?: instead)?",
    ),
    _form(
        Scope.GENERAL,
        _by_way,
        rf"{_NOT_CALL} me[,;]? i(?: prefer|'d prefer|'d rather have) (?:an )?(?P<way>{_NOUN})s?",
    ),
    _form(Scope.GENERAL, _by_way, rf"{_ASK}(?:contact|reach|notify) me (?:only )?{_BY_EMAIL}"),
    _form(
        Scope.GENERAL,
        _by_way,
        rf"{_WANT} to be (?:contacted|reached|notified) (?:only )?{_BY_EMAIL}",
    ),
    _form(Scope.MARKED, _by_way, rf"{_ASK}(?P<way>{_VERB}) me"),
    _form(Scope.MARKED, _by_way, rf"{_NOT_CALL} me"),
    _form(
        Scope.MARKED,
        _unsuggested,
        rf"{_NOT} (?:suggest|recommend)(?: me)? {_THING}(?: to me)?",
    ),
    _form(Scope.MARKED, _spared, rf"{_NOT} (?:use|add|give me|show me|tell me|send me) {_STYLE}"),
    _form(Scope.ALONE, _spared, rf"no {_STYLE} {_POLITE}"),
    _form(Scope.GENERAL, _spared, rf"i (?:do not|don't|dont) want {_YOURS}{_SENT}"),
    _form(Scope.GENERAL, _spared, rf"(?:{_NOT} send|stop sending) me {_YOURS}{_SENT}"),
)
