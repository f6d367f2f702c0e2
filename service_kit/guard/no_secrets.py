"""What is said where a password could be, and is none."""

from __future__ import annotations

import re

from service_kit.guard.spans import holds_placeholder

# What is said of passwords and begins a predicate, or is a stand-in for one.
NO_PASSWORD = frozenset(
    """
    a about above again all almost already also always an and another any anything as asked
    asking at available back bad based because been before being below better blank both broken
    but by case-sensitive changed changing common complicated compromised confidential correct
    different difficult easy empty encrypted enough essential everything exactly expire expired
    expiring fine for forgotten from gone good great guessable hacked hard hashed her here
    hidden his i if important impossible in incorrect insecure invalid it its just kept key
    known leaked like long longer lost memorable mandatory me mine missing more much my needed
    never new no none not nothing null ok okay old on one only optional or our ours out outdated
    over personal please pretty private probably protected really recovered required reset right
    safe same saved secret secure set shared short simple simply so something somewhere stored
    strong stuck such super supposed temporary terrible that the their theirs there these this
    those to too true typed unchanged under undefined unique unknown unsafe up useless using
    usually valid very visible weak what when where which who why with without working worse
    written wrong yes yet your yours falsch richtig nicht zu sehr sicher unsicher abgelaufen
    vergessen das die der ein eine gleich noch immer trop tres très pas incorrecto incorrecta
    muy la el le les un une no
    """.split()
)
PREDICATE_ENDING = re.compile(r"(?:ed|ing|ly|able|ible|ful|less)\Z")
_MASKED = re.compile(r"[*•●xX.#_?-]+\Z")
_STANDS_FOR = re.compile(r"[<\[{$%].*[>\]})%]?\Z", re.DOTALL)


def is_no_secret(word: str) -> bool:
    """Whether a word is one of NO_PASSWORD, masked, or a stand-in such as <password>."""
    return (
        word.lower() in NO_PASSWORD
        or _MASKED.match(word) is not None
        or _STANDS_FOR.match(word) is not None
        or holds_placeholder(word)
    )
