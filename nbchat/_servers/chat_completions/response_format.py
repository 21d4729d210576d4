"""Reads the response_format that the user passes for a reply."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nbchat._chat.conversation.response_format import ResponseFormat


def read_response_format(given: object) -> ResponseFormat:
    """Returns the format for a pydantic model, for `dict`, or for a value that OpenAI's API takes.

    Raises:
        TypeError: `given` is none of these.
    """
    if given is dict:
        return ResponseFormat({"type": "json_object"})
    if isinstance(given, Mapping):
        if isinstance(given.get("type"), str) and given["type"].startswith("json_"):
            return ResponseFormat(dict(given))
        raise TypeError('response_format as a dict must be OpenAI\'s: {"type": "json_schema", …}')
    if not (isinstance(given, type) and hasattr(given, "model_validate_json")):
        raise TypeError(f"response_format must be a pydantic model or dict, not {given!r}")
    # The SDK's public function that makes a strict schema.
    from openai import pydantic_function_tool

    schema = pydantic_function_tool(given)["function"]["parameters"]
    name = re.sub(r"[^A-Za-z0-9_-]", "_", given.__name__)[:64]
    json_schema = {"name": name, "schema": schema, "strict": True}
    return ResponseFormat({"type": "json_schema", "json_schema": json_schema}, given)
