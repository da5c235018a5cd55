"""A small signed image, a station that serves it (and misbehaves when told), and a disk."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_install import job, program, rescue
from ansible.module_utils.netspring_install.disks import Disk
from ansible.module_utils.netspring_install.host import Host

from tests.on_target import ROLES

MIB = 1 << 20
CHUNK = 4 * MIB
LIVE_WORD = "a-word-of-the-test"
SERIAL = "LOOP-0001"
DISK_BYTES = 1280 * MIB


def sh(*argv: str | Path, **named: Any) -> str:
    """Run a tool that must succeed; returns what it printed."""
    return subprocess.run(
        [str(a) for a in argv], check=True, capture_output=True, text=True, **named
    ).stdout


@dataclass
class Station:
    """Serves a folder with ranges over HTTP.

    Attributes:
        folder: what is served.
        sent: bytes sent by path.
        alter: may change what is sent: path, offset, bytes in, bytes out.
        cut_after: close the connection after so many bytes, once per entry.
        ranges: answer 206; else 200 with everything, as simple servers do.
    """

    folder: Path
    sent: dict[str, int] = field(default_factory=dict)
    alter: Callable[[str, int, bytes], bytes] = lambda _path, _offset, data: data
    cut_after: list[int] = field(default_factory=list)
    ranges: bool = True
    port: int = 0

    def start(self) -> ThreadingHTTPServer:
        station = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self._answer(with_body=False)

            def do_GET(self) -> None:
                self._answer(with_body=True)

            def _answer(self, *, with_body: bool) -> None:
                path = station.folder / self.path.lstrip("/")
                if not path.is_file():
                    self.send_error(404)
                    return
                size, start = path.stat().st_size, 0
                stop, asked = size, self.headers.get("Range")
                if asked and station.ranges:
                    first, _, last = asked.removeprefix("bytes=").partition("-")
                    start, stop = int(first), int(last) + 1 if last else size
                    self.send_response(206)
                    self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
                else:
                    self.send_response(200)
                self.send_header("Content-Length", str(stop - start))
                self.end_headers()
                if with_body:
                    self._body(path, start, stop)

            def _body(self, path: Path, start: int, stop: int) -> None:
                limit = station.cut_after.pop(0) if station.cut_after else stop - start
                with path.open("rb") as file:
                    file.seek(start)
                    data = station.alter(self.path, start, file.read(stop - start))[:limit]
                station.sent[self.path] = station.sent.get(self.path, 0) + len(data)
                try:
                    self.wfile.write(data)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, *_args: object) -> None:
                """Tests print nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


def make_key(folder: Path) -> tuple[Path, str]:
    """A throwaway signing key and its line for allowed_signers."""
    key = folder / "signing"
    sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    public = key.with_suffix(".pub").read_text().strip()
    return key, f'netspring-station namespaces="netspring-image@v1" {public}'


def sign(folder: Path, key: Path) -> None:
    """Sign ``manifest.json`` of a folder anew."""
    (folder / "manifest.json.sig").unlink(missing_ok=True)
    argv = ["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", "netspring-image@v1"]
    sh(*argv, folder / "manifest.json")


def put_languages(tree: Path) -> None:
    """The image's program that changes the language, and two small languages; English is set."""
    program = tree / "usr/local/sbin/netspring-language"
    program.parent.mkdir(parents=True)
    shutil.copy(ROLES / "base_system/files/netspring-language", program)
    for locale, works in (("en_US", "My works"), ("zh_CN", "我的作品")):
        own = tree / "usr/share/netspring/language" / locale / "etc"
        (own / "skel" / works).mkdir(parents=True)
        (own / "skel/.config").mkdir()
        (own / "skel/.works").symlink_to(works)
        (own / "locale.conf").write_text(f"LANG={locale}.UTF-8\n")
        text = f'XDG_DOCUMENTS_DIR="$HOME/{works}"\n'
        (own / "skel/.config/user-dirs.dirs").write_text(text)
    zones = {"zh_CN": "Asia/Shanghai", "en_US": "Etc/UTC"}
    names = {locale: {"timezone": zone} for locale, zone in zones.items()}
    (tree / "usr/share/netspring/languages.json").write_text(json.dumps(names))
    for zone in (*zones.values(), "Africa/Bujumbura"):
        path = tree / "usr/share/zoneinfo" / zone
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a zone\n")
    sh(sys.executable, program, "--root", tree, "en_US", "--timezone", "auto")


def make_image(
    folder: Path, key: Path, tree: Path, *, name: str = "core-en-0123abcd", raw_mib: int = 64
) -> dict[str, Any]:
    """An image of a folder tree, signed; returns its manifest."""
    folder.mkdir(parents=True)
    raw, packed = folder / "raw", folder / "rootfs.ext4.zst"
    raw.touch()
    os.truncate(raw, raw_mib * MIB)
    sh("mkfs.ext4", "-q", "-F", "-d", tree, "-L", "netspring-root", raw)
    sh("zstd", "-q", "-3", raw, "-o", packed)
    blob, data = packed.read_bytes(), raw.read_bytes()
    manifest = {
        "schema": 1,
        "name": name,
        "profile": "core",
        "locale": "en_US",
        "created": "2024-01-01T00:00:00Z",
        "inputs_sha256": "00" * 32,
        "suite": "trixie",
        "packages": {},
        "file": "rootfs.ext4.zst",
        "compressed_bytes": len(blob),
        "raw_bytes": len(data),
        "raw_sha256": hashlib.sha256(data).hexdigest(),
        "chunk_bytes": CHUNK,
        "chunks": [
            hashlib.sha256(blob[i : i + CHUNK]).hexdigest() for i in range(0, len(blob), CHUNK)
        ],
        "minimum_disk_bytes": 1024 * MIB,
        "minimum_memory_bytes": 512 * MIB,
    }
    raw.unlink()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    sign(folder, key)
    return manifest


@dataclass
class Bench:
    """Everything of one test: station, image, disk, and a machine that is not quite one."""

    folder: Path
    station: Station
    key: Path
    manifest: dict[str, Any]
    order: job.Order
    image_file: Path
    loop: str
    host: Host

    @property
    def image(self) -> Path:
        """The station's folder of the image."""
        return self.station.folder / "images" / str(self.manifest["name"])

    def install(self, **changes: Any) -> dict[str, Any]:
        """Run the real program in this process; returns the result it left."""
        self.host.run.mkdir(parents=True, exist_ok=True)
        order = replace(self.order, **changes)
        (self.host.run / "order.json").write_text(json.dumps(vars(order)))
        program.main(self.host.run, self.host)
        result = rescue.read_json(self.host.run / "result.json")
        assert result is not None
        assert mounts_below(self.host.run) == []
        return result

    def part(self, number: int) -> str:
        return f"{self.loop}p{number}"

    def disk_sha256(self) -> str:
        """Digest of all blocks that are not zero, and of where they lie; holes are not read."""
        sh("blockdev", "--flushbufs", self.loop)
        os.sync()
        digest = hashlib.sha256()
        with self.image_file.open("rb") as file:
            offset = 0
            while offset < self.order.size:
                try:
                    offset = os.lseek(file.fileno(), offset, os.SEEK_DATA) // MIB * MIB
                except OSError:
                    break
                block = os.pread(file.fileno(), MIB, offset)
                if any(block):
                    digest.update(f"{offset}:".encode() + block)
                offset += MIB
        return digest.hexdigest()

    def root_is_zero(self) -> bool:
        """Whether nothing at all was written to the root partition."""
        sh("blockdev", "--flushbufs", self.part(4))
        with Path(self.part(4)).open("rb") as file:
            return not any(file.read(128 * MIB))


def mounts_below(folder: Path) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [p for p in (line.split()[4] for line in lines) if p.startswith(str(folder))]


def host_of(folder: Path, loop: str, **changes: Any) -> Host:
    """A machine in the live environment whose only disk is the loop device."""
    marker, cmdline, meminfo = folder / "marker", folder / "cmdline", folder / "meminfo"
    marker.touch()
    cmdline.write_text(f"quiet netspring.token={LIVE_WORD}\n")
    meminfo.write_text("MemTotal:        2000000 kB\n")
    size = int(sh("blockdev", "--getsize64", loop))
    sector = int(sh("blockdev", "--getss", loop))
    disk = Disk(path=loop, serial=SERIAL, size=size, sector=sector, read_only=False)
    values = {
        "marker": marker,
        "cmdline": cmdline,
        "meminfo": meminfo,
        "run": folder / "run",
        "list_disks": lambda: (disk,),
    }
    return Host(**(values | changes))


class mount:
    """Mount a partition read-only for a look."""

    def __init__(self, device: str, folder: Path, *, options: str = "ro") -> None:
        self.device, self.at, self.options = device, folder / "look", options

    def __enter__(self) -> Path:
        self.at.mkdir(exist_ok=True)
        sh("mount", "-o", self.options, self.device, self.at)
        return self.at

    def __exit__(self, *_error: object) -> None:
        sh("umount", self.at)


def stamp(bench: Bench, image: str | None = None) -> None:
    """What the bootloader role leaves as its last deed."""
    with mount(bench.part(3), bench.folder, options="rw") as rescue:
        text = {"disk_serial": SERIAL, "image": image or bench.manifest["name"]}
        (rescue / "installed.json").write_text(json.dumps(text))
