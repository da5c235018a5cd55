"""Detached signatures by this station's key: ``ssh-keygen -Y`` (OpenSSH PROTOCOL.sshsig).

Every kind of file has a namespace of its own, so that a signature of one can never pass for that of
another. Data goes through pipes: nothing secret and nothing half-written lies on the disk.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from netspring_provision.errors import NetspringError, StationError

IDENTITY = "netspring-station"
_PUBLIC = ("ssh-", "ecdsa-", "sk-")  # how a line of a .pub file begins (sshd(8))


class BadSignatureError(NetspringError):
    """The signature does not fit the data, the key or the namespace; ssh-keygen says so."""


def sign(data: bytes, key: Path, namespace: str) -> str:
    """The signature of the data, in the armour of ssh-keygen.

    Raises:
        StationError: ssh-keygen or the key is missing, or the key cannot be used.
    """
    done = _ssh_keygen(["-Y", "sign", "-q", "-n", namespace, "-f", str(key)], data)
    if done.returncode != 0:
        raise StationError(
            f"cannot sign with {key}: {_said(done)}", hint="netspring doctor shows what is lacking"
        )
    return done.stdout.decode()


def public_key(key: Path) -> str:
    """Type and key of the public half, without its comment; raises StationError."""
    path = key.with_suffix(".pub")
    try:
        words = path.read_text(encoding="ascii").split()
        return f"{words[0]} {words[1]}"
    except (OSError, ValueError, IndexError) as error:
        raise StationError(
            f"the public key {path} cannot be read: {error}",
            hint="run any netspring command that changes something: it makes the file again",
        ) from error


def signer_line(public: str, namespace: str, identity: str = IDENTITY) -> str:
    """The line of an allowed-signers file by which ssh-keygen knows this key (ssh-keygen(1))."""
    return f'{identity} namespaces="{namespace}" {public}\n'


def signers_of(text: str, namespace: str) -> str:
    """The text of an allowed-signers file; that of a ``.pub`` file is made into one."""
    return "".join(
        signer_line(" ".join(line.split()[:2]), namespace)
        if line.startswith(_PUBLIC)
        else line + "\n"
        for line in text.splitlines()
    )


def verify(data: bytes, signature: Path, signers: str, namespace: str) -> str:
    """Who of the allowed signers signed exactly this data, by the name that the signers give.

    Args:
        data: what was signed.
        signature: the file with the signature.
        signers: text of an allowed-signers file.
        namespace: what kind of file it must have been signed as.

    Raises:
        BadSignatureError: none of them did.
        StationError: ssh-keygen is missing.
    """
    with tempfile.TemporaryDirectory(prefix="netspring-signers-") as folder:
        allowed = Path(folder) / "allowed_signers"
        allowed.write_text(signers, encoding="utf-8")
        known = ["-f", str(allowed), "-s", str(signature)]
        found = _ssh_keygen(["-Y", "find-principals", *known], b"")
        if found.returncode != 0 or not found.stdout.strip():
            raise BadSignatureError(_said(found))
        identity = found.stdout.decode("utf-8", "replace").split("\n")[0].split(",")[0].strip()
        done = _ssh_keygen(["-Y", "verify", *known, "-I", identity, "-n", namespace], data)
        if done.returncode != 0:
            raise BadSignatureError(_said(done))
    return identity


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
    return f"ssh-keygen says: {said or f'nothing, exit code {done.returncode}'}"


def _ssh_keygen(argv: list[str], data: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603
            ["ssh-keygen", *argv],  # noqa: S607
            input=data,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise StationError(
            "ssh-keygen is not installed", "apt-get install openssh-client"
        ) from error
