"""What each policy keeps out, and that what is kept out is gone for good."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service_kit.guard.policy import Guarded, Policy, guarded
from service_kit.guard.spans import PERSONAL, SECRETS, Kind, Span, redact
from tests.service_kit.guard.test_personal import HELD
from tests.service_kit.guard.test_secrets import CARDS, TOLD, VENDORS

TEXT = "My PIN is 4711, my mail is bob@example.com."
EVERYTHING = Policy(SECRETS | PERSONAL)

FOUND = [
    *(f"take {key} now" for _, _, key in VENDORS),
    *(text for text, _, _ in TOLD),
    *(f"card {number} here" for number in CARDS),
    *(text for text, _, _ in HELD),
]
# What a finder may trip over when placeholders and leftovers come to stand side by side.
PIECES = st.sampled_from(
    [
        *FOUND,
        *(kind.placeholder for kind in Kind),
        *"password is PIN : = alarm code call token key hunter2 4711".split(),
        *"a@b.example 4111 1111 DE89 - . , @ :// +49 [ ] bearer secret Alice likes tea".split(),
    ]
)
TALK = st.lists(PIECES, max_size=12).flatmap(
    lambda pieces: st.sampled_from([" ", ""]).map(lambda gap: gap.join(pieces))
)


@pytest.mark.parametrize(
    ("setting", "kinds"),
    [
        ("none", set()),
        ("secrets", SECRETS),
        ("secrets+personal", SECRETS | PERSONAL),
        ("personal", PERSONAL),
        ("secrets, e-mail, phone", SECRETS | {Kind.E_MAIL, Kind.PHONE}),
        (" Card-Number ", {Kind.CARD_NUMBER}),
    ],
)
def test_a_policy_is_read_from_a_setting(setting: str, kinds: set[Kind]):
    policy = Policy.parse(setting)

    assert policy.kinds == kinds
    assert Policy.parse(str(policy)) == policy


@pytest.mark.parametrize("setting", ["", " ", "everything", "secrets,names", "none,secrets", "+"])
def test_any_other_setting_is_refused(setting: str):
    with pytest.raises(ValueError, match="should name"):
        Policy.parse(setting)


def test_secrets_are_kept_out_unless_said_otherwise():
    assert Policy().kinds == SECRETS


@pytest.mark.parametrize(
    ("setting", "text", "kinds"),
    [
        ("none", TEXT, ()),
        ("secrets", "My PIN is [access code], my mail is bob@example.com.", (Kind.ACCESS_CODE,)),
        ("personal", "My PIN is 4711, my mail is [e-mail].", (Kind.E_MAIL,)),
        (
            "secrets+personal",
            "My PIN is [access code], my mail is [e-mail].",
            (Kind.ACCESS_CODE, Kind.E_MAIL),
        ),
    ],
)
def test_each_policy_keeps_out_its_own_kinds(setting: str, text: str, kinds: tuple[Kind, ...]):
    result = guarded(TEXT, Policy.parse(setting))

    assert (result.text, result.kinds) == (text, kinds)
    assert redact(TEXT, result.spans) == text


def test_spans_are_places_in_the_original():
    spans = guarded(TEXT, EVERYTHING).spans

    assert spans == (Span(10, 14, Kind.ACCESS_CODE), Span(27, 42, Kind.E_MAIL))


def test_a_text_without_findings_is_the_very_same():
    text = "Alice's sister Emma is a nurse in Lyon since 2019."
    assert guarded(text, EVERYTHING) == Guarded(text)


@pytest.mark.parametrize("text", FOUND)
def test_nothing_is_found_in_what_was_guarded(text: str):
    once = guarded(text, EVERYTHING)

    assert once.text != text
    assert guarded(once.text, EVERYTHING) == Guarded(once.text)


@given(TALK)
@example("password is hunter2")
def test_guarding_is_idempotent_and_keeps_all_else(text: str):
    once = guarded(text, EVERYTHING)

    assert guarded(once.text, EVERYTHING) == Guarded(once.text)
    assert redact(text, once.spans) == once.text
    for span in once.spans:
        assert 0 <= span.start < span.end <= len(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Nd", "Cs"]), max_size=200))
def test_any_text_can_be_guarded(text: str):
    result = guarded(text, EVERYTHING)

    assert (result.text == text) is (result.spans == ())
