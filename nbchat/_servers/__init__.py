"""The servers that a chat talks to: which there are, what they offer and what they stream."""
