"""What provisioning left on the PC, and taking it away.

Everything under /var/log up to now was written while the PC was provisioned. The child's own files,
the PC's SSH host key and the rescue partition, which a reset needs, stay.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from ansible.module_utils.netspring_sealing.host import Host

# Patterns of files and folders that go as a whole; `*` takes names that begin with a dot too.
GONE = (
    "root/.ansible",
    "root/.ansible_async",
    "root/.cache",
    "root/.ssh/known_hosts*",
    "root/.ssh/id_*",
    "run/netspring*",
    "var/lib/netspring-*",
    "tmp/.ansible*",
    "tmp/ansible*",
    "tmp/netspring*",
    "var/tmp/.ansible*",
    "var/tmp/ansible*",
    "var/tmp/netspring*",
    "etc/apt/sources.list.d/netspring*",
    "etc/apt/apt.conf.d/*netspring*proxy*",
    "var/cache/apt/archives/*.deb",
    "var/cache/apt/*.bin",
    "var/lib/apt/lists/*_*",
    "var/lib/systemd/coredump/*",
    "var/crash/*",
    # Addresses of the workshop's network.
    "var/lib/NetworkManager/*.lease",
    "var/lib/NetworkManager/timestamps",
    "var/lib/NetworkManager/seen-bssids",
    "var/lib/dhcp/*.leases",
    # Who logged in, in Debian 13; both are made anew at the next login.
    "var/lib/wtmpdb/wtmp.db",
    "var/lib/lastlog/lastlog2.db",
    # Logs that were rotated.
    "var/log/**/*.gz",
    "var/log/**/*.xz",
    "var/log/**/*.old",
    "var/log/**/*.[0-9]",
)
# In the home of root and of everybody: what was typed there so far was typed by a technician.
HISTORIES = (
    ".ash_history",
    ".bash_history",
    ".lesshst",
    ".node_repl_history",
    ".python_history",
    ".sh_history",
    ".sqlite_history",
    ".viminfo",
    ".wget-hsts",
    ".zsh_history",
)
JOURNAL = "var/log/journal"


def take_away(host: Host) -> None:
    """Remove every trace; what is not there is no error, so it can be broken off and run again."""
    gone = found(host)
    for path in gone:
        host.changed.append(host.name(path))
        if not host.pretend:
            _remove(path)
    for path in _logs(host):
        if path in gone:
            continue
        host.changed.append(host.name(path))
        if not host.pretend:
            # Programs hold their logs open, so the file stays and is emptied.
            with path.open("r+b") as file:
                file.truncate(0)
    _journal(host)


def found(host: Host) -> list[Path]:
    """Traces that are there now, each once."""
    own = _own_program(host)
    listed: dict[Path, None] = {}
    for pattern in GONE:
        for path in sorted(host.root.glob(pattern)):
            if path not in own and not path.is_relative_to(host.at(JOURNAL)):
                listed[path] = None
    for home in (host.at("root"), *sorted(host.at("home").glob("*"))):
        for name in HISTORIES:
            path = home / name
            if path.is_file() or path.is_symlink():
                listed[path] = None
    return list(listed)


def _own_program(host: Host) -> set[Path]:
    """Where Ansible unpacked the program that runs now; it removes that itself when we end."""
    return {
        parent
        for entry in sys.path
        if entry
        for parent in (Path(entry), *Path(entry).parents)
        if parent.is_relative_to(host.at("tmp")) or parent.is_relative_to(host.at("var/tmp"))
    }


def _remove(path: Path) -> None:
    """Remove a file, a link (never what it leads to) or a folder; another may have been quicker."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _logs(host: Host) -> Iterator[Path]:
    """Logs that hold something, without the journal."""
    top, journal = host.at("var/log"), host.at(JOURNAL)
    for path in sorted(top.rglob("*")):
        if path.is_relative_to(journal) or path.is_symlink() or not path.is_file():
            continue
        if path.stat().st_size:
            yield path


def _journal(host: Host) -> None:
    """Keep the journal in RAM from here to the next boot, and take away what is on the disk.

    journalctl(1), --relinquish-var: the daemon closes the files under /var and writes to /run until
    the next boot. So nothing of this very connection reaches the disk, however the PC goes off.
    """
    files = [path for path in sorted(host.at(JOURNAL).rglob("*")) if path.is_file()]
    if not files:
        return
    host.changed += [host.name(path) for path in files]
    if host.pretend:
        return
    host.run("journalctl", "--relinquish-var")
    for path in files:
        path.unlink(missing_ok=True)
