"""Pure values: messages, settings, events, errors. No widgets, no IPython, no network."""
