"""The manifest of an image: what is in it, what it needs, and the hashes that prove it whole."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from netspring_provision import signing
from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError

MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
NAMESPACE = "netspring-image@v1"
SCHEMA = 1


@dataclass(frozen=True)
class Manifest:
    """What ``manifest.json`` says; sizes in bytes, hashes as 64 hexadecimal digits.

    Attributes:
        schema: version of this file's form.
        name: of the image and its folder.
        profile: what it contains.
        locale: language that it speaks until its room says otherwise, e.g. ``zh_CN``.
        created: date of the youngest package list it was built from, ISO 8601 in UTC.
        inputs_sha256: hash of what decided its contents.
        suite: Debian release.
        packages: installed packages and their versions.
        file: name of the compressed filesystem beside the manifest.
        compressed_bytes: its size.
        raw_bytes: size of the filesystem in it.
        raw_sha256: hash of the filesystem in it.
        chunk_bytes: size of each chunk of the compressed file but the last.
        chunks: hash of each chunk.
        minimum_disk_bytes: smallest disk to install it on.
        minimum_memory_bytes: smallest RAM it runs in.
        locales: languages that it holds; older images name none and hold the one above.
    """

    schema: int
    name: str
    profile: str
    locale: str
    created: str
    inputs_sha256: str
    suite: str
    packages: Mapping[str, str]
    file: str
    compressed_bytes: int
    raw_bytes: int
    raw_sha256: str
    chunk_bytes: int
    chunks: tuple[str, ...]
    minimum_disk_bytes: int
    minimum_memory_bytes: int
    locales: tuple[str, ...] = ()

    def holds(self, locale: str) -> bool:
        """Whether a PC with it can be set to that language."""
        return locale in (self.locales or (self.locale,))

    def to_json(self) -> str:
        """The text that is signed."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, where: Path) -> Manifest:
        """Read the text; ``where`` names it in errors.

        Raises:
            MachineFailedError: it is not a manifest of this schema.
        """
        try:
            data: dict[str, Any] = json.loads(text)
            data["chunks"] = tuple(data["chunks"])
            data["locales"] = tuple(data.get("locales", ()))
            manifest = cls(**data)
        except (ValueError, TypeError, KeyError) as error:
            raise _bad(where, f"it cannot be read: {error}") from error
        if manifest.schema != SCHEMA:
            raise _bad(where, f"its schema is {manifest.schema}, not {SCHEMA}")
        return manifest


def packages(status: str) -> dict[str, str]:
    """Installed packages and versions from the text of dpkg's status file (pure)."""
    found = {}
    for stanza in re.split(r"\n\n+", status):
        fields = dict(re.findall(r"^(Package|Status|Version): (.*)$", stanza, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            found[fields["Package"]] = fields["Version"]
    return dict(sorted(found.items()))


def write(manifest: Manifest, folder: Path, station: Station) -> None:
    """Write and sign the manifest (signing.py)."""
    path = folder / MANIFEST
    path.write_text(manifest.to_json(), "utf-8")
    signature = signing.sign(path.read_bytes(), station.signing_key, NAMESPACE)
    (folder / SIGNATURE).write_text(signature, "ascii")


def allowed_signers(station: Station) -> str:
    """The line by which ssh-keygen knows this station's signatures of images."""
    return signing.signer_line(signing.public_key(station.signing_key), NAMESPACE)


def read(folder: Path) -> Manifest:
    """The manifest of an image's folder, unverified.

    Raises:
        MachineFailedError: it is missing or not a manifest.
    """
    path = folder / MANIFEST
    try:
        return Manifest.from_json(path.read_text("utf-8"), path)
    except OSError as error:
        raise _bad(path, f"it cannot be read: {error.strerror}") from error


def verified(folder: Path, station: Station) -> Manifest:
    """The manifest, after its signature and the size of the file beside it were checked.

    Raises:
        MachineFailedError: it was altered, or another station signed it.
    """
    manifest = read(folder)
    try:
        signing.verify(
            (folder / MANIFEST).read_bytes(),
            folder / SIGNATURE,
            allowed_signers(station),
            NAMESPACE,
        )
    except signing.BadSignatureError as error:
        raise _bad(folder / MANIFEST, error.message) from error
    file = folder / manifest.file
    if not file.is_file() or file.stat().st_size != manifest.compressed_bytes:
        raise _bad(file, "it has not the size that the manifest says")
    return manifest


def _bad(where: Path, reason: str) -> MachineFailedError:
    return MachineFailedError(
        f"image {where} is bad: {reason}",
        hint="build it again: netspring image build --profile PROFILE --force",
    )
