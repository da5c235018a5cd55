#!/usr/bin/python3
"""Thin launcher of the identity (role install_tools, module_utils/netspring_install)."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.netspring_install import identity
from ansible.module_utils.netspring_install.errors import InstallError
from ansible.module_utils.netspring_install.host import Host

DOCUMENTATION = r"""
module: netspring_machine_identity
short_description: Make one PC of an image that was put on its disk
description:
  - Writes name, machine-id, SSH host key, mounts and homes into the installed system.
  - What is already there (machine-id, host key, homes) stays.
options:
  disk:
    description: C(serial) and C(size_bytes) of the disk.
    type: dict
    required: true
  token_sha256:
    description: SHA-256 (hex) of the live token of this station.
    type: str
    required: true
  hostname:
    description: Name of the PC in the network.
    type: str
    required: true
  asset_tag:
    description: What is written on its sticker.
    type: str
    required: true
  authorized_key:
    description: The public key that may enter as root.
    type: str
    required: true
  locale:
    description: Language, as C(zh_CN); empty leaves the image's own.
    type: str
    default: ""
  timezone:
    description: Name below C(/usr/share/zoneinfo); empty takes the language's usual one.
    type: str
    default: ""
  keyboard:
    description: Layout, as C(us) or C(us:intl); empty takes that of the language.
    type: str
    default: ""
  teacher_hash:
    description: crypt(5) hash of the teacher's password; empty leaves the account locked.
    type: str
    default: ""
author: Netspring Provision
"""

EXAMPLES = r"""
- name: Make a PC of it
  netspring_machine_identity:
    disk: {serial: WD-1234, size_bytes: 160041885696}
    token_sha256: 4e5f
    hostname: pc-01
    asset_tag: NS-0001
    authorized_key: ssh-ed25519 AAAA netspring-station
"""

RETURN = r"""
netspring_result:
  description: Kind C(identity).
  type: dict
  returned: always
"""


def main() -> None:
    """Entry of the module."""
    needed = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "disk": {"type": "dict", "required": True},
            "token_sha256": {**needed, "no_log": False},
            "hostname": needed,
            "asset_tag": needed,
            "authorized_key": {**needed, "no_log": False},
            "locale": {"type": "str", "default": ""},
            "timezone": {"type": "str", "default": ""},
            "keyboard": {"type": "str", "default": ""},
            "teacher_hash": {"type": "str", "default": "", "no_log": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    wish = identity.Wish(
        hostname=given["hostname"],
        asset_tag=given["asset_tag"],
        authorized_key=given["authorized_key"],
        locale=given["locale"],
        timezone=given["timezone"],
        keyboard=given["keyboard"],
        teacher_hash=given["teacher_hash"].strip(),
    )
    serial, size = str(given["disk"]["serial"]), int(given["disk"]["size_bytes"])
    try:
        result = identity.run(
            Host(), serial, size, given["token_sha256"], wish, pretend=module.check_mode
        )
    except InstallError as error:
        outcome = {"outcome": error.outcome, "reason": error.reason, "hint": error.hint}
        module.fail_json(
            msg=f"{error.outcome}: {error.reason}. {error.hint}",
            netspring_result={"kind": "identity", **outcome},
        )
    for sentence in result["homes_behind"]:
        module.warn(f"{sentence}; free some room on the PC and run netspring-language there")
    module.exit_json(
        changed=bool(result["changed"]), netspring_result={"kind": "identity", **result}
    )


if __name__ == "__main__":
    main()
