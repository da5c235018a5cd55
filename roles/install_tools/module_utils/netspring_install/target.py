"""The disk that ``image_deploy`` has filled, for those that come after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_install import content, disks, layout, partition, rescue
from ansible.module_utils.netspring_install.disks import Disk
from ansible.module_utils.netspring_install.errors import RefusedError
from ansible.module_utils.netspring_install.host import Host, check_live

DEPLOY_FIRST = "nothing was changed; put the image on it first (role image_deploy)"


@dataclass(frozen=True)
class Target:
    """A disk with an image on it.

    Attributes:
        disk: the disk.
        uuids: filesystem UUID by partition label.
        image: name of the image.
        installed: the record of a finished installation, if there is one.
        run: our folder in RAM, for mount points.
    """

    disk: Disk
    uuids: dict[str, str]
    image: str
    installed: dict[str, Any] | None
    run: Path

    def path(self, number: int) -> str:
        """Path of one of its partitions."""
        return self.disk.partition(number)

    @contextmanager
    def root(self, *, read_only: bool = False, programs: bool = False) -> Iterator[Path]:
        """Its root filesystem, mounted."""
        device = self.path(partition.ROOT)
        at = self.run / "root"
        with rescue.mounted(device, at, read_only=read_only, programs=programs) as root:
            yield root


def find(host: Host, serial: str, size: int, token_sha256: str) -> Target:
    """Find the disk, and the record that says that an image was written to it and read back.

    Args:
        host: the machine.
        serial: of the disk.
        size: of the disk in bytes.
        token_sha256: hash of the station's live token.

    Raises:
        RefusedError: not our live environment, not this disk, in use, or no image on it.
    """
    check_live(host, token_sha256)
    rescue.unmount_own(host.run)
    disk = disks.find(host.list_disks(), serial, size)
    disks.refuse_if_used(disk)
    parts = content.own_partitions(disk)
    device = disk.partition(partition.RESCUE)
    if parts is None or content.filesystem(device) != "ext4":
        raise RefusedError(f"{disk.path} ({serial}) does not carry our partitions", DEPLOY_FIRST)
    partition.replay(device)
    with rescue.mounted(device, host.run / "rescue", read_only=True) as at:
        state = rescue.read_json(at / rescue.STATE) or {}
        installed = rescue.read_json(at / rescue.INSTALLED)
    if state.get("stage") != "written" or state.get("disk_serial") != serial:
        raise RefusedError(f"{disk.path} ({serial}) holds no whole image", DEPLOY_FIRST)
    uuids = {
        label: partition.uuid(disk.partition(number))
        for number, label in enumerate(layout.LABELS, 1)
        if number >= partition.ESP
    }
    return Target(disk, uuids, str(state["image"]), installed, host.run)
