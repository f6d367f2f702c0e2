"""Made-up text: the nth memory, question or turn is always the same one."""

from __future__ import annotations

_PEOPLE = "Alice Bruno Chiara David Elena Farid Grace Hiro Ingrid Jonas Karim Lucia".split()
_THINGS = (
    "kayak, telescope, piano, bicycle, camera, greenhouse, loom, sailing boat, chess clock, "
    "record player, microscope, tent, violin"
).split(", ")
_PLACES = "Lisbon Oslo Kyoto Montreal Nairobi Cork Lima Graz Tallinn Hobart Split".split()
_MONTHS = "January March April June July September November".split()

_TURNS = (
    "I bought a {thing} in {place} for {price} euros, and I really like it.",
    "That sounds lovely! How long did you look for it, {price} days?",
    "My sister lives in {place}. She works as a teacher and she likes her {thing} number {price}.",
    "Haha, I know exactly what you mean.",
    "In {month} I am moving to {place}, to a house with {price} windows.",
    "I used to play the piano every day, but now I have only {price} minutes a week.",
)
"""What people say: facts, plans and other people's facts, with questions and small talk between.

Numbers make nearly every turn a new one, so that nothing that remembers a parsed turn helps.
"""


def memory_text(n: int) -> str:
    """Return a sentence of about 15 words; no two `n` give the same."""
    parts = _parts(n)
    return (
        "{person} bought a {thing} in {place} in {month} and paid {price} euros for it, "
        "which was less than expected."
    ).format(**parts)


def question(n: int) -> str:
    """Return a question of about 8 words that some memory answers."""
    return "When did {person} buy the {thing} in {place}?".format(**_parts(n))


def turn(n: int) -> str:
    """Return what is said in turn `n`."""
    return _TURNS[n % len(_TURNS)].format(**_parts(n))


def speaker(n: int) -> str:
    """Return who says turn `n`: two people take turns."""
    return _PEOPLE[n % 2]


def _parts(n: int) -> dict[str, str]:
    # The lists' lengths share no factor, so all combinations come up before any comes again.
    return {
        "person": _PEOPLE[n % len(_PEOPLE)],
        "thing": _THINGS[n % len(_THINGS)],
        "place": _PLACES[n % len(_PLACES)],
        "month": _MONTHS[n % len(_MONTHS)],
        "price": str(100 + n),
    }
