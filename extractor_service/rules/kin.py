"""What people are to one another, and whose a "mum" or "brother" is of whom nobody says whose."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.rules.words import word_set

FEMALE = word_set(
    "mom mum mam mommy mummy mother mama sister daughter wife girlfriend aunt niece grandma "
    "grandmother granddaughter stepmother fiancée woman lady girl"
)
MALE = word_set(
    "dad daddy father papa brother son husband boyfriend uncle nephew grandpa grandfather grandson "
    "stepfather fiancé man guy boy"
)
EITHER = word_set(
    "friend cousin partner spouse child kid baby parent sibling twin colleague coworker boss "
    "neighbor neighbour roommate teammate mentor teacher coach manager therapist"
)
PETS = word_set("dog cat puppy kitten horse rabbit hamster parrot pup pet")
RELATIONS = FEMALE | MALE | EITHER | PETS
FAMILY = (FEMALE | MALE) - {"girl", "boy", "woman", "man", "lady", "guy"} | {
    "cousin", "partner", "spouse", "child", "kid", "baby", "parent", "sibling", "twin", "family",
}  # fmt: skip
# Whom one calls by what they are to one: the "mum" of "mum can't have oats".
_CALLED_SO = word_set(
    "mum mom mam mummy mommy mama dad daddy papa granny grandma grandpa grandad granddad nan nana"
)
_BESIDE_KIN = frozenset({"cc", "conj", "case", "punct"})
_ONE = frozenset({"NN", "NNP"})
_OWN = word_set("my our")
_WORDS = word_set("word name term song nickname title saying")
_SUBJECTS = frozenset({"nsubj", "nsubjpass"})


def gender_of(lemma: str) -> str:
    """ "f" or "m" where the word says so, else ""."""
    if lemma in FEMALE:
        return "f"
    return "m" if lemma in MALE else ""


def is_own_kin(token: Token) -> bool:
    """Whether it is the speaker's "mum" or "wife", with nobody named whose, of whom is told."""
    alone = all(child.dep_ in _BESIDE_KIN for child in token.children)
    if token.tag_ not in _ONE or not alone or not _is_unmistakable(token):
        return False
    if token.lower_ not in _CALLED_SO:
        return _is_family(token) and token.dep_ in _SUBJECTS
    if token.dep_ == "conj":
        return is_own_kin(token.head)
    owns = token.dep_ == "poss" and token.head.dep_ in _SUBJECTS
    return owns or token.dep_ in _SUBJECTS


def _is_unmistakable(token: Token) -> bool:
    """Whether nothing says that it is somebody else's, or who is spoken to, or no person at all.

    "Dad, the car broke down" hails him, "mom of the year" and "dad is a word" are nobody's, and
    behind "my friend's dad was a cop" a "dad" may be his.
    """
    doc, after = token.doc, token.i + 1
    if after < len(doc) and doc[after].lower_ in {",", "of"}:
        return False
    if token.dep_ in _SUBJECTS and any(c.lemma_.lower() in _WORDS for c in token.head.children):
        return False
    before = (t for t in doc[: token.i] if t.lower_ == token.lower_)
    return not any(map(_is_others, before))


def _is_others(kin: Token) -> bool:
    owners = (t for t in kin.lefts if t.dep_ in {"det", "poss"})
    return any(owner.lower_ not in _OWN for owner in owners)


def _is_family(noun: Token) -> bool:
    """ "Wife", "brother", and not "Father" Brown."""
    return noun.pos_ != "PROPN" and noun.lower_ in FAMILY and bool(gender_of(noun.lower_))
