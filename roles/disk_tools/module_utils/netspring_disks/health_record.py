"""What of smartctl's answer the station needs to judge a disk, and no more.

The whole of ``smartctl -j -x`` is up to 100 KB for each disk; most of it are logs that no verdict
rests on. The station judges what is left by the same rules as a recorded file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_disks.identity import text_of

KEPT = (
    "device",
    "rotation_rate",
    "smart_support",
    "smart_status",
    "power_on_time",
    "ata_smart_self_test_log",
    "nvme_smart_health_information_log",
    "nvme_self_test_log",
    "scsi_grown_defect_list",
    "scsi_pending_defects",
    "scsi_error_counter_log",
    "scsi_percentage_used_endurance_indicator",
    "endurance_used",
    "spare_available",
)
WEAR_PAGE = 7  # of the ATA device statistics log: solid state device statistics (ACS-4, 9.5)
OF_AN_ATTRIBUTE = ("id", "name", "value", "worst", "thresh", "when_failed", "raw")


def pruned(text: str) -> dict[str, Any] | None:
    """The answer without what nobody judges by; None where smartctl gave no JSON object."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or not data:
        return None
    kept = {
        key: value for key, value in data.items() if key in KEPT or key.startswith("scsi_self_test")
    }
    said = data.get("smartctl")
    if isinstance(said, dict):
        names = ("version", "exit_status", "messages")
        kept["smartctl"] = {name: said[name] for name in names if name in said}
    attributes = data.get("ata_smart_attributes")
    table = attributes.get("table") if isinstance(attributes, dict) else None
    if isinstance(table, list):
        kept["ata_smart_attributes"] = {
            "table": [_attribute(row) for row in table if isinstance(row, dict)]
        }
    statistics = data.get("ata_device_statistics")
    pages = statistics.get("pages") if isinstance(statistics, dict) else None
    if isinstance(pages, list):
        wear = [
            page for page in pages if isinstance(page, dict) and page.get("number") == WEAR_PAGE
        ]
        kept["ata_device_statistics"] = {"pages": wear}
    return kept


def card_wear(name: str, sys: Path = Path("/sys")) -> dict[str, Any] | None:
    """Wear of the eMMC ``name`` (``mmcblk0``), which has no SMART; None where it tells nothing.

    ``life_time`` are two estimates in steps of ten percent, 1 to 10, and 11 for "exceeded";
    ``pre_eol`` is 1 normal, 2 four fifths of the spare used, 3 nine tenths, 0 not defined
    (JEDEC JESD84-B51, EXT_CSD 267 to 269; Documentation/driver-api/mmc/mmc-dev-attrs.rst).
    """
    device = sys / "block" / name / "device"
    life = [_hexadecimal(word) for word in (text_of(device / "life_time") or "").split()]
    end = _hexadecimal(text_of(device / "pre_eol_info") or "")
    if not life and end is None:
        return None
    return {"life_time": life, "pre_eol": end}


def _hexadecimal(word: str) -> int | None:
    try:
        return int(word, 16)
    except ValueError:
        return None


def _attribute(row: dict[str, Any]) -> dict[str, Any]:
    kept = {key: row[key] for key in OF_AN_ATTRIBUTE if key in row}
    flags = row.get("flags")
    if isinstance(flags, dict) and "prefailure" in flags:
        kept["flags"] = {"prefailure": flags["prefailure"]}
    return kept
