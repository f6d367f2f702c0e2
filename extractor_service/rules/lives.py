"""What happens but once to a living thing, and ends what was so: a pet dies, a child is born.

Whatever is so later, it stays true: who has a dog again has lost one all the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from spacy.tokens import Token

from extractor_service.reading import NOTHING, Claim
from extractor_service.rules.acts import Act, owner_name, owner_of
from extractor_service.rules.claims import claim, is_done
from extractor_service.rules.kin import PETS
from extractor_service.rules.words import word_set

_HAVING = word_set("have own keep")
_BABIES = word_set("baby twin triplet")
_CHILDREN = word_set("girl boy son daughter")


def pet(act: Act) -> Claim | None:
    """ "Alice has a dog named Pixel", "Alice's dog Pixel died"; of two dogs one may have."""
    if act.lemma in _HAVING and act.present:
        things = [t for t in act.children("dobj") if t.lemma_.lower() in PETS]
        if len(things) != 1 or things[0].tag_ != "NN":
            return None
        return _pet(act, things[0], things[0].subtree, act.subject, holds=act.holds)
    subject = act.clause.subject
    if subject is None or not _has_died(act):
        return None
    own = [t for t in subject.subtree if t.lemma_.lower() in PETS and t.tag_ == "NN"]
    owner = owner_of(own[0]) or owner_of(subject) if len(own) == 1 else None
    if owner is None or {subject.dep_, subject.head} != {"nsubj", act.verb}:
        return None
    return _pet(act, own[0], subject.subtree, owner_name(owner), holds=False)


def birth(act: Act) -> Claim | None:
    """ "Alice is five months pregnant", "Alice had a baby girl", "Alice gave birth"."""
    expecting = any(t.lower_ == "pregnant" for t in act.children("acomp"))
    if act.lemma == "be" and act.present and expecting:
        return claim(act, "be pregnant", NOTHING, exclusive=False)
    if not act.holds or not is_done(act) or act.lemma not in {"have", "give"}:
        return None
    things = act.children("dobj")
    born = any(_is_baby(t) if act.lemma == "have" else t.lower_ == "birth" for t in things)
    if not born:
        return None
    return claim(act, "be pregnant", NOTHING, holds=False, exclusive=False, stays=True)


def _pet(act: Act, kind: Token, said: Iterable[Token], owner: str, *, holds: bool) -> Claim | None:
    names = frozenset(t.lower_ for t in said if t.pos_ == "PROPN") - set(owner.split())
    stays = act.verb.lemma_ not in _HAVING
    return claim(
        act, f"have {kind.lemma_.lower()}", names,
        subject=owner, holds=holds, exclusive=False, stays=stays,
    )  # fmt: skip


def _has_died(act: Act) -> bool:
    passed = act.lemma == "pass" and any(t.lower_ == "away" for t in act.verb.children)
    nearly = any(t.lower_ in {"nearly", "almost"} for t in act.verb.children)
    return act.holds and is_done(act) and not nearly and (act.lemma == "die" or passed)


def _is_baby(thing: Token) -> bool:
    child = thing.lemma_.lower() in _CHILDREN and any(t.lower_ == "baby" for t in thing.lefts)
    return child or thing.lemma_.lower() in _BABIES
