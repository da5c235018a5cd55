"""Carries out firmware methods, strongest first, and believes none of them.

A method has worked if and only if the command was accepted, the device's own status says so (where
it keeps one), and every canary is gone. Otherwise the next one of the plan is tried, against
canaries of its own: what an earlier method did is not to its credit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible.module_utils.netspring_erase import canaries, opening
from ansible.module_utils.netspring_erase.evidence import Evidence, now, of_command
from ansible.module_utils.netspring_erase.failures import AbortedError, DiskError
from ansible.module_utils.netspring_erase.methods import (
    DONE,
    FAILED,
    IDLE,
    OVERWRITE,
    POLL_SECONDS,
    RUNNING,
    UNKNOWN,
    Method,
    Status,
    Target,
)
from ansible.module_utils.netspring_erase.registry import FIRMWARE

SILENCE = 120.0  # seconds for which a device that erases itself may leave questions unanswered
SANITIZE = "_sanitize_"  # in the name of every method that goes on by itself after a power cut
BLIND = "no canary could be planted before it, as an earlier Sanitize had failed: it proves nothing"


@dataclass
class Work:
    """One open disk on its way.

    Attributes:
        at: the disk.
        descriptor: held open exclusively.
        planted: its canaries, of the last planting.
        evidence: where everything is written down.
        touched: a method has been sent since they were planted, whatever came of it, or there are
            none yet.
    """

    at: Target
    descriptor: int
    planted: list[canaries.Canary]
    evidence: Evidence
    touched: bool = False

    def plant_anew(self, name: str) -> None:
        """Canaries for the method ``name``, where the last ones have met another method.

        A disk whose Sanitize has failed takes nothing but another Sanitize until one succeeds
        (ACS-3, 4.17; NVMe 1.4, 8.15): there a Sanitize is sent without canaries, and not credited.

        Raises:
            DiskError: the disk does not take them, or not give them back.
        """
        if not self.touched:
            return
        try:
            self.planted = canaries.plant(self.descriptor, self.at.disk.size_bytes)
        except DiskError as fault:
            remedy = _remedy(self.at, fault)
            if remedy is None:
                raise
            if SANITIZE in name:
                self.planted = []
                return
            raise DiskError(remedy, fault.offset) from fault
        self.evidence.canaries |= {"n": len(self.planted), "written": len(self.planted)}
        self.touched = False


def order_of(at: Target) -> list[str]:
    """The planned method and its weaker fallbacks, in order."""
    return [at.planned["method"], *at.planned.get("fallback", ())]


def _remedy(at: Target, fault: DiskError) -> str | None:
    """What may bring a disk back whose Sanitize has failed, in words; None for any other disk."""
    method = _teller(at)
    if method is None or method.status(at).state != FAILED:
        return None
    helps = next((each for each in _sanitizes(at) if each.unsuitable(at) is None), method)
    return (
        f"{at.disk.path}: its last Sanitize failed, and until another one succeeds it cannot be "
        f"used ({str(fault).split(':', maxsplit=1)[0]}). A new one may bring it back: boot the "
        f"live environment, run {' '.join(helps.argv(at))}, and when that has ended plan again "
        f"with --retry-failed {at.disk.serial}; otherwise destroy it physically"
    )


def _sanitizes(at: Target) -> list[Method]:
    """The kinds of Sanitize that exist on the disk's bus, those of the plan first."""
    of_bus = [
        method
        for method in FIRMWARE.values()
        if method.bus == at.disk.bus and SANITIZE in method.name
    ]
    return sorted(of_bus, key=lambda method: method.name not in order_of(at))


def _teller(at: Target) -> Method | None:
    """The method by which the disk is asked whether any Sanitize is under way, planned or not.

    One of the plan where there is one, and of those the most patient: what runs may be another.
    """
    every = _sanitizes(at)
    planned = [method for method in every if method.name in order_of(at)]
    return max(planned or every, key=lambda method: method.limit(at), default=None)


def finish_running(at: Target, evidence: Evidence) -> None:
    """Wait for an erase that the device has been at since before we came: a power cut, mostly.

    It is polled and not sent again, and also where the plan has no such method: until it ends, the
    disk takes nothing else. It proves nothing yet, since the canaries of then are not known any
    more; the plan's method follows it, with new ones.

    Raises:
        DiskError: it does not end.
        AbortedError: somebody stopped the waiting; the device goes on.
    """
    method = _teller(at)
    if method is None:
        return
    before, started = method.status(at), now()
    if before.state != RUNNING:
        return
    if method.name in order_of(at):
        told = evidence.attempt(method.name)
        told |= {"tool": _version(method, at)}
    else:  # no attempt of this plan
        told = evidence.seen["waited_for"] = {"started": started}
    told |= {"status_before": before.record()}
    after = _poll(method, at, before, "resuming")
    told |= {
        "finished": now(),
        "status_after": after.record(),
        "error": "it was under way when the work began, so no canary was planted before it",
    }


def first_that_works(work: Work) -> str:
    """Try the methods of the plan in order until one has worked; returns its name.

    Overwrite is returned without doing it: it ends every erase anyway. ``work.planted`` are then
    the canaries that it must meet.

    Raises:
        DiskError: none has worked, or the disk has failed.
        AbortedError: somebody stopped it.
    """
    faults = []
    for name in order_of(work.at):
        work.plant_anew(name)
        if name == OVERWRITE:
            return name
        fault = _attempt(FIRMWARE[name], work)
        if fault == BLIND:  # the disk is back: once more, for credit
            work.plant_anew(name)
            fault = _attempt(FIRMWARE[name], work)
        if fault is None:
            return name
        faults.append(f"{name}: {fault}")
        work.evidence.limit("fallback", faults[-1])
    raise DiskError(
        f"{work.at.disk.path}: {'; '.join(faults)}, and the plan allows no other method"
    )


def _attempt(method: Method, work: Work) -> str | None:
    """One method; returns why it has not worked, or None. Everything goes into the evidence."""
    attempt = work.evidence.attempt(method.name)
    bus = work.at.disk.bus
    fault = f"it is not for disks on bus {bus}" if bus != method.bus else None
    fault = fault or method.unsuitable(work.at)
    if fault is None:
        fault = _carry_out(method, work, attempt)
    attempt |= {"finished": now(), "error": fault}
    return fault


def _carry_out(method: Method, work: Work, attempt: dict[str, Any]) -> str | None:
    at = work.at
    before = method.status(at)
    attempt |= {"tool": _version(method, at), "status_before": before.record()}
    if method.tells_success and before.state == UNKNOWN:
        return f"the device does not tell its status ({before.detail})"
    if at.stop.is_set():
        raise AbortedError
    # A phase of its own: "sanitizing" tells the station that the canaries are planted (first.py).
    phase = method.phase if work.planted else "resuming"
    at.show(phase, None)
    work.touched = True
    try:
        sent = method.issue(at)
        attempt |= of_command(sent[-1])
        if len(sent) > 1:
            attempt["commands_before"] = [of_command(said) for said in sent[:-1]]
        fault = method.complaint(sent[-1])
        first = method.status(at)
        if fault is None and not method.blocks and first.told == before.told:
            # Nothing has changed yet: some firmware accepts first and says so a moment later.
            at.pause(POLL_SECONDS)
            first = method.status(at)
        last = _poll(method, at, first, phase, patient=fault is None)
        after = _finished(method, last, accepted=fault is None)
        attempt["status_after"] = after.record()
    finally:
        _tidy(method, at, attempt)
    if at.stop.is_set():
        raise AbortedError
    opening.still_the_same(work.descriptor, at.disk, at.probe, DiskError)
    fault = fault or _status_fault(after)
    if fault is not None:
        return fault
    if not work.planted:
        return BLIND
    seen = canaries.look(work.descriptor, work.planted)
    attempt["canaries_changed"] = seen.changed
    if seen.changed == len(work.planted):
        work.evidence.content_after = seen.content
        return None
    told = f"only {seen.changed} of {len(work.planted)} canaries changed"
    if method.tells_success and before.state == DONE and before.told == after.told:
        return f"the device's success is that of an earlier erase: {told}"
    return f"the device reported success, but {told}"


def _tidy(method: Method, at: Target, attempt: dict[str, Any]) -> None:
    """Leave the device usable; that it is not is more important than whatever went before.

    Raises:
        DiskError: it could not be put back.
    """
    trouble = method.tidy(at)
    if trouble is not None:
        attempt |= {"finished": now(), "error": trouble}
        raise DiskError(f"{at.disk.path}: {trouble}")


def _finished(method: Method, status: Status, *, accepted: bool) -> Status:
    """Idle after a command that was accepted is done, where the device keeps no success."""
    if accepted and not method.tells_success and status.state == IDLE:
        return Status(DONE, status.told)
    return status


def _status_fault(after: Status) -> str | None:
    """What the device's own status says against success, or None."""
    if after.state == DONE:
        return None
    if after.state == FAILED:
        return f"the device says that it failed ({after.detail or 'without a reason'})"
    if after.state == IDLE:
        return f"the device knows nothing of it ({after.detail or 'no erase is on its record'})"
    return f"the device does not tell whether it succeeded ({after.detail or after.state})"


def _poll(
    method: Method, at: Target, status: Status, phase: str, *, patient: bool = True
) -> Status:
    """Ask the device until it is no longer at it; returns what it says then.

    Args:
        method: which method.
        at: the disk.
        status: what it said last.
        phase: progress phase to show.
        patient: also wait for answers that do not come: the command was accepted.

    Raises:
        DiskError: it is at it for longer than the method's limit.
        AbortedError: somebody stopped the waiting.
    """
    limit = at.probe.clock() + method.limit(at)
    answered = at.probe.clock()
    while True:
        moment = at.probe.clock()
        if status.state == RUNNING:
            answered = moment
        elif status.state != UNKNOWN or not patient or moment - answered > SILENCE:
            return status
        if moment > limit:
            hours = method.limit(at) / 3600
            raise DiskError(
                f"{at.disk.path}: it has been erasing itself for more than {hours:.0f} h and does "
                "not end; leave it powered on and plan again later, or destroy it physically"
            )
        at.show(phase, status.percent)
        at.pause(POLL_SECONDS)
        status = method.status(at)


def _version(method: Method, at: Target) -> str | None:
    """Name and version of the tool, as it says itself."""
    said = at.run(list(method.version))
    lines = [line.strip() for line in f"{said.out}\n{said.err}".splitlines() if line.strip()]
    return lines[0] if said.code == 0 and lines else None
