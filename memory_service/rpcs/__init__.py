"""The RPCs of MemoryService, by what they are about."""
