"""GRUB's texts, the boot sector's check, and the ESP, read by tools that are not ours."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible.module_utils.netspring_install import boot, fat, grub, partition
from ansible.module_utils.netspring_install.errors import InstallError

MIB = 1 << 20
UUIDS = {
    "netspring-esp": "E5B1-D053",
    "netspring-rescue": "94154b83-ba4c-4d2e-975b-453e0c8e3950",
    "netspring-root": "da27275d-18f0-4f78-be51-50e6a61b4f20",
    "netspring-home": "11df4571-9fac-4074-9c7a-680e29a64062",
}
MENU = grub.Menu(timeout=2, cmdline="quiet fsck.repair=yes", rescue_cmdline="quiet")
# What keeps sshd from starting in the live environment of a PC that was handed over.
MASKS = "systemd.mask=ssh.service systemd.mask=ssh.socket"
FILES = {
    "EFI/BOOT/BOOTX64.EFI": os.urandom(MIB + 17),
    "EFI/BOOT/GRUBX64.EFI": os.urandom(2 * MIB),
    "EFI/BOOT/MMX64.EFI": os.urandom(511),
    "EFI/DEBIAN/GRUB.CFG": grub.efi_config(UUIDS["netspring-root"]),
}


def tool(*argv: str | Path) -> bytes:
    return subprocess.run([str(a) for a in argv], check=True, capture_output=True).stdout


@pytest.fixture(params=[34, 256], ids=["34 MiB", "256 MiB"])
def esp(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An ESP on a plain file; a partition is written by the very same calls."""
    path = tmp_path / "esp"
    path.touch()
    os.truncate(path, request.param * MIB)
    partition.make_esp(str(path), "E5B1-D053")
    return path


def test_the_esp_is_sound_to_other_tools(esp: Path) -> None:
    fat.add(str(esp), FILES)
    tool("fsck.fat", "-n", esp)
    for name, data in FILES.items():
        assert tool("mtype", "-i", esp, f"::/{name.lower()}") == data
        assert fat.read(str(esp), name) == data
    assert b"E5B1-D053" in tool("blkid", "-p", esp)
    listed = tool("mdir", "-/", "-b", "-i", esp, "::").decode().split()
    assert sorted(n.removeprefix("::/") for n in listed if not n.endswith("/")) == sorted(FILES)


def test_other_tools_can_write_to_it_afterwards(esp: Path, tmp_path: Path) -> None:
    """A later update of GRUB must find a filesystem like any other."""
    fat.add(str(esp), FILES)
    (tmp_path / "new").write_bytes(os.urandom(3 * MIB))
    tool("mcopy", "-i", esp, tmp_path / "new", "::/EFI/BOOT/FBX64.EFI")
    tool("fsck.fat", "-n", esp)
    for name, data in FILES.items():
        assert fat.read(str(esp), name) == data


def test_what_is_not_there_is_not_read(esp: Path) -> None:
    fat.add(str(esp), FILES)
    for name in ("EFI/BOOT/FBX64.EFI", "BOOTX64.EFI", "EFI/BOOT/BOOTX64.EFI/X"):
        assert fat.read(str(esp), name) is None


def test_a_filesystem_with_files_is_not_added_to(esp: Path) -> None:
    fat.add(str(esp), FILES)
    before = esp.read_bytes()
    with pytest.raises(InstallError, match="is not empty"):
        fat.add(str(esp), FILES)
    assert esp.read_bytes() == before


def test_too_small_an_esp(esp: Path) -> None:
    with pytest.raises(InstallError, match="too small"):
        fat.add(str(esp), {"BIG.BIN": bytes(esp.stat().st_size)})


def test_no_fat_at_all(tmp_path: Path) -> None:
    path = tmp_path / "zeros"
    path.write_bytes(bytes(MIB))
    with pytest.raises(InstallError, match="holds no FAT32"):
        fat.add(str(path), FILES)


def test_settings_are_what_a_shell_reads() -> None:
    menu = grub.Menu(timeout=1, cmdline="quiet a='b c' $(reboot)", rescue_cmdline="quiet")
    text = grub.settings(menu) + 'printf %s "$GRUB_CMDLINE_LINUX_DEFAULT"'
    assert tool("sh", "-c", text).decode() == menu.cmdline
    assert "GRUB_TIMEOUT=1\n" in text
    assert "GRUB_DISABLE_OS_PROBER=true\n" in text


def test_the_rescue_entry_starts_the_live_environment_without_token_and_sshd() -> None:
    script = grub.rescue_entry(MENU, UUIDS["netspring-rescue"])
    entry = tool("sh", "-c", script).decode()
    assert f"--set=root {UUIDS['netspring-rescue']}\n" in entry
    assert f"linux /live/vmlinuz quiet {MASKS}\n" in entry
    assert "token" not in entry


def test_nobody_changes_an_entry_and_everybody_starts_one() -> None:
    """Nobody has the password, so a prompt before an entry would be a PC that does not start."""
    lock = tool("sh", "-c", grub.lock_script()).decode()
    assert lock.splitlines() == [
        'set superusers="netspring"',
        "export superusers",
        'menuentry_id_option="--unrestricted --id"',
        "export menuentry_id_option",
    ]
    assert "menuentry 'Rescue' --class rescue --unrestricted {" in grub.rescue_entry(MENU, "x")
    # What is read before the menu: with Esc a child gets back there.
    esp = grub.efi_config("x").decode().splitlines()
    assert esp.index("export superusers") < esp.index("configfile $prefix/grub.cfg")


def config(root: str = UUIDS["netspring-root"], rescue: str = UUIDS["netspring-rescue"]) -> str:
    return f"""menuentry_id_option="--id"
{grub.LOCK}{grub.FREE}
menuentry 'Debian' $menuentry_id_option 'gnulinux-simple' {{
\tlinux\t/boot/vmlinuz-6.12 root=UUID={root} ro quiet
}}
submenu 'Older' $menuentry_id_option 'gnulinux-advanced' {{
\tmenuentry 'Debian 6.11' $menuentry_id_option 'gnulinux-6.11' {{
\tlinux\t/boot/vmlinuz-6.11 root=UUID={root} ro quiet
}}
}}
menuentry 'Rescue' --unrestricted {{
search --fs-uuid --set=root {rescue}
linux /live/vmlinuz quiet {MASKS}
}}
"""


def test_a_configuration_is_checked() -> None:
    assert grub.config_problem(config(), UUIDS) is None
    for text, words in (
        ("", "starts no kernel"),
        (config(root=UUIDS["netspring-home"]), "does not start with root=UUID"),
        (config().replace("UUID=" + UUIDS["netspring-root"], "/dev/sda4"), "root=UUID"),
        (config(rescue="other"), "rescue entry is missing"),
        (config() + "netspring.token=1", "carries a token"),
        (config().replace(f" {MASKS}", ""), "would start sshd"),
        (config().replace(" systemd.mask=ssh.socket", ""), "would start sshd"),
        (config() + "linux /live/vmlinuz quiet\n", "would start sshd"),
        (config().replace("/live/vmlinuz", "/other"), "would start sshd"),
        (config().replace(grub.LOCK, ""), "anybody change"),
        (config().replace(grub.LOCK, "") + grub.LOCK, "anybody change"),
        (config().replace(grub.FREE, ""), "asks for a password"),
        (config().replace(" --unrestricted {", " {"), "asks for a password"),
        (config().replace("'Older' $menuentry_id_option", "'Older'"), "asks for a password"),
        (config() + 'menuentry_id_option="--id"\n', "asks for a password"),
    ):
        assert words in (grub.config_problem(text, UUIDS) or "")


def test_a_boot_sector_is_checked() -> None:
    core = os.urandom(60_000)
    embedded = os.urandom(1024) + core[1024:] + bytes(MIB - len(core))
    sector = bytearray(b"\xeb\x63" + bytes(508) + b"\x55\xaa")
    sector[0x5C:0x64] = (2048).to_bytes(8, "little")
    assert boot.bios_problem(bytes(sector), embedded, core, 2048) is None
    assert "no boot code" in (boot.bios_problem(bytes(512), embedded, core, 2048) or "")
    assert "does not lead" in (boot.bios_problem(bytes(sector), embedded, core, 4096) or "")
    other = bytes([embedded[5000] ^ 0xFF])
    for broken in (bytes(MIB), embedded[:5000] + other + embedded[5001:]):
        assert "core image" in (boot.bios_problem(bytes(sector), broken, core, 2048) or "")
    assert "core image" in (boot.bios_problem(bytes(sector), embedded, b"", 2048) or "")
