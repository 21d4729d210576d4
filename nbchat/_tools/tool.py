"""Plain functions as tools of a model: what it is told of them, and how its calls are read."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from pydantic import BaseModel

#: Characters of a result, or of an error, that a model is shown.
MAX_RESULT = 20_000

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ARGS = re.compile(r"^[ \t]*(?:Args|Arguments|Parameters):[ \t]*$", re.MULTILINE)
_ARG = re.compile(r"\*{0,2}(\w+)(?: *\([^)]*\))?: *(.*)")


class ToolError(Exception):
    """Why a call came to nothing, in words for the model."""


class Tool:
    """A function that a model may call.

    Args:
        function: With a type for each parameter. Its docstring tells the model what it does, and a
            section "Args:" in it (Google's style) what each parameter is.

    Raises:
        TypeError: It can't be one, and why.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        name = getattr(function, "__name__", "")
        if not callable(function) or not _NAME.fullmatch(name):
            raise TypeError(f"tools must be functions with a name, not {function!r}")
        self.function = function
        self.name = name
        description, about = _read_docstring(inspect.getdoc(function) or "")
        self._parameters, self._model, parameters = _arguments_model(function, name, about)
        #: As the OpenAI SDK takes it.
        self.schema = {
            "type": "function",
            "function": {"name": name, "description": description, "parameters": parameters},
        }

    def parse(self, arguments: str) -> dict[str, Any]:
        """The arguments of a call, as the function takes them.

        Raises:
            ToolError: They do not fit.
        """
        from pydantic import ValidationError

        given = read_arguments(arguments)
        try:
            values = self._model.model_validate(given)
        except ValidationError as error:
            wrong = [
                f"{'.'.join(map(str, one['loc']))}: {one['msg']}".removeprefix(": ")
                for one in error.errors(include_url=False, include_input=False)
            ]
            raise ToolError(cut_result("\n".join(["The arguments do not fit.", *wrong]))) from None
        except Exception as error:  # a validator of the person's own
            raise ToolError(cut_result(f"The arguments do not fit: {error}")) from None
        fields = values.model_fields_set
        return {
            name: getattr(values, key) for key, name in self._parameters.items() if key in fields
        }


def _arguments_model(
    function: Callable[..., Any], name: str, about: Mapping[str, str]
) -> tuple[dict[str, str], type[BaseModel], dict[str, Any]]:
    """The names of its parameters by those of the model's fields; the model; its JSON schema."""
    from pydantic import ConfigDict, Field, create_model
    from pydantic.errors import PydanticUserError
    from pydantic.json_schema import GenerateJsonSchema

    class Schema(GenerateJsonSchema):
        # A default that JSON can't say is left out; it still holds.
        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

        def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
            return False  # it would say the name once more

    try:
        parameters = inspect.signature(function).parameters.values()
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError, ValueError) as error:
        raise TypeError(f"The tool {name} can't be described: {error}") from None
    names: dict[str, str] = {}
    fields: dict[str, Any] = {}
    for number, parameter in enumerate(parameters):
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(
                f"The tool {name} can't be called by name alone: its parameter {parameter} is "
                "positional or takes any number."
            )
        if parameter.name not in hints:
            raise TypeError(f"The tool {name} needs a type for its parameter {parameter.name}.")
        # Names of their own: a parameter may be called what a model's field must not.
        key = f"p{number}"
        names[key] = parameter.name
        required = parameter.default is parameter.empty
        options: dict[str, Any] = {}
        if parameter.name in about:  # else an Annotated's own description holds
            options["description"] = about[parameter.name]
        fields[key] = (
            hints[parameter.name],
            Field(
                ... if required else parameter.default,
                alias=parameter.name,
                **options,
            ),
        )
    try:
        model: type[BaseModel] = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
        schema = model.model_json_schema(schema_generator=Schema)
    except (PydanticUserError, NameError) as error:
        reason = str(error).partition("\n")[0].partition(". Set")[0]
        raise TypeError(
            f"The tool {name} has a parameter that no model can give: {reason}"
        ) from None
    del schema["title"]
    return names, model, {"properties": {}, **schema}


def read_arguments(arguments: str) -> dict[str, Any]:
    """What a model wrote as the arguments of a call.

    Raises:
        ToolError: They are no JSON object.
    """
    try:
        given = json.loads(arguments)
        if isinstance(given, str):  # some models wrap their JSON in a string
            given = json.loads(given)
    except (ValueError, RecursionError) as error:
        raise ToolError(f"The arguments are not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ToolError("The arguments must be a JSON object.")
    return given


def _read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """What a docstring says, and what its "Args:" say of each parameter."""
    found = _ARGS.search(text)
    if found is None:
        return text.strip(), {}
    lines = text[found.end() :].lstrip("\n").split("\n")
    indent = _indent(lines[0])
    end = next(
        (n for n, line in enumerate(lines) if line.strip() and (_indent(line) < max(indent, 1))),
        len(lines),
    )
    about: dict[str, list[str]] = {}
    said: list[str] = []
    for line in lines[:end]:
        match = _ARG.fullmatch(line.strip()) if _indent(line) == indent else None
        if match:
            said = about.setdefault(match[1], [])
            line = match[2]
        said.append(line.strip())
    rest = "\n".join([text[: found.start()].rstrip(), "", *lines[end:]])
    return rest.strip(), {name: " ".join(filter(None, part)) for name, part in about.items()}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def result_text(value: object) -> str:
    """A function's result as text for the model: as it is, as JSON, or else its repr."""
    if isinstance(value, str):
        return cut_result(value)
    from pydantic_core import to_json

    try:
        return cut_result(to_json(value, inf_nan_mode="constants").decode("utf-8", "replace"))
    except Exception:  # what JSON can't say
        return cut_result(repr(value))


def cut_result(text: str) -> str:
    """As much of a text as is sent to a model, and how much more there was."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    more = len(text) - MAX_RESULT
    return text if more <= 0 else f"{text[:MAX_RESULT]}… ({more:,} characters more)"
