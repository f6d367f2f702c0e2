"""How many tokens a model takes in, by the beginning of its name. Pure.

Source: LiteLLM 1.109.1's model_prices_and_context_window, gathered from the vendors' pages;
models that it has dropped (GPT-3.5 of 2023, Claude 2, Gemini 1.5 and 2.0, old Mistral) stand with
what was known of them. Where a vendor limits the input below the window, the input counts; where
hosts of a model differ, or a name without a version has meant several, a smaller number does.
A server of open weights may be set to less (Ollama is, by default): MEMORY_MODEL_WINDOWS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

PERCENT = 70
"""Of a window, what a conversation may take. The rest is for instructions, tools and the answer,
and for what other vendors count more than OpenAI does: about nothing in English, 10 % in code, and
25 to 30 % in German, measured with DeepSeek's tokens and with those of Claude 2. Chinese, of which
Claude 2 counts 80 % more, is not covered: there an override must be lower."""

OPENAI = {
    "chatgpt-4o": 128_000,
    "gpt-3.5-turbo": 16_385,
    "gpt-3.5-turbo-0301": 4_096,
    "gpt-3.5-turbo-0613": 4_096,
    "gpt-3.5-turbo-instruct": 4_096,
    "gpt-35-turbo": 4_096,
    "gpt-35-turbo-16k": 16_385,
    "gpt-4": 8_192,
    "gpt-4-32k": 32_768,
    "gpt-4-0125": 128_000,
    "gpt-4-1106": 128_000,
    "gpt-4-turbo": 128_000,
    "gpt-4.1": 1_047_576,
    "gpt-4.5": 128_000,
    "gpt-4o": 128_000,
    "gpt-5": 272_000,
    "gpt-5-chat": 128_000,
    "gpt-5.1-chat": 128_000,
    "gpt-5.2-chat": 128_000,
    "gpt-5.3-chat": 128_000,
    "gpt-5.4": 922_000,
    "gpt-5.4-mini": 272_000,
    "gpt-5.4-nano": 272_000,
    "gpt-5.5": 922_000,
    "gpt-5.6": 922_000,
    "gpt-5.6-cyber": 272_000,
    "gpt-6": 922_000,
    "gpt-audio": 128_000,
    "gpt-oss": 128_000,
    "o1": 200_000,
    "o1-mini": 128_000,
    "o1-preview": 128_000,
    "o3": 200_000,
    "o4-mini": 200_000,
}

ANTHROPIC = {
    "claude-2": 100_000,
    "claude-2.1": 200_000,
    "claude-3": 200_000,
    "claude-fable-5": 1_000_000,
    "claude-haiku-4": 200_000,
    "claude-haiku-5": 1_000_000,
    "claude-instant": 100_000,
    "claude-mythos": 1_000_000,
    "claude-opus-4": 200_000,
    "claude-opus-4-6": 1_000_000,
    "claude-opus-4-7": 1_000_000,
    "claude-opus-4-8": 1_000_000,
    "claude-opus-5": 1_000_000,
    "claude-sonnet-4": 200_000,
    "claude-sonnet-4-6": 1_000_000,
    "claude-sonnet-5": 1_000_000,
}

GOOGLE = {
    "gemini-1.5-flash": 1_048_576,
    "gemini-1.5-pro": 2_097_152,
    "gemini-2.0-flash": 1_048_576,
    "gemini-2.5-computer-use": 128_000,
    "gemini-2.5-flash": 1_048_576,
    "gemini-2.5-pro": 1_048_576,
    "gemini-3": 1_048_576,
    "gemini-4": 1_048_576,
    "gemini-flash": 1_048_576,
    "gemini-pro-latest": 1_048_576,
    "gemma-2": 8_192,
    "gemma-3": 131_072,
    "gemma-3-1b": 32_768,
    "gemma-3n": 32_768,
    "gemma-4": 131_072,
    "gemma-4-26b": 262_144,
    "gemma-4-31b": 262_144,
}

META = {
    "llama-2": 4_096,
    "llama-3": 8_192,
    "llama-3.1": 128_000,
    "llama-3.2": 128_000,
    "llama-3.3": 128_000,
    "llama-4-maverick": 1_000_000,
    "llama-4-scout": 10_000_000,
}

MISTRAL = {
    "codestral": 32_000,
    "codestral-25": 128_000,
    "codestral-latest": 128_000,
    "devstral": 128_000,
    "magistral": 40_000,
    "magistral-medium-latest": 262_144,
    "magistral-small-2509": 128_000,
    "magistral-small-latest": 262_144,
    "ministral": 128_000,
    "mistral-7b": 32_000,
    "mistral-large": 32_000,
    "mistral-large-2407": 128_000,
    "mistral-large-2411": 128_000,
    "mistral-large-2512": 262_144,
    "mistral-large-3": 262_144,
    "mistral-large-4": 1_048_576,
    "mistral-large-latest": 262_144,
    "mistral-medium": 32_000,
    "mistral-medium-2505": 128_000,
    "mistral-medium-2508": 128_000,
    "mistral-medium-2604": 262_144,
    "mistral-medium-3": 128_000,
    "mistral-medium-3-5": 262_144,
    "mistral-medium-3.5": 262_144,
    "mistral-medium-latest": 262_144,
    "mistral-nemo": 128_000,
    "mistral-small": 32_000,
    "mistral-small-2503": 128_000,
    "mistral-small-2506": 128_000,
    "mistral-small-2603": 262_144,
    "mistral-small-3.1": 128_000,
    "mistral-small-3.2": 128_000,
    "mistral-small-latest": 262_144,
    "mixtral-8x22b": 65_536,
    "mixtral-8x7b": 32_000,
    "open-mistral-7b": 32_000,
    "open-mistral-nemo": 128_000,
    "open-mixtral-8x22b": 65_536,
    "open-mixtral-8x7b": 32_000,
    "pixtral": 128_000,
}

QWEN = {
    "qwen-flash": 997_952,
    "qwen-max": 30_720,
    "qwen-plus": 129_024,
    "qwen-plus-latest": 997_952,
    "qwen-turbo": 129_024,
    "qwen-turbo-latest": 1_000_000,
    "qwen2": 32_768,
    "qwen2.5": 32_768,
    "qwen3": 32_768,
    "qwen3-coder": 262_144,
    "qwen3-coder-flash": 997_952,
    "qwen3-coder-plus": 997_952,
    "qwen3-max": 258_048,
    "qwen3-next": 262_144,
    "qwen3-vl": 131_072,
    "qwen3.5": 262_144,
    "qwen3.5-plus": 991_808,
    "qwen3.6": 262_144,
    "qwen3.7": 991_808,
    "qwen3.8": 991_808,
    "qwq": 98_304,
    "qwq-32b-preview": 32_768,
}

DEEPSEEK = {
    "deepseek-chat": 131_072,
    "deepseek-flash": 1_000_000,
    "deepseek-r1": 65_536,
    "deepseek-reasoner": 131_072,
    "deepseek-v3": 65_536,
    "deepseek-v3.1": 128_000,
    "deepseek-v3.2": 131_072,
    "deepseek-v4": 1_000_000,
}

WINDOWS = {**OPENAI, **ANTHROPIC, **GOOGLE, **META, **MISTRAL, **QWEN, **DEEPSEEK}
"""Beginning of a name, in lower case and without a provider -> tokens."""

_PROVIDER = re.compile(r"(?:.*/)?(?:[a-z_-]+:(?=[a-z]))*(?:[a-z-]+\.)*")
"""openai/gpt-4o, models/gemini-2.5-pro, openai:gpt-4o, ft:gpt-4o, us.anthropic.claude-opus-4-6."""

_LLAMA = re.compile(r"^(?:meta-)?llama-?v?(?=\d)")
_POINT = re.compile(r"(?<=\d)p(?=\d)|(?<=^llama-\d)-(?=\d-)")
"""Fireworks writes llama-v3p1, Bedrock llama3-1."""


def budget_for(model_name: str, overrides: Mapping[str, int]) -> int | None:
    """Return the tokens that a conversation may take of a model's window, or None if unknown."""
    window = window_of(model_name, overrides)
    return None if window is None else window * PERCENT // 100


def window_of(model_name: str, overrides: Mapping[str, int]) -> int | None:
    """Return how many tokens a model takes in, or None if it is unknown.

    `overrides` are prefixes like those of WINDOWS, with a provider or without, and win over the
    same prefix there. The longest prefix wins; an empty one among `overrides` knows every model.
    """
    given = {
        spelling: tokens
        for prefix, tokens in overrides.items()
        for spelling in (prefix.strip().lower(), _spelled(prefix.strip().lower()))
    }
    matches = [
        (len(name) - len(prefix), -len(prefix), tokens)
        for name in _names(model_name.strip().lower())
        for prefix, tokens in {**WINDOWS, **given}.items()
        if name.startswith(prefix)
    ]
    return min(matches)[2] if matches else None


def _names(full: str) -> tuple[str, str, str]:
    """Return a name as it is, without its provider, and as WINDOWS spells it; the ends agree."""
    provider = _PROVIDER.match(full)
    bare = full[provider.end() :] if provider else full
    return full, bare, _spelled(bare)


def _spelled(bare: str) -> str:
    return _POINT.sub(".", _LLAMA.sub("llama-", bare))
