"""The Chat Completions protocol: its request, and its stream read into events."""
