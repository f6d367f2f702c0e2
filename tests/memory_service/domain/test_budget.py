from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memory_service.domain.budget import (
    PER_MESSAGE,
    PER_NAME,
    PER_TOOL_CALL,
    fit,
    message_tokens,
    without_orphans,
)
from memory_service.domain.session import Message, Role, ToolCall


def words(text: str) -> int:
    """Count words, for tokens that are easily told."""
    return len(text.split())


def said(tokens: int, role: Role = Role.USER, sequence: int = 1) -> Message:
    """Return a message that takes so many tokens."""
    frame = PER_MESSAGE + (PER_TOOL_CALL if role is Role.TOOL else 0)
    return Message(sequence, str(sequence), role, "", "w " * (tokens - frame), 1)


def conversation(*tokens: int) -> list[Message]:
    return [said(n, sequence=at) for at, n in enumerate(tokens, 1)]


def tokens_of(messages: Sequence[Message]) -> int:
    return sum(message_tokens(message, words) for message in messages)


class Counter:
    """Counts words, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, text: str) -> int:
        self.asked.append(text)
        return words(text)


MESSAGES = st.lists(
    st.builds(said, st.integers(PER_MESSAGE + PER_TOOL_CALL, 60), st.sampled_from(list(Role))),
    max_size=12,
).map(lambda messages: [replace(m, sequence=at) for at, m in enumerate(messages, 1)])
BUDGETS = st.integers(0, 400)
SUMMARIES = st.integers(0, 150).map(lambda n: "s " * n)


@given(MESSAGES, BUDGETS, SUMMARIES)
def test_the_budget_is_never_exceeded(messages: list[Message], budget: int, summary: str) -> None:
    fitted = fit(messages, budget, words, summary)
    around = PER_MESSAGE + words(fitted.summary) if fitted.summary else 0
    assert fitted.tokens == tokens_of(fitted.messages) + around
    assert fitted.tokens <= fitted.budget == budget
    assert 0 <= fitted.share <= 1


@given(MESSAGES, BUDGETS, SUMMARIES)
def test_what_is_kept_is_the_end_without_gaps(
    messages: list[Message], budget: int, summary: str
) -> None:
    kept = fit(messages, budget, words, summary).messages
    assert kept == tuple(messages[len(messages) - len(kept) :])


@given(MESSAGES, BUDGETS, SUMMARIES)
def test_one_message_more_would_not_fit(messages: list[Message], budget: int, summary: str) -> None:
    fitted = fit(messages, budget, words, summary)
    left = messages[: len(messages) - len(fitted.messages)]
    if left:
        orphans = list(takewhile(lambda m: m.role is Role.TOOL, reversed(left)))
        before = left[: len(left) - len(orphans)]
        # Results are left out with the call that they answer: all of them came back, or none did.
        assert fitted.tokens + tokens_of([*before[-1:], *orphans]) > budget


@given(MESSAGES, BUDGETS, SUMMARIES)
def test_what_was_cut_does_not_begin_with_a_tools_result(
    messages: list[Message], budget: int, summary: str
) -> None:
    kept = fit(messages, budget, words, summary).messages
    assert len(kept) == len(messages) or not kept or kept[0].role is not Role.TOOL


@given(MESSAGES, BUDGETS, SUMMARIES)
@example(conversation(10, 20), 30, "s")
def test_if_all_fits_all_is_kept_and_there_is_no_summary(
    messages: list[Message], budget: int, summary: str
) -> None:
    fitted = fit(messages, budget, words, summary)
    fits = tokens_of(messages) <= budget
    assert (len(fitted.messages) == len(messages)) is fits
    if fits:
        assert (fitted.summary, fitted.tokens) == ("", tokens_of(messages))


@given(MESSAGES, BUDGETS, SUMMARIES)
def test_a_summary_never_takes_more_than_half_nor_the_last_message(
    messages: list[Message], budget: int, summary: str
) -> None:
    fitted = fit(messages, budget, words, summary)
    if fitted.summary:
        assert fitted.summary == summary
        assert (PER_MESSAGE + words(summary)) * 2 <= budget
        assert fitted.messages or not fit(messages, budget, words).messages


def test_the_summary_is_reserved_for_before_the_messages() -> None:
    messages = conversation(10, 10, 10, 10)
    assert fit(messages, 30, words).messages == tuple(messages[1:])
    summary = "s " * (10 - PER_MESSAGE)
    fitted = fit(messages, 30, words, summary)
    assert (fitted.messages, fitted.summary) == (tuple(messages[2:]), summary)
    assert (fitted.tokens, fitted.share) == (30, 1.0)


def test_a_summary_of_half_the_budget_is_kept_and_a_longer_one_is_left_out() -> None:
    messages = conversation(10, 10, 10)
    half, more = ("s " * (n - PER_MESSAGE) for n in (10, 11))
    assert fit(messages, 20, words, half).summary == half
    fitted = fit(messages, 20, words, more)
    assert (fitted.messages, fitted.summary) == (tuple(messages[1:]), "")


def test_the_newest_message_comes_before_the_summary() -> None:
    messages = conversation(10, 25)
    summary = "s " * (10 - PER_MESSAGE)
    fitted = fit(messages, 30, words, summary)
    assert (fitted.messages, fitted.summary) == ((messages[1],), "")


def test_a_summary_stands_alone_if_no_message_fits() -> None:
    fitted = fit(conversation(10, 100), 30, words, "s s s")
    assert (fitted.messages, fitted.summary, fitted.tokens) == ((), "s s s", PER_MESSAGE + 3)


def test_a_message_that_does_not_fit_hides_all_before_it() -> None:
    messages = conversation(5, 5, 100, 5)
    assert fit(messages, 50, words).messages == (messages[3],)


def test_results_leave_with_the_call_that_does_not_fit() -> None:
    call = replace(
        said(10, Role.ASSISTANT), tool_calls=(ToolCall("1", "a", ""), ToolCall("2", "b", ""))
    )
    results = [said(20, Role.TOOL), said(20, Role.TOOL)]
    messages = [said(5), call, *results, said(10, Role.ASSISTANT)]
    whole = 10 + 2 * (PER_TOOL_CALL + 1) + 40 + 10
    assert fit(messages, whole, words).messages == tuple(messages[1:])
    cut = fit(messages, whole - 1, words)
    assert (cut.messages, cut.tokens) == ((messages[4],), 10)


def test_a_log_that_fits_is_left_as_it_is_and_can_be_freed_of_orphans() -> None:
    messages = [said(20, Role.TOOL), said(10)]
    assert fit(messages, 100, words).messages == tuple(messages)
    assert without_orphans(messages) == (messages[1],)
    assert without_orphans(messages[:1]) == without_orphans([]) == ()


@pytest.mark.parametrize("budget", [0, 1, PER_MESSAGE - 1])
def test_nothing_fits_into_next_to_nothing(budget: int) -> None:
    fitted = fit(conversation(10), budget, words, "s")
    assert (fitted.messages, fitted.summary, fitted.tokens) == ((), "", 0)
    assert fitted.share == 0.0


def test_nothing_takes_nothing() -> None:
    fitted = fit([], 100, words, "s")
    assert (fitted.messages, fitted.summary, fitted.tokens, fitted.share) == ((), "", 0, 0.0)


def test_a_message_is_its_content_its_name_its_calls_and_their_frames() -> None:
    message = Message(1, "the id", Role.ASSISTANT, "", "three words here", 1, metadata='{"a": 1}')
    assert message_tokens(message, words) == PER_MESSAGE + 3
    named = replace(message, name="Alice B")
    assert message_tokens(named, words) == PER_MESSAGE + 3 + PER_NAME + 2
    calling = replace(
        message, tool_calls=(ToolCall("1", "look up", "a b c"), ToolCall("2", "x", ""))
    )
    assert message_tokens(calling, words) == PER_MESSAGE + 3 + 2 * PER_TOOL_CALL + 5 + 1
    result = replace(message, role=Role.TOOL, tool_call_id="1")
    assert message_tokens(result, words) == PER_MESSAGE + 3 + PER_TOOL_CALL


def test_of_a_long_log_only_the_end_is_counted() -> None:
    messages = [replace(said(10), content=f"{n} w w w w w") for n in range(20_000)]
    counter = Counter()
    fitted = fit(messages, 205, counter, "the summary")
    assert len(fitted.messages) == 19
    newest = [message.content for message in messages[:-22:-1]]
    assert counter.asked == [*newest, "the summary"]


def test_a_summary_that_is_not_needed_is_not_counted() -> None:
    counter = Counter()
    fit(conversation(10), 10, counter, "the summary")
    assert "the summary" not in counter.asked


def test_a_newest_message_that_is_counted_elsewhere_takes_nothing() -> None:
    messages = conversation(10, 10, 100)
    fitted = fit(messages, 10, words, counted=True)
    assert (fitted.messages, fitted.tokens) == (tuple(messages[1:]), 10)
    assert fit(messages, 0, words, counted=True).messages == (messages[2],)
    # A summary leaves room for the one before it.
    summary = "s " * (10 - PER_MESSAGE)
    assert fit(conversation(10, 25, 100), 30, words, summary, counted=True).summary == ""
    assert fit(messages, 15, words, summary, counted=True).summary == ""
    assert fit(conversation(10, 10, 10, 9), 20, words, summary, counted=True).summary == summary
