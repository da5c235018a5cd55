"""The firewall's own rules between two computers: what the other can reach on the PC."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.on_target import ROLES

ROLE = ROLES / "firewall"
PC4, PC6 = "10.99.0.1", "fd00:99::1"
# A server of the PC that answers every connection with a word, and sends UDP back.
SERVER = """
import selectors, socket, sys
chosen = selectors.DefaultSelector()
for kind, port in ((a.split("/")[0], int(a.split("/")[1])) for a in sys.argv[1:]):
    one = socket.socket(socket.AF_INET6, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    one.bind(("::", port))
    if kind == "tcp":
        one.listen()
    chosen.register(one, selectors.EVENT_READ, kind)
print("ready", flush=True)
kept = []
while True:
    for key, _ in chosen.select():
        if key.data == "udp":
            key.fileobj.sendto(*key.fileobj.recvfrom(99))
        elif key.data == "tcp":
            connection, _ = key.fileobj.accept()
            connection.sendall(b"hello")
            kept.append(connection)
            chosen.register(connection, selectors.EVENT_READ, "talk")
        elif (heard := key.fileobj.recv(99)):
            key.fileobj.sendall(heard)
        else:
            chosen.unregister(key.fileobj)
"""
# Prints open, refused or silent for each of ADDRESS PORT KIND.
PROBE = """
import socket, sys
for word in sys.argv[1:]:
    address, port, kind = word.split(",")
    stream = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
    one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, stream)
    one.settimeout(2)
    try:
        one.connect((address, int(port)))
        if kind == "udp":
            one.send(b"hello")
        print("open" if one.recv(9) else "closed")
    except ConnectionRefusedError:
        print("refused")
    except OSError:
        print("silent")
"""
# One ICMP echo request (RFC 792), checksum worked out by hand; ends with 0 when it is answered.
PING = """
import socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
one.settimeout(2)
one.sendto(bytes((8, 0, 0xF7, 0xFF, 0, 0, 0, 0)), (sys.argv[1], 0))
try:
    sys.exit(one.recv(99)[20])
except TimeoutError:
    sys.exit(9)
"""
# A general MLD query (RFC 2710) from ADDRESS on v1 to all nodes; the kernel works the checksum out.
QUERY = """
import socket, sys
one = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
scope = socket.if_nametoindex("v1")
one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, scope)
one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
one.bind((sys.argv[1], 0, 0, scope if sys.argv[1].startswith("fe80") else 0))
one.sendto(bytes((130, 0, 0, 0, 0, 100, 0, 0)) + bytes(16), ("ff02::1", 0, 0, scope))
"""
# Holds a connection over a change of the rules: a word in, the same word out.
TALK = """
import socket, sys
one = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5)
print(one.recv(9).decode(), flush=True)
for line in sys.stdin:
    one.sendall(line.strip().encode())
    print(one.recv(9).decode(), flush=True)
"""


def defaults() -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = yaml.safe_load(
        (ROLE / "defaults/main.yml").read_text()
    )
    return found


def test_the_specs_and_the_readme_know_the_defaults() -> None:
    specs = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())
    assert sorted(specs["argument_specs"]["main"]["options"]) == sorted(defaults())
    readme = (ROLE / "README.md").read_text()
    assert [name for name in defaults() if f"`{name}`" not in readme] == []


@dataclass
class Net:
    """A PC and another computer on one cable.

    Attributes:
        pc: name of the PC's network namespace.
        other: of the other computer's.
        folder: what /etc/netspring/firewall.d is on the PC.
    """

    pc: str
    other: str
    folder: Path
    rules: Path

    def load(self) -> None:
        subprocess.run(["ip", "netns", "exec", self.pc, "nft", "-f", self.rules], check=True)

    def serve(self, *ports: str) -> subprocess.Popen[str]:
        argv = ["ip", "netns", "exec", self.pc, sys.executable, "-c", SERVER, *ports]
        server = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
        return server

    def probe(self, *words: str) -> list[str]:
        argv = ["ip", "netns", "exec", self.other, sys.executable, "-c", PROBE, *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        return done.stdout.split()

    def ping(self) -> bool:
        argv = ["ip", "netns", "exec", self.other, sys.executable, "-c", PING, PC4]
        return subprocess.run(argv, check=False).returncode == 0


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    pc, other = f"nspc{os.getpid()}", f"nsother{os.getpid()}"
    folder = tmp_path / "firewall.d"
    folder.mkdir()
    for one in defaults()["firewall_open"]:
        (folder / f"{one['name']}.nft").write_text(one["rule"] + "\n")
    rules = tmp_path / "nftables.conf"
    text = (ROLE / "files/nftables.conf").read_text()
    assert '"/etc/netspring/firewall.d/*.nft"' in text
    rules.write_text(text.replace("/etc/netspring/firewall.d", str(folder)))
    try:
        cable = f"link add v0 netns {pc} type veth peer name v1 netns {other}"
        for command in (f"netns add {pc}", f"netns add {other}", cable):
            subprocess.run(["ip", *command.split()], check=True)
        for name, device, four, six in (
            (pc, "v0", PC4, PC6),
            (other, "v1", "10.99.0.2", "fd00:99::2"),
        ):
            commands = (
                f"link set lo up\nlink set {device} up\naddr add {six}/64 dev {device} nodad\n"
            )
            commands += f"addr add {four}/24 broadcast + dev {device}\n"
            subprocess.run(["ip", "-n", name, "-batch", "-"], input=commands, text=True, check=True)
        made = Net(pc, other, folder, rules)
        made.load()
        yield made
    finally:
        for name in (pc, other):
            subprocess.run(["ip", "netns", "delete", name], check=False)


@pytest.mark.loop
def test_while_it_is_provisioned_ssh_and_nothing_else(net: Net) -> None:
    server = net.serve("tcp/22", "tcp/8080", "tcp/11100", "udp/5353", "udp/68")
    try:
        assert net.probe(f"{PC4},22,tcp", f"{PC6},22,tcp") == ["open", "open"]
        closed = [f"{a},{p},tcp" for a in (PC4, PC6) for p in (8080, 11100, 631)]
        assert net.probe(*closed) == ["refused"] * 6
        assert net.probe(f"{PC4},5353,udp", f"{PC4},68,udp") == ["refused", "refused"]
        assert net.ping()
    finally:
        server.kill()
        server.wait()


@pytest.mark.loop
def test_after_sealing_nothing_is_open_and_the_connection_that_sealed_it_lives_on(net: Net) -> None:
    server = net.serve("tcp/22", "tcp/8080")
    argv = ["ip", "netns", "exec", net.other, sys.executable, "-c", TALK, PC4, "22"]
    with subprocess.Popen(argv, stdin=-1, stdout=-1, text=True, bufsize=1) as station:
        try:
            assert station.stdin
            assert station.stdout
            assert station.stdout.readline() == "hello\n"
            (net.folder / "10-station-ssh.nft").unlink()
            net.load()
            # Even with sshd still at its port, nobody new gets to it.
            assert net.probe(f"{PC4},22,tcp", f"{PC6},22,tcp", f"{PC4},8080,tcp") == ["refused"] * 3
            station.stdin.write("still\n")
            assert station.stdout.readline() == "still\n"
        finally:
            station.kill()
            server.kill()
            server.wait()


@pytest.mark.loop
def test_what_the_pc_asks_for_is_answered_and_dhcp_comes_as_a_broadcast(net: Net) -> None:
    script = """
import socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
one.bind(("", int(sys.argv[1])))
one.sendto(b"offer", ("10.99.0.255", int(sys.argv[2])))
"""
    hears = """
import socket
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.settimeout(5)
one.bind(("", 68))
print("ready", flush=True)
try:
    print(one.recv(9).decode())
except TimeoutError:
    print("nothing")
"""
    for sent_from, heard in (("67", "offer"), ("6767", "nothing")):
        argv = ["ip", "netns", "exec", net.pc, sys.executable, "-c", hears]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout
            client.stdout.readline()
            other = ["ip", "netns", "exec", net.other, sys.executable, "-c", script]
            subprocess.run([*other, sent_from, "68"], check=True)
            assert client.stdout.readline() == heard + "\n"


@pytest.mark.loop
def test_rules_that_are_read_again_leave_other_tables_alone(net: Net) -> None:
    nft = ["ip", "netns", "exec", net.pc, "nft"]
    subprocess.run([*nft, "add", "table", "inet", "somebody"], check=True)
    for _ in range(2):
        net.load()
    listed = subprocess.run([*nft, "list", "tables"], capture_output=True, text=True, check=True)
    assert sorted(listed.stdout.splitlines()) == ["table inet netspring", "table inet somebody"]


@pytest.mark.loop
def test_a_neighbour_may_ask_which_groups_are_listened_to(net: Net) -> None:
    """Without it a switch that looks into MLD stops what finds the PC (RFC 4890, 4.4.1)."""
    counted = ["ip", "netns", "exec", net.pc, "nft", "list", "chain", "inet", "netspring", "input"]
    plain = net.rules.read_text()
    rule = "icmpv6 type mld-listener-query ip6 saddr fe80::/10"
    net.rules.write_text(plain.replace(f"{rule} accept", f"{rule} counter accept"))
    net.load()
    link = ["ip", "-n", net.other, "addr", "add", "fe80::99/64", "dev", "v1", "nodad"]
    subprocess.run(link, check=True)
    for source, passed in (("fd00:99::2", 0), ("fe80::99", 1)):
        argv = ["ip", "netns", "exec", net.other, sys.executable, "-c", QUERY, source]
        subprocess.run(argv, check=True)
        time.sleep(0.2)  # the cable is two queues of the kernel
        listed = subprocess.run(counted, capture_output=True, text=True, check=True).stdout
        assert f"counter packets {passed} " in listed, listed
