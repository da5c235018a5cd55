#!/usr/bin/python3
"""Ansible module: make a root filesystem the live system and pack it into one initrd."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: netspring_live_pack
short_description: Pack a root filesystem into kernel and one initrd
description:
  - Lays the live system's own files over the root, then writes it as cpio (newc) through zstd.
    O(output) appears all at once when everything is on the disk; O(work) is removed either way.
options:
  output: {type: path, required: true, description: Folder to make.}
  work: {type: path, required: true, description: Folder made by netspring_live_root.}
  overlay: {type: path, required: true, description: Files to lay over the root.}
  authorized_key: {type: str, required: true, description: Public key that may enter as root.}
  enabled_units: {type: dict, default: {}, description: Target to the units it starts.}
  masked_units: {type: list, elements: str, default: [], description: Units that never start.}
  zstd_level: {type: int, default: 12, description: Strength of the compression, 1 to 19.}
  inputs: {type: str, default: "", description: Fingerprint of what this is built from.}
  mirror: {type: str, default: "", description: Address of the mirror, for build.json.}
author: [Netspring Provision]
"""
RETURN = r"""
build: {type: dict, returned: success, description: What build.json says.}
netspring_error: {type: dict, returned: failed, description: What kind of failure, and a hint.}
"""

# One time for all files: the initrd then depends on content alone (2025-01-01).
MTIME = 1735689600
BLOCK = 1 << 20


def cpio_header(
    name: bytes, ino: int, mode: int, size: int, device: tuple[int, int] = (0, 0)
) -> bytes:
    """Header of one entry: "070701", thirteen 8-digit hexadecimal fields, the name, padded to 4.

    Format: Linux Documentation/driver-api/early-userspace/buffer-format.rst.
    """
    fields = (ino, mode, 0, 0, 1, MTIME, size, 0, 0, *device, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + name + b"\0"
    return header + b"\0" * (-len(header) % 4)


def cpio(root: Path) -> Iterator[bytes]:
    """The folder as a cpio archive, piece by piece, in the order of names; root owns all.

    Sockets and pipes are left out; every regular file is written whole, hard links too.
    """
    number = 0
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted([*folders, *files]):
            path = Path(folder) / name
            entry = os.fsencode(path.relative_to(root))
            info = path.lstat()
            number += 1
            if stat.S_ISLNK(info.st_mode):
                target = os.fsencode(path.readlink())
                yield cpio_header(entry, number, info.st_mode, len(target))
                yield target + b"\0" * (-len(target) % 4)
            elif stat.S_ISREG(info.st_mode):
                yield cpio_header(entry, number, info.st_mode, info.st_size)
                with path.open("rb") as file:
                    while block := file.read(BLOCK):
                        yield block
                yield b"\0" * (-info.st_size % 4)
            elif stat.S_ISDIR(info.st_mode):
                yield cpio_header(entry, number, info.st_mode, 0)
            elif stat.S_ISCHR(info.st_mode):
                device = (os.major(info.st_rdev), os.minor(info.st_rdev))
                yield cpio_header(entry, number, info.st_mode, 0, device)
    yield cpio_header(b"TRAILER!!!", 0, 0, 0)


def compress(root: Path, target: Path, level: int) -> int:
    """Write the initrd and wait until it is on the disk.

    Returns:
        Bytes before compression: what the system takes of the machine's RAM.

    Raises:
        OSError: the disk is full, or zstd failed.
    """
    size = 0
    argv = ["zstd", f"-{level}", "-T0", "--check", "-q", "-c"]
    pipe = subprocess.PIPE
    with (
        target.open("wb") as file,
        subprocess.Popen(argv, stdin=pipe, stdout=file, stderr=pipe) as packer,  # noqa: S603
    ):
        try:
            for piece in cpio(root):
                packer.stdin.write(piece)
                size += len(piece)
            packer.stdin.close()
        except BrokenPipeError:
            pass  # zstd says why, just below
        said = packer.stderr.read().decode(errors="replace").strip()
        if packer.wait():
            raise OSError(f"zstd could not write {target}: {said}")
        os.fsync(file.fileno())
    return size


def lay_over(overlay: Path, root: Path) -> None:
    """Copy our own files; modes do not depend on the umask they were cloned or installed with."""
    for path in sorted(overlay.rglob("*")):
        target = root / path.relative_to(overlay)
        if "__pycache__" in path.parts:
            continue
        if path.is_dir():
            if not target.is_dir():
                target.mkdir()
                target.chmod(0o755)
        else:
            text = path.read_bytes()
            target.write_bytes(text)
            target.chmod(0o755 if text.startswith(b"#!") else 0o644)


def dress(root: Path, params: dict, packages: dict) -> None:
    """Turn a Debian root into the live system: own files, key, units, no password."""
    lay_over(Path(params["overlay"]), root)
    units = root / "etc/systemd/system"
    for target, names in params["enabled_units"].items():
        wants = units / f"{target}.wants"
        wants.mkdir()
        for name in names:
            if not (root / "usr/lib/systemd/system" / name).exists():
                raise ValueError(f"unit {name} is not in the live system")
            (wants / name).symlink_to(f"/usr/lib/systemd/system/{name}")
    for name in params["masked_units"]:
        (units / name).unlink(missing_ok=True)
        (units / name).symlink_to("/dev/null")
    ssh = root / "root/.ssh"
    ssh.mkdir(mode=0o700, exist_ok=True)
    (ssh / "authorized_keys").write_text(params["authorized_key"].strip() + "\n")
    (ssh / "authorized_keys").chmod(0o600)
    shadow = root / "etc/shadow"
    lines = shadow.read_text().splitlines()
    # "*" is no password at all; "!" would make sshd refuse the key too when it runs without PAM.
    lines = [":".join([line.split(":")[0], "*", *line.split(":")[2:]]) for line in lines]
    shadow.write_text("\n".join(lines) + "\n")
    (root / "etc/machine-id").write_text("")  # filled at boot; a missing file would ask questions
    (root / "etc/hostname").write_text("netspring\n")
    (root / "etc/fstab").write_text("")
    stamp = {"inputs": params["inputs"], "packages": packages}
    (root / "usr/lib/netspring/live.json").write_text(json.dumps(stamp))
    (root / "init").symlink_to("usr/lib/systemd/systemd")


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Wait until a file or the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(output: Path, work: Path, params: dict) -> dict:
    """Pack ``work/root`` and rename the result to ``output`` when all of it is on the disk."""
    packages = json.loads((work / "packages.json").read_text())
    dress(work / "root", params, packages)
    result = work / "result"
    result.mkdir()
    ram = compress(work / "root", result / "initrd.img", params["zstd_level"])
    shutil.move(work / "vmlinuz", result / "vmlinuz")
    files = {
        name: {"bytes": (result / name).stat().st_size, "sha256": sha256(result / name)}
        for name in ("vmlinuz", "initrd.img")
    }
    build = {
        "schema": 1,
        "inputs_sha256": params["inputs"],
        "mirror": params["mirror"],
        "files": files,
        "unpacked_bytes": ram,
        "packages": packages,
    }
    (result / "build.json").write_text(json.dumps(build, indent=1) + "\n")
    for path in (*sorted(result.iterdir()), result):
        sync(path)
    if output.exists():
        shutil.rmtree(output)  # only a folder without build.json gets here: never a finished build
    result.rename(output)
    sync(output.parent)
    return build


def main() -> None:
    """Read the parameters, pack, answer."""
    text, path = {"type": "str", "required": True}, {"type": "path", "required": True}
    module = AnsibleModule(
        argument_spec={
            "output": path,
            "work": path,
            "overlay": path,
            "authorized_key": text,
            "enabled_units": {"type": "dict", "default": {}},
            "masked_units": {"type": "list", "elements": "str", "default": []},
            "zstd_level": {"type": "int", "default": 12},
            "inputs": {"type": "str", "default": ""},
            "mirror": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True)
    work = Path(module.params["work"])
    try:
        build = publish(Path(module.params["output"]), work, module.params)
    except (OSError, ValueError) as error:
        full = getattr(error, "errno", 0) == 28 or "No space left" in str(error)
        kind = "space" if full else "build"
        module.fail_json(msg=str(error), netspring_error={"kind": kind, "hint": ""})
    finally:
        shutil.rmtree(work, ignore_errors=True)
    module.exit_json(changed=True, build=build)


if __name__ == "__main__":
    main()
