"""Plain functions as tools for a model: their schemas, arguments and results."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from nbchat._chat.conversation.tool_rounds import read_arguments
from nbchat._chat.keys import mask_keys_in_use

if TYPE_CHECKING:
    from pydantic import BaseModel

#: How many characters of a result, or of an error, the model receives.
MAX_RESULT = 20_000

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ARGS = re.compile(r"^[ \t]*(?:Args|Arguments|Parameters):[ \t]*$", re.MULTILINE)
# ":param int x: what", which may go on in indented lines.
_SPHINX = re.compile(r"^:param (?:[^:\n]* )?\*{0,2}(\w+):(.*(?:\n[ \t]+\S.*)*)\n?", re.MULTILINE)
# A heading with a line of dashes, up to the next such heading.
_NUMPY = re.compile(r"^Parameters\n-{3,}\n(.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", re.MULTILINE | re.DOTALL)
_NUMPY_ARG = re.compile(r"^(\*{0,2}\w[\w*, ]*?)(?: *:.*)?\n((?:[ \t]+\S.*\n?|\n)*)", re.MULTILINE)
_ARG = re.compile(r"\*{0,2}(\w+)(?: *\([^)]*\))?: *(.*)")


class ToolError(Exception):
    """Why a tool call failed, in words for the model."""


class Tool:
    """A function that a model may call.

    Args:
        function: Needs a type hint for each parameter. Its docstring describes it to the model; its
            parameters are described by "Args:" (Google), "Parameters" (NumPy), ":param x:" (Sphinx)
            or `Annotated`. What a `functools.partial` has bound is not offered.

    Raises:
        TypeError: The function can't be a tool; the text says why.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        plain = function
        while isinstance(plain, functools.partial):
            plain = plain.func
        name = getattr(plain, "__name__", "")
        if not callable(function) or not _NAME.fullmatch(name):
            raise TypeError(f"tools must be functions with a name, not {function!r}")
        self.function = function
        self.name = name
        description, about = _read_docstring(inspect.getdoc(plain) or "")
        self._parameters, self._model, parameters = _arguments_model(function, name, about)
        #: In OpenAI's format.
        self.schema = {
            "type": "function",
            "function": {"name": name, "description": description, "parameters": parameters},
        }

    def parse(self, arguments: str) -> dict[str, Any]:
        """Returns the arguments of a call, converted to the types of the function's parameters.

        Raises:
            ToolError: The arguments do not fit the parameters.
        """
        from pydantic import ValidationError

        try:
            given = read_arguments(arguments)
        except ValueError as error:
            raise ToolError(str(error)) from None
        try:
            values = self._model.model_validate(given)
        except ValidationError as error:
            faults = [
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}".removeprefix(": ")
                for fault in error.errors(include_url=False, include_input=False)
            ]
            raise ToolError(cut_result("\n".join(["Invalid arguments:", *faults]))) from None
        except Exception as error:  # from the user's own validator
            raise ToolError(cut_result(f"Invalid arguments: {error}")) from None
        fields = values.model_fields_set
        return {
            name: getattr(values, key) for key, name in self._parameters.items() if key in fields
        }


def _arguments_model(
    function: Callable[..., Any], name: str, about: Mapping[str, str]
) -> tuple[dict[str, str], type[BaseModel], dict[str, Any]]:
    """Returns the parameters' names by those of the model's fields, the model and its schema."""
    from pydantic import ConfigDict, Field, create_model
    from pydantic.errors import PydanticUserError
    from pydantic.json_schema import GenerateJsonSchema

    class Schema(GenerateJsonSchema):
        # The schema leaves out a default that JSON can't express; the default still applies.
        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

        def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
            return False  # a title would only repeat the name

    try:
        parameters = _offered_parameters(function)
    except (TypeError, ValueError) as error:
        raise TypeError(f"The tool {name} can't be described to a model: {error}") from None
    hints = _hints(function, name)
    names: dict[str, str] = {}
    fields: dict[str, Any] = {}
    for number, parameter in enumerate(parameters):
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(
                f"The tool {name} can't be called with keyword arguments only: its parameter "
                f"{parameter} is positional-only or takes any number of arguments."
            )
        if parameter.name not in hints:
            raise TypeError(f"The tool {name} needs a type hint for {parameter.name}.")
        # Fields get other names: a parameter may have one that pydantic forbids, such as `_x`.
        key = f"p{number}"
        names[key] = parameter.name
        required = parameter.default is parameter.empty
        options: dict[str, Any] = {}
        if parameter.name in about:  # else the description in an Annotated applies
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
            f"The tool {name} has a parameter that a model can't provide: {reason}"
        ) from None
    del schema["title"]
    return names, model, {"properties": {}, **schema}


def _offered_parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Returns the parameters that the model fills in: not those that a partial has bound."""
    bound: set[str] = set()
    inner: Any = function
    while isinstance(inner, functools.partial):
        bound |= set(inner.keywords)
        inner = inner.func
    found = inspect.signature(function).parameters.values()
    return [parameter for parameter in found if parameter.name not in bound]


def _hints(function: Any, name: str) -> dict[str, Any]:
    """Returns the types of the parameters. That of the result may be for type checkers only.

    Raises:
        TypeError: The type of a parameter can't be found.
    """
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(getattr(function, "__func__", function))
    if not hasattr(function, "__annotations__"):
        return {}
    from pydantic import Field

    hints: dict[str, Any] = {}
    for parameter, annotation in function.__annotations__.items():
        if parameter == "return":
            continue
        holder = SimpleNamespace(__annotations__={parameter: annotation})
        try:
            hints |= get_type_hints(
                holder, getattr(function, "__globals__", {}), include_extras=True
            )
        except Exception as error:
            raise TypeError(
                f"The tool {name} can't be described to a model: "
                f"the type of its parameter {parameter} can't be found ({error})."
            ) from None
        for extra in getattr(hints[parameter], "__metadata__", ())[:1]:
            if isinstance(extra, str):  # Annotated[int, "how many"]
                described = Field(description=extra)
                hints[parameter] = Annotated[hints[parameter], described]
    return hints


def _read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Returns a docstring without its "Args:" section, and the description of each parameter."""
    if _SPHINX.search(text):
        about_one = {match[1]: " ".join(match[2].split()) for match in _SPHINX.finditer(text)}
        return _SPHINX.sub("", text).strip(), about_one
    if numpy := _NUMPY.search(text):
        entries = _NUMPY_ARG.finditer(numpy[1])
        about_one = {
            one.strip().lstrip("*"): " ".join(match[2].split())
            for match in entries
            for one in match[1].split(",")
        }
        return (text[: numpy.start()] + text[numpy.end() :]).strip(), about_one
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
    current: list[str] = []
    for line in lines[:end]:
        match = _ARG.fullmatch(line.strip()) if _indent(line) == indent else None
        if match:
            current = about.setdefault(match[1], [])
            line = match[2]
        current.append(line.strip())
    rest = "\n".join([text[: found.start()].rstrip(), "", *lines[end:]])
    return rest.strip(), {name: " ".join(filter(None, part)) for name, part in about.items()}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def result_text(value: object) -> str:
    """Returns a result as text for the model: a string as it is, else JSON, else the repr."""
    if isinstance(value, str):
        return cut_result(value)
    from pydantic_core import to_json

    try:
        return cut_result(to_json(value, inf_nan_mode="constants").decode("utf-8", "replace"))
    except Exception:  # JSON can't express it
        return cut_result(repr(value))


def cut_result(text: str) -> str:
    """Masks the keys in use, and cuts a text to the length that a model receives."""
    text = mask_keys_in_use(text).encode("utf-8", "replace").decode("utf-8")
    more = len(text) - MAX_RESULT
    return text if more <= 0 else f"{text[:MAX_RESULT]}… ({more:,} more characters)"
