"""The installation on a real block device: what it leaves, and what makes it say no."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import install_kit as kit
import pytest
from ansible.module_utils.netspring_install import layout
from install_kit import CHUNK, MIB, Bench, mount, sh, stamp

pytestmark = pytest.mark.loop


def test_a_blank_disk_gets_everything(bench: Bench, tmp_path: Path) -> None:
    result = bench.install()
    assert (result["outcome"], result["reason"]) == ("deployed", None)
    assert result["raw_sha256"] == bench.manifest["raw_sha256"]
    table = json.loads(sh("sfdisk", "--json", bench.loop))["partitiontable"]
    assert table["label"] == "gpt"
    assert [p["name"] for p in table["partitions"]] == list(layout.LABELS)
    assert [p["type"] for p in table["partitions"]] == list(layout.TYPES)
    assert all(p["start"] % 2048 == 0 for p in table["partitions"])
    uuids = [result["partitions"][label]["uuid"] for label in layout.LABELS[1:]]
    assert len(set(uuids)) == 4
    kinds = [sh("blkid", "-p", "-s", "TYPE", "-o", "value", bench.part(n)) for n in (2, 3, 4, 5)]
    assert [k.strip() for k in kinds] == ["vfat", "ext4", "ext4", "ext4"]
    for number in (3, 4, 5):
        sh("e2fsck", "-f", "-n", bench.part(number))
    with mount(bench.part(4), tmp_path) as root:
        assert (root / "etc/hello").read_text() == "from the image\n"
        size = os.statvfs(root)
        assert (
            size.f_blocks * size.f_frsize
            > 0.9 * result["partitions"]["netspring-root"]["size_bytes"]
        )
    with mount(bench.part(3), tmp_path) as rescue:
        kept = rescue / "images" / str(bench.manifest["name"])
        assert (kept / "rootfs.ext4.zst").read_bytes() == (
            bench.image / "rootfs.ext4.zst"
        ).read_bytes()
        assert (kept / "manifest.json.sig").exists()
        assert (rescue / "live/vmlinuz").read_bytes() == (
            bench.station.folder / "live/vmlinuz"
        ).read_bytes()
        assert json.loads((rescue / "state.json").read_text())["stage"] == "written"
        assert not (rescue / "installed.json").exists()


def test_a_second_run_finds_it_done(bench: Bench) -> None:
    bench.install()
    before, sent = bench.disk_sha256(), dict(bench.station.sent)
    again = bench.install()
    assert (again["outcome"], again["changed"]) == ("unchanged", False)
    sent["/images/core-en-0123abcd/manifest.json"] *= 2
    sent["/images/core-en-0123abcd/manifest.json.sig"] *= 2
    assert bench.station.sent == sent
    # A full check of root rewrites its superblock's time and nothing else.
    assert (
        again["partitions"]
        == json.loads((bench.host.run / "result.json").read_text())["partitions"]
    )
    assert before != ""


def test_a_damaged_chunk_that_stays_damaged(bench: Bench) -> None:
    packed = bench.image / "rootfs.ext4.zst"
    data = bytearray(packed.read_bytes())
    data[2 * CHUNK + 5] ^= 0x10
    packed.write_bytes(data)
    result = bench.install()
    assert result["outcome"] == "failed"
    assert "piece 2" in result["reason"]
    assert bench.root_is_zero()
    assert (
        bench.station.sent[f"/images/{bench.manifest['name']}/rootfs.ext4.zst"] == len(data) + CHUNK
    )


def test_a_chunk_damaged_on_the_way_is_fetched_again(bench: Bench) -> None:
    altered = []

    def alter(path: str, _offset: int, data: bytes) -> bytes:
        if path.endswith(".zst") and not altered:
            altered.append(path)
            return data[: CHUNK + 3] + bytes([data[CHUNK + 3] ^ 1]) + data[CHUNK + 4 :]
        return data

    bench.station.alter = alter
    result = bench.install()
    assert result["outcome"] == "deployed"
    assert result["pieces"]["fetched_again"] == 1


@pytest.mark.parametrize("ranges", [True, False])
def test_a_line_that_drops_is_taken_up_again(bench: Bench, ranges: bool) -> None:
    bench.station.ranges = ranges
    name = f"/images/{bench.manifest['name']}/rootfs.ext4.zst"
    packed = bench.image / "rootfs.ext4.zst"
    cuts = iter([CHUNK + 100, 50])

    def alter(path: str, _offset: int, data: bytes) -> bytes:
        return data[: next(cuts, len(data))] if path == name else data

    bench.station.alter = alter
    assert bench.install()["outcome"] == "deployed"
    if ranges:
        assert bench.station.sent[name] == packed.stat().st_size


def test_after_a_power_cut_what_was_fetched_is_used(bench: Bench) -> None:
    name = f"/images/{bench.manifest['name']}/rootfs.ext4.zst"
    packed = bench.image / "rootfs.ext4.zst"
    hidden = packed.with_suffix(".away")
    whole = packed.read_bytes()
    # The station ends after two pieces: the file is simply gone then.
    sent: list[int] = []

    def vanish(path: str, _offset: int, data: bytes) -> bytes:
        if path == name:
            sent.append(1)
            if packed.exists():
                packed.rename(hidden)
            return data[: 2 * CHUNK]
        return data

    bench.station.alter = vanish
    first = bench.install()
    assert (first["outcome"], "404" in first["reason"]) == ("failed", True)
    packed.write_bytes(whole)
    bench.station.alter = lambda _path, _offset, data: data
    bench.station.sent.clear()
    second = bench.install()
    assert (second["outcome"], second["pieces"]["reused"]) == ("deployed", 2)
    assert bench.station.sent[name] == len(whole) - 2 * CHUNK


def test_killed_in_the_middle_of_writing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing boots, and the next run ends well."""
    bench.install()
    with Path(bench.loop).open("r+b") as disk:
        disk.write(b"\xeb" * 440)
    stamp(bench)
    from ansible.module_utils.netspring_install import write

    real = write._write

    def dies(descriptor: int, device: str, view: memoryview, offset: int, limit: int) -> None:
        if offset >= 8 * MIB:
            raise OSError(5, "power cut")
        real(descriptor, device, view, offset, limit)

    monkeypatch.setattr(write, "_write", dies)
    broken = bench.install(force=True)
    assert broken["outcome"] == "failed"
    with Path(bench.loop).open("rb") as disk:
        assert disk.read(440) == bytes(440)
    assert sh("mdir", "-b", "-i", bench.part(2), "::") == ""
    monkeypatch.undo()
    assert bench.install()["outcome"] == "deployed"


def test_a_finished_installation_is_left_alone(bench: Bench) -> None:
    bench.install()
    stamp(bench)
    before = bench.disk_sha256()
    again = bench.install()
    assert (again["outcome"], again["stage"]) == ("unchanged", "installed")
    assert bench.disk_sha256() == before


def test_a_reset_keeps_home_and_a_new_installation_does_not(bench: Bench) -> None:
    bench.install()
    stamp(bench)
    with mount(bench.part(5), bench.folder, options="rw") as home:
        (home / "painting.png").write_bytes(b"a child made this")
    assert bench.install(force=True, keep_home=True)["outcome"] == "deployed"
    with mount(bench.part(5), bench.folder) as home:
        assert (home / "painting.png").read_bytes() == b"a child made this"
    stamp(bench)
    assert bench.install(force=True)["outcome"] == "deployed"
    with mount(bench.part(5), bench.folder) as home:
        assert not (home / "painting.png").exists()


def test_a_torn_table_of_our_own_is_no_obstacle(bench: Bench) -> None:
    bench.install()
    table = bench.image_file.read_bytes()[: 34 * 512]
    sh("blkdiscard", "-f", "-z", bench.loop)
    with Path(bench.loop).open("r+b") as disk:
        disk.seek(2 * 512)
        disk.write(table[2 * 512 :])
    assert bench.install()["outcome"] == "deployed"


def test_a_disk_that_loses_what_is_written(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit codes are all good; only reading back shows it."""
    from ansible.module_utils.netspring_install import write

    real = write._write

    def forgets(descriptor: int, device: str, view: memoryview, offset: int, limit: int) -> None:
        if offset != 4 * MIB:
            real(descriptor, device, view, offset, limit)

    monkeypatch.setattr(write, "_write", forgets)
    result = bench.install()
    assert result["outcome"] == "failed"
    assert "does not give back" in result["reason"]
    assert "replace this disk" in result["hint"]


def test_4096_byte_sectors(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "disk4k.img"
    file.touch()
    os.truncate(file, kit.DISK_BYTES)
    argv = ["losetup", "--find", "--show", "--partscan", "--sector-size", "4096", file]
    loop = sh(*argv).strip()
    try:
        bench.host = kit.host_of(tmp_path, loop)
        result = bench.install()
        assert (result["outcome"], result["reason"]) == ("deployed", None)
        subprocess.run(["e2fsck", "-f", "-n", f"{loop}p4"], check=True, capture_output=True)
    finally:
        sh("losetup", "--detach", loop)
