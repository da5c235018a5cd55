"""Whatever interrupts a run, the same command run again ends well, and the ledger is whole."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netspring_provision import lab
from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError
from tests.vm.conftest import Lab, share
from tests.vm.interruption import INVENTORY, SLOW, Bench, full
from tests.vm.refusal_kit import said, tiny_image

# About 23 minutes on a busy station: part of `make test-all`.
pytestmark = [pytest.mark.vm, pytest.mark.slow]
MIB = 1 << 20


@pytest.fixture(scope="module")
def bench(builds: Station, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """PCs `one` (two disks) and `two`; everything but their disks is on a filesystem of 64 MiB."""
    folder = tmp_path_factory.mktemp("station")
    home = folder / "home"
    home.mkdir()
    (folder / "lab").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "station", home], check=True)
    made = None
    try:
        (home / "lab").symlink_to(folder / "lab")
        made = Lab(share(builds, home))
        made.pc("one", "sata:256M", "scsi:256M")
        made.pc("two", "sata:256M")
        yield Bench(made)
    finally:
        if made is not None:
            for name in made.names:
                made.throw_away(name)
        subprocess.run(["umount", "-l", home], check=True)
        shutil.rmtree(folder)


def test_two_at_once_and_a_moment_without_ssh(bench: Bench) -> None:
    """One command for both; when its connections break, the run itself takes them up again."""
    with bench.slow_wipe("one", "two") as (plan, attempt):
        for name in ("one", "two"):
            connections = bench.connections(name)
            assert connections, f"no connection to {name} was found"
            for pid in connections:
                os.kill(pid, signal.SIGKILL)
        bench.throttle("one", "two", rate=0)
        _, err = attempt.end(0)
        assert bench.is_erased("one", "two"), err
        assert [word for _, word, _ in bench.story("one", plan)] == ["begun begun", "erased erased"]
        assert [word for _, word, _ in bench.story("two", plan)] == ["begun", "erased"]


def test_the_network_goes_away_in_mid_wipe(bench: Bench) -> None:
    """The machine works on alone; the next run finds its work."""
    with bench.slow_wipe("two") as (plan, attempt):
        bench.link("two", up=False)
        bench.throttle("two", rate=SLOW // 2)
        out, _ = attempt.end(1)
        assert "stopped answering" in json.loads(out)["two"][0]["reason"]
        bench.link("two", up=True)
        lab.wait_for_ssh(bench.pc("two"), 60)
        unit = f"netspring-wipe-{plan['plan_id']}"
        assert bench.on("two", f"systemctl is-active {unit}") == "active"
        bench.throttle("two", rate=0)
        bench.lab.json(*bench.wipe(plan, "two"))
        assert bench.is_erased("two")
        assert [word for _, word, _ in bench.story("two", plan)] == [
            "begun",
            "failed",
            "begun",
            "erased",
        ]
        (evidence,) = bench.evidence("two")
        assert len(evidence["attempts"]) == 1, "it was begun anew instead of being picked up"
        assert evidence["seconds_write"] > 20


def test_ctrl_c_in_mid_wipe(bench: Bench) -> None:
    with bench.slow_wipe("two") as (plan, attempt):
        attempt.signal(signal.SIGINT)
        _, err = attempt.end(130, seconds=30)
        assert "interrupted" in err
        assert "run the same command again" in err
        assert bench.processes("ansible-playbook") == []
        assert [word for _, word, _ in bench.story("two", plan)] == ["begun"]
        bench.throttle("two", rate=0)
        bench.lab.json(*bench.wipe(plan, "two"))
        assert bench.is_erased("two")
        assert [word for _, word, _ in bench.story("two", plan)] == ["begun", "begun", "erased"]
        assert len(bench.evidence("two")[0]["attempts"]) == 1


@pytest.mark.parametrize("how", ["main --signal=TERM", "all --signal=TERM", "all --signal=KILL"])
def test_the_writer_is_stopped(bench: Bench, how: str, tmp_path: Path) -> None:
    """Half a wipe is a failed one, however it ended; the same command erases the disk after all."""
    with bench.slow_wipe("two") as (plan, attempt):
        bench.on("two", f"systemctl kill --kill-whom={how} netspring-wipe-{plan['plan_id']}")
        out, _ = attempt.end(1)
        (disk,) = json.loads(out)["two"]
        assert disk["outcome"] == "failed"
        assert ("aborted" if "TERM" in how else "no outcome") in disk["reason"]
        assert not bench.is_erased("two")
        bench.throttle("two", rate=0)
        if not (bench.lab.station.images / "small").exists():
            image = tiny_image(tmp_path, bench.lab, "small", disk=16 * MIB)
            shutil.move(image, bench.lab.station.images / "small")
        refused = bench.lab.run("install", *INVENTORY, "--limit", "two", "--image", "small")
        said(refused, 3, "two", "is not on record as erased")
        assert not bench.is_erased("two")
        bench.lab.json(*bench.wipe(plan, "two"))
        assert bench.is_erased("two")
        words = [word for _, word, _ in bench.story("two", plan)]
        assert words == ["begun", "failed", "begun", "erased"]


def test_the_station_dies_in_mid_wipe(bench: Bench) -> None:
    """Held against a second run while it lives; free, and nothing of it left, once it is dead."""
    with bench.slow_wipe("two") as (plan, attempt):
        second = bench.lab.run(*bench.wipe(plan, "two"))
        assert second.returncode == 3, second.stderr
        assert f"being worked on by run {attempt.run_id}" in second.stderr
        attempt.signal(signal.SIGKILL)
        attempt.process.communicate()
        bench.throttle("two", rate=0)
        bench.lab.json(*bench.wipe(plan, "two"))
        assert bench.is_erased("two")
        assert [word for _, word, _ in bench.story("two", plan)] == ["begun", "begun", "erased"]
        assert len(bench.evidence("two")[0]["attempts"]) == 1
        assert bench.processes("ansible-playbook") == [], "Ansible of the dead run is still there"


def test_the_disk_of_the_station_is_full(bench: Bench) -> None:
    with bench.slow_wipe("two") as (plan, attempt):
        with full(bench.home) as fill:
            bench.throttle("two", rate=0)
            deadline = time.monotonic() + 120
            while attempt.process.poll() is None and time.monotonic() < deadline:
                fill()
                time.sleep(0.2)
            _, err = attempt.end(4, seconds=1)
            assert "free some space" in err, err
            again = bench.lab.run(*bench.wipe(plan, "two"))
            assert again.returncode == 4, again.stderr
            assert "Traceback" not in again.stderr
        assert bench.story("two", plan)[0][1] == "begun"
        bench.lab.json(*bench.wipe(plan, "two"))
        assert bench.is_erased("two")
        assert bench.story("two", plan)[-1][1] == "erased"


def test_a_disk_that_failed_is_tried_again_only_by_a_plan_that_says_so(bench: Bench) -> None:
    """A loose cable: the disk goes away in mid-wipe and comes back. Its failure is final for the
    plan, the next plan refuses it with the way out, and one that names its serial erases it.
    """
    with bench.slow_wipe("one") as (plan, attempt):
        sata = bench.pc("one").disks[0]
        name = bench.on("one", f"lsblk -ndo NAME,SERIAL | grep '{sata.serial}$'").split()[0]
        hosts = "/sys/class/scsi_host/host*/scan"
        bench.on("one", f"echo 1 > /sys/block/{name}/device/delete")
        bench.throttle("one", rate=0)
        out, _ = attempt.end(1)
        story = bench.story("one", plan)
        assert story[-1][1] in ("failed erased", "erased failed"), out
        bench.on("one", f"for host in {hosts}; do echo '- - -' > $host; done; udevadm settle")

        final = bench.lab.run(*bench.wipe(plan, "one"))
        assert (final.returncode, "--retry-failed" in final.stderr) == (3, True), final.stderr
        assert bench.story("one", plan) == story
        refused = bench.lab.plan("one", code=1)  # the other disk may be erased
        assert f"--retry-failed {sata.serial}" in json.dumps(refused)
        assert lab.count_pattern(sata.path) > 1000, "nobody touched it in between"

        again = bench.lab.plan("one", again=(sata.serial,))
        bench.lab.json(*bench.wipe(again, "one"))
        assert bench.story("one", again)[-1][1] == "erased erased"
        assert bench.is_erased("one")


def test_power_cut_in_mid_wipe(bench: Bench) -> None:
    """The dead one is set aside with its reason and the other ends well; then it is its turn."""
    with bench.slow_wipe("one", "two") as (plan, attempt):
        first = bench.on("two", "cat /proc/sys/kernel/random/boot_id")
        lab.kill(bench.lab.station, "two")
        bench.throttle("one", rate=0)
        out, _ = attempt.end(1)
        assert "stopped answering" in json.loads(out)["two"][0]["reason"]
        assert bench.is_erased("one")
        assert not bench.is_erased("two")
        assert [word for _, word, _ in bench.story("one", plan)] == ["begun begun", "erased erased"]
        bench.power_on("two")
        bench.lab.json(*bench.wipe(plan, "one", "two"))
        assert bench.is_erased("two")
        second = bench.on("two", "cat /proc/sys/kernel/random/boot_id")
        story = bench.story("two", plan)
        assert [word for _, word, _ in story] == ["begun", "failed", "begun", "erased"]
        assert story[0][2] == first
        assert story[-1][2] == second
        assert len(bench.story("one", plan)) == 2, "what was erased was touched again"


def test_power_cut_in_mid_install(bench: Bench) -> None:
    """The half-installed disk boots nothing; the same command installs it without another wipe."""
    for name in ("one", "two"):
        if bench.pc(name).running:
            lab.kill(bench.lab.station, name)
    made = bench.lab.pc("three", "sata:4G")
    disk = made.disks[0].path
    bench.power_on("three")
    plan = bench.lab.plan("three")
    where = (*INVENTORY, "--limit", "three", "--image", "core-zh_CN", "--confirm", plan["confirm"])
    attempt = bench.begin("provision", *where, "--json")
    while not list(bench.home.glob("runs/*/*-install")) and attempt.process.poll() is None:
        time.sleep(0.2)
    bench.throttle("three", rate=16 * MIB)  # 500 MB of root: three looks of the station
    attempt.until(lambda i: i.phase == "write" and 0 < i.offset < i.size)
    lab.kill(bench.lab.station, "three")
    out, _ = attempt.end(1)
    assert "stopped answering" in json.loads(out)["machines"][0]["reason"]
    assert boot_code(disk) == bytes(440)
    assert loaders(disk) == 0
    dead = lab.start(bench.lab.station, "three", boot="disk")
    with pytest.raises(MachineFailedError, match="did not answer SSH"):
        lab.wait_for_ssh(dead, 40)
    lab.kill(bench.lab.station, "three")

    bench.power_on("three")
    done = bench.lab.json("provision", *where)
    assert done["machines"][0]["steps"] == {"wipe": "ok", "install": "ok", "verify": "ok"}
    assert [word for _, word, _ in bench.story("three", plan)] == ["begun", "erased"]
    assert boot_code(disk) != bytes(440)
    assert loaders(disk) > 0


def boot_code(disk: Path) -> bytes:
    """What a BIOS would run: the code in the first sector (the rest is its partition table)."""
    with disk.open("rb") as raw:
        return raw.read(440)


def loaders(disk: Path) -> int:
    """How often a UEFI's name of the loader, BOOTX64.EFI, stands in folders of the ESP."""
    listed = subprocess.run(
        ["sfdisk", "--json", str(disk)], capture_output=True, text=True, check=True
    )
    parts = json.loads(listed.stdout)["partitiontable"]["partitions"]
    (esp,) = [part for part in parts if part["name"] == "netspring-esp"]
    with disk.open("rb") as raw:
        raw.seek(esp["start"] * 512)
        return raw.read(esp["size"] * 512).count(b"BOOTX64 EFI")
