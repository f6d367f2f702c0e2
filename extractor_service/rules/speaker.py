"""Who "I" and "you" are in a turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spacy.tokens import Doc, Token

from extractor_service.domain import UNNAMED, Role, Turn
from extractor_service.rules.made_up import is_made_up
from extractor_service.rules.words import word_set

ASSISTANT = "the assistant"
FIRST_PERSON = frozenset(
    {"i", "me", "my", "mine", "myself", "we", "us", "our", "ours", "ourselves"}
)
SECOND_PERSON = frozenset({"you", "your", "yours", "yourself", "u", "ur", "y'all"})
_SHORTEST_NICKNAME = 2
# A last, a middle, a maiden name is no name to go by.
_WHOLE = word_set("full whole real actual proper legal true own")


@dataclass(frozen=True, slots=True)
class Participants:
    """The one who speaks, by name or UNNAMED, and the one spoken to, None when not certain."""

    speaker: str
    other: str | None

    @property
    def named(self) -> bool:
        """Whether the speaker's name is known."""
        return self.speaker != UNNAMED

    def includes(self, name: str) -> bool:
        """Whether `name` is a participant's name, its first part, or a nickname cut from it."""
        known = [person.lower() for person in (self.speaker, self.other or self.speaker)]
        short = name.lower()
        return any(
            short == person or (len(short) >= _SHORTEST_NICKNAME and person.startswith(short))
            for person in known
        )


def participants(turn: Turn, context: Sequence[Turn], introduced: str | None) -> Participants:
    """Names from the turns themselves; `introduced` is the name an unnamed speaker gave.

    "You" is somebody only when exactly one other person speaks and no assistant does.
    """
    speaker = tidy_name(turn.speaker) or introduced or UNNAMED
    others = {tidy_name(t.speaker) for t in context if t.role is Role.USER} - {"", speaker}
    alone = all(t.role is Role.USER for t in context)
    return Participants(speaker, others.pop() if alone and len(others) == 1 else None)


def tidy_name(name: str) -> str:
    """A speaker's name on one line, without outer space."""
    return " ".join(name.split())


def is_introduction(verb: Token) -> bool:
    """Whether this verb is the "am" of "I'm Alice" or the "is" of "my name is Alice"."""
    return introduced_name(verb) is not None


def self_introduction(doc: Doc) -> str | None:
    """The name that the writer of this text gives for themselves, if any."""
    named = ((token, name) for token in doc if (name := introduced_name(token)))
    return next((name for verb, name in named if not is_made_up(verb)), None)


def introduced_name(verb: Token) -> str | None:
    """The name in "I'm Alice Smith" or "my name is Alice", given the verb."""
    if verb.lemma_ != "be":
        return None
    children = {child.dep_: child for child in verb.children}
    subject, name = children.get("nsubj"), children.get("attr")
    if subject is None or name is None or name.tag_ != "NNP" or "neg" in children:
        return None
    if not is_own_name(subject) and not (subject.lower_ == "i" and _looks_like_a_person(name)):
        return None
    return " ".join(t.text for t in name.subtree if t.tag_ == "NNP" and _within_name(t, name))


def is_own_name(subject: Token) -> bool:
    """ "My name", "my full name", and not "my moms name" or "my middle name"."""
    own = any(child.lower_ == "my" for child in subject.children)
    plain = all(child.dep_ == "poss" or child.lower_ in _WHOLE for child in subject.children)
    return subject.lemma_ == "name" and own and plain


def _looks_like_a_person(name: Token) -> bool:
    if name.ent_type_ == "PERSON":
        return True
    bare = all(child.dep_ == "punct" for child in name.children)
    return bare and name.ent_type_ in {"", "GPE", "ORG"} and name.is_title


def _within_name(token: Token, name: Token) -> bool:
    return token == name or (token.dep_ == "compound" and token.head == name)
