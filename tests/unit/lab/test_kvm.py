"""The verdict on KVM, and the guest that proves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from netspring_provision.lab import kvm

GOOD = kvm.KvmFacts("x86_64", flag=True, device=True, writable=True, qemu=True, probe="")


def test_usable_only_if_a_guest_ran() -> None:
    assert kvm.decide(GOOD).usable


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (replace(GOOD, machine="aarch64"), "aarch64"),
        (replace(GOOD, device=False), "no /dev/kvm"),
        (replace(GOOD, flag=False), "neither vmx nor svm"),
        (replace(GOOD, writable=False), "adduser"),
        (replace(GOOD, qemu=False), "not installed"),
        (replace(GOOD, probe=None), "no guest was tried"),
        (replace(GOOD, probe="it hung"), "cannot run a guest: it hung"),
    ],
)
def test_anything_less_is_not_usable(facts: kvm.KvmFacts, reason: str) -> None:
    verdict = kvm.decide(facts)
    assert not verdict.usable
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("cpuinfo", "flag"),
    [
        ("processor\t: 0\nflags\t\t: fpu vmx lm\n", True),
        ("flags\t\t: fpu svm\n", True),
        ("flags\t\t: fpu lm hypervisor\nvmx flags\t: ept\n", False),
        ("flags\t\t: svm_lock\n", False),
        ("", False),
    ],
)
def test_flags(cpuinfo: str, flag: bool) -> None:
    assert kvm.has_flag(cpuinfo) is flag


def test_the_guest_does_its_work_in_64_bits(allow_subprocess: Callable[..., None]) -> None:
    allow_subprocess("qemu-system-x86_64")
    assert kvm.probe("tcg", "max") == ""


def test_a_processor_without_64_bits_is_found_out(
    allow_subprocess: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a /dev/kvm that only runs a BIOS does: the guest hangs or resets, and never says 123."""
    allow_subprocess("qemu-system-x86_64")
    monkeypatch.setattr(kvm, "_PROBE_SECONDS", 2.0)
    assert kvm.probe("tcg", "qemu32") != ""


def test_a_qemu_that_gives_up_is_quoted(allow_subprocess: Callable[..., None]) -> None:
    allow_subprocess("qemu-system-x86_64")
    assert "no-such-processor" in kvm.probe("tcg", "no-such-processor")


def test_the_rom_is_what_a_processor_starts_from() -> None:
    rom = kvm.rom()
    assert len(rom) == 64 * 1024
    assert rom[0xFFF0:0xFFF5] == bytes.fromhex("ea000000f0")


def test_without_the_flag_no_guest_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kvm, "_read_cpuinfo", lambda: "flags : fpu\n")
    monkeypatch.setattr(kvm, "probe", lambda *_: pytest.fail("tried"))
    assert not kvm.verdict.__wrapped__().usable


def test_the_command_uses_the_processor_of_the_lab() -> None:
    argv = kvm.argv("kvm", "host", Path("/r"))
    assert argv[argv.index("-accel") + 1] == "kvm"
    assert argv[argv.index("-cpu") + 1] == "host"
