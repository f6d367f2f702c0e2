"""What a prompt has room for: within the budget in every form, counted with the real tokenizer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_service.domain.budget import fit
from memory_service.domain.errors import InvalidField
from memory_service.domain.memory import Memory
from memory_service.domain.owner import SessionRef
from memory_service.domain.prompt import ends_with
from memory_service.domain.ranking import Ranked
from memory_service.domain.search import SearchMode, Selection
from memory_service.domain.searching import Hit, SearchQuery, SearchResult
from memory_service.domain.session import Message, Role, Summary
from memory_service.prompts import anthropic_form, openai_form
from memory_service.prompts.building import Budget, Built, Prompts, Wanted
from memory_service.prompts.draft import Draft, Form
from memory_service.prompts.wording import memory_line
from memory_service.tokens import BpeTokenCounter, CounterOnDemand
from tests.support.chat_rules import assert_anthropic_takes, assert_openai_takes
from tests.support.logs import LOGS, SAID
from tests.support.memories import ALICE, make

COUNTER = BpeTokenCounter()
BOTH = frozenset(Form)
SESSION = SessionRef(ALICE, "s1")


class Found:
    """A search that found these."""

    def __init__(self, memories: Sequence[Memory]) -> None:
        self.hits = tuple(Hit(memory, Ranked(memory, 0.5, {})) for memory in memories)

    async def find(self, query: SearchQuery, *, time_left: float | None) -> SearchResult:
        return SearchResult(self.hits[: query.limit], degraded=False, revision=1)


class Said:
    """A session in which this was said, summed up so."""

    def __init__(self, log: Sequence[Message], summary: str) -> None:
        self.log = tuple(log)
        self.summary = Summary(summary, 3)
        self.read_any = False

    async def read(
        self,
        ref: SessionRef,
        count: int,
        *,
        budget: int | None,
        time_left: Any,
        frame: int,
        query: str,
    ) -> Any:
        self.read_any = True
        newest = self.log[-count:]
        whole = SimpleNamespace(session=SimpleNamespace(tail=len(self.log)))
        if budget is None:
            return SimpleNamespace(whole=whole, messages=newest, summary=self.summary)
        earlier = len(newest) < len(self.log)
        fitted = fit(
            newest,
            budget,
            COUNTER.count,
            self.summary.text,
            earlier=earlier,
            frame=frame,
            counted=ends_with(newest, query),
        )
        summary = replace(self.summary, text=fitted.summary)
        return SimpleNamespace(whole=whole, messages=fitted.messages, summary=summary)


async def build(
    memories: Sequence[Memory] = (),
    log: Sequence[Message] = (),
    *,
    summary: str = "",
    budget: int | None = None,
    **wanted: Any,
) -> Built:
    prompts = Prompts(Found(memories), Said(log, summary), CounterOnDemand(lambda: COUNTER))
    asked = {
        "query": "what now?",
        "search": SearchQuery("what now?", SearchMode.HYBRID, Selection((ALICE,)), 100),
        "session": SESSION,
        "recent": 20,
        "budget": None if budget is None else Budget(budget, "token_budget"),
        **wanted,
    }
    return await prompts.build(Wanted(**asked), lambda: None)


def facts(*texts: str) -> list[Memory]:
    return [make(f"m{n}", text) for n, text in enumerate(texts)]


def talk(*texts: str) -> list[Message]:
    return [Message(n, str(n), Role.USER, "", text, 0) for n, text in enumerate(texts, 1)]


def kept(built: Built) -> list[str]:
    return [hit.memory.id for hit in built.draft.hits]


def said(built: Built) -> list[str]:
    return [message.content for message in built.draft.recent]


@settings(deadline=None)
@given(
    st.lists(SAID, max_size=6),
    LOGS,
    SAID,
    st.one_of(st.just(""), SAID),
    st.integers(1, 400),
)
def test_no_prompt_is_over_its_budget_in_any_form(
    texts: list[str], log: list[Message], query: str, summary: str, budget: int
):
    wanted = {"query": query, "forms": BOTH, "summary": summary, "instructions": "Be kind."}
    try:
        built = asyncio.run(build(facts(*texts), log, budget=budget, **wanted))
    except InvalidField:
        bare = Draft(query, "Be kind.")
        assert bare.tokens(COUNTER.count, BOTH) > budget
        return
    prompt = built.draft.messages()
    openai = json.loads(openai_form.to_json(prompt))
    anthropic = json.loads(anthropic_form.to_json(prompt))
    assert_openai_takes(openai)
    assert_anthropic_takes(anthropic)
    assert built.tokens == built.draft.tokens(COUNTER.count, BOTH) <= budget
    # By another way, without what no form has: all the text that is sent.
    assert sum(COUNTER.count(each["content"] or "") for each in openai) <= budget
    blocks = [block for each in anthropic["messages"] for block in each["content"]]
    texts_sent = [block.get("text") or block.get("content") or "" for block in blocks]
    assert sum(map(COUNTER.count, [*texts_sent, anthropic["system"]])) <= budget
    assert {*kept(built), *(hit.memory.id for hit in built.left_out)} == {
        f"m{n}" for n in range(len(texts))
    }
    assert built.left_out_messages == len(log) - len(built.draft.recent)


async def test_with_room_for_everything_everything_is_in():
    built = await build(facts("a", "b"), talk("one", "two"), budget=1000)
    assert (kept(built), said(built)) == (["m0", "m1"], ["one", "two"])
    assert (built.left_out, built.left_out_messages) == ((), 0)


async def test_without_a_budget_nothing_is_counted():
    built = await build(facts("a"), talk("one"))
    assert built.tokens is None


async def test_memories_take_half_of_what_is_tight_the_best_first():
    memories = facts(*[f"Alice knows fact number {n} by heart." for n in range(100)])
    log = talk(*[f"This is message number {n} of many." for n in range(100)])
    built = await build(memories, log, recent=100, budget=1000)
    assert kept(built) == [f"m{n}" for n in range(len(kept(built)))]
    assert said(built) == [message.content for message in log[-len(said(built)) :]]
    taken = sum(COUNTER.count(memory_line(memory)) for memory in memories[: len(kept(built))])
    assert 0.4 < taken / 1000 < 0.5
    assert built.tokens is not None
    assert 950 < built.tokens <= 1000


async def test_memories_take_what_a_short_conversation_leaves():
    memories = facts(*[f"Alice knows fact number {n} by heart." for n in range(100)])
    built = await build(memories, talk("hi"), budget=1000)
    assert said(built) == ["hi"]
    assert built.tokens is not None
    assert 950 < built.tokens <= 1000


async def test_a_memory_that_is_too_long_keeps_no_other_out():
    built = await build(facts("short", "word " * 500, "also short"), budget=150)
    assert kept(built) == ["m0", "m2"]
    assert [hit.memory.id for hit in built.left_out] == ["m1"]


async def test_what_was_before_is_summed_up_within_the_budget():
    log = talk(*[f"This is message number {n} of many." for n in range(100)])
    built = await build((), log, summary="They counted.", budget=300)
    assert built.draft.summary == Summary("They counted.", 3)
    assert "They counted." in built.draft.messages()[0].content


async def test_a_query_that_alone_is_too_long_is_refused():
    with pytest.raises(InvalidField, match="token_budget: is too small") as raised:
        await build(query="word " * 100, budget=50)
    assert raised.value.path == "token_budget"


async def test_each_half_can_be_left_out():
    neither = await build(facts("a"), talk("one"), search=None, session=None)
    assert [message.content for message in neither.draft.messages()] == ["what now?"]
    no_talk = await build(facts("a"), talk("one"), session=None)
    assert (kept(no_talk), said(no_talk), no_talk.left_out_messages) == (["m0"], [], 0)
    no_memories = await build(facts("a"), talk("one"), search=None)
    assert (kept(no_memories), said(no_memories)) == ([], ["one"])


async def test_a_query_that_has_been_appended_already_is_not_said_twice():
    built = await build((), talk("hello", "what now?"))
    assert [message.content for message in built.draft.messages()] == ["hello", "what now?"]
    other = await build((), talk("what now?", "hello"))
    assert [m.content for m in other.draft.messages()] == ["what now?", "hello", "what now?"]


async def test_a_query_that_has_been_appended_already_takes_its_tokens_once():
    query = "what " * 300
    log, memories = talk("hello", "my sister is Emma", query), facts("short")
    whole = await build(memories, log, query=query, budget=10_000)
    assert whole.tokens is not None
    tight = await build(memories, log, query=query, budget=whole.tokens + 20)
    assert (said(tight), kept(tight)) == (["hello", "my sister is Emma", query], ["m0"])
    assert (tight.tokens, tight.left_out_messages) == (whole.tokens, 0)


@pytest.mark.parametrize("forms", [frozenset(), BOTH])
async def test_a_prompt_fits_into_a_response_with_all_its_forms(forms: frozenset[Form]):
    memories = facts(*[f"{n} " + "\x01<" * 4000 for n in range(100)])
    log = talk(*[f"{n} " + "\x01" * 250_000 for n in range(20)])
    built = await build(memories, log, forms=forms)
    prompt = built.draft.messages()
    sent = sum(len(message.content.encode()) for message in prompt)
    if forms:
        sent += len(openai_form.to_json(prompt)) + len(anthropic_form.to_json(prompt))
    assert sent < 4 * 1024 * 1024
    assert built.left_out
    assert built.left_out_messages > 0
    assert kept(built)
