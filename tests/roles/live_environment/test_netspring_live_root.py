"""The root filesystem: what is asked of mmdebstrap, what is kept, what is taken out."""

import lzma
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.on_target import load_module

ROLE = Path(__file__).parents[3] / "roles/live_environment"
RECORDED = Path(__file__).parent / "recorded"
DEFAULTS: dict[str, Any] = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
live_root: Any = load_module("live_environment", "netspring_live_root")

# Lines of modules.dep and modules.softdep of Debian's kernel 6.12.117.
DEP = """\
kernel/fs/ext4/ext4.ko.xz: kernel/fs/mbcache.ko.xz kernel/fs/jbd2/jbd2.ko.xz
kernel/fs/mbcache.ko.xz:
kernel/fs/jbd2/jbd2.ko.xz:
kernel/arch/x86/crypto/crc32c-intel.ko.xz:
kernel/crypto/crc32c_generic.ko.xz:
kernel/drivers/net/ethernet/intel/e1000/e1000.ko.xz:
kernel/drivers/net/ethernet/intel/ice/ice.ko.xz: kernel/drivers/net/ethernet/intel/libie.ko.xz
kernel/drivers/net/ethernet/intel/libie.ko.xz:
kernel/drivers/md/dm-mod.ko.xz:
"""
SOFTDEP = "# Soft dependencies extracted from modules themselves.\nsoftdep ext4 pre: crc32c_intel\n"


def needs() -> dict[str, set[str]]:
    found: dict[str, set[str]] = live_root.module_needs(DEP, SOFTDEP)
    return found


def test_a_kept_module_brings_what_it_needs_also_softly() -> None:
    kept = live_root.choose_modules(needs(), ["fs/ext4/*"], [])
    assert {live_root.name_of(path) for path in kept} == {"ext4", "mbcache", "jbd2", "crc32c_intel"}


def test_an_excluded_driver_goes_with_what_only_it_needs() -> None:
    keep = ["drivers/net/ethernet/*/e*"]
    kept = live_root.choose_modules(needs(), [*keep, "drivers/net/ethernet/intel/*/*"], ["*/ice/*"])
    assert {live_root.name_of(path) for path in kept} == {"e1000"}


def test_a_kernel_without_an_expected_driver_stops_the_build() -> None:
    with pytest.raises(live_root.BuildError, match=r"no module drivers/ata/\*"):
        live_root.choose_modules(needs(), ["drivers/ata/*"], [])


def test_nothing_that_assembles_disks_is_asked_for() -> None:
    kept = DEFAULTS["live_environment_kernel_modules"]
    assert not [glob for glob in kept if "/md/" in glob or "device-mapper" in glob]
    assert {"mdadm", "lvm2", "dmsetup", "multipath-tools", "bcache-tools"}.isdisjoint(
        DEFAULTS["live_environment_packages"]
    )
    removed = " ".join(DEFAULTS["live_environment_removed_paths"])
    for generator in ("fstab", "gpt-auto", "hibernate-resume"):
        assert f"systemd-{generator}-generator" in removed


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("mirror", "Could not connect to 127.0.0.1:9"),
        ("packages", "no-such-package-x"),
        ("space", "enough free space"),
    ],
)
def test_what_mmdebstrap_said_is_understood(kind: str, said: str) -> None:
    error = live_root.explain((RECORDED / f"mmdebstrap-{kind}.txt").read_text())
    assert error.kind == kind
    assert said in str(error)
    assert "mmdebstrap failed" not in str(error)


def test_anything_else_is_a_failed_build_with_its_words() -> None:
    error = live_root.explain("dpkg: error processing package x\n")
    assert (error.kind, "error processing package x" in str(error)) == ("build", True)


def test_command_line_takes_sources_options_and_cache(tmp_path: Path) -> None:
    params = {
        "packages": ["systemd", "python3"],
        "apt_options": ['Acquire::http::Proxy "http://p.example";'],
        "cache": "/srv/a cache",
        "suite": "trixie",
        "sources": ["deb http://m.example/debian trixie main"],
    }
    argv = live_root.mmdebstrap_argv(params, tmp_path)
    assert argv[-3:] == ["trixie", str(tmp_path), "deb http://m.example/debian trixie main"]
    assert "--include=systemd,python3" in argv
    assert '--aptopt=Acquire::http::Proxy "http://p.example";' in argv
    assert any("mount --bind '/srv/a cache'" in word for word in argv)


def test_unused_versions_leave_the_cache(tmp_path: Path) -> None:
    for name in ("a_1%3a2-3_amd64.deb", "a_1%3a2-2_amd64.deb", "gone_1_all.deb", "lock"):
        (tmp_path / name).touch()
    live_root.prune(tmp_path, {"a": "1:2-3"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a_1%3a2-3_amd64.deb", "lock"]


def test_files_of_build_only_packages_go(tmp_path: Path) -> None:
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (tmp_path / "usr/bin").mkdir(parents=True)
    for name in ("apt", "bash"):
        (tmp_path / "usr/bin" / name).touch()
    (info / "apt.list").write_text("/.\n/usr\n/usr/bin\n/usr/bin/apt\n/usr/share/gone\n")
    live_root.drop_packages(tmp_path, ["apt", "never-installed"])
    assert [path.name for path in (tmp_path / "usr/bin").iterdir()] == ["bash"]


def test_paths_are_removed_and_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    root = tmp_path / "root"
    (root / "etc/cron.d").mkdir(parents=True)
    (root / "etc/link").symlink_to(outside)
    live_root.remove_paths(root, ["etc/cron*", "etc/link", "no/such*"])
    assert list((root / "etc").iterdir()) == []
    assert (outside / "kept").exists()


def kernel(root: Path) -> Path:
    folder = root / "usr/lib/modules/6.12"
    for line in DEP.splitlines():
        path = folder / line.split(":")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(lzma.compress(path.name.encode()))
    (folder / "modules.dep").write_text(DEP)
    (folder / "modules.softdep").write_text(SOFTDEP)
    return folder


def test_modules_are_unpacked_and_the_rest_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(live_root, "run", asked.append)
    folder = kernel(tmp_path)
    assert live_root.trim_modules(tmp_path, ["drivers/net/ethernet/intel/e1000/*"], []) == "6.12"
    (left,) = folder.rglob("*.ko*")
    assert (left.name, left.read_bytes()) == ("e1000.ko", b"e1000.ko.xz")
    assert asked == [["chroot", str(tmp_path), "depmod", "6.12"]]


def test_firmware_is_what_network_modules_ask_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "usr/lib/firmware"
    for name in ("rtl_nic/real.fw", "bnx2x/a-7.fw", "bnx2x/a-8.fw", "amdgpu/big.bin"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "rtl_nic/rtl8168e-1.fw").symlink_to("real.fw")
    said = "rtl_nic/rtl8168e-1.fw\nbnx2x/a-8*.fw\nnot/there.fw\n"
    monkeypatch.setattr(live_root, "run", lambda _: said)
    live_root.trim_firmware(tmp_path, "6.12")
    left = {str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir()}
    assert left == {"rtl_nic/rtl8168e-1.fw", "rtl_nic/real.fw", "bnx2x/a-8.fw"}


def test_no_realtek_firmware_stops_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "usr/lib/firmware").mkdir(parents=True)
    monkeypatch.setattr(live_root, "run", lambda _: "rtl_nic/rtl8168e-1.fw\n")
    with pytest.raises(live_root.BuildError, match="Realtek"):
        live_root.trim_firmware(tmp_path, "6.12")


def test_an_unfinished_build_is_deleted_unless_something_is_mounted_in_it(tmp_path: Path) -> None:
    work = tmp_path / ".partial-1"
    (work / "root").mkdir(parents=True)
    live_root.discard(work)
    assert not work.exists()
    live_root.discard(Path("/proc"))
    assert Path("/proc/self").exists()


def test_argument_specs_name_every_default() -> None:
    specs = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())
    options = specs["argument_specs"]["main"]["options"]
    assert DEFAULTS.keys() == {n for n, o in options.items() if not o.get("required")}
    for name, option in options.items():
        assert "default" not in option or option["default"] == DEFAULTS[name]


# What the roles run or load on a machine, and the package it is in (Debian 13).
BELONGS = {
    "blkdiscard": "util-linux",
    "hdparm": "hdparm",
    "libgmp.so.10": "libgmp10",
    "lsblk": "util-linux",
    "nvme": "nvme-cli",
    "rtcwake": "util-linux",
    "sg_opcodes": "sg3-utils",
    "sg_requests": "sg3-utils",
    "sg_sanitize": "sg3-utils",
    "smartctl": "smartmontools",
    "systemd-run": "systemd",
}


@pytest.mark.parametrize("tool", BELONGS)
def test_tools_that_the_roles_run_are_asked_for_by_name(tool: str) -> None:
    """Not by chance, as something that another package needs today."""
    code = "\n".join(
        path.read_text()
        for role in ("disk_tools", "disk_wipe", "disk_inspect")
        for path in (ROLE.parent / role).rglob("*.py")
    )
    assert f'"{tool}"' in code, "nothing runs it any more"
    assert BELONGS[tool] in DEFAULTS["live_environment_packages"]


@pytest.mark.parametrize(
    "driver",
    ["drivers/ata/", "drivers/mmc/", "drivers/acpi/", "drivers/scsi/", "drivers/usb/storage/"],
)
def test_drivers_of_every_medium_and_of_power_are_kept(driver: str) -> None:
    assert f"{driver}*" in DEFAULTS["live_environment_kernel_modules"]


def test_nvme_behind_a_raid_controller_is_seen() -> None:
    assert "drivers/pci/controller/vmd.ko" in DEFAULTS["live_environment_kernel_modules"]
