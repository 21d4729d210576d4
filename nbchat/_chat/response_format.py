"""The form that a reply is asked to have: how a request says it, and whether a text has it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ResponseFormat:
    """A form in OpenAI's terms.

    Attributes:
        param: What a request carries.
        model: The pydantic model that a reply is to fit; None: any JSON does.
    """

    param: Mapping[str, Any]
    model: Any = None

    @property
    def instruction(self) -> str:
        """The same in words, for a model that does not take the parameter."""
        schema = self.param.get("json_schema", {}).get("schema")
        said = "Answer with JSON alone: no other text, and no code fence around it."
        return f"{said} It must fit this JSON Schema:\n{json.dumps(schema)}" if schema else said

    def parse(self, text: str) -> Any:
        """What a text says in this form: an instance of the model.

        Raises:
            ValueError: It does not have this form.
        """
        from .reply_parts import json_in, json_source

        if self.model is None:
            return json_in(text)
        from pydantic import ValidationError

        try:
            return self.model.model_validate_json(json_source(text))
        except ValidationError as error:
            faults = "; ".join(map(_fault, error.errors(include_url=False)))
            raise ValueError(f"The reply is no {self.model.__name__}: {faults}") from error


def read_response_format(given: object) -> ResponseFormat:
    """The form from what a person gave: a pydantic model, `dict`, or what OpenAI's API takes.

    Raises:
        TypeError: It is none of these.
    """
    if given is dict:
        return ResponseFormat({"type": "json_object"})
    if isinstance(given, Mapping):
        if isinstance(given.get("type"), str) and given["type"].startswith("json_"):
            return ResponseFormat(dict(given))
        raise TypeError('response_format as a dict must be OpenAI\'s: {"type": "json_schema", …}')
    if not (isinstance(given, type) and hasattr(given, "model_validate_json")):
        raise TypeError(f"response_format must be a pydantic model or dict, not {given!r}")
    # The SDK's public way to the strict schema.
    from openai import pydantic_function_tool

    schema = pydantic_function_tool(given)["function"]["parameters"]
    name = re.sub(r"[^A-Za-z0-9_-]", "_", given.__name__)[:64]
    json_schema = {"name": name, "schema": schema, "strict": True}
    return ResponseFormat({"type": "json_schema", "json_schema": json_schema}, given)


def _fault(error: Any) -> str:
    where = ".".join(map(str, error["loc"]))
    return f"{where}: {error['msg']}" if where else str(error["msg"])
