"""Hidden sectors: an area (HPA) is shown where the plan says so, an overlay (DCO) is reported.

A drive takes one lasting change of its size per power-on (ACS-2, 7.55), and the kernel keeps the
old size until then. So showing the area is all that happens in this run: the disk is refused, the
machine is switched off and on, and a new plan covers the whole disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.netspring_disks import ata
from ansible.module_utils.netspring_disks.identity import Identity
from ansible.module_utils.netspring_erase.evidence import Evidence, now, of_command
from ansible.module_utils.netspring_erase.failures import RefusedError
from ansible.module_utils.netspring_erase.methods import COMMAND_SECONDS, complaint
from ansible.module_utils.netspring_erase.probe import Probe


def show_argv(path: str, native_sectors: int) -> list[str]:
    """The command that makes the disk show all its sectors, for good (``p``: permanent)."""
    return ["hdparm", "-N", f"p{native_sectors}", path]


def wanted(planned: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Whether there is a hidden area, and the plan says to show it."""
    area = facts.get("hpa") or {}
    return bool(area.get("present")) and planned.get("remove_hpa") is True


def reveal(
    planned: Mapping[str, Any],
    disk: Identity,
    facts: Mapping[str, Any],
    probe: Probe,
    evidence: Evidence,
) -> None:
    """Show a hidden area where the plan says ``remove_hpa``; do nothing where there is none.

    Args:
        planned: the disk's part of the plan.
        disk: who it is; nothing of it is open yet.
        facts: its ``hpa`` as read now.
        probe: how to ask the machine.
        evidence: where the command is recorded.

    Raises:
        RefusedError: there was a hidden area. Nothing was erased, whether it is shown now or not.
    """
    if not wanted(planned, facts):
        return
    area = facts["hpa"]
    native, name = area["native_sectors"], f"{disk.path} (serial {disk.serial})"
    hidden = native - area["current_sectors"]
    entry = evidence.attempt("show_hidden_area")
    said = probe.run(show_argv(disk.path, native), COMMAND_SECONDS)
    after = ata.hidden_area(said.out, said.err)  # hdparm asks the disk again by itself
    fault = complaint(said)
    if fault is None and (after is None or after.current_sectors != native):
        fault = "the disk still shows less than it has"
    entry.update(
        of_command(said),
        finished=now(),
        error=fault,
        tool=said.argv[0],
        status_before=dict(area),
        status_after=None
        if after is None
        else {"current_sectors": after.current_sectors, "native_sectors": after.native_sectors},
    )
    if fault is None:
        raise RefusedError(
            f"{name} hid {hidden} sectors (HPA); it shows them now. Nothing was erased. Switch the "
            "machine off and on, then plan again"
        )
    raise RefusedError(
        f"{name} hides {hidden} sectors (HPA) and did not show them ({fault}). Nothing was erased. "
        "A disk takes one such change per power-on, and some firmware forbids it: switch the "
        "machine off and on and plan again, try it in another PC, or destroy it physically"
    )


def overlay_limit(facts: Mapping[str, Any], disk: Identity) -> tuple[str, str] | None:
    """What an overlay (DCO) leaves unreached: code and words of a limit, or None.

    It is reported only: taking one off can make a disk unusable, and is for a person to decide.
    """
    if disk.bus != "sata":
        return None
    overlay, area = facts.get("dco"), facts.get("hpa") or {}
    shown = area.get("native_sectors") or disk.size_bytes // disk.logical_block
    if overlay is None:
        return "dco_unknown", "the drive does not tell whether an overlay (DCO) cuts it down"
    cut = overlay["real_sectors"] - shown
    if cut > 0:
        return "dco_hidden", f"an overlay (DCO) hides {cut} sectors that were not reached"
    return None
