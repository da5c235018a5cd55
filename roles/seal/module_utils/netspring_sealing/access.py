"""The station's way in: what it is, and closing it. The last thing that a sealing does.

Stopping sshd does not end connections that are there (Debian's unit has KillMode=process), so the
PC can still answer by the one it was asked on.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ansible.module_utils.netspring_sealing.host import (
    AGAIN,
    Host,
    RefusedError,
    SealError,
    sync_folder,
)

# sshd(8): where it looks for keys unless told otherwise.
KEY_FILES = ("root/.ssh/authorized_keys", "root/.ssh/authorized_keys2")
UNITS = ("ssh.socket", "ssh.service")
# systemd-ssh-generator(8) makes these where a hypervisor or a local socket could be asked. They are
# made anew at each boot unless the generator itself is switched off.
GENERATED = ("sshd-vsock.socket", "sshd-unix-local.socket")
GENERATOR = "etc/systemd/system-generators/systemd-ssh-generator"
# The firewall's hole for the station (role firewall).
HOLE = "etc/netspring/firewall.d/10-station-ssh.nft"
FIREWALL = "nftables.service"
# Tables of the kernel, and the state of a socket there that waits for others: TCP_LISTEN, and for
# UDP one that is bound to nobody (TCP_CLOSE); include/net/tcp_states.h.
TABLES = {
    "tcp": ("0A", ("proc/net/tcp", "proc/net/tcp6")),
    "udp": ("07", ("proc/net/udp", "proc/net/udp6")),
}
# Clients of DHCP hear their server there (RFC 2131, RFC 8415); no service is behind them.
DHCP_CLIENTS = frozenset({68, 546})
PORTS_OF_CLIENTS = "proc/sys/net/ipv4/ip_local_port_range"


def foreign_keys(host: Host, station_key: str) -> list[str]:
    """Keys for root that are not the station's, each as ``file: comment``."""
    ours = key_of(station_key)
    return [
        f"/{name}: {line.split()[-1]}"
        for name in KEY_FILES
        for line in (host.read(name) or "").splitlines()
        if line.strip() and not line.lstrip().startswith("#") and ours not in line
    ]


def key_of(line: str) -> str:
    """Kind and base64 of a public key, without its comment."""
    return " ".join(line.split()[:2])


def ports_of_sshd(host: Host) -> set[int]:
    """The ports that sshd would listen on, by its own words."""
    said = host.run("/usr/sbin/sshd", "-T")
    ports = {int(line.split()[1]) for line in said.splitlines() if line.startswith("port ")}
    if not ports:
        raise RefusedError("sshd does not say which port it listens on", "see: sshd -T")
    return ports


def listening(host: Host, protocol: str = "tcp") -> set[int]:
    """Ports that other computers can reach (proc_net_tcp, kernel documentation).

    Args:
        host: this PC.
        protocol: ``tcp`` or ``udp``. With UDP, clients wait for answers, too: what lies in the
            range that the kernel gives them, and DHCP's own ports, is not counted.
    """
    state, tables = TABLES[protocol]
    open_ports: set[int] = set()
    for table in tables:
        path = host.at(table)
        if not path.exists():  # a kernel without IPv6
            continue
        for line in path.read_text().splitlines()[1:]:
            words = line.split()
            address, _, port = words[1].partition(":")
            if words[3] == state and not _loopback(address):
                open_ports.add(int(port, 16))
    if protocol == "udp":
        first, last = (int(word) for word in (host.read(PORTS_OF_CLIENTS) or "32768 60999").split())
        open_ports -= DHCP_CLIENTS | set(range(first, last + 1))
    return open_ports


def _loopback(address: str) -> bool:
    """127.0.0.0/8, ::1 and ::ffff:127.0.0.0/104, as the kernel prints them: words in host order."""
    if len(address) == 8:
        return address.endswith("7F")
    return address == "0" * 24 + "01000000" or (
        address.startswith("0" * 16 + "FFFF0000") and address.endswith("7F")
    )


def is_closed(host: Host) -> bool:
    """Whether the way in is closed already: no key, no hole, sshd off for good."""
    return (
        not any(host.at(name).exists() for name in (*KEY_FILES, HOLE))
        and host.at(GENERATOR).is_symlink()
        and all(_state(host, "is-enabled", unit) == "masked" for unit in UNITS)
        and all(_state(host, "is-active", unit) in ("inactive", "failed") for unit in UNITS)
    )


def close(host: Host, ports: set[int]) -> None:
    """Close the way in; whatever goes wrong in it opens it again, so that one can come back.

    Args:
        host: this PC.
        ports: where sshd listens now.

    Raises:
        SealError: it could not be closed; the station may still enter.
    """
    if is_closed(host):
        return
    ways = [name for name in (*KEY_FILES, HOLE) if host.at(name).exists()]
    host.changed += [*(f"/{name}" for name in ways), *UNITS]
    if host.pretend:
        return
    kept = {name: host.at(name).read_bytes() for name in ways}
    try:
        _off(host)
        _close_hole(host)
        left = sorted(listening(host) & ports)
        if left:
            raise SealError(f"sshd was stopped, and port {left[0]} still listens", AGAIN)
        for name in KEY_FILES:
            host.at(name).unlink(missing_ok=True)
        if host.at("root/.ssh").is_dir():
            sync_folder(host.at("root/.ssh"))
        os.sync()
    except BaseException:
        _open_again(host, kept)
        raise


def _off(host: Host) -> None:
    generator = host.at(GENERATOR)
    generator.parent.mkdir(parents=True, exist_ok=True)
    if not generator.is_symlink():
        generator.symlink_to("/dev/null")
    for unit in UNITS:
        if _state(host, "is-enabled", unit) not in ("not-found", "masked"):
            host.run("systemctl", "disable", unit)
    # Sockets first: a connection to one of them would start the service again.
    for unit in (*GENERATED, *UNITS):
        if _state(host, "is-active", unit) not in ("inactive", "unknown"):
            host.run("systemctl", "stop", unit)
    # Masked, neither an update of openssh-server nor a person at the PC starts it by accident.
    host.run("systemctl", "mask", *UNITS)
    for unit in UNITS:
        enabled, active = _state(host, "is-enabled", unit), _state(host, "is-active", unit)
        if enabled != "masked" or active not in ("inactive", "failed"):
            raise SealError(f"{unit} is {enabled} and {active} after it was stopped", AGAIN)


def _close_hole(host: Host) -> None:
    """Let the firewall refuse SSH, too; connections that are there live on (role firewall)."""
    if host.at(HOLE).exists():
        host.at(HOLE).unlink()
        sync_folder(host.at(HOLE).parent)
        host.run("systemctl", "reload-or-restart", FIREWALL)


def _open_again(host: Host, kept: dict[str, bytes]) -> None:
    """Best effort: the error that led here is the one that is told."""
    for name, data in kept.items():
        with contextlib.suppress(OSError):
            _put(host.at(name), data)
    with contextlib.suppress(OSError):
        host.at(GENERATOR).unlink()
    if HOLE in kept:
        with contextlib.suppress(SealError):
            host.run("systemctl", "reload-or-restart", FIREWALL)
    with contextlib.suppress(SealError):
        host.run("systemctl", "unmask", *UNITS)
    with contextlib.suppress(SealError):
        host.run("systemctl", "enable", "--now", "ssh.service")


def _put(path: Path, data: bytes) -> None:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(data)


def _state(host: Host, question: str, unit: str) -> str:
    """``systemctl is-enabled`` or ``is-active`` in a word; their exit codes say no more."""
    return host.run("systemctl", question, unit, accept=tuple(range(6))).strip() or "not-found"
