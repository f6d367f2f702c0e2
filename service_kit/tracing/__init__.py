"""Traces of calls, by OpenTelemetry, of which nothing is imported while they are off."""
