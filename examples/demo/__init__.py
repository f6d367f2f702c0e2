"""Plays a conversation to a running MemoryService and shows what it remembers of it."""
