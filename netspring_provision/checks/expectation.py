"""What a machine is expected to be: from the inventory, the image's manifest and the inspection."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from netspring_provision.checks import catalogue
from netspring_provision.errors import UsageError


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
        return {
            "nonce": nonce,
            "pupil": self.pupil,
            "token_sha256": self.token_sha256,
            "donor_marks": list(self.donor_marks),
            "panels": list(profile.panels),
            "apps": [
                {"name": app.name, "launchers": list(app.launchers), "seconds": app.seconds}
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


def expectation_of(
    host: str,
    variables: Mapping[str, Any],
    *,
    manifest: Mapping[str, Any] | None = None,
    firmware: str | None = None,
    token_sha256: str | None = None,
    donor_marks: tuple[str, ...] = (),
) -> Expectation:
    """Put together what is known of one machine.

    Args:
        host: its name in the inventory.
        variables: its inventory variables (``netspring_*``).
        manifest: of the image that was installed, if known.
        firmware: as seen at inspection.
        token_sha256: digest of the live token.
        donor_marks: see :class:`Expectation`.

    Raises:
        UsageError: neither inventory nor manifest says which profile it is to have.
    """
    manifest = manifest or {}
    name = variables.get("netspring_profile") or manifest.get("profile")
    if not name:
        raise UsageError(
            f"{host}: nothing says which profile it is to have",
            hint="write netspring_profile into the inventory, or name the image",
        )
    catalogue.profile(str(name))
    uuid = variables.get("netspring_uuid")
    return Expectation(
        host=host,
        hostname=str(variables.get("netspring_hostname") or host),
        profile=str(name),
        locale=variables.get("netspring_locale") or manifest.get("locale"),
        uuid=str(uuid).lower() if uuid else None,
        serial=variables.get("netspring_serial"),
        asset_tag=variables.get("netspring_asset_tag"),
        firmware=firmware or variables.get("netspring_firmware"),
        image=manifest.get("name"),
        packages=manifest.get("packages"),
        minimum_memory_bytes=manifest.get("minimum_memory_bytes"),
        token_sha256=token_sha256,
        donor_marks=donor_marks,
    )
