"""Does KVM truly run a guest here? ``/dev/kvm`` alone proves nothing.

Seen in a rented virtual machine: ``/dev/kvm`` opens, SeaBIOS runs to its end and prints "Running on
KVM", and a guest that switches to 64 bits hangs for ever. So the proof is a guest of our own that
goes to 64 bits, counts to ten million, and leaves with a number that chance would not produce.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from netspring_provision.lab.qemu import PROGRAM

SENTINEL = 123  # exit code of QEMU when the guest did its work: 61 * 2 + 1 by isa-debug-exit
_PROBE_SECONDS = 10.0  # the guest needs 0.05 s under TCG; the rest is for a loaded station

# A ROM of 64 KiB, entered at its byte 0xfff0. Its source, for GNU as (then ld -Ttext 0):
#
#   .code16                            |    movl %cr0, %eax
#   start: cli                         |    orl $0x80000001, %eax  # paging and protection on
#     xorw %ax, %ax                    |    movl %eax, %cr0
#     movw %ax, %ds                    |    ljmpl $8, $0xf0000+long
#     movw %ax, %es                    |  .code64
#     movw $0x1000, %di   # tables:    |  long: movl $10000000, %ecx
#     movw $0x1800, %cx   # 3 pages    |  again: decl %ecx
#     rep stosw                        |    jnz again
#     movl $0x2003, 0x1000             |    movabsq $0x123456789abcdef0, %rax
#     movl $0x3003, 0x2000             |    shrq $56, %rax  # 0x12 only in 64 bits
#     movl $0x83, 0x3000  # first 2 MiB|    addb $0x2b, %al # 61
#     lgdtl %cs:gdtr                   |    outb %al, $0xf4
#     movl %cr4, %eax                  |  stop: hlt
#     orb $0x20, %al      # PAE        |    jmp stop
#     movl %eax, %cr4                  |  .balign 8
#     movl $0x1000, %eax               |  gdt: .quad 0
#     movl %eax, %cr3                  |    .quad 0x00209a0000000000
#     movl $0xc0000080, %ecx           |  gdtr: .word 15
#     rdmsr                            |    .long 0xf0000+gdt
#     orb $1, %ah         # long mode  |  .code16
#     wrmsr                            |  .org 0xfff0; ljmp $0xf000, $start; .org 0x10000
_CODE = bytes.fromhex(
    "fa31c08ed88ec0bf0010b90018f3ab66c70600100320000066c7060020033000"
    "0066c7060030830000002e660f011698000f20e00c200f22e066b8001000000f"
    "22d866b9800000c00f3280cc010f300f20c0660d010000800f22c066ea63000f"
    "000800b980969800ffc975fc48b8f0debc9a7856341248c1e838042be6f4f4eb"
    "fd8db400008d7400000000000000000000000000009a20000f0088000f00"
)
_ENTRY = bytes.fromhex("ea000000f0")  # ljmp $0xf000, $start


@dataclass(frozen=True)
class KvmVerdict:
    """Whether virtual PCs may use KVM, and why (not), in words for a person."""

    usable: bool
    reason: str


@dataclass(frozen=True)
class KvmFacts:
    """What was found out about KVM on this station.

    Attributes:
        machine: the processor's architecture.
        flag: the processor says that it can virtualise (vmx or svm).
        device: ``/dev/kvm`` exists.
        writable: this user may open it.
        qemu: QEMU is installed.
        probe: None if the guest was not tried, "" if it did its work, else what happened.
    """

    machine: str
    flag: bool
    device: bool
    writable: bool
    qemu: bool
    probe: str | None


def decide(facts: KvmFacts) -> KvmVerdict:
    """The verdict; KVM is usable only if a guest was really seen to do its work."""
    if facts.machine != "x86_64":
        return KvmVerdict(False, f"this station is {facts.machine}, the PCs are x86_64")
    if not facts.device:
        return KvmVerdict(False, "there is no /dev/kvm")
    if not facts.flag:
        return KvmVerdict(
            False,
            "/dev/kvm exists, but the processor shows neither vmx nor svm: "
            "virtualisation is off in the firmware, or this is itself a virtual machine",
        )
    if not facts.writable:
        return KvmVerdict(
            False, "this user may not open /dev/kvm; mend it: sudo adduser $USER kvm, log in again"
        )
    if not facts.qemu:
        return KvmVerdict(False, f"{PROGRAM} is not installed, so KVM could not be tried")
    if facts.probe is None:
        return KvmVerdict(False, "no guest was tried")
    if facts.probe:
        return KvmVerdict(False, f"/dev/kvm exists but cannot run a guest: {facts.probe}")
    return KvmVerdict(True, "a 64-bit guest ran")


@cache
def verdict() -> KvmVerdict:
    """The verdict for this station; found out once per process, in a second at most."""
    machine = platform.machine()
    device = Path("/dev/kvm")
    flag = has_flag(_read_cpuinfo())
    writable = os.access(device, os.R_OK | os.W_OK)
    qemu = shutil.which(PROGRAM) is not None
    worth_trying = machine == "x86_64" and flag and writable and qemu
    return decide(
        KvmFacts(
            machine=machine,
            flag=flag,
            device=device.exists(),
            writable=writable,
            qemu=qemu,
            probe=probe("kvm", "host") if worth_trying else None,
        )
    )


def has_flag(cpuinfo: str) -> bool:
    """Whether ``/proc/cpuinfo`` names vmx (Intel) or svm (AMD) among the flags."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "flags":
            return bool({"vmx", "svm"} & set(value.split()))
    return False


def rom() -> bytes:
    """The guest: 64 KiB that lie below 1 MiB and below 4 GiB, as a BIOS does."""
    return _CODE.ljust(0xFFF0, b"\0") + _ENTRY.ljust(16, b"\0")


def argv(accel: str, cpu: str, rom_file: Path) -> list[str]:
    """The command that runs the guest, with the processor that the lab would use."""
    return [
        PROGRAM,
        *("-accel", accel, "-cpu", cpu, "-machine", "q35", "-m", "16", "-smp", "2"),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-bios", str(rom_file), "-device", "isa-debug-exit,iobase=0xf4,iosize=1"),
    ]


def probe(accel: str, cpu: str) -> str:
    """Run the guest; "" if it did its work, else what happened instead."""
    with tempfile.TemporaryDirectory(prefix="netspring-kvm-") as folder:
        rom_file = Path(folder) / "rom"
        rom_file.write_bytes(rom())
        try:
            done = subprocess.run(  # noqa: S603
                argv(accel, cpu, rom_file),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_PROBE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"a 64-bit guest made no progress within {_PROBE_SECONDS:g} s"
    if done.returncode == SENTINEL:
        return ""
    said = [line for line in done.stderr.splitlines() if "warning:" not in line]
    return said[0] if said else f"the guest ended with {done.returncode}"


def _read_cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""
