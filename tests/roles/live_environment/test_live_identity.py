"""The marker that permits a wipe is made only in a true live system; the banner proves the key."""

import hashlib
import hmac
import types
from pathlib import Path
from typing import Any

import pytest

PROGRAM = (
    Path(__file__).parents[3]
    / "roles/live_environment/files/overlay/usr/lib/netspring/live-identity"
)
# Not imported: that would leave a __pycache__ among the files of the live system.
identity: Any = types.ModuleType("live_identity")
exec(compile(PROGRAM.read_text(), str(PROGRAM), "exec"), identity.__dict__)  # noqa: S102

# Recorded from the live environment in QEMU (kernel 6.12.117).
LIVE = """\
1 1 0:2 / / rw shared:1 - rootfs rootfs rw,size=460016k,nr_inodes=115004,inode64
24 1 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:2 - proc proc rw
26 1 0:6 / /dev rw,nosuid shared:8 - devtmpfs devtmpfs rw,size=4096k,mode=755,inode64
30 1 0:26 / /run rw,nosuid,nodev shared:11 - tmpfs tmpfs rw,size=197660k,mode=755,inode64
"""
DISK = "36 1 8:1 / /mnt rw,relatime shared:20 - ext4 /dev/sda1 rw\n"
SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
TOKEN = "0123456789abcdef" * 4


def test_the_live_system_in_ram_is_accepted() -> None:
    assert identity.why_not_live(LIVE, SWAPS, True) is None


@pytest.mark.parametrize(
    ("mounts", "swaps", "stamp", "reason"),
    [
        (LIVE, SWAPS, False, "not built as a live"),
        (LIVE + DISK, SWAPS, True, "a disk is mounted at /mnt"),
        (LIVE, SWAPS + "/dev/sda2 partition 1 0 -2\n", True, "swap"),
        (LIVE.replace("0:2 / / rw", "8:1 / / rw"), SWAPS, True, "a disk is mounted at /"),
        (LIVE.replace("rootfs rootfs", "overlay overlay"), SWAPS, True, "not in RAM but overlay"),
        (LIVE.replace("rootfs rootfs", "tmpfs tmpfs"), SWAPS, True, "not in RAM but tmpfs"),
        ("", SWAPS, True, "not in RAM but unknown"),
    ],
)
def test_anything_else_is_not(mounts: str, swaps: str, stamp: bool, reason: str) -> None:
    assert reason in identity.why_not_live(mounts, swaps, stamp)


def test_this_computer_is_not_a_live_system() -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    assert identity.why_not_live(mounts, Path("/proc/swaps").read_text(), True) is not None


@pytest.mark.parametrize(
    ("cmdline", "token"),
    [
        (f"quiet netspring.token={TOKEN} ro\n", TOKEN),
        (f"netspring.token={TOKEN}", TOKEN),
        ("quiet\n", None),
        ("netspring.token= quiet", None),
        (f"netspring.token={TOKEN.upper()}", None),
        (f"netspring.token={TOKEN} netspring.token={TOKEN}", None),
        (f"xnetspring.token={TOKEN}", None),
        (f"netspring.token={TOKEN}0", None),
    ],
)
def test_token_of_the_command_line(cmdline: str, token: str | None) -> None:
    assert identity.token_of(cmdline) == token


def test_banner_is_the_proof_that_enrolment_checks() -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"
    proof = hmac.new(TOKEN.encode(), key.encode(), hashlib.sha256).hexdigest()
    assert identity.banner(TOKEN, key) == f"netspring-live v1 {key} {proof}\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A machine whose /proc is ours, and whose host key is already made."""
    files = {
        "/proc/cmdline": f"netspring.token={TOKEN}\n",
        "/proc/self/mountinfo": LIVE,
        "/proc/swaps": SWAPS,
    }
    real = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda p, *a, **k: files.get(str(p)) or real(p, *a, **k))
    real_is_file = Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda p: "product_uuid" not in str(p) and real_is_file(p))
    folder = tmp_path / "netspring"
    folder.mkdir()
    for name, value in {
        "FOLDER": folder,
        "KEY": folder / "ssh_host_ed25519_key",
        "MARKER": tmp_path / "netspring-live",
        "STAMP": tmp_path / "live.json",
    }.items():
        monkeypatch.setattr(identity, name, value)
    (folder / "ssh_host_ed25519_key").touch()
    (folder / "ssh_host_ed25519_key.pub").write_text("ssh-ed25519 AAAA comment\n")
    (tmp_path / "live.json").write_text('{"inputs": "abc"}')
    return files


@pytest.mark.usefixtures("machine")
def test_a_live_machine_gets_marker_and_banner(tmp_path: Path) -> None:
    identity.main()
    assert (tmp_path / "netspring-live").read_text() == "abc\n"
    banner = (tmp_path / "netspring/banner").read_text()
    assert banner == identity.banner(TOKEN, "ssh-ed25519 AAAA")
    assert not (tmp_path / "netspring/refused").exists()


def test_without_a_token_there_is_neither(tmp_path: Path, machine: dict[str, str]) -> None:
    machine["/proc/cmdline"] = "quiet\n"
    identity.main()
    assert not (tmp_path / "netspring-live").exists()
    assert not (tmp_path / "netspring/banner").exists()
    assert "token" in (tmp_path / "netspring/refused").read_text()


def test_a_marker_does_not_outlive_its_reason(tmp_path: Path, machine: dict[str, str]) -> None:
    identity.main()
    machine["/proc/self/mountinfo"] = LIVE + DISK
    identity.main()
    assert not (tmp_path / "netspring-live").exists()
    assert "/mnt" in (tmp_path / "netspring/refused").read_text()
