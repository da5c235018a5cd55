"""The teacher's password of a room: only its hash is kept, in a file that only its owner reads.

The hash goes into no variable of a play, no event and no record: the role ``machine_identity``
reads the file when it writes the PC's shadow(5).
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from netspring_provision.durable import sync
from netspring_provision.errors import StationError, UsageError

# Hidden: Ansible takes every other file of the folder for an inventory.
FILE = ".teacher-password"
# The same as in the teacher's own window, roles/classroom.
SHORTEST = 8
LONGEST = 128
# crypt(5): SHA-512 or yescrypt.
_HASH = re.compile(r"\$(6|y)\$[A-Za-z0-9./$=,]{20,200}\n?")
_SET = "set it: netspring room teacher-password -i {}"


def check_password(password: str) -> None:
    """Whether it can be typed at the greeter, on a keyboard of any country.

    Raises:
        UsageError: it cannot, or it is too short.
    """
    if len(password) < SHORTEST:
        raise UsageError("the password is too short", hint=f"take at least {SHORTEST} characters")
    if len(password) > LONGEST or not (password.isascii() and password.isprintable()):
        raise UsageError(
            "the password has characters that not every keyboard has, or too many of them",
            hint=f"take letters without accents, digits and signs, {LONGEST} at most",
        )


def hashed(password: str) -> str:
    """Its SHA-512 crypt(5) hash with a fresh salt, by openssl, which is told it on its input.

    Raises:
        StationError: openssl is not there or failed.
    """
    try:
        done = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"],  # noqa: S607 - the station's own
            input=password + "\n",
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise StationError(
            "openssl did not make a hash of the password", hint="apt-get install openssl"
        ) from error
    found = done.stdout.strip()
    if not _HASH.fullmatch(found):
        raise StationError("openssl made no hash that a PC understands", hint="openssl passwd -6")
    return found


def keep_password(inventory: Path, password: str) -> Path:
    """Keep a password's hash in the room, in one step and readable to nobody else.

    Args:
        inventory: the room's folder, or its ``hosts.yml``.
        password: as the teacher will type it.

    Returns:
        the file.

    Raises:
        UsageError: the password cannot be one.
        StationError: no hash could be made, or the folder cannot be written; the old one stays.
    """
    check_password(password)
    line = hashed(password) + "\n"
    path = _folder(inventory) / FILE
    fresh = path.with_name(f"{FILE}.new")
    try:
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(line)
            file.flush()
            os.fsync(descriptor)
        fresh.replace(path)
        sync(path.parent)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise StationError(
            f"cannot write {path}: {error.strerror}", hint="free space, or take a folder of yours"
        ) from error
    return path


def password_file(inventory: Path) -> Path | None:
    """The room's file with the hash, ready to be used; ``None`` where the room has none.

    Raises:
        UsageError: others may read it, or it holds no hash.
    """
    folder = _folder(inventory)
    path = folder / FILE
    if not path.exists():
        return None
    if path.stat().st_mode & 0o077:
        raise UsageError(f"{path} can be read by others", hint=f"chmod 600 {path}")
    try:
        good = _HASH.fullmatch(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        good = None
    if not good:
        raise UsageError(f"{path} holds no hash of a password", hint=_SET.format(folder))
    return path


def _folder(inventory: Path) -> Path:
    return inventory if inventory.is_dir() else inventory.parent
