"""Identity on a real disk: what a PC gets of its own, and that a second run leaves it alone."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import install_kit as kit
import pytest
from ansible.module_utils.netspring_install import identity
from ansible.module_utils.netspring_install.errors import InstallError, RefusedError
from install_kit import MIB, Bench, mount, sh

pytestmark = pytest.mark.loop
WISH = identity.Wish(
    hostname="pc-07",
    asset_tag="网春 07",
    authorized_key="ssh-ed25519 AAAAC3Nz station",
    locale="zh_CN",
)


def give(bench: Bench, wish: identity.Wish = WISH, *, pretend: bool = False) -> dict[str, Any]:
    order = bench.order
    try:
        return identity.run(
            bench.host, order.serial, order.size, order.token_sha256, wish, pretend=pretend
        )
    finally:
        assert kit.mounts_below(bench.host.run) == []


def test_a_pc_gets_what_is_its_own(bench: Bench) -> None:
    deployed = bench.install()
    result = give(bench)
    uuids = {label: part.get("uuid") for label, part in deployed["partitions"].items()}
    with mount(bench.part(4), bench.folder) as root:
        assert (root / "etc/hostname").read_text() == "pc-07\n"
        assert "127.0.1.1\tpc-07\n" in (root / "etc/hosts").read_text()
        machine_id = (root / "etc/machine-id").read_text().strip()
        assert re.fullmatch("[0-9a-f]{32}", machine_id)
        assert json.loads((root / "etc/netspring/machine.json").read_text()) == {
            "schema": 1,
            "hostname": "pc-07",
            "asset_tag": "网春 07",
            "image": "core-en-0123abcd",
            "disk_serial": kit.SERIAL,
        }
        mounts = [
            line.split()[:2]
            for line in (root / "etc/fstab").read_text().splitlines()
            if not line.startswith("#")
        ]
        assert mounts == [
            [f"UUID={uuids['netspring-root']}", "/"],
            [f"UUID={uuids['netspring-home']}", "/home"],
            [f"UUID={uuids['netspring-esp']}", "/boot/efi"],
        ]
        # Ten seconds were seen to be too few on a slow PC, which then had no /boot/efi.
        text = (root / "etc/fstab").read_text()
        assert text.count("x-systemd.device-timeout=300") == 2
        key = root / "etc/ssh/ssh_host_ed25519_key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        public = sh("ssh-keygen", "-y", "-f", key).split()[:2]
        entry = root / "root/.ssh/authorized_keys"
        assert entry.read_text() == "ssh-ed25519 AAAAC3Nz station\n"
        assert stat.S_IMODE(entry.stat().st_mode) == 0o600
        assert stat.S_IMODE(entry.parent.stat().st_mode) == 0o700
        assert (root / "etc/locale.conf").read_text() == "LANG=zh_CN.UTF-8\n"
        assert str((root / "etc/localtime").readlink()) == "/usr/share/zoneinfo/Asia/Shanghai"
    with mount(bench.part(5), bench.folder) as home:
        profile = home / "pupil/.profile"
        assert profile.read_text() == "# from the skeleton\n"
        assert (profile.stat().st_uid, profile.stat().st_gid) == (1000, 1000)
        assert (home / "pupil/.works").resolve() == home / "pupil/我的作品"
        assert (home / "pupil/我的作品").is_dir()
        assert stat.S_IMODE((home / "pupil").stat().st_mode) == 0o700
        assert (home / "pupil/.tuxpaint/saved").is_symlink()
        owners = {path.lstat().st_uid for path in (home / "pupil").rglob("*")}
        assert owners == {1000}, "links to folders too"
    assert result["machine_id"] == machine_id
    assert result["ssh_host_keys"] == [" ".join(public)]
    assert result["homes"] == ["pupil"]


def test_the_works_of_a_home_that_outlived_a_reset_follow_into_the_new_language(
    bench: Bench,
) -> None:
    bench.install()
    give(bench)
    with mount(bench.part(5), bench.folder, options="rw") as home:
        (home / "pupil/我的作品/cat.png").write_bytes(b"a child made this")
    again = give(bench, replace(WISH, locale="en_US", timezone="Africa/Bujumbura"))
    assert "/etc/locale.conf" in again["changed"]
    assert "/home/pupil/My works" in again["changed"]
    with mount(bench.part(5), bench.folder) as home:
        assert (home / "pupil/.works/cat.png").read_bytes() == b"a child made this"
        assert str((home / "pupil/.works").readlink()) == "My works"
        assert not (home / "pupil/我的作品").exists()
    with mount(bench.part(4), bench.folder) as root:
        assert str((root / "etc/localtime").readlink()).endswith("/Africa/Bujumbura")


def test_a_home_that_cannot_follow_is_told_and_stops_nothing(bench: Bench) -> None:
    bench.install()
    assert give(bench)["homes_behind"] == []
    with mount(bench.part(5), bench.folder, options="rw") as home:
        os.chown(home / "pupil", 0, 0)
    again = give(bench, replace(WISH, locale="en_US"))
    (told,) = again["homes_behind"]
    assert "the home of pupil: " in told
    assert "/etc/locale.conf" in again["changed"]


def test_keys_and_the_teachers_password_are_those_of_the_room(bench: Bench) -> None:
    bench.install()
    hashed = "$6$abcdefgh$" + "Aa./0" * 17
    wish = replace(WISH, keyboard="us:intl", teacher_hash=hashed)
    assert hashed not in repr(wish)
    with mount(bench.part(4), bench.folder, options="rw") as root:
        (root / "etc/X11/xorg.conf.d").mkdir(parents=True)
        (root / "usr/share/X11/xkb/symbols").mkdir(parents=True)
        (root / "usr/share/X11/xkb/symbols/us").touch()
    assert hashed not in repr(give(bench, wish))
    with mount(bench.part(4), bench.folder) as root:
        text = (root / "etc/X11/xorg.conf.d/25-netspring-room-keyboard.conf").read_text()
        lines = (root / "etc/shadow").read_text().splitlines()
        state = (root / "etc/shadow").stat()
    assert lines == [
        "root:*:20000:0:99999:7:::",
        f"teacher:{hashed}:20000:0:99999:7:::",
        "pupil:!:20000:0:99999:7:::",
    ]
    assert (state.st_uid, state.st_gid, stat.S_IMODE(state.st_mode)) == (0, 42, 0o640)
    assert 'Option "XkbLayout" "us"\n' in text
    assert 'Option "XkbVariant" "intl"\n' in text
    assert give(bench, wish)["changed"] == []
    with pytest.raises(InstallError, match="knows no keyboard 'xx'"):
        give(bench, replace(WISH, keyboard="xx"))
    with pytest.raises(InstallError, match="does not hold the language fr_FR"):
        give(bench, replace(WISH, locale="fr_FR"))


def test_two_pcs_of_one_image_differ(bench: Bench) -> None:
    bench.install()
    first = give(bench)
    sh("blkdiscard", "-f", "-z", bench.loop)
    bench.install()
    second = give(bench)
    assert first["machine_id"] != second["machine_id"]
    assert first["ssh_host_keys"] != second["ssh_host_keys"]


def test_a_second_run_changes_nothing(bench: Bench) -> None:
    bench.install()
    first = give(bench)
    with mount(bench.part(5), bench.folder, options="rw") as home:
        (home / "pupil/painting.png").write_bytes(b"a child made this")
    second = give(bench)
    assert second == first | {"changed": []}
    with mount(bench.part(5), bench.folder) as home:
        assert (home / "pupil/painting.png").exists()


def test_check_mode_tells_and_leaves_every_byte(bench: Bench) -> None:
    bench.install()
    before = bench.disk_sha256()
    told = give(bench, pretend=True)
    assert bench.disk_sha256() == before
    assert told["machine_id"] is None
    assert set(told["changed"]) == set(give(bench)["changed"])


def test_a_key_cut_in_half_is_made_anew(bench: Bench) -> None:
    bench.install()
    give(bench)
    with mount(bench.part(4), bench.folder, options="rw") as root:
        os.truncate(root / "etc/ssh/ssh_host_ed25519_key.pub", 0)
    again = give(bench)
    assert again["changed"] == ["/etc/ssh/ssh_host_ed25519_key"]
    with mount(bench.part(4), bench.folder) as root:
        private = root / "etc/ssh/ssh_host_ed25519_key"
        assert again["ssh_host_keys"] == [
            " ".join(sh("ssh-keygen", "-y", "-f", private).split()[:2])
        ]


def test_a_home_that_the_image_prepared_is_taken(bench: Bench) -> None:
    bench.install()
    with mount(bench.part(4), bench.folder, options="rw") as root:
        (root / "home/pupil/Desktop").mkdir(parents=True)
        (root / "home/pupil/Desktop/paint.desktop").write_text("[Desktop Entry]\n")
    give(bench)
    with mount(bench.part(5), bench.folder) as home:
        shortcut = home / "pupil/Desktop/paint.desktop"
        assert shortcut.stat().st_uid == 1000
        assert not (home / "pupil/.profile").exists()


def test_a_link_out_of_the_disk_is_not_followed(bench: Bench) -> None:
    bench.install()
    outside = bench.folder / "outside"
    outside.mkdir()
    with mount(bench.part(4), bench.folder, options="rw") as root:
        (root / "etc/netspring").symlink_to(outside)
    with pytest.raises(InstallError, match="outside of the disk"):
        give(bench)
    assert list(outside.iterdir()) == []


def no(bench: Bench, match: str, **changes: Any) -> None:
    before = bench.disk_sha256()
    with pytest.raises(RefusedError, match=match):
        give(bench, replace(WISH, **changes))
    assert bench.disk_sha256() == before


def test_without_an_image(bench: Bench) -> None:
    no(bench, "does not carry our partitions")


def test_with_half_an_image(bench: Bench) -> None:
    packed = bench.image / "rootfs.ext4.zst"
    data = bytearray(packed.read_bytes())
    data[MIB] ^= 1
    packed.write_bytes(data)
    assert bench.install()["outcome"] == "failed"
    no(bench, "holds no whole image")


def test_outside_the_live_environment(bench: Bench) -> None:
    bench.install()
    bench.host.marker.unlink()
    no(bench, "not in the live environment")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hostname", "pc_07"),
        ("hostname", "-pc"),
        ("hostname", "pc\n127.0.0.1 bank"),
        ("asset_tag", ""),
        ("asset_tag", "a\nb"),
        ("authorized_key", "ssh-ed25519 AAAA\nssh-ed25519 BBBB"),
        ("authorized_key", 'command="sh" ssh-ed25519 AAAA'),
        ("locale", "zh_CN; reboot"),
        ("timezone", "../../etc/passwd"),
        ("keyboard", 'us"\nOption "x'),
    ],
)
def test_what_would_make_broken_files(bench: Bench, field: str, value: str) -> None:
    no(bench, f"machine_identity_{field}", **{field: value})


def test_nothing_stays_mounted_when_it_fails_in_the_middle(bench: Bench) -> None:
    bench.install()
    with mount(bench.part(4), bench.folder, options="rw") as root:
        (root / "etc/ssh").rmdir()
        Path(root / "etc/ssh").write_text("a file where a folder should be")
    with pytest.raises((InstallError, OSError)):
        give(bench)
