"""What makes the installation say no: each time not one byte of the disk has changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import install_kit as kit
import pytest
from install_kit import MIB, Bench, mount, sh, stamp

pytestmark = pytest.mark.loop


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


def test_another_finished_installation_is_not_replaced_unasked(bench: Bench) -> None:
    bench.install()
    stamp(bench, image="lite-zh_CN-99999999")
    refused(bench, bench.loop, "lite-zh_CN-99999999", "image_deploy_force")


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


def test_home_is_not_made_anew_because_an_earlier_run_had_begun(bench: Bench) -> None:
    """Works may still be saved from a home whose superblock is gone; the record gives no leave."""
    bench.install()
    with mount(bench.part(3), bench.folder, options="rw") as rescue:
        state = json.loads((rescue / "state.json").read_text())
        (rescue / "state.json").write_text(json.dumps({**state, "stage": "begun"}))
    with Path(bench.part(5)).open("r+b") as home:
        home.write(bytes(MIB))
    refused(bench, bench.part(5), "recognised", "save what can be saved", keep_home=True)


def test_home_is_not_planned_anew_over_a_torn_table(bench: Bench) -> None:
    """The head of the disk is gone and what is looked at is empty; works may lie between."""
    bench.install()
    sectors = bench.image_file.read_bytes()[: 34 * 512]
    sh("blkdiscard", "-f", "-z", bench.loop)
    with Path(bench.loop).open("r+b") as disk:
        disk.seek(2 * 512)
        disk.write(sectors[2 * 512 :])
        disk.seek(900 * MIB + 4096 * 3)
        disk.write(b"a child made this")
    refused(bench, bench.loop, "no partition table", "save what can", force=True, keep_home=True)


def test_a_home_to_be_kept_is_never_formatted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if it stops being readable between the check and the deed (a disk that is dying)."""
    from ansible.module_utils.netspring_install import content, partition

    bench.install()
    stamp(bench)
    real, asked, made = content.filesystem, [], []

    def dying(path: str) -> str | None:
        asked.extend([path] if path == bench.part(5) else [])
        return real(path) if path != bench.part(5) or len(asked) == 1 else None

    monkeypatch.setattr(content, "filesystem", dying)
    monkeypatch.setattr(partition, "make_ext4", lambda path, *_: made.append(path))
    refused(bench, bench.part(5), "to be kept", force=True, keep_home=True)
    assert len(asked) == 2
    assert made == []


@pytest.mark.parametrize("missing", ["manifest.json", "manifest.json.sig", "../../live/vmlinuz"])
def test_a_station_that_lacks_a_file(bench: Bench, missing: str) -> None:
    """A failure, not a refusal; but as nothing was written, it does not say that it was."""
    (bench.image / missing).unlink()
    before = bench.disk_sha256()
    result = bench.install()
    assert (result["outcome"], result["changed"]) == ("failed", False)
    assert "404" in result["reason"]
    assert "netspring image list" in result["hint"]
    assert bench.disk_sha256() == before


def test_a_leftover_mount_of_our_own_is_no_use_by_others(bench: Bench) -> None:
    """A run that was killed leaves its mount; the next one takes it away and goes on."""
    bench.install()
    (bench.host.run / "rescue").mkdir(exist_ok=True)
    sh("mount", bench.part(3), bench.host.run / "rescue")
    assert bench.install()["outcome"] == "unchanged"
