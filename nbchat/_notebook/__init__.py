"""What the notebook around a chat has: variables, failed cells, outputs."""
