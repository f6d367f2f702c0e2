"""A scripted language model, and extractors that ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import pytest

from tests.support.extractor_server import FakeRules, Served, served
from tests.support.scripted_llm import ScriptedLlm, scripted_llm

Serve: TypeAlias = Callable[..., AbstractAsyncContextManager[Served]]


@pytest.fixture
async def llm() -> AsyncIterator[ScriptedLlm]:
    async with scripted_llm() as running:
        yield running


@pytest.fixture
def serve(llm: ScriptedLlm) -> Serve:
    """Serve an extractor with the fake rules and the scripted model, and other settings."""

    def serve(**settings: object) -> AbstractAsyncContextManager[Served]:
        asked = {"llm_url": llm.url, "llm_model": "wise", "llm_api_key": "sesame"}
        return served(FakeRules().ruleset, **{**asked, **settings})

    return serve


@pytest.fixture
async def extractor(serve: Serve) -> AsyncIterator[Served]:
    async with serve() as running:
        yield running
