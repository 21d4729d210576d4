"""The notebook around a chat: its variables, its failed cells, its outputs."""
