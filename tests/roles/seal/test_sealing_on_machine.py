"""What a sealing does to a PC: in a tree that looks like one, with systemd and sshd as recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.netspring_sealing import access, job, rescue, traces
from ansible.module_utils.netspring_sealing.host import Host, RefusedError, SealError
from pc_in_folder import (
    CLOSED_ENTRY,
    EMPTIED,
    HEAD,
    KEPT,
    KEY,
    MENUS,
    ORDER,
    PLANTED,
    SSH4,
    SSH6,
    SYSTEM_ENTRY,
    TEXTS,
    UDP,
    UUID,
    WEB4,
    Pc,
    tables,
    tree,
)

from tests.on_target import ROLES


def test_a_sealed_pc_keeps_its_tag_and_what_is_the_childs(pc: Pc) -> None:
    result = job.run(pc, ORDER)
    assert (result["outcome"], result["asset_tag"], result["uuid"]) == ("sealed", "NS-0001", UUID)
    assert result["dmi_asset_tag"] == "LAB-7"
    assert result["listening"] == []
    assert [name for name in PLANTED if (pc.root / name).exists()] == []
    assert [name for name in EMPTIED if (pc.root / name).read_bytes()] == []
    assert [name for name in KEPT if not (pc.root / name).exists()] == []
    assert not (pc.root / "root/.ssh/authorized_keys").exists()
    assert not (pc.root / access.HOLE).exists()
    for name in MENUS:
        assert (pc.root / name).read_text() == f"{SYSTEM_ENTRY}\n{CLOSED_ENTRY}\n"
    assert (pc.root / "etc/grub.d/42_netspring_rescue").stat().st_mode & 0o777 == 0o755
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
        changed.index("/boot/grub/grub.cfg"),
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
        ("systemctl", "mask", "ssh.socket", "ssh.service"),
        ("systemctl", "reload-or-restart", "nftables.service"),
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
        lambda host: rescue.close(host),
        lambda host: access._off(host),
    ],
    ids=["before the way in", "journal only", "rescue entry", "in the middle of the way in"],
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


def announcer(pc: Pc) -> None:
    (pc.root / "proc/net/udp").write_text(HEAD + UDP.format(port=5353, state="07"))


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
    "an open UDP port": (announcer, "UDP port 5353"),
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
