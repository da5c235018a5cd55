"""What belongs to the build goes, what belongs to the image stays."""

import os
from pathlib import Path

import pytest

from netspring_provision.image.strip import EMPTY_FOLDERS, clamp, fixed_shadow, left_out, strip

EPOCH = 1_790_000_000
SHADOW = "root:*:20780:0:99999:7:::\npupil:!:20781:0:99999:7:::\nold:x::::::\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "etc/apt/apt.conf.d/99mmdebstrap": "Acquire::Languages none;",
        "etc/apt/sources.list": "deb http://m.example/debian trixie main\n",
        "etc/apt/sources.list.d/x.sources": "URIs: http://user:word@m.example",
        "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
        "etc/passwd": "root:x:0:0::/root:/bin/bash\n",
        "etc/passwd-": "old",
        "etc/shadow": SHADOW,
        "etc/ssh/ssh_host_ed25519_key": "SECRET",
        "etc/ssh/sshd_config": "kept",
        "etc/resolv.conf": "nameserver 192.0.2.1\n",
        "root/.ansible/tmp/x": "x",
        "root/.bashrc": "kept",
        "tmp/x/y": "x",
        "usr/bin/tool": "kept",
        "usr/local/lib/netspring/ours/__pycache__/x.cpython-313.pyc": "compiled",
        "usr/local/lib/netspring/ours/x.py": "kept",
        "usr/sbin/policy-rc.d": "exit 101",
        "var/cache/apt/archives/a.deb": "deb",
        "var/lib/apt/lists/x_InRelease": "x",
        "var/lib/dpkg/status": "kept",
        "var/lib/dpkg/status-old": "x",
        "var/lib/systemd/random-seed": "random",
        "var/log/dpkg.log": "2026-11-24 startup",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "tmp").chmod(0o1777)
    return tmp_path


def test_secrets_mirror_and_traces_of_the_build_go(root: Path) -> None:
    strip(root, EPOCH)
    text = "\n".join(p.read_text() for p in root.rglob("*") if p.is_file())
    for gone in (
        "SECRET",
        "m.example",
        "192.0.2.1",
        "random",
        "exit 101",
        "startup",
        "0123456789",
        "compiled",
    ):
        assert gone not in text
    for kept in ("etc/ssh/sshd_config", "root/.bashrc", "usr/bin/tool", "var/lib/dpkg/status"):
        assert (root / kept).read_text() == "kept"


def test_the_machine_id_is_empty_but_there(root: Path) -> None:
    strip(root, EPOCH)
    assert (root / "etc/machine-id").read_text() == ""


def test_folders_stay_with_their_modes(root: Path) -> None:
    strip(root, EPOCH)
    assert (root / "tmp").stat().st_mode & 0o7777 == 0o1777
    for name in ("tmp", "var/lib/apt/lists", "var/cache/apt"):
        assert name in EMPTY_FOLDERS
        assert list((root / name).iterdir()) == []


def test_stripping_twice_changes_nothing(root: Path) -> None:
    def state() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in root.rglob("*") if p.is_file()}

    strip(root, EPOCH)
    once = state()
    strip(root, EPOCH)
    assert state() == once


def test_a_link_out_of_the_tree_is_not_followed(root: Path) -> None:
    outside = root.parent / f"{root.name}-outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    (root / "var/tmp").parent.mkdir(exist_ok=True)
    (root / "var/tmp").symlink_to(outside)
    (root / "tmp/link").symlink_to(outside)
    strip(root, EPOCH)
    assert (outside / "precious").read_text() == "mine"


def test_every_password_has_the_day_of_the_packages() -> None:
    day = EPOCH // 86400
    assert fixed_shadow(SHADOW, EPOCH) == (
        f"root:*:{day}:0:99999:7:::\npupil:!:{day}:0:99999:7:::\nold:x::::::\n"
    )


def test_only_what_is_younger_gets_the_date(root: Path) -> None:
    old, young = root / "usr/bin/tool", root / "etc/passwd"
    os.utime(old, (1_600_000_000.5, 1_600_000_000.5))
    os.utime(young, (EPOCH + 100, EPOCH + 100))
    (root / "usr/bin/link").symlink_to("nowhere")
    assert clamp(root, EPOCH) > 0
    assert old.stat().st_mtime == 1_600_000_000
    assert young.stat().st_mtime == EPOCH
    assert (root / "usr/bin/link").lstat().st_mtime == EPOCH
    assert max(p.lstat().st_mtime for p in [root, *root.rglob("*")]) <= EPOCH
    assert clamp(root, EPOCH) == 0


def test_what_dpkg_would_leave_out_goes_and_the_last_rule_decides(root: Path) -> None:
    rules = root / "etc/dpkg/dpkg.cfg.d/netspring"
    rules.parent.mkdir(parents=True)
    rules.write_text(
        "# words\npath-exclude=/usr/share/doc/*\npath-include=/usr/share/doc/*/copyright\n"
        "path-exclude=/usr/share/locale/*\npath-include=/usr/share/locale/zh_CN/*\n"
    )
    for name in ("doc/a/README", "doc/a/b/copyright", "locale/de/x.mo", "locale/zh_CN/x.mo", "x"):
        (root / "usr/share" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "usr/share" / name).write_text("x")
    assert left_out(root) == 2
    left = sorted(str(p.relative_to(root)) for p in (root / "usr/share").rglob("*") if p.is_file())
    assert left == [
        "usr/share/doc/a/b/copyright",
        "usr/share/locale/zh_CN/x.mo",
        "usr/share/x",
    ]
