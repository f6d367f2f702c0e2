"""The "'s" that is an "is": to the model that of "my sister's a doctor" is an owner's."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from spacy.tokens import Doc, Token

from extractor_service.rules.kin import RELATIONS
from extractor_service.rules.small_talk import FLEETING
from extractor_service.rules.words import word_set

# What nobody owns begins so, unless an adverb leads to the "been" of "she's never been".
_NOT_OWNED = word_set(
    "a an the my our his her their at in on from into under about not never really very always "
    "still also only called due"
)
_BEFORE_A_CLAUSE = word_set("and but because since that so as while if when hey hi ok okay well")
_WITHIN_A_NAME = frozenset({"NOUN", "PROPN", "ADJ", "DET", "NUM", "PART"})
_QUALITIES = word_set(
    "vegan vegetarian pescatarian veggie celiac coeliac teetotal broken closed married divorced "
    "engaged retired gone stuck"
)
_AFTER_A_QUALITY = word_set("so because to at in on for with about since as till until by")
_DOING = word_set("coming going moving leaving staying starting living working")
_AFTER_DOING = word_set("to in on at from with for back over as")
_LEADING = frozenset({"ADV", "PART"})
_FINITE = frozenset({"VBZ", "VBP", "VBD", "MD"})
_TO_A_CLAUSE = frozenset({"CC", "WDT", "WP", "WRB", "PRP", "EX", "TO"})
_IN_A_SIDE_CLAUSE = frozenset({"relcl", "acl", "advcl"})
_SOLE = frozenset({"JJ", "JJR"})
# What is a number or bears a name: no word behind its "'s" is its own.
AMOUNTS = word_set(
    "count total headcount budget price rent deposit salary cost fee limit capacity size number age"
)
_NAMING = word_set("name surname nickname username handle email e-mail mail address venue hotel")


def contracted(doc: Doc) -> frozenset[int]:
    """The characters at which each "'s" starts that is an "is" though it is taken for an owner's.

    Told by what follows it, where a clause begins: "sister's a", "wife's pregnant.", "rent's 900".
    """
    return frozenset(t.idx for t in doc[1:-1] if _may_own(t) and _is_being(t))


def spelt_out(doc: Doc, places: Collection[int]) -> Doc:
    """The words with "is" at these characters, of the same length."""
    if not places:
        return doc
    words = ["is" if token.idx in places else token.text for token in doc]
    spelt = Doc(doc.vocab, words=words, spaces=[bool(token.whitespace_) for token in doc])
    for token, before in zip(spelt, doc, strict=True):
        if token.text == before.text:
            token.norm_ = before.norm_
    return spelt


def _may_own(token: Token) -> bool:
    return token.lower_ == "'s" and (token.tag_ == "POS" or token.dep_ == "case")


def _is_being(token: Token) -> bool:
    owner, behind = token.nbor(-1), token.nbor()
    if owner.pos_ not in {"NOUN", "PROPN"} or owner.ent_type_ == "DATE" or not _opens(owner):
        return False
    if _has_a_verb_after(behind):
        return False
    if behind.lower_ in _NOT_OWNED:
        return behind.pos_ not in _LEADING or not _leads_to_participle(behind)
    # "Life's tough", "art's awesome": of what is nobody's hardly anything is told.
    of_one = owner.pos_ == "PROPN" or any(t.dep_ in {"det", "poss"} for t in owner.lefts)
    quality = of_one and _is_sole_quality(behind)
    return quality or _is_doing(behind) or _is_value(owner, behind)


def _has_a_verb_after(behind: Token) -> bool:
    """Whether what follows up to the next clause has its verb: "sister's due date is", and not
    "sister's a vet and is", "sister's a vet who is".
    """
    for token in _rest(behind):
        if token.is_sent_start or token.is_punct or token.tag_ in _TO_A_CLAUSE:
            return False
        if token.tag_ in _FINITE and token.dep_ not in _IN_A_SIDE_CLAUSE:
            return True
    return False


def _leads_to_participle(adverb: Token) -> bool:
    led = next((t for t in _rest(adverb) if t.pos_ not in _LEADING), adverb)
    return led.tag_ in {"VBN", "VBD"}


def _opens(owner: Token) -> bool:
    """Whether nothing stands before its name but the beginning of a clause."""
    first = owner
    while not first.is_sent_start and _is_within(first.nbor(-1)):
        first = first.nbor(-1)
    before = None if first.is_sent_start or not first.i else first.nbor(-1)
    return before is None or before.is_punct or before.lower_ in _BEFORE_A_CLAUSE


def _is_within(token: Token) -> bool:
    return token.pos_ in _WITHIN_A_NAME or token.tag_ == "PRP$"


def _rest(first: Token) -> Iterator[Token]:
    yield from first.doc[first.i :]


def _is_sole_quality(behind: Token) -> bool:
    """ "Wife's pregnant and", and not "wife's pregnant friend"."""
    told = behind.tag_ in _SOLE or behind.lower_ in _QUALITIES
    if not told or behind.lower_ in FLEETING:
        return False
    if _ends(behind) or behind.nbor().lower_ in _AFTER_A_QUALITY:
        return True
    after = [t.tag_ for t in behind.doc[behind.i + 1 : behind.i + 3]]
    return after in (["CC", "PRP"], ["CC", "PRP$"])


def _is_doing(behind: Token) -> bool:
    """ "Boss's leaving in June", and not "boss's leaving party"."""
    return behind.lower_ in _DOING and not _ends(behind) and behind.nbor().lower_ in _AFTER_DOING


def _is_value(owner: Token, behind: Token) -> bool:
    """ "Deposit's 3,000", "email's ann@x.org", "deadline's Friday", "dog's 12 years old"."""
    if behind.like_num and not _ends(behind) and behind.nbor().lower_ in {"year", "years"}:
        return [t.lower_ for t in behind.doc[behind.i + 2 : behind.i + 3]] == ["old"]
    if owner.pos_ != "NOUN" or owner.lemma_.lower() in RELATIONS:
        return False
    if behind.like_num:
        return owner.lemma_ in AMOUNTS or _ends(behind)
    name = behind.pos_ == "PROPN" or behind.ent_type_ or behind.like_email
    named = owner.lemma_ in _NAMING and bool(name)
    day = behind.ent_type_ == "DATE" and all(t.ent_type_ == "DATE" for t in _clause_of(behind))
    return named or day


def _clause_of(first: Token) -> Iterator[Token]:
    for token in _rest(first):
        if token.is_punct:
            return
        yield token


def _ends(token: Token) -> bool:
    after = token.nbor() if token.i + 1 < len(token.doc) else None
    return after is None or after.is_sent_start is True or after.is_punct or after.is_space
