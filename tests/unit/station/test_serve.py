"""The image server, asked over real HTTP: what is shared and nothing beside it."""

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from netspring_provision.errors import StationError
from netspring_provision.station.serve import Served, serve

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def shares(tmp_path: Path) -> dict[str, Path]:
    images, live = tmp_path / "images", tmp_path / "live"
    (images / "core-en").mkdir(parents=True)
    (live / "0123").mkdir(parents=True)
    (images / "core-en" / "rootfs.ext4.zst").write_bytes(CONTENT)
    (live / "0123" / "vmlinuz").write_bytes(b"kernel")
    (live / "current").symlink_to("0123")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "plan_key").write_text("secret")
    (tmp_path / "images-old").mkdir()
    (tmp_path / "images-old" / "secret").write_text("secret")
    return {"images": images, "live": live}


@pytest.fixture
def served(shares: dict[str, Path]) -> Iterator[Served]:
    with serve(shares, local_only=True) as found:
        yield found


def ask(port: int, path: str, **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def test_a_whole_file(served: Served) -> None:
    status, body, _ = ask(served.port, "/images/core-en/rootfs.ext4.zst")
    assert (status, body) == (200, CONTENT)


def test_an_interrupted_download_goes_on(served: Served) -> None:
    path = "/images/core-en/rootfs.ext4.zst"
    status, body, headers = ask(served.port, path, Range="bytes=1000-")
    assert (status, body) == (206, CONTENT[1000:])
    assert headers["Content-Range"] == f"bytes 1000-{len(CONTENT) - 1}/{len(CONTENT)}"
    status, body, _ = ask(served.port, path, Range="bytes=10-19")
    assert (status, body) == (206, CONTENT[10:20])
    status, _, _ = ask(served.port, path, Range=f"bytes={len(CONTENT)}-")
    assert status == 416


def test_the_link_to_the_current_live_environment_is_followed(served: Served) -> None:
    assert ask(served.port, "/live/current/vmlinuz")[:2] == (200, b"kernel")


@pytest.mark.parametrize(
    "path",
    [
        "/keys/plan_key",
        "/images/../keys/plan_key",
        "/images/..%2fkeys/plan_key",
        "/images/%2e%2e/keys/plan_key",
        "/images/core-en/../../keys/plan_key",
        "/images//../keys/plan_key",
        "/images-old/secret",
        "/images/../images-old/secret",
        "/images/..\\keys\\plan_key",
        "/../../../../../../etc/hostname",
        "//etc/hostname",
        "/images//etc/hostname",
        "/",
        "/images",
        "/images/",
        "/images/core-en",
    ],
)
def test_nothing_beside_the_shares_is_reachable(served: Served, path: str) -> None:
    status, body, _ = ask(served.port, path)
    assert status in (404, 405, 307)
    assert b"secret" not in body


def test_nothing_can_be_written(served: Served, shares: dict[str, Path]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request("PUT", "/images/core-en/rootfs.ext4.zst", body=b"mine")
    assert connection.getresponse().status == 405
    connection.close()
    assert (shares["images"] / "core-en" / "rootfs.ext4.zst").read_bytes() == CONTENT


def test_the_address_names_the_station_for_the_role_to_fill_in(served: Served) -> None:
    assert served.url("images", "core-en") == f"http://STATION:{served.port}/images/core-en"
    assert served.url("live") == f"http://STATION:{served.port}/live"


def test_for_the_lab_it_listens_on_loopback_only(served: Served) -> None:
    listening = Path("/proc/net/tcp").read_text().splitlines()
    mine = [line.split()[1] for line in listening if f":{served.port:04X} " in line[:30]]
    assert mine == [f"0100007F:{served.port:04X}"]


def test_for_real_machines_it_listens_everywhere(shares: dict[str, Path]) -> None:
    with serve(shares, local_only=False) as served:
        listening = Path("/proc/net/tcp").read_text()
        assert f"00000000:{served.port:04X} " in listening


def test_it_stops_with_the_block(shares: dict[str, Path]) -> None:
    with serve(shares, local_only=True) as served:
        pass
    with pytest.raises(ConnectionRefusedError):
        ask(served.port, "/live/current/vmlinuz")


def test_an_error_in_the_block_stops_it_too(shares: dict[str, Path]) -> None:
    ports = []

    def interrupted() -> None:
        with serve(shares, local_only=True) as served:
            ports.append(served.port)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(ConnectionRefusedError):
        ask(ports[0], "/live/current/vmlinuz")


def test_a_taken_port_says_who_to_ask(shares: dict[str, Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(StationError, match=f"cannot listen on port {port}") as caught,
            serve(shares, local_only=True, port=port),
        ):
            pytest.fail("served")
    assert "ss -ltnp" in (caught.value.hint or "")


def test_a_missing_folder_says_what_to_build(tmp_path: Path) -> None:
    with (
        pytest.raises(StationError, match="images") as caught,
        serve({"images": tmp_path / "none"}, local_only=True),
    ):
        pytest.fail("served")
    assert "image build" in (caught.value.hint or "")
