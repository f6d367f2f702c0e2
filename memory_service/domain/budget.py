"""What of a conversation fits into a budget of tokens. Pure: who counts is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile

from memory_service.domain.prompt import PromptMessage
from memory_service.domain.session import Message, Role

PER_MESSAGE = 4
"""Tokens of a message beside its content: 3 for its frame and 1 for its role, as counted in
"How to count tokens with tiktoken" of the OpenAI Cookbook. The 3 tokens that begin the answer,
once for each prompt, are the caller's to set aside."""

PER_NAME = 1
"""Tokens of a name beside itself, from the same source."""

PER_TOOL_CALL = 12
"""Tokens of a tool call, and of a tool's result, beside their texts. What OpenAI's API adds is not
documented; in its open "harmony" format a call has about so many: start, role, channel, recipient,
type, message and call."""

Count = Callable[[str], int]
"""Tells how many tokens a text is."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The newest messages that fit, oldest first, and what stands for the others."""

    messages: tuple[Message, ...]
    summary: str
    """Nothing if all messages fit, there is no summary, or it takes too much."""
    tokens: int
    """Taken by the messages and the summary; never more than `budget`."""
    budget: int

    @property
    def share(self) -> float:
        """The share of the budget that is taken, 0 to 1."""
        return self.tokens / self.budget if self.budget else 0.0


def fit(
    messages: Sequence[Message],
    budget: int,
    count: Count,
    summary: str = "",
    *,
    earlier: bool = False,
    frame: int = 0,
    counted: bool = False,
) -> Fitted:
    """Return the newest of `messages` (oldest first) that fit into `budget` tokens, without gaps.

    If not all fit, or there were `earlier` ones, `summary` is reserved for first, as a message of
    its own with `frame` tokens around it. It is left out if it takes more than half of the budget,
    or if no message would be left that fits without it. What has been cut does not begin with
    results of tools. Counts from the newest, and stops at the first message that does not fit.
    `counted` says that the newest is in the prompt anyhow: it takes nothing of the budget.
    """
    newest = _costs_that_fit(_costs(messages, count, counted=counted), budget)
    if len(newest) == len(messages) and not earlier:
        return Fitted(tuple(messages), "", sum(newest), budget)
    alone = _newest(messages, newest)
    reserved = PER_MESSAGE + frame + count(summary) if summary else 0
    if summary and reserved * 2 <= budget:
        beside = _newest(messages, _costs_that_fit(newest, budget - reserved))
        if len(beside) > counted or len(alone) <= counted:
            return _fitted(beside, newest, budget, summary, reserved)
    return _fitted(alone, newest, budget)


def message_tokens(message: Message | PromptMessage, count: Count) -> int:
    """Return about how many tokens a message is in a prompt, its frame included."""
    name = PER_NAME + count(message.name) if message.name else 0
    result = PER_TOOL_CALL if message.role is Role.TOOL else 0
    calls = sum(
        PER_TOOL_CALL + count(call.name) + count(call.arguments) for call in message.tool_calls
    )
    return PER_MESSAGE + count(message.content) + name + result + calls


def without_orphans(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return `messages` from the first that is no tool's result.

    Chat APIs refuse a result without the message that asked for it, which stood before.
    """
    return tuple(dropwhile(lambda message: message.role is Role.TOOL, messages))


def _costs(messages: Sequence[Message], count: Count, *, counted: bool) -> Iterator[int]:
    """Yield what each message takes, the newest first."""
    for at, message in enumerate(reversed(messages)):
        yield 0 if counted and at == 0 else message_tokens(message, count)


def _costs_that_fit(newest_first: Iterable[int], budget: int) -> list[int]:
    """Return the first costs whose sum is at most `budget`, taking one more at most."""
    costs: list[int] = []
    for cost in newest_first:
        budget -= cost
        if budget < 0:
            break
        costs.append(cost)
    return costs


def _newest(messages: Sequence[Message], costs: Sequence[int]) -> tuple[Message, ...]:
    return without_orphans(messages[len(messages) - len(costs) :])


def _fitted(
    kept: tuple[Message, ...],
    newest_first: Sequence[int],
    budget: int,
    summary: str = "",
    reserved: int = 0,
) -> Fitted:
    return Fitted(kept, summary, reserved + sum(newest_first[: len(kept)]), budget)
