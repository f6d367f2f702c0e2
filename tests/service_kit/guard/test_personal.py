"""What counts as personal data. Numbers are the issuers' own examples, or made to fit."""

from __future__ import annotations

import pytest

from service_kit.guard.personal import find_personal
from service_kit.guard.spans import PERSONAL, SECRETS, Kind

HELD = [
    ("Write to anna.b+news@example.co.uk, please", Kind.E_MAIL, "anna.b+news@example.co.uk"),
    ("(bob@example.com)", Kind.E_MAIL, "bob@example.com"),
    ("mailto:bob@example.com.", Kind.E_MAIL, "bob@example.com"),
    ("jörg@müller.example", Kind.E_MAIL, "jörg@müller.example"),
    ("Call +49 30 901820 tomorrow", Kind.PHONE, "+49 30 901820"),
    ("My number is (415) 555-2671.", Kind.PHONE, "(415) 555-2671"),
    ("It is 415-555-2671 again", Kind.PHONE, "415-555-2671"),
    ("call me on 030 1234567 after six", Kind.PHONE, "030 1234567"),
    ("Mein Handy: 0171/2345678", Kind.PHONE, "0171/2345678"),
    ("her mobile is 07911 123456", Kind.PHONE, "07911 123456"),
    ("WhatsApp +55 11 91234-5678", Kind.PHONE, "+55 11 91234-5678"),
    ("to DE89 3704 0044 0532 0130 00 please", Kind.IBAN, "DE89 3704 0044 0532 0130 00"),
    ("GB82WEST12345698765432", Kind.IBAN, "GB82WEST12345698765432"),
    ("fr1420041010050500013m02606", Kind.IBAN, "fr1420041010050500013m02606"),
    ("My server is 93.184.216.34.", Kind.IP_ADDRESS, "93.184.216.34"),
    ("at home it is 192.168.1.10:8080", Kind.IP_ADDRESS, "192.168.1.10"),
    ("IP 2001:db8::1, port 80", Kind.IP_ADDRESS, "2001:db8::1"),
    ("My SSN is 536-90-4399.", Kind.NATIONAL_ID, "536-90-4399"),
    ("social security number 536904399", Kind.NATIONAL_ID, "536904399"),
    ("NHS number 943 476 5919", Kind.NATIONAL_ID, "943 476 5919"),
    ("NI number: QQ 12 34 56 C".replace("QQ", "AB"), Kind.NATIONAL_ID, "AB 12 34 56 C"),
    ("My CPF is 390.533.447-05", Kind.NATIONAL_ID, "390.533.447-05"),
    ("Mi DNI es 54362315K", Kind.NATIONAL_ID, "54362315K"),
    ("codice fiscale RCCMNL83S18D969H", Kind.NATIONAL_ID, "RCCMNL83S18D969H"),
    ("Steuer-ID 36 574 261 809", Kind.NATIONAL_ID, "36 574 261 809"),
    ("numéro 2 95 10 99 126 111 93", Kind.NATIONAL_ID, "2 95 10 99 126 111 93"),
    ("PESEL 44051401359", Kind.NATIONAL_ID, "44051401359"),
    ("mijn BSN is 111222333", Kind.NATIONAL_ID, "111222333"),
    ("身份证 360426199101010071", Kind.NATIONAL_ID, "360426199101010071"),
    ("Aadhaar 2341 2341 2346", Kind.NATIONAL_ID, "2341 2341 2346"),
    ("SIN 123-456-782", Kind.NATIONAL_ID, "123-456-782"),
]

HARMLESS = [
    "Meet me @ noon, or @bob will",
    "The price is 5@2.50",
    "a@b",
    "We are @example on every network",
    "It costs 1,234,567 euros",
    "The order 1234567890 arrives on 12.04.2024",
    "From 1999-2005 we lived at number 12",
    "Call me at 10:30 on 2024-05-07",
    "We ran 10 km in 45-50 minutes",
    "Call me on Monday, I need 12 eggs and 10 onions",
    "The score was 21-15, 19-21 and 15-13",
    "I called 3 times between 2019 and 2021",
    "It runs version 1.2.3.4 now",
    "It runs v10.0.19.1",
    "Section 4.3.2.1 of the report",
    "localhost is 127.0.0.1",
    "std::vector and a::b",
    "The film starts at 10:30:00",
    "Ratio 1:2:3 of sand, gravel and cement",
    "Alice lives at 12 Oak Street with Bob",
    "DE89 3704 0044 0532 0130 01 is no account",
    "The order number is 943 476 591",
    "Model 12345678A is discontinued",
    "The part number is 123-45-6789-0",
    "My SSN is 000-12-3456",
    "Alice Smith met Dr. Emma Jones in Berlin",
]


def found(text: str) -> list[tuple[Kind, str]]:
    return [(span.kind, text[span.start : span.end]) for span in find_personal(text)]


@pytest.mark.parametrize(("text", "kind", "part"), HELD)
def test_personal_data_is_found_whole_and_alone(text: str, kind: Kind, part: str):
    assert found(text) == [(kind, part)]


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_talk_is_left_alone(text: str):
    assert found(text) == []


@pytest.mark.parametrize("kind", sorted(PERSONAL))
def test_only_the_kinds_asked_for_are_looked_for(kind: Kind):
    everything = ". ".join(text for text, *_ in HELD)
    assert {span.kind for span in find_personal(everything, {kind})} == {kind}


def test_every_personal_kind_has_a_case():
    assert {kind for _, kind, _ in HELD} == PERSONAL


def test_secrets_are_not_looked_for_here():
    assert find_personal("my card is 4111 1111 1111 1111", SECRETS) == ()
