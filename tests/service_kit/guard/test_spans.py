"""Redacting, and finding the way back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service_kit.guard.spans import PERSONAL, SECRETS, Kind, Span, disjoint, redact, to_original

TEXT = "write a@b.example or call +49 30 901820 now"
SPANS = (Span(6, 17, Kind.E_MAIL), Span(26, 39, Kind.PHONE))


@st.composite
def texts_and_spans(draw: st.DrawFn) -> tuple[str, list[Span]]:
    text = draw(st.text(alphabet="abc", max_size=60))
    places = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))
    spans = [
        Span(min(place), max(place), draw(st.sampled_from(Kind)))
        for place in draw(st.lists(places, max_size=6))
        if place[0] != place[1]
    ]
    return text, spans


def test_spans_become_placeholders_and_the_rest_stays():
    assert redact(TEXT, SPANS) == "write [e-mail] or call [phone] now"


def test_without_spans_the_text_stays():
    assert redact(TEXT, ()) == TEXT


def test_overlapping_spans_become_one_of_the_longest_s_kind():
    spans = [Span(0, 4, Kind.PHONE), Span(2, 9, Kind.IBAN), Span(9, 10, Kind.TOKEN)]

    assert disjoint(spans) == (Span(0, 9, Kind.IBAN), Span(9, 10, Kind.TOKEN))


def test_a_place_in_the_redacted_text_leads_back():
    redacted = redact(TEXT, SPANS)
    for word in ("write", "or", "call", "now"):
        at = redacted.index(word)
        start, end = to_original(at, at + len(word), SPANS)
        assert TEXT[start:end] == word


def test_a_place_that_takes_in_a_placeholder_leads_to_all_it_stands_for():
    redacted = redact(TEXT, SPANS)
    at = redacted.index("or call [ph")

    start, end = to_original(at, at + len("or call [ph"), SPANS)

    assert TEXT[start:end] == "or call +49 30 901820"


def test_the_whole_leads_back_to_the_whole():
    assert to_original(0, len(redact(TEXT, SPANS)), SPANS) == (0, len(TEXT))


@given(texts_and_spans())
def test_a_redacted_text_holds_what_was_outside_of_the_spans_and_no_more(
    drawn: tuple[str, list[Span]],
):
    text, spans = drawn
    covered = {at for span in spans for at in range(span.start, span.end)}
    kept = "".join(c for at, c in enumerate(text) if at not in covered)
    placeholders = "".join(span.kind.placeholder for span in disjoint(spans))

    redacted = redact(text, spans)

    assert len(redacted) == len(kept) + len(placeholders)
    for span in disjoint(spans):
        redacted = redacted.replace(span.kind.placeholder, "", 1)
    assert redacted == kept


@given(texts_and_spans(), st.data())
def test_every_part_outside_of_placeholders_leads_back_to_itself(
    drawn: tuple[str, list[Span]], data: st.DataObject
):
    text, spans = drawn
    redacted = redact(text, spans)
    at = data.draw(st.integers(0, len(redacted)))
    start, end = to_original(at, at + 1, spans)

    inside = any(span.start == start and span.end == end for span in disjoint(spans))
    assert inside or text[start:end] == redacted[at : at + 1]


def test_each_kind_has_a_placeholder_of_its_own_and_is_secret_or_personal():
    assert len({kind.placeholder for kind in Kind}) == len(Kind)
    assert set(Kind) == SECRETS | PERSONAL
    assert not SECRETS & PERSONAL
