"""Who may call which RPC of ExtractorService. A test holds that no RPC is left out."""

from __future__ import annotations

from service_kit.access import Rule, Rules
from service_kit.auth import Role

SERVICE = "agentmemory.v1.ExtractorService"

# It keeps nothing and knows no namespaces: who may ask may ask for anything.
_ASK = Rule(Role.READ)

_METHODS = ("Extract", "ExtractMemories", "Embed", "Summarize", "Reconcile", "Rerank", "GetInfo")

RULES: Rules = {f"{SERVICE}/{method}": _ASK for method in _METHODS}
