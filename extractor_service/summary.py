"""A running summary as text: a sentence a line, the oldest first. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MAX_SUMMARY_BYTES = 32 * 1024
"""Of UTF-8: what a summary may have as input, so that each that is given can be continued."""


def extended(summary: str, sentences: Iterable[str]) -> str:
    """The summary and, in a line each, those of the sentences that it does not hold yet.

    Without any it is what it was, to the byte.
    """
    known = {line.strip().casefold() for line in summary.splitlines()}
    new = []
    for sentence in sentences:
        # A name may hold a line break, and must not make two lines of one.
        line = " ".join(sentence.split())
        if line and line.casefold() not in known:
            known.add(line.casefold())
            new.append(line)
    if not new:
        return summary
    before = [summary.rstrip()] if summary.strip() else []
    return "\n".join(before + new)


def counted_lines(summary: str) -> list[str]:
    """The lines of a summary with their breaks, for `fitting` to be told their tokens.

    Tokenizers join nothing across a line break, so their sum is that of the whole.
    """
    return [f"{line}\n" for line in summary.splitlines()]


def fitting(summary: str, tokens: Sequence[int], max_tokens: int) -> str:
    """The summary without its oldest lines, if it has too many tokens or bytes.

    `tokens` are those of its `counted_lines`. A line that is too long by itself is left out however
    new it is: it would take all before it along.
    """
    if sum(tokens) <= max_tokens and len(summary.encode()) <= MAX_SUMMARY_BYTES:
        return summary
    kept: list[str] = []
    bytes_left = MAX_SUMMARY_BYTES + 1  # The last line has no break.
    tokens_left = max_tokens
    for line, size in zip(reversed(counted_lines(summary)), reversed(tokens), strict=True):
        length = len(line.encode())
        if not line.strip() or size > max_tokens or length > MAX_SUMMARY_BYTES + 1:
            continue
        if size > tokens_left or length > bytes_left:
            break
        tokens_left -= size
        bytes_left -= length
        kept.append(line)
    return "".join(reversed(kept)).rstrip("\n")
