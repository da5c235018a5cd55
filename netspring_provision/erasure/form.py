"""The one spelling of an erasure record (RFC 8785) and the one reading of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import jsonschema
import rfc8785
from jsonschema.protocols import Validator

SCHEMA = "netspring-erasure/1"
SCHEMA_FILE = Path(__file__).parents[1] / "schema" / "erasure.schema.json"
NAMESPACE = "netspring-erasure@v1"
FIRST = "0" * 64  # what stands for the record before the first one
# A record has 2 to 5 kB. More is another file by mistake.
MAX_BYTES = 1 << 20


class NotARecordError(Exception):
    """The bytes are not one JSON text; the message says why, in a few words."""


def canonical(record: Any) -> bytes:
    """The bytes that are signed: RFC 8785, no line end; raises ValueError on what JSON lacks."""
    return rfc8785.dumps(record)


def digest(data: bytes) -> str:
    """SHA-256 of a record's file, 64 hexadecimal digits: what ``prev_sha256`` of the next holds."""
    return hashlib.sha256(data).hexdigest()


def read(data: bytes) -> Any:
    """The data of a JSON text.

    Raises:
        NotARecordError: not UTF-8, not JSON, a name that is there twice, or a number that
            Infinity and NaN are.
    """
    if len(data) > MAX_BYTES:
        raise NotARecordError(f"it is larger than {MAX_BYTES // 1024} KiB")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise NotARecordError("it is not UTF-8 text") from error
    except RecursionError as error:
        raise NotARecordError("it is nested too deeply") from error
    except ValueError as error:
        raise NotARecordError(f"it is not JSON: {error}") from error


def is_canonical(data: bytes, record: Any) -> bool:
    """Whether the bytes are the one spelling of the record that they hold."""
    try:
        return canonical(record) == data
    except (ValueError, RecursionError):
        return False


def schema_problems(record: Any) -> list[tuple[str, str]]:
    """What the schema forbids: field (with dots) and why, in words; empty when nothing."""
    told = [_told(error) for error in _errors(_validator().iter_errors(record))]
    return sorted(dict.fromkeys(told))


def misfits(record: Any) -> list[tuple[str | int, ...]]:
    """Where in a record that is being made something stands which the schema forbids."""
    errors = _errors(_validator().iter_errors(record))
    return [tuple(error.absolute_path) for error in errors]


def _errors(
    errors: Iterable[jsonschema.ValidationError],
) -> Iterator[jsonschema.ValidationError]:
    """The errors; of "nothing, or such a thing" what is wrong with the thing."""
    for error in errors:
        inner = [e for e in error.context or () if e.relative_path or e.validator != "type"]
        if error.validator == "anyOf" and inner:
            yield from _errors(inner)
        else:
            yield error


@cache
def _validator() -> Validator:
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)


def _told(error: jsonschema.ValidationError) -> tuple[str, str]:
    field = ".".join(str(part) for part in error.absolute_path) or "the record"
    rule: Any = error.schema
    if error.validator == "additionalProperties":
        there: Any = error.instance
        extra = sorted(set(there) - set(rule.get("properties", ())))
        return field, f"has fields that no record has: {', '.join(extra)}"
    if error.validator == "required":
        there = error.instance
        lacking = [name for name in rule["required"] if name not in there]
        return field, f"lacks {', '.join(lacking)}"
    return field, f"is not what a record holds here: {error.message[:200]}"


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise NotARecordError(f"the name {name} is there twice")
        found[name] = value
    return found


def _no_number(word: str) -> NoReturn:
    raise NotARecordError(f"{word} is no number in JSON")
