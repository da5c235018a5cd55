"""What may be said of a disk after its wipe, never more than the evidence holds. Pure.

The levels are those of NIST SP 800-88r2, which leaves the techniques to IEEE 2883; the table is in
docs/decisions/0004-own-writer.md. The station claims, not the machine, and so does ``report
verify``, with this same function.

==========================================  =======  ==================================
done and proven                             level    what must be said with it
==========================================  =======  ==================================
sanitize block erase on an SSD              Purge    the hidden cells are the drive's word
sanitize overwrite on a magnetic disk       Purge    the same for sectors set aside
crypto erase, any way, alone                Clear    the key may not have covered all data
ATA Security erase, enhanced, magnetic      Clear    Rev. 1 said Purge; it is withdrawn
ATA Security erase on flash, NVMe Format    Clear    spare area not reached
overwrite of flash, secure discard          Clear    spare area not reached
overwrite of a magnetic disk                Clear    sectors set aside are not reached
anything not proven                         none     why
==========================================  =======  ==================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from netspring_provision import sampling
from netspring_provision.checks.catalogue import Words
from netspring_provision.model import Claim, Limit
from netspring_provision.proof import PREPARATIONS, attempt_gap, attempts_of, is_method, proof_gap

STANDARD = "NIST SP 800-88r2 / IEEE 2883"
PURGE = "Purge technique (device-reported)"
CLEAR = "Clear"
NONE = "none"
RANK = {NONE: 0, CLEAR: 1, PURGE: 2}
BOTH = " · "  # parts the English from the Chinese of a detail that is told in both
WORDS = Path(__file__).resolve().parent / "claims.yml"

# Where the commands of a method exist; overwrite does everywhere.
BUSES = {"ata": "sata", "nvme": "nvme", "scsi": "scsi", "discard": "mmc"}
# Which sanitize technique is a Purge on which medium. An SSD's overwrite is not among them: nothing
# that could be read for this project says that it reaches cells which are out of use.
_PURGES = frozenset(
    {
        ("ssd", "ata_sanitize_block"),
        ("ssd", "nvme_sanitize_block"),
        ("ssd", "scsi_sanitize_block"),
        ("hdd", "ata_sanitize_overwrite"),
        ("hdd", "scsi_sanitize_overwrite"),
    }
)
# Told by the machine in its own words too; here they follow from the evidence, with their numbers.
DERIVED = ("spare_area", "reallocated", "hpa_unknown", "dco_unknown", "dco_hidden", "fallback")
_CRYPTO = frozenset(
    {"ata_sanitize_crypto", "nvme_sanitize_crypto", "scsi_sanitize_crypto", "nvme_format_crypto"}
)


def claim_of(medium: str, bus: str, method: str, entry: Mapping[str, Any]) -> Claim:
    """What the report of one disk proves.

    Args:
        medium: ``hdd``, ``ssd``, ``flash`` or ``unknown``; the last is treated as flash.
        bus: how the disk is attached.
        method: the method that is claimed; the report must be about this one.
        entry: the disk's entry in a ``wipe`` payload.
    """
    gap = proof_gap(entry)
    if gap is None and entry.get("method") != method:
        gap = f"it was erased by {entry.get('method')}, not by {method}"
    if gap is None and BUSES.get(method.partition("_")[0], bus) != bus:
        gap = f"{method} is no method for a disk on {bus}"
    for key, told in (("medium", medium), ("bus", bus)):
        if gap is None and entry.get(key, told) != told:
            gap = f"its {key} is {entry.get(key)}, not {told}"
    if gap is not None:
        return Claim(NONE, (Limit("not_proven", gap),))
    return Claim(
        level_of(medium, method),
        _merged((*limits_of(medium, bus, method, entry), *_met(medium, method, entry))),
    )


def level_of(medium: str, method: str) -> str:
    """The most that a method can earn on a medium, if it is proven."""
    if not is_method(method):
        return NONE
    return PURGE if (medium, method) in _PURGES else CLEAR


def limits_of(medium: str, bus: str, method: str, known: Mapping[str, Any]) -> tuple[Limit, ...]:
    """What must be said with a method on such a disk, by what is known of it.

    Args:
        medium: as above.
        bus: as above.
        method: as above.
        known: ``native_bytes``, ``size_bytes``, ``dco`` and ``verify``, as in a report.
    """
    limits: list[Limit] = []
    if (medium, method) in _PURGES:
        limits.append(Limit("device_word"))
    else:
        if method in _CRYPTO:
            limits.append(Limit("crypto_unproven"))
        # Most sticks behind USB claim to rotate: the kernel says so of whatever does not tell.
        if medium != "hdd" or bus == "usb":
            limits.append(Limit("spare_area"))
        limits.append(Limit("reallocated"))
        if method == "ata_security_erase_enhanced" and medium == "hdd":
            limits.append(Limit("rev1_purge"))
    if bus == "usb":
        limits.append(Limit("usb_bridge"))
    limits += _hidden(bus, method, known)
    verify = _mapping(known.get("verify"))
    if verify.get("mode") == "sampled":
        size, pitch, length = (
            int(value)
            for value in (known["size_bytes"], verify["pitch_bytes"], verify["length_bytes"])
        )
        limits.append(Limit("sampled", sampling.in_words(size, pitch, length)))
    return tuple(limits)


def _hidden(bus: str, method: str, known: Mapping[str, Any]) -> Iterable[Limit]:
    """Parts of a drive that may be out of sight, and what is known of them."""
    if known.get("native_bytes") is None:
        # Behind a SAS or RAID controller there may be a SATA drive that was never asked.
        if bus in ("sata", "scsi", "unknown"):
            yield Limit("hpa_unknown")
        elif bus == "nvme" and not method.startswith(
            "nvme_sanitize_"
        ):  # that is for the whole drive
            yield Limit("nvme_unallocated")
    if bus != "sata":
        return
    dco = known.get("dco")
    if not isinstance(dco, Mapping) or type(dco.get("real_sectors")) is not int:
        yield Limit("dco_unknown")
        return
    block = known.get("logical_block")
    sector = block if type(block) is int and block > 0 else 512
    hidden = dco["real_sectors"] * sector - int(known["size_bytes"])
    if hidden > 0:
        yield Limit("dco_hidden", f"{hidden} bytes")


def _met(medium: str, method: str, entry: Mapping[str, Any]) -> Iterable[Limit]:
    """Limits that were met on the way: what the machine told, and what failed before."""
    # A sanitize reaches sectors that were replaced by spares too, or so the drive says.
    replaced = "device_word" if (medium, method) in _PURGES else "reallocated"
    told = entry.get("limits")
    for limit in told if isinstance(told, list | tuple) else ():
        if not isinstance(limit, Mapping) or not limit.get("code"):
            yield Limit("other", str(limit))
        elif limit["code"] in DERIVED:
            yield Limit(replaced if limit["code"] == "reallocated" else str(limit["code"]))
        else:
            yield Limit(str(limit["code"]), str(limit.get("detail") or ""))
    count = _mapping(entry.get("canaries")).get("n")
    for attempt in attempts_of(entry) or ():
        gap = attempt_gap(attempt, count)
        preparation = attempt.get("method") in PREPARATIONS
        if gap is not None and not preparation and attempt.get("method") != method:
            yield Limit("fallback", gap)
    was = _mapping(entry.get("smart_before")).get("reallocated")
    now = _mapping(entry.get("smart_after")).get("reallocated")
    if was or now:
        yield Limit(replaced, f"replaced sectors: {_told(was)} before, {_told(now)} after")


def _told(count: object) -> str:
    return "not told" if count is None else str(count)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _merged(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    """One limit per code, in the order first met, with every detail that was given."""
    details: dict[str, list[str]] = {}
    for limit in limits:
        known = details.setdefault(limit.code, [])
        if limit.detail and limit.detail not in known:
            known.append(limit.detail)
    return tuple(Limit(code, "; ".join(found)) for code, found in details.items())


def weaker(real: Claim, planned: Claim) -> bool:
    """Whether less can be said than was planned: a lower level, or a limit that was not planned."""
    if RANK[real.level] != RANK[planned.level]:
        return RANK[real.level] < RANK[planned.level]
    return not {limit.code for limit in real.limits} <= {limit.code for limit in planned.limits}


@cache
def _words() -> Mapping[str, Words]:
    raw = yaml.safe_load(WORDS.read_text(encoding="utf-8"))
    return {name: Words(entry["zh"], entry["en"]) for name, entry in raw.items()}


def words(limit: Limit) -> Words:
    """A limit or a note in Chinese and English, with its detail; the code where it has no words."""
    said = _words().get(limit.code, Words(limit.code, limit.code))
    if not limit.detail:
        return said
    en, both, zh = limit.detail.partition(BOTH)
    if both:
        return Words(f"{said.zh} ({zh})", f"{said.en} ({en})")
    return Words(f"{said.zh} ({limit.detail})", f"{said.en} ({limit.detail})")


def method_words(method: str) -> Words:
    """A method in words; its name where it has none."""
    return _words().get(f"method_{method}", Words(method, method))


def level_words(level: str) -> Words:
    """A level in words; its name where it has none."""
    return _words().get(f"level_{level}", Words(level, level))
