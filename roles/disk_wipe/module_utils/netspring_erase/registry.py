"""Every firmware method by the name that a plan gives it."""

from __future__ import annotations

from collections.abc import Mapping

from ansible.module_utils.netspring_erase import (
    ata_sanitize,
    ata_security,
    discard_secure,
    nvme_format,
    nvme_sanitize,
    scsi_sanitize,
)
from ansible.module_utils.netspring_erase.methods import Method

PARTS = (
    ata_sanitize,
    ata_security,
    nvme_sanitize,
    nvme_format,
    scsi_sanitize,
    discard_secure,
)
FIRMWARE: Mapping[str, Method] = {
    method.name: method
    for part in (
        nvme_sanitize,
        nvme_format,
        ata_sanitize,
        ata_security,
        scsi_sanitize,
        discard_secure,
    )
    for method in part.METHODS
}
