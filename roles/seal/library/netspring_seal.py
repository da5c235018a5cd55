#!/usr/bin/python3
"""Thin launcher of the sealing (module_utils/netspring_sealing)."""

from __future__ import annotations

import signal

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.netspring_sealing import job
from ansible.module_utils.netspring_sealing.host import Host, SealError

DOCUMENTATION = r"""
module: netspring_seal
short_description: Take the station's access and all traces of provisioning from an installed PC
description:
  - Checks that it is the very PC, writes its asset tag where a teacher finds it, removes
    traces, and closes SSH last.
  - The connection that it was called by lives on until it has answered; no other can be made.
  - It may be broken off and run again. What is done is not done twice.
options:
  uuid:
    description: SMBIOS UUID of the PC; empty asks for none.
    type: str
    default: ""
  hostname:
    description: Name of the PC.
    type: str
    required: true
  asset_tag:
    description: What is written on its sticker.
    type: str
    required: true
  station_key:
    description: The public key of the station, one line.
    type: str
    required: true
  may_listen:
    description: TCP ports that may stay open to other computers.
    type: list
    elements: int
    default: []
  texts:
    description:
      - What is written on the PC. C(tag) is a file, C(issue) and C(sealed) stand above the login.
      - C(@TAG@) and C(@NAME@) are filled in.
    type: dict
    required: true
author: Netspring Provision
"""

EXAMPLES = r"""
- name: Seal the PC
  netspring_seal:
    hostname: pc-01
    asset_tag: NS-0001
    station_key: ssh-ed25519 AAAA netspring-station
    texts: {tag: "@TAG@", issue: "@TAG@", sealed: Sealed}
"""

RETURN = r"""
netspring_result:
  description: Kind C(seal).
  type: dict
  returned: always
"""


def main() -> None:
    """Entry of the module."""
    needed = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "uuid": {"type": "str", "default": ""},
            "hostname": needed,
            "asset_tag": needed,
            "station_key": {**needed, "no_log": False},
            "may_listen": {"type": "list", "elements": "int", "default": []},
            "texts": {
                "type": "dict",
                "required": True,
                "options": {"tag": needed, "issue": needed, "sealed": needed},
            },
        },
        supports_check_mode=True,
    )
    # A connection that breaks now must not leave the PC half sealed.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    given = module.params
    order = job.Order(
        uuid=given["uuid"],
        hostname=given["hostname"],
        asset_tag=given["asset_tag"],
        station_key=given["station_key"],
        texts=given["texts"],
        may_listen=frozenset(given["may_listen"]),
    )
    host = Host(pretend=module.check_mode)
    try:
        result = job.run(host, order)
    except (SealError, OSError) as error:
        outcome = getattr(error, "outcome", "failed")
        reason = getattr(error, "reason", str(error))
        hint = getattr(error, "hint", "mend it on the PC, then run netspring seal again")
        told = {"outcome": outcome, "reason": reason, "hint": hint, "changed": host.changed}
        module.fail_json(
            msg=f"{outcome}: {reason}. {hint}",
            changed=bool(host.changed),
            netspring_result={"kind": "seal", **told},
        )
    module.exit_json(changed=bool(host.changed), netspring_result={"kind": "seal", **result})


if __name__ == "__main__":
    main()
