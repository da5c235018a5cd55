"""A signed image made once; for each test a station that serves a copy, and a blank disk."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import install_kit as kit
import pytest
from ansible.module_utils.netspring_install import job
from install_kit import MIB, Bench, sh

PEOPLE = """\
root:x:0:0:root:/root:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
pupil:x:1000:1000::/home/pupil:/bin/bash
"""
SHADOW = "root:*:20000:0:99999:7:::\nteacher:!:20000:0:99999:7:::\npupil:!:20000:0:99999:7:::\n"


@pytest.fixture(scope="session")
def install_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key, image and live files, made once; tests work on copies."""
    folder = tmp_path_factory.mktemp("source")
    key, signers = kit.make_key(folder)
    (folder / "signers").write_text(signers)
    tree = folder / "tree"
    for name in ("etc/ssh", "etc/skel", "root", "boot", "home"):
        (tree / name).mkdir(parents=True)
    (tree / "etc" / "passwd").write_text(PEOPLE)
    (tree / "etc" / "shadow").write_text(SHADOW)
    os.chown(tree / "etc" / "shadow", 0, 42)
    (tree / "etc" / "shadow").chmod(0o640)
    (tree / "etc" / "skel" / ".profile").write_text("# from the skeleton\n")
    (tree / "etc" / "skel" / ".tuxpaint").mkdir()
    (tree / "etc" / "skel" / ".tuxpaint" / "saved").symlink_to("../.works")
    kit.put_languages(tree)
    (tree / "etc" / "machine-id").touch()
    (tree / "etc" / "hello").write_text("from the image\n")
    (tree / "noise").write_bytes(os.urandom(18 * MIB))
    kit.make_image(folder / "www" / "images" / "core-en-0123abcd", key, tree)
    live = folder / "www" / "live"
    live.mkdir()
    (live / "vmlinuz").write_bytes(os.urandom(MIB))
    (live / "initrd.img").write_bytes(os.urandom(3 * MIB + 17))
    return folder


@pytest.fixture
def bench(install_source: Path, tmp_path: Path) -> Iterator[Bench]:
    www = tmp_path / "www"
    shutil.copytree(install_source / "www", www)
    station = kit.Station(www)
    server = station.start()
    image_file = tmp_path / "disk.img"
    image_file.touch()
    os.truncate(image_file, kit.DISK_BYTES)
    loop = sh("losetup", "--find", "--show", "--partscan", image_file).strip()
    manifest = json.loads((www / "images/core-en-0123abcd/manifest.json").read_text())
    order = job.Order(
        url=f"http://127.0.0.1:{station.port}/images/{manifest['name']}",
        image=manifest["name"],
        live_url=f"http://127.0.0.1:{station.port}/live",
        live_sha256={
            name: hashlib.sha256((www / "live" / name).read_bytes()).hexdigest()
            for name in ("vmlinuz", "initrd.img")
        },
        allowed_signers=(install_source / "signers").read_text(),
        serial=kit.SERIAL,
        size=kit.DISK_BYTES,
        token_sha256=hashlib.sha256(kit.LIVE_WORD.encode()).hexdigest(),
    )
    host = kit.host_of(tmp_path, loop)
    yield Bench(
        tmp_path, station, install_source / "signing", manifest, order, image_file, loop, host
    )
    server.shutdown()
    server.server_close()
    sh("losetup", "--detach", loop)
