"""What both services share and neither owns: serving, health, errors, metrics, logs, settings."""
