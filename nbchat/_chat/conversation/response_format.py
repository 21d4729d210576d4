"""The format requested for a reply: the request's parameter, and the parsing of the reply."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .reply_parts import json_in, json_source


@dataclass(frozen=True)
class ResponseFormat:
    """A response format, in OpenAI's terms.

    Attributes:
        param: The value of the request's `response_format`.
        model: The pydantic model that the reply must fit; None for any JSON.
    """

    param: Mapping[str, Any]
    model: Any = None

    @property
    def instruction(self) -> str:
        """The format in words, for a model that does not take the parameter."""
        schema = self.param.get("json_schema", {}).get("schema")
        text = "Answer with JSON only: no other text, and no code fence around it."
        return f"{text} It must fit this JSON Schema:\n{json.dumps(schema)}" if schema else text

    def parse(self, text: str) -> Any:
        """Returns the text as an instance of the model, or as the value of its JSON.

        Raises:
            ValueError: The text has no valid JSON, or it does not fit the model.
        """
        if self.model is None:
            return json_in(text)
        from pydantic import ValidationError

        try:
            return self.model.model_validate_json(json_source(text))
        except ValidationError as error:
            faults = "; ".join(map(_fault, error.errors(include_url=False)))
            raise ValueError(f"The reply does not fit {self.model.__name__}: {faults}") from error


def _fault(error: Any) -> str:
    where = ".".join(map(str, error["loc"]))
    return f"{where}: {error['msg']}" if where else str(error["msg"])
