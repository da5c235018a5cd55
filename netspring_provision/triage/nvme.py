"""Read the JSON of ``nvme id-ctrl`` and ``nvme smart-log``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netspring_provision.triage.model import Reading
from netspring_provision.triage.smartctl import critical_warning, nvme_numbers
from netspring_provision.triage.values import number, text

ID_CTRL = {"sn", "mn", "vid", "oacs", "mdts"}
SMART_LOG = {"critical_warning", "avail_spare", "percent_used", "spare_thresh", "media_errors"}


def is_id_ctrl(document: object) -> bool:
    """Whether this is an answer of ``nvme id-ctrl -o json``: model or serial, and two more."""
    if not isinstance(document, Mapping):
        return False
    keys = ID_CTRL & set(document)
    return len(keys) >= 2 and bool(keys & {"sn", "mn"})


def is_smart_log(document: object) -> bool:
    """Whether this is an answer of ``nvme smart-log -o json``."""
    return isinstance(document, Mapping) and len(SMART_LOG & set(document)) >= 2


def read_id_ctrl(document: Mapping[str, Any], file: str | None = None) -> Reading:
    """Who the disk is; the controller's identity says nothing of its health."""
    return Reading(
        model=text(document.get("mn")),
        serial=text(document.get("sn")),
        medium="ssd",
        bus="nvme",
        size_bytes=number(document.get("tnvmcap")) or None,
        gaps=frozenset({"not_asked"}),
        files=(file,) if file else (),
    )


def read_smart_log(document: Mapping[str, Any], file: str | None = None) -> Reading:
    """How the disk is. Its own verdict is Critical Warning, as smartctl judges it too."""
    critical = critical_warning(document)
    return Reading(
        medium="ssd",
        bus="nvme",
        passed=None if critical is None else critical == 0,
        numbers=dict(nvme_numbers(document)),
        files=(file,) if file else (),
    )
