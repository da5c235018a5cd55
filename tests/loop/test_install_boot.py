"""The bootloader on a real disk with the real `core` image; GRUB's own tools run inside it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import install_kit as kit
import pytest
from ansible.module_utils.netspring_install import boot, fat, grub, identity, job
from ansible.module_utils.netspring_install.errors import InstallError, RefusedError
from install_kit import MIB, Bench, mount, sh

from netspring_provision import live
from netspring_provision.image import manifest
from netspring_provision.image.build import build
from tests.vm.conftest import kept_station

pytestmark = pytest.mark.loop
GIB = 1 << 30
MENU = grub.Menu(timeout=2, cmdline="quiet", rescue_cmdline="quiet")
ESP_FILES = [*boot.EFI_FILES, boot.EFI_CONFIG]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A disk of 8 GiB with image and identity, not yet bootable."""
    folder = tmp_path_factory.mktemp("boot")
    builds = kept_station()
    live.build(builds)
    name = build(builds, "core")[0].name
    station = kit.Station(builds.home)
    server = station.start()
    disk = folder / "disk.img"
    disk.touch()
    os.truncate(disk, 8 * GIB)
    loop = sh("losetup", "--find", "--show", "--partscan", disk).strip()
    files = (builds.live / "current" / n for n in ("vmlinuz", "initrd.img"))
    order = job.Order(
        url=f"http://127.0.0.1:{station.port}/images/{name}",
        image=name,
        live_url=f"http://127.0.0.1:{station.port}/live/current",
        live_sha256={f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files},
        allowed_signers=manifest.allowed_signers(builds),
        serial=kit.SERIAL,
        size=8 * GIB,
        token_sha256=hashlib.sha256(kit.LIVE_WORD.encode()).hexdigest(),
    )
    host = kit.host_of(folder, loop)
    text = json.loads((builds.images / name / "manifest.json").read_text())
    bench = Bench(folder, station, builds.signing_key, text, order, disk, loop, host)
    try:
        assert bench.install()["outcome"] == "deployed"
        yield bench
    finally:
        server.shutdown()
        server.server_close()
        sh("losetup", "--detach", loop)


def introduce(bench: Bench) -> dict[str, Any]:
    wish = identity.Wish("pc-01", "NS-0001", "ssh-ed25519 AAAA station")
    order = bench.order
    return identity.run(
        bench.host, order.serial, order.size, order.token_sha256, wish, pretend=False
    )


def write(bench: Bench, menu: grub.Menu = MENU) -> dict[str, Any]:
    order = bench.order
    try:
        return boot.run(bench.host, order.serial, order.size, order.token_sha256, menu)
    finally:
        assert kit.mounts_below(bench.host.run) == []


def first_sector(bench: Bench) -> bytes:
    with Path(bench.loop).open("rb") as disk:
        return disk.read(512)


def stamp(bench: Bench) -> dict[str, Any] | None:
    with mount(bench.part(3), bench.folder) as rescue:
        path = rescue / "installed.json"
        found: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
        return found


def test_refused_without_identity_or_with_a_token(ready: Bench) -> None:
    """In this file tests run in order: this disk gets its identity, then its bootloader."""
    with pytest.raises(RefusedError, match="no identity yet"):
        write(ready)
    introduce(ready)
    for menu in (
        replace(MENU, rescue_cmdline="netspring.token=x"),
        replace(MENU, cmdline="netspring.token=x"),
    ):
        with pytest.raises(RefusedError, match="carries the station's token"):
            write(ready, menu)
    assert first_sector(ready)[:440] == bytes(440)
    assert stamp(ready) is None


def test_nothing_boots_and_nothing_is_mounted_after_a_tool_fails(
    ready: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = grub.call

    def fails(root: Path, argv: list[str], what: str) -> None:
        real(root, ["false"] if argv[0] == "update-grub" else argv, what)

    monkeypatch.setattr(grub, "call", fails)
    with pytest.raises(InstallError, match=f"GRUB on {ready.loop}"):
        write(ready)
    assert first_sector(ready)[:440] == bytes(440)
    assert fat.read(ready.part(2), "EFI/BOOT/BOOTX64.EFI") is None
    assert stamp(ready) is None


def test_bios_and_uefi_from_one_disk(ready: Bench) -> None:
    result = write(ready)
    assert (result["outcome"], result["changed"]) == ("installed", True)
    sh("fsck.fat", "-n", ready.part(2))
    assert any(first_sector(ready)[:440])
    root_uuid = sh("blkid", "-p", "-s", "UUID", "-o", "value", ready.part(4)).strip()
    with mount(ready.part(4), ready.folder) as root:
        for name, source in boot.EFI_FILES.items():
            assert fat.read(ready.part(2), name) == (root / source).read_bytes()
        text = (root / "boot/grub/grub.cfg").read_text()
        assert f"root=UUID={root_uuid} ro" in text
        assert "menuentry 'Rescue'" in text
        assert "token" not in text
        # config_problem, which was asked by write(), says that every entry still starts.
        assert text.index('set superusers="netspring"') < text.index("\nmenuentry ")
        assert text.count("$menuentry_id_option") >= 2
        assert "password" not in text
    assert root_uuid.encode() in (fat.read(ready.part(2), boot.EFI_CONFIG) or b"")
    assert stamp(ready) == {
        "schema": 1,
        "image": ready.order.image,
        "disk_serial": kit.SERIAL,
        "root_uuid": root_uuid,
    }
    for number in (3, 4, 5):
        sh("e2fsck", "-f", "-n", ready.part(number))


def test_a_second_run_changes_not_one_byte(ready: Bench) -> None:
    before = ready.disk_sha256()
    assert ready.install()["outcome"] == "unchanged"
    assert write(ready)["changed"] is False
    assert ready.disk_sha256() == before


def test_another_command_line_is_written(ready: Bench) -> None:
    assert write(ready, replace(MENU, cmdline="quiet splash"))["changed"] is True
    with mount(ready.part(4), ready.folder) as root:
        assert "ro  quiet splash\n" in (root / "boot/grub/grub.cfg").read_text()
    assert write(ready)["changed"] is True


@pytest.mark.parametrize("where", ["boot sector", "core image", "shim"])
def test_what_was_damaged_is_found_and_written_again(ready: Bench, where: str) -> None:
    with Path(ready.loop).open("r+b") as disk:
        if where == "shim":
            data = disk.read(300 * MIB)
            disk.seek(data.index(fat.read(ready.part(2), "EFI/BOOT/BOOTX64.EFI") or b"?") + 5000)
        else:
            disk.seek({"boot sector": 0x5C, "core image": MIB + 20_000}[where])
        disk.write(b"damaged!")
    sh("blockdev", "--flushbufs", ready.part(2))
    assert write(ready)["changed"] is True
    assert write(ready)["changed"] is False


def test_a_disk_that_forgets_the_boot_sector_is_not_on_record(
    ready: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grub, "write_boot_sector", lambda _root, _disk: None)
    with Path(ready.loop).open("r+b") as disk:
        disk.write(bytes(440))
    with pytest.raises(InstallError, match="no boot code"):
        write(ready)
    assert stamp(ready) is None
