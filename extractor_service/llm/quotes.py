"""Finds what the model quotes in the message that it quotes from. Pure functions."""

from __future__ import annotations

import re

_AROUND = " \t\r\n\"'`.\u2026\u2018\u2019\u201c\u201d\u00ab\u00bb"
_ALIKE = {
    "'": "['\u2018\u2019`]",
    "\u2018": "['\u2018\u2019`]",
    "\u2019": "['\u2018\u2019`]",
    '"': '["\u201c\u201d]',
    "\u201c": '["\u201c\u201d]',
    "\u201d": '["\u201c\u201d]',
    "-": "[-\u2010\u2011\u2012\u2013\u2014]",
    "\u2013": "[-\u2010\u2011\u2012\u2013\u2014]",
    "\u2014": "[-\u2010\u2011\u2012\u2013\u2014]",
}
_LONGEST = 2000


def located(quote: str, text: str) -> tuple[int, int] | None:
    """Where the quote stands in the text, in characters [start, end); None if it does not.

    Verbatim first; else whatever the case, white space and the kind of quotation marks and dashes,
    and without marks or dots around it. The first place counts. At least one letter or digit.
    """
    if not any(character.isalnum() for character in quote) or len(quote) > _LONGEST:
        return None
    start = text.find(quote.strip())
    if start >= 0:
        return start, start + len(quote.strip())
    words = quote.strip(_AROUND).split()
    found = re.search(r"\s+".join(map(_pattern, words)), text, re.IGNORECASE)
    return found.span() if found else None


def _pattern(word: str) -> str:
    return "".join(_ALIKE.get(character) or re.escape(character) for character in word)
