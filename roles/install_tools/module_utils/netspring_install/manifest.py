"""The signed description of an image: first the signature, then every field."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_install import tools
from ansible.module_utils.netspring_install.errors import InstallError, RefusedError

NAMESPACE = "netspring-image@v1"
IDENTITY = "netspring-station"
MAKE_AGAIN = "nothing was written; build or copy the image again (netspring image build)"
_HEX = re.compile(r"[0-9a-f]{64}\Z")
# It becomes the name of a folder: no separator, no leading dot.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")


@dataclass(frozen=True)
class Manifest:
    """What the station promises about an image; sizes in bytes.

    Attributes:
        name: folder of the image, unique by its inputs.
        profile: core, lite or studio.
        locale: language it was made for.
        file: the compressed filesystem, beside the manifest.
        compressed_bytes: its size.
        raw_bytes: size of the filesystem in it.
        raw_sha256: of the filesystem.
        chunk_bytes: length of one piece of the compressed file; the last may be shorter.
        chunks: sha256 of each piece, in order.
        minimum_disk_bytes: smallest disk it is meant for.
        minimum_memory_bytes: least RAM it is meant for.
    """

    name: str
    profile: str
    locale: str
    file: str
    compressed_bytes: int
    raw_bytes: int
    raw_sha256: str
    chunk_bytes: int
    chunks: tuple[str, ...]
    minimum_disk_bytes: int
    minimum_memory_bytes: int

    def chunk_size(self, index: int) -> int:
        """Length of piece ``index`` in bytes."""
        return min(self.chunk_bytes, self.compressed_bytes - index * self.chunk_bytes)


def verify_signature(manifest: bytes, signature: bytes, allowed_signers: str, folder: Path) -> None:
    """Check who signed the manifest, with ssh-keygen(1); the files go to ``folder`` (RAM).

    Raises:
        RefusedError: the signature is not by an allowed signer over exactly these bytes.
    """
    signers, sig = folder / "allowed_signers", folder / "manifest.json.sig"
    signers.write_text(allowed_signers.rstrip("\n") + "\n", encoding="utf-8")
    sig.write_bytes(signature)
    argv = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", IDENTITY]
    argv += ["-n", NAMESPACE, "-s", str(sig)]
    try:
        tools.run(argv, what="signature of the image's manifest", stdin=manifest)
    except InstallError as error:
        raise RefusedError(
            f"the image is not signed by this station: {error.reason}", MAKE_AGAIN
        ) from error


def parse(text: bytes) -> Manifest:
    """Read a manifest whose signature was checked.

    Raises:
        RefusedError: a field is missing, of the wrong type, or contradicts another.
    """
    try:
        data: dict[str, Any] = json.loads(text)
        manifest = Manifest(
            name=_text(data, "name", _NAME),
            profile=_text(data, "profile", _NAME),
            locale=_text(data, "locale", _NAME),
            file=_text(data, "file", _NAME),
            compressed_bytes=_number(data, "compressed_bytes"),
            raw_bytes=_number(data, "raw_bytes"),
            raw_sha256=_text(data, "raw_sha256", _HEX),
            chunk_bytes=_number(data, "chunk_bytes"),
            chunks=tuple(_text({"chunk": c}, "chunk", _HEX) for c in data["chunks"]),
            minimum_disk_bytes=_number(data, "minimum_disk_bytes"),
            minimum_memory_bytes=_number(data, "minimum_memory_bytes"),
        )
        if data.get("schema") != 1:
            raise ValueError(f"schema {data.get('schema')!r} is not 1")
        if len(manifest.chunks) != -(-manifest.compressed_bytes // manifest.chunk_bytes):
            raise ValueError("the number of chunks does not fit the size")
        if manifest.raw_bytes % 4096:
            raise ValueError("raw_bytes is not a multiple of 4096")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RefusedError(f"the image's manifest cannot be used: {error}", MAKE_AGAIN) from error
    return manifest


def _text(data: dict[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    value = data[key]
    if not isinstance(value, str) or not pattern.match(value):
        raise ValueError(f"{key} is {value!r}")
    return value


def _number(data: dict[str, Any], key: str) -> int:
    value = data[key]
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{key} is {value!r}")
    return value
