"""Short programs that use agent-memory as its users do."""
