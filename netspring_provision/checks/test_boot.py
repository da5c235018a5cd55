"""Did it boot from its own disk, by the right firmware, and will it do so again?"""

from __future__ import annotations

from netspring_provision.checks.asking import Facts, Seen, part, require
from netspring_provision.checks.expectation import Expectation


def test_boots_from_its_own_disk(facts: Facts, seen: Seen) -> None:
    """Root is the ext4 file system on netspring-root, writable, and named by the kernel's line."""
    boot = part(facts, "boot")
    root = boot["root"] or {}
    seen(f"{root.get('source')} ({root.get('partlabel')}, {root.get('fstype')})")
    problems = []
    if root.get("partlabel") != "netspring-root":
        problems.append(f"root is on the partition {root.get('partlabel')!r}")
    if root.get("fstype") != "ext4":
        problems.append(f"root is a {root.get('fstype')!r} file system")
    if "rw" not in (root.get("options") or "").split(","):
        problems.append("root is mounted read-only")
    if not root.get("uuid") or f"root=UUID={root['uuid']}" not in boot["cmdline"].split():
        problems.append(f"the kernel was not started with root=UUID={root.get('uuid')}")
    require(problems)


def test_is_not_the_live_environment(facts: Facts, seen: Seen) -> None:
    """Neither the marker nor the token of the live environment."""
    boot = part(facts, "boot")
    seen(boot["cmdline"])
    problems = []
    if boot["live_marker"]:
        problems.append("/run/netspring-live is there")
    if boot["live_token"]:
        problems.append("the kernel's command line carries the live token")
    require(problems)


def test_boots_by_the_expected_firmware(facts: Facts, expected: Expectation, seen: Seen) -> None:
    """The same firmware as when it was inspected; any, if that is not known."""
    firmware = part(facts, "boot")["firmware"]
    seen(firmware.upper())
    if expected.firmware is not None and firmware != expected.firmware:
        require([f"it booted by {firmware}, expected {expected.firmware}"])


def test_fstab_names_its_own_disk(facts: Facts, seen: Seen) -> None:
    """The entries for / and /home name the UUIDs that are mounted there."""
    boot = part(facts, "boot")
    problems = []
    for where, name in (("/", "root"), ("/home", "home")):
        specs = [entry["spec"] for entry in boot["fstab"] if entry["file"] == where]
        mounted = (boot[name] or {}).get("uuid")
        if specs != [f"UUID={mounted}"]:
            problems.append(f"fstab has {specs} for {where}, mounted is UUID {mounted}")
    seen(", ".join(f"{entry['file']} {entry['spec']}" for entry in boot["fstab"]))
    require(problems)
