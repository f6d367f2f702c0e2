"""Who may call which RPC of MemoryService. A test holds that no RPC is left out."""

from __future__ import annotations

from service_kit.access import Rule, Rules
from service_kit.auth import Role

SERVICE = "agentmemory.v1.MemoryService"
_SCOPE = "scope.namespace"

_READ = Rule(Role.READ, _SCOPE)
_WRITE = Rule(Role.WRITE, _SCOPE)
_ADMIN = Rule(Role.ADMIN, _SCOPE)

_METHODS = {
    "AppendMessages": _WRITE,
    "GetWorkingMemory": Rule(Role.READ, _SCOPE, writes_if="create_if_missing"),
    "PutWorkingMemory": Rule(Role.WRITE, "session.scope.namespace"),
    "PatchWorkingMemoryData": _WRITE,
    "DeleteWorkingMemory": _WRITE,
    "ListSessions": _READ,
    "FlushSession": _WRITE,
    "GetExtractionStatus": _READ,
    "RetryExtraction": _WRITE,
    "CreateMemories": _WRITE,
    "GetMemory": _READ,
    "BatchGetMemories": _READ,
    "UpdateMemory": _WRITE,
    "DeleteMemories": _WRITE,
    "RestoreMemory": _WRITE,
    "ListMemories": _READ,
    "ListMemoryRevisions": _READ,
    "SearchMemories": _READ,
    "BuildPrompt": _READ,
    # Schemas only: of nobody's memory.
    "ListTools": Rule(Role.READ),
    # Some tools write, and which one is called is the model's choice.
    "CallTool": _WRITE,
    "WatchMemories": _READ,
    "ForgetMemories": _WRITE,
    # What takes all of an owner away, out, or in.
    "EraseUser": _ADMIN,
    "ExportMemories": _ADMIN,
    "ImportMemories": _ADMIN,
}

RULES: Rules = {f"{SERVICE}/{method}": rule for method, rule in _METHODS.items()}
