#!/usr/bin/python3
"""Thin launcher of the eraser (module_utils/netspring_erase)."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.netspring_erase import launch
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
  description: Kind C(wipe) once finished or refused, C(wipe_progress) before.
  returned: always
  type: dict
"""


def refused(plan_id: str, machine: dict[str, Any], reason: str) -> dict[str, Any]:
    """A result in which every disk of the machine is refused for the same reason."""
    disks = []
    for planned in machine.get("disks") or []:
        evidence = Evidence({"serial": None, **planned})
        evidence.ended("refused", reason)
        disks.append(evidence.as_dict())
    return {
        "kind": "wipe",
        "plan_id": plan_id,
        "boot_id": machine.get("boot_id"),
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


def main() -> None:
    """Entry point for Ansible."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "waited"], "required": True},
            "plan_id": {"type": "str", "required": True},
            "machine": {"type": "dict"},
            "token_sha256": {"type": "str", "no_log": False},
            "may_begin": {"type": "bool", "default": False},
            "poll_seconds": {"type": "int", "default": 10},
        },
        required_if=[("state", "started", ("machine", "token_sha256"))],
        supports_check_mode=False,
    )
    given: dict[str, Any] = module.params
    began = False
    try:
        if given["state"] == "started":
            began = launch.start(
                given["plan_id"],
                given["machine"],
                given["token_sha256"],
                may_begin=given["may_begin"],
            )
        seconds = given["poll_seconds"] if given["state"] == "waited" else 0
        result = launch.wait(given["plan_id"], seconds)
    except RefusedError as refusal:
        result = refused(given["plan_id"], given["machine"] or {}, str(refusal))
        module.fail_json(msg=str(refusal), netspring_result=result)
    trouble = complaint(result) if given["state"] == "waited" else None
    if trouble:
        module.fail_json(msg=trouble, changed=True, netspring_result=result)
    module.exit_json(changed=began, netspring_result=result)


if __name__ == "__main__":
    main()
