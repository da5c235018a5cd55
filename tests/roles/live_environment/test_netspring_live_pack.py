"""The initrd: an archive that others can read, files with safe modes, nothing half-made."""

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.on_target import load_module

ROLE = Path(__file__).parents[3] / "roles/live_environment"
pack: Any = load_module("live_environment", "netspring_live_pack")


def tree(root: Path) -> Path:
    (root / "bin").mkdir(parents=True)
    (root / "bin/long name é").write_bytes(b"x" * 5)
    (root / "bin/empty").touch()
    (root / "bin/tool").write_text("#!/bin/sh\n")
    (root / "bin/tool").chmod(0o755)
    (root / "bin/other").hardlink_to(root / "bin/tool")
    (root / "init").symlink_to("bin/tool")
    return root


def test_gnu_cpio_unpacks_the_same_tree(tmp_path: Path) -> None:
    root = tree(tmp_path / "root")
    archive = b"".join(pack.cpio(root))
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["cpio", "-idm", "--quiet"], input=archive, cwd=out, check=True)
    assert (out / "bin/long name é").read_bytes() == b"xxxxx"
    assert (out / "bin/empty").read_bytes() == b""
    assert (out / "init").readlink() == Path("bin/tool")
    assert stat.S_IMODE((out / "bin/other").stat().st_mode) == 0o755
    assert int((out / "bin/tool").stat().st_mtime) == pack.MTIME
    assert len(list(out.rglob("*"))) == len(list(root.rglob("*")))


def test_the_archive_depends_on_content_alone(tmp_path: Path) -> None:
    first, second = tree(tmp_path / "a"), tree(tmp_path / "b")
    os.utime(second / "bin/tool", (1, 1))
    assert b"".join(pack.cpio(first)) == b"".join(pack.cpio(second))


def test_initrd_is_zstd_with_the_whole_archive(tmp_path: Path) -> None:
    root = tree(tmp_path / "root")
    size = pack.compress(root, tmp_path / "initrd", 3)
    unpacked = subprocess.run(
        ["zstd", "-dc", tmp_path / "initrd"], capture_output=True, check=True
    ).stdout
    assert len(unpacked) == size
    assert unpacked == b"".join(pack.cpio(root))


def test_a_full_disk_is_said() -> None:
    with pytest.raises(OSError, match="No space left"):
        pack.compress(ROLE, Path("/dev/full"), 1)


def params(work: Path, output: Path) -> dict[str, Any]:
    return {
        "output": str(output),
        "work": str(work),
        "overlay": str(ROLE / "files/overlay"),
        "authorized_key": "ssh-ed25519 AAAA netspring-station\n",
        "enabled_units": {"multi-user.target": ["netspring-live.service"]},
        "masked_units": ["swap.target"],
        "zstd_level": 1,
        "inputs": "ab" * 32,
        "mirror": "http://m.example/debian",
    }


@pytest.fixture
def work(tmp_path: Path) -> Path:
    made = tmp_path / ".partial-1"
    for folder in ("etc/systemd/system", "usr/lib", "root"):
        (made / "root" / folder).mkdir(parents=True)
    (made / "root/etc/shadow").write_text("root:$y$hash:1:0:99999:7:::\nsshd:!:1::::::\n")
    (made / "vmlinuz").write_text("kernel")
    (made / "packages.json").write_text('{"bash": "5"}')
    return made


def test_published_whole_with_hashes(work: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    said = pack.publish(output, work, params(work, output))
    assert said == json.loads((output / "build.json").read_text())
    assert sorted(path.name for path in output.iterdir()) == ["build.json", "initrd.img", "vmlinuz"]
    assert said["files"]["vmlinuz"]["bytes"] == 6
    assert said["files"]["initrd.img"]["sha256"] == pack.sha256(output / "initrd.img")


def test_nobody_has_a_password_and_only_the_station_a_key(work: Path, tmp_path: Path) -> None:
    pack.dress(work / "root", params(work, tmp_path), {})
    root = work / "root"
    shadow = (root / "etc/shadow").read_text().splitlines()
    assert [line.split(":")[1] for line in shadow] == ["*", "*"]
    keys = root / "root/.ssh/authorized_keys"
    assert keys.read_text() == "ssh-ed25519 AAAA netspring-station\n"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert (root / "etc/systemd/system/swap.target").readlink() == Path("/dev/null")
    assert (root / "etc/machine-id").read_text() == ""


def test_modes_do_not_come_from_the_clone(work: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay"
    (overlay / "usr/lib/x").mkdir(parents=True)
    (overlay / "usr/lib/x/run").write_text("#!/bin/sh\n")
    (overlay / "usr/lib/x/text").write_text("text\n")
    for path in overlay.rglob("*"):
        path.chmod(0o700)
    pack.lay_over(overlay, work / "root")
    modes = {
        name: stat.S_IMODE((work / "root/usr/lib" / name).stat().st_mode)
        for name in ("", "x", "x/run", "x/text")
    }
    assert modes == {"": 0o755, "x": 0o755, "x/run": 0o755, "x/text": 0o644}


def test_a_unit_that_is_not_there_stops_the_build(work: Path, tmp_path: Path) -> None:
    asked = params(work, tmp_path) | {"enabled_units": {"multi-user.target": ["gone.service"]}}
    with pytest.raises(ValueError, match=r"gone\.service"):
        pack.dress(work / "root", asked, {})


def test_the_token_is_nowhere_in_what_is_laid_over() -> None:
    for path in (ROLE / "files/overlay").rglob("*"):
        assert not path.is_file() or "netspring.token=" not in path.read_text().replace(
            r"netspring\.token=", ""
        )
