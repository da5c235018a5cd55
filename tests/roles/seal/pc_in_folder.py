"""A PC in a folder: files as an installed PC has them, systemd and sshd as recorded."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from ansible.module_utils.netspring_sealing import access, job
from ansible.module_utils.netspring_sealing.host import Host

from tests.on_target import ROLES

UUID = "4c4c4544-0000-1000-8000-000000000001"
KEY = "ssh-ed25519 AAAAC3Nz netspring-station"
TEXTS = yaml.safe_load((ROLES / "seal/vars/main.yml").read_text(encoding="utf-8"))["seal_texts"]
ORDER = job.Order(UUID, "pc-01", "NS-0001", KEY, TEXTS)
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
# Lines of /proc/net/tcp and tcp6 of a lab PC: sshd on 22, and something on 127.0.0.1:631 and ::1.
SSH4 = "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n"
SSH6 = (
    "   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0 0 0\n"
)
LOCAL4 = "   1: 0100007F:0277 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n"
LOCAL6 = (
    "   1: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 0 0 0\n"
)
MAPPED = (
    "   2: 0000000000000000FFFF00000100007F:0277 00000000000000000000000000000000:0000 0A 0 0 0\n"
)
OURS = "   3: 0F02000A:0016 0202000A:D4A2 01 00000000:00000000 02:0009F1C8 00000000     0\n"
WEB4 = "   4: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n"


@dataclass
class Pc(Host):
    """A PC in a folder; what systemd would do to sshd happens to its tables."""

    asked: list[tuple[str, ...]] = field(default_factory=list)
    state: dict[str, tuple[str, str]] = field(
        default_factory=lambda: {
            "ssh.service": ("enabled", "active"),
            "ssh.socket": ("disabled", "inactive"),
            "sshd-unix-local.socket": ("generated", "active"),
        }
    )
    stubborn: bool = False

    def run(self, *argv: str, accept: tuple[int, ...] = (0,)) -> str:
        del accept
        self.asked.append(argv)
        if argv[0] == "/usr/sbin/sshd":
            return "port 22\naddressfamily any\n"
        if argv[0] == "journalctl":
            return ""
        verb, unit = argv[1], argv[-1]
        enabled, active = self.state.get(unit, ("not-found", "inactive"))
        if verb == "is-enabled":
            return enabled + "\n"
        if verb == "is-active":
            return active + "\n"
        if verb == "stop" and not self.stubborn:
            self.state[unit] = (enabled, "inactive")
            if unit == "ssh.service":
                tables(self.root, LOCAL4 + OURS, LOCAL6)
        if verb in ("mask", "unmask"):
            for one in argv[2:]:
                _, active = self.state.get(one, ("not-found", "inactive"))
                self.state[one] = ("masked" if verb == "mask" else "disabled", active)
        if verb == "disable":
            self.state[unit] = ("disabled", active)
        if verb == "enable":
            self.state[unit] = ("enabled", "active")
        return ""

    @property
    def deeds(self) -> list[tuple[str, ...]]:
        """What was asked of systemd and journald beyond questions."""
        words = ("is-enabled", "is-active", "-T")
        return [argv for argv in self.asked if not set(argv) & set(words)]


def tables(root: Path, four: str, six: str) -> None:
    for name, lines in (("tcp", four), ("tcp6", six)):
        path = root / "proc/net" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD + lines)


PLANTED = (
    "root/.ansible/tmp/one/x",
    "root/.bash_history",
    "root/.ssh/known_hosts",
    "run/netspring/install/result.json",
    "run/netspring-update/lists/x",
    "var/lib/netspring-work/x",
    "tmp/.ansible/x",
    "tmp/ansible_abc/x",
    "home/pupil/.bash_history",
    "home/pupil/.python_history",
    "var/lib/apt/lists/mirror_dists_trixie_InRelease",
    "var/cache/apt/archives/a_1_all.deb",
    "var/cache/apt/pkgcache.bin",
    "var/lib/NetworkManager/internal-1.lease",
    "var/lib/wtmpdb/wtmp.db",
    "var/log/auth.log.1",
    "var/log/apt/history.log.1.gz",
    "var/log/journal/0123/system.journal",
    "var/log/journal/0123/system@1.journal",
)
EMPTIED = ("var/log/dpkg.log", "var/log/wtmp", "var/log/apt/term.log")
KEPT = (
    "home/pupil/.config/settings",
    "etc/netspring/firewall.d/50-other.nft",
    "var/lib/netspring/desktop/x",
    "home/pupil/画/one.png",
    "etc/netspring/image.json",
    "etc/ssh/ssh_host_ed25519_key",
    "var/lib/systemd/random-seed",
    "var/lib/dpkg/status",
    "root/.profile",
)


MENUS = ("boot/grub/grub.cfg", "etc/grub.d/42_netspring_rescue")
SYSTEM_ENTRY = "\tlinux\t/boot/vmlinuz-6.12 root=UUID=12 ro quiet"
OPEN_ENTRY = "\tlinux /live/vmlinuz quiet"
CLOSED_ENTRY = f"{OPEN_ENTRY} systemd.mask=ssh.service systemd.mask=ssh.socket"
UDP = (
    "   0: 00000000:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0\n"
)


def tree(root: Path) -> dict[str, bytes | str]:
    """Everything that lies in the tree."""
    return {
        str(path.relative_to(root)): (
            str(path.readlink())
            if path.is_symlink()
            else "folder"
            if path.is_dir()
            else path.read_bytes()
        )
        for path in sorted(root.rglob("*"))
        if "proc" not in path.parts
    }


def installed(root: Path) -> Pc:
    """A PC that was provisioned and checked, and may be sealed."""
    for name in (*PLANTED, *EMPTIED, *KEPT):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("something\n")
    (root / "etc/netspring/machine.json").write_text(
        json.dumps({"hostname": "pc-01", "asset_tag": "NS-0001", "image": "core-1"})
    )
    (root / "root/.ssh/authorized_keys").write_text(KEY + "\n")
    (root / access.HOLE).write_text("tcp dport 22 accept\n")
    for name in MENUS:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{SYSTEM_ENTRY}\n{OPEN_ENTRY}\n")
    (root / "etc/grub.d/42_netspring_rescue").chmod(0o755)
    dmi = root / "sys/class/dmi/id"
    dmi.mkdir(parents=True)
    (dmi / "product_uuid").write_text(UUID.upper() + "\n")
    (dmi / "chassis_asset_tag").write_text("LAB-7\n")
    tables(root, SSH4 + LOCAL4 + OURS, SSH6 + LOCAL6 + MAPPED)
    return Pc(root)
