"""What a machine reports becomes facts, and what it does not report is never made up."""

from typing import Any

import pytest
import samples

from netspring_provision.model import Disk, Facts


@pytest.mark.parametrize("serial", [None, "", "   ", "0", "00000000", "0000 0000", "-", "...", "_"])
def test_a_serial_that_tells_nothing_is_none(serial: str | None) -> None:
    assert Disk.from_facts(samples.disk() | {"serial": serial}).serial is None


@pytest.mark.parametrize(
    "serial", ["{{ lookup('pipe', 'id') }}", "A{%B", "WD\udcff1", "WD\x001", "WD\n1", "串1"]
)
def test_a_serial_that_no_drive_prints_is_none(serial: str) -> None:
    assert Disk.from_facts(samples.disk() | {"serial": serial}).serial is None


@pytest.mark.parametrize("serial", ["WD-WXA1E70", "QM00001", "S2R5 NX0", "0A", "(a)[b]"])
def test_a_real_serial_stays_letter_by_letter(serial: str) -> None:
    assert Disk.from_facts(samples.disk(serial)).serial == serial


@pytest.mark.parametrize(
    "uuid",
    [None, "", " ", "00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"],
)
def test_a_uuid_that_no_maker_set_is_none(uuid: str | None) -> None:
    raw = samples.payload()
    assert Facts.from_payload("pc1", raw | {"system": raw["system"] | {"uuid": uuid}}).uuid is None


def test_the_uuid_is_compared_in_lower_case() -> None:
    raw = samples.payload()
    system = raw["system"] | {"uuid": "4C4C4544-0000-1000-8000-00000000000A"}
    assert Facts.from_payload("pc1", raw | {"system": system}).uuid == (
        "4c4c4544-0000-1000-8000-00000000000a"
    )


def test_what_could_not_be_read_is_taken_for_the_worse() -> None:
    disk = Disk.from_facts(samples.disk(read_only=None, removable=None, hpa=None, smart=None))
    assert disk.read_only
    assert disk.removable
    assert disk.hpa_present is None
    assert disk.smart_passed is None


@pytest.mark.parametrize("marker", [None, False, "true", 1])
def test_only_a_plain_true_is_the_marker(marker: Any) -> None:
    raw = samples.payload()
    live = raw["live"] | {"marker": marker}
    assert not Facts.from_payload("pc1", raw | {"live": live}).live_marker


@pytest.mark.parametrize(
    "change",
    [
        {"size_bytes": None},
        {"size_bytes": "160000000000"},
        {"size_bytes": True},
        {"native_bytes": "many"},
        {"uses": None},
        {"serial": 4711},
    ],
    ids=str,
)
def test_another_shape_is_an_error_not_a_guess(change: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Disk.from_facts(samples.disk() | change)


@pytest.mark.parametrize("missing", ["path", "bus", "medium", "size_bytes", "read_only", "uses"])
def test_a_missing_field_is_an_error(missing: str) -> None:
    raw = samples.disk()
    del raw[missing]
    with pytest.raises(KeyError):
        Disk.from_facts(raw)


def test_odd_bytes_of_firmware_are_fit_for_files() -> None:
    disk = Disk.from_facts(samples.disk(model="ST\udcff9\x1b[31m"))
    assert disk.model.encode() == b"ST?9?[31m"
