"""National identity, tax and insurance numbers of some large countries.

A form that nothing else has (123.456.789-09) is enough with its check digit; a bare run of digits
needs its name nearby as well: one order number in eleven has a fitting check digit by chance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

from service_kit.guard.spans import Kind, Span


class _Number(NamedTuple):
    module: str  # of stdnum, which knows its check digits and ranges
    form: re.Pattern[str]
    name: re.Pattern[str] | None  # needed before it, None where the form is enough


def _number(module: str, form: str, name: str = "") -> _Number:
    bounded = re.compile(rf"(?<![\w.-])(?:{form})(?![\w-]|\.\d)", re.IGNORECASE)
    return _Number(module, bounded, re.compile(rf"(?i)\b(?:{name})\b") if name else None)


_NAME_REACH = 60
_DIGITS = re.compile(r"\d(?:[ .+-]?\d){2}")  # each has three together

_NUMBERS = (
    _number("us.ssn", r"\d{3}-\d{2}-\d{4}"),
    _number("us.ssn", r"\d{3} ?\d{2} ?\d{4}", r"ssn|social security(?: number)?|social"),
    _number("us.itin", r"9\d{2}-\d{2}-\d{4}"),
    _number("ca.sin", r"\d{3}[ -]?\d{3}[ -]?\d{3}", r"sin|social insurance(?: number)?|nas"),
    _number("gb.nhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}", r"nhs(?: number)?"),
    _number("au.tfn", r"\d{3} ?\d{3} ?\d{2,3}", r"tfn|tax file number"),
    _number("in_.aadhaar", r"\d{4}[ -]?\d{4}[ -]?\d{4}", r"aadhaar|aadhar|uidai"),
    _number("in_.pan", r"[a-z]{3}[abcfghjlpt][a-z]\d{4}[a-z]", r"pan(?: card)?(?: number)?"),
    _number("br.cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}"),
    _number("br.cpf", r"\d{11}", r"cpf"),
    _number("mx.curp", r"[a-z]{4}\d{6}[hm][a-z]{5}[0-9a-z]\d"),
    _number("cn.ric", r"\d{17}[\dx]"),
    _number("de.idnr", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", r"steuer-?id\w*|steuer\w*|idnr|tax id"),
    _number("fr.nir", r"[12] ?\d{2} ?\d{2} ?\d[\dab] ?\d{3} ?\d{3} ?\d{2}"),
    _number("es.dni", r"\d{8}-?[a-z]"),
    _number("es.nie", r"[xyz]-?\d{7}-?[a-z]"),
    _number("it.codicefiscale", r"[a-z]{6}\d{2}[a-ehlmprst]\d{2}[a-z]\d{3}[a-z]"),
    _number("pl.pesel", r"\d{11}", r"pesel"),
    _number("nl.bsn", r"\d{9}|\d{4}\.\d{2}\.\d{3}", r"bsn|burgerservicenummer|sofinummer"),
    _number("se.personnummer", r"(?:\d{2})?\d{6}[-+]\d{4}"),
    _number("ch.ssn", r"756\.\d{4}\.\d{4}\.\d{2}"),
    _number("za.idnr", r"\d{13}", r"id(?: number)?"),
    _number("tr.tckimlik", r"\d{11}", r"tc|kimlik\w*|tckn"),
    _number("kr.rrn", r"\d{6}-[1-8]\d{6}"),
)
# Great Britain's national insurance number has ranges and no check digit; stdnum has none of it.
# https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110
_NINO = re.compile(
    r"(?i)(?<![\w-])(?!bg|gb|kn|nk|nt|tn|zz)[a-ceghj-prstw-z][a-ceghj-nprstw-z]"
    r"(?: ?\d{2}){3} ?[a-d](?![\w-])"
)


def national_ids(text: str) -> Iterator[Span]:
    """Identity numbers in a text whose form, name and check digits fit."""
    if _DIGITS.search(text) is None:
        return
    for number in _NUMBERS:
        for found in number.form.finditer(text):
            if _is_named(text, found.start(), number.name) and _is_valid(number.module, found[0]):
                yield Span(found.start(), found.end(), Kind.NATIONAL_ID)
    for found in _NINO.finditer(text):
        yield Span(found.start(), found.end(), Kind.NATIONAL_ID)


def _is_named(text: str, at: int, name: re.Pattern[str] | None) -> bool:
    return name is None or name.search(text, max(0, at - _NAME_REACH), at) is not None


def _is_valid(module: str, written: str) -> bool:
    return bool(import_module(f"stdnum.{module}").is_valid(written.replace(" ", "")))
