"""What a prompt is to be made of, and prompts on their way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.domain.errors import InvalidField
from memory_service.domain.owner import SessionRef
from memory_service.domain.prompt import PromptMessage
from memory_service.prompts import anthropic_form, openai_form
from memory_service.prompts.building import Budget, Built, Wanted
from memory_service.prompts.draft import Form
from memory_service.translate import budgets, fields, messages, scopes, searches

MAX_LIMIT = 100
DEFAULT_LIMIT = 10
MAX_RECENT = 1000
DEFAULT_RECENT = 20
MAX_INSTRUCTIONS = 32 * 1024
MAX_FORMATS = 16

_FORMS = {
    pb.PROMPT_FORMAT_OPENAI: Form.OPENAI,
    pb.PROMPT_FORMAT_ANTHROPIC: Form.ANTHROPIC,
}


def wanted(
    tenant: str, request: pb.BuildPromptRequest, windows: Mapping[str, int], *, now: int
) -> Wanted:
    """Return what is asked for; `now` is in microseconds."""
    given = request.memory_limit if request.HasField("memory_limit") else DEFAULT_LIMIT
    limit = fields.count(given, "memory_limit", least=0, most=MAX_LIMIT)
    query = searches.query(
        tenant, request.scope, request.query, request.options, limit=limit, now=now
    )
    session, recent = _session(tenant, request)
    return Wanted(
        query=request.query,
        instructions=fields.text(request.instructions, "instructions", max_bytes=MAX_INSTRUCTIONS),
        search=query if limit else None,
        include_untrusted=request.include_untrusted,
        session=session,
        recent=recent,
        budget=_budget(request, windows),
        forms=_forms(request.formats),
    )


def _session(tenant: str, request: pb.BuildPromptRequest) -> tuple[SessionRef | None, int]:
    given = request.recent_messages if request.HasField("recent_messages") else DEFAULT_RECENT
    recent = fields.count(given, "recent_messages", least=0, most=MAX_RECENT)
    if not recent or not request.scope.session_id:
        return None, 0
    return scopes.session(tenant, request.scope), recent


def _budget(request: pb.BuildPromptRequest, windows: Mapping[str, int]) -> Budget | None:
    tokens = budgets.budget_of(request, windows)
    if tokens is None:
        return None
    return Budget(tokens, "model_name" if request.model_name else "token_budget")


def _forms(values: Sequence[pb.PromptFormat.ValueType]) -> frozenset[Form]:
    fields.size(values, "formats", most=MAX_FORMATS)
    return frozenset(_form(each, f"formats[{i}]") for i, each in enumerate(values))


def _form(value: pb.PromptFormat.ValueType, path: str) -> Form:
    if value not in _FORMS:
        raise InvalidField(path, "is unknown")
    return _FORMS[value]


def to_proto(built: Built, asked: Wanted) -> pb.BuildPromptResponse:
    """Return a prompt in all its forms."""
    draft = built.draft
    prompt = draft.messages()
    openai = openai_form.to_json(prompt) if Form.OPENAI in asked.forms else ""
    anthropic = anthropic_form.to_json(prompt) if Form.ANTHROPIC in asked.forms else ""
    tokens = built.tokens or 0
    answer = pb.BuildPromptResponse(
        messages=[_message(message) for message in prompt],
        degraded=built.degraded,
        openai_messages_json=openai,
        anthropic_json=anthropic,
        token_count=tokens,
        budget_used=tokens / asked.budget.tokens if asked.budget else 0.0,
        summary=draft.summary.text,
        summarized_through=draft.summary.through,
        left_out_memory_ids=[hit.memory.id for hit in built.left_out],
        left_out_messages=built.left_out_messages,
    )
    for hit in draft.hits:
        searches.put_hit(answer.hits.add(), hit)
    return answer


def _message(message: PromptMessage) -> pb.PromptMessage:
    return pb.PromptMessage(
        role=messages.role_to_proto(message.role),
        name=message.name,
        content=message.content,
        tool_calls=messages.tool_calls_to_proto(message.tool_calls),
        tool_call_id=message.tool_call_id,
    )
