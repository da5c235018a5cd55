"""PCs that hold three languages, in a folder, and the program that changes the language."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from tests.on_target import ROLES

PROGRAM = ROLES / "base_system/files/netspring-language"
WORKS = {"zh_CN": "我的作品", "en_US": "My works", "fr_FR": "Mes créations"}
EXAMPLES = {"zh_CN": "示例", "en_US": "Examples", "fr_FR": "Exemples"}
DOWNLOAD = {"zh_CN": "下载", "en_US": "Downloads", "fr_FR": "Téléchargements"}
ZONES = {"zh_CN": "Asia/Shanghai", "en_US": "Etc/UTC", "fr_FR": "Europe/Paris"}


# Not imported: that would leave a __pycache__ among the files of the image.
language: Any = types.ModuleType("netspring_language")
sys.modules["netspring_language"] = language  # dataclasses look their module up
exec(compile(PROGRAM.read_text(), str(PROGRAM), "exec"), language.__dict__)  # noqa: S102


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def pc(tmp_path: Path) -> Path:
    """A PC that holds three languages, set to none of them yet, with a child's home."""
    root = tmp_path / "pc"
    for name, works in WORKS.items():
        tree = root / "usr/share/netspring/language" / name
        write(tree / "etc/locale.conf", f"LANG={name}.UTF-8\n")
        write(tree / "etc/tuxpaint/tuxpaint.conf", f"lang={name}\n")
        write(tree / "etc/skel/.config/Thonny/configuration.ini", f"language = {name}\n")
        write(
            tree / "etc/skel/.config/user-dirs.dirs",
            f'XDG_DESKTOP_DIR="$HOME/Desktop"\nXDG_DOCUMENTS_DIR="$HOME/{works}"\n'
            f'XDG_PICTURES_DIR="$HOME/{works}"\nXDG_DOWNLOAD_DIR="$HOME/{DOWNLOAD[name]}"\n',
        )
        write(tree / "etc/skel" / works / EXAMPLES[name] / "cat.py", f"print({name!r})\n")
        write(tree / "etc/skel" / works / EXAMPLES[name] / "dog.py", "print('same')\n")
        (tree / "etc/skel" / DOWNLOAD[name]).mkdir()
        (tree / "etc/skel/.works").symlink_to(works)
        write(root / "usr/share/zoneinfo" / ZONES[name], "zone")
    chinese = root / "usr/share/netspring/language/zh_CN"
    write(chinese / "etc/X11/Xsession.d/72netspring-input", "export XMODIFIERS\n")
    (chinese / "etc/xdg/autostart").mkdir(parents=True)
    (chinese / "etc/xdg/autostart/fcitx.desktop").symlink_to("/usr/share/fcitx.desktop")
    named = {name: {"name": name.lower(), "timezone": zone} for name, zone in ZONES.items()}
    write(root / "usr/share/netspring/languages.json", json.dumps(named))
    write(
        root / "etc/passwd",
        f"root:x:0:0::/root:/bin/sh\npupil:x:{os.getuid() or 1000}:1000::/home/pupil:/bin/sh\n"
        "nobody:x:65534:65534::/nonexistent:/bin/false\n",
    )
    return root


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PROGRAM, "--root", root, *words],
        capture_output=True,
        text=True,
        check=False,
    )


def set_to(root: Path, *words: str) -> list[str]:
    done = run(root, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def home(pc: Path) -> Path:
    """The child's home, made from the Chinese skeleton."""
    set_to(pc, "zh_CN")
    folder = pc / "home/pupil"
    folder.parent.mkdir()
    subprocess.run(["cp", "-a", pc / "etc/skel", folder], check=True)
    for path in (pc, *pc.parents):
        if path.is_relative_to("/tmp") and path != Path("/tmp") and os.geteuid() == 0:  # noqa: S108
            path.chmod(path.stat().st_mode | 0o755)
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "1000:1000", folder], check=True)
    return folder


def everything(folder: Path) -> dict[str, object]:
    return {
        str(path.relative_to(folder)): (
            str(path.readlink())
            if path.is_symlink()
            else path.read_bytes()
            if path.is_file()
            else "folder"
        )
        for path in folder.rglob("*")
    }
