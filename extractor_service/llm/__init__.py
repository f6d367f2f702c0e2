"""Memories and summaries by a language model behind any OpenAI-compatible endpoint.

The model is never trusted: the conversation goes to it as fenced data, and of its answer only what
can be checked against the conversation is kept. Where it fails, the rules do the work.
"""
