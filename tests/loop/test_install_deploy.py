"""The installation on a real block device: what it leaves, and what makes it say no."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import install_kit as kit
import pytest
from ansible.module_utils.netspring_install import job, layout
from install_kit import CHUNK, MIB, Bench, sh

pytestmark = pytest.mark.loop


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key, image and live files, made once; tests work on copies."""
    folder = tmp_path_factory.mktemp("source")
    key, signers = kit.make_key(folder)
    (folder / "signers").write_text(signers)
    tree = folder / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc" / "hello").write_text("from the image\n")
    (tree / "noise").write_bytes(os.urandom(18 * MIB))
    kit.make_image(folder / "www" / "images" / "core-en-0123abcd", key, tree)
    live = folder / "www" / "live"
    live.mkdir()
    (live / "vmlinuz").write_bytes(os.urandom(MIB))
    (live / "initrd.img").write_bytes(os.urandom(3 * MIB + 17))
    return folder


@pytest.fixture
def bench(source: Path, tmp_path: Path) -> Iterator[Bench]:
    www = tmp_path / "www"
    shutil.copytree(source / "www", www)
    station = kit.Station(www)
    server = station.start()
    image_file = tmp_path / "disk.img"
    image_file.touch()
    os.truncate(image_file, kit.DISK_BYTES)
    loop = sh("losetup", "--find", "--show", "--partscan", image_file).strip()
    manifest = json.loads((www / "images/core-en-0123abcd/manifest.json").read_text())
    order = job.Order(
        url=f"http://127.0.0.1:{station.port}/images/{manifest['name']}",
        image=manifest["name"],
        live_url=f"http://127.0.0.1:{station.port}/live",
        live_sha256={
            name: hashlib.sha256((www / "live" / name).read_bytes()).hexdigest()
            for name in ("vmlinuz", "initrd.img")
        },
        allowed_signers=(source / "signers").read_text(),
        serial=kit.SERIAL,
        size=kit.DISK_BYTES,
        token_sha256=hashlib.sha256(kit.LIVE_WORD.encode()).hexdigest(),
    )
    host = kit.host_of(tmp_path, loop)
    yield Bench(tmp_path, station, source / "signing", manifest, order, image_file, loop, host)
    server.shutdown()
    server.server_close()
    sh("losetup", "--detach", loop)


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


class mount:
    """Mount a partition read-only for a look."""

    def __init__(self, device: str, folder: Path, *, options: str = "ro") -> None:
        self.device, self.at, self.options = device, folder / "look", options

    def __enter__(self) -> Path:
        self.at.mkdir(exist_ok=True)
        sh("mount", "-o", self.options, self.device, self.at)
        return self.at

    def __exit__(self, *_error: object) -> None:
        sh("umount", self.at)


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


def refused(bench: Bench, *words: str, **changes: object) -> None:
    """It says no, names device and reason, and every byte of the disk is as it was."""
    before = bench.disk_sha256()
    result = bench.install(**changes)
    assert (result["outcome"], result["changed"]) == ("refused", False)
    for word in words:
        assert word in f"{result['reason']} {result['hint']}"
    assert bench.disk_sha256() == before


def test_outside_the_live_environment(bench: Bench) -> None:
    bench.host.marker.unlink()
    refused(bench, "not in the live environment")


@pytest.mark.parametrize("cmdline", ["quiet", "netspring.token=of-another-station"])
def test_without_this_stations_token(bench: Bench, cmdline: str) -> None:
    bench.host.cmdline.write_text(cmdline)
    refused(bench, "without this station's token")


def test_another_size_than_planned(bench: Bench) -> None:
    refused(bench, bench.loop, "planned were", size=kit.DISK_BYTES + 512)


@pytest.mark.parametrize("serial", ["", "  ", "ANOTHER"])
def test_an_unknown_serial(bench: Bench, serial: str) -> None:
    refused(bench, "serial", serial=serial)


def test_two_disks_of_one_serial(bench: Bench) -> None:
    disk = bench.host.list_disks()[0]
    bench.host = replace(bench.host, list_disks=lambda: (disk, replace(disk, path="/dev/zero")))
    refused(bench, "2 disks have the serial", bench.loop)


def test_too_little_memory(bench: Bench) -> None:
    bench.host.meminfo.write_text("MemTotal: 300000 kB\n")
    refused(bench, "292 MiB of RAM", "512 MiB")


def test_too_small_a_disk(bench: Bench) -> None:
    bench.manifest["minimum_disk_bytes"] = kit.DISK_BYTES + 1
    (bench.image / "manifest.json").write_text(json.dumps(bench.manifest))
    kit.sign(bench.image, bench.key)
    refused(bench, bench.loop, "needs 1280 MiB")


@pytest.mark.parametrize(
    ("where", "size"),
    [(0, 4), (600, 4), (9 * MIB, 2 * MIB), (kit.DISK_BYTES - 700, 4)],
    ids=["boot", "head", "data", "tail"],
)
def test_a_disk_that_is_not_blank(bench: Bench, where: int, size: int) -> None:
    with Path(bench.loop).open("r+b") as disk:
        disk.seek(where)
        disk.write(b"x" * size)
    refused(bench, bench.loop, "wipe this disk first")


def test_a_disk_with_a_foreign_table(bench: Bench) -> None:
    sh("sfdisk", "-q", bench.loop, input="label: gpt\n,100M,L,\n")
    refused(bench, bench.loop, "gpt", "wipe this disk first")


def test_a_disk_in_use(bench: Bench, tmp_path: Path) -> None:
    sh("mkfs.ext4", "-q", "-F", bench.loop)
    with mount(bench.loop, tmp_path):
        refused(bench, bench.loop, "in use", "look")


@pytest.mark.parametrize("file", ["manifest.json", "manifest.json.sig"])
def test_one_bit_of_manifest_or_signature(bench: Bench, file: str) -> None:
    path = bench.image / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    refused(bench, "not signed by this station")


def test_a_manifest_signed_by_someone_else(bench: Bench, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    key, _ = kit.make_key(other)
    kit.sign(bench.image, key)
    refused(bench, "not signed by this station")


def test_another_image_than_asked_for(bench: Bench) -> None:
    refused(bench, "asked for was lite-fr", image="lite-fr")


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


def stamp(bench: Bench, image: str | None = None) -> None:
    """What the bootloader role leaves as its last deed."""
    with mount(bench.part(3), bench.folder, options="rw") as rescue:
        text = {"disk_serial": kit.SERIAL, "image": image or bench.manifest["name"]}
        (rescue / "installed.json").write_text(json.dumps(text))


def test_a_finished_installation_is_left_alone(bench: Bench) -> None:
    bench.install()
    stamp(bench)
    before = bench.disk_sha256()
    again = bench.install()
    assert (again["outcome"], again["stage"]) == ("unchanged", "installed")
    assert bench.disk_sha256() == before


def test_another_finished_installation_is_not_replaced_unasked(bench: Bench) -> None:
    bench.install()
    stamp(bench, image="lite-zh_CN-99999999")
    refused(bench, bench.loop, "lite-zh_CN-99999999", "image_deploy_force")


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


def test_files_in_home_whose_record_is_lost_are_not_destroyed(bench: Bench) -> None:
    bench.install()
    with mount(bench.part(5), bench.folder, options="rw") as home:
        (home / "painting.png").write_bytes(b"a child made this")
    with Path(bench.part(3)).open("r+b") as rescue:
        rescue.write(bytes(MIB))
    refused(bench, bench.loop, "its record is lost", "image_deploy_force")


def test_home_that_cannot_be_recognised_is_not_made_anew(bench: Bench) -> None:
    bench.install()
    stamp(bench)
    with Path(bench.part(5)).open("r+b") as home:
        home.write(bytes(MIB))
    refused(bench, bench.part(5), "recognised", force=True, keep_home=True)


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
