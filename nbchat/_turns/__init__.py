"""A question and its reply: how it is asked, retried, streamed and ended."""
