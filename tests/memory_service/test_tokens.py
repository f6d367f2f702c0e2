from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bpe_openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.tokens import PIECE, BpeTokenCounter, TokenCounter

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def count() -> Callable[[str], int]:
    counter: TokenCounter = BpeTokenCounter()
    return counter.count


@pytest.fixture(scope="module")
def at_once() -> Callable[[str], int]:
    """The library's count of a whole text."""
    encoding = bpe_openai.get_encoding("o200k_base")
    return lambda text: len(encoding.encode_ordinary(text))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("hello world", 2),
        ("antidisestablishmentarianism", 6),
        ("2 + 2 = 4", 7),
        ("お誕生日おめでとう", 8),
    ],
)
def test_the_counts_that_openai_publishes(
    count: Callable[[str], int], text: str, tokens: int
) -> None:
    """From "How to count tokens with tiktoken" of the OpenAI Cookbook, o200k_base."""
    assert count(text) == tokens


def test_another_encoding_counts_otherwise() -> None:
    assert BpeTokenCounter("cl100k_base").count("お誕生日おめでとう") == 9


@pytest.mark.parametrize("text", ["<|endoftext|>", "<|endofprompt|>", "a<|im_start|>b"])
def test_the_name_of_a_special_token_is_text(count: Callable[[str], int], text: str) -> None:
    assert count(text) > 3


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\ud83d" * 3, "\x00", "\uffff"])
def test_broken_unicode_is_counted(count: Callable[[str], int], text: str) -> None:
    assert 1 <= count(text) <= 4 * len(text)


@given(text=st.text(st.characters(codec="utf-8"), max_size=300))
def test_any_text_is_counted(count: Callable[[str], int], text: str) -> None:
    size = len(text.encode())
    assert size / 128 <= count(text) <= size


@given(
    words=st.lists(
        st.text(st.sampled_from("aé1,.\n\t \u00a0中😀\u0301'sS/"), max_size=9), min_size=1
    ),
    times=st.integers(1, 3),
)
def test_a_long_text_is_cut_where_it_makes_no_difference(
    count: Callable[[str], int], at_once: Callable[[str], int], words: list[str], times: int
) -> None:
    line = " ".join([*words, "the", "end."])
    text = line * (times * PIECE // len(line))
    assert count(text) == at_once(text)


@pytest.mark.parametrize("run", ["a", " ", "\n", "=", "1", "😀", "北京", "e\u0301", "ab"])
def test_one_long_run_is_off_by_little(
    count: Callable[[str], int], at_once: Callable[[str], int], run: str
) -> None:
    text = run * (65_536 // len(run))
    assert abs(count(text) - at_once(text)) <= 2 * len(text) / PIECE


def test_a_text_longer_than_the_library_takes_is_counted(count: Callable[[str], int]) -> None:
    assert count("hello " * 200_000) == 200_001


def test_threads_share_a_counter(count: Callable[[str], int]) -> None:
    texts = [f"message {n} " * 50 for n in range(200)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(count, texts)) == [count(text) for text in texts]


def test_the_library_is_loaded_by_the_counter_alone_and_brings_no_other() -> None:
    code = (
        "import sys, memory_service.tokens as t; before = 'bpe_openai' in sys.modules;"
        "t.BpeTokenCounter().count('x');"
        "print(before, *{'numpy', 'torch', 'transformers', 'requests'} & sys.modules.keys())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["False"]
