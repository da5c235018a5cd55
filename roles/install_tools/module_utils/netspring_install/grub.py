"""What GRUB is told: settings, the rescue entry, and how it is run inside the new system."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.netspring_install import rescue, tools
from ansible.module_utils.netspring_install.errors import InstallError
from ansible.module_utils.netspring_install.files import Tree

SETTINGS = "etc/default/grub.d/netspring.cfg"
RESCUE_ENTRY = "etc/grub.d/42_netspring_rescue"
# After 00_header, which says how an entry gets its name, and before the first entry.
LOCK_SCRIPT = "etc/grub.d/01_netspring_lock"
CONFIG = "boot/grub/grub.cfg"
BIOS_FOLDER = "boot/grub/i386-pc"
# kernel-command-line(7). The live environment knows the station's key; a PC in a classroom lets
# nobody in.
CLOSED = ("systemd.mask=ssh.service", "systemd.mask=ssh.socket")
# GRUB manual, "Authentication and authorisation": once somebody is named here, nobody else may edit
# an entry (init=/bin/sh is root) or get GRUB's shell. This one has no password on any PC, so nobody
# can be it: there is nothing to find out, to lose, or to be the same on two PCs.
LOCK = 'set superusers="netspring"\nexport superusers\n'
# Debian's scripts put this variable into every entry and every submenu; so all of them still start
# without being asked, and the files of Debian's packages stay as they are.
FREE = 'menuentry_id_option="--unrestricted --id"'
BUILD_AGAIN = "build the image again on the station (netspring image build)"


@dataclass(frozen=True)
class Menu:
    """What a PC shows at its start.

    Attributes:
        timeout: seconds until the first entry starts.
        cmdline: for the kernel of the installed system.
        rescue_cmdline: for the kernel of the live environment; never with the station's token.
    """

    timeout: int
    cmdline: str
    rescue_cmdline: str


def settings(menu: Menu) -> str:
    """Settings that ``update-grub`` reads, now and after every new kernel."""
    return "".join(
        f"{key}={shlex.quote(value)}\n"
        for key, value in (
            ("GRUB_DEFAULT", "0"),
            # The name of the folder on the ESP that Debian's packages will look for.
            ("GRUB_DISTRIBUTOR", "Debian"),
            ("GRUB_TIMEOUT", str(menu.timeout)),
            ("GRUB_CMDLINE_LINUX_DEFAULT", menu.cmdline),
            ("GRUB_CMDLINE_LINUX", ""),
            # Text only: pictures cost seconds on old graphics chips.
            ("GRUB_TERMINAL", "console"),
            # A disk beside it is none of our business.
            ("GRUB_DISABLE_OS_PROBER", "true"),
            # "Recovery mode" asks for root's password, which does not exist.
            ("GRUB_DISABLE_RECOVERY", "true"),
        )
    )


def lock_script() -> str:
    """A script of /etc/grub.d: any entry may be started, and none may be changed."""
    return f"""#!/bin/sh
# Written by Netspring: whoever sits here may start every entry, and change none.
set -e
cat <<'END'
{LOCK}{FREE}
export menuentry_id_option
END
"""


def rescue_entry(menu: Menu, rescue_uuid: str) -> str:
    """A script of /etc/grub.d that adds the live environment on the rescue partition.

    It starts without the station's token, so nothing that destroys can run there, and without
    sshd: whoever sits before the PC may use it, and nobody else.
    """
    return f"""#!/bin/sh
set -e
cat <<'END'
menuentry 'Rescue' --class rescue --unrestricted {{
	search --no-floppy --fs-uuid --set=root {rescue_uuid}
	linux /live/vmlinuz {" ".join((menu.rescue_cmdline, *CLOSED))}
	initrd /live/initrd.img
}}
END
"""


def efi_config(root_uuid: str) -> bytes:
    """What the signed GRUB on the ESP reads first: where the real configuration is.

    It is locked too: who leaves the menu with Esc would else get GRUB's shell.
    """
    return (
        f"{LOCK}search.fs_uuid {root_uuid} root\n"
        "set prefix=($root)/boot/grub\n"
        "configfile $prefix/grub.cfg\n"
    ).encode()


@contextmanager
def inside(root: Path) -> Iterator[None]:
    """Give the new system what its tools ask for; all is taken away again, also after errors."""
    with ExitStack() as stack:
        for folder in ("dev", "proc", "sys"):
            stack.enter_context(rescue.bound(f"/{folder}", root / folder))
        yield


def call(root: Path, argv: list[str], what: str) -> None:
    """Run a tool of the new system inside it.

    Raises:
        InstallError: it failed.
    """
    clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]
    tools.run(["chroot", str(root), *clean, *argv], what=what)


def configure(tree: Tree, menu: Menu, disk: str, uuids: dict[str, str]) -> None:
    """Write GRUB's files into the root filesystem; boot sector and ESP are not touched yet.

    Raises:
        InstallError: a tool failed, or the configuration does not name root by its UUID.
    """
    root_uuid = uuids["netspring-root"]
    tree.folder("etc/default")
    tree.folder("etc/default/grub.d")
    tree.text(SETTINGS, settings(menu))
    tree.text(LOCK_SCRIPT, lock_script(), 0o755)
    tree.text(RESCUE_ENTRY, rescue_entry(menu, uuids["netspring-rescue"]), 0o755)
    what = f"GRUB on {disk}"
    with inside(tree.root):
        for kernel in sorted((tree.root / "boot").glob("vmlinuz-*")):
            version = kernel.name.removeprefix("vmlinuz-")
            if not (kernel.parent / f"initrd.img-{version}").is_file():
                call(tree.root, ["update-initramfs", "-c", "-k", version], what)
        argv = ["grub-install", "--target=i386-pc", "--no-bootsector", "--no-floppy"]
        call(tree.root, [*argv, disk], what)
        with _uuid_shown(root_uuid, tree.root, disk):
            call(tree.root, ["update-grub"], what)
        call(tree.root, ["grub-script-check", f"/{CONFIG}"], what)
    problem = config_problem(tree.read(CONFIG) or "", uuids)
    if problem:
        raise InstallError(f"{what}: {problem}", hint=BUILD_AGAIN)


@contextmanager
def _uuid_shown(uuid: str, root: Path, disk: str) -> Iterator[None]:
    """grub-mkconfig names root by UUID only where udev shows it; where there is no udev, we do."""
    link = Path("/dev/disk/by-uuid") / uuid
    if link.exists():
        yield
        return
    device = tools.run(["findmnt", "-n", "-o", "SOURCE", str(root)], what=f"root of {disk}")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(device.stdout.decode().strip())
    try:
        yield
    finally:
        link.unlink(missing_ok=True)


def config_problem(text: str, uuids: dict[str, str]) -> str | None:
    """What is wrong with a grub.cfg; None if it starts a kernel with our root, and the rescue."""
    root, rescue_uuid = uuids["netspring-root"], uuids["netspring-rescue"]
    kernels = [line for line in text.splitlines() if line.strip().startswith("linux\t/boot/")]
    if not kernels:
        return "its configuration starts no kernel"
    if any(f"root=UUID={root} " not in f"{line} " for line in kernels):
        return f"its configuration does not start with root=UUID={root}"
    if rescue_uuid not in text or "netspring.token" in text:
        return "its rescue entry is missing, or carries a token"
    rescues = [line.split() for line in text.splitlines() if "/live/vmlinuz" in line]
    if not rescues or not all(set(CLOSED) <= set(words) for words in rescues):
        return "its rescue entry would start sshd"
    return _lock_problem(text)


def _lock_problem(text: str) -> str | None:
    """What is wrong with who may do what; a menu that asks for a password would start nothing."""
    head, first, _ = text.partition("\nmenuentry ")
    if LOCK not in head:
        return "its menu lets anybody change how the PC starts"
    lines = [line.strip() for line in text.splitlines()]
    names = [line for line in lines if "menuentry_id_option=" in line]
    free = FREE in head.splitlines() and names[-1] == FREE
    for line in [line for line in lines if line.startswith(("menuentry ", "submenu "))]:
        if "--unrestricted" not in line.split() and not (
            free and "$menuentry_id_option" in line.split()
        ):
            return "an entry of its menu asks for a password that nobody has"
    return None if first else "its menu has no entry"


def write_boot_sector(root: Path, disk: str) -> None:
    """Boot code into the first sector, core image into the BIOS boot partition: the last write."""
    tool = "/usr/lib/grub/i386-pc/grub-bios-setup"
    with inside(root):
        call(root, [tool, f"--directory=/{BIOS_FOLDER}", disk], f"boot sector of {disk}")
