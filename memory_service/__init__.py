"""MemoryService: the working and long-term memory of AI agents, in Redis."""
