"""What a machine is expected to be: from the inventory, the image's manifest and the inspection."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from netspring_provision.checks import catalogue

# Accounts besides the child's that have a home (roles/classroom); the guest's is in memory.
OTHERS = ("teacher", "guest")


@dataclass(frozen=True)
class Expectation:
    """What the checks compare a machine with; ``None`` where nothing is known to compare.

    Attributes:
        host: its name in the inventory.
        hostname: the name it must carry.
        profile: of the image it must have.
        locale: language of the room, like ``zh_CN``.
        uuid: SMBIOS UUID, lower case.
        firmware: ``bios`` or ``uefi``.
        image: name of the image.
        packages: package -> version, from the image's manifest.
        minimum_memory_bytes: of the image; the profile's own if not given.
        token_sha256: digest of the live token, which must not be found on the machine.
        donor_marks: strings that only a former owner's data holds; known for lab disks.
        pupil: the child's account.
        station_key: kind and key of the station's public key, the only one that may log in.
    """

    host: str
    hostname: str
    profile: str
    locale: str | None = None
    uuid: str | None = None
    serial: str | None = None
    asset_tag: str | None = None
    firmware: str | None = None
    image: str | None = None
    packages: Mapping[str, str] | None = None
    minimum_memory_bytes: int | None = None
    token_sha256: str | None = None
    donor_marks: tuple[str, ...] = ()
    pupil: str = "pupil"
    station_key: str | None = None

    @property
    def features(self) -> catalogue.Profile:
        """What its profile must be able to do."""
        return catalogue.profile(self.profile)

    @property
    def required(self) -> tuple[str, ...]:
        """The checks it must pass, by name, in the order in which they are shown."""
        return catalogue.required(self.profile, self.locale)

    def question(self, nonce: str) -> dict[str, Any]:
        """What the programs on the machine are told; ``nonce`` must come back."""
        profile = self.features
        chinese = "chinese_can_be_typed" in self.required
        return {
            "nonce": nonce,
            "pupil": self.pupil,
            "locale": self.locale,
            "accounts": [self.pupil, *OTHERS],
            "token_sha256": self.token_sha256,
            "donor_marks": list(self.donor_marks),
            "panels": list(profile.panels),
            "chinese": chinese,
            "apps": [
                {
                    "name": app.name,
                    "launchers": list(app.launchers),
                    "seconds": app.seconds,
                    "act": app.act if chinese or app.act != "pinyin" else None,
                    "opens": list(app.opens),
                    "menu": app.menu,
                    "asks": app.asks,
                }
                for app in profile.apps
            ],
        }

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Expectation:
        """Read what :meth:`save` wrote; raises KeyError/TypeError/ValueError on other shapes."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        raw["donor_marks"] = tuple(raw["donor_marks"])
        return cls(**raw)
