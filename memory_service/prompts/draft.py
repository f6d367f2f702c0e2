"""A prompt in the making: its parts, and what they come to. Pure."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

from memory_service.domain.budget import Count, message_tokens
from memory_service.domain.prompt import PromptMessage, ends_with
from memory_service.domain.searching import Hit
from memory_service.domain.session import Role, Summary
from memory_service.prompts import anthropic_form, openai_form
from memory_service.prompts.wording import system_text


class Form(enum.Enum):
    """A form that an API takes."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a prompt is made of. `hits` are the memories in it, the best first."""

    query: str
    instructions: str = ""
    hits: tuple[Hit, ...] = ()
    recent: tuple[PromptMessage, ...] = ()
    summary: Summary = field(default_factory=Summary)

    @property
    def asks_again(self) -> bool:
        """Whether the query is the newest message already."""
        return ends_with(self.recent, self.query)

    def messages(self) -> list[PromptMessage]:
        """Return the prompt: a system message if there is need of one, the talk, the query."""
        memories = [hit.memory for hit in self.hits]
        text = system_text(self.instructions, memories, self.summary.text)
        system = [PromptMessage(Role.SYSTEM, text)] if text else []
        query = [] if self.asks_again else [PromptMessage(Role.USER, self.query)]
        return [*system, *self.recent, *query]

    def tokens(self, count: Count, forms: Collection[Form]) -> int:
        """Return how many tokens the prompt has, in that of its forms that has most."""
        messages = self.messages()
        counted = [sum(message_tokens(message, count) for message in messages)]
        if Form.OPENAI in forms:
            counted.append(openai_form.tokens(messages, count))
        if Form.ANTHROPIC in forms:
            counted.append(anthropic_form.tokens(messages, count))
        return max(counted)

    def smaller(self) -> Iterator[Draft]:
        """Yield drafts with less and less, down to the query and the instructions.

        The memory that matters least goes first, then the conversation from its beginning.
        """
        for kept in reversed(range(len(self.hits))):
            yield replace(self, hits=self.hits[:kept])
        alone = replace(self, hits=())
        for first in range(1, len(self.recent) + 1):
            if first == len(self.recent) or self.recent[first].role is not Role.TOOL:
                yield replace(alone, recent=self.recent[first:])
        left_out = replace(self.summary, text="")
        yield Draft(self.query, self.instructions, summary=left_out)
