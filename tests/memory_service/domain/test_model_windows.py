from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.model_windows import PERCENT, WINDOWS, budget_for, window_of


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("gpt-4", 8_192),
        ("gpt-4-0613", 8_192),
        ("gpt-4-1106-preview", 128_000),
        ("gpt-4o-mini-2024-07-18", 128_000),
        ("gpt-4.1-nano", 1_047_576),
        ("gpt-5", 272_000),
        ("gpt-5-mini-2025-08-07", 272_000),
        ("gpt-5-chat-latest", 128_000),
        ("gpt-5.4-mini", 272_000),
        ("o1", 200_000),
        ("o1-mini", 128_000),
        ("claude-3-5-sonnet-20241022", 200_000),
        ("claude-sonnet-4-5@20250929", 200_000),
        ("claude-opus-4-20250514", 200_000),
        ("claude-opus-4-6", 1_000_000),
        ("gemini-2.5-pro", 1_048_576),
        ("gemma-3-27b-it", 131_072),
        ("mistral-large-2402", 32_000),
        ("mistral-large-latest", 262_144),
        ("qwen3:8b", 32_768),
        ("qwen3-coder-plus", 997_952),
        ("deepseek-v3.1:671b-cloud", 128_000),
        ("mixtral:8x7b", None),
        ("codestral:latest", 32_000),
        ("my-own-model", None),
        ("", None),
    ],
)
def test_the_window_of_a_model(name: str, tokens: int | None) -> None:
    assert window_of(name, {}) == tokens


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("openai/gpt-4o", "gpt-4o"),
        ("openai:gpt-4o", "gpt-4o"),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc", "gpt-4o"),
        ("azure/eu/gpt-4.1", "gpt-4.1"),
        ("openai.gpt-oss-120b-1:0", "gpt-oss"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("anthropic.claude-3-5-haiku-20241022-v1:0", "claude-3"),
        ("us.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("bedrock/us-east-1/anthropic.claude-instant-v1", "claude-instant"),
        ("openrouter/anthropic/claude-sonnet-4.5", "claude-sonnet-4"),
        ("meta-llama/Meta-Llama-3-8B-Instruct", "llama-3"),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "llama-3.1"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3"),
        ("meta.llama3-8b-instruct-v1:0", "llama-3"),
        ("meta.llama3-1-70b-instruct-v1:0", "llama-3.1"),
        ("accounts/fireworks/models/llama-v3p1-8b-instruct", "llama-3.1"),
        ("accounts/fireworks/models/qwen2p5-72b-instruct", "qwen2.5"),
        ("llama3.2:1b", "llama-3.2"),
        ("deepseek-ai/DeepSeek-V3.2", "deepseek-v3.2"),
        (" GPT-4o ", "gpt-4o"),
    ],
)
def test_a_provider_and_its_spelling_make_no_difference(name: str, plain: str) -> None:
    assert window_of(name, {}) == WINDOWS[plain]
    assert window_of(name, {plain: 5}) == 5


@pytest.mark.parametrize("prefix", WINDOWS)
def test_every_prefix_of_the_table_can_be_reached(prefix: str) -> None:
    assert prefix == prefix.lower().strip()
    assert WINDOWS[prefix] >= 4_096
    assert window_of(prefix, {}) == WINDOWS[prefix]
    assert window_of(f"provider/{prefix}", {}) == WINDOWS[prefix]


@given(st.sampled_from(sorted(WINDOWS)), st.text("abc-.:0123", max_size=8))
def test_the_longest_prefix_wins(prefix: str, rest: str) -> None:
    known = [each for each in WINDOWS if (prefix + rest).startswith(each)]
    assert window_of(prefix + rest, {}) == WINDOWS[max(known, key=len)]


def test_overrides_add_models_and_win_over_the_same_prefix() -> None:
    overrides = {"My-Own": 1_000, "gpt-4o": 2_000, "llama3.1": 3_000}
    assert window_of("my-own-model", overrides) == 1_000
    assert window_of("openai/gpt-4o-mini", overrides) == 2_000
    assert window_of("llama3.1:8b", overrides) == 3_000
    assert window_of("gpt-4.1", overrides) == WINDOWS["gpt-4.1"]


def test_a_longer_prefix_wins_over_an_override() -> None:
    assert window_of("gpt-4o", {"gpt-": 1_000}) == WINDOWS["gpt-4o"]
    assert window_of("gpt-9", {"gpt-": 1_000}) == 1_000


def test_an_override_may_name_the_provider() -> None:
    overrides = {"azure/gpt-4o": 1_000, "azure/": 2_000}
    assert window_of("azure/gpt-4o-mini", overrides) == 1_000
    assert window_of("azure/gpt-4.1", overrides) == WINDOWS["gpt-4.1"]
    assert window_of("azure/ours", overrides) == 2_000
    assert window_of("gpt-4o", overrides) == WINDOWS["gpt-4o"]


def test_an_empty_override_stands_for_all_models_that_are_unknown() -> None:
    assert window_of("my-own-model", {"": 1_000, "openai/": 2_000}) == 1_000
    assert window_of("openai/my-own-model", {"": 1_000, "openai/": 2_000}) == 2_000
    assert window_of("gpt-4o", {"": 1_000}) == WINDOWS["gpt-4o"]


def test_a_part_of_the_window_is_left_for_the_rest_of_the_prompt() -> None:
    assert PERCENT == 70
    assert budget_for("gpt-4o", {}) == 89_600
    assert budget_for("mine", {"mine": 1_001}) == 700
    assert budget_for("my-own-model", {}) is None
    assert budget_for("mine", {"mine": 1}) == 0


@given(st.text(max_size=40))
def test_any_name_is_answered(name: str) -> None:
    assert window_of(name, {"": 7}) in {7, *WINDOWS.values()}
