"""Memories from spaCy's dependency parse: deterministic, no model call, no network."""

from extractor_service.rules.extractor import CONTEXT_TURNS, RULES_VERSION, RulesExtractor

__all__ = ["CONTEXT_TURNS", "RULES_VERSION", "RulesExtractor"]
