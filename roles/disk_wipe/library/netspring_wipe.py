#!/usr/bin/python3
"""Thin launcher of the eraser (module_utils/netspring_erase)."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.netspring_disks import machine
from ansible.module_utils.netspring_erase import first, launch
from ansible.module_utils.netspring_erase.evidence import Evidence
from ansible.module_utils.netspring_erase.failures import RefusedError

DOCUMENTATION = r"""
module: netspring_wipe
short_description: Erase the planned disks of this machine, and prove it
description:
  - DESTROYS ALL DATA on the disks that the plan names,
    after checking every interlock on the machine itself.
  - The work runs in a transient systemd unit and goes on when the connection drops.
options:
  state:
    description:
      - V(started) begins the work of a plan, or picks up the one that is running
        or has ended with every disk erased in this boot.
      - V(waited) returns as soon as it has ended, or after O(poll_seconds).
    type: str
    choices: [started, waited]
    required: true
  plan_id:
    description: The plan's name.
    type: str
    required: true
  machine:
    description: This machine's part of the plan.
    type: dict
  token_sha256:
    description: SHA-256 (hex) of the live token that the plan was made for.
    type: str
  may_begin:
    description: False when the plan has expired; then only work begun in time is picked up.
    type: bool
    default: false
  hold:
    description:
      - Why nothing may begin here now; empty when nothing is in the way.
      - What has begun is picked up all the same.
    type: str
    default: ""
  canary_seconds:
    description:
      - How long V(started) waits, in seconds, until every disk has passed its checks
        and has its canaries planted and read back. V(0) does not wait.
    type: int
    default: 0
  poll_seconds:
    description: How long V(waited) waits at most, in seconds.
    type: int
    default: 10
author: Netspring Provision
"""

EXAMPLES = r"""
- name: Begin
  netspring_wipe:
    state: started
    plan_id: "{{ plan.body.plan_id }}"
    machine: "{{ plan.body.machines[0] }}"
    token_sha256: "{{ plan.body.token_sha256 }}"
    may_begin: true
"""

RETURN = r"""
netspring_result:
  description:
    - Kind C(wipe_begun) of V(started), with the boot in which the work is done.
    - Kind C(wipe) once finished or refused, C(wipe_progress) before.
  returned: always
  type: dict
"""


def all_ended(plan_id: str, part: dict[str, Any], outcome: str, reason: str) -> dict[str, Any]:
    """A result in which every disk of the machine's part of the plan ended so for one reason."""
    disks = []
    for planned in part.get("disks") or []:
        evidence = Evidence({"serial": None, **planned})
        evidence.ended(outcome, reason)
        disks.append(evidence.as_dict())
    return {
        "kind": "wipe",
        "plan_id": plan_id,
        "boot_id": machine.live()["boot_id"],
        "finished": True,
        "disks": disks,
    }


def complaint(result: dict[str, Any]) -> str | None:
    """One sentence a disk that is not erased; None when all are."""
    if not result["finished"]:
        return None
    bad = [disk for disk in result["disks"] if disk["outcome"] != "erased"]
    if not bad and result["disks"]:
        return None
    told = [f"{d['path']} (serial {d['serial']}) {d['outcome']}: {d['reason']}" for d in bad]
    return "; ".join(told) or "no disk was erased"


def begun(plan_id: str, seconds: int, *, began: bool) -> dict[str, Any]:
    """The result of V(started): in which boot, and whether the machine has passed."""
    seen = first.Standing(None, "it was not waited for")
    if seconds:
        seen = first.look(plan_id, seconds)
    return {
        "kind": "wipe_begun",
        "plan_id": plan_id,
        "boot_id": machine.live()["boot_id"],
        "began": began,
        "passed": seen.passed,
        "reason": seen.reason,
    }


def main() -> None:
    """Entry point for Ansible."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "waited"], "required": True},
            "plan_id": {"type": "str", "required": True},
            "machine": {"type": "dict"},
            "token_sha256": {"type": "str", "no_log": False},
            "may_begin": {"type": "bool", "default": False},
            "hold": {"type": "str", "default": ""},
            "canary_seconds": {"type": "int", "default": 0},
            "poll_seconds": {"type": "int", "default": 10},
        },
        required_if=[("state", "started", ("machine", "token_sha256"))],
        supports_check_mode=False,
    )
    given: dict[str, Any] = module.params
    try:
        if given["state"] == "started":
            began = launch.start(
                given["plan_id"],
                given["machine"],
                given["token_sha256"],
                may_begin=given["may_begin"],
                hold=given["hold"],
            )
            result = begun(given["plan_id"], given["canary_seconds"], began=began)
            module.exit_json(changed=began, netspring_result=result)
        result = launch.wait(given["plan_id"], given["poll_seconds"])
    except (RefusedError, launch.UnclearError) as error:
        outcome, reason = "refused", str(error)
        if given["state"] == "waited":
            # A wait follows a begin: what is unknown to this boot then lost power half erased.
            outcome, reason = "failed", f"no outcome: {error}"
        elif isinstance(error, launch.UnclearError):
            outcome = "failed"
        result = all_ended(given["plan_id"], given["machine"] or {}, outcome, reason)
        module.fail_json(msg=reason, netspring_result=result)
    trouble = complaint(result)
    if trouble:
        module.fail_json(msg=trouble, changed=True, netspring_result=result)
    module.exit_json(changed=False, netspring_result=result)


if __name__ == "__main__":
    main()
