"""The name of a speaker who writes without one: "my name is Alice" is kept, and what is told of
Alice tells the next conversations whom it is told of.

Slots name such a speaker "the user" whatever they are called, so that what was said before the name
was given, or where it had been forgotten, gives its place to what is said after.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from spacy.tokens import Doc, Token

from extractor_service.domain import UNNAMED, Entity, Finding, KnownEntity, MemoryType, Turn
from extractor_service.rules.clauses import SPLICED, Clause, clauses
from extractor_service.rules.filters import is_question, supposes
from extractor_service.rules.findings import source_of
from extractor_service.rules.jokes import jokes
from extractor_service.rules.known import PERSON, mention_of
from extractor_service.rules.made_up import is_made_up
from extractor_service.rules.people import Mention
from extractor_service.rules.speaker import introduced_name, is_own_name
from extractor_service.rules.topics import topics

NAME = "name"
"""What a known name is to "the user"."""

_USERS = "The user"
_SURENESS = 0.9
_STATED = SPLICED | {"ROOT", "conj"}


def known_name(known: Sequence[KnownEntity]) -> str | None:
    """The name that the user is known by from before; None if there are several."""
    names = {each.name for each in known if _names_the_user(each)}
    return names.pop() if len(names) == 1 else None


def _names_the_user(known: KnownEntity) -> bool:
    """Whether it tells how the user is called, and nobody else."""
    return known.kind == PERSON and known.relation == NAME and known.of == UNNAMED


def mentioned(known: Sequence[KnownEntity], user: str | None) -> Iterator[Mention]:
    """Those known from before; who is the user's is so by the `user`'s name, too."""
    for each in known:
        of = user if user and each.of == UNNAMED else each.of
        mention = None if _names_the_user(each) else mention_of(replace(each, of=of))
        if mention is not None:
            yield mention


def own_name_findings(doc: Doc, turn: Turn) -> Iterator[Finding]:
    """ "The user's name is Alice", where a turn says so in as many words."""
    unmeant = jokes(doc)
    for part in doc.sents:
        if not is_question(part) and part.start not in unmeant:
            yield from (_finding(c, turn) for c in clauses(part) if _gives_a_name(c))


def of_the_user(memory: Finding, name: str) -> Finding:
    """A memory of who writes without a name and is called `name`, for what they are called next.

    Its slot is that of "the user": "the user|home", "the user's dog|age".
    """
    slot, own = memory.slot, name.lower()
    if slot.startswith((f"{own}|", f"{own}'s ")):
        memory = replace(memory, slot=f"{UNNAMED}{slot[len(own) :]}")
    if not memory.text.startswith(f"{name}'s name is "):
        return memory
    others = tuple(entity for entity in memory.entities if entity.name != name)
    return replace(memory, text=f"{_USERS}{memory.text[len(name) :]}", entities=others)


def _gives_a_name(clause: Clause) -> bool:
    """ "My name is Alice", and not "I'm Alice", which the next fact about Alice tells as well."""
    subject, stated = clause.subject, clause.head.dep_ in _STATED
    own = subject is not None and is_own_name(subject) and introduced_name(clause.head)
    return stated and bool(own) and not (supposes(clause) or is_made_up(clause.head))


def _finding(clause: Clause, turn: Turn) -> Finding:
    name = introduced_name(clause.head) or ""
    words: Sequence[Token] = clause.own
    return Finding(
        text=f"{_USERS}'s name is {name}.",
        type=MemoryType.SEMANTIC,
        topics=topics("personal", words),
        entities=(Entity(name, PERSON),),
        source=source_of(words, turn),
        confidence=_SURENESS,
    )
