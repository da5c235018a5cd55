"""Reaches machines before Ansible does; the only module that imports Fabric and Paramiko.

Enrolment: the live environment makes its SSH host key at boot and shows it in its banner together
with an HMAC made from the token on its kernel command line. Only a machine that was booted with
this station's token can make it, so a stranger on the same wire cannot pass off its own key.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import logging
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import fabric  # noqa: TID251 - this is the one place
import invoke
import paramiko  # noqa: TID251 - this is the one place

from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError, RefusedError

# Paramiko prints the traceback of its thread for every connection that a booting PC drops; what
# matters of it is in the errors raised here.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)

BANNER = "netspring-live"
BANNER_VERSION = "v1"
# Whatever a peer sends, a machine that cannot be talked to is one machine that failed, no more.
# Paramiko raises ValueError and its kin on bytes that are not SSH.
PEER_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    IndexError,
    paramiko.SSHException,
    invoke.exceptions.Failure,
)


@dataclass(frozen=True)
class HostKey:
    """An SSH host key as it stands in known_hosts: ``ssh-ed25519`` and its base64."""

    kind: str
    base64: str

    @classmethod
    def parse(cls, text: str) -> HostKey:
        """From ``ssh-ed25519 AAAA... comment``; raises ValueError on anything else."""
        words = text.split()
        if len(words) < 2 or not words[0].startswith(("ssh-", "ecdsa-")):
            raise ValueError(f"not an SSH host key: {text[:60]!r}")
        return cls(words[0], words[1])

    def known_hosts_line(self, address: str, port: int) -> str:
        """The line for known_hosts; a port other than 22 goes in brackets (sshd(8))."""
        name = address if port == 22 else f"[{address}]:{port}"
        return f"{name} {self.kind} {self.base64}"


def banner_hmac(token: str, key: HostKey) -> str:
    """HMAC-SHA256, hexadecimal, of the host key by the live token."""
    return hmac.new(token.encode(), f"{key.kind} {key.base64}".encode(), hashlib.sha256).hexdigest()


def enrol(
    station: Station, address: str, port: int, user: str = "root", timeout: float = 20
) -> HostKey | None:
    """Learn the host key of a machine in the live environment, once it has proven itself.

    Args:
        station: whose token is asked for and whose ``known_hosts`` is written.
        address: name or IP address.
        port: TCP port of SSH.
        user: whom to log in as; no login takes place.
        timeout: seconds for the whole conversation.

    Returns:
        The key, now in ``known_hosts``; ``None`` when the machine shows no live banner (it runs
        its own system), in which case nothing is learnt.

    Raises:
        MachineFailedError: it does not answer.
        RefusedError: it shows a banner that this station's token did not make.
    """
    sock = transport = None
    try:
        sock = socket.create_connection((address, port), timeout=timeout)
        transport = paramiko.Transport(sock)
        transport.banner_timeout = transport.auth_timeout = timeout
        transport.start_client(timeout=timeout)
        server_key = transport.get_remote_server_key()
        key = HostKey(server_key.get_name(), server_key.get_base64())
        # Any outcome of the login attempt will do: the banner comes before it (RFC 4252 §5.4).
        with contextlib.suppress(paramiko.SSHException):
            transport.auth_none(user)
        raw = transport.get_banner()
    except PEER_ERRORS as error:
        raise MachineFailedError(
            f"{address}:{port} does not answer SSH: {error or type(error).__name__}",
            hint="is it switched on, on the switch, and has it booted the live environment?",
        ) from error
    finally:
        if transport is not None:
            transport.close()
        if sock is not None:
            sock.close()
    words = (raw or b"").decode("utf-8", "replace").split()
    if words[:1] != [BANNER]:
        return None
    expected = banner_hmac(station.token(), key)
    genuine = (
        len(words) >= 5
        and words[1] == BANNER_VERSION
        and (words[2], words[3]) == (key.kind, key.base64)
        and hmac.compare_digest(words[4].encode(), expected.encode())
    )
    if not genuine:
        raise RefusedError(
            f"{address}:{port} runs a live environment that this station did not start",
            hint="boot it from this station's live environment (netspring live show)",
        )
    remember(station, address, port, key)
    return key


def remember(station: Station, address: str, port: int, key: HostKey) -> None:
    """Put a machine's host key into ``known_hosts`` in place of any older one of that address."""
    path = station.known_hosts
    line = key.known_hosts_line(address, port)
    name = line.split(" ", 1)[0]
    with Path(f"{path}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        old = path.read_text().splitlines() if path.exists() else []
        lines = [entry for entry in old if entry.split(" ", 1)[0] != name] + [line]
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text("\n".join(lines) + "\n")
        temporary.replace(path)


def wait_for(
    station: Station, address: str, port: int, user: str, key_file: Path | None, seconds: float
) -> str:
    """Wait until the machine lets the station in and return the host name that it gives.

    The host key must be known by then.

    Raises:
        MachineFailedError: not within ``seconds``; the last error is in the message.
    """
    deadline = time.monotonic() + seconds
    last = "no answer"
    while time.monotonic() < deadline:
        try:
            with connect(station, address, port, user, key_file) as connection:
                done = connection.run("hostname", hide=True, in_stream=False, timeout=30)
                return str(done.stdout).strip()
        except PEER_ERRORS as err:
            last = _told(err)
            time.sleep(1)
    raise MachineFailedError(
        f"{address}:{port} did not let the station in within {seconds:.0f} s: {last}",
        hint="look at its screen; netspring lab console NAME for a virtual PC",
    )


def run_command(
    station: Station,
    address: str,
    port: int,
    user: str,
    key_file: Path | None,
    command: str,
    timeout: int = 30,
) -> str:
    """Run one short command on a machine whose host key is known; returns what it printed.

    Args:
        station: its known_hosts is used, and its key unless there is another.
        address: of the machine.
        port: of its SSH.
        user: to log in as.
        key_file: key of the inventory; None for the station's own.
        command: one shell line.
        timeout: how long the command may take, in seconds.

    Raises:
        MachineFailedError: it does not let the station in, or the command failed.
    """
    try:
        with connect(station, address, port, user, key_file) as connection:
            return str(connection.run(command, hide=True, in_stream=False, timeout=timeout).stdout)
    except PEER_ERRORS as error:
        raise MachineFailedError(
            f"{address}:{port}: {command!r} could not be run: {_told(error)}",
            hint="look at its screen; is it still on, and on the switch?",
        ) from error


def _told(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__


def connect(
    station: Station, address: str, port: int, user: str, key_file: Path | None
) -> fabric.Connection:
    """A Fabric connection that accepts only the host key learnt before."""
    connection = fabric.Connection(
        address,
        user=user,
        port=port,
        connect_timeout=10,
        connect_kwargs={
            "key_filename": str(key_file or station.ssh_key),
            "look_for_keys": False,
            "allow_agent": False,
            "banner_timeout": 30,
        },
        config=fabric.Config(overrides={"load_ssh_configs": False}),
    )
    connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
    connection.client.load_host_keys(str(station.known_hosts))
    return connection
