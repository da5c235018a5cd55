"""Whether a disk's own report adds up to a proof of erasure. Pure, and it fails closed.

No plan is needed for it: this is what the report must hold by itself, so that a certificate can be
judged without the station that made it. The rule is "erased if and only if" of
docs/decisions/0004-own-writer.md (after NIST SP 800-88r2 §4.5): the method says that it completed,
every canary is gone, one pass of zeros ended well, what was read back is zero, nothing is hidden,
serial and health are what they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netspring_provision import sampling

OVERWRITE = "overwrite"
# Firmware methods of which the drive keeps a status that can be read again afterwards: SANITIZE
# STATUS EXT (ACS-3), the sanitize log page of NVMe, sense data of SCSI, the ATA security word.
WITH_STATUS = frozenset(
    {f"{bus}_sanitize_{kind}" for bus in ("ata", "nvme", "scsi") for kind in ("block", "overwrite")}
    | {f"{bus}_sanitize_crypto" for bus in ("ata", "nvme", "scsi")}
    | {"ata_security_erase", "ata_security_erase_enhanced"}
)
FIRMWARE = WITH_STATUS | {"nvme_format", "nvme_format_crypto", "discard_secure"}
METHODS = FIRMWARE | {OVERWRITE}
# What may stand among the attempts though it erases nothing: the machine was suspended to thaw the
# drive; the password of a wipe that was cut off was given and taken away.
PREPARATIONS = ("unfreeze", "ata_unlock")
COMPLETED = "completed"  # value of status_after["state"]
# SMART 197 and 198, or media errors of NVMe: what a drive could not read.
WORSENS = ("pending", "uncorrectable")


def is_count(value: object, wanted: object) -> bool:
    """Whether a count is that number: ``True``, ``1.0`` and ``"1"`` are not 1 in a report."""
    return type(value) is int and type(wanted) is int and value == wanted


def is_method(value: object) -> bool:
    """Whether this is the name of a method that erases."""
    return isinstance(value, str) and value in METHODS


def attempts_of(entry: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The attempts of a report; ``None`` when there is none or one is not an attempt."""
    attempts = entry.get("attempts")
    if not isinstance(attempts, list | tuple) or not attempts:
        return None
    return list(attempts) if all(isinstance(a, Mapping) for a in attempts) else None


def attempt_gap(attempt: Mapping[str, Any], canaries: object) -> str | None:
    """Why this attempt did not do what its method promises; ``None`` when it did.

    Args:
        attempt: one of ``attempts``.
        canaries: number of canaries that were planted.
    """
    method = attempt.get("method")
    if not is_method(method):
        return f"the method {method} is not known"
    if attempt.get("error") is not None:
        return f"{method}: {attempt['error'] or 'an error without words'}"
    if not is_count(attempt.get("rc"), 0):
        return f"{method} ended with {attempt.get('rc')}"
    if method in FIRMWARE and not is_count(attempt.get("canaries_changed"), canaries):
        return f"{method}: only {attempt.get('canaries_changed')} of {canaries} canaries changed"
    if method in WITH_STATUS:
        status = attempt.get("status_after")
        state = status.get("state") if isinstance(status, Mapping) else None
        if state != COMPLETED:
            return f"{method}: the drive's own status afterwards is {state}"
    return None


def proof_gap(entry: Mapping[str, Any]) -> str | None:
    """What is missing or wrong in the evidence that this disk is erased; ``None`` when whole."""
    verify, canaries = entry.get("verify"), entry.get("canaries")
    if not isinstance(verify, Mapping) or not isinstance(canaries, Mapping):
        return "the evidence is missing"
    return (
        _ending_gap(entry)
        or _canary_gap(canaries)
        or _method_gap(entry, canaries.get("n"))
        or _capacity_gap(entry)
        or _read_back_gap(entry.get("size_bytes"), verify)
        or _health_gap(entry)
    )


def _ending_gap(entry: Mapping[str, Any]) -> str | None:
    if entry.get("outcome") != "erased" or entry.get("reason") is not None:
        return f"it says {entry.get('outcome')} and gives a reason: {entry.get('reason')}"
    serial = entry.get("serial")
    if not isinstance(serial, str) or not serial:
        return "it names no serial"
    if entry.get("serial_end") != serial:
        return f"its serial was {serial} and is {entry.get('serial_end')} at the end"
    return None


def _canary_gap(canaries: Mapping[str, Any]) -> str | None:
    count = canaries.get("n")
    if not isinstance(count, int) or not is_count(canaries.get("written"), count) or count < 1:
        return "no canaries were planted"
    if not is_count(canaries.get("changed"), count):
        return f"only {canaries.get('changed')} of {count} canaries changed"
    return None


def _method_gap(entry: Mapping[str, Any], canaries: object) -> str | None:
    method, attempts = entry.get("method"), attempts_of(entry)
    if not is_method(method):
        return f"the method {method} is not known"
    if attempts is None:
        return "it tells of no attempt"
    for attempt in attempts:
        if not is_method(attempt.get("method")) and attempt.get("method") not in PREPARATIONS:
            return f"the method {attempt.get('method')} is not known"
    if not any(a.get("method") == method and attempt_gap(a, canaries) is None for a in attempts):
        return f"no attempt with {method} ended well"
    last = attempts[-1]
    if last.get("method") != OVERWRITE or attempt_gap(last, canaries) is not None:
        return "its last attempt is not a pass of zeros that ended well"
    return None


def _capacity_gap(entry: Mapping[str, Any]) -> str | None:
    size = entry.get("size_bytes")
    if type(size) is not int or size < 1:
        return f"its size is {size}"
    if "native_bytes" not in entry:
        return "it does not say whether the drive hides a part of itself"
    native = entry["native_bytes"]
    if native is not None and not is_count(native, size):
        return f"{size} of its {native} bytes are visible"
    security = entry.get("security_after")
    if isinstance(security, Mapping) and (
        security.get("enabled") is True or security.get("locked") is True
    ):
        return "a password is still set on it"
    return None


def _read_back_gap(size: object, verify: Mapping[str, Any]) -> str | None:
    mode, read = verify.get("mode"), verify.get("bytes_read")
    if not is_count(verify.get("read_errors"), 0):
        return f"reading it back met {verify.get('read_errors')} errors"
    if not is_count(verify.get("nonzero"), 0):
        return f"{verify.get('nonzero')} bytes were not zero when read back"
    if mode == "sampled":
        return _sampled_gap(size, verify)
    if mode != "full":
        return f"it was read back in mode {mode}, which is not known"
    return None if is_count(read, size) else f"only {read} of {size} bytes were read back"


def _sampled_gap(size: object, verify: Mapping[str, Any]) -> str | None:
    keys = ("pitch_bytes", "length_bytes", "phase_bytes", "bytes_read")
    counts = [verify.get(key) for key in keys]
    if any(type(count) is not int for count in (*counts, size)):
        return "the samples that were read back are not told"
    pitch, length, phase, read, whole = (int(str(c)) for c in (*counts, size))
    if not (0 < length <= pitch and 0 <= phase < pitch):
        return f"samples of {length} bytes every {pitch} from {phase} are no grid"
    least = sampling.grid_bytes(whole, pitch, length, phase)
    if not 0 < least <= read <= whole:
        return f"{read} bytes were read back, and the samples have {least}"
    if not is_count(verify.get("detectable_bytes"), sampling.certain_bytes(pitch, length)):
        return f"the samples do not find {verify.get('detectable_bytes')} bytes for certain"
    return None


def _natural(value: object) -> bool:
    return type(value) is int and value >= 0


def _health_gap(entry: Mapping[str, Any]) -> str | None:
    """Sectors that became unreadable during the wipe are not proven erased."""
    before, after = entry.get("smart_before"), entry.get("smart_after")
    was = before if isinstance(before, Mapping) else {}
    now = after if isinstance(after, Mapping) else {}
    for key in WORSENS:
        first, last = was.get(key), now.get(key)
        if first is None and last is None:
            continue
        # What the drive told before and no longer tells is not good news.
        if not _natural(last) or (first is not None and not (_natural(first) and last <= first)):
            return f"its {key} sectors went from {first} to {last}"
    return None
