"""Small talk: what is said for the listener, about the talk itself, or of a mood of a minute."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.rules.clauses import Clause, subject_of
from extractor_service.rules.speaker import FIRST_PERSON, SECOND_PERSON
from extractor_service.rules.words import word_set

# Verbs of talking and thinking: what follows is not a fact, or is about the talk itself.
_TALK = word_set(
    "thank hope wish guess bet agree hear know mean think suppose imagine appreciate apologize "
    "wonder ask say tell believe doubt assume understand congratulate welcome let figure mention "
    "talk chat relate seem sound look forget remember expect swear promise admit reckon"
)
# Of these, some do tell something about the speaker when they stand with a thing, not a clause.
_TALK_WITH_OBJECT = word_set("know appreciate remember forget believe understand expect")
_ANNOUNCED = frozenset({"news", "update", "question", "announcement"})
_UNKNOWN = frozenset({"idea", "clue", "doubt", "feeling", "impression"})
_ADVISERS = word_set(
    "doctor gp physician dentist nurse midwife surgeon therapist dietitian dietician nutritionist "
    "pharmacist allergist cardiologist dermatologist psychiatrist gynecologist specialist"
)
_ADVISING = word_set("say tell")
_SIGHTS = frozenset({"see", "get", "feel", "need", "take", "try"})

# "I'm glad you like it", "I'm sure", "I'm back": said for the listener, true for a minute.
_PASSING = word_set(
    "glad sorry sure ok okay fine good great well back here ready right able happy down off "
    "there proud certain aware serious kidding curious welcome done up honored jealous cool "
    "amazing awesome nice lucky surprised"
)
_JUDGEMENTS = word_set(
    "great awesome amazing cool nice good fun wonderful fantastic incredible lovely perfect sweet "
    "important true funny interesting hard tough crazy beautiful special powerful"
)

_MOODS = word_set(
    "excited thankful grateful pumped thrilled stoked nervous sad busy tired overwhelmed relieved "
    "blessed hopeful confident motivated inspired determined upset stressed worried scared"
)

FLEETING = _PASSING | _JUDGEMENTS | _MOODS
"""Qualities of a minute, or in the eye of who tells of them."""

_CHEERS = word_set("glad sorry hope happy proud excited good great nice congrats")
_PRAISING = word_set("appreciate love like admire value need adore enjoy")
_BLAMING = word_set("hate dislike despise loathe miss prefer")
_DEMONSTRATIVES = frozenset({"this", "that", "these", "those"})
_TELLING = frozenset({"relcl", "acl", "prep", "appos"})


def is_small_talk(clause: Clause) -> bool:
    """Whether the clause reads like talk for the listener, or a mood true for a minute."""
    return (
        _is_talk(clause)
        or _announces(clause)
        or _changes_mind(clause)
        or _is_cheer(clause)
        or _is_passing_mood(clause)
        or _judges_what_is_at_hand(clause)
    )


def _is_talk(clause: Clause) -> bool:
    lemma = clause.head.lemma_.lower()
    if lemma == "wait" and any(token.lower_ in {"can", "ca"} for token in clause.auxiliaries):
        return True
    if lemma in _TALK_WITH_OBJECT:
        return not _has_noun_object(clause)
    if lemma in _SIGHTS:
        return not (_has_noun_object(clause) or clause.children("prep", "xcomp", "acomp"))
    if lemma == "mean":  # "I mean it", and not "music means a lot to me"
        return clause.subject is None or clause.subject.pos_ == "PRON"
    if lemma == "hope":
        return not clause.children("xcomp")
    return lemma in _TALK and not (_looks_after(clause) or _is_advice(clause))


def _is_advice(clause: Clause) -> bool:
    """ "My doctor says I must avoid grapefruit", "my doctor told me to avoid it"."""
    adviser = clause.subject is not None and clause.subject.lemma_.lower() in _ADVISERS
    if not adviser or clause.head.lemma_ not in _ADVISING:
        return False
    of_whom = [subject_of(said) for said in clause.children("ccomp")]
    words = {t.lower_ for subject in of_whom if subject is not None for t in subject.subtree}
    told = [t for t in clause.children("xcomp") if all(w.ent_type_ != "DATE" for w in t.subtree)]
    words |= {t.lower_ for t in clause.children("dobj") if told}
    return not words.isdisjoint(FIRST_PERSON)


def _changes_mind(clause: Clause) -> bool:
    """ "I've changed my mind": about what, it does not say."""
    changed = clause.head.lemma_ == "change" and not clause.children("prep")
    return changed and any(t.lemma_ == "mind" for t in clause.children("dobj"))


def _looks_after(clause: Clause) -> bool:
    cared_for = any(child.lower_ == "after" for child in clause.children("prep", "prt"))
    return cared_for and clause.head.lemma_.lower() == "look"


def _is_cheer(clause: Clause) -> bool:
    """ "Glad Max likes it", "I love your painting", "I wanted to say": for the listener alone."""
    if clause.own[0].lower_ in _CHEERS:
        return True
    if any(child.lemma_ in _TALK for child in clause.children("xcomp")):
        return clause.head.lemma_ in {"want", "have", "need", "like", "get"}
    praised = (t for child in clause.children("dobj") for t in child.subtree)
    return clause.head.lemma_ in _PRAISING and any(t.lower_ in SECOND_PERSON for t in praised)


def _announces(clause: Clause) -> bool:
    """ "I have news", "I had no idea that you paint": about the talk, not the speaker."""
    if clause.head.lemma_ not in {"have", "get"}:
        return False
    for thing in clause.children("dobj"):
        absent = any(child.lower_ in {"no", "any"} for child in thing.lefts)
        if thing.lemma_ in _ANNOUNCED or (absent and thing.lemma_ in _UNKNOWN):
            return True
    return False


def _has_noun_object(clause: Clause) -> bool:
    objects = clause.children("dobj")
    reported = any(t.i > clause.head.i for t in clause.children("ccomp"))
    return any(t.pos_ in {"NOUN", "PROPN"} for t in objects) and not reported


def _is_passing_mood(clause: Clause) -> bool:
    if clause.head.lemma_ != "be":
        felt = clause.head.lemma_ in {"feel", "do"} and not clause.children("dobj")
        moods = clause.children("acomp", "advmod")
        to_you = any(t.lower_ in SECOND_PERSON for t in clause.children("dobj"))
        told = clause.children("advcl", "prep")  # when, or about what
        return to_you or (felt and not told and bool(moods) and all(map(_is_bare, moods)))
    complements = clause.children("acomp", "attr", "advmod", "prep")
    said = {token.lower_ for token in complements}
    about_you = any(t.lower_ in SECOND_PERSON for c in complements for t in c.subtree)
    if about_you or any(token.lower_ in _PASSING and _is_vague(token) for token in complements):
        return True
    bare = all(_is_bare(token) for token in complements)
    return bare and bool(said & (_JUDGEMENTS | _MOODS))


def _is_vague(mood: Token) -> bool:
    """Nothing named that it is about: "I'm proud", and not "I'm proud of my students"."""
    again = mood.lower_ == "back" and any(thing.dep_ == "pcomp" for thing in _governed(mood))
    return not (again or any(thing.pos_ in {"NOUN", "PROPN"} for thing in _governed(mood)))


def _judges_what_is_at_hand(clause: Clause) -> bool:
    """ "I love that place", "I'm tired of that train": nobody else knows which is meant."""
    if clause.head.lemma_ not in _PRAISING | _BLAMING:
        objects = clause.children("acomp") if clause.head.lemma_ == "be" else []
        objects = [thing for quality in objects for thing in _governed(quality)]
    else:
        objects = clause.children("dobj")
    return any(_is_out_of_sight(thing) for thing in objects)


def _governed(quality: Token) -> list[Token]:
    return [thing for link in quality.children if link.dep_ == "prep" for thing in link.children]


def _is_out_of_sight(noun: Token) -> bool:
    pointed_at = any(t.lower_ in _DEMONSTRATIVES for t in noun.lefts if t.dep_ == "det")
    return pointed_at and not any(child.dep_ in _TELLING for child in noun.rights)


def _is_bare(complement: Token) -> bool:
    return all(child.dep_ in {"advmod", "punct"} for child in complement.children)
