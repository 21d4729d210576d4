"""A question and its reply: what is asked, retried, streamed and ended."""
