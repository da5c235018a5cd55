"""Only the package that was meant is used, and of it only what the editor needs."""

import gzip
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.on_target import load_module
from tests.roles.scratch.role import PAGES, defaults

module = load_module("scratch", "netspring_scratch_bundle")
CAT = "bcf454acf82e4504149f7ffe07081dbc"
FAR = "809d9b47347a6af2860e7a3a35bce057"
TAGS = ["people", "person", "drawing"]


def libraries() -> dict[str, list[dict[str, Any]]]:
    """Each library begins with something that is not there."""
    far = {"name": "Abby", "assetId": FAR}
    cat = {"name": "It's a \\ cat", "assetId": CAT}
    return {
        "sprites": [
            {"name": "Abby", "tags": TAGS, "isStage": False, "costumes": [far]},
            {"name": "Cat", "tags": [], "isStage": False, "costumes": [cat]},
        ],
        "costumes": [{"name": "Abby-a", "assetId": FAR}, cat],
        "sounds": [{"name": "A Bass", "assetId": FAR}],
        "backdrops": [{"name": "Arctic", "assetId": FAR}],
    }


def script(content: dict[str, list[dict[str, Any]]]) -> str:
    """An editor with these libraries in it, as webpack writes them."""
    parts = []
    for entries in content.values():
        text = json.dumps(entries, separators=(",", ":"))
        escaped = text.replace("\\", "\\\\").replace("'", "\\'")
        parts.append(f"JSON.parse('{escaped}')")
    return f'a=[{",".join(parts)}];__webpack_require__.p="/";'


def package(path: Path, files: dict[str, str]) -> Path:
    """An npm package: a tar file with everything in the folder ``package``."""
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def whole(**changes: str) -> dict[str, str]:
    """The files of a small package of the kind."""
    content = libraries()
    return {
        "LICENSE": "AGPL",
        "TRADEMARK": "marks",
        "dist/scratch-gui.js": "for bundlers",
        "dist/scratch-gui-standalone.js": script(content),
        "dist/scratch-gui-standalone.js.map": "{}",
        "dist/chunks/paper-source.65ae60168d8af706bd4f.js": "paper",
        "dist/chunks/fr-steps.25e5db3a13a5f94be8f5.js": "tutorials",
        "dist/chunks/mediapipe/face_detection/face.wasm": "faces",
        "dist/static/assets/pen.a7fa73e1f7b8e8e6acfb.png": "pen",
        "dist/static/assets/spin.b2e37e698b1672b97067.jpg": "tutorial",
        "src/lib/libraries/decks/thumbnails/spin.jpg": "tutorial",
        f"src/lib/default-project/{CAT}.svg": "<svg/>",
        **{f"dist/libraries/{name}.json": json.dumps(content[name]) for name in content},
        **changes,
    }


def npm(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program named npm, and no other."""
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")


def test_a_package_is_fetched_once_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = package(tmp_path / "source.tgz", whole())
    log = tmp_path / "log"
    (tmp_path / "cache").mkdir()
    npm(tmp_path, f'echo "$@" >>{log}; cp {source} gui-1.tgz', monkeypatch)
    for _ in range(2):
        path = module.fetched("@s/gui", "1", module.digest(source), tmp_path / "cache")
        assert path.read_bytes() == source.read_bytes()
    assert log.read_text() == "pack @s/gui@1 --ignore-scripts --json\n"
    path.write_bytes(b"spoilt on the disk")
    module.fetched("@s/gui", "1", module.digest(source), tmp_path / "cache")
    assert path.read_bytes() == source.read_bytes()
    assert list((tmp_path / "cache").iterdir()) == [path]


def test_another_package_of_that_name_is_refused_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = package(tmp_path / "source.tgz", whole())
    (tmp_path / "cache").mkdir()
    npm(tmp_path, f"cp {source} gui-1.tgz", monkeypatch)
    with pytest.raises(module.BundleError, match="is not the package that was meant"):
        module.fetched("@s/gui", "1", "sha512-other", tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    "said", ["npm error code ENOTFOUND", "npm ERR! code E404"], ids=["unreachable", "gone"]
)
def test_a_registry_that_fails_is_told_with_its_words(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm(tmp_path, f"echo '{said}' >&2; exit 1", monkeypatch)
    with pytest.raises(module.BundleError, match=rf"^npm could not fetch @s/gui@1: {said}"):
        module.fetched("@s/gui", "1", "sha512-x", tmp_path)


def test_a_station_without_npm_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(module.BundleError, match=r"^npm is not installed on this station"):
        module.fetched("@s/gui", "1", "sha512-x", tmp_path)


def test_of_the_package_only_what_the_editor_needs_goes_to_the_pc(tmp_path: Path) -> None:
    files = module.application(package(tmp_path / "p.tgz", whole()), PAGES, "notice")
    assert set(files) == {
        "LICENSE",
        "NOTICE",
        "TRADEMARK",
        "chunks/paper-source.65ae60168d8af706bd4f.js",
        "icon.svg",
        "index.html",
        "page.css",
        "page.js",
        "scratch-gui-standalone.js",
        "static/assets/pen.a7fa73e1f7b8e8e6acfb.png",
        "texts.js",
    }
    text = files["scratch-gui-standalone.js"].decode()
    assert FAR not in text
    assert text.count(CAT) == 2
    assert r"It\'s a \\\\ cat" in text
    assert text.endswith('__webpack_require__.p="./";')
    assert files["page.js"].startswith(b'window.NETSPRING_LIBRARIES = ["sprites", "costumes"];\n')


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dist/scratch-gui-standalone.js", script(libraries()) + '__webpack_require__.p="/"'),
        ("dist/scratch-gui-standalone.js", script(libraries()).replace('.p="/"', '.p="/gui"')),
        ("dist/scratch-gui-standalone.js", script(libraries()).replace('"Arctic"', '"Other"')),
    ],
    ids=["twice", "elsewhere", "library"],
)
def test_an_editor_that_is_not_as_this_role_knows_it_is_refused(
    name: str, text: str, tmp_path: Path
) -> None:
    with pytest.raises(module.BundleError, match="not the version that this role knows"):
        module.application(package(tmp_path / "p.tgz", whole(**{name: text})), PAGES, "notice")


def test_the_same_files_give_the_same_bytes_and_the_last_tells_that_all_is_there() -> None:
    files = {"b/c.js": b"1", "a.js": b"2"}
    name = module.identity(files)
    packed = module.packed(files, name)
    assert packed == module.packed(dict(reversed(files.items())), name)
    assert name != module.identity({**files, "a.js": b"3"})
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(gzip.compress(packed)))) as tar:
        members = tar.getmembers()
    assert [member.name for member in members][-1] == f"{name}/complete"
    assert {member.mode for member in members if member.isdir()} == {0o755}
    assert {member.mode for member in members if member.isfile()} == {0o644}
    assert {(member.uid, member.mtime) for member in members} == {(0, module.EPOCH)}


def test_the_role_names_a_hash_and_not_a_registry() -> None:
    values = defaults()
    assert values["scratch_integrity"].startswith("sha512-")
    assert not [value for value in map(str, values.values()) if "://" in value]
