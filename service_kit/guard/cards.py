"""Payment card numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from stdnum import luhn

from service_kit.guard.spans import Kind, Span

_GROUPED_DIGITS = re.compile(r"\d+(?:[ .\-\u00a0\u2011\u2013]\d+)*")
_GROUP = re.compile(r"\d+")
_LENGTHS = range(14, 20)

# How the networks print their numbers; a number without gaps is one group.
_LAYOUTS = (
    (4, 4, 4, 4, 3),
    (4, 4, 4, 4),
    (4, 6, 5),
    (4, 6, 4),
    (4, 4, 4, 2),
    (4, 4, 4, 3),
    (6, 13),
    (6, 10),
    *((n,) for n in _LENGTHS),
)
_DIGIT_BY_DIGIT = range(15, 17)

# First digits and lengths in use, by the networks' own documents (ISO/IEC 7812 gives the system).
# Visa's 13 digits and Maestro's 12 to 15 are out of use, or nearly, and look like product codes.
_BRANDS = (
    (re.compile(r"4"), {16, 19}),  # Visa
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), {16}),  # Mastercard
    (re.compile(r"3[47]"), {15}),  # American Express
    (re.compile(r"6011|64[4-9]|65"), {16, 19}),  # Discover
    (re.compile(r"30[0-5]|3[689]"), {14, 16}),  # Diners Club
    (re.compile(r"35(?:2[89]|[3-8])"), {16, 19}),  # JCB
    (re.compile(r"62|81"), {16, 17, 18, 19}),  # UnionPay
    (re.compile(r"50|5[6-8]|6304|67"), {16, 18, 19}),  # Maestro
    (re.compile(r"220[0-4]"), {16, 19}),  # Mir
    (re.compile(r"60|65|508"), {16}),  # RuPay
)


def card_numbers(text: str) -> Iterator[Span]:
    """Card numbers in a text, with gaps or without: brand, length, layout and check digit fit."""
    for run in _GROUPED_DIGITS.finditer(text):
        groups = [found.span() for found in _GROUP.finditer(text, run.start(), run.end())]
        sizes = tuple(end - start for start, end in groups)
        at = 0
        while at < len(groups):
            taken = next((n for n in _layouts_at(sizes, at) if _is_card(text, groups, at, n)), 0)
            if taken:
                yield Span(groups[at][0], groups[at + taken - 1][1], Kind.CARD_NUMBER)
            at += taken or 1


def _layouts_at(sizes: tuple[int, ...], at: int) -> Iterator[int]:
    """How many groups from there on would have the layout of a card number, the longest first."""
    if at == 0 or sizes[at - 1] != 1:
        ones = len(list(takewhile(lambda size: size == 1, sizes[at : at + _DIGIT_BY_DIGIT.stop])))
        if ones in _DIGIT_BY_DIGIT:
            yield ones
    for layout in _LAYOUTS:
        if sizes[at : at + len(layout)] == layout:
            yield len(layout)


def _is_card(text: str, groups: list[tuple[int, int]], at: int, count: int) -> bool:
    written = "".join(text[start:end] for start, end in groups[at : at + count])
    digits = "".join(str(int(digit)) for digit in written)  # of any script
    fits = any(first.match(digits) and len(digits) in lengths for first, lengths in _BRANDS)
    return fits and luhn.is_valid(digits)
