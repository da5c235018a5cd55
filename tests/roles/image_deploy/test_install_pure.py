"""The parts of the installation that decide without touching anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.netspring_install import (
    content,
    disks,
    host,
    http,
    job,
    launch,
    layout,
    manifest,
    program,
    progress,
)
from ansible.module_utils.netspring_install.disks import Disk
from ansible.module_utils.netspring_install.errors import InstallError, RefusedError
from hypothesis import given
from hypothesis import strategies as st

from tests.on_target import ROLES, load_module

MIB, GIB = layout.MIB, layout.GIB
HEX = "0123456789abcdef" * 4


def plan(disk: int, raw: int, packed: int, sector: int = 512) -> tuple[layout.Partition, ...]:
    return layout.plan(
        path="/dev/sda",
        disk_bytes=disk,
        sector=sector,
        compressed_bytes=packed,
        raw_bytes=raw,
        live_bytes=110 * MIB,
    )


@given(
    disk=st.integers(min_value=GIB // 512, max_value=4 << 31).map(lambda n: n * 512),
    raw=st.integers(min_value=64, max_value=12 * 1024).map(lambda n: n * MIB),
    share=st.floats(min_value=0.2, max_value=0.9),
    sector=st.sampled_from([512, 4096]),
)
def test_partitions_fit_in_order_and_are_aligned(
    disk: int, raw: int, share: float, sector: int
) -> None:
    packed = int(raw * share)
    needed = raw + packed + raw // 10 + 2 * 110 * MIB + layout.HOME_MINIMUM
    if disk < needed:
        with pytest.raises(RefusedError, match="/dev/sda is too small"):
            plan(disk, raw, packed, sector)
        return
    if disk < needed + packed // 10 + 1024 * MIB:
        return  # which of the two depends on the tables' own room
    parts = plan(disk, raw, packed, sector)
    end = MIB
    for part in parts:
        assert part.start == end
        assert part.start % MIB == part.size % MIB == 0
        end += part.size
    assert end <= disk - MIB
    assert parts[2].size > packed + 110 * MIB
    assert parts[3].size >= raw + max(raw // 10, 256 * MIB)
    assert parts[4].size >= layout.HOME_MINIMUM


@pytest.mark.parametrize(
    ("disk", "raw", "packed"),
    [(5 * GIB, 560, 240), (8 * GIB, 560, 240), (16 * GIB, 3600, 1500)],
    ids=["core on 5 GiB", "core on 8 GiB", "lite on 16 GiB"],
)
def test_the_profiles_fit_their_disks(disk: int, raw: int, packed: int) -> None:
    *_, root, home = plan(disk, raw * MIB, packed * MIB)
    assert root.size >= 1.5 * raw * MIB
    assert home.size >= GIB


def test_a_large_disk_leaves_most_to_home() -> None:
    *_, root, home = plan(160_041_885_696, 2800 * MIB, 1250 * MIB)
    assert 16 * GIB < root.size < 32 * GIB
    assert home.size > 100 * GIB


def test_the_script_counts_in_the_disks_own_sectors() -> None:
    for sector, start in ((512, 2048), (4096, 256)):
        lines = layout.sfdisk_script(plan(8 * GIB, GIB, GIB // 2, sector), sector).splitlines()
        assert lines[:2] == ["label: gpt", "unit: sectors"]
        assert lines[3] == (
            f"start={start}, size={start}, type={layout.BIOS_BOOT}, name=netspring-bios"
        )
        assert len(lines) == 8


def good_manifest() -> dict[str, Any]:
    return {
        "schema": 1,
        "name": "core-zh_CN-aebe6d79",
        "profile": "core",
        "locale": "zh_CN",
        "file": "rootfs.ext4.zst",
        "compressed_bytes": 10,
        "raw_bytes": 8192,
        "raw_sha256": HEX,
        "chunk_bytes": 4,
        "chunks": [HEX] * 3,
        "minimum_disk_bytes": 1,
        "minimum_memory_bytes": 1,
        "packages": {"zstd": "1.5"},
    }


def test_a_manifest_is_read() -> None:
    found = manifest.parse(json.dumps(good_manifest()).encode())
    assert found.name == "core-zh_CN-aebe6d79"
    assert [found.chunk_size(i) for i in range(3)] == [4, 4, 2]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", 2),
        ("name", "../../etc"),
        ("name", ".hidden"),
        ("file", "a/b"),
        ("raw_bytes", 8191),
        ("raw_bytes", -4096),
        ("raw_bytes", "8192"),
        ("raw_bytes", True),
        ("raw_sha256", HEX.upper()),
        ("raw_sha256", HEX + "\n"),
        ("chunks", [HEX] * 2),
        ("chunks", [HEX, HEX, 3]),
        ("chunks", None),
        ("chunk_bytes", 0),
        ("compressed_bytes", None),
        ("minimum_memory_bytes", 1.5),
    ],
)
def test_a_manifest_with_a_wrong_field_is_refused(key: str, value: object) -> None:
    text = json.dumps(good_manifest() | {key: value}).encode()
    with pytest.raises(RefusedError, match="manifest cannot be used"):
        manifest.parse(text)


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"{", b"\xff"])
def test_a_manifest_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(RefusedError, match="manifest cannot be used"):
        manifest.parse(text)


@pytest.mark.parametrize("key", sorted(set(good_manifest()) - {"packages"}))
def test_a_manifest_without_a_field_is_refused(key: str) -> None:
    data = good_manifest()
    del data[key]
    with pytest.raises(RefusedError, match="manifest cannot be used"):
        manifest.parse(json.dumps(data).encode())


@pytest.mark.parametrize(
    ("url", "connection", "expected"),
    [
        ("http://STATION:80/a", "10.0.2.2 5 10.0.2.15 22", "http://10.0.2.2:80/a"),
        ("http://STATION/a", "fe80::1 5 fe80::2 22", "http://[fe80::1]/a"),
        ("http://192.0.2.1/STATION", "", "http://192.0.2.1/STATION"),
        ("http://STATIONS/a", "", "http://STATIONS/a"),
    ],
)
def test_the_station_is_where_the_machine_sees_it(url: str, connection: str, expected: str) -> None:
    assert launch.station_url(url, connection) == expected


def test_a_station_that_nobody_came_from() -> None:
    with pytest.raises(RefusedError, match="no SSH connection"):
        launch.station_url("http://STATION:80/a", "")


def test_partitions_of_numbered_disks_have_a_p() -> None:
    names = [Disk(path, "S", 1, 512, False).partition(4) for path in ("/dev/sda", "/dev/nvme0n1")]
    assert names == ["/dev/sda4", "/dev/nvme0n1p4"]


def test_disks_that_are_not_the_one() -> None:
    disk = Disk("/dev/sda", "S1", 1000, 512, False)
    assert disks.find((disk,), " S1 ", 1000) is disk
    for others, serial, size in (
        ((), "S1", 1000),
        ((disk, disk), "S1", 1000),
        ((disk,), "S1", 999),
        ((Disk("/dev/sda", "", 1000, 512, False),), "", 1000),
        ((Disk("/dev/sda", "S1", 1000, 512, True),), "S1", 1000),
    ):
        with pytest.raises(RefusedError) as refused:
            disks.find(others, serial, size)
        assert "nothing was written" in refused.value.hint


def test_memory_that_a_graphics_chip_took_is_forgiven(tmp_path: Path) -> None:
    """A PC sold with 2 GiB: 256 MiB went to the graphics chip."""
    wanted = manifest.parse(
        json.dumps(good_manifest() | {"minimum_memory_bytes": 2 * GIB}).encode()
    )
    machine = host.Host(meminfo=tmp_path / "meminfo")
    machine.meminfo.write_text("MemTotal:        1835008 kB\n")
    assert host.check_memory(machine, wanted) == 1835008 * 1024
    machine.meminfo.write_text("MemTotal:        1048576 kB\n")
    with pytest.raises(RefusedError, match="1024 MiB of RAM, profile core needs 2048 MiB"):
        host.check_memory(machine, wanted)
    machine.meminfo.write_text("")
    with pytest.raises(RefusedError, match="could not be read"):
        host.check_memory(machine, wanted)


def torn(entries: bytes, boot: bytes = b"", elsewhere: bytes = b"") -> tuple[bytearray, bytearray]:
    head, tail = bytearray(MIB), bytearray(MIB)
    head[: len(boot)] = boot
    head[1024 : 1024 + len(entries)] = entries
    head[600_000 : 600_000 + len(elsewhere)] = elsewhere
    content._forget_own_table(head, tail, 512)
    return head, tail


def entry(name: str) -> bytes:
    return bytes(range(56)) + name.encode("utf-16-le").ljust(72, b"\0")


def test_only_a_torn_table_of_our_own_counts_as_nothing() -> None:
    assert not any(torn(entry("netspring-esp") + entry("netspring-root"))[0])
    assert any(torn(entry("netspring-esp") + entry("Basic data partition"))[0])
    assert any(torn(entry("netspring-esp"), boot=b"\xeb\x63")[0])
    assert any(torn(entry("netspring-esp"), elsewhere=b"donor")[0])


def test_progress_is_one_line_a_phase(tmp_path: Path) -> None:
    told = progress.Progress(tmp_path / "p.jsonl", "S1")
    told.begin("fetch", 100, 40)
    told.advance(10)
    told.begin("write", 50)
    told.end()
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert [(n["id"], n["phase"], n["offset"], n["size"]) for n in lines] == [
        ("S1", "fetch", 40, 100),
        ("S1", "write", 0, 50),
    ]
    assert set(told.seconds) == {"check", "fetch", "write"}


def test_where_the_job_stands(tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text('{"serial": "S1", "size": 5}')
    starting = launch.snapshot(tmp_path, active=True)
    assert starting == {"kind": "image_progress", "finished": False, "items": []}
    (tmp_path / "progress.jsonl").write_text('{"phase": "fetch"}\n{"phase": "wr')
    assert launch.snapshot(tmp_path, active=True)["items"] == [{"phase": "fetch"}]
    lost = launch.snapshot(tmp_path, active=False)
    assert (lost["finished"], lost["outcome"], lost["disk"]["serial"]) == (True, "failed", "S1")
    (tmp_path / "result.json").write_text('{"kind": "image", "finished": true}')
    assert launch.snapshot(tmp_path, active=False) == {"kind": "image", "finished": True}


def test_a_program_that_breaks_off_leaves_a_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = dict.fromkeys(("url", "image", "live_url", "allowed_signers", "token_sha256"), "x")
    text = json.dumps(order | {"live_sha256": {}, "serial": "S1", "size": 5})
    (tmp_path / "order.json").write_text(text)

    def explode(*_args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(job, "run", explode)
    with pytest.raises(ZeroDivisionError):
        program.main(tmp_path, host.Host(run=tmp_path))
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["outcome"], result["reason"]) == ("failed", "the program broke off")


def test_the_whole_program_is_laid_down(tmp_path: Path) -> None:
    """The job outlives the module, so every part of both packages must be on the machine."""
    launch.write_program(tmp_path)
    base = tmp_path / "ansible" / "module_utils"
    source = ROLES / "install_tools" / "module_utils" / "netspring_install"
    needed = {"__init__", "program", "job", "write", "fetch", "http", "layout", "partition"}
    laid = {p.stem for p in (base / "netspring_install").glob("*.py")}
    assert needed <= laid
    for name in needed:
        text = (base / "netspring_install" / f"{name}.py").read_text()
        assert text == (source / f"{name}.py").read_text()
    assert (base / "netspring_disks" / "identity.py").is_file()


def test_the_unit_outlives_the_connection() -> None:
    argv = launch.unit_argv(Path("/run/netspring/install"))
    assert argv[:4] == ["systemd-run", f"--unit={launch.UNIT}", "--collect", "--quiet"]
    assert "--setenv=PYTHONPATH=/run/netspring/install/program" in argv
    assert argv[-3:] == [
        "-m",
        "ansible.module_utils.netspring_install.program",
        "/run/netspring/install",
    ]


def test_the_order_holds_the_tasks_parameters() -> None:
    module = load_module("image_deploy", "netspring_image_deploy")
    params = {
        "url": "http://STATION:1/images/x/",
        "image": "x",
        "live_url": "http://STATION:1/live/current",
        "live_sha256": {"vmlinuz": HEX},
        "allowed_signers": "line",
        "disk": {"serial": "S1", "size_bytes": "8589934592"},
        "token_sha256": HEX,
        "force": False,
        "keep_home": True,
    }
    order = job.Order(**module.order_of(params | {"station_time": 1}, "10.0.2.2 1 2 3"))
    assert (order.url, order.size) == ("http://10.0.2.2:1/images/x", 8 * GIB)
    assert (order.serial, order.keep_home, order.force) == ("S1", True, False)


@pytest.mark.parametrize("role", ["image_deploy", "machine_identity", "bootloader"])
def test_defaults_are_those_of_the_specification(role: str) -> None:
    defaults = yaml.safe_load((ROLES / role / "defaults/main.yml").read_text())
    specs = yaml.safe_load((ROLES / role / "meta/argument_specs.yml").read_text())
    options = specs["argument_specs"]["main"]["options"]
    assert defaults == {n: o["default"] for n, o in options.items() if "default" in o}
    assert all(name.startswith(f"{role}_") for name in options)
    required = {name for name, option in options.items() if option.get("required")}
    assert required == set(options) - set(defaults)
    readme = (ROLES / role / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in options)


def test_the_bootloader_comes_last_and_tasks_are_few() -> None:
    play = yaml.safe_load((ROLES.parent / "playbooks/install.yml").read_text())[0]
    roles = [entry["role"] for entry in play["roles"]]
    assert roles == ["image_deploy", "machine_identity", "bootloader"]
    tasks = [yaml.safe_load((ROLES / role / "tasks/main.yml").read_text()) for role in roles]
    # One more per role: Ansible's own check of the arguments.
    assert sum(len(t) for t in tasks) + len(roles) <= 8


def test_a_file_the_station_does_not_have_is_no_reason_to_try_again() -> None:
    with pytest.raises(InstallError, match="not an http address"):
        next(http.stream("ftp://station/x", 0, 1))
