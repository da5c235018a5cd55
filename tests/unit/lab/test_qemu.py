"""The exact command line of QEMU."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from netspring_provision.lab import qemu, specs
from netspring_provision.lab.model import Pc

ID = "6d1e6a0e-5a57-4d0c-8f0f-0c4a3c1d2e3f"
LIVE = SimpleNamespace(kernel=Path("/l/vmlinuz"), initrd=Path("/l/initrd"), cmdline="quiet a,b")
DISK = qemu.Power(boot="disk", accel="tcg", ssh_port=2200, ovmf_code=Path("/o/CODE.fd"))


def pc(*disks: str, firmware: str = "bios", folder: str = "/home/lab/pc-1") -> Pc:
    wanted = [specs.parse_disk(text) for text in disks]
    return specs.describe(Path(folder), specs.parse_firmware(firmware), 1 << 30, wanted, ID)


def options(argv: list[str], name: str) -> list[str]:
    return [value for option, value in pairwise(argv) if option == name]


def test_the_whole_command_of_a_bios_pc() -> None:
    assert qemu.argv(pc("sata:16M"), DISK) == [
        "qemu-system-x86_64",
        *("-name", "guest=netspring-lab-pc-1"),
        *("-uuid", ID),
        *("-machine", "q35,smm=off"),
        *("-accel", "tcg,thread=multi"),
        *("-cpu", "max,avx=off,avx2=off"),
        *("-smp", "2"),
        *("-m", "1024M"),
        *("-nodefaults", "-no-user-config"),
        *("-display", "none"),
        *("-rtc", "base=utc"),
        *("-device", "VGA,edid=on,xres=1024,yres=768"),
        *("-device", "qemu-xhci,id=xhci"),
        *("-device", "usb-tablet,bus=xhci.0"),
        *("-audiodev", "none,id=sound"),
        *("-device", "ich9-intel-hda"),
        *("-device", "hda-output,audiodev=sound"),
        "-smbios",
        f"type=1,manufacturer=Netspring Lab,product=Virtual classroom PC,serial=LAB-PC-1,uuid={ID}",
        "-smbios",
        "type=3,manufacturer=Netspring Lab,serial=LAB-PC-1,asset=LAB-PC-1",
        "-drive",
        "if=none,id=drive0,format=raw,file=/home/lab/pc-1/disk0.img,"
        "cache=none,aio=native,discard=ignore,detect-zeroes=off",
        "-device",
        "ide-hd,bus=ide.0,rotation_rate=7200,serial=LAB-PC-1-0,bootindex=1,"
        f"wwn=0x{pc('sata:16M').disks[0].wwn:016x},drive=drive0",
        *("-netdev", "user,id=net0,hostfwd=tcp:127.0.0.1:2200-:22"),
        *("-device", f"e1000e,netdev=net0,mac={pc().mac},romfile="),
        "-chardev",
        "socket,id=serial,path=serial.sock,server=on,wait=off,"
        "logfile=/home/lab/pc-1/serial.log,logappend=off",
        *("-serial", "chardev:serial"),
        *("-chardev", "socket,id=qmp,path=qmp.sock,server=on,wait=off"),
        *("-mon", "chardev=qmp,mode=control"),
        *("-daemonize", "-pidfile", "/home/lab/pc-1/qemu.pid"),
    ]


def test_each_bus_has_its_device_and_its_place() -> None:
    buses = ("sata", "nvme", "sata", "scsi", "virtio", "usb")
    disks = [f"{bus}:16M:{serial}" for bus, serial in zip(buses, "ABCDEF", strict=True)]
    machine = pc(*disks, "sd:16M")
    devices = options(qemu.argv(machine, DISK), "-device")
    wwn = {disk.index: f"wwn=0x{disk.wwn:016x}" for disk in machine.disks if disk.wwn}
    expected = [
        f"ide-hd,bus=ide.0,rotation_rate=7200,serial=A,bootindex=1,{wwn[0]},drive=drive0",
        "nvme,serial=B,bootindex=2,drive=drive1",
        f"ide-hd,bus=ide.1,rotation_rate=7200,serial=C,bootindex=3,{wwn[2]},drive=drive2",
        f"scsi-hd,bus=scsi.0,rotation_rate=7200,serial=D,bootindex=4,{wwn[3]},drive=drive3",
        "virtio-blk-pci,serial=E,bootindex=5,drive=drive4",
        "usb-storage,bus=xhci.0,removable=on,serial=F,bootindex=6,drive=drive5",
        "sdhci-pci",
        "sd-card,drive=drive6",
    ]
    assert [device for device in devices if device in expected] == expected
    assert devices.count("virtio-scsi-pci,id=scsi") == 1


def test_uefi_uses_its_own_variables() -> None:
    argv = qemu.argv(pc("sata:16M", firmware="uefi"), DISK)
    assert options(argv, "-drive")[:2] == [
        "if=pflash,unit=0,format=raw,readonly=on,file=/o/CODE.fd",
        "if=pflash,unit=1,format=raw,file=/home/lab/pc-1/OVMF_VARS.fd",
    ]
    assert options(argv, "-machine") == ["q35,smm=off"]
    assert "-global" not in argv


def test_secure_boot_guards_the_variables() -> None:
    argv = qemu.argv(pc("sata:16M", firmware="secureboot"), DISK)
    assert options(argv, "-machine") == ["q35,smm=on"]
    assert options(argv, "-global") == ["driver=cfi.pflash01,property=secure,value=on"]


def test_a_file_system_without_direct_io_takes_the_hosts_cache() -> None:
    argv = qemu.argv(pc("sata:16M"), replace(DISK, direct=False))
    assert ",cache=writeback,aio=threads,discard=ignore" in options(argv, "-drive")[0]


def test_kvm_uses_the_hosts_processor() -> None:
    argv = qemu.argv(pc(), qemu.Power(boot="disk", accel="kvm", ssh_port=1))
    assert options(argv, "-accel") == ["kvm"]
    assert options(argv, "-cpu") == ["host"]


def test_live_boot_passes_kernel_initrd_and_command_line() -> None:
    argv = qemu.argv(pc(), qemu.Power(boot="live", accel="tcg", ssh_port=1, live=LIVE))
    assert options(argv, "-kernel") == ["/l/vmlinuz"]
    assert options(argv, "-initrd") == ["/l/initrd"]
    assert options(argv, "-append") == ["quiet a,b"]
    assert "-kernel" not in qemu.argv(pc(), DISK)


def test_network_boot_tries_the_card_before_the_disks() -> None:
    argv = qemu.argv(pc("sata:16M"), qemu.Power(boot="network", accel="tcg", ssh_port=1))
    card = next(d for d in options(argv, "-device") if d.startswith("e1000e"))
    assert card.endswith(",bootindex=0")
    assert "romfile" not in card


@pytest.mark.parametrize("extra", ["tap,id=net0,ifname=tap0,script=no", "user,id=net0"])
def test_own_network_replaces_ours(extra: str) -> None:
    power = qemu.Power(boot="disk", accel="tcg", ssh_port=None, extra=("-netdev", extra))
    argv = qemu.argv(pc(), power)
    assert options(argv, "-netdev") == [extra]
    assert any(d.startswith("e1000e,netdev=net0") for d in options(argv, "-device"))


@pytest.mark.parametrize("extra", [("-netdev", "user,id=net01"), ("-vnc", ":1"), ()])
def test_other_arguments_do_not(extra: tuple[str, ...]) -> None:
    assert not qemu.replaces_network(extra)
    power = qemu.Power(boot="disk", accel="tcg", ssh_port=7, extra=extra)
    argv = qemu.argv(pc(), power)
    assert options(argv, "-netdev")[0] == "user,id=net0,hostfwd=tcp:127.0.0.1:7-:22"
    assert argv[len(argv) - len(extra) :] == list(extra)


def test_commas_in_paths_stay_in_the_path() -> None:
    argv = qemu.argv(pc("sata:16M", folder="/a,b/pc-1"), DISK)
    assert "file=/a,,b/pc-1/disk0.img," in options(argv, "-drive")[0]
    assert "logfile=/a,,b/pc-1/serial.log," in options(argv, "-chardev")[0]
    assert options(argv, "-pidfile") == ["/a,b/pc-1/qemu.pid"]
