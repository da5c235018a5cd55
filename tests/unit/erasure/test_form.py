"""One content, one spelling; and a schema that lets nothing in that it does not name."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from changing import at, leaves, objects, put, without
from hypothesis import given
from hypothesis import strategies as st
from workshop_kit import Workshop

from netspring_provision.erasure import form

LARGEST = 2**53 - 1
TEXT = st.text(st.characters(exclude_categories=("Cs",)))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.floats(-1e15, 1e15)  # RFC 8785 §3.2.2.3: larger whole ones are no safe integers
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_reading_what_was_spelled_spells_the_same(data: Any) -> None:
    spelled = form.canonical(data)
    assert form.canonical(form.read(spelled)) == spelled
    assert form.is_canonical(spelled, form.read(spelled))


@given(JSON)
def test_any_other_spelling_of_the_same_content_gives_the_same_bytes(data: Any) -> None:
    for text in (json.dumps(data), json.dumps(data, indent=3, ensure_ascii=False)):
        assert form.canonical(json.loads(text)) == form.canonical(data)


@given(st.dictionaries(TEXT, st.integers(0, 9), min_size=2))
def test_the_order_of_names_does_not_matter(data: dict[str, int]) -> None:
    assert form.canonical(dict(reversed(data.items()))) == form.canonical(data)


def test_the_example_of_the_rfc() -> None:
    """RFC 8785 §3.2.2 and §3.2.4, input and output as printed there."""
    given_text = (
        '{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],'
        r'"string": "\u20ac$\u000F\u000aA' + r"'\u0042\u0022\u005c\\\"\/" + '",'
        '"literals": [null, true, false]}'
    )
    wanted = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA' + '\'B\\"\\\\\\\\\\"/' + '"}'
    )
    assert form.canonical(json.loads(given_text)).decode() == wanted


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff{}", "not UTF-8"),
        (b'{"a": 1, "a": 1}', "a is there twice"),
        (b'{"a": {"b": 1, "b": 2}}', "b is there twice"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "Infinity is no number"),
        (b"[" * 100_000, "nested too deeply"),
        (b" " * (form.MAX_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_json_is_not_read(data: bytes, why: str) -> None:
    with pytest.raises(form.NotARecordError, match=why):
        form.read(data)


@pytest.mark.parametrize("data", [b"{ }", b"{}\n", b'{"b":1,"a":1}', b"1.0", b'"\\u0041"'])
def test_another_spelling_is_told(data: bytes) -> None:
    assert not form.is_canonical(data, form.read(data))


def test_the_schema_is_one() -> None:
    schema = json.loads(form.SCHEMA_FILE.read_text())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)


def test_every_object_of_the_schema_is_closed() -> None:
    def closed(part: Any, where: str = "") -> list[str]:
        found = []
        if isinstance(part, dict):
            if part.get("type") == "object" and "additionalProperties" not in part:
                found.append(where)
            for key, value in part.items():
                if key not in ("allOf", "if", "then", "else"):
                    found += closed(value, f"{where}/{key}")
        return found

    assert closed(json.loads(form.SCHEMA_FILE.read_text())) == []


def test_nothing_is_let_in_that_has_no_name(workshop: Workshop) -> None:
    workshop.wiped()
    record = workshop.record()
    assert form.schema_problems(record) == []
    places = [w for w in objects(record) if "device_status_" not in str(w[-1:])]
    assert len(places) > 12
    for where in places:
        told = form.schema_problems(put(record, (*where, "extra"), 1))
        assert any("extra" in why for _, why in told), where


def test_nothing_may_be_left_out(workshop: Workshop) -> None:
    workshop.wiped()
    record = workshop.record()
    fields = [
        (*where, name)
        for where in objects(record)
        for name in at(record, where)
        if "device_status_" not in str(where[-1:])
    ]
    assert len(fields) > 100
    for where in fields:
        told = form.schema_problems(without(record, where))
        assert any("lacks" in why and str(where[-1]) in why for _, why in told), where


@pytest.mark.parametrize("value", [{"a": {}}, [[]], True, -1.5], ids=repr)
def test_no_leaf_takes_a_value_of_any_kind(workshop: Workshop, value: Any) -> None:
    workshop.wiped()
    record = workshop.record()
    free = {"device_status_before", "device_status_after"}
    for where in leaves(record):
        if free & {str(key) for key in where} or (value is True and _may_be_flag(record, where)):
            continue
        assert form.schema_problems(put(record, where, value)), where


def _may_be_flag(record: Any, where: Any) -> bool:
    flags = {"remove_hpa", "unfreeze", "opt_in", "present", "passed", "supported", "enabled"}
    flags |= {"locked", "frozen", "expired", "enhanced"}
    return where[-1] in flags or isinstance(at(record, where), bool)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("schema",), "netspring-erasure/2"),
        (("cert_id",), "../../etc/passwd"),
        (("prev_sha256",), "0" * 63),
        (("prev_sha256",), "G" * 64),
        (("issued",), "2026-03-01T09:00:00+08:00"),
        (("issued",), "2026-03-01"),
        (("disk", "bytes"), -1),
        (("disk", "bytes"), 2**53),
        (("verify", "mode"), "quick"),
        (("verify", "pattern"), "ff"),
        (("claim", "level"), "Destroy"),
        (("state",), "clean"),
        (("method",), "format"),
        (("plan", "fallback"), ["shred"]),
        (("reason",), "because"),
        (("verify",), None),
        (("canaries",), None),
        (("gap",), "not whole"),
        (("demands",), "physical-destruction-record"),
    ],
)
def test_values_are_held_to_their_form(workshop: Workshop, where: Any, value: Any) -> None:
    workshop.wiped()
    assert form.schema_problems(put(workshop.record(), where, value))
