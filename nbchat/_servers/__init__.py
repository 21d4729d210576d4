"""The servers that a chat talks to: which ones there are, what they offer, what they stream."""
