#!/usr/bin/python3
"""Thin launcher of the installation (role install_tools, module_utils/netspring_install)."""

from __future__ import annotations

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.netspring_install import launch
from ansible.module_utils.netspring_install.errors import InstallError

DOCUMENTATION = r"""
module: netspring_image_deploy
short_description: Put a signed image on one disk of a machine in the live environment
description:
  - DESTROYS ALL DATA on the disk.
  - Refuses a disk that holds anything but zeros or our own partitions.
  - The work runs in a transient systemd unit and goes on when the connection drops.
options:
  state:
    description:
      - V(started) begins the installation, or picks up the one that is at work on the same order.
      - V(waited) returns as soon as it has ended, or after O(poll_seconds).
    type: str
    choices: [started, waited]
    required: true
  url:
    description: Folder of the image; host STATION stands for the station as this machine sees it.
    type: str
  image:
    description: Name that the image must have; empty takes the one that is there.
    type: str
    default: ""
  live_url:
    description: Folder of the live environment, for the rescue partition.
    type: str
  live_sha256:
    description: Files of the live environment to fetch, each with its SHA-256 (hex).
    type: dict
  allowed_signers:
    description: Whose signature counts, as a line for ssh-keygen(1).
    type: str
  disk:
    description: C(serial) and C(size_bytes) of the disk.
    type: dict
  token_sha256:
    description: SHA-256 (hex) of the live token of this station.
    type: str
    no_log: false
  force:
    description: Install again over a finished installation.
    type: bool
    default: false
  keep_home:
    description: Leave the files in home as they are.
    type: bool
    default: false
  station_time:
    description:
      - The station's time in seconds since 1970 (UTC).
      - System clock and RTC of the machine are set to it if they are off by more than a minute.
    type: int
  poll_seconds:
    description: How long V(waited) waits at most, in seconds.
    type: int
    default: 10
author: Netspring Provision
"""

EXAMPLES = r"""
- name: Begin
  netspring_image_deploy:
    state: started
    url: http://STATION:8080/images/core-en-0123abcd
    live_url: http://STATION:8080/live/current
    live_sha256: {vmlinuz: 0a1b, initrd.img: 2c3d}
    allowed_signers: netspring-station ssh-ed25519 AAAA
    disk: {serial: WD-1234, size_bytes: 160041885696}
    token_sha256: 4e5f
    station_time: "{{ '%s' | ansible.builtin.strftime }}"
"""

RETURN = r"""
netspring_result:
  description:
    - Kind C(image_progress) while it runs, kind C(image) when it has ended.
    - In the end C(clock) tells how far the machine's clocks were off, and whether they were set.
  type: dict
  returned: when O(state=waited)
"""

NEEDED = (
    "url",
    "live_url",
    "live_sha256",
    "allowed_signers",
    "disk",
    "token_sha256",
    "station_time",
)


def order_of(params: dict[str, object], ssh_connection: str) -> dict[str, object]:
    """The job's order from the task's parameters."""
    disk = params["disk"]
    if not isinstance(disk, dict):
        raise TypeError("disk is not a mapping")
    return {
        "url": launch.station_url(str(params["url"]).rstrip("/"), ssh_connection),
        "image": params["image"],
        "live_url": launch.station_url(str(params["live_url"]).rstrip("/"), ssh_connection),
        "live_sha256": params["live_sha256"],
        "allowed_signers": params["allowed_signers"],
        "serial": str(disk["serial"]),
        "size": int(disk["size_bytes"]),
        "token_sha256": params["token_sha256"],
        "force": params["force"],
        "keep_home": params["keep_home"],
        "station_time": params["station_time"],
    }


def main() -> None:
    """Entry of the module."""
    text = {"type": "str"}
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "waited"], "required": True},
            "url": text,
            "image": {"type": "str", "default": ""},
            "live_url": text,
            "live_sha256": {"type": "dict"},
            "allowed_signers": text,
            "disk": {"type": "dict"},
            "token_sha256": {"type": "str", "no_log": False},
            "force": {"type": "bool", "default": False},
            "keep_home": {"type": "bool", "default": False},
            "station_time": {"type": "int"},
            "poll_seconds": {"type": "int", "default": 10},
        },
        required_if=[("state", "started", NEEDED)],
    )
    if module.params["state"] == "started":
        try:
            order = order_of(module.params, os.environ.get("SSH_CONNECTION", ""))
            begun = launch.start(order)
        except InstallError as error:
            module.fail_json(msg=f"refused: {error.reason}. {error.hint}")
        # To start it changes nothing on the disk; its result tells whether the disk was changed.
        module.exit_json(changed=False, begun=begun)
    result = launch.wait(module.params["poll_seconds"])
    if result["finished"] and result["outcome"] not in ("deployed", "unchanged"):
        module.fail_json(
            msg=f"{result['outcome']}: {result['reason']}. {result['hint']}",
            changed=result["changed"],
            netspring_result=result,
        )
    module.exit_json(changed=result.get("changed", False), netspring_result=result)


if __name__ == "__main__":
    main()
