"""The bootloader: written last, read back, and only then is the installation on record as done."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_install import content, fat, grub, partition, rescue, target
from ansible.module_utils.netspring_install.errors import InstallError, RefusedError
from ansible.module_utils.netspring_install.files import Tree
from ansible.module_utils.netspring_install.grub import Menu
from ansible.module_utils.netspring_install.host import Host
from ansible.module_utils.netspring_install.target import Target

# The removable-media path (UEFI 2.10, 3.5.1.1) needs no entry in the firmware's memory; the shim
# starts GRUB from beside itself. All are signed, so Secure Boot may stay on.
EFI_FILES = {
    "EFI/BOOT/BOOTX64.EFI": "usr/lib/shim/shimx64.efi.signed",
    "EFI/BOOT/GRUBX64.EFI": "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
    "EFI/BOOT/MMX64.EFI": "usr/lib/shim/mmx64.efi.signed",
}
# Where Debian's signed GRUB looks for its configuration; that path is part of what is signed.
EFI_CONFIG = "EFI/DEBIAN/GRUB.CFG"
SECTOR = 512
RUN_AGAIN = "run the installation again; if it fails the same way, replace this disk"


def run(host: Host, serial: str, size: int, token_sha256: str, menu: Menu) -> dict[str, Any]:
    """Make the disk bootable by BIOS and UEFI; returns the result without its envelope.

    Raises:
        RefusedError: a check said no; nothing was changed.
        InstallError: it failed; the disk is not on record as installed.
    """
    if "netspring.token" in f"{menu.cmdline} {menu.rescue_cmdline}":
        raise RefusedError(
            "a kernel command line in bootloader_* carries the station's token",
            hint="nothing was changed; leave it out: with it, a PC in a classroom could be wiped",
        )
    found = target.find(host, serial, size, token_sha256)
    with found.root(read_only=True) as root:
        if f"UUID={found.uuids['netspring-root']} / " not in (Tree(root).read("etc/fstab") or ""):
            raise RefusedError(
                f"{found.disk.path} has no identity yet",
                hint="nothing was changed; the role machine_identity comes before bootloader",
            )
        done = _is_installed(found) and _is_current(root, menu, found.uuids)
        if done and not problems(found, root):
            return _result(found, root, changed=False)
    return _write(found, menu)


def _is_installed(found: Target) -> bool:
    record = found.installed or {}
    return (record.get("image"), record.get("root_uuid")) == (
        found.image,
        found.uuids["netspring-root"],
    )


def _is_current(root: Path, menu: Menu, uuids: dict[str, str]) -> bool:
    tree = Tree(root)
    wanted = {
        grub.SETTINGS: grub.settings(menu),
        grub.LOCK_SCRIPT: grub.lock_script(),
        grub.RESCUE_ENTRY: grub.rescue_entry(menu, uuids["netspring-rescue"]),
    }
    return all(tree.read(name) == text for name, text in wanted.items())


def _write(found: Target, menu: Menu) -> dict[str, Any]:
    disk, esp = found.disk.path, found.path(partition.ESP)
    _unstamp(found)
    with found.root(programs=True) as root:
        grub.configure(Tree(root), menu, disk, found.uuids)
        files = _efi_files(root, found.uuids["netspring-root"])
        # All of root is on the disk before anything can start it.
        os.sync()
        partition.make_esp(esp, found.uuids["netspring-esp"])
        fat.add(esp, files)
        grub.write_boot_sector(root, disk)
        os.sync()
    _flush(disk)
    with found.root(read_only=True) as root:
        wrong = problems(found, root)
        if wrong:
            raise InstallError(f"{disk}: {'; '.join(wrong)}", hint=RUN_AGAIN)
        result = _result(found, root, changed=True)
    record = {
        "schema": 1,
        "image": found.image,
        "disk_serial": found.disk.serial,
        "root_uuid": found.uuids["netspring-root"],
    }
    with rescue.mounted(found.path(partition.RESCUE), found.run / "rescue") as at:
        rescue.write_json(at / rescue.INSTALLED, record)
    return result


def _unstamp(found: Target) -> None:
    """While the bootloader is written anew, the disk is not on record as installed."""
    if found.installed is not None:
        with rescue.mounted(found.path(partition.RESCUE), found.run / "rescue") as at:
            (at / rescue.INSTALLED).unlink(missing_ok=True)
            rescue.sync_folder(at)


def _efi_files(root: Path, root_uuid: str) -> dict[str, bytes]:
    files = {EFI_CONFIG: grub.efi_config(root_uuid)}
    for name, source in EFI_FILES.items():
        path = root / source
        if not path.is_file():
            raise InstallError(f"the image lacks /{source}", hint=grub.BUILD_AGAIN)
        files[name] = path.read_bytes()
    return files


def _flush(disk: str) -> None:
    """What is read from now on comes from the disk."""
    descriptor = os.open(disk, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def problems(found: Target, root: Path) -> list[str]:
    """What is not as it must be on the disk, read back; an empty list is the only good answer."""
    wrong = []
    for name, data in _efi_files(root, found.uuids["netspring-root"]).items():
        if fat.read(found.path(partition.ESP), name) != data:
            wrong.append(f"{name} on the ESP is not what was written")
    config = grub.config_problem(Tree(root).read(grub.CONFIG) or "", found.uuids)
    wrong += [config] if config else []
    parts = content.own_partitions(found.disk)
    if parts is None:
        return [*wrong, "the partition table is gone"]
    with Path(found.disk.path).open("rb") as disk:
        boot = disk.read(SECTOR)
        disk.seek(parts[0].start)
        embedded = disk.read(parts[0].size)
    core = root / grub.BIOS_FOLDER / "core.img"
    bios = bios_problem(
        boot, embedded, core.read_bytes() if core.is_file() else b"", parts[0].start // SECTOR
    )
    return [*wrong, bios] if bios else wrong


def bios_problem(boot: bytes, embedded: bytes, core: bytes, start: int) -> str | None:
    """What is wrong with GRUB's BIOS part; None if the boot code leads to a whole core image.

    Args:
        boot: first sector of the disk.
        embedded: content of the BIOS boot partition.
        core: the core image that was to be embedded.
        start: first 512-byte sector of that partition.
    """
    if not any(boot[: partition.BOOT_CODE]) or boot[510:512] != b"\x55\xaa":
        return "the boot sector holds no boot code"
    # boot.S keeps at 0x5c where the core image begins (GRUB_BOOT_MACHINE_KERNEL_SECTOR).
    if int.from_bytes(boot[0x5C:0x64], "little") != start:
        return "the boot code does not lead to the BIOS boot partition"
    # The first two sectors hold block lists and lengths that grub-bios-setup fills in.
    if not core or embedded[2 * SECTOR : len(core)] != core[2 * SECTOR :]:
        return "the core image is not what was to be embedded"
    return None


def _result(found: Target, root: Path, *, changed: bool) -> dict[str, Any]:
    shim = fat.read(found.path(partition.ESP), "EFI/BOOT/BOOTX64.EFI") or b""
    return {
        "outcome": "installed",
        "changed": changed,
        "image": found.image,
        "disk": {"serial": found.disk.serial, "path": found.disk.path},
        "root_uuid": found.uuids["netspring-root"],
        "kernels": sorted(k.name.removeprefix("vmlinuz-") for k in root.glob("boot/vmlinuz-*")),
        "shim_sha256": hashlib.sha256(shim).hexdigest(),
        "boots": ["bios", "uefi"],
    }
