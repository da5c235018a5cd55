"""A wipe's report of one disk as the evidence part of a record, and back again. Pure.

A record must be judged by its own content alone. So everything that the station's judgement reads
(``outcome.evidence_gap``, ``claims.claim_of``) goes in here and comes out again unchanged.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from typing import Any

SECURITY = (
    "supported",
    "enabled",
    "locked",
    "frozen",
    "expired",
    "enhanced",
    "erase_minutes",
    "enhanced_minutes",
)
HPA = ("present", "current_sectors", "native_sectors")
DCO = ("revision", "real_sectors")
SMART = ("passed", "reallocated", "pending", "uncorrectable", "hours")
CANARIES = ("n", "written", "changed")
CONTENT = ("zero", "ff", "periodic", "random")
VERIFY = (
    "mode",
    "bytes_read",
    "nonzero",
    "read_errors",
    "first_error_offset",
    "pitch_bytes",
    "length_bytes",
    "phase_bytes",
    "detectable_bytes",
)
SAFE = 2**53
ATTEMPT = ("method", "argv", "rc", "error", "canaries_changed", "stderr_sha256")


def plain(value: object) -> Any:
    """Data that canonical JSON can hold: text of firmware made printable.

    Numbers beyond 2^53 have no sure spelling there (RFC 8785 §3.2.2.3) and become text.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and abs(value) < SAFE:
        return value
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    text = str(value).encode("utf-8", "replace").decode()
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def text(value: object) -> str | None:
    """As :func:`plain`, but always text; ``None`` stays."""
    return None if value is None else str(plain(value))


def part(data: object, names: Iterable[str]) -> dict[str, Any] | None:
    """The named values of a mapping, ``None`` where it has none; ``None`` if it is no mapping."""
    if not isinstance(data, Mapping):
        return None
    return {name: plain(data.get(name)) for name in names}


def evidence_of(entry: Mapping[str, Any], size_bytes: object) -> dict[str, Any]:
    """The evidence fields of a record.

    Args:
        entry: the disk's part of the ``wipe`` payload; empty when the machine sent none.
        size_bytes: capacity that was to be erased, for ``f_detectable``.
    """
    attempts = entry.get("attempts")
    listed = attempts if isinstance(attempts, list | tuple) else ()
    limits = entry.get("limits")
    met = limits if isinstance(limits, list | tuple) else ()
    return {
        "tool": plain(entry.get("tool")),
        "method": plain(entry.get("method")),
        "attempts": [_attempt(a, entry.get("started")) for a in listed if isinstance(a, Mapping)],
        "canaries": part(entry.get("canaries"), CANARIES),
        "content_after": part(entry.get("content_after"), CONTENT),
        "verify": _verify(entry.get("verify"), size_bytes),
        "smart_before": part(entry.get("smart_before"), SMART),
        "smart_after": part(entry.get("smart_after"), SMART),
        "limits": [
            {"code": plain(one.get("code")), "detail": plain(one.get("detail") or "")}
            for one in met
            if isinstance(one, Mapping)
        ],
    }


def entry_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """What the machine reported of the disk, as :func:`evidence_of` and the builder took it."""
    if record["reported"]["by"] != "machine":
        return {}
    disk, verify = record["disk"], record["verify"]
    return {
        "serial": disk["serial"],
        "serial_end": disk["serial_end"],
        "wwn": disk["wwn"],
        "path": disk["path"],
        "model": disk["model"],
        "firmware": disk["firmware"],
        "bus": disk["bus"],
        "medium": disk["media"],
        "size_bytes": disk["bytes"],
        "native_bytes": disk["native_bytes"],
        "logical_block": disk["lba"],
        "hpa_before": disk["hpa"],
        "dco": disk["dco"],
        "security_before": disk["security_before"],
        "security_after": disk["security_after"],
        "outcome": record["reported"]["outcome"],
        "reason": record["reported"]["reason"],
        "method": record["method"],
        "attempts": [_attempt_back(a) for a in record["attempts"]],
        "canaries": record["canaries"],
        "content_after": record["content_after"],
        "verify": None if verify is None else {name: verify[name] for name in VERIFY},
        "smart_before": record["smart_before"],
        "smart_after": record["smart_after"],
        "limits": record["limits"],
        "tool": record["tool"],
    }


def detectable_fraction(verify: Mapping[str, Any], size_bytes: object) -> float | None:
    """Smallest part of the disk that a sampled read-back could not have missed; 0 to 1."""
    found = verify.get("detectable_bytes")
    if verify.get("mode") != "sampled" or type(found) is not int or type(size_bytes) is not int:
        return None
    return found / size_bytes if size_bytes > 0 else None


def _verify(data: object, size_bytes: object) -> dict[str, Any] | None:
    taken = part(data, VERIFY)
    if taken is None:
        return None
    return {**taken, "pattern": "00", "f_detectable": detectable_fraction(taken, size_bytes)}


def _attempt(data: Mapping[str, Any], origin: object) -> dict[str, Any]:
    tool, _, version = str(plain(data.get("tool") or "")).partition(" ")
    taken = part(data, ATTEMPT) or {}
    argv = taken.get("argv")
    return {
        **taken,
        "argv": [str(word) for word in argv] if isinstance(argv, list) else [],
        "tool": tool or None,
        "package_version": version or None,
        "start": _seconds(origin, data.get("started")),
        "end": _seconds(origin, data.get("finished")),
        "device_status_before": _status(data.get("status_before")),
        "device_status_after": _status(data.get("status_after")),
    }


def _attempt_back(data: Mapping[str, Any]) -> dict[str, Any]:
    tool = " ".join(word for word in (data["tool"], data["package_version"]) if word)
    return {
        **{name: data[name] for name in ATTEMPT},
        "tool": tool or None,
        "status_before": data["device_status_before"],
        "status_after": data["device_status_after"],
    }


def _status(data: object) -> Any:
    """The device's own status; what is nested in it becomes JSON text, so that the form is flat."""
    if not isinstance(data, Mapping):
        return plain(data)
    return {
        str(plain(name)): json.dumps(plain(value), sort_keys=True)
        if isinstance(value, Mapping | list | tuple)
        else plain(value)
        for name, value in data.items()
    }


def _seconds(origin: object, moment: object) -> int | None:
    """Seconds between two times of the machine's clock: it may be wrong by years, not in this."""
    try:
        begun, then = (dt.datetime.fromisoformat(str(time)) for time in (origin, moment))
        return round((then - begun).total_seconds())
    except (ValueError, TypeError):
        return None
