"""Questions for particulars that have no verb, or none of the statement's: "How many guests?"."""

from __future__ import annotations

import re

# What is the same whoever asks for it: of whom there are how many, what is somebody's own, and what
# there is one of in what is talked about.
_COUNTED = "guests|users|customers|employees|members|participants|attendees|visitors|students"
_OWN = (
    r"(?:(?:full|home|postal|delivery|billing|work|mobile|phone|order|account|customer|reference)"
    r" ){0,2}(?:address|number)|post ?code|zip(?: code)?|e-?mail(?: address)?|date of birth"
    r"|birthday"
)
_ONLY = "budget|deadline|wedding date|due date|deposit|rent"

_START = r"\W*(?:(?:and|ok|okay|so|great|thanks|thank you)[\s,]+){0,3}"
_HOW_MANY = re.compile(rf"{_START}how many (?P<counted>{_COUNTED})\W*\?\W*", re.IGNORECASE)
_ASKING = (
    r"(?:(?:could|can|would|will) you (?:please )?)?(?:please )?"
    r"(?:confirm|tell me|give me|share|send me|provide|let me know)"
    r"|what(?: is|'s| about)|how about|(?:may|can|could) i have"
)
_PARTICULAR = re.compile(
    rf"{_START}(?:(?:{_ASKING}) )?(?:(?:your|(?<=confirm )the) (?P<own>{_OWN})"
    rf"|your (?P<yours>{_ONLY})|the (?P<only>{_ONLY}))(?:,? please)?\W*\?\W*",
    re.IGNORECASE,
)


def counted(question: str) -> str:
    """ "Guests" of "how many guests?"; "" where another question is asked."""
    found = _HOW_MANY.fullmatch(question)
    return found["counted"].lower() if found else ""


def particular(question: str, listener: str) -> str:
    """Whose particular a question asks for: "Alice's postcode", "the budget", or ""."""
    found = _PARTICULAR.fullmatch(question)
    if found is None:
        return ""
    own = found["own"] or found["yours"]
    return f"{listener}'s {own.lower()}" if own else f"the {found['only'].lower()}"
