"""What a sealing does to a PC: in a tree that looks like one, with systemd and sshd as recorded."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.netspring_sealing import access, job, traces
from ansible.module_utils.netspring_sealing.host import Host, RefusedError, SealError

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
    "var/lib/netspring/x",
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
    "home/pupil/画/one.png",
    "etc/netspring/image.json",
    "etc/ssh/ssh_host_ed25519_key",
    "var/lib/systemd/random-seed",
    "var/lib/dpkg/status",
    "root/.profile",
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


@pytest.fixture
def pc(tmp_path: Path) -> Pc:
    root = tmp_path / "pc"
    for name in (*PLANTED, *EMPTIED, *KEPT):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("something\n")
    (root / "etc/netspring/machine.json").write_text(
        json.dumps({"hostname": "pc-01", "asset_tag": "NS-0001", "image": "core-1"})
    )
    (root / "root/.ssh/authorized_keys").write_text(KEY + "\n")
    dmi = root / "sys/class/dmi/id"
    dmi.mkdir(parents=True)
    (dmi / "product_uuid").write_text(UUID.upper() + "\n")
    (dmi / "chassis_asset_tag").write_text("LAB-7\n")
    tables(root, SSH4 + LOCAL4 + OURS, SSH6 + LOCAL6 + MAPPED)
    return Pc(root)


def test_a_sealed_pc_keeps_its_tag_and_what_is_the_childs(pc: Pc) -> None:
    result = job.run(pc, ORDER)
    assert (result["outcome"], result["asset_tag"], result["uuid"]) == ("sealed", "NS-0001", UUID)
    assert result["dmi_asset_tag"] == "LAB-7"
    assert result["listening"] == []
    assert [name for name in PLANTED if (pc.root / name).exists()] == []
    assert [name for name in EMPTIED if (pc.root / name).read_bytes()] == []
    assert [name for name in KEPT if not (pc.root / name).exists()] == []
    assert not (pc.root / "root/.ssh/authorized_keys").exists()
    mark = json.loads((pc.root / job.MARK).read_text())
    assert (mark["asset_tag"], mark["hostname"]) == ("NS-0001", "pc-01")
    for name in (job.TAG, job.ISSUE):
        assert "NS-0001" in (pc.root / name).read_text(encoding="utf-8")
    assert "已封存" in (pc.root / job.SEALED_ISSUE).read_text(encoding="utf-8")


def test_the_way_in_goes_last_and_the_mark_after_it(pc: Pc) -> None:
    changed = job.run(pc, ORDER)["changed"]
    order = [
        changed.index("/etc/netspring/asset-tag.txt"),
        changed.index("/root/.ansible"),
        changed.index("/var/log/journal/0123/system.journal"),
        changed.index("/root/.ssh/authorized_keys"),
        changed.index("ssh.service"),
        changed.index("/etc/netspring/sealed.json"),
    ]
    assert order == sorted(order)
    assert pc.deeds == [
        ("journalctl", "--relinquish-var"),
        ("systemctl", "disable", "ssh.socket"),
        ("systemctl", "disable", "ssh.service"),
        ("systemctl", "stop", "sshd-unix-local.socket"),
        ("systemctl", "stop", "ssh.service"),
    ]


def test_a_second_run_changes_nothing(pc: Pc) -> None:
    job.run(pc, ORDER)
    before = tree(pc.root)
    again = Pc(pc.root, state=pc.state)
    assert job.run(again, ORDER)["changed"] == []
    assert tree(pc.root) == before
    assert again.deeds == []


def test_pretending_changes_nothing_and_tells_all(pc: Pc) -> None:
    before = tree(pc.root)
    pretending = Pc(pc.root, pretend=True)
    result = job.run(pretending, ORDER)
    assert result["outcome"] == "would be sealed"
    assert tree(pc.root) == before
    assert pretending.deeds == []
    assert result["changed"] == job.run(pc, ORDER)["changed"]


@pytest.mark.parametrize(
    "deed",
    [
        lambda host: traces.take_away(host),
        lambda host: traces._journal(host),
        lambda host: access._off(host),
    ],
    ids=["before the way in", "journal only", "in the middle of the way in"],
)
def test_broken_off_anywhere_it_is_simply_run_again(pc: Pc, deed: Callable[[Host], None]) -> None:
    deed(pc)
    assert job.run(pc, ORDER)["outcome"] == "sealed"
    assert not (pc.root / "root/.ssh/authorized_keys").exists()
    assert access.is_closed(pc)


def live(pc: Pc) -> None:
    (pc.root / "run/netspring-live").touch()


def another_uuid(pc: Pc) -> None:
    (pc.root / "sys/class/dmi/id/product_uuid").write_text("other\n")


def no_uuid(pc: Pc) -> None:
    (pc.root / "sys/class/dmi/id/product_uuid").unlink()


def another_tag(pc: Pc) -> None:
    told = {"hostname": "pc-01", "asset_tag": "NS-9"}
    (pc.root / job.MACHINE).write_text(json.dumps(told))


def no_machine(pc: Pc) -> None:
    (pc.root / job.MACHINE).unlink()


def broken_machine(pc: Pc) -> None:
    (pc.root / job.MACHINE).write_text("[]")


def another_key(pc: Pc) -> None:
    with (pc.root / "root/.ssh/authorized_keys").open("a") as file:
        file.write("ssh-ed25519 BBBB somebody@else\n")


def second_file(pc: Pc) -> None:
    (pc.root / "root/.ssh/authorized_keys2").write_text("ssh-rsa CCCC old\n")


def web_server(pc: Pc) -> None:
    tables(pc.root, SSH4 + WEB4, SSH6)


REFUSALS: dict[str, tuple[Callable[[Pc], None], str]] = {
    "live environment": (live, "live environment"),
    "another machine": (another_uuid, "its uuid is 'other'"),
    "no uuid": (no_uuid, "its uuid is ''"),
    "another tag": (another_tag, "its asset_tag is 'NS-9'"),
    "not ours": (no_machine, "machine.json cannot be read"),
    "not readable": (broken_machine, "machine.json cannot be read"),
    "another key": (another_key, "somebody@else"),
    "another key file": (second_file, "authorized_keys2: old"),
    "an open port": (web_server, "TCP port 80"),
}


@pytest.mark.parametrize(("spoil", "said"), REFUSALS.values(), ids=list(REFUSALS))
def test_a_refusal_says_why_and_changes_nothing(
    pc: Pc, spoil: Callable[[Pc], None], said: str
) -> None:
    spoil(pc)
    before = tree(pc.root)
    with pytest.raises(RefusedError) as refused:
        job.run(pc, ORDER)
    assert said in refused.value.reason
    assert "nothing was changed" in refused.value.reason
    assert refused.value.hint
    assert tree(pc.root) == before
    assert pc.changed == []
    assert pc.deeds == []


def test_a_port_that_is_allowed_stays_open(pc: Pc) -> None:
    tables(pc.root, SSH4 + WEB4, SSH6)
    order = job.Order(UUID, "pc-01", "NS-0001", KEY, TEXTS, frozenset({80}))
    assert job.run(pc, order)["outcome"] == "sealed"


def test_a_sshd_that_does_not_stop_leaves_the_way_open_for_another_try(pc: Pc) -> None:
    pc.stubborn = True
    with pytest.raises(SealError, match=r"ssh\.service is disabled and active"):
        job.run(pc, ORDER)
    assert (pc.root / "root/.ssh/authorized_keys").read_text() == KEY + "\n"
    assert not (pc.root / job.MARK).exists()
    assert pc.deeds[-1] == ("systemctl", "enable", "--now", "ssh.service")
    pc.stubborn = False
    assert job.run(pc, ORDER)["outcome"] == "sealed"


def test_a_key_that_cannot_be_removed_opens_the_way_again(
    pc: Pc, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only() -> None:
        raise OSError("read-only file system")

    with monkeypatch.context() as during:
        during.setattr(os, "sync", read_only)
        with pytest.raises(OSError, match="read-only"):
            job.run(pc, ORDER)
    key = pc.root / "root/.ssh/authorized_keys"
    assert key.read_text() == KEY + "\n"
    assert key.stat().st_mode & 0o777 == 0o600
    assert pc.state["ssh.service"] == ("enabled", "active")
    assert not (pc.root / job.MARK).exists()


def test_closed_but_not_written_is_told_as_such(pc: Pc, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(job, "_mark", full)
    with pytest.raises(SealError, match="it is closed, but") as error:
        job.run(pc, ORDER)
    assert "counts as not sealed" in error.value.hint


def test_a_link_is_taken_away_and_never_what_it_leads_to(pc: Pc, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_text("mine")
    (pc.root / "var/lib/netspring-x").symlink_to(outside)
    (pc.root / "var/log/linked").symlink_to(outside / "mine")
    job.run(pc, ORDER)
    assert not (pc.root / "var/lib/netspring-x").is_symlink()
    assert (outside / "mine").read_text() == "mine"


def test_the_program_that_runs_is_left_to_ansible(pc: Pc, monkeypatch: pytest.MonkeyPatch) -> None:
    own = pc.root / "tmp/ansible_netspring_seal_payload_x"
    own.mkdir()
    monkeypatch.syspath_prepend(own / "payload.zip")
    job.run(pc, ORDER)
    assert own.is_dir()
    assert not (pc.root / "tmp/ansible_abc").exists()


def test_what_other_computers_can_reach(pc: Pc) -> None:
    assert access.listening(pc) == {22}
    tables(pc.root, WEB4 + LOCAL4, MAPPED + LOCAL6)
    assert access.listening(pc) == {80}
    (pc.root / "proc/net/tcp6").unlink()
    assert access.listening(pc) == {80}


def test_a_tag_with_a_backslash_is_shown_as_it_is(pc: Pc) -> None:
    told = {"hostname": "pc-01", "asset_tag": "A\\n1"}
    (pc.root / job.MACHINE).write_text(json.dumps(told))
    job.run(pc, job.Order(UUID, "pc-01", "A\\n1", KEY, TEXTS))
    assert "A\\\\n1" in (pc.root / job.ISSUE).read_text(encoding="utf-8")
    assert "A\\n1\n" in (pc.root / job.TAG).read_text(encoding="utf-8")


def test_a_program_that_fails_or_is_missing_is_told(tmp_path: Path) -> None:
    host = Host(tmp_path)
    with pytest.raises(SealError, match="ended with 3"):
        host.run("sh", "-c", "echo bad >&2; exit 3")
    with pytest.raises(SealError, match="could not be run"):
        host.run("no-such-program-here")
    assert host.run("sh", "-c", "exit 3", accept=(3,)) == ""


def test_the_specs_defaults_are_the_roles_defaults() -> None:
    defaults = yaml.safe_load((ROLES / "seal/defaults/main.yml").read_text())
    specs = yaml.safe_load((ROLES / "seal/meta/argument_specs.yml").read_text())
    options = specs["argument_specs"]["main"]["options"]
    assert {n: o["default"] for n, o in options.items() if "default" in o} == defaults
    assert [n for n, o in options.items() if o.get("required")] == ["seal_station_key"]
