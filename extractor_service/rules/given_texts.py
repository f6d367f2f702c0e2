"""Texts that are given to be worked on: what stands in them, the user does not say of themselves.

"Translate to Czech: I live in Prague" tells nothing of where the user lives, nor does the draft of
a letter, a tale or a part in a play. Only a request that clearly takes what follows as its text
does so: "Can you help me write an email? I'm allergic to nuts" tells of the user.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from extractor_service.rules.words import word_list


def _one_of(words: str) -> str:
    return f"(?:{'|'.join(word_list(words))})"


# What is done to texts alone, what is done to "this" if it is one, and what to other things too.
_TRANSLATING = _one_of("translate proof-?read rephrase reword paraphrase spell-?check")
_REWRITING = _one_of("re-?write summari[sz]e shorten polish simplify")
_MENDING = _one_of("correct fix edit check review improve revise continue finish")
_WRITING = _one_of("write draft compose send make tell invent create")
_PROSE = (
    r"e-?mails? letters? essays? texts? messages? paragraphs? sentences? resume cv article "
    r"abstract poems? stor(?:y|ies) speech post caption bio draft translation song tweet review"
)
_WRITTEN = _one_of(_PROSE)
_TEXT = _one_of(f"{_PROSE} grammar spelling punctuation wording english code script function")
_TALE = _one_of("stor(?:y|ies) poem song tale novel screenplay script scene dialogue limerick")
_TIMES = _one_of("time week weekend month year morning afternoon evening \\w+day")
_THIS = rf"\b(?:this|these|(?:the )?following|below)\b(?! {_TIMES}\b)"
_RIGHT = _one_of("correct right ok okay grammatical natural good fine")

# A request stands where a sentence begins, or asks in the midst of one: ", can you check this: ".
_GREETING = r"(?:(?:hi|hey|hello)(?: \w+)?|ok|okay|so|now|then|please|pls)[ ,!.]+"
_ASKING = r"(?:can|could|would|will) (?:you|u) (?:please )?"
_OPENING = rf"(?:^|(?<=[.!?:\n])) *(?:{_GREETING}){{0,3}}"
_START = (
    rf"(?:{_OPENING}(?:{_ASKING}|i (?:need|want) you to )?"
    rf"|(?<=[,-]) (?:and |but |so )?{_ASKING})(?:please )?(?:help me (?:to )?)?"
)
_MORE = r"[^.!?:\n]{0,80}"
_FEW = r"(?:(?!(?:in|on|of|to|for|at|from|with|that)\b)[\w'-]+ ){0,3}?"
_ONE = rf"(?:the|my|this|these|any|a|an|some|our|that|following) {_FEW}"

_REQUEST = re.compile(
    rf"{_START}(?P<asked>{_TRANSLATING}\b{_MORE}"
    rf"|{_REWRITING} {_THIS}{_MORE}"
    rf"|make (?:it|{_THIS}) (?:sound|read|more|less|shorter|longer|better)\b{_MORE}"
    rf"|(?:{_REWRITING}|{_MENDING}) (?:for )?(?:grammar\b|{_ONE}{_TEXT}\b){_MORE}"
    rf"|(?P<writing>{_WRITING}) (?:me |us )?{_ONE}{_WRITTEN}\b{_MORE}"
    rf"|how (?:do|would|can) (?:i|you) say (?:this |that |the following )?in \w+{_MORE}"
    rf"|(?:this is|here(?: is|'s)) (?:the|a|an|some) {_FEW}{_WRITTEN}\b{_MORE}(?=:)"
    rf"|is (?:this|the following) (?:\w+ )?{_TEXT} {_RIGHT}\b{_MORE})"
    r"(?P<end>:(?!\d)|[.!?\n]+)",
    re.IGNORECASE,
)
_TALE_ASKED = re.compile(
    rf"{_START}{_WRITING} (?:me |us )?(?:a|an|the|some) {_FEW}{_TALE} "
    rf"(?:about|of|where|in which|with) (?:a|an|two|three|some)\b(?P<of>{_MORE})[.!?\n]+",
    re.IGNORECASE,
)
_BEING = r"(?:i|you|we)(?: am| are|'m|'re)\b"
_PLAY = re.compile(
    rf"{_OPENING}(?:(?:let's|let us|(?:can|could|shall) we) (?:(?:do|play|try|have) )?(?:a |some )?"
    rf"(?:role[- ]?play(?:ing)?\b|(?<=play )pretend\b|pretend (?:that )?{_BEING}){_MORE}[.!?:\n]+"
    r"|role[- ]?play:)",
    re.IGNORECASE,
)
_PART = re.compile(
    rf"{_OPENING}(?:pretend|imagine) (?:that )?you(?: are|'re)\b[^.!?\n]*[.!?\n]*", re.IGNORECASE
)
_SALUTATION = re.compile(r"\s*(?:dear\s|to whom it may concern)", re.IGNORECASE)
_OF_ONESELF = re.compile(r"\b(?:i|me|my|mine|we|our|us)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n]*[.!?\n]+|[^.!?\n]+")
_MARKED_OFF = re.compile(r"\s*(?:\"[^\"]*\"|\u201c[^\u201d]*\u201d|```.*?```)", re.DOTALL)
_NAME = re.compile(r"\bnames?\b", re.IGNORECASE)


def own_words(text: str) -> str:
    """The text with all that is given to be worked on blanked, character for character."""
    kept, reached = "", 0
    for start, end in sorted(_given(text.replace("\u2019", "'"))):
        blank = re.sub(r"[^\n]", " ", text[max(start, reached) : end])
        kept += text[reached:start] + blank
        reached = max(reached, end)
    return kept + text[reached:]


def _given(text: str) -> Iterator[tuple[int, int]]:
    """Where such texts start and end."""
    for request in _REQUEST.finditer(text):
        if _takes_the_rest(request):
            marked = _MARKED_OFF.match(text, request.end())
            yield request.end(), marked.end() if marked else len(text)
    reached = 0
    for tale in _TALE_ASKED.finditer(text):
        if tale.start() >= reached and not _OF_ONESELF.search(tale["of"]):
            reached = _end_of_tale(text, tale.end())
            yield tale.start(), reached
    for play in _PLAY.finditer(text):
        yield play.end(), len(text)
    yield from (part.span() for part in _PART.finditer(text))


def _takes_the_rest(request: re.Match[str]) -> bool:
    """ "Translate this. ", "Fix my email: ", and "Check my letter.", where a letter follows."""
    if _NAME.search(request["asked"]):
        return False  # "Check the spelling of my name: it's Jon"
    if request["end"] == ":" or _SALUTATION.match(request.string, request.end()):
        return True
    this = re.search(_THIS, request["asked"], re.IGNORECASE)
    return this is not None and request["writing"] is None


def _end_of_tale(text: str, start: int) -> int:
    """Where the speaker tells of themselves again: "My daughter will love it"."""
    sentences = _SENTENCE.finditer(text, start)
    own = (s.start() for s in sentences if _OF_ONESELF.search(s.group()))
    return next(own, len(text))
