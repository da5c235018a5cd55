"""Is it the very PC of the inventory, with a name and keys of its own?"""

from __future__ import annotations

import re
from collections.abc import Callable

from netspring_provision.checks.asking import Facts, Seen, part, require
from netspring_provision.checks.expectation import Expectation


def test_machine_itself_answers(
    facts: Facts,
    expected: Expectation,
    seen: Seen,
    record_property: Callable[[str, object], None],
) -> None:
    """The sentinel: ``netspring verify`` accepts no result without it."""
    identity = part(facts, "identity")
    seen(f"UUID {identity['uuid']}, {identity['vendor']} {identity['product']}")
    for key in ("uuid", "serial", "asset_tag", "machine_id", "hostname"):
        record_property(f"machine_{key}", identity[key] or "")
    record_property("machine_ssh_host_keys", "\n".join(identity["ssh_host_keys"]))
    known = [(key, getattr(expected, key)) for key in ("uuid", "serial") if getattr(expected, key)]
    if not known and expected.asset_tag:
        known = [("asset_tag", expected.asset_tag)]
    problems = [
        f"its {key} is {identity[key]!r}, expected {value!r}"
        for key, value in known
        if identity[key] != value
    ]
    if not known:
        problems.append("the inventory gives neither UUID, serial nor asset tag to compare")
    require(problems)
    record_property("machine_proof", facts["proof"])


def test_hostname_is_the_inventorys(facts: Facts, expected: Expectation, seen: Seen) -> None:
    """Both the running name and the one it will have after the next boot."""
    identity = part(facts, "identity")
    seen(identity["hostname"])
    require(
        f"{what} is {identity[key]!r}, expected {expected.hostname!r}"
        for key, what in (("hostname", "its name"), ("etc_hostname", "/etc/hostname"))
        if identity[key] != expected.hostname
    )


def test_asset_tag_is_the_inventorys(facts: Facts, expected: Expectation, seen: Seen) -> None:
    """The tag on the case, as written at installation; none where the inventory has none."""
    tag = part(facts, "identity")["asset_tag"]
    seen(tag or "-")
    if (tag or None) != (expected.asset_tag or None):
        require([f"its asset tag is {tag!r}, expected {expected.asset_tag!r}"])


def test_machine_id_is_its_own(facts: Facts, seen: Seen) -> None:
    """A machine-id as systemd wants it; that no other machine has it is compared afterwards."""
    found = part(facts, "identity")["machine_id"] or ""
    seen(found)
    if not re.fullmatch(r"[0-9a-f]{32}", found) or set(found) == {"0"}:
        require([f"/etc/machine-id holds {found!r}"])


def test_ssh_host_key_is_its_own(facts: Facts, seen: Seen) -> None:
    """At least the Ed25519 key; that no other machine has it is compared afterwards."""
    kinds = [key.split()[0] for key in part(facts, "identity")["ssh_host_keys"]]
    seen(", ".join(kinds))
    if "ssh-ed25519" not in kinds:
        require(["it has no Ed25519 host key"])


def test_image_is_the_expected_one(facts: Facts, expected: Expectation, seen: Seen) -> None:
    """``/etc/netspring/image.json`` against inventory and manifest."""
    image = part(facts, "image")
    seen(f"{image.get('name')} ({image.get('profile')}, {image.get('locale')})")
    require(
        f"its {key} is {image.get(key)!r}, expected {value!r}"
        for key, value in (
            ("profile", expected.profile),
            ("name", expected.image),
        )
        if value is not None and image.get(key) != value
    )
