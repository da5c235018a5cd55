#!/usr/bin/python3
"""Thin launcher of the bootloader (role install_tools, module_utils/netspring_install)."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.netspring_install import boot
from ansible.module_utils.netspring_install.errors import InstallError
from ansible.module_utils.netspring_install.grub import Menu
from ansible.module_utils.netspring_install.host import Host

DOCUMENTATION = r"""
module: netspring_bootloader
short_description: Make an installed disk bootable, as the last deed of an installation
description:
  - Installs GRUB for BIOS, and the signed shim and GRUB for UEFI, on the same disk.
  - Reads back what was written, and only then puts the installation on record as done.
options:
  disk:
    description: C(serial) and C(size_bytes) of the disk.
    type: dict
    required: true
  token_sha256:
    description: SHA-256 (hex) of the live token of this station.
    type: str
    required: true
  timeout:
    description: Seconds until the first entry of the menu starts.
    type: int
    default: 2
  cmdline:
    description: Kernel command line of the installed system.
    type: str
    default: quiet
  rescue_cmdline:
    description: Kernel command line of the live environment on the rescue partition.
    type: str
    default: quiet
author: Netspring Provision
"""

EXAMPLES = r"""
- name: Make it boot
  netspring_bootloader:
    disk: {serial: WD-1234, size_bytes: 160041885696}
    token_sha256: 4e5f
"""

RETURN = r"""
netspring_result:
  description: Kind C(bootloader).
  type: dict
  returned: always
"""


def main() -> None:
    """Entry of the module."""
    module = AnsibleModule(
        argument_spec={
            "disk": {"type": "dict", "required": True},
            "token_sha256": {"type": "str", "required": True, "no_log": False},
            "timeout": {"type": "int", "default": 2},
            "cmdline": {"type": "str", "default": "quiet"},
            "rescue_cmdline": {"type": "str", "default": "quiet"},
        },
    )
    given = module.params
    menu = Menu(given["timeout"], given["cmdline"], given["rescue_cmdline"])
    serial, size = str(given["disk"]["serial"]), int(given["disk"]["size_bytes"])
    try:
        result = boot.run(Host(), serial, size, given["token_sha256"], menu)
    except InstallError as error:
        outcome = {"outcome": error.outcome, "reason": error.reason, "hint": error.hint}
        module.fail_json(
            msg=f"{error.outcome}: {error.reason}. {error.hint}",
            netspring_result={"kind": "bootloader", **outcome},
        )
    module.exit_json(changed=result["changed"], netspring_result={"kind": "bootloader", **result})


if __name__ == "__main__":
    main()
