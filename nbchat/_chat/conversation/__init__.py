"""The conversation: its messages with all that is in them, and what is read from them."""
