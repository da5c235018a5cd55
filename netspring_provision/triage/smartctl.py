"""Read the JSON of ``smartctl -j``, of any version, bus and completeness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from netspring_provision.triage import rules
from netspring_provision.triage.model import Reading
from netspring_provision.triage.values import at, leading_number, number, rows, text, yes

# smartctl(8), RETURN VALUES.
NOT_OPENED = 1 << 1
COMMAND_FAILED = 1 << 2
FAILING = 1 << 3
ATTRIBUTE_NOW = 1 << 4
ATTRIBUTE_PAST = 1 << 5
# NVMe base specification 1.4, figure 194: bits of Critical Warning.
CRITICAL_BITS = ("spare_low", "temperature_now", "degraded", "read_only_media", "backup_failed")
# SPC-5 table 413 and NVMe figure 199: results of self-tests that are failures.
SCSI_SELF_TEST_FAILED = range(3, 8)
NVME_SELF_TEST_FAILED = range(5, 8)
SCSI_SELF_TESTS = 20  # as many as the log page holds
WEAR_STATISTIC = "Percentage Used Endurance Indicator"
POWER_ON = 9  # ATA attribute
MEDIA_OF_BUS = {"NVMe": ("nvme", "ssd"), "SCSI": ("scsi", "unknown"), "ATA": ("sata", "unknown")}
KEYS = {
    "smartctl",
    "smart_status",
    "ata_smart_attributes",
    "nvme_smart_health_information_log",
    "scsi_grown_defect_list",
    "scsi_error_counter_log",
    "ata_smart_data",
}


def is_smartctl(document: object) -> bool:
    """Whether this is an answer of smartctl: half of one is enough."""
    if not isinstance(document, Mapping):
        return False
    # `smartctl -i -j` of some versions has none of them, but always says how it asked.
    if not KEYS & set(document) and text(at(document, "device", "info_name")) is None:
        return False
    return "devices" not in document  # `smartctl --scan -j` lists disks and says nothing of them


def read(document: Mapping[str, Any], file: str | None = None) -> Reading:
    """What smartctl said of one disk. Raises nothing, whatever stands in the document."""
    bus, medium = _kind(document)
    numbers: dict[str, int] = {}
    for found in (
        _attributes(document),
        _nvme(at(document, "nvme_smart_health_information_log")),
        _scsi(document),
        _wear(document),
        _self_tests(document),
        _exit_status(document),
    ):
        for name, value in found:
            numbers[name] = max(value, numbers.get(name, 0))
    hours = number(at(document, "power_on_time", "hours"))
    if hours is None:
        hours = _hours(document)
    if hours is not None:
        numbers["hours"] = hours
    if yes(at(document, "ata_security", "locked")) is True:
        numbers["locked"] = 1
    model = text(document.get("model_name")) or text(document.get("scsi_model_name"))
    vendor = text(document.get("scsi_vendor")) or text(document.get("vendor"))
    product = text(document.get("scsi_product")) or text(document.get("product"))
    return Reading(
        path=text(at(document, "device", "name")) or _asked(document),
        model=model or " ".join(word for word in (vendor, product) if word) or None,
        serial=text(document.get("serial_number")),
        medium=medium,
        bus=bus,
        size_bytes=number(at(document, "user_capacity", "bytes"))
        or number(document.get("nvme_total_capacity")),
        passed=_passed(document),
        numbers=numbers,
        gaps=frozenset(_gaps(document)),
        files=(file,) if file else (),
    )


def _asked(document: Mapping[str, Any]) -> str | None:
    """The device that smartctl was asked for, where it never came to open one."""
    argv = at(document, "smartctl", "argv")
    words = [text(word) or "" for word in argv] if isinstance(argv, list) else []
    return next((word for word in words if word.startswith("/dev/")), None)


def _kind(document: Mapping[str, Any]) -> tuple[str, str]:
    """Bus and medium. A bridge that speaks USB is USB, whatever lies behind it."""
    protocol = at(document, "device", "protocol")
    bus, medium = MEDIA_OF_BUS.get(protocol if isinstance(protocol, str) else "", ("unknown",) * 2)
    if "nvme_smart_health_information_log" in document:
        bus, medium = "nvme", "ssd"
    kind = text(at(document, "device", "type")) or ""
    said = text(at(document, "device", "info_name")) or ""
    if kind.startswith("usb") or kind.startswith("snt") or "[USB" in said:
        bus = "usb"
    turns = number(document.get("rotation_rate"))
    if turns is not None and bus != "nvme":
        medium = "hdd" if turns else "ssd"
    return bus, medium


def _passed(document: Mapping[str, Any]) -> bool | None:
    """The disk's own verdict; exit status bit 3 says the same as a status that failed."""
    status = number(at(document, "smartctl", "exit_status")) or 0
    passed = yes(at(document, "smart_status", "passed"))
    if status & FAILING or passed is False:
        return False
    return passed


def _attributes(document: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    """Raw counts of ATA attributes, and attributes at their thresholds."""
    wanted: dict[int | None, str] = {
        rule.ata: name for name, rule in rules.disk_rules().items() if rule.ata is not None
    }
    table = list(rows(at(document, "ata_smart_attributes", "table")))
    now = past = 0
    for row in table:
        name = wanted.get(number(row.get("id")))
        if name is not None:
            count = _raw(row.get("raw"))
            if count is not None:
                yield name, count
        prefailure = yes(at(row, "flags", "prefailure")) is not False
        when = text(row.get("when_failed")) or ""
        value, limit = number(row.get("value")), number(row.get("thresh"))
        under = value is not None and limit is not None and 0 < value <= limit
        if under or when.lower() in ("now", "failing_now"):
            now += prefailure
            past += not prefailure
        elif when:
            past += 1
        # Life left is counted from 100 or 200 down; one that is full says nothing of wear.
        if text(row.get("name")) in rules.life_left() and value is not None and value <= 100:
            yield "worn_percent", 100 - value
    if table:
        yield "attribute_now", now
        yield "attribute_past", past


def _hours(document: Mapping[str, Any]) -> int | None:
    """Power-on hours from attribute 9, where smartctl was not asked for the time itself."""
    for row in rows(at(document, "ata_smart_attributes", "table")):
        if number(row.get("id")) == POWER_ON:
            return _raw(row.get("raw"))
    return None


def _raw(raw: object) -> int | None:
    """The count in a raw value: smartctl's text knows how the drive packs it, the number not."""
    if isinstance(raw, Mapping):
        said = leading_number(raw.get("string"))
        return number(raw.get("value")) if said is None else said
    return leading_number(raw)


def _nvme(log: object) -> Iterable[tuple[str, int]]:
    return nvme_numbers(log) if isinstance(log, Mapping) else ()


def nvme_numbers(log: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    """Numbers of an NVMe SMART log, by smartctl's names of the fields or by nvme-cli's."""
    for name, rule in rules.disk_rules().items():
        for key in rule.nvme:
            value = number(log.get(key))
            if value is not None:
                yield name, value
    critical = critical_warning(log)
    if critical is not None:
        for bit, name in enumerate(CRITICAL_BITS):
            yield name, critical >> bit & 1
    spare = _first(log, "available_spare", "avail_spare")
    limit = _first(log, "available_spare_threshold", "spare_thresh")
    if spare is not None and limit is not None:
        yield "spare_low", int(spare < limit)
    hours = _first(log, "power_on_hours")
    if hours is not None:
        yield "hours", hours


def critical_warning(log: Mapping[str, Any]) -> int | None:
    """Critical Warning as a number; newer nvme-cli writes it as an object with the value in it."""
    raw = log.get("critical_warning")
    return number(at(raw, "value")) if isinstance(raw, Mapping) else number(raw)


def _first(log: Mapping[str, Any], *keys: str) -> int | None:
    return next((value for key in keys if (value := number(log.get(key))) is not None), None)


def _scsi(document: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    grown = number(document.get("scsi_grown_defect_list"))
    if grown is not None:
        yield "grown_defects", grown
    pending = number(at(document, "scsi_pending_defects", "count"))
    if pending is not None:
        yield "pending", pending
    log = at(document, "scsi_error_counter_log")
    ways = [number(at(log, way, "total_uncorrected_errors")) for way in ("read", "write", "verify")]
    known = [count for count in ways if count is not None]
    if known:
        yield "scsi_uncorrected", sum(known)


def _wear(document: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    """Wear and spare as newer smartctl writes them for every bus."""
    for found in (
        at(document, "endurance_used", "current_percent"),
        document.get("scsi_percentage_used_endurance_indicator"),
    ):
        used = number(found)
        if used is not None:
            yield "worn_percent", used
    # smartctl 7.4 and older tell wear of SATA SSDs in the statistics log only (ACS-4, 9.5.7).
    for page in rows(at(document, "ata_device_statistics", "pages")):
        for row in rows(page.get("table")):
            used = number(row.get("value"))
            if row.get("name") == WEAR_STATISTIC and used is not None:
                yield "worn_percent", used
    spare = number(at(document, "spare_available", "current_percent"))
    limit = number(at(document, "spare_available", "threshold_percent"))
    if spare is not None and limit is not None:
        yield "spare_low", int(spare < limit)


def _self_tests(document: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    """The latest self-test that came to an end, and failures before it."""
    kinds = (_ata_tests, _nvme_tests, _scsi_tests)
    results: list[bool] = next((found for kind in kinds if (found := list(kind(document)))), [])
    if results:
        yield "self_test", int(not results[0])
        yield "self_test_past", sum(not passed for passed in results[1:])


def _ata_tests(document: Mapping[str, Any]) -> Iterable[bool]:
    log = at(document, "ata_smart_self_test_log")
    for kind in ("extended", "standard"):
        table = list(rows(at(log, kind, "table")))
        if table:
            ended = [yes(at(row, "status", "passed")) for row in table]
            return [passed for passed in ended if passed is not None]
    return []


def _nvme_tests(document: Mapping[str, Any]) -> Iterable[bool]:
    for row in rows(at(document, "nvme_self_test_log", "table")):
        result = number(at(row, "self_test_result", "value"))
        if result == 0 or result in NVME_SELF_TEST_FAILED:
            yield result == 0


def _scsi_tests(document: Mapping[str, Any]) -> Iterable[bool]:
    for position in range(SCSI_SELF_TESTS):
        result = number(at(document, f"scsi_self_test_{position}", "result", "value"))
        if result == 0 or result in SCSI_SELF_TEST_FAILED:
            yield result == 0


def _exit_status(document: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    """What the exit status says beyond the tables, which may be missing from the record."""
    status = number(at(document, "smartctl", "exit_status"))
    if status is not None and status & ATTRIBUTE_NOW:
        yield "attribute_now", 1
    if status is not None and status & ATTRIBUTE_PAST:
        yield "attribute_past", 1


def _gaps(document: Mapping[str, Any]) -> Iterable[str]:
    """Why this answer may be without health."""
    status = number(at(document, "smartctl", "exit_status")) or 0
    messages = rows(at(document, "smartctl", "messages"))
    said = " ".join(text(row.get("string"), 400) or "" for row in messages).lower()
    support = document.get("smart_support")
    if "usb bridge" in said or "-d option" in said:
        yield "usb_bridge"
    if "standby" in said or "sleep" in said or "low power" in said or "low-power" in said:
        yield "asleep"
    if yes(at(support, "available")) is False or support is False:
        yield "no_smart"
    elif yes(at(support, "enabled")) is False:
        yield "smart_off"
    if status & NOT_OPENED or status & 1:
        yield "not_opened"
    if status & COMMAND_FAILED:
        yield "answers_failed"
