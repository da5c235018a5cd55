"""Runs a benchmark on a machine in the live environment, with the roles' Python beside it."""

from __future__ import annotations

import io
import shlex
import subprocess
import tarfile
from contextlib import suppress
from pathlib import Path

ROLES = Path(__file__).resolve().parents[1] / "roles"
PACKAGES = {
    "netspring_disks": ROLES / "disk_tools/module_utils/netspring_disks",
    "netspring_erase": ROLES / "disk_wipe/module_utils/netspring_erase",
    "netspring_install": ROLES / "install_tools/module_utils/netspring_install",
}


def run(*argv: str | Path) -> str:
    """Run a tool and return what it says; a failure of it ends the benchmark."""
    words = [str(word) for word in argv]
    done = subprocess.run(words, check=True, capture_output=True)  # noqa: S603 - the one place
    return done.stdout.decode(errors="replace")  # nwipe prints bytes that are no text


def find_packages() -> None:
    """Make the roles' Python importable under the name it has inside Ansible."""
    with suppress(ImportError):  # on a machine there is no Ansible, and the layout was sent
        import ansible.module_utils

        ansible.module_utils.__path__.extend(str(path.parent) for path in PACKAGES.values())


def checked_disk(path: str, serial: str) -> int:
    """Size in bytes of a disk that may be destroyed: it has the serial and nothing uses it.

    Raises:
        SystemExit: it has another serial, or is in use; nothing was changed.
    """
    from ansible.module_utils.netspring_disks import identity, uses

    disk = identity.identify(Path(path).name)
    if not serial or disk.serial != serial or uses.uses_of(disk.name):
        raise SystemExit(f"{path} has the serial {disk.serial}, or is in use: nothing was changed")
    return disk.size_bytes


def size_of(path: str) -> int:
    """Size of a block device in bytes."""
    with Path(path).open("rb") as device:
        return device.seek(0, 2)


def send(command: str, script: Path, arguments: list[str], *files: Path) -> int:
    """Run ``script`` on a machine, with the program laid out as the wipe's job lays it out.

    ``files`` are put into its working folder under their own names. Returns its exit code.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for package in ("ansible", "ansible/module_utils"):
            archive.addfile(tarfile.TarInfo(f"{package}/__init__.py"))
        for name, path in PACKAGES.items():
            for source in sorted(path.glob("*.py")):
                archive.add(source, f"ansible/module_utils/{name}/{source.name}")
        for file in (script, Path(__file__), *files):
            archive.add(file.resolve(), file.name)
    there = "d=$(mktemp -d) && tar -x -C $d && cd $d && PYTHONPATH=$d python3 -B"
    line = f"{there} {script.name} {shlex.join(arguments)}; code=$?; rm -rf $d; exit $code"
    argv = [*shlex.split(command), line]
    return subprocess.run(argv, input=packed.getvalue(), check=False).returncode  # noqa: S603
