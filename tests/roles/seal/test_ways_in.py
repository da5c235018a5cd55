"""The ways into a PC: what is open, and what a sealing closes, or opens again after an error."""

from __future__ import annotations

import os

import pytest
from ansible.module_utils.netspring_install import grub
from ansible.module_utils.netspring_sealing import access, job, rescue
from ansible.module_utils.netspring_sealing.host import Host, SealError
from pc_in_folder import (
    CLOSED_ENTRY,
    HEAD,
    KEY,
    LOCAL4,
    LOCAL6,
    MAPPED,
    OPEN_ENTRY,
    ORDER,
    SSH4,
    SSH6,
    SYSTEM_ENTRY,
    TEXTS,
    UDP,
    UUID,
    WEB4,
    Pc,
    tables,
)


def test_a_port_that_is_allowed_stays_open(pc: Pc) -> None:
    tables(pc.root, SSH4 + WEB4, SSH6)
    order = job.Order(UUID, "pc-01", "NS-0001", KEY, TEXTS, frozenset({80}))
    assert job.run(pc, order)["outcome"] == "sealed"


def test_a_sshd_that_does_not_stop_leaves_the_way_open_for_another_try(pc: Pc) -> None:
    pc.stubborn = True
    with pytest.raises(SealError, match=r"ssh\.service is masked and active"):
        job.run(pc, ORDER)
    assert (pc.root / "root/.ssh/authorized_keys").read_text() == KEY + "\n"
    assert (pc.root / access.HOLE).read_text() == "tcp dport 22 accept\n"
    assert not (pc.root / job.MARK).exists()
    assert pc.deeds[-2] == ("systemctl", "unmask", "ssh.socket", "ssh.service")
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
    assert (pc.root / access.HOLE).read_text() == "tcp dport 22 accept\n"
    assert pc.deeds[-3:-1] == [
        ("systemctl", "reload-or-restart", "nftables.service"),
        ("systemctl", "unmask", "ssh.socket", "ssh.service"),
    ]
    assert not (pc.root / job.MARK).exists()


def test_what_other_computers_can_reach(pc: Pc) -> None:
    assert access.listening(pc) == {22}
    tables(pc.root, WEB4 + LOCAL4, MAPPED + LOCAL6)
    assert access.listening(pc) == {80}
    (pc.root / "proc/net/tcp6").unlink()
    assert access.listening(pc) == {80}


def test_clients_that_wait_for_an_answer_are_no_service(pc: Pc) -> None:
    lines = [UDP.format(port=port, state="07") for port in (68, 546, 40000)]
    lines.append(UDP.format(port=123, state="01"))  # connected: a question to a clock
    lines.append(UDP.replace("00000000:{", "0100007F:{").format(port=53, state="07"))
    (pc.root / "proc/net/udp").write_text(HEAD + "".join(lines))
    assert access.listening(pc, "udp") == set()
    ranges = pc.root / "proc/sys/net/ipv4/ip_local_port_range"
    ranges.parent.mkdir(parents=True)
    ranges.write_text("32768\t39999\n")
    assert access.listening(pc, "udp") == {40000}


@pytest.mark.parametrize(
    ("line", "closed"),
    [
        (OPEN_ENTRY, CLOSED_ENTRY),
        (CLOSED_ENTRY, CLOSED_ENTRY),
        (f"{OPEN_ENTRY} systemd.mask=ssh.socket", f"{OPEN_ENTRY} systemd.mask=ssh.socket "
         "systemd.mask=ssh.service"),
        (f"{OPEN_ENTRY} netspring.token=ab12 x", f"{OPEN_ENTRY} x"
         " systemd.mask=ssh.service systemd.mask=ssh.socket"),
        ("linux ($root)/live/vmlinuz", "linux ($root)/live/vmlinuz"
         " systemd.mask=ssh.service systemd.mask=ssh.socket"),
        (SYSTEM_ENTRY, SYSTEM_ENTRY),
        ("# linux /live/vmlinuz", "# linux /live/vmlinuz"),
    ],
)  # fmt: skip
def test_the_rescue_entry_lets_nobody_in(line: str, closed: str) -> None:
    text = f"menuentry 'Rescue' {{\n{line}\n\tinitrd /live/initrd.img\n}}\n"
    assert rescue.closed(text) == text.replace(line, closed)
    assert rescue.closed(rescue.closed(text)) == rescue.closed(text)
    assert rescue.closed(line) == closed, "the last line may have no end"


def test_a_menu_with_a_title_in_another_character_set_is_closed_too(pc: Pc) -> None:
    """Sealing goes on after it took the traces away: a title may not stop it in the middle."""
    menu = pc.root / "boot/grub/grub.cfg"
    title = b"menuentry 'Syst\xe8me' {\n"
    menu.write_bytes(title + OPEN_ENTRY.encode() + b"\n}\n")
    rescue.close(pc)
    assert menu.read_bytes() == title + CLOSED_ENTRY.encode() + b"\n}\n"
    rescue.close(pc)
    assert pc.changed.count("/boot/grub/grub.cfg") == 1


def test_a_rescue_entry_that_cannot_be_closed_is_no_sealing(
    pc: Pc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Host, "write", lambda *_: None)
    with pytest.raises(SealError, match=r"rescue entry in /boot/grub/grub\.cfg would still"):
        rescue.close(pc)


def test_the_words_that_close_it_are_those_of_the_bootloader() -> None:
    assert rescue.CLOSED == grub.CLOSED


def test_a_pc_without_our_firewall_is_sealed_all_the_same(pc: Pc) -> None:
    (pc.root / access.HOLE).unlink()
    assert job.run(pc, ORDER)["outcome"] == "sealed"
    assert ("systemctl", "reload-or-restart", "nftables.service") not in pc.deeds
