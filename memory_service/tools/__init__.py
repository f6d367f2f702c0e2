"""Tools for chat models: what they are told of them, and what their calls do."""
