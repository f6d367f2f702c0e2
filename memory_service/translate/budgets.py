"""How many tokens a reader has room for."""

from __future__ import annotations

from collections.abc import Mapping

from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.domain.errors import InvalidField
from memory_service.domain.model_windows import budget_for
from memory_service.translate import fields

MAX_BUDGET = 10_000_000
MAX_SEQUENCE = 2**63 - 1


Budgeted = pb.GetWorkingMemoryRequest | pb.BuildPromptRequest


def budget_of(request: Budgeted, windows: Mapping[str, int]) -> int | None:
    """Return the budget, given or by the model's name; None without one."""
    if request.model_name and request.token_budget:
        raise InvalidField("model_name", "does not go together with token_budget")
    if not request.model_name:
        budget = fields.count(request.token_budget, "token_budget", least=0, most=MAX_BUDGET)
        return budget or None
    fields.identifier(request.model_name, "model_name")
    found = budget_for(request.model_name, windows)
    if found is None:
        raise InvalidField("model_name", "is not known; give a token_budget instead")
    return found


def before_of(request: pb.GetWorkingMemoryRequest) -> int | None:
    """Return the sequence to read back from; None for the newest messages."""
    if request.before_sequence and (request.token_budget or request.model_name):
        raise InvalidField("before_sequence", "does not go together with a budget")
    before = fields.count(request.before_sequence, "before_sequence", least=0, most=MAX_SEQUENCE)
    return before or None
