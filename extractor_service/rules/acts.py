"""What a clause says that somebody is, does or no longer does, and where its words stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from spacy.tokens import Token

from extractor_service.reading import NOTHING
from extractor_service.rules.clauses import Clause
from extractor_service.rules.names import full_name
from extractor_service.rules.same_words import same_phrase
from extractor_service.rules.tense import is_past, is_present_perfect
from extractor_service.rules.when import MONTHS
from extractor_service.rules.words import word_set

ENDING = word_set("stop quit cease")
_BEGINNING = word_set("start begin resume")
_RETURNING = word_set("go come be get switch")
_TELLING = frozenset({"NOUN", "PROPN", "VERB", "ADJ", "NUM", "ADV", "INTJ"})
_EMPTY = word_set(
    "be have do get very really so much just also too still now again ever never always more long "
    "any currently already recently a the this that these those own even quite actually anymore "
    "instead 's"
)
_DATED = frozenset({"DATE", "TIME"})
_CLOCKLESS = word_set("day week weekend month year time today every")


@dataclass(frozen=True, slots=True)
class Act:
    """A clause by its verb: "smoke" of "Alice quit smoking", which does not hold.

    `present` says that it is so when it is said, or ended or began; else it happened, or will.
    `replaced` are the words behind the "not" of "Emma, not Emily".
    """

    clause: Clause
    verb: Token
    holds: bool
    present: bool
    subject: str
    replaced: frozenset[str]

    @property
    def lemma(self) -> str:
        """The verb in its base form."""
        return self.verb.lemma_.lower()

    def children(self, *deps: str) -> list[Token]:
        """The verb's dependents of these kinds, what is replaced left out."""
        return [child for child in self.verb.children if child.dep_ in deps]

    def objects(self) -> list[Token]:
        """What it is done to, or what somebody is; a name is one however it is parsed."""
        kinds = ("dobj", "attr", "oprd", "acomp")
        named = [t for t in self.children("npadvmod") if t.pos_ == "PROPN" and not is_date(t)]
        return self.children(*kinds) or named

    def placed(self, *prepositions: str) -> list[Token]:
        """What stands behind these prepositions of the verb or its objects."""
        links = (t for head in (self.verb, *self.objects()) for t in _links(head))
        wanted = (link for link in links if link.lower_ in prepositions)
        return [t for link in wanted for t in link.children if t.dep_ == "pobj"]


def act_of(clause: Clause) -> Act | None:
    """The act of a clause; None where nobody is said to act, or several are."""
    subject = subject_name(clause.subject) if clause.subject is not None else ""
    if not subject:
        return None
    head, holds = clause.head, not is_denied(clause.head)
    inner = _inner(head)
    replaced = replaced_words(clause.own)
    act = Act(clause, head, holds, _is_present(clause), subject, replaced)
    if inner is None:
        return act
    if _ends(head, inner):
        return replace(act, verb=inner, holds=not holds, present=True)
    begins = (head.lemma_ in _BEGINNING and inner.dep_ == "xcomp") or inner.dep_ == "pcomp"
    return replace(act, verb=inner, present=True) if begins else act


def _inner(head: Token) -> Token | None:
    """What is begun, ended or wanted: the "eating" of "stopped eating", "went back to eating"."""
    for child in head.children:
        loose = child.dep_ == "advcl" and child.tag_ == "VBG" and gives_up(head)
        if (child.dep_ in {"xcomp", "dobj"} or loose) and _is_doing(child):
            return child
    back = (t for t in head.children if t.lower_ == "back" and head.lemma_ in _RETURNING)
    links = (t for adverb in back for t in (*adverb.children, *head.children) if t.lower_ == "to")
    return next((t for link in links for t in link.children if t.dep_ == "pcomp"), None)


def subject_name(subject: Token) -> str:
    """Whom a subject names, in lower case: "emma" of "Alice's sister Emma"; "" for several."""
    joint = [child for child in subject.children if child.dep_ == "conj"]
    if joint:
        # "Alice's wife and Alice" says of Alice what it says of both.
        owner = next((c.text for c in subject.children if c.dep_ == "poss"), None)
        return joint[0].text.casefold() if owner == joint[0].text else ""
    named = next((c for c in subject.children if c.dep_ == "appos" and c.pos_ == "PROPN"), subject)
    if named.pos_ == "PROPN":
        return full_name(named).casefold()
    if subject.pos_ == "PRON":
        return ""
    # "Order 48790": another order is another thing.
    last = next((c for c in subject.rights if c.like_num and c.i == subject.i + 1), subject)
    return phrase_of(t for t in subject.subtree if t.i <= last.i)


def phrase_of(tokens: Iterable[Token]) -> str:
    """The words as they stand, in lower case."""
    return same_phrase("".join(token.text_with_ws for token in tokens).casefold())


def owner_of(thing: Token) -> Token | None:
    """Whose it is: the "sister" of "Alice's sister's name"."""
    return next((child for child in thing.children if child.dep_ == "poss"), None)


def owner_name(owner: Token) -> str:
    """Whom an owner names, in lower case: "alice's sister"; "" for a pronoun."""
    if owner.pos_ == "PRON":
        return ""
    return phrase_of(t for t in owner.subtree if t.i <= owner.i)


def is_denied(verb: Token) -> bool:
    """Whether there is a "not", "never" or "no longer" at the verb."""
    adverbs = (child for child in verb.children if child.dep_ in {"aux", "auxpass", "advmod"})
    beside = (token for adverb in adverbs for token in adverb.subtree)
    return any(t.dep_ == "neg" or t.lower_ == "never" for t in (*verb.children, *beside))


def replaced_words(tokens: Iterable[Token]) -> frozenset[str]:
    """What stands behind the "not" of "Emma, not Emily"."""
    return telling(token for token in tokens if _is_replaced(token))


def _is_replaced(token: Token) -> bool:
    line = (token, *token.ancestors)
    return any(t.dep_ in {"appos", "conj"} and _follows_not(t) for t in line)


def _follows_not(token: Token) -> bool:
    ahead = token.doc[token.left_edge.i - 1] if token.left_edge.i else None
    not_ahead = ahead is not None and ahead.lower_ == "not" and ahead.dep_ == "neg"
    return not_ahead and ahead is not None and ahead.i > 0 and ahead.nbor(-1).text in {",", "and"}


def telling(tokens: Iterable[Token], *, dates: bool = True) -> frozenset[str]:
    """The base forms of the words that tell something."""
    return frozenset(words_in_order(tokens, dates=dates))


def words_in_order(tokens: Iterable[Token], *, dates: bool = True) -> Iterator[str]:
    """As `telling`, as they stand."""
    for token in tokens:
        if token.pos_ not in _TELLING or (not dates and is_date(token)):
            continue
        word = token.lower_ if token.pos_ == "PROPN" else token.lemma_.lower()
        if is_after_all(token):
            continue
        if word not in _EMPTY and token.dep_ not in {"aux", "auxpass", "neg"}:
            yield word


def is_after_all(token: Token) -> bool:
    """Whether this is the "after" or "all" of "after all"."""
    pair = (token.lower_, token.nbor().lower_ if token.i + 1 < len(token.doc) else "")
    before = token.nbor(-1).lower_ if token.i else ""
    return pair == ("after", "all") or (before, token.lower_) == ("after", "all")


def is_date(token: Token) -> bool:
    """Whether the word is one of a date: the model's label, a number of a year, a day's month."""
    year = token.like_num and len(token.text) == 4
    labelled = token.ent_type_ in _DATED or token.lemma_.lower() in _CLOCKLESS
    return labelled or year or _is_of_a_day(token)


def _is_of_a_day(token: Token) -> bool:
    """Whether this is the "1" or the "August" of "1 August", which the model may not see."""
    beside = (token.doc[i] for i in (token.i - 1, token.i + 1) if 0 <= i < len(token.doc))
    if token.lower_ in MONTHS:
        return any(near.like_num for near in beside)
    return token.like_num and any(near.lower_ in MONTHS for near in beside)


def main_part(token: Token) -> list[Token]:
    """The token with all that hangs on it, what is replaced and whose it is left out."""
    return [t for t in token.subtree if not _is_replaced(t) and not _is_owner(t, token)]


def values(tokens: Iterable[Token], *, dates: bool = False) -> frozenset[str]:
    """What these and all that hangs on them tell."""
    found = [telling(main_part(token), dates=dates) for token in tokens]
    return NOTHING.union(*found)


def names_in(tokens: Iterable[Token]) -> frozenset[str]:
    """The names among these and all that hangs on them, dates left out."""
    inside = (t for token in tokens for t in main_part(token))
    return frozenset(t.lower_ for t in inside if t.pos_ == "PROPN" and not is_date(t))


def _is_owner(token: Token, whole: Token) -> bool:
    line = (token, *token.ancestors)
    inside = line[: line.index(whole)] if whole in line else ()
    return any(t.dep_ == "poss" for t in inside)


def _links(head: Token) -> list[Token]:
    """Its prepositions, those of "flat in Leeds" and "back to Leeds" included."""
    direct = [t for t in head.children if t.dep_ in {"prep", "prt"}]
    far = [t for a in head.children if a.dep_ == "advmod" for t in a.children if t.dep_ == "prep"]
    return [*direct, *far]


def _is_doing(token: Token) -> bool:
    return token.tag_ in {"VBG", "VB"} or (token.dep_ == "dobj" and token.pos_ == "VERB")


def _ends(head: Token, inner: Token) -> bool:
    """ "Stopped smoking", "gave up smoking", "used to smoke"."""
    used_to = head.lemma_ == "use" and head.tag_ == "VBD" and inner.tag_ == "VB"
    return head.lemma_ in ENDING or gives_up(head) or used_to


def gives_up(head: Token) -> bool:
    """ "Gave up being vegan"."""
    return head.lemma_ == "give" and any(c.lower_ == "up" for c in head.children)


def _is_present(clause: Clause) -> bool:
    head = clause.head
    if is_present_perfect(head):
        lasting = any(t.lower_ in {"since", "for"} for t in clause.own)
        return lasting or head.tag_ == "VBG"
    ahead = any(t.tag_ == "MD" for t in clause.auxiliaries)
    return not ahead and not is_past(head)
