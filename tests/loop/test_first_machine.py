"""One machine of a batch goes ahead: plain ansible-playbook, the real module, real bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from donated_pc import MIB, Disk, DonatedPc, Workshop

pytestmark = pytest.mark.loop


def batch(workshop: Workshop, count: int = 3, size: int = 12 * MIB) -> list[DonatedPc]:
    """So many PCs with one disk each, switched on."""
    pcs = [workshop.pc(f"pc{n + 1}") for n in range(count)]
    for number, pc in enumerate(pcs):
        pc.add(f"S-{pc.name}", ("sata", "virtio")[number % 2], size)
        pc.on()
    return pcs


def disks(*pcs: DonatedPc) -> list[Disk]:
    return [disk for pc in pcs for disk in pc.disks]


def digests(*pcs: DonatedPc) -> list[str]:
    return [disk.sha256() for disk in disks(*pcs)]


def test_all_are_erased_in_one_run(workshop: Workshop) -> None:
    pcs = batch(workshop)
    played = workshop.play(workshop.plan())
    assert (played.code, played.said) == (0, {})
    assert played.changed == {pc.name for pc in pcs}
    assert all(played.outcomes(pc.name) == ["erased"] for pc in pcs)
    assert all(disk.is_zero() for disk in disks(*pcs))
    assert played.results["pc1"]["wipe_begun"]["passed"] is True
    for pc in pcs:
        boot = (pc.folder / "boot_id").read_text().strip()
        assert played.results[pc.name]["wipe_begun"]["boot_id"] == boot
        assert played.results[pc.name]["wipe"]["boot_id"] == boot


def test_the_first_is_refused_and_no_other_is_begun(workshop: Workshop) -> None:
    first, *others = batch(workshop)
    plan = workshop.plan()
    first.set_serial(first.disks[0], "ANOTHER")
    before = digests(first, *others)
    played = workshop.play(plan)
    assert played.code == 2
    assert digests(first, *others) == before
    assert played.changed == set()
    assert "S-pc1 was planned, but /dev/sdu now has the serial ANOTHER" in played.said["pc1"]
    for pc in others:
        told = played.said[pc.name]
        assert "the first machine of this batch, pc1, was refused" in told
        assert "now has the serial ANOTHER" in told
        assert "this one was not begun; mend that, or leave pc1 out (--limit)" in told
        assert played.outcomes(pc.name) == ["refused"]
        assert played.results[pc.name]["wipe"]["disks"][0]["reason"] == told
        assert pc.jobs() == []


def test_the_first_fails_its_canaries_and_no_other_is_begun(
    small_tmpfs: Path, workshop: Workshop
) -> None:
    """A disk that cannot be written: its file lies on a filesystem that is full."""
    first, other = workshop.pc("pc1"), workshop.pc("pc2")
    (small_tmpfs / "filler").write_bytes(bytes(23 * MIB))
    file = small_tmpfs / "pc1-0.img"
    file.touch()
    os.truncate(file, 64 * MIB)
    bad = first.add("BAD", folder=small_tmpfs)
    good = other.add("GOOD")
    for pc in (first, other):
        pc.on()
    before = good.sha256()
    played = workshop.play(workshop.plan())
    assert bad.size == 64 * MIB
    assert played.outcomes("pc1") == ["failed"]
    assert "error at byte" in played.said["pc1"]
    assert "the first machine of this batch, pc1, did not pass (/dev/sdu" in played.said["pc2"]
    assert "error at byte" in played.said["pc2"]
    assert played.outcomes("pc2") == ["refused"]
    assert good.sha256() == before


def test_one_disk_of_the_first_is_refused_and_its_other_one_is_still_erased(
    workshop: Workshop,
) -> None:
    first, other = workshop.pc("pc1"), workshop.pc("pc2")
    good, held = first.add("GOOD"), first.add("HELD")
    waiting = other.add("WAITING")
    for pc in (first, other):
        pc.on()
    first.hold(held, "LVM-abc")
    before = (held.sha256(), waiting.sha256())
    played = workshop.play(workshop.plan())
    assert played.outcomes("pc1") == ["erased", "refused"]
    assert good.is_zero()
    assert "/dev/sdv (serial HELD) is in use (lvm: sdv held by mapped)" in played.said["pc2"]
    assert (held.sha256(), waiting.sha256()) == before


def test_the_first_does_not_answer_and_another_may_be_named(workshop: Workshop) -> None:
    """It holds up nobody for long: the run ends within seconds and says what to do."""
    first, other = workshop.pc("pc1"), workshop.pc("pc2")
    first.add("S-pc1")
    waiting = other.add("S-pc2")
    other.on()
    plan, before = workshop.plan(), waiting.sha256()
    played = workshop.play(plan)
    assert played.code != 0
    told = played.said["pc2"]
    assert "the first machine of this batch, pc1, does not answer (" in told
    assert "leave pc1 out (--limit)" in told
    assert waiting.sha256() == before
    played = workshop.play(plan, disk_wipe_first="pc2")
    assert played.outcomes("pc2") == ["erased"]
    assert waiting.is_zero()
    assert list(played.said) == ["pc1"]


def test_one_that_is_named_first_but_is_not_there_holds_all(workshop: Workshop) -> None:
    pcs = batch(workshop, 2)
    before = digests(*pcs)
    played = workshop.play(workshop.plan(), disk_wipe_first="pc9")
    assert all("pc9, was not begun" in played.said[pc.name] for pc in pcs)
    assert digests(*pcs) == before


def test_a_second_machine_that_is_refused_stops_itself_only(workshop: Workshop) -> None:
    pcs = batch(workshop)
    plan = workshop.plan()
    pcs[1].set_serial(pcs[1].disks[0], "ANOTHER")
    before = pcs[1].disks[0].sha256()
    played = workshop.play(plan)
    assert [played.outcomes(pc.name) for pc in pcs] == [["erased"], ["refused"], ["erased"]]
    assert pcs[1].disks[0].sha256() == before
    assert list(played.said) == ["pc2"]


def test_what_is_begun_is_picked_up_even_if_the_first_is_refused_now(workshop: Workshop) -> None:
    pcs = batch(workshop)
    plan = workshop.plan()
    assert workshop.play(plan).code == 0
    (pcs[0].folder / "cmdline").write_text("quiet\n")  # it lost its token
    played = workshop.play(plan)
    assert "live token is missing" in played.said["pc1"]
    assert [played.outcomes(pc.name) for pc in pcs] == [["refused"], ["erased"], ["erased"]]
    assert [len(pc.jobs()) for pc in pcs] == [1, 1, 1]


def test_interrupted_behind_the_first_and_run_again(workshop: Workshop) -> None:
    """Ctrl-C as soon as the first one works: it goes on alone, and a second run does the rest."""
    pcs = batch(workshop, size=64 * MIB)
    plan = workshop.plan()
    run = subprocess.Popen(
        workshop.argv(plan),
        cwd=workshop.code,
        env=workshop.env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not pcs[0].jobs():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGINT)
    run.communicate(timeout=60)
    played = workshop.play(plan)
    assert (played.code, played.said) == (0, {})
    assert all(played.outcomes(pc.name) == ["erased"] for pc in pcs)
    assert [len(pc.jobs()) for pc in pcs] == [1, 1, 1], "nothing was begun twice"
    assert all(disk.is_zero() for disk in disks(*pcs))


def test_power_lost_in_the_middle_and_run_again(workshop: Workshop) -> None:
    """What was in RAM is gone; the disk is found by serial and WWN and begun anew."""
    pc = workshop.pc("pc1")
    disk = pc.add("S-pc1", size=384 * MIB, wwn="0x5000c500a1b2c3d4")
    pc.on()
    plan = workshop.plan()
    first_boot = (pc.folder / "boot_id").read_text().strip()
    run = subprocess.Popen(
        workshop.argv(plan),
        cwd=workshop.code,
        env=workshop.env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    assert pc.process
    inside = Path(f"/proc/{pc.process.pid}/root/run/netspring/wipe")  # quicker than a shell in it
    while not any("overwriting" in f.read_text() for f in inside.glob("*/*.progress")):
        assert time.monotonic() < deadline
    pc.power_cut()
    told, _ = run.communicate(timeout=120)
    assert run.returncode == 2
    assert "no outcome: plan p0 was not begun since this machine was started" in told
    assert '"outcome": "failed"' in told
    assert not disk.is_zero()
    played = workshop.play(plan)
    assert played.outcomes("pc1") == ["erased"]
    assert played.results["pc1"]["wipe"]["boot_id"] != first_boot
    assert disk.is_zero()
