"""A PC is brought up to date, checked and sealed; then nobody enters it, and it says who it is."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netspring_provision import door, lab
from netspring_provision.door import Door
from netspring_provision.lab import session
from netspring_provision.ledger import Ledger
from tests.vm.conftest import GIB, Lab

# About 10 minutes on a busy station: part of `make test-all`.
pytestmark = [pytest.mark.vm, pytest.mark.slow]
NAME = "seal-1"
GRUBENV = "boot/grub/grubenv"
WHERE = ("-i", "inventories/lab", "--limit", NAME)
# What a technician and the station's tools leave, planted so that the test sees it go.
PLANTED = {
    "/root/.bash_history": "netspring verify",
    "/root/.ansible/tmp/x": "trace-of-provisioning",
    "/var/cache/apt/archives/x_1_all.deb": "trace-of-provisioning",
    "/var/lib/netspring-work/x": "trace-of-provisioning",
    "/home/pupil/.bash_history": "trace-of-provisioning",
    "/home/pupil/painting.txt": "a child's work",
}


@pytest.fixture(scope="module")
def sealed_lab(module_lab: Lab) -> Lab:
    """A station with one PC that was installed with `core`, runs it, and passed its checks."""
    module_lab.pc(NAME, "sata:5G", memory=GIB)
    module_lab.live(NAME)
    plan = module_lab.plan(NAME)
    phrase = ("--confirm", plan["confirm"])
    done = module_lab.json("provision", *WHERE, "--image", "core-zh_CN", *phrase)
    assert done["machines"][0]["steps"] == {"wipe": "ok", "install": "ok", "verify": "ok"}
    return module_lab


def test_from_verified_to_sealed(sealed_lab: Lab, tmp_path: Path) -> None:
    """Updated twice, checked, sealed, looked at from outside, from the disk, and by the ledger."""
    port = lab.load(sealed_lab.station, NAME).ssh_port
    assert port

    first, second = (sealed_lab.ansible("update", NAME) for _ in range(2))
    assert first["unreachable"] == first["failures"] == 0, first
    assert second == {**second, "changed": 0, "failures": 0, "unreachable": 0}
    assert second["ok"] > 5

    assert "tcp dport 22 accept" in shell(sealed_lab, "nft list chain inet netspring open")
    plant(sealed_lab)
    kept = shell(sealed_lab, "cat /etc/netspring/machine.json")
    would = sealed_lab.ansible("seal", NAME, "--check", "--extra-vars", station_key(sealed_lab))
    assert would["changed"] == 1
    assert shell(sealed_lab, "cat /root/.bash_history") == PLANTED["/root/.bash_history"]

    result = sealed_lab.json("seal", *WHERE)["machines"][0]
    tag = lab.load(sealed_lab.station, NAME).asset_tag
    assert (result["standing"], result["sealed"], result["asset_tag"]) == ("sealed", True, tag)
    assert (result["door"], result["key_login"]) == ("closed", False)
    assert result["machine"]["dmi_asset_tag"] == tag
    assert result["machine"]["listening"] == []
    assert door.knock("127.0.0.1", port) is Door.CLOSED

    ledger = Ledger(sealed_lab.station.ledger)
    uuid = result["uuid"]
    started, ended = ledger.last("seal_started", uuid), ledger.last("seal", uuid)
    assert started
    assert ended
    assert started.seq < ended.seq
    assert ended.body["sealed"] is True
    before = ledger.check()

    again = sealed_lab.json("seal", *WHERE)["machines"][0]
    assert again["standing"] == "already sealed"
    assert ledger.check() == before, "a second run did something"

    # It stays so after a boot of its own, and says so on the screen's text console.
    lab.stop(sealed_lab.station, NAME)
    pc = lab.start(sealed_lab.station, NAME, boot="disk")
    assert pc.ssh_port
    wait_for_boot(pc.ssh_port)
    assert door.knock("127.0.0.1", pc.ssh_port) is Door.CLOSED
    lab.stop(sealed_lab.station, NAME)
    traces = (b"trace-of-provisioning", b"Accepted publickey", key_of(sealed_lab).encode())
    disk = pc.disks[0].path
    with partition(disk, "netspring-root", tmp_path / "root") as root:
        told = root / "etc/netspring"
        assert json.loads((told / "sealed.json").read_text())["asset_tag"] == tag
        assert (told / "machine.json").read_text().strip() == kept
        assert tag in (told / "asset-tag.txt").read_text(encoding="utf-8")
        assert tag in (root / "etc/issue.d/netspring.issue").read_text(encoding="utf-8")
        assert not (root / "root/.ssh/authorized_keys").exists()
        assert list((root / "etc/netspring/firewall.d").iterdir()) == []
        units = root / "etc/systemd/system"
        for unit in ("ssh.service", "ssh.socket"):
            assert str((units / unit).readlink()) == "/dev/null"
        assert not (units / "multi-user.target.wants/ssh.service").is_symlink()
        assert not (units / "sockets.target.wants/ssh.socket").is_symlink()
        places = [root / name for name in ("etc", "root", "var", "tmp", "opt")]
        assert files_with(traces, *places) == []
        booted = journal(root)
        assert booted, "it did not boot"
    with partition(disk, "netspring-home", tmp_path / "home-of-pupil") as home:
        assert files_with(traces, home) == []
        assert (home / "pupil/painting.txt").read_text() == PLANTED["/home/pupil/painting.txt"]
    with partition(disk, "netspring-rescue", tmp_path / "rescue") as rescue:
        assert (rescue / "live/vmlinuz").is_file(), "a reset needs it"

    # The rescue entry starts the live environment, which knows the station's key: nobody gets in.
    with partition(disk, "netspring-root", tmp_path / "root-again", "rw") as root:
        entries = (root / "boot/grub/grub.cfg").read_text()
        assert entries.count("/live/vmlinuz") == 1
        choose_at_next_start(root, "Rescue")
    pc = lab.start(sealed_lab.station, NAME, boot="disk")
    assert pc.ssh_port
    wait_for_boot(pc.ssh_port)
    assert door.knock("127.0.0.1", pc.ssh_port) is Door.CLOSED
    lab.kill(sealed_lab.station, NAME)
    with partition(disk, "netspring-root", tmp_path / "root-after") as root:
        assert b"next_entry=Rescue" not in (root / GRUBENV).read_bytes(), "GRUB did not take it"
        assert journal(root) == booted, "it was the installed system that started"


def journal(root: Path) -> dict[str, bytes]:
    """The log on the disk: it grows with every boot of the installed system."""
    found = sorted((root / "var/log/journal").rglob("*.journal"))
    return {path.name: hashlib.sha256(path.read_bytes()).digest() for path in found}


def choose_at_next_start(root: Path, entry: str) -> None:
    """What grub-reboot(8) writes: GRUB's environment block, 1024 bytes."""
    text = f"# GRUB Environment Block\nnext_entry={entry}\n".encode()
    (root / GRUBENV).write_bytes(text.ljust(1024, b"#"))


def key_of(made: Lab) -> str:
    """The base64 of the station's public key."""
    return made.station.ssh_key.with_suffix(".pub").read_text().split()[1]


def station_key(made: Lab) -> str:
    """The role's one required variable."""
    return json.dumps({"seal_station_key": f"ssh-ed25519 {key_of(made)}"})


def shell(made: Lab, words: str) -> str:
    """What a command prints on the PC."""
    return session.shell(made.station, NAME, words).rstrip("\n")


def plant(made: Lab) -> None:
    for path, text in PLANTED.items():
        folder = Path(path).parent
        shell(made, f'mkdir -p {folder} && printf %s "{text}" > {path}')
    shell(made, "logger trace-of-provisioning; journalctl --sync; ls /var/log/journal/*/*")


def wait_for_boot(port: int) -> None:
    """Until the PC refuses: a virtual PC that is still starting says nothing at all."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        found = door.knock("127.0.0.1", port)
        assert found is not Door.OPEN, "sshd is there again after a boot"
        if found is Door.CLOSED:
            time.sleep(45)  # sshd would come after the network
            return
        time.sleep(2)
    raise AssertionError("nothing was heard of it after the boot")


@contextmanager
def partition(image: Path, label: str, at: Path, how: str = "ro,noload") -> Iterator[Path]:
    """A partition of the PC's disk, mounted on the host, read-only unless it says otherwise."""
    told = subprocess.run(["sfdisk", "--json", image], capture_output=True, check=True).stdout
    table = json.loads(told)["partitiontable"]
    (found,) = [one for one in table["partitions"] if one.get("name") == label]
    start, size = (found[key] * table["sectorsize"] for key in ("start", "size"))
    at.mkdir()
    options = f"{how},loop,offset={start},sizelimit={size}"
    subprocess.run(["mount", "-t", "ext4", "-o", options, image, at], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", at], check=True)


def files_with(words: tuple[bytes, ...], *folders: Path) -> list[str]:
    """Files that hold one of the words."""
    files = (path for folder in folders for path in sorted(folder.rglob("*")))
    return [
        str(path)
        for path in files
        if path.is_file() and not path.is_symlink() and any(w in path.read_bytes() for w in words)
    ]
