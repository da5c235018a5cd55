"""Facts, plans, reports and events in the shapes that the machines send, made to order."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Any

from netspring_provision import proof, sampling
from netspring_provision.methods import Policy
from netspring_provision.model import Facts, MachinePlan, Plan, PlannedDisk
from netspring_provision.plan import make_plan

TOKEN = "c0ffee" * 10
TOKEN_SHA256 = hashlib.sha256(TOKEN.encode()).hexdigest()
NOW = dt.datetime(2026, 3, 1, 9, 0, tzinfo=dt.UTC)
UUIDS = {f"pc{n}": f"4c4c4544-0000-1000-8000-00000000000{n}" for n in range(1, 10)}
GB = 10**9


def disk(serial: str | None = "WD-A1", **changes: Any) -> dict[str, Any]:
    """One SATA hard disk as the inspect module reports it."""
    return {
        "path": "/dev/sda",
        "name": "sda",
        "bus": "sata",
        "medium": "hdd",
        "model": "WDC WD1600BEVT",
        "serial": serial,
        "wwn": f"0x5000{serial}" if serial else None,
        "firmware": "01.01A01",
        "size_bytes": 160 * GB,
        "native_bytes": 160 * GB,
        "logical_block": 512,
        "physical_block": 512,
        "read_only": False,
        "removable": False,
        "rotational": True,
        "uses": [],
        "signatures": [],
        "hpa": {"present": False, "current_sectors": 1, "native_sectors": 1},
        "sanitize": {"block": False, "overwrite": False, "crypto": False},
        "security": {
            "supported": True,
            "enabled": False,
            "locked": False,
            "frozen": True,
            "enhanced": True,
            "erase_minutes": 60,
            "enhanced_minutes": 62,
        },
        "dco": {"revision": 2, "real_sectors": 160 * GB // 512},
        "mmc": None,
        "smart": {"passed": True},
        "nvme": None,
    } | changes


def payload(
    *disks: Mapping[str, Any], host: str = "pc1", token: str = TOKEN, **changes: Any
) -> dict[str, Any]:
    """The ``facts`` payload of one machine in the live environment."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    return {
        "kind": "facts",
        "schema": 1,
        "live": {"marker": True, "token_sha256": digest, "boot_id": f"boot-{host}"},
        "system": {
            "uuid": UUIDS[host],
            "serial": f"SN-{host}",
            "vendor": "LENOVO",
            "product": "2082CTO",
            "firmware": "bios",
            "secure_boot": None,
        },
        "cpu": {"model": "Core 2 Duo", "cores": 2, "x86_64": True},
        "memory_bytes": 2 << 30,
        "macs": ["00:1f:16:00:00:01"],
        "hidden_disks": [],
        "disks": list(disks or (disk(f"WD-{host}"),)),
    } | changes


def facts(*disks: Mapping[str, Any], host: str = "pc1", **changes: Any) -> Facts:
    """One machine, read as the station reads it."""
    return Facts.from_payload(host, payload(*disks, host=host, **changes))


def plan(*machines: Facts, now: dt.datetime = NOW, **options: Any) -> Plan:
    """A plan for these machines; one with a single disk when none is given."""
    given = {"plan_id": "20260301-090000-aaaa-bbbb", "inventory": "inventories/lab"} | options
    if "usb_serials" in given:
        given["policy"] = Policy(usb_serials=frozenset(given.pop("usb_serials")))
    return make_plan(machines or (facts(),), now=now, **({"token_sha256": TOKEN_SHA256} | given))


def attempt(method: str, **changes: Any) -> dict[str, Any]:
    """One attempt that ended well; a firmware method with the drive's own word for it."""
    firmware = method != "overwrite"
    done = {"state": "completed"} if method in proof.WITH_STATUS else None
    return {
        "method": method,
        "argv": ["tool", method] if firmware else [],
        "rc": 0,
        "started": "2026-03-01T09:01:00+00:00",
        "finished": "2026-03-01T09:02:00+00:00",
        "error": None,
        "tool": "a tool 1" if firmware else None,
        "stderr_sha256": None,
        "status_before": {"state": "never"} if done else None,
        "status_after": done,
        "canaries_changed": 33 if firmware else None,
    } | changes


def attempts(*methods: str) -> list[dict[str, Any]]:
    """Attempts that ended well, and the pass of zeros that follows every firmware method."""
    given = methods if methods[-1] == "overwrite" else (*methods, "overwrite")
    return [attempt(method) for method in given]


def read_back(planned: PlannedDisk) -> dict[str, Any]:
    """A read-back that found nothing, in full or in samples as planned."""
    size, pitch, length = (
        planned.erased_bytes,
        planned.verify.pitch_bytes,
        planned.verify.length_bytes,
    )
    told = {"mode": planned.verify.mode, "bytes_read": size, "nonzero": 0, "read_errors": 0}
    if pitch is None or length is None:
        return told
    return told | {
        "bytes_read": sampling.grid_bytes(size, pitch, length, 4096) + 2 * length,
        "pitch_bytes": pitch,
        "length_bytes": length,
        "phase_bytes": 4096,
        "detectable_bytes": pitch - length + 1,
    }


def erased(planned: PlannedDisk, **changes: Any) -> dict[str, Any]:
    """The report of a disk that was erased and proven, as the wipe module sends it."""
    return {
        "serial": planned.serial,
        "wwn": planned.wwn,
        "path": planned.path,
        "size_bytes": planned.erased_bytes,
        "model": planned.model,
        "outcome": "erased",
        "reason": None,
        "method": planned.method,
        "attempts": attempts(planned.method),
        "canaries": {"n": 33, "written": 33, "changed": 33},
        "verify": read_back(planned),
        "content_after": None,
        "bus": planned.bus,
        "medium": planned.medium,
        "firmware": "01.01A01",
        "native_bytes": planned.native_bytes,
        "serial_end": planned.serial,
        "security_before": None,
        "security_after": None,
        "hpa_before": None,
        "dco": {"revision": 2, "real_sectors": planned.erased_bytes // 512},
        "smart_before": {"passed": True, "reallocated": 0, "pending": 0, "uncorrectable": 0},
        "smart_after": {"passed": True, "reallocated": 0, "pending": 0, "uncorrectable": 0},
        "limits": [],
    } | changes


def report(machine: MachinePlan, plan_id: str, *disks: Mapping[str, Any]) -> dict[str, Any]:
    """The final ``wipe`` payload of a machine; every planned disk erased when none is given."""
    return {
        "kind": "wipe",
        "plan_id": plan_id,
        "boot_id": machine.boot_id,
        "finished": True,
        "disks": list(disks) or [erased(d) for d in machine.disks],
    }


def event(
    host: str, name: str = "runner_on_ok", result: Mapping[str, Any] | None = None, **res: Any
) -> dict[str, Any]:
    """One task result of one machine, as ansible-runner writes it."""
    told = dict(res) | ({"netspring_result": dict(result)} if result is not None else {})
    return {"event": name, "event_data": {"host": host, "task": "a task", "res": told}}


def stats(ok: tuple[str, ...] = (), **bad: dict[str, int]) -> dict[str, Any]:
    """The recap at the end of a play; ``bad`` is ``failures`` or ``dark`` by machine."""
    everybody = {*ok, *(host for group in bad.values() for host in group)}
    return {
        "event": "playbook_on_stats",
        "event_data": {
            "processed": dict.fromkeys(everybody, 1),
            "ok": dict.fromkeys(ok, 3),
            "failures": {},
            "dark": {},
            "changed": {},
            "ignored": {},
            "rescued": {},
            "skipped": {},
        }
        | bad,
    }
