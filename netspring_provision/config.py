"""Where this station keeps its state, and the secrets it makes for itself."""

from __future__ import annotations

import fcntl
import os
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from netspring_provision.errors import StationError


@dataclass(frozen=True)
class Station:
    """The folders of one station, all under ``$NETSPRING_HOME``.

    Attributes:
        home: root of all state; made on first use. What is secret lies under ``keys``.
    """

    home: Path

    @classmethod
    def from_environment(cls) -> Station:
        """``$NETSPRING_HOME``, or the platform's user data folder."""
        named = os.environ.get("NETSPRING_HOME")
        home = Path(named).expanduser() if named else platformdirs.user_data_path("netspring")
        return cls(home.absolute())

    @property
    def images(self) -> Path:
        """Golden images, one folder each."""
        return self.home / "images"

    @property
    def live(self) -> Path:
        """Kernel and initrd of the live environment."""
        return self.home / "live"

    @property
    def lab(self) -> Path:
        """Virtual PCs, one folder each."""
        return self.home / "lab"

    @property
    def runs(self) -> Path:
        """One folder per run: what was asked, events, logs, reports."""
        return self.home / "runs"

    @property
    def plans(self) -> Path:
        """Wipe plans that were shown and not yet carried out."""
        return self.home / "plans"

    @property
    def locks(self) -> Path:
        """One lock file per machine that a run holds."""
        return self.home / "locks"

    @property
    def cache(self) -> Path:
        """Downloaded packages and intermediate layers; may be deleted at any time."""
        return self.home / "cache"

    @property
    def ledger(self) -> Path:
        """The append-only record (SQLite)."""
        return self.home / "ledger.db"

    @property
    def keys(self) -> Path:
        """Secrets of this station, mode 0700."""
        return self.home / "keys"

    @property
    def known_hosts(self) -> Path:
        """SSH host keys of enrolled machines."""
        return self.home / "known_hosts"

    @property
    def ssh_key(self) -> Path:
        """Private key by which the station enters machines; ``.pub`` beside it."""
        return self.keys / "station_ed25519"

    @property
    def signing_key(self) -> Path:
        """Private key that signs manifests and records; ``.pub`` beside it."""
        return self.keys / "signing_ed25519"

    @property
    def token_file(self) -> Path:
        """The token on the kernel command line of this station's live environment."""
        return self.keys / "live_token"

    @property
    def plan_key_file(self) -> Path:
        """Key of the HMAC that tells whether a plan was altered."""
        return self.keys / "plan_key"

    def ensure(self) -> Station:
        """Make the home folder and the keys that are missing; returns itself.

        Raises:
            StationError: the folder cannot be written, or ssh-keygen is missing.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            self.keys.mkdir(mode=0o700, exist_ok=True)
            with (self.keys / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # two first runs at once must agree on the keys
                for path in (self.token_file, self.plan_key_file):
                    _write_secret_once(path, secrets.token_hex(32))
                for path, comment in (
                    (self.ssh_key, "netspring-station"),
                    (self.signing_key, "netspring-signing"),
                ):
                    _make_key_once(path, comment)
        except OSError as error:
            raise StationError(
                f"cannot write the station's folder {self.home}: {error.strerror or error}",
                hint="free some space or name another folder: export NETSPRING_HOME=/some/folder",
            ) from error
        return self

    def token(self) -> str:
        """The live token, 64 hexadecimal digits."""
        return self.token_file.read_text().strip()


def _write_secret_once(path: Path, value: str) -> None:
    """Write a secret for its owner only, whole or not at all; an existing file stays."""
    if path.exists():
        return
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)  # of a run that was killed
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(value + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _make_key_once(path: Path, comment: str) -> None:
    """Make a key pair that is not there; a private key that is there is never replaced."""
    public = path.with_suffix(".pub")
    if path.exists() and public.exists():
        return
    if path.exists():  # ssh-keygen was killed between its two files, or somebody lost one
        public.write_text(_ssh_keygen(["-y", "-f", str(path)], path))
        return
    fresh = path.with_name(f".{path.name}.new")
    for old in (fresh, Path(f"{fresh}.pub"), public):
        old.unlink(missing_ok=True)
    _ssh_keygen(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(fresh)], path)
    fresh.replace(path)
    Path(f"{fresh}.pub").replace(public)


def _ssh_keygen(arguments: list[str], path: Path) -> str:
    argv = ["ssh-keygen", *arguments]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603
    except FileNotFoundError as error:
        raise StationError(
            "ssh-keygen is not installed", hint="apt-get install openssh-client"
        ) from error
    if done.returncode != 0:
        raise StationError(
            f"ssh-keygen could not make {path}: {done.stderr.strip()}",
            hint="free some space on the station's disk (df -h)",
        )
    return done.stdout
