"""Processors: what changes or drops events on their way."""
