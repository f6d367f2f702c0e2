"""What is told of a thing beyond the talk: its sum, its day, what it is made with, its state.

"The budget is 20,000 euros" and "the deadline is 17 April" are worth keeping, whoever's they are;
"the weather is nice" and "the film is two hours long" are not. Told by what is said, of what.
"""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.rules.called_off import EVENTS
from extractor_service.rules.clauses import Clause
from extractor_service.rules.words import has_digit, word_set

# What is agreed on, or asked of somebody: its value is a fact of theirs.
_AGREED = word_set(
    "budget deadline deposit rent venue count total headcount salary fee limit quota target "
    "capacity invoice loan mortgage release launch address postcode code standup rehearsal number "
    "delivery fitting pickup"
)
_RUNNING = word_set("start begin launch open end close finish expire arrive ship")
_MADE = word_set("write build host deploy code implement")
_MADE_WITH = word_set("in with on")
_FINISHED = word_set(
    "do finish complete deploy release launch ship deliver fix sign install publish submit merge"
)
_NUMBERED = word_set("order invoice ticket case booking parcel issue shipment package claim flight")
_DUTIES = word_set("pay file send submit return renew cancel book sign finish deliver register")
_NO_THING = word_set("day week weekend month year time morning evening night today fun rest show")
# What everybody may know of, and what comes and goes every day.
_PUBLIC = word_set(
    "film movie season series episode song album single record book novel game match war president "
    "king queen bus train tram ferry plane store shop mall winter spring summer autumn fall"
)
_PRESENT = frozenset({"VBZ", "VBP"})
_NAMES = frozenset({"PROPN"})
_PASSIVE = "nsubjpass"


def is_affair(clause: Clause, *, dated: bool) -> bool:
    """Whether a clause on no person tells such a thing; `dated`: it says when."""
    subject = clause.subject
    if subject is None or subject.pos_ not in {"NOUN", "PROPN"} or _asks_more(subject):
        return False
    if _is_numbered(subject):
        return _states(clause)
    if clause.head.lemma_ == "be" and clause.head.tag_ in _PRESENT and not clause.auxiliaries:
        return _has_value(clause, subject) or _has_day(clause, subject, dated=dated)
    if not is_definite(subject) or subject.lemma_.lower() in _NO_THING | _PUBLIC:
        return False
    if subject.dep_ == _PASSIVE and _is_made(clause):
        return True
    return dated and (_runs(clause) or _is_finished(clause) or is_duty(clause))


def is_definite(subject: Token) -> bool:
    """ "The budget", "Ledgerly"."""
    return any(t.lower_ == "the" for t in subject.lefts) or subject.pos_ in _NAMES


def is_known(subject: Token) -> bool:
    """As `is_definite`, and the "delivery" of "delivery is on Friday"."""
    return is_definite(subject) or subject.lemma_.lower() in _AGREED | EVENTS


def is_duty(clause: Clause) -> bool:
    """ "We must pay the deposit by Friday", and not "you must be tired"."""
    said = {token.lower_ for token in clause.auxiliaries}
    return "must" in said and "have" not in said and clause.head.lemma_ in _DUTIES


def _asks_more(subject: Token) -> bool:
    """ "The deadline you gave me", "the capital of Peru": which is meant, or everybody knows."""
    told = any(child.dep_ in {"relcl", "acl"} for child in subject.rights)
    links = (child for child in subject.rights if child.dep_ == "prep")
    return told or any(t.pos_ == "PROPN" for link in links for t in link.children)


def _is_numbered(subject: Token) -> bool:
    after = subject.nbor() if subject.i + 1 < len(subject.doc) else subject
    return subject.lemma_.lower() in _NUMBERED and has_digit(after.text)


def _states(clause: Clause) -> bool:
    passive = clause.subject is not None and clause.subject.dep_ == _PASSIVE
    return passive or (clause.head.lemma_ == "be" and bool(clause.children("acomp", "prep")))


def _has_value(clause: Clause, subject: Token) -> bool:
    """ "The budget is 20,000 euros", "the venue is Marlow House", "deposit is 3,000"."""
    agreed = subject.lemma_.lower() in _AGREED and subject.tag_ == "NN"
    said = [t for part in clause.children("attr", "npadvmod") for t in part.subtree]
    return agreed and any(has_digit(t.text) or t.pos_ in _NAMES or t.like_email for t in said)


def _has_day(clause: Clause, subject: Token, *, dated: bool) -> bool:
    """ "The deadline is Friday", "the rent is due on the 1st", and not "today is Friday"."""
    if subject.lemma_.lower() in _NO_THING or subject.ent_type_ == "DATE":
        return False
    told = clause.children("attr", "npadvmod")
    day = bool(told) and all(t.ent_type_ == "DATE" for part in told for t in part.subtree)
    due = (t for t in clause.children("acomp") if t.lower_ == "due")
    when = [t for part in due for t in part.subtree]
    return (dated and day and is_known(subject)) or any(map(_tells_day, when))


def _tells_day(token: Token) -> bool:
    return token.ent_type_ == "DATE" or has_digit(token.text)


def _is_made(clause: Clause) -> bool:
    """ "The app is written in Go"."""
    present = any(t.lemma_ == "be" and t.tag_ in _PRESENT for t in clause.auxiliaries)
    links = (t for t in clause.children("prep") if t.lower_ in _MADE_WITH)
    named = any(t.pos_ in _NAMES for link in links for t in link.children)
    return present and named and clause.head.lemma_ in _MADE


def _runs(clause: Clause) -> bool:
    """ "Arjun starts on Monday", "the course will end in June"."""
    ahead = clause.head.tag_ in _PRESENT or any(t.lower_ == "will" for t in clause.auxiliaries)
    return ahead and clause.head.lemma_ in _RUNNING


def _is_finished(clause: Clause) -> bool:
    """ "The migration was done last night", "the desk arrived yesterday"."""
    if clause.head.lemma_ == "arrive" and clause.head.tag_ == "VBD":
        return True
    passive = clause.subject is not None and clause.subject.dep_ == _PASSIVE
    past = any(t.tag_ == "VBD" for t in clause.auxiliaries)
    return passive and past and clause.head.lemma_ in _FINISHED
