"""ansible-runner events in, what each machine said out. Pure.

A module of ours puts ``netspring_result`` at the top of its result; its ``kind`` says what it is.
A machine of which nothing was heard has neither payload nor success: that counts as a failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Event = Mapping[str, Any]
RESULTS = frozenset({"runner_on_ok", "runner_on_failed", "runner_on_unreachable"})


@dataclass(frozen=True)
class HostResult:
    """What one machine said during one playbook run.

    Attributes:
        unreachable: why it could not be reached, or ``None``.
        failed: the message of the first failed task, or ``None``.
        payloads: the last ``netspring_result`` of each kind.
        task_results: number of task results that the playbook added for this machine.
        completed: the play's recap counts it, without failure or loss of contact.
    """

    host: str
    unreachable: str | None = None
    failed: str | None = None
    payloads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    task_results: int = 0
    completed: bool = False

    @property
    def reason(self) -> str | None:
        """Why this machine did not come to the end, in one sentence; ``None`` if it did."""
        if self.unreachable is not None:
            return f"stopped answering: {self.unreachable}"
        if self.failed is not None:
            return self.failed
        if not self.completed:
            return "nothing was heard of it to the end of the run"
        return None


def host_results(events: Iterable[Event], hosts: Iterable[str]) -> dict[str, HostResult]:
    """One result per asked machine, in the order asked; unknown hosts in events are ignored."""
    wanted = tuple(hosts)
    unreachable: dict[str, str] = {}
    failed: dict[str, str] = {}
    payloads: dict[str, dict[str, Mapping[str, Any]]] = {host: {} for host in wanted}
    counts = dict.fromkeys(wanted, 0)
    completed: set[str] = set()
    for event in events:
        name = event.get("event")
        data = event.get("event_data") or {}
        if name == "playbook_on_stats":
            completed |= _completed(data, wanted)
            continue
        host = data.get("host")
        if host not in counts or name not in RESULTS:
            continue
        counts[host] += 1
        said = data.get("res")
        res = said if isinstance(said, Mapping) else {"msg": said}
        payload = payload_of(event)
        if payload is not None:
            payloads[host][str(payload["kind"])] = payload
        if name == "runner_on_unreachable":
            unreachable.setdefault(host, message_of(res))
        elif name == "runner_on_failed" and not data.get("ignore_errors"):
            failed.setdefault(host, message_of(res))
    return {
        host: HostResult(
            host=host,
            unreachable=unreachable.get(host),
            failed=failed.get(host),
            payloads=payloads[host],
            task_results=counts[host],
            completed=host in completed and host not in unreachable and host not in failed,
        )
        for host in wanted
    }


def payload_of(event: Event) -> Mapping[str, Any] | None:
    """The ``netspring_result`` that an event carries, if it is one of ours and well-formed."""
    res = (event.get("event_data") or {}).get("res")
    payload = res.get("netspring_result") if isinstance(res, Mapping) else None
    if isinstance(payload, Mapping) and isinstance(payload.get("kind"), str):
        return payload
    return None


def message_of(res: Mapping[str, Any]) -> str:
    """The sentence in a failed result that a person can use."""
    for key in ("msg", "stderr", "module_stderr", "stdout", "module_stdout", "exception"):
        value = res.get(key)
        if value:
            lines = [line for line in str(value).strip().splitlines() if line.strip()]
            if lines and key == "msg":
                # A heading such as "Validation of arguments failed:" says too little alone.
                whole = lines[:2] if lines[0].rstrip().endswith(":") else lines[:1]
                return " ".join(line.strip() for line in whole)[:500]
            if lines:
                return lines[-1].strip()[:500]
    return "a task failed and said nothing"


def _completed(stats: Mapping[str, Any], hosts: Iterable[str]) -> set[str]:
    """Machines that the recap counts as processed, without failures and loss of contact."""
    processed = stats.get("processed") or {}
    bad = {h for key in ("failures", "dark") for h, n in (stats.get(key) or {}).items() if n}
    return {host for host in hosts if processed.get(host) and host not in bad}
