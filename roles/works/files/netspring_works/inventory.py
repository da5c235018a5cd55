"""The works of a child: where they lie and which files are works."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Half a download, a safety copy of an editor.
UNFINISHED = (".part", ".crdownload", ".tmp", "~")


@dataclass(frozen=True)
class Work:
    """One file that a child made.

    Attributes:
        path: where it lies.
        name: path below the folder of works, for people and for the copy.
        size: bytes.
        changed: seconds since 1970.
    """

    path: Path
    name: str
    size: int
    changed: float


def works_folder(home: Path) -> Path:
    """The folder of works, made anew if it is lost.

    ``~/.works`` leads to it, under a name in the child's language. Where that link is gone, the
    folder of documents of the session (xdg-user-dirs) is the same one.

    Raises:
        OSError: it cannot be made.
    """
    link = home / ".works"
    if link.is_dir():
        return link.resolve()
    if link.is_symlink():
        target = (home / link.readlink()).absolute()
        # The folder was thrown away, the link was not; it never leads out of the home.
        if home.absolute() in target.parents:
            target.mkdir(parents=True, exist_ok=True)
            return target
    documents = documents_folder()
    if documents and home.absolute() in documents.parents:
        documents.mkdir(parents=True, exist_ok=True)
        return documents
    link.mkdir(exist_ok=True)
    return link


def documents_folder() -> Path | None:
    """What the session calls the folder of documents, if it has one."""
    try:
        done = subprocess.run(
            ["/usr/bin/xdg-user-dir", "DOCUMENTS"], capture_output=True, check=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    path = done.stdout.strip()
    return Path(path) if path.startswith("/") else None


def is_work(name: str, neighbours: set[str]) -> bool:
    """Whether a file is something that a child would call a work.

    Tux Paint keeps a note (``.dat``) beside each picture of its own; that is no work.
    """
    if name.startswith(".") or name.lower().endswith(UNFINISHED):
        return False
    return not (name.endswith(".dat") and f"{name.removesuffix('.dat')}.png" in neighbours)


def find_works(folder: Path) -> list[Work]:
    """All works below the folder, the newest first. Links and what is no file are passed over.

    Raises:
        OSError: the folder itself cannot be read.
    """
    next(folder.iterdir(), None)  # os.walk would pass over a folder that cannot be read
    return sorted(_walk(folder), key=lambda work: (-work.changed, work.name))


def _walk(folder: Path) -> Iterator[Work]:
    for top, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        neighbours = set(files)
        for name in files:
            path = Path(top, name)
            if not is_work(name, neighbours):
                continue
            try:
                found = path.lstat()
            except OSError:
                continue  # deleted meanwhile
            if stat.S_ISREG(found.st_mode):
                below = path.relative_to(folder).as_posix()
                yield Work(path, below, found.st_size, found.st_mtime)


def free_path(folder: Path, stem: str, ending: str) -> Path:
    """A path in the folder that is not taken yet: ``stem``, else ``stem (2)`` and so on."""
    number = 1
    while True:
        path = folder / (f"{stem}{ending}" if number == 1 else f"{stem} ({number}){ending}")
        if not os.path.lexists(path):
            return path
        number += 1


def pc_name() -> str:
    """What is written on the PC: its asset tag, else its name in the network."""
    try:
        tag = Path("/etc/netspring/asset-tag.txt").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        tag = ""
    return tag or os.uname().nodename
