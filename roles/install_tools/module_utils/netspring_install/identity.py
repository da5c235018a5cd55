"""Makes one PC of an image that is the same for all: name, keys, mounts, homes."""

from __future__ import annotations

import json
import os
import re
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_install import content, partition, rescue, target, tools
from ansible.module_utils.netspring_install.errors import InstallError, RefusedError
from ansible.module_utils.netspring_install.files import Tree
from ansible.module_utils.netspring_install.host import Host
from ansible.module_utils.netspring_install.target import Target

DEVICE_SECONDS = 300
LANGUAGE = "usr/local/sbin/netspring-language"
KEYBOARD = "etc/X11/xorg.conf.d/25-netspring-room-keyboard.conf"
LAYOUTS = "usr/share/X11/xkb/symbols"
TEACHER = "teacher"
HOST_KEY = "etc/ssh/ssh_host_ed25519_key"
# RFC 1123: letters, digits and inner hyphens; 63 characters at most.
_HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
_LOCALE = re.compile(r"(C|[a-z]{2,3}(_[A-Z]{2})?)(\.UTF-8)?\Z")
_TIMEZONE = re.compile(r"[A-Za-z]+(/[A-Za-z0-9_+-]+)*\Z")
_KEYBOARD = re.compile(r"[a-z]{2,12}(:[a-z0-9_-]+)?\Z")
# crypt(5): SHA-512 or yescrypt; no colon, no line break.
_HASH = re.compile(r"\$(6|y)\$[A-Za-z0-9./$=,]{20,200}\Z")
_PUBLIC_KEY = re.compile(r"(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^\n]*)?\Z")


@dataclass(frozen=True)
class Wish:
    """What the station wants this PC to be.

    Attributes:
        hostname: its name in the network.
        asset_tag: what is written on the sticker; any printable text without line breaks.
        authorized_key: one public key that may enter as root.
        locale: language, as ``zh_CN``; empty leaves the image's own.
        timezone: a name below /usr/share/zoneinfo; empty takes the language's usual one.
        keyboard: layout of xkeyboard-config(7), with a variant after a colon (``us:intl``); empty
            takes that of the language.
        teacher_hash: crypt(5) hash of the teacher's password; empty leaves the account locked.
    """

    hostname: str
    asset_tag: str
    authorized_key: str
    locale: str = ""
    timezone: str = ""
    keyboard: str = ""
    teacher_hash: str = field(default="", repr=False)

    def check(self) -> None:
        """Refuse what would make broken files.

        Raises:
            RefusedError: names the field.
        """
        for name, value, right in (
            ("hostname", self.hostname, _HOSTNAME.match(self.hostname)),
            ("asset_tag", self.asset_tag, self.asset_tag and self.asset_tag.isprintable()),
            ("authorized_key", self.authorized_key, _PUBLIC_KEY.match(self.authorized_key)),
            ("locale", self.locale, not self.locale or _LOCALE.match(self.locale)),
            ("timezone", self.timezone, not self.timezone or _TIMEZONE.match(self.timezone)),
            ("keyboard", self.keyboard, not self.keyboard or _KEYBOARD.match(self.keyboard)),
        ):
            if not right:
                raise RefusedError(
                    f"machine_identity_{name} cannot be {value!r}",
                    hint="nothing was changed; correct it in the room's inventory",
                )
        if self.teacher_hash and not _HASH.match(self.teacher_hash):
            raise RefusedError(
                "the teacher's password is stored as no hash that a PC understands",
                hint="nothing was changed; set it again: netspring room teacher-password",
            )


def run(
    host: Host, serial: str, size: int, token_sha256: str, wish: Wish, *, pretend: bool
) -> dict[str, Any]:
    """Give the PC its identity; returns the result without its envelope.

    Raises:
        RefusedError: a check said no; nothing was changed.
        InstallError: a tool failed.
    """
    wish.check()
    found = target.find(host, serial, size, token_sha256)
    home_device = found.path(partition.HOME)
    if content.filesystem(home_device) != "ext4":
        raise RefusedError(f"{home_device} holds no filesystem for home", target.DEPLOY_FIRST)
    with (
        found.root(read_only=pretend) as root,
        rescue.mounted(home_device, host.run / "home", read_only=pretend) as home,
    ):
        tree = Tree(root, pretend)
        machine_id = _machine_id(tree)
        _names(tree, wish, found)
        behind = _language(tree, wish, home)
        _keyboard(tree, wish)
        _teacher(tree, wish)
        _mounts(tree, found)
        key = _host_key(tree, wish)
        _enter(tree, wish)
        homes = _homes(tree, home)
        os.sync()
    return {
        "hostname": wish.hostname,
        "asset_tag": wish.asset_tag,
        "machine_id": machine_id,
        "ssh_host_keys": [key] if key else [],
        "homes": homes,
        "homes_behind": behind,
        "changed": tree.changed,
    }


def _machine_id(tree: Tree) -> str | None:
    present = (tree.read("etc/machine-id") or "").strip()
    if not re.fullmatch(r"[0-9a-f]{32}", present):
        # machine-id(5): a random UUID version 4, in lower case without hyphens.
        present = uuid.uuid4().hex
    tree.text("etc/machine-id", present + "\n", 0o444)
    stale = tree.at("var/lib/dbus/machine-id")
    if stale.is_file() and not stale.is_symlink():
        tree.text("var/lib/dbus/machine-id", present + "\n", 0o444)
    return None if tree.pretend and "/etc/machine-id" in tree.changed else present


def _names(tree: Tree, wish: Wish, found: Target) -> None:
    tree.text("etc/hostname", wish.hostname + "\n")
    tree.text(
        "etc/hosts",
        "127.0.0.1\tlocalhost\n"
        f"127.0.1.1\t{wish.hostname}\n"
        "\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\n"
        "ff02::1\tip6-allnodes\n"
        "ff02::2\tip6-allrouters\n",
    )
    machine = {
        "schema": 1,
        "hostname": wish.hostname,
        "asset_tag": wish.asset_tag,
        "image": found.image,
        "disk_serial": found.disk.serial,
    }
    tree.folder("etc/netspring")
    text = json.dumps(machine, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    tree.text("etc/netspring/machine.json", text)


def _language(tree: Tree, wish: Wish, home: Path) -> list[str]:
    """Let the image's own program set the language, before homes are made of the skeleton.

    Homes that outlived a reset are brought along. The program is run by the Python of the live
    environment: it needs nothing of the new system but its files. Returns a sentence for each home
    that could not follow, for example a full one; the PC itself is as it should be.
    """
    program = tree.at(LANGUAGE)
    if not program.is_file():
        if wish.locale:
            raise InstallError(
                "the image cannot change its language", hint="build the image again on the station"
            )
        return []
    argv = [sys.executable, str(program), "--root", str(tree.root)]
    argv += ["--timezone", wish.timezone or "auto"] + ["--pretend"] * tree.pretend
    with rescue.bound(str(home), tree.root / "home"):
        argv += [wish.locale] * bool(wish.locale)
        said = tools.run(argv, what="the PC's language", accept=(0, 3))
    tree.changed += said.stdout.decode().splitlines()
    # netspring-language: 3 is a home that could not follow.
    return said.stderr.decode(errors="replace").splitlines() if said.returncode == 3 else []


def _keyboard(tree: Tree, wish: Wish) -> None:
    """Keys of the room's own PCs, where the image has a desktop; read after the language's."""
    layout, _, variant = wish.keyboard.partition(":")
    if not layout or not tree.at(KEYBOARD).parent.is_dir():
        return
    if not tree.at(f"{LAYOUTS}/{layout}").is_file():
        raise InstallError(
            f"the image knows no keyboard {wish.keyboard!r}",
            hint="correct netspring_keyboard in the room; the layouts are in xkeyboard-config(7)",
        )
    tree.text(
        KEYBOARD,
        "# Written at installation: keys of the room (netspring_keyboard).\n"
        'Section "InputClass"\n'
        '    Identifier "netspring room keyboard"\n'
        '    MatchIsKeyboard "on"\n'
        f'    Option "XkbLayout" "{layout}"\n'
        f'    Option "XkbVariant" "{variant}"\n'
        "EndSection\n",
    )


def _teacher(tree: Tree, wish: Wish) -> None:
    """Give the teacher the room's password, where the image has a teacher; shadow(5)."""
    text = tree.read("etc/shadow") or ""
    changed = re.sub(
        rf"^{TEACHER}:[^:]*:", lambda _: f"{TEACHER}:{wish.teacher_hash}:", text, flags=re.MULTILINE
    )
    if not wish.teacher_hash or changed == text:
        return
    state = tree.at("etc/shadow").stat()
    tree.text("etc/shadow", changed, state.st_mode & 0o7777)
    if not tree.pretend:
        os.chown(tree.at("etc/shadow"), state.st_uid, state.st_gid)  # group shadow: unix_chkpwd(8)


def _mounts(tree: Tree, found: Target) -> None:
    root, home, esp = (found.uuids[f"netspring-{name}"] for name in ("root", "home", "esp"))
    tree.folder("boot/efi", 0o700)
    # Seen on a busy emulated PC: a minute until udev showed the partitions. systemd's own 90 s are
    # too near to that, and a PC without /home asks for root's password, which does not exist.
    wait = f"x-systemd.device-timeout={DEVICE_SECONDS}"
    tree.text(
        "etc/fstab",
        "# Written at installation. A PC starts also when its EFI partition is damaged.\n"
        f"UUID={root} / ext4 noatime,errors=remount-ro 0 1\n"
        f"UUID={home} /home ext4 noatime,nodev,nosuid,{wait} 0 2\n"
        f"UUID={esp} /boot/efi vfat umask=0077,nofail,{wait} 0 0\n",
    )


def _host_key(tree: Tree, wish: Wish) -> str | None:
    """The PC's own SSH key, made once; both halves must be whole, or it is made anew."""
    private, public = tree.at(HOST_KEY), tree.at(HOST_KEY + ".pub")
    text = tree.read(HOST_KEY + ".pub") or ""
    if not (private.is_file() and text.startswith("ssh-ed25519 ") and text.endswith("\n")):
        tree.changed.append(f"/{HOST_KEY}")
        if tree.pretend:
            return None
        private.unlink(missing_ok=True)
        public.unlink(missing_ok=True)
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"root@{wish.hostname}"]
        tools.run([*argv, "-f", str(private)], what="the PC's SSH host key")
        text = public.read_text(encoding="utf-8")
    return " ".join(text.split()[:2])


def _enter(tree: Tree, wish: Wish) -> None:
    tree.folder("root/.ssh", 0o700)
    tree.text("root/.ssh/authorized_keys", wish.authorized_key.strip() + "\n", 0o600)


def _homes(tree: Tree, home: Path) -> list[str]:
    """Give every person of the image a folder on the home partition; those that are there stay."""
    names = []
    for line in (tree.read("etc/passwd") or "").splitlines():
        name, _, uid, gid, _, folder, _ = line.split(":", 6)
        if not (1000 <= int(uid) < 60000 and folder == f"/home/{name}"):
            continue
        names.append(name)
        if (home / name).is_dir():
            continue
        tree.changed.append(folder)
        if not tree.pretend:
            _make_home(tree, home, name, int(uid), int(gid))
    return names


def _make_home(tree: Tree, home: Path, name: str, uid: int, gid: int) -> None:
    """Copy what the image prepared, or its skeleton, under a name of its own until it is whole."""
    prepared = tree.root / "home" / name
    source = prepared if prepared.is_dir() else tree.root / "etc/skel"
    fresh = home / f".new-{name}"
    tools.run(["rm", "-rf", "--", str(fresh)], what=f"home of {name}")
    tools.run(["cp", "-a", "--", str(source), str(fresh)], what=f"home of {name}")
    # A link to a folder is named among the folders, but not walked into.
    for folder, folders, files in os.walk(fresh):
        for path in (folder, *(os.path.join(folder, name) for name in (*folders, *files))):  # noqa: PTH118
            os.chown(path, uid, gid, follow_symlinks=False)
    fresh.chmod(0o700)
    fresh.rename(home / name)
