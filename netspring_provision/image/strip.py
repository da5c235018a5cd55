"""Takes out of a tree what belongs to its build only, or differs between two builds.

What is made at install or at first boot (machine-id(5), SSH host keys, random seed) must not be the
same on all PCs; caches, logs and dates would differ between two builds of the same inputs.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
import stat
from pathlib import Path

EMPTY_FOLDERS = (
    "tmp",
    "var/tmp",
    "run",
    "dev",
    "proc",
    "sys",
    "var/lib/apt/lists",
    "var/cache/apt",
    "var/cache/man",
    "var/log",
    "var/backups",
    "root/.ansible",
    "root/.cache",
)
GONE = (
    "etc/ssh/ssh_host_*",
    "etc/*-",  # passwd-, shadow-, group-, gshadow-, subuid-: older versions with dates
    "etc/.pwd.lock",
    "etc/apt/apt.conf.d/99mmdebstrap",
    "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
    "etc/apt/sources.list.d/*",
    "etc/hosts",
    "etc/resolv.conf",
    "usr/sbin/policy-rc.d",
    "usr/lib/*/gconv/*.cache.tmp",
    "usr/local/lib/netspring/**/*.pyc",  # of programs that ran in the tree; they hold its dates
    "var/cache/debconf/*-old",
    "var/cache/ldconfig/aux-cache",
    "var/lib/dbus/machine-id",
    "var/lib/dpkg/*-old",
    "var/lib/dpkg/lock*",
    "var/lib/dpkg/triggers/Lock",
    "var/lib/systemd/random-seed",
    "var/lib/systemd/credential.secret",
    "var/lib/NetworkManager/secret_key",
    "etc/ssl/private/ssl-cert-snakeoil.key",
    "etc/ssl/certs/ssl-cert-snakeoil.pem",
    ".dockerenv",
)
SOURCES = """\
# The room has no internet, so no source of packages is set: the PC gets updates as a new image.
# To install a package by hand, write a Debian mirror that you can reach here (sources.list(5)).
"""
# systemd-tmpfiles would make these anyway, but only after programs that want to write there.
LOG_FOLDERS = (("var/log/journal", 0o2755), ("var/log/apt", 0o755))
HOSTNAME = "netspring"


def strip(root: Path, epoch: int) -> None:
    """Strip a tree whose mounts are gone; the image's own files are not touched.

    Args:
        root: the tree.
        epoch: date of the packages, seconds since 1970.
    """
    for name in EMPTY_FOLDERS:
        empty(root / name)
    for pattern in GONE:
        for path in root.glob(pattern):
            path.unlink()
    (root / "etc/machine-id").write_text("")  # empty, not absent: machine-id(5), "first boot"
    (root / "etc/hostname").write_text(f"{HOSTNAME}\n")
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {HOSTNAME}\n::1 localhost\n")
    (root / "etc/apt/sources.list").write_text(SOURCES)
    (root / "etc/resolv.conf").write_text("")
    shadow = root / "etc/shadow"
    owner = shadow.stat()
    shadow.write_text(fixed_shadow(shadow.read_text(), epoch))
    os.chown(shadow, owner.st_uid, owner.st_gid)
    for name, mode in LOG_FOLDERS:
        (root / name).mkdir(exist_ok=True)
        (root / name).chmod(mode)


def left_out(root: Path) -> int:
    """Remove what dpkg would leave out by now, but installed before it was told so.

    The rules are those of dpkg(1), ``--path-exclude``: the last one that matches decides.
    Returns how many files went.
    """
    rules = [
        (line.startswith("path-include="), line.partition("=")[2])
        for path in sorted((root / "etc/dpkg/dpkg.cfg.d").glob("*"))
        for line in path.read_text().splitlines()
        if line.startswith(("path-exclude=", "path-include="))
    ]
    removed = 0
    for folder, _, files in os.walk(root / "usr/share", topdown=False):
        inside = Path("/") / Path(folder).relative_to(root)
        for name in files:
            wanted = [keep for keep, rule in rules if fnmatch.fnmatchcase(f"{inside}/{name}", rule)]
            if wanted and not wanted[-1]:
                (Path(folder) / name).unlink()
                removed += 1
    return removed


def fixed_shadow(text: str, epoch: int) -> str:
    """The text of shadow(5) with the day of the packages as the day of every password (pure)."""
    lines = []
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2]:
            fields[2] = str(epoch // 86400)
        lines.append(":".join(fields))
    return "\n".join(lines) + "\n"


def clamp(root: Path, epoch: int) -> int:
    """Give everything younger than the packages their date; returns how many were younger.

    Folders come after what is in them, so that their date stays.
    """
    younger = 0
    for folder, folders, files in os.walk(root, topdown=False):
        for name in (*files, *folders):
            younger += _clamp_one(os.path.join(folder, name), epoch)  # noqa: PTH118 - 100,000 of them
    return younger + _clamp_one(str(root), epoch)


def _clamp_one(path: str, epoch: int) -> bool:
    state = os.lstat(path)
    date = min(int(state.st_mtime), epoch)
    os.utime(path, (date, date), follow_symlinks=False)
    return state.st_mtime > epoch


def empty(folder: Path) -> None:
    """Remove what is in a folder, but not the folder, so that its owner and mode stay."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in folder.iterdir():
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path)
        else:
            path.unlink()
