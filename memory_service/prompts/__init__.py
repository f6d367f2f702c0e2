"""Prompts for chat models: what goes in, within a budget, and in which form."""
