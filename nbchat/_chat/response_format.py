"""The form that a reply is asked to have: how a request says it, and whether a text has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .reply_parts import json_in, json_source


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
        if self.model is None:
            return json_in(text)
        from pydantic import ValidationError

        try:
            return self.model.model_validate_json(json_source(text))
        except ValidationError as error:
            faults = "; ".join(map(_fault, error.errors(include_url=False)))
            raise ValueError(f"The reply is no {self.model.__name__}: {faults}") from error


def _fault(error: Any) -> str:
    where = ".".join(map(str, error["loc"]))
    return f"{where}: {error['msg']}" if where else str(error["msg"])
