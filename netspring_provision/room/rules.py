"""What a room's files may hold, and what is wrong with one that holds something else.

The shape is ``schema/room.schema.json``; variables of roles come from the roles themselves
(``meta/argument_specs.yml``), so that no second list of them can rot.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jsonschema
import yaml
from jsonschema.protocols import Validator

from netspring_provision import content
from netspring_provision.errors import StationError
from netspring_provision.room.document import Document, Problem, Template

Definition = Literal["inventory", "variables"]

SCHEMA = Path(__file__).parents[1] / "schema" / "room.schema.json"

_TYPES: Mapping[str, Mapping[str, object]] = {
    "str": {"type": "string"},
    "path": {"type": "string"},
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "list": {"type": "array"},
    "dict": {"type": "object"},
}
_PLAIN = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "keys with values",
    "null": "nothing",
}


def option_schema(option: Mapping[str, Any]) -> dict[str, object]:
    """JSON schema of one option of an argument spec; types that mean "anything" allow anything."""
    schema: dict[str, object] = dict(_TYPES.get(str(option.get("type", "str")), {}))
    if "choices" in option:
        chosen: dict[str, object] = {"enum": list(option["choices"])}
        schema = {**schema, "items": chosen} if option.get("type") == "list" else chosen
    elif option.get("type") == "list" and "elements" in option:
        inner = {key: value for key, value in option.items() if key != "elements"}
        schema["items"] = option_schema({**inner, "type": option["elements"]})
    elif option.get("type") == "dict" and option.get("options"):
        options: Mapping[str, Mapping[str, Any]] = option["options"]
        schema["properties"] = {name: option_schema(inner) for name, inner in options.items()}
        schema["required"] = [name for name, inner in options.items() if inner.get("required")]
        schema["additionalProperties"] = False
    return schema


def role_variables(roles: Path) -> dict[str, dict[str, object]]:
    """Every variable that a role declares, with the schema of its value.

    Raises:
        StationError: an argument spec cannot be read; the installation is broken.
    """
    found: dict[str, dict[str, object]] = {}
    for file in sorted(roles.glob("*/meta/argument_specs.yml")):
        try:
            specs = yaml.safe_load(file.read_text(encoding="utf-8"))["argument_specs"]
            for entry in specs.values():
                for name, option in (entry.get("options") or {}).items():
                    found[name] = option_schema(option)
        except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise StationError(
                f"{file} cannot be used: {error}", hint="install the package again"
            ) from error
    return found


def room_schema(roles: Path) -> dict[str, Any]:
    """The schema in the package together with the variables of the roles."""
    schema: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    schema["$defs"]["variables"]["properties"].update(role_variables(roles))
    return schema


def _lenient(rule: Callable[..., Any]) -> Callable[..., Iterator[jsonschema.ValidationError]]:
    """The same rule, silent about what only Ansible can work out."""

    def checked(
        validator: Validator, value: Any, instance: Any, schema: Any
    ) -> Iterator[jsonschema.ValidationError]:
        if not isinstance(instance, Template):
            yield from rule(validator, value, instance, schema) or ()

    return checked


@cache
def _validator(roles: Path, definition: str) -> Validator:
    schema = room_schema(roles)
    base = jsonschema.Draft202012Validator
    lenient = {name: _lenient(rule) for name, rule in base.VALIDATORS.items()}
    build: type[Validator] = jsonschema.validators.extend(base, lenient)  # type: ignore[no-untyped-call]
    return build({"$defs": schema["$defs"], "$ref": f"#/$defs/{definition}"})


def problems(
    document: Document,
    definition: Definition,
    roles: Path | None = None,
) -> list[Problem]:
    """What is wrong with a file's data, in the order of its lines.

    Args:
        document: the file as it was read.
        definition: what the file must be.
        roles: folder of the roles; those of this installation if None.
    """
    validator = _validator(roles or content.root() / "roles", definition)
    data: Any = document.data
    found = [
        problem for error in validator.iter_errors(data) for problem in _explain(document, error)
    ]
    found += _netspring_templates(document)
    return sorted(set(found), key=lambda problem: (problem.line, problem.text))


def _explain(document: Document, error: jsonschema.ValidationError) -> Iterator[Problem]:
    """One error of jsonschema in the words of the person who wrote the file."""
    if error.validator == "anyOf" and error.context:
        # Both "nothing" and "variables" did not fit: what is wrong with the variables is meant.
        for inner in error.context:
            if inner.validator != "type" or inner.validator_value != "null":
                yield from _explain(document, inner)
        return
    where = tuple(error.absolute_path)
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    name = ".".join(str(part) for part in where) or "the file"
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        allowed = list(schema.get("properties", {}))
        for key in error.instance:
            if key not in allowed:
                line = document.line((*where, key))
                yield Problem(document.file, line, f"unknown key {key}", _allowed(key, allowed))
        return
    if "propertyNames" in error.absolute_schema_path:
        line = document.line((*where, str(error.instance)))
        text = f"{error.instance!r} is not {schema.get('description', 'an allowed name')}"
        yield Problem(document.file, line, text)
        return
    yield Problem(document.file, document.line(where), f"{name}: {_wrong(error, schema)}")


def _wrong(error: jsonschema.ValidationError, schema: Mapping[str, Any]) -> str:
    value = error.instance
    rule: Any = error.validator_value
    if error.validator == "type":
        types = [rule] if isinstance(rule, str) else list(rule)
        wanted = " or ".join(_PLAIN[t] for t in types)
        quotes = "string" in types and not isinstance(value, list | dict | None)
        return f"must be {wanted}, not {_shown(value)}" + (" (put it in quotes)" if quotes else "")
    if error.validator == "enum":
        allowed = ", ".join(str(choice) for choice in rule)
        return f"must be one of {allowed}, not {_shown(value)}"
    if error.validator == "pattern":
        return f"{value!r} is not {schema.get('description', 'allowed')}"
    return error.message


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "keys with values"
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    return repr(value) if isinstance(value, str) else f"the number or date {value}"


def _allowed(key: str, allowed: list[str]) -> str:
    """The keys that may stand there: those of the same family if the key has one, else all."""
    near = difflib.get_close_matches(key, allowed, n=1)
    family = key.partition("_")[0] + "_"
    same = [name for name in allowed if name.startswith(family)]
    listed = ", ".join(sorted(same or allowed))
    return (f"did you mean {near[0]}? " if near else "") + f"allowed keys: {listed}"


def _netspring_templates(document: Document) -> Iterator[Problem]:
    """``netspring_*`` is read by the station itself, which works out no templates."""
    stack: list[tuple[tuple[str | int, ...], object]] = [((), document.data)]
    while stack:
        where, value = stack.pop()
        if isinstance(value, dict):
            stack += [((*where, key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            stack += [((*where, i), inner) for i, inner in enumerate(value)]
        elif isinstance(value, Template):
            name = next((str(p) for p in where if str(p).startswith("netspring_")), None)
            if name:
                text = f"{name}: must be a plain value, not a template or a vault"
                yield Problem(document.file, document.line(where), text)
