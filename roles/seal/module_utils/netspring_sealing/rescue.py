"""The rescue entry of the boot menu: its live environment knows the station's key: no sshd in it.

The role bootloader writes it so. Here it is made sure of, also for a PC that was installed before
the bootloader did, or whose menu somebody changed.
"""

from __future__ import annotations

import re
from pathlib import Path

from ansible.module_utils.netspring_sealing.host import AGAIN, Host, SealError

# What GRUB reads, and what it is made from again after every new kernel.
FILES = ("boot/grub/*.cfg", "etc/grub.d/*")
# systemd-debug-generator(8). The socket could start the service, so both.
CLOSED = ("systemd.mask=ssh.service", "systemd.mask=ssh.socket")
# Words of a kernel line that would open the way: the token, which also allows a wipe.
TOKEN = re.compile(r"[ \t]+netspring\.token=\S*")
RESCUE = re.compile(r"^[ \t]*linux(?:16|efi)?[ \t]+\S*/live/vmlinuz")


def closed(text: str) -> str:
    """The same menu with no way in by its rescue entry.

    >>> closed("linux /live/vmlinuz quiet netspring.token=ab")
    'linux /live/vmlinuz quiet systemd.mask=ssh.service systemd.mask=ssh.socket'
    """
    lines = []
    for line in text.splitlines(keepends=True):
        if not RESCUE.match(line):
            lines.append(line)
            continue
        bare = TOKEN.sub("", line.rstrip())
        missing = [word for word in CLOSED if word not in bare.split()]
        lines.append(" ".join([bare, *missing]) + line[len(line.rstrip()) :])
    return "".join(lines)


def open_entries(host: Host) -> list[Path]:
    """Files whose rescue entry would let somebody in."""
    found = []
    for pattern in FILES:
        for path in sorted(host.root.glob(pattern)):
            if path.is_symlink() or not path.is_file():
                continue
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            if closed(text) != text:
                found.append(path)
    return found


def close(host: Host) -> None:
    """Make the rescue entry start no sshd.

    Raises:
        SealError: it still would; the station may still enter.
    """
    for path in open_entries(host):
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        host.write(str(path.relative_to(host.root)), closed(text), path.stat().st_mode & 0o777)
    left = [] if host.pretend else open_entries(host)
    if left:
        raise SealError(f"the rescue entry in {host.name(left[0])} would still start sshd", AGAIN)
