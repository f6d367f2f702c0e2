"""Personal data that identifies or reaches a person, for whoever chooses not to store it.

Names are none of it: memories are about people. Neither are street addresses: without a model of
places "12 Oak Street" cannot be told from "12 green apples" well enough to cut a text by, and what
is cut is lost.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterator
from ipaddress import ip_address

import phonenumbers
from stdnum import iban

from service_kit.guard.national_ids import national_ids
from service_kit.guard.spans import PERSONAL, Kind, Span, disjoint

# The local part's characters without quotes, as in RFC 5322's dot-atom; letters of any script.
_E_MAIL = re.compile(
    r"(?<![\w.!#$%&*+/=?^`{|}~-])[\w.!#$%&*+/=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w@])"
)

_IPV4 = re.compile(r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w-]|\.[0-9])")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{2,39}(?:[0-9.]{7,15})?(?![\w:])")
_VERSION = re.compile(r"(?i)(?:version|release|\bver\.?|\bv|firmware|chapter|section) ?\Z")
_VERSION_REACH = 10
_SHORTEST_IP = len("8.8.8.8")  # shorter ones are valid, and code: a::b

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,32}")
_IBAN_GAP = re.compile(r"[ -]|\Z")

# A number without a country code is a phone number where the text says so: its length and grouping
# alone fit orders, dates and prices as well.
_NATIONAL_PHONE = re.compile(
    r"(?i)\b(?:call|phone|telephone|tel|cell|mobile|fax|whatsapp|signal|text|sms|ring|dial|reach|landline"
    r"|handy|telefon\w*|anruf\w*|rufnummer|t[ée]l[ée]phone|portable|tel[ée]fono|m[óo]vil|celular|llama\w*)"
    r"\b[^\d\n+]{0,40}?(?P<number>\(?\d[\d()./\- ]{5,18}\d)(?![\d.,]*\d)"
)
_DIGITS = re.compile(r"\d\D{0,3}\d")
_DIGITS_OF_A_PHONE = range(7, 16)  # E.164 allows 15
# One whose plan can be told from its form alone: 415-555-2671.
_FORM_OF_ITS_OWN = "US"


def find_personal(text: str, kinds: Collection[Kind] = PERSONAL) -> tuple[Span, ...]:
    """Where a text holds personal data of those kinds, in order, none overlapping.

    Time is linear in the text's length. Kinds that are secrets are not looked for here.
    """
    return disjoint(span for kind in kinds if kind in _FINDERS for span in _FINDERS[kind](text))


def _e_mails(text: str) -> Iterator[Span]:
    for found in _E_MAIL.finditer(text):
        yield Span(found.start(), found.end(), Kind.E_MAIL)


def _phones(text: str) -> Iterator[Span]:
    if _DIGITS.search(text) is None:
        return
    matcher = phonenumbers.PhoneNumberMatcher(text, _FORM_OF_ITS_OWN, max_tries=sys.maxsize)
    for match in matcher:
        if "+" in match.raw_string or re.search(r"\d[). \-/]+\d", match.raw_string):
            yield Span(match.start, match.end, Kind.PHONE)
    for found in _NATIONAL_PHONE.finditer(text):
        if sum(map(str.isdigit, found["number"])) in _DIGITS_OF_A_PHONE:
            yield Span(*found.span("number"), Kind.PHONE)


def _ibans(text: str) -> Iterator[Span]:
    """Country, length, structure and check digits fit; what follows it is left alone."""
    for found in _IBAN.finditer(text):
        ends = [gap.start() for gap in _IBAN_GAP.finditer(found[0])]
        for end in reversed(ends):
            if iban.is_valid(found[0][:end]):
                yield Span(found.start(), found.start() + end, Kind.IBAN)
                break


def _ip_addresses(text: str) -> Iterator[Span]:
    """Addresses that may lead to somebody: not this host's own, and no version numbers."""
    for form in (_IPV4, _IPV6):
        for found in form.finditer(text):
            before = text[max(0, found.start() - _VERSION_REACH) : found.start()]
            if _is_ip(found[0]) and not _VERSION.search(before):
                yield Span(found.start(), found.end(), Kind.IP_ADDRESS)


def _is_ip(written: str) -> bool:
    try:
        address = ip_address(written)
    except ValueError:
        return False
    return len(written) >= _SHORTEST_IP and not (address.is_loopback or address.is_unspecified)


_FINDERS: dict[Kind, Callable[[str], Iterator[Span]]] = {
    Kind.E_MAIL: _e_mails,
    Kind.PHONE: _phones,
    Kind.IBAN: _ibans,
    Kind.IP_ADDRESS: _ip_addresses,
    Kind.NATIONAL_ID: national_ids,
}
