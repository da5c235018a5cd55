"""What a station needs, and the pure decision what of it is lacking."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

GIB = 1024**3

# Without Recommends: those of QEMU and mmdebstrap are desktops and things that root has already.
INSTALL = ("apt-get", "install", "-y", "--no-install-recommends")


class State(StrEnum):
    """How one need stands: a note is worth knowing and stops nothing."""

    OK = "ok"
    NOTE = "note"
    LACKING = "lacking"


@dataclass(frozen=True)
class Need:
    """One Debian package and what of it must be there.

    Attributes:
        name: what a person calls it.
        package: Debian package that brings it, the same name in Debian 12 and 13.
        why: what fails without it.
        programs: names that must be found on the search path.
        files: groups of absolute paths; of each group one must be there.
    """

    name: str
    package: str
    why: str
    programs: tuple[str, ...] = ()
    files: tuple[tuple[str, ...], ...] = ()


_OVMF = "/usr/share/OVMF"
_KEYS = "/usr/share/keyrings/debian-archive-trixie"

NEEDS = (
    Need("QEMU", "qemu-system-x86", "virtual PCs", ("qemu-system-x86_64",)),
    Need("QEMU disk tools", "qemu-utils", "virtual PCs", ("qemu-img",)),
    Need(
        "UEFI firmware",
        "ovmf",
        "virtual PCs with UEFI and Secure Boot",
        files=(
            (f"{_OVMF}/OVMF_CODE_4M.fd",),
            (f"{_OVMF}/OVMF_VARS_4M.fd",),
            (f"{_OVMF}/OVMF_CODE_4M.secboot.fd",),
            (f"{_OVMF}/OVMF_VARS_4M.ms.fd",),
        ),
    ),
    Need("mmdebstrap", "mmdebstrap", "builds of live environment and images", ("mmdebstrap",)),
    Need("zstd", "zstd", "compressing images", ("zstd",)),
    Need("ext4 tools", "e2fsprogs", "filesystems of images", ("mke2fs", "e2fsck", "resize2fs")),
    Need("partition tool", "fdisk", "dirty disks of virtual PCs", ("sfdisk",)),
    Need("mount tools", "mount", "builds in a chroot", ("mount", "umount", "losetup")),
    Need("FAT tools", "dosfstools", "EFI system partitions", ("mkfs.vfat",)),
    Need("cpio", "cpio", "the one initrd of the live environment", ("cpio",)),
    Need("npm", "npm", "fetching Scratch for the children's image", ("npm",)),
    Need("openssl", "openssl", "hashing the teacher's password of a room", ("openssl",)),
    Need("SSH client", "openssh-client", "entering machines, signing", ("ssh", "ssh-keygen")),
    # The two extensions are of the packages in Debian 12 and 13.
    Need(
        "Debian 13 archive keys",
        "debian-archive-keyring",
        "checking what builds download",
        files=tuple(
            tuple(f"{_KEYS}-{which}.{extension}" for extension in ("gpg", "pgp"))
            for which in ("stable", "automatic", "security-automatic")
        ),
    ),
)

# Image `lite` while it is built, the image, the live environment and one virtual PC's disk.
HOME_BYTES = 15 * GIB
TMP_BYTES = 1 * GIB
# A virtual PC of 2 GiB beside the station's own programs.
MEMORY_BYTES = int(3.5 * GIB)


@dataclass(frozen=True)
class Facts:
    """What was seen on this computer.

    Attributes:
        programs: those needed programs that were found.
        files: those needed files that are there.
        architecture: as ``uname -m`` says.
        has_apt: ``apt-get`` was found.
        is_root: this process may do anything.
        has_sudo: ``sudo`` was found.
        home: the station's folder.
        home_problem: why it cannot be written, None if it can.
        home_free: free bytes there; None if it could not be asked.
        tmp: folder for temporary files.
        tmp_free: free bytes there; None if it could not be asked.
        memory: bytes of RAM in this computer; None if unknown.
        ansible: path of ansible-playbook beside this Python, None if it is not there.
        kvm_usable: a guest really ran under KVM.
        kvm_reason: why it did, or did not.
    """

    programs: frozenset[str]
    files: frozenset[str]
    architecture: str
    has_apt: bool
    is_root: bool
    has_sudo: bool
    home: str
    home_problem: str | None
    home_free: int | None
    tmp: str
    tmp_free: int | None
    memory: int | None
    ansible: str | None
    kvm_usable: bool
    kvm_reason: str


@dataclass(frozen=True)
class Finding:
    """What is said about one need.

    Attributes:
        name: what it is about.
        state: ok, note or lacking.
        detail: what was seen, in a few words.
        mend: command to type, or the thing to do; None when nothing needs mending.
        package: Debian package that mends it, if one does.
    """

    name: str
    state: State
    detail: str
    mend: str | None = None
    package: str | None = None


def judge(facts: Facts) -> tuple[Finding, ...]:
    """Every need in a fixed order; what could not be found out counts as lacking."""
    return (
        _debian(facts),
        *(_package(need, facts) for need in NEEDS),
        _ansible(facts),
        _rights(facts),
        _home(facts),
        _space("free space for the station", facts.home, facts.home_free, HOME_BYTES),
        _space("free space for temporary files", facts.tmp, facts.tmp_free, TMP_BYTES),
        _memory(facts),
        _kvm(facts),
    )


def missing_packages(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Debian packages that mend what is lacking, each once, in the order of the findings."""
    return tuple(dict.fromkeys(f.package for f in findings if f.package and f.state != State.OK))


def lacking(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings that stop this station from working."""
    return tuple(finding for finding in findings if finding.state == State.LACKING)


def install_command(packages: Sequence[str], *, is_root: bool) -> str:
    """The command a person types to install packages."""
    return shlex.join([*([] if is_root else ["sudo"]), *INSTALL, *packages])


def _debian(facts: Facts) -> Finding:
    name = "Debian or a relative, 64-bit PC"
    if not facts.has_apt:
        return Finding(name, State.LACKING, "no apt-get", "use a computer with Debian 12 or 13")
    if facts.architecture != "x86_64":
        detail = f"this processor is {facts.architecture}"
        return Finding(name, State.LACKING, detail, "use a 64-bit PC (x86_64) as station")
    return Finding(name, State.OK, facts.architecture)


def _package(need: Need, facts: Facts) -> Finding:
    missing = [program for program in need.programs if program not in facts.programs]
    missing += [
        " or ".join(group) for group in need.files if not any(f in facts.files for f in group)
    ]
    if not missing:
        return Finding(need.name, State.OK, f"for {need.why}", package=need.package)
    return Finding(
        need.name,
        State.LACKING,
        f"missing: {', '.join(missing)} (for {need.why})",
        install_command([need.package], is_root=facts.is_root),
        need.package,
    )


def _ansible(facts: Facts) -> Finding:
    if facts.ansible:
        return Finding("Ansible", State.OK, facts.ansible)
    return Finding(
        "Ansible",
        State.LACKING,
        "no ansible-playbook beside this Python",
        "install this package again with its dependencies, or in a clone: make setup",
    )


def _rights(facts: Facts) -> Finding:
    name = "rights of root"
    if facts.is_root:
        return Finding(name, State.OK, "this is root")
    if facts.has_sudo:
        detail = "not root: builds need it, virtual PCs do not"
        return Finding(name, State.NOTE, detail, "start builds with sudo")
    return Finding(
        name, State.LACKING, "not root and no sudo, builds need it", "become root first: su -"
    )


def _home(facts: Facts) -> Finding:
    name = "the station's folder"
    if facts.home_problem is None:
        return Finding(name, State.OK, facts.home)
    return Finding(
        name,
        State.LACKING,
        f"{facts.home}: {facts.home_problem}",
        "name a folder of yours: export NETSPRING_HOME=/some/folder",
    )


def _space(name: str, where: str, free: int | None, needed: int) -> Finding:
    if free is None:
        return Finding(name, State.LACKING, f"{where}: could not be asked", f"df -h {where}")
    detail = f"{where}: {free / GIB:.1f} GiB free, {needed / GIB:.0f} GiB needed"
    if free >= needed:
        return Finding(name, State.OK, detail)
    mend = f"delete what is not needed there: du -xsh {shlex.quote(where)}/*"
    return Finding(name, State.LACKING, detail, mend)


def _memory(facts: Facts) -> Finding:
    if facts.memory is None:
        return Finding("RAM", State.LACKING, "could not be read", "free -h")
    detail = f"{facts.memory / GIB:.1f} GiB, {MEMORY_BYTES / GIB:.1f} GiB needed"
    if facts.memory >= MEMORY_BYTES:
        return Finding("RAM", State.OK, detail)
    return Finding("RAM", State.LACKING, detail, "use a computer with 4 GiB of RAM or more")


def _kvm(facts: Facts) -> Finding:
    if facts.kvm_usable:
        return Finding("KVM", State.OK, facts.kvm_reason)
    return Finding(
        "KVM", State.NOTE, f"{facts.kvm_reason}; virtual PCs are emulated, which is slower"
    )
