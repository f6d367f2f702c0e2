"""Whom a "she" or "he" may mean: the people, and whoever else may be somebody.

A name that the small model does not know, "the neighbour upstairs", "our whippet": no rule knows
who they are, but a pronoun that follows means nobody beyond them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spacy.tokens import Doc, Token

from extractor_service.rules.animate import is_said_of_people
from extractor_service.rules.home_and_work import WORKERS
from extractor_service.rules.kin import RELATIONS, gender_of
from extractor_service.rules.name_words import (
    is_name,
    is_owner,
    is_seen,
    is_small_name,
    is_used,
    may_be_a_word,
)
from extractor_service.rules.names import full_name, names_event, names_place
from extractor_service.rules.people import SHE, THEY, Mention, description, mentions
from extractor_service.rules.speaker import ASSISTANT, FIRST_PERSON, SECOND_PERSON, Participants
from extractor_service.rules.words import word_set

_OTHERS = word_set(
    "person somebody someone anybody anyone stranger guest visitor customer client patient owner "
    "host landlord landlady tenant lodger resident mate buddy pal crush date ex fiance fiancee "
    "stepson stepdaughter stepdad stepmom grandchild grandpa granny nana in-law godmother "
    "godfather godson goddaughter lad lass dude bloke chap gentleman toddler infant newborn "
    "teenager teen adult pupil classmate schoolmate housemate flatmate president mayor minister "
    "king queen prince princess priest pastor rabbi imam nun monk captain sergeant chairman "
    "leader supervisor employer employee intern recruiter babysitter dermatologist cardiologist "
    "paediatrician pediatrician gynecologist orthodontist idiot"
)
_ANIMALS = word_set(
    "animal whippet greyhound poodle labrador retriever spaniel terrier beagle dachshund corgi "
    "husky shepherd collie pug bulldog boxer chihuahua mastiff mutt puppy doggo doggy kitty tomcat "
    "tabby pony mare stallion foal donkey goat sheep cow pig hen rooster chicken duck goose bird "
    "budgie canary cockatiel parakeet bunny gerbil mouse rat ferret tortoise turtle lizard gecko "
    "snake fish goldfish guineapig chinchilla hedgehog"
)
_SOMEBODY = RELATIONS | _OTHERS | _ANIMALS | WORKERS
_NAMES_NOBODY = frozenset(
    {"DATE", "TIME", "CARDINAL", "ORDINAL", "MONEY", "PERCENT", "QUANTITY", "NORP", "LANGUAGE"}
)
_EMPLOYING = word_set("hire employ fire sack promote pay offer launch acquire sell open close")
_SUBJECTS = frozenset({"nsubj", "nsubjpass"})
_IN_A_FRAGMENT = frozenset({"ROOT", "conj", "appos"})


def everyone(doc: Doc, who: Participants) -> tuple[Mention, ...]:
    """As `mentions`, and whoever else the text may mean by a later pronoun, in reading order."""
    people = mentions(doc, who)
    found = {mention.start for mention in people}
    others = (_possible(token, who) for token in doc if token.i not in found)
    together = (*people, *(other for other in others if other is not None))
    return tuple(sorted(together, key=lambda mention: mention.start))


def referent(pronoun: str, earlier: Sequence[Mention]) -> Mention | None:
    """The nearest earlier person that the pronoun can mean; `earlier` is in reading order."""
    return next((mention for mention in reversed(earlier) if _fits(pronoun, mention)), None)


def recalled(mention: Mention, doc: Doc, who: Participants) -> Mention | None:
    """Somebody of an earlier turn: sure if what was said there is said of people only.

    Assistants speak of many things whose names the model takes for people's. Names where nobody
    is spoken of are soon forgotten: None.
    """
    if mention.possible and mention.name and not _is_remembered(doc[mention.start]):
        return None
    guessed = mention.possible or (who.speaker == ASSISTANT and mention.kind == "person")
    sure = not guessed or bool(mention.relation) or is_said_of_people(doc[mention.start])
    later = replace(mention, start=-1)
    return later if sure else replace(later, kind="", possible=True, unnamed=True)


def _is_remembered(token: Token) -> bool:
    spoken_of = _is_spoken_of(token) or is_seen(token) or is_owner(token)
    return spoken_of or token.ent_type_ == "PERSON"


def _fits(pronoun: str, mention: Mention) -> bool:
    if pronoun in THEY:
        return mention.plural
    if mention.plural or mention.kind == "org":
        return False
    return mention.gender != ("m" if pronoun in SHE else "f")


def _possible(token: Token, who: Participants) -> Mention | None:
    if token.lemma_.lower() not in _SOMEBODY or (token.pos_ == "PROPN" and token.is_title):
        return _possible_name(token, who)
    if token.tag_ in {"NNS", "NNPS"}:
        return None
    spoken_of = _is_spoken_of(token) or _is_yours(token) or _is_introduced(token)
    return _somebody(token, who) if spoken_of else None


def _possible_name(name: Token, who: Participants) -> Mention | None:
    """A name where one speaks of somebody, and that may be a person's for all one knows."""
    if name.ent_type_ in _NAMES_NOBODY or not (is_name(name) or is_small_name(name)):
        return None
    if name.lower_ in FIRST_PERSON or names_place(name) or names_event(name):
        return None
    called = full_name(name) if name.pos_ == "PROPN" else name.text
    if any(who.includes(part) for part in called.split()) or is_used(name):
        return None
    bare = not name.ent_type_ and name.is_title and called == name.text
    certain = (_is_spoken_of(name) or is_seen(name)) and not may_be_a_word(name)
    sure = certain and bare and not _may_employ(name) and not _stands_alone(name)
    called = called if name.text[0].isupper() else called.capitalize()
    return Mention(called, "", plural=False, start=name.i, kind="", possible=True, unnamed=not sure)


def _somebody(noun: Token, who: Participants) -> Mention:
    """Somebody by what they are: of the listener's life where it says "your"."""
    gender = gender_of(noun.lemma_.lower())
    unnamed = Mention("", gender, plural=False, start=noun.i, kind="", possible=True, unnamed=True)
    if who.other is None or not _is_yours(noun) or noun.dep_ not in _SUBJECTS:
        return unnamed
    told = description(noun).lower()
    name = f"{who.other}'s {told}"
    return replace(unnamed, name=name, relation=told, owner=who.other, unnamed=False)


def _is_spoken_of(token: Token) -> bool:
    """As a subject, or whose it is; "us two plus Pluk" says nothing, but names somebody."""
    if token.dep_ in _SUBJECTS or (token.dep_ == "poss" and token.head.dep_ in _SUBJECTS):
        return True
    return token.sent.root.pos_ not in {"VERB", "AUX"} and token.dep_ in _IN_A_FRAGMENT


def _is_yours(noun: Token) -> bool:
    return any(t.dep_ == "poss" and t.lower_ in SECOND_PERSON for t in noun.lefts)


def _is_introduced(noun: Token) -> bool:
    """ "I have a new therapist", "there is a new guy": whom one tells more of."""
    if noun.dep_ == "attr":
        return any(child.dep_ == "expl" for child in noun.head.children)
    beside = noun.dep_ == "pobj" and noun.head.lower_ == "with"
    return beside or noun.dep_ in {"dobj", "dative"}


def _stands_alone(name: Token) -> bool:
    """ "Fun!", which need be no name; what answers a question is looked at elsewhere."""
    return all(token == name or token.is_punct for token in name.sent)


def _may_employ(name: Token) -> bool:
    return name.dep_ in _SUBJECTS and name.head.lemma_ in _EMPLOYING
