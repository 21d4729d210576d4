"""Tools: the functions that a model may call, their schemas, and the calls."""
