"""Files written into a tree: only where they differ, never outside, never half."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from ansible.module_utils.netspring_install.errors import InstallError, RefusedError
from ansible.module_utils.netspring_install.files import Tree
from ansible.module_utils.netspring_install.identity import Wish

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 station"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "etc").mkdir(parents=True)
    return tmp_path / "root"


def test_a_file_is_written_once(root: Path) -> None:
    for expected in (["/etc/hostname"], []):
        tree = Tree(root)
        tree.text("etc/hostname", "pc-01\n")
        assert tree.changed == expected
    assert (root / "etc/hostname").read_text() == "pc-01\n"
    assert list((root / "etc").iterdir()) == [root / "etc/hostname"]


def test_the_mode_counts_whatever_the_umask(root: Path) -> None:
    (root / "etc/machine-id").write_text("x\n")
    (root / "etc/machine-id").chmod(0o644)
    tree = Tree(root)
    tree.text("etc/machine-id", "x\n", 0o444)
    assert tree.changed == ["/etc/machine-id"]
    assert stat.S_IMODE((root / "etc/machine-id").stat().st_mode) == 0o444


def test_pretending_writes_nothing(root: Path) -> None:
    tree = Tree(root, pretend=True)
    tree.text("etc/hostname", "pc-01\n")
    tree.folder("etc/netspring")
    assert tree.changed == ["/etc/hostname", "/etc/netspring"]
    assert list((root / "etc").iterdir()) == []


def test_a_link_is_replaced_and_not_followed(root: Path, tmp_path: Path) -> None:
    """A link to /etc/hostname in an image would, from outside, be the live system's."""
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (root / "etc/hostname").symlink_to(outside)
    Tree(root).text("etc/hostname", "pc-01\n")
    assert outside.read_text() == "mine"
    assert not (root / "etc/hostname").is_symlink()


def test_a_folder_that_leads_outside_is_refused(root: Path, tmp_path: Path) -> None:
    (root / "etc/ssh").symlink_to(tmp_path)
    with pytest.raises(InstallError, match="outside of the disk"):
        Tree(root).text("etc/ssh/key", "x")
    (root / "etc/rel").symlink_to("../etc")
    Tree(root).text("etc/rel/inside", "x")
    assert (root / "etc/inside").read_text() == "x"


def test_a_good_wish_passes() -> None:
    for locale in ("", "zh_CN", "zh_CN.UTF-8", "en", "C.UTF-8"):
        Wish("pc-01", "网春 01", KEY, locale).check()


@pytest.mark.parametrize("good", ["$6$abcdefgh$" + "a" * 86, "$y$j9T$" + "a" * 22 + "$" + "b" * 43])
def test_a_hash_that_a_pc_understands_passes(good: str) -> None:
    Wish("pc-01", "NS-1", KEY, teacher_hash=good).check()


@pytest.mark.parametrize("bad", ["secret", "$6$x:y$aaaaaaaaaaaaaaaaaaaa", "$1$old$hash", "!"])
def test_what_is_no_hash_is_refused_and_not_repeated(bad: str) -> None:
    with pytest.raises(RefusedError, match="no hash") as refused:
        Wish("pc-01", "NS-1", KEY, teacher_hash=bad).check()
    assert "teacher-password" in refused.value.hint
    assert bad not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize("hostname", ["", "a.b", "x" * 64, "pc-", "pc\n"])
def test_a_name_that_is_none(hostname: str) -> None:
    with pytest.raises(RefusedError, match="machine_identity_hostname") as refused:
        Wish(hostname, "NS-1", KEY).check()
    assert "nothing was changed" in refused.value.hint
