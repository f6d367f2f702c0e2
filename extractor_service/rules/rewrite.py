"""A clause in the third person: edits on its tokens, so that nothing it says is lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from spacy.tokens import Token

from extractor_service.rules.agreement import agreement
from extractor_service.rules.clauses import Clause
from extractor_service.rules.dates import DateMention
from extractor_service.rules.inflect import spelled_out
from extractor_service.rules.people import Mention
from extractor_service.rules.pronouns import UnresolvedError, standing_for
from extractor_service.rules.speaker import Participants
from extractor_service.rules.surface import Edits, render
from extractor_service.rules.trimming import trimmed

_TOGETHER = frozenset({"both", "together", "all", "can", "everyone"})

# Parts of a clause that can be left out when what they point at is not known.
_OPTIONAL = frozenset({"advcl", "relcl", "acl", "conj", "parataxis", "appos", "npadvmod"})
_ADVERBIAL = frozenset({"npadvmod", "advmod", "pobj", "ROOT", "conj", "tmod", "prep", "pcomp"})
_DATE_PREPOSITIONS = frozenset({"on", "in", "at", "during", "over"})


def sentence(
    clause: Clause, who: Participants, earlier: Sequence[Mention], dates: Iterable[DateMention]
) -> str:
    """The clause as a self-contained sentence. Raises UnresolvedError when it cannot be one."""
    if _is_mutual(clause):
        raise UnresolvedError
    edits = Edits(dropped=trimmed(clause, who))
    for token in clause.tokens:
        if token.i not in edits.dropped:
            _edit_word(token, clause, who, earlier, edits)
    edits.words |= agreement(clause)
    if clause.subject is None:
        _supply_speaker(clause, who, edits)
    for mention in dates:
        _edit_date(mention, clause, edits)
    return render(clause.tokens, edits)


def _is_mutual(clause: Clause) -> bool:
    """ "We love each other", "we can all help": not true of the speaker alone."""
    said = {token.lower_ for token in clause.tokens}
    return ("we" in said and bool(said & _TOGETHER)) or {"each", "other"} <= said


def _edit_word(
    token: Token, clause: Clause, who: Participants, earlier: Sequence[Mention], edits: Edits
) -> None:
    try:
        word = standing_for(token, clause, who, earlier) or spelled_out(token)
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


def _supply_speaker(clause: Clause, who: Participants, edits: Edits) -> None:
    """ "Went to the beach", "Still learning Spanish" leave out the "I"."""
    group = {*clause.auxiliaries, clause.head, *clause.children("advmod", "neg")}
    first = clause.head
    while first.i and first.nbor(-1) in group and first.nbor(-1).i not in edits.dropped:
        first = first.nbor(-1)
    missing = "" if clause.auxiliaries or clause.head.tag_ != "VBG" else "is "
    word = edits.words.get(first.i, first.text)
    edits.words[first.i] = f"{who.speaker} {missing}{word[:1].lower()}{word[1:]}"


def _edit_date(mention: DateMention, clause: Clause, edits: Edits) -> None:
    inside = [t for t in clause.tokens if mention.start <= t.i < mention.end]
    if not inside or any(t.i in edits.dropped for t in inside):
        return
    first, root = inside[0], inside[0].doc[mention.start : mention.end].root
    before = first.doc[first.i - 1] if first.i else None
    governed = before is not None and before.pos_ in {"ADP", "SCONJ"} and before.tag_ != "RP"
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


def _is_adverbial(root: Token, before: Token | None, inside: Sequence[Token]) -> bool:
    if root.head.lemma_ == "spend" and root.i > root.head.i:  # an object, however it is parsed
        return False
    qualified = before is not None and before.head in inside and before.dep_ in {"amod", "det"}
    return not qualified and (root.dep_ in _ADVERBIAL or root.pos_ in {"ADV", "ADP"})


def _splits_verb(mention: DateMention, clause: Clause) -> bool:
    """ "I recently adopted a dog": a date does not stand well there."""
    return clause.subject is not None and clause.subject.i < mention.start < clause.head.i
