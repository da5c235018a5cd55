"""The guest: a home in memory that is gone at logout, and at a power cut by its nature.

LightDM runs ``netspring-guest add`` before a guest's session and ``netspring-guest remove NAME``
after it (lightdm.conf, guest-account-script). ``forget`` runs at boot: after a power cut, what the
guest wrote outside of its home is still there.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from netspring_classroom.system import GUEST, System, run

HOME = "run/guest"
# A child's paintings fit into a quarter of the memory; what is not in use goes to zram.
SHARE_OF_MEMORY = "25%"
# Folders that everybody may write to: hier(7), and shm_overview(7).
COMMON = ("tmp", "var/tmp", "dev/shm")
# What programs of the system keep by a person's name.
BY_NAME = (
    "var/cache/lightdm/dmrc/guest.dmrc",
    "var/lib/lightdm-data/guest",
    "var/lib/systemd/linger/guest",
)
SECONDS_TO_END = 5
# Desktop entry (freedesktop.org, autostart): the guest is told before it begins to paint.
NOTICE = """[Desktop Entry]
Type=Application
Name=netspring-guest-notice
Exec=/usr/local/bin/netspring-guest-notice
"""


class GuestError(Exception):
    """The guest's home could not be made."""


def add(system: System, user: pwd.struct_passwd, notice: str) -> str:
    """Make the guest's home from the skeleton; returns the guest's name, for LightDM.

    Args:
        system: the PC.
        user: the guest's account.
        notice: desktop entry that tells the guest that nothing is kept.

    Raises:
        GuestError: the memory for it cannot be had.
    """
    forget(system, user)
    home = system.at(HOME)
    home.mkdir(exist_ok=True)
    options = f"size={SHARE_OF_MEMORY},mode=0700,uid={user.pw_uid},gid={user.pw_gid},nosuid,nodev"
    done = run("mount", "-t", "tmpfs", "-o", options, "netspring-guest", home)
    if done.returncode != 0:
        raise GuestError(done.stderr.strip())
    shutil.copytree(system.skeleton, home, symlinks=True, dirs_exist_ok=True)
    entry = home / ".config/autostart/netspring-guest.desktop"
    entry.parent.mkdir(parents=True, exist_ok=True)
    entry.write_text(notice, encoding="utf-8")
    for folder, folders, names in os.walk(home):
        for path in (folder, *(os.path.join(folder, name) for name in folders + names)):  # noqa: PTH118
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    home.chmod(0o700)
    return user.pw_name


def forget(system: System, user: pwd.struct_passwd) -> None:
    """End all that the guest runs and remove all that it left, wherever it could write."""
    end(user.pw_uid)
    for mount in sorted(mounts(system, user.pw_name), reverse=True):
        # A stick is written to its end first; one that is in use is let go when it is free.
        if run("umount", mount).returncode != 0:
            run("umount", "--lazy", mount)
    forget_common(system, user)
    for name in BY_NAME:
        _remove(system.at(name))
    for journal in system.at("var/log/journal").glob(f"*/user-{user.pw_uid}*.journal*"):
        _remove(journal)


def forget_common(system: System, user: pwd.struct_passwd) -> None:
    """Remove what the guest left in folders that everybody may write to, with the guest's rights.

    A path there may lead through a folder of the child's, who can put a link in its place at any
    moment; root would follow it to any file of the PC.
    """
    folders = [system.at(name) for name in COMMON if system.at(name).is_dir()]
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        opened = [os.open(folder, os.O_PATH | os.O_DIRECTORY) for folder in folders]
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        for folder in opened:
            os.fchdir(folder)
            for path in owned(Path(), user.pw_uid):
                _remove(path)
    except OSError as error:
        print(f"netspring-guest: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(0)


def end(uid: int, *, wait: Callable[[float], None] = time.sleep) -> None:
    """End every program of the guest, also those that outlived its session."""
    run("loginctl", "terminate-user", str(uid))
    for second in range(SECONDS_TO_END * 10):
        running = processes(uid)
        if not running:
            return
        if second >= 10:
            for process in running:
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        wait(0.1)


def processes(uid: int, table: Path = Path("/proc")) -> list[int]:
    """Processes of an account, by the kernel's table."""
    found = []
    for entry in table.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The kernel cuts a program's name after 15 bytes, in the middle of a sign too.
            lines = (entry / "status").read_text(errors="replace").splitlines()
        except OSError:
            continue  # ended meanwhile
        state = next((line for line in lines if line.startswith("State:")), "")
        if f"Uid:\t{uid}\t" in "\n".join(lines) and "Z" not in state:
            found.append(int(entry.name))
    return found


def mounts(system: System, name: str) -> list[str]:
    """What is mounted for the guest: its home, and sticks where udisks puts them."""
    home = f"/{HOME}"
    sticks = (f"/run/media/{name}/", f"/media/{name}/")
    found = []
    for line in system.at("proc/self/mounts").read_bytes().splitlines():
        # proc_pid_mounts(5): blanks, line breaks and backslashes are written as octal numbers.
        octal = re.compile(rb"\\([0-7]{3})")
        path = os.fsdecode(octal.sub(lambda found: bytes([int(found[1], 8)]), line.split(b" ")[1]))
        if path == home or path.startswith((f"{home}/", *sticks)):
            found.append(path)
    return found


def owned(folder: Path, uid: int) -> Iterator[Path]:
    """The topmost files and folders below a folder that belong to an account; links stay links."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        try:
            found = entry.lstat()
        except OSError:
            continue
        if found.st_uid == uid:
            yield entry
        elif stat.S_ISDIR(found.st_mode) and found.st_dev == folder.stat().st_dev:
            yield from owned(entry, uid)


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            _unlock(path)
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError:
        return


def _unlock(folder: Path) -> None:
    """Let its owner empty a folder: one that was closed with chmod(1) cannot be listed."""
    if os.geteuid() == 0:
        return  # needs no right, and would follow links
    folder.chmod(0o700)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):
                _unlock(path)


def account() -> pwd.struct_passwd:
    """The guest's account; raises KeyError where the image has none."""
    return pwd.getpwnam(GUEST)


def main(words: list[str]) -> int:
    """``add`` prints the guest's name; ``remove NAME`` and ``forget`` leave nothing of it."""
    system = System()
    verb = words[0] if words else ""
    if verb not in ("add", "remove", "forget"):
        print("netspring-guest add | remove NAME | forget", file=sys.stderr)
        return 2
    try:
        if verb == "add":
            print(add(system, account(), NOTICE))
        elif verb == "remove" or not os.path.ismount(system.at(HOME)):
            forget(system, account())  # at boot, unless one has logged in already
    except (GuestError, KeyError, OSError) as error:
        print(f"netspring-guest: {error}", file=sys.stderr)
        return 1
    return 0
