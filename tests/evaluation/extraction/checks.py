"""What can be told of a memory without knowing what it should have said."""

from __future__ import annotations

from collections.abc import Sequence

from spacy.language import Language
from spacy.tokens import Token

from extractor_service.rules.expletives import points_at_nothing

from .corpus import Conversation
from .memories import Memory, Passage

_PARTICIPANTS = frozenset(
    "i me my mine myself we us our ours ourselves you your yours yourself u".split()
)
_PEOPLE = frozenset("he him his himself she her hers herself".split())
_POINTERS = frozenset(
    "it its itself they them their theirs themselves this that these those".split()
)
_YEAR_IN_DAYS = 366


def has_valid_span(memory: Memory, conversation: Conversation) -> bool:
    """Whether its bytes are some words of its turn, cut between characters; all of its passages."""
    if memory.start is None or memory.end is None:
        return False
    passages = (Passage(memory.turn, memory.start, memory.end), *memory.others)
    return all(_is_said(passage, conversation) for passage in passages)


def _is_said(passage: Passage, conversation: Conversation) -> bool:
    said = conversation.turns[passage.turn].text.encode()
    if not 0 <= passage.start < passage.end <= len(said):
        return False
    try:
        return bool(said[passage.start : passage.end].decode().strip())
    except UnicodeDecodeError:
        return False


def unresolved(memories: Sequence[Memory], conversation: Conversation, nlp: Language) -> list[bool]:
    """For each memory whether it holds a pronoun that the memory itself does not explain.

    That is any "I", "we" or "you"; a "he" or "she" before any noun or name; and an "it", "they" or
    bare "this" before any noun, or name of somebody else than the speakers. An "it" that points at
    nothing ("it is good to rest") counts as explained.
    """
    names = {turn.speaker for turn in conversation.turns}
    docs = nlp.pipe(memory.text for memory in memories)
    return [any(_is_unresolved(token, names) for token in doc) for doc in docs]


def days_off(memories: Sequence[Memory], conversation: Conversation) -> list[int]:
    """For each dated memory the days between its event and the session it was told in."""
    turns = conversation.turns
    dated = ((m.event_time, turns[m.turn].time) for m in memories if m.event_time is not None)
    return [abs((event.date() - told.date()).days) for event, told in dated]


def share_within_a_year(days: Sequence[int]) -> float | None:
    """The share of these dates that are near the session, None where there is no date."""
    return sum(day <= _YEAR_IN_DAYS for day in days) / len(days) if days else None


def _is_unresolved(token: Token, names: set[str]) -> bool:
    word = token.lower_
    if word in _PARTICIPANTS:
        return token.tag_ in {"PRP", "PRP$"} or word in {"you", "your", "we", "our"}
    before = [t for t in token.doc[: token.i] if t.pos_ in {"NOUN", "PROPN"}]
    if word in _PEOPLE:
        return not before
    if word not in _POINTERS or token.tag_ in {"WDT", "IN", "RB"} or points_at_nothing(token):
        return False
    if token.dep_ in {"det", "mark", "advmod"} or token.pos_ not in {"PRON", "DET"}:
        return False
    return all(t.text in names for t in before)
