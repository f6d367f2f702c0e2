"""A clause in the third person: edits on its tokens, so that nothing it says is lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from spacy.tokens import Token

from extractor_service.domain import Precision
from extractor_service.rules.agreement import agreement
from extractor_service.rules.clauses import Clause, dependents_of, subject_of
from extractor_service.rules.clock import bare_hour
from extractor_service.rules.date_rules import OWNING_DAYS
from extractor_service.rules.dates import DateMention
from extractor_service.rules.inflect import spelled_out
from extractor_service.rules.presenting import shown
from extractor_service.rules.pronouns import Around, UnresolvedError, first_thing, standing_for
from extractor_service.rules.surface import Edits, render
from extractor_service.rules.trimming import trimmed
from extractor_service.rules.words import word_set

# Parts of a clause that can be left out when what they point at is not known.
_OPTIONAL = frozenset({"advcl", "relcl", "acl", "conj", "parataxis", "appos", "npadvmod"})
_MISSING = {"VBG": "is ", "VBN": "has "}
_ADVERBIAL = frozenset({"npadvmod", "advmod", "pobj", "ROOT", "conj", "tmod", "prep", "pcomp"})
_TURNING_OUT = word_set("ok okay well fine great good badly wrong smoothly perfectly")
_DATE_PREPOSITIONS = frozenset({"on", "in", "at", "during", "over"})


def third_person(clause: Clause, around: Around, dates: Sequence[DateMention]) -> str:
    """The clause in words that need no context, without capital and full stop.

    Raises UnresolvedError when it cannot be said so.
    """
    who = around.who
    if thing := shown(clause):
        return f"{who.speaker} shows {phrase(thing, thing[0].head, around, dates)}"
    edits = Edits(dropped=trimmed(clause, who))
    for token in clause.tokens:
        if token.i not in edits.dropped:
            _edit_word(token, clause, around, edits)
    edits.words |= agreement(clause)
    if clause.subject is None and not clause.children("expl") and not _is_subject(clause):
        _supply(_left_out(clause, around), clause, edits)
    _edit_clock(clause, dates, edits)
    for mention in dates:
        _edit_date(mention, clause, edits)
    return render(clause.tokens, edits)


def phrase(
    tokens: Sequence[Token], head: Token, around: Around, dates: Iterable[DateMention] = ()
) -> str:
    """Words without a statement of their own, such as an answer: names for pronouns, real dates.

    Raises UnresolvedError when a pronoun among them means nobody known.
    """
    clause = Clause(head, None, (), tuple(tokens), tuple(tokens), dependents_of(head))
    edits = Edits(dropped=trimmed(clause, around.who))
    for token in tokens:
        word = standing_for(token, clause, around) or spelled_out(token)
        if word != token.text:
            edits.words[token.i] = word
    for mention in dates:
        _edit_date(mention, clause, edits)
    return render(tokens, edits)


def _edit_word(token: Token, clause: Clause, around: Around, edits: Edits) -> None:
    try:
        word = standing_for(token, clause, around) or spelled_out(token)
    except UnresolvedError:
        edits.dropped |= _optional_part(token, clause)
        return
    if word != token.text:
        edits.words[token.i] = word


def _optional_part(token: Token, clause: Clause) -> set[int]:
    """The smallest part that holds the token and can go. Raises UnresolvedError without one."""
    chain = (token, *token.ancestors)
    inside = chain[: chain.index(clause.head)] if clause.head in chain else ()
    part = next((t for t in inside if t.dep_ in _OPTIONAL), None)
    if part is None or part == clause.subject:
        raise UnresolvedError
    linked = {t.i for t in part.head.children if t.dep_ == "cc"} if part.dep_ == "conj" else set()
    return {t.i for t in part.subtree} | linked


def _left_out(clause: Clause, around: Around) -> str:
    """Whom or what a clause without a subject is about. Raises UnresolvedError.

    "Went to the beach" leaves out the "I", "Reminds me of home" a thing that was spoken of.
    """
    verb = clause.head
    touched = any(
        t.lower_ in {"me", "us"} and (t.head == verb or t.head in clause.children("ccomp"))
        for t in clause.own
    )
    if verb.lemma_ == "bear" and verb.tag_ == "VBN":
        raise UnresolvedError  # "Born on 27 August": who was is not who tells it
    if verb.lemma_ == "go" and any(t.lower_ in _TURNING_OUT for t in verb.children):
        raise UnresolvedError  # "Went ok": what did
    if verb.tag_ != "VBZ" and not touched and not any(t.tag_ == "VBZ" for t in clause.auxiliaries):
        return around.who.speaker
    if any(token.pos_ in {"NOUN", "PROPN"} for token in around.before):
        return "it"
    return first_thing(verb, around)


def _is_subject(clause: Clause) -> bool:
    """ "Seeing them smile was a joy": read as a verb, it is what another verb is said of."""
    finite = (t for t in clause.head.rights if t.tag_ in {"VBZ", "VBD", "VBP", "MD"})
    return clause.head.tag_ == "VBG" and any(subject_of(verb) is None for verb in finite)


def _supply(subject: str, clause: Clause, edits: Edits) -> None:
    """ "Went to the beach", "Still learning Spanish"."""
    group = {*clause.auxiliaries, clause.head, *clause.children("advmod", "neg")}
    first = clause.head
    while first.i and first.nbor(-1) in group and first.nbor(-1).i not in edits.dropped:
        first = first.nbor(-1)
    missing = "" if clause.auxiliaries else _MISSING.get(clause.head.tag_, "")
    if clause.auxiliaries and clause.auxiliaries[0].lower_ == "been":
        missing = "has "
    if clause.head.lower_ == "gon" and not clause.auxiliaries:
        missing = "is "
    word = edits.words.get(first.i, first.text)
    edits.words[first.i] = f"{subject} {missing}{word[:1].lower()}{word[1:]}"


def _edit_date(mention: DateMention, clause: Clause, edits: Edits) -> None:
    inside = [t for t in clause.tokens if mention.start <= t.i < mention.end]
    if not inside or any(t.i in edits.dropped for t in inside):
        return
    first, root = inside[0], inside[0].doc[mention.start : mention.end].root
    before = first.doc[first.i - 1] if first.i else None
    governed = before is not None and _governs(before, root)
    words = mention.when.words
    if before is not None and governed and before.lower_ in _DATE_PREPOSITIONS:
        edits.words[before.i] = mention.when.preposition
    elif not governed and _is_adverbial(root, before, inside):
        words = f"{mention.when.preposition} {words}"
    edits.dropped |= {t.i for t in inside}
    if not governed and _splits_verb(mention, clause):
        edits.ending = words
        return
    edits.dropped.discard(first.i)
    edits.words[first.i] = words


def _edit_clock(clause: Clause, dates: Iterable[DateMention], edits: Edits) -> None:
    """ "At 9" of a day is "at 21:00" where the evening is spoken of."""
    days = (m.when.event for m in dates if m.when.event is not None)
    if any(event.precision is Precision.DAY for event in days):
        spoken = bare_hour(clause.own)
        if spoken is not None:
            token, clock = spoken
            edits.words[token.i] = f"{clock.hour}:{clock.minute:02d}"


def _governs(before: Token, date: Token) -> bool:
    """Whether the word before is the date's preposition, not one left by "the party I went to"."""
    stranded = before.lower_ == "to" and date.head != before
    return before.pos_ in {"ADP", "SCONJ"} and before.tag_ != "RP" and not stranded


def _is_adverbial(root: Token, before: Token | None, inside: Sequence[Token]) -> bool:
    if root.head.lemma_ == "spend" and root.i > root.head.i:  # an object, however it is parsed
        return False
    if root.lower_ in OWNING_DAYS:
        return False
    qualified = before is not None and before.head in inside and before.dep_ in {"amod", "det"}
    return not qualified and (root.dep_ in _ADVERBIAL or root.pos_ in {"ADV", "ADP"})


def _splits_verb(mention: DateMention, clause: Clause) -> bool:
    """ "I recently adopted a dog": a date does not stand well there."""
    return clause.subject is not None and clause.subject.i < mention.start < clause.head.i
