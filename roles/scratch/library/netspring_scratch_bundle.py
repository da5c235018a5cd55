#!/usr/bin/python3
"""Fetch Scratch's npm package on the station, check it, and keep of it what a child needs.

Runs on the station, not on a PC. The registry is the one that npm is set up with; the package's
hash is in the role, so it does not matter who hands it out.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: netspring_scratch_bundle
short_description: Fetch, check and trim Scratch's npm package
description:
  - Fetches the package with npm as the station is set up, refuses it unless it has the sha512 that
    is named, leaves out what a child without internet does not need, and packs the rest.
  - Is run on the station. What is there already is not made again.
options:
  package:
    description: Name of the npm package.
    type: str
    required: true
  version:
    description: Its version.
    type: str
    required: true
  integrity:
    description: Its sha512, written as npm does.
    type: str
    required: true
  pages:
    description: Folder with the pages of ours that go beside the package's files.
    type: path
    required: true
  cache:
    description: Folder where the package and the result are kept.
    type: path
    required: true
author:
  - Netspring Provision
"""

EXAMPLES = r"""
- name: Fetch Scratch on the station
  netspring_scratch_bundle:
    package: "@scratch/scratch-gui"
    version: 15.2.0
    integrity: sha512-…
    pages: "{{ role_path }}/files/app"
    cache: /var/cache/netspring
  delegate_to: localhost
"""

RETURN = r"""
archive:
  description: Path of the packed application on the station.
  type: str
  returned: always
id:
  description: Name of the folder in it; changes with every byte of it.
  type: str
  returned: always
bytes:
  description: Size of the application when it is laid out.
  type: int
  returned: always
"""

SCRIPT = "scratch-gui-standalone.js"
# Files of the package that the editor loads, by their path in it (fnmatch without folders below).
# Left out: the same editor for bundlers (scratch-gui.js), source maps, types and sources, tutorials
# with their pictures, face detection (13 MB; its extension is hidden), micro:bit firmware.
WANTED = (
    f"dist/{SCRIPT}",
    f"dist/{SCRIPT}.LICENSE.txt",
    "dist/extension-worker.js",
    "dist/extension-worker.js.LICENSE.txt",
    "dist/chunks/fetch-worker.*.js",
    "dist/chunks/paper-*.js",
    "dist/static/blocks-media/*/*",
    "dist/static/assets/*",
    "LICENSE",
    "TRADEMARK",
)
TUTORIALS = "src/lib/libraries/decks/"
CAT = "src/lib/default-project/bcf454acf82e4504149f7ffe07081dbc.svg"
# What the editor carries in itself for its starting project (src/lib/default-project).
CARRIED = frozenset(
    (
        "83a9787d4cb6f3b7632b4ddfebf74367",
        "83c36d806dc92327b9e7049a565c6bff",
        "bcf454acf82e4504149f7ffe07081dbc",
        "0fb9be3e8397c983338cb71dc84d0b25",
        "cd21514d0531fdffb22204e0ec5ed84a",
    )
)
LIBRARIES = ("sprites", "costumes", "sounds", "backdrops")
# The editor looks for its parts at the root of a web site; ours lies beside the page.
ROOT = '__webpack_require__.p="/"'
BESIDE = '__webpack_require__.p="./"'
EPOCH = 499162500  # 1985-10-26, which npm gives to every file of a package
NOTICE = """\
Scratch 3, npm package {package} {version} (sha512 {integrity}),
by the Scratch Foundation under the licence in the file LICENSE (AGPL-3.0-only); what it is made of
is named in the *.LICENSE.txt files. Its source is in the folder src of the same package.
Scratch, its logo and the Scratch Cat are trademarks of the Scratch Foundation: see TRADEMARK. This
project is not theirs and not endorsed by them.

Changed in {script} by Netspring Provision: parts are looked for beside the page instead of at the
root of a web site, and the libraries list only what is there without internet. index.html, page.js,
page.css and texts.js are Netspring Provision's (GPL-3.0-or-later).
"""


class BundleError(Exception):
    """Why there is no Scratch, for the person at the station."""


def digest(path: Path) -> str:
    """The sha512 of a file as npm writes it (Subresource Integrity)."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha512").digest()
    return f"sha512-{base64.b64encode(found).decode()}"


def fetched(package: str, version: str, integrity: str, cache: Path) -> Path:
    """The package in the cache, fetched if it is not there or not what it should be.

    Raises:
        BundleError: no npm, no registry, or not the package that was meant.
    """
    path = cache / f"{package.lstrip('@').replace('/', '-')}-{version}.tgz"
    if path.is_file() and digest(path) == integrity:
        return path
    npm = shutil.which("npm")
    if npm is None:
        raise BundleError(f"npm is not installed on this station, {package} cannot be fetched")
    with tempfile.TemporaryDirectory(prefix=".npm-", dir=cache) as folder:
        argv = [npm, "pack", f"{package}@{version}", "--ignore-scripts", "--json"]
        done = subprocess.run(  # noqa: S603
            argv, cwd=folder, capture_output=True, text=True, check=False
        )
        found = list(Path(folder).glob("*.tgz"))
        if done.returncode != 0 or len(found) != 1:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            reason = " ".join(said[:3]) or "it said nothing"
            raise BundleError(f"npm could not fetch {package}@{version}: {reason[:600]}")
        if (actual := digest(found[0])) != integrity:
            raise BundleError(
                f"{package}@{version} is not the package that was meant and is not used: its hash"
                f" is {actual}, it should be {integrity}"
            )
        found[0].replace(path)
    return path


def wanted(name: str, tutorials: frozenset[str]) -> bool:
    """Whether a file of the package goes to the PC.

    Args:
        name: path in the package.
        tutorials: names of the tutorials' pictures in the package's sources.
    """
    path = PurePosixPath(name)
    if not any(
        len(path.parts) == len(PurePosixPath(rule).parts) and path.match(rule) for rule in WANTED
    ):
        return False
    # webpack puts a hash before the extension: speech-spin.en.<20 hexadecimal digits>.png
    plain = re.sub(r"\.[0-9a-f]{20}(\.\w+)$", r"\1", path.name)
    return path.parent.name != "assets" or plain not in tutorials


def assets(item: Any) -> set[str]:
    """The files that an entry of a library needs, by their md5."""
    found = set()
    if isinstance(item, dict):
        if item.get("assetId") or item.get("md5ext"):
            found.add(item.get("assetId") or item["md5ext"].partition(".")[0])
        item = list(item.values())
    if isinstance(item, list):
        for part in item:
            found |= assets(part)
    return found


def trimmed(script: str, libraries: dict[str, list[dict[str, Any]]]) -> tuple[str, list[str]]:
    """The editor with its parts beside the page and with libraries of what is there.

    Returns the names of the libraries that have something in them, too.

    Raises:
        BundleError: the editor does not have these places exactly once.
    """
    filled = []
    for name in LIBRARIES:
        entries = libraries[name]
        start = f'JSON.parse(\'[{{"name":{json.dumps(entries[0]["name"])},' + (
            '"tags":["people","person","drawing"],"isStage"' if name == "sprites" else '"assetId":'
        )
        script = _replaced(script, start, [e for e in entries if assets(e) <= CARRIED])
        if any(assets(entry) <= CARRIED for entry in entries):
            filled.append(name)
    if script.count(ROOT) != 1:
        raise BundleError(f"{SCRIPT} is not the version that this role knows: no {ROOT}")
    return script.replace(ROOT, BESIDE), filled


def _replaced(script: str, start: str, entries: list[dict[str, Any]]) -> str:
    if script.count(start) != 1:
        raise BundleError(f"{SCRIPT} is not the version that this role knows: no {start}")
    begin = script.index(start)
    literal = re.compile(r"JSON\.parse\('(?:[^'\\]|\\.)*'\)").match(script, begin)
    if literal is None:
        raise BundleError(f"{SCRIPT} is not the version that this role knows: {start} has no end")
    text = json.dumps(entries, separators=(",", ":")).replace("\\", "\\\\").replace("'", "\\'")
    return f"{script[:begin]}JSON.parse('{text}'){script[literal.end() :]}"


def application(archive: Path, pages: Path, notice: str) -> dict[str, bytes]:
    """All files of the application by their name in its folder.

    Raises:
        BundleError: the package is not as this role knows it.
    """
    with tarfile.open(archive) as package:
        members = {member.name.partition("/")[2]: member for member in package if member.isfile()}

        def content(name: str) -> bytes:
            file = package.extractfile(members[name]) if name in members else None
            if file is None:
                raise BundleError(f"the package has no {name}")
            return file.read()

        tutorials = frozenset(PurePosixPath(n).name for n in members if n.startswith(TUTORIALS))
        files = {
            name.removeprefix("dist/"): content(name) for name in members if wanted(name, tutorials)
        }
        libraries = {name: json.loads(content(f"dist/libraries/{name}.json")) for name in LIBRARIES}
        files["icon.svg"] = content(CAT)
    if SCRIPT not in files:
        raise BundleError(f"the package has no {SCRIPT}")
    script, filled = trimmed(files[SCRIPT].decode(), libraries)
    files[SCRIPT] = script.encode()
    files |= {path.name: path.read_bytes() for path in pages.iterdir() if path.is_file()}
    files["page.js"] = (
        f"window.NETSPRING_LIBRARIES = {json.dumps(filled)};\n".encode() + files["page.js"]
    )
    files["NOTICE"] = notice.encode()
    return files


def packed(files: dict[str, bytes], name: str) -> bytes:
    """A tar file, the same for the same files; its last file tells that all of it was laid out."""
    buffer = io.BytesIO()
    folders = {str(p) for f in files for p in PurePosixPath(f).parents if str(p) != "."}
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for folder in ["", *sorted(folders)]:
            info = tarfile.TarInfo(f"{name}/{folder}".rstrip("/"))
            info.type, info.mode, info.mtime = tarfile.DIRTYPE, 0o755, EPOCH
            tar.addfile(info)
        for path, data in [*sorted(files.items()), ("complete", b"")]:
            info = tarfile.TarInfo(f"{name}/{path}")
            info.size, info.mode, info.mtime = len(data), 0o644, EPOCH
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def identity(files: dict[str, bytes]) -> str:
    """16 hexadecimal digits that change with every byte of the application."""
    whole = hashlib.sha256()
    for name, data in sorted(files.items()):
        whole.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode())
    return whole.hexdigest()[:16]


def main() -> None:
    """Fetch, check, trim, pack; each result is kept under a name that tells what it is made of."""
    module = AnsibleModule(
        argument_spec={
            name: {"type": kind, "required": True}
            for name, kind in (
                ("package", "str"),
                ("version", "str"),
                ("integrity", "str"),
                ("pages", "path"),
                ("cache", "path"),
            )
        },
        supports_check_mode=True,  # the cache is not what is being set up
    )
    params = module.params
    cache = Path(params["cache"])
    try:
        cache.mkdir(parents=True, exist_ok=True)
        package = fetched(params["package"], params["version"], params["integrity"], cache)
        words = {key: params[key] for key in ("package", "version", "integrity")}
        files = application(package, Path(params["pages"]), NOTICE.format(script=SCRIPT, **words))
        name = identity(files)
        archive = cache / f"scratch-{name}.tar.gz"
        if not archive.is_file():
            half = archive.with_name(f".{archive.name}.half")
            half.write_bytes(gzip.compress(packed(files, name), 6, mtime=0))
            half.replace(archive)
    except (OSError, ValueError, tarfile.TarError, BundleError) as error:
        module.fail_json(msg=str(error))
    size = sum(len(data) for data in files.values())
    module.exit_json(changed=False, archive=str(archive), id=name, bytes=size)


if __name__ == "__main__":
    main()
