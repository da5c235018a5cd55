"""Where things lie on the PC, and the people of it; a test gives a tree of its own."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

PUPIL = "pupil"
TEACHER = "teacher"
GUEST = "guest"
SECONDS = 600


@dataclass(frozen=True)
class System:
    """The PC below ``root``."""

    root: Path = Path("/")

    def at(self, name: str) -> Path:
        """Where ``/name`` lies."""
        return self.root / name.lstrip("/")

    @property
    def settings(self) -> Path:
        """The settings of the classroom."""
        return self.at("etc/netspring/classroom.json")

    @property
    def hooks(self) -> Path:
        """Programs that bring the settings into force, each of the role that knows how."""
        return self.at("usr/local/lib/netspring/classroom.d")

    @property
    def changes(self) -> Path:
        """What a teacher changed of the child's desktop, by its path in the home."""
        return self.at("var/lib/netspring/desktop")

    @property
    def locked(self) -> Path:
        """While this file is there, the child's desktop is put in order at each login."""
        return self.at("etc/netspring/desktop-locked")

    def person(self, name: str) -> list[str] | None:
        """Fields of an account, passwd(5); ``None`` where there is no such."""
        for line in self.at("etc/passwd").read_text(encoding="utf-8").splitlines():
            fields = line.split(":")
            if fields[0] == name and len(fields) == 7:
                return fields
        return None

    @property
    def skeleton(self) -> Path:
        """What every new home is made of (useradd(8))."""
        return self.at("etc/skel")


def run(
    *argv: str | Path, stdin: str = "", timeout: float = SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run a program of the system to its end; its exit code is for the caller to judge.

    Raises:
        subprocess.TimeoutExpired: it did not end within ``timeout`` seconds; it was killed.
        FileNotFoundError: there is no such program.
    """
    return subprocess.run(  # noqa: S603 - programs of the system and of this role
        [str(word) for word in argv],
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=timeout,
    )
