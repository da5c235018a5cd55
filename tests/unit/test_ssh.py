"""Enrolment against a real SSH server: only a machine booted with our token is believed."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko  # noqa: TID251 - the peer must be a real one
import pytest
import samples

from netspring_provision import ssh
from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError, RefusedError
from netspring_provision.ssh import HostKey

HOST = "127.0.0.1"
Key = paramiko.PKey
Talk = Callable[[socket.socket], None]


@pytest.fixture
def station(netspring_home: Path) -> Station:
    found = Station(netspring_home)
    found.keys.mkdir(parents=True)
    found.token_file.write_text(samples.TOKEN + "\n")
    return found


@pytest.fixture(scope="module")
def key() -> Key:
    return paramiko.ECDSAKey.generate()


def host_key(key: Key) -> HostKey:
    return HostKey(key.get_name(), key.get_base64())


def banner_of(key: Key, token: str = samples.TOKEN) -> str:
    shown = host_key(key)
    return f"netspring-live v1 {shown.kind} {shown.base64} {ssh.banner_hmac(token, shown)}"


class Machine(paramiko.ServerInterface):
    """An SSH server that shows a banner, lets nobody or everybody in, and answers one command."""

    def __init__(self, banner: str | None, lets_in: bool, answer: bytes, code: int) -> None:
        self.banner, self.lets_in, self.answer, self.code = banner, lets_in, answer, code

    def get_banner(self) -> tuple[str | None, str]:
        return (self.banner, "en-US") if self.banner is not None else (None, "")

    def get_allowed_auths(self, *_: object) -> str:
        return "publickey"

    def check_auth_publickey(self, *_: object) -> int:
        return paramiko.AUTH_SUCCESSFUL if self.lets_in else paramiko.AUTH_FAILED

    def check_channel_request(self, *_: object) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, *_: object) -> bool:
        def reply() -> None:
            channel.sendall(self.answer)
            channel.send_exit_status(self.code)
            channel.close()

        threading.Timer(0.05, reply).start()
        return True


@contextmanager
def listening(talk: Talk) -> Iterator[int]:
    """A TCP peer in a thread; gives its port."""
    with socket.create_server((HOST, 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    peer, _ = server.accept()
                except TimeoutError:
                    continue
                peer.settimeout(5)
                with peer:
                    talk(peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join(timeout=10)
            assert not thread.is_alive()


@contextmanager
def machine(
    key: Key,
    banner: str | None,
    lets_in: bool = False,
    answer: bytes = b"pc1\n",
    code: int = 0,
) -> Iterator[int]:
    """A real SSH server; gives its port."""

    def talk(peer: socket.socket) -> None:
        transport = paramiko.Transport(peer)
        transport.add_server_key(key)
        transport.start_server(
            event=threading.Event(), server=Machine(banner, lets_in, answer, code)
        )
        transport.join(timeout=1)
        transport.close()

    with listening(talk) as port:
        yield port


def test_a_machine_with_our_token_is_enrolled(station: Station, key: Key) -> None:
    with machine(key, banner_of(key) + "\n") as port:
        assert ssh.enrol(station, HOST, port) == host_key(key)
    assert station.known_hosts.read_text() == (
        f"[{HOST}]:{port} {key.get_name()} {key.get_base64()}\n"
    )


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda key, _: banner_of(key, "another token"), id="wrong token"),
        pytest.param(lambda _, other: banner_of(other), id="key of another machine"),
        pytest.param(lambda key, _: banner_of(key).replace(" v1 ", " v2 "), id="other version"),
        pytest.param(lambda key, _: banner_of(key).rsplit(" ", 1)[0], id="no hmac"),
        pytest.param(lambda key, _: banner_of(key)[:-1], id="hmac cut short"),
        pytest.param(lambda key, _: banner_of(key).replace("ecdsa", "ECDSA"), id="capitals"),
        pytest.param(lambda key, _: banner_of(key).rsplit(" ", 1)[0] + " кирилл", id="not ascii"),
        pytest.param(lambda *_: "netspring-live", id="name only"),
        pytest.param(lambda key, _: banner_of(key, ""), id="empty token"),
    ],
)
def test_a_live_banner_that_our_token_did_not_make_is_refused(
    station: Station, key: Key, spoil: Callable[[Key, Key], str]
) -> None:
    with (
        machine(key, spoil(key, paramiko.ECDSAKey.generate())) as port,
        pytest.raises(RefusedError, match="did not start"),
    ):
        ssh.enrol(station, HOST, port)
    assert not station.known_hosts.exists()


@pytest.mark.parametrize("banner", [None, "", "Welcome to Debian\n", "NETSPRING-LIVE v1"])
def test_without_live_banner_nothing_is_learnt(
    station: Station, key: Key, banner: str | None
) -> None:
    with machine(key, banner) as port:
        assert ssh.enrol(station, HOST, port) is None
    assert not station.known_hosts.exists()


def test_a_machine_that_is_off_does_not_answer(station: Station) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(MachineFailedError, match=f"{HOST}:{port} does not answer"):
        ssh.enrol(station, HOST, port)


def test_a_silent_peer_is_given_up_in_time(station: Station) -> None:
    with (
        listening(lambda peer: peer.recv(1) and peer.recv(1 << 16) and None) as port,
        pytest.raises(MachineFailedError, match="does not answer SSH"),
    ):
        ssh.enrol(station, HOST, port, timeout=1)


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff\xfe\x00\x80\r\n" * 10,
        os.urandom(4096),
        b"SSH-2.0-x\r\n" + os.urandom(512),
        b"SSH-2.0-x\r\n\x00\x00\x00\x0c\x0a\x14" + b"\0" * 10,
        b"SSH-1.5-old\r\n",
        b"SSH-2.0-\xff\xff\r\n",
        b"",
    ],
    ids=["http", "not utf-8", "noise", "noise after hello", "empty kex", "ssh 1", "odd", "nothing"],
)
def test_a_peer_that_talks_nonsense_is_one_machine_that_failed(
    station: Station, garbage: bytes
) -> None:
    def talk(peer: socket.socket) -> None:
        try:
            peer.sendall(garbage)
            peer.recv(1 << 16)
        except OSError:
            pass

    with listening(talk) as port, pytest.raises(MachineFailedError):
        ssh.enrol(station, HOST, port, timeout=2)
    assert not station.known_hosts.exists()


def test_a_new_key_takes_the_place_of_the_old_and_others_stay(station: Station) -> None:
    lines = ["# kept", "10.0.0.5 ssh-ed25519 OLD", "[10.0.0.5]:2222 ssh-ed25519 OTHER", "x y z"]
    station.known_hosts.write_text("\n".join(lines) + "\n")
    ssh.remember(station, "10.0.0.5", 22, HostKey("ssh-ed25519", "NEW"))
    assert station.known_hosts.read_text().splitlines() == [
        *(line for line in lines if "OLD" not in line),
        "10.0.0.5 ssh-ed25519 NEW",
    ]


def test_known_hosts_is_replaced_whole(station: Station) -> None:
    """A reader that has the old file open keeps a whole old file."""
    ssh.remember(station, "a", 22, HostKey("ssh-ed25519", "ONE"))
    with station.known_hosts.open() as reader:
        ssh.remember(station, "a", 22, HostKey("ssh-ed25519", "TWO"))
        assert reader.read() == "a ssh-ed25519 ONE\n"
    assert station.known_hosts.read_text() == "a ssh-ed25519 TWO\n"
    left = sorted(path.name for path in station.home.iterdir())
    assert left == ["keys", "known_hosts", "known_hosts.lock"]


def test_many_at_once_lose_no_key(station: Station) -> None:
    def learn(number: int) -> None:
        ssh.remember(station, f"10.0.0.{number}", 22, HostKey("ssh-ed25519", f"K{number}"))

    threads = [threading.Thread(target=learn, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(station.known_hosts.read_text().splitlines()) == 32


@pytest.mark.parametrize("text", ["", "ssh-ed25519", "rsa AAAA", "AAAA ssh-ed25519"])
def test_what_is_no_host_key_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="not an SSH host key"):
        HostKey.parse(text)


def test_a_port_other_than_22_goes_in_brackets() -> None:
    key = HostKey.parse("ssh-ed25519 AAAA root@pc1")
    assert key.known_hosts_line("pc1", 22) == "pc1 ssh-ed25519 AAAA"
    assert key.known_hosts_line("pc1", 2222) == "[pc1]:2222 ssh-ed25519 AAAA"


@pytest.fixture
def entering(station: Station) -> Station:
    paramiko.ECDSAKey.generate().write_private_key_file(str(station.ssh_key))
    return station


def test_a_machine_whose_key_is_known_lets_the_station_in(entering: Station, key: Key) -> None:
    with machine(key, None, lets_in=True) as port:
        ssh.remember(entering, HOST, port, host_key(key))
        assert ssh.wait_for(entering, HOST, port, "root", None, 20) == "pc1"


def test_a_machine_with_another_key_is_never_entered(entering: Station, key: Key) -> None:
    with machine(key, None, lets_in=True) as port:
        ssh.remember(entering, HOST, port, host_key(paramiko.ECDSAKey.generate()))
        with pytest.raises(MachineFailedError, match="does not match"):
            ssh.run_command(entering, HOST, port, "root", None, "hostname")


def test_a_machine_that_was_never_enrolled_is_not_entered(entering: Station, key: Key) -> None:
    entering.known_hosts.write_text("")
    with (
        machine(key, None, lets_in=True) as port,
        pytest.raises(MachineFailedError, match="not found in known_hosts"),
    ):
        ssh.wait_for(entering, HOST, port, "root", None, 2)


def test_a_command_that_fails_is_a_machine_that_failed(entering: Station, key: Key) -> None:
    with machine(key, None, lets_in=True, code=1) as port:
        ssh.remember(entering, HOST, port, host_key(key))
        with pytest.raises(MachineFailedError, match="'hostname' could not be run"):
            ssh.run_command(entering, HOST, port, "root", None, "hostname")
        with pytest.raises(MachineFailedError, match="did not let the station in"):
            ssh.wait_for(entering, HOST, port, "root", None, 1)


def test_a_machine_that_lets_nobody_in_is_given_up_in_time(entering: Station, key: Key) -> None:
    with machine(key, None, lets_in=False) as port:
        ssh.remember(entering, HOST, port, host_key(key))
        with pytest.raises(MachineFailedError, match="did not let the station in within 1 s"):
            ssh.wait_for(entering, HOST, port, "root", None, 1)
