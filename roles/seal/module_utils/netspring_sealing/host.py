"""The PC that is sealed: its root, the programs that are run on it, and the files written to it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 60


class SealError(Exception):
    """The sealing stopped.

    Args:
        reason: what happened, in one sentence.
        hint: the way out.
    """

    outcome = "failed"

    def __init__(self, reason: str, hint: str) -> None:
        """Keep reason and hint apart: the report shows both."""
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class RefusedError(SealError):
    """A check said no before the first change: the PC is as it was."""

    outcome = "refused"


@dataclass
class Host:
    """This PC.

    Attributes:
        root: ``/``; another folder in tests.
        pretend: say what would change, and change nothing.
        changed: what was or would be changed, in order, as paths from ``/``.
    """

    root: Path = Path("/")
    pretend: bool = False
    changed: list[str] = field(default_factory=list)

    def at(self, name: str) -> Path:
        """Where ``/name`` lies."""
        return self.root / name.lstrip("/")

    def name(self, path: Path) -> str:
        """The path as the PC itself calls it."""
        return "/" + str(path.relative_to(self.root))

    def read(self, name: str) -> str | None:
        """Text of a file without the white space around it; ``None`` if it cannot be read."""
        try:
            return self.at(name).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def run(self, *argv: str, accept: tuple[int, ...] = (0,)) -> str:
        """Run a program in the C locale; returns what it printed.

        Raises:
            SealError: it is missing, took longer than ``SECONDS``, or ended not as accepted.
        """
        environment = {"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        try:
            done = subprocess.run(  # noqa: S603
                argv, capture_output=True, text=True, check=False, timeout=SECONDS, env=environment
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SealError(f"{' '.join(argv)} could not be run: {error}", AGAIN) from error
        if done.returncode not in accept:
            said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
            raise SealError(
                f"{' '.join(argv)} ended with {done.returncode}: {said[0]}",
                AGAIN,
            )
        return done.stdout

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        """Make a file hold ``text``, in one step that survives a power cut.

        Bytes that are no UTF-8 stay as they are, if they were read with ``surrogateescape``.
        """
        path = self.at(name)
        data = text.encode("utf-8", errors="surrogateescape")
        if not path.is_symlink() and path.is_file() and path.read_bytes() == data:
            return
        self.changed.append(f"/{name.lstrip('/')}")
        if self.pretend:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        fresh.replace(path)
        sync_folder(path.parent)


AGAIN = "the station may still enter: mend it there, then run netspring seal again"


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
