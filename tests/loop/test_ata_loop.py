"""A SATA drive with a memory of its own, on a loop device: what it answers follows from its state.

Answers have the layout of the recordings (tests/roles/disk_inspect/recorded/hdparm). Power is cut
at every single command, before and after the drive has obeyed it, and the plan is run again.
"""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.netspring_disks import ata
from ansible.module_utils.netspring_disks.tools import Said
from ansible.module_utils.netspring_erase import disk
from ansible.module_utils.netspring_erase.probe import Probe
from loop_devices import Loop, erase, order_of, probe_of

pytestmark = pytest.mark.loop
Make = Callable[..., Loop]
RECORDED = Path(__file__).parents[1] / "roles/disk_inspect/recorded/hdparm"
IDENTITY = (RECORDED / "sandisk-I.txt").read_text()
REJECTED = (RECORDED / "security-rejected-intenso.err").read_text()
MIB = 1 << 20
SIZE = 8 * MIB
STARTED = "Operation started in background\n"


class PowerCutError(BaseException):
    """The PC has no power: nothing more is said, sent or cleaned up."""


@dataclasses.dataclass
class Sata:
    """One drive.

    Attributes:
        loop: where its bytes are.
        password: of its user; None where none is set.
        sanitizing: at how many looks it still says "in process"; None when idle.
        sanitized: it remembers that a Sanitize ended well.
        shows: sectors that it shows, of its ``native`` ones.
        cut: at which command the power goes, counted from 1, and whether the drive obeys it first.
    """

    loop: Loop
    password: str | None = None
    locked: bool = False
    frozen: bool = False
    sanitizing: int | None = None
    sanitized: bool = False
    hidden: int = 0
    cut: tuple[int, bool] | None = None
    off: bool = False
    seen: list[list[str]] = dataclasses.field(default_factory=list)
    now: float = 0.0

    def __call__(self, argv: list[str], _seconds: float) -> Said:
        if argv == ["hdparm", "-V"]:
            return Said(tuple(argv), 0, "hdparm v9.65\n", "")
        if self.off:
            raise PowerCutError
        self.seen.append(argv)
        number, obeys = self.cut or (0, False)
        self.off = len(self.seen) == number
        if self.off and not obeys:
            raise PowerCutError
        out, err = self.obey(argv[1:-1])
        if self.off:
            raise PowerCutError
        return Said(tuple(argv), 0, out, err)

    def obey(self, words: list[str]) -> tuple[str, str]:
        """What the drive does and hdparm prints; hdparm's exit code is always 0 here."""
        if words == ["-I"]:
            return self.identity(), ""
        if words == ["--sanitize-status"]:
            return self.status(), ""
        if words[:1] == ["-N"]:
            self.hidden = 0
            sectors = self.loop.size // 512
            return f" max sectors   = {sectors}/{sectors}, HPA is disabled\n", ""
        if words[-1] == "--sanitize-block-erase":
            self.sanitizing, self.sanitized = 2, False
            return STARTED, ""
        assert words[:2] == ["--user-master", "u"]
        return "", "" if self.security(words[2].removeprefix("--security-"), words[3]) else REJECTED

    def security(self, command: str, password: str) -> bool:
        """One security command (ACS-3, 4.18); whether the drive took it."""
        right = not self.frozen and password == (self.password or password)
        if command == "set-pass":
            right = right and self.password is None
            self.password = password if right else self.password
        elif command == "unlock":
            right = right and self.password is not None
            self.locked = self.locked and not right
        elif command == "disable":
            right = right and not self.locked and self.password is not None
            self.password = None if right else self.password
        else:
            assert command == "erase-enhanced"
            right = right and self.password is not None
            if right:
                self.wipe()
                self.password, self.locked = None, False
        return right

    def wipe(self) -> None:
        with Path(self.loop.path).open("r+b") as stream:
            stream.write(b"\xff" * self.loop.size)

    def status(self) -> str:
        if self.sanitizing is None:
            done = "    Last Sanitize Operation Completed Without Error\n" if self.sanitized else ""
            return f"    State:    SD0 Sanitize Idle\n{done}"
        self.sanitizing -= 1
        if self.sanitizing < 0:
            self.wipe()
            self.sanitizing, self.sanitized = None, True
            return self.status()
        return "    State:    SD2 Sanitize operation In Process\n    Progress: 0x41c2 (25%)\n"

    def identity(self) -> str:
        states = {"enabled": self.password is not None, "locked": self.locked}
        text = IDENTITY
        for name, value in (states | {"frozen": self.frozen}).items():
            if value:
                text = text.replace(f"\tnot\t{name}\n", f"\t\t{name}\n")
        return text

    def power_on(self) -> None:
        """As a drive comes back: a password locks it, a Sanitize goes on, frost is gone."""
        self.off, self.cut, self.seen = False, None, []
        self.locked, self.frozen = self.password is not None, False

    def facts(self, _disk: Any = None) -> dict[str, Any]:
        native = self.loop.size // 512 + self.hidden
        area = ata.HiddenArea(self.hidden > 0, native - self.hidden, native)
        found = ata.security(self.identity())
        assert found
        facts: dict[str, Any] = {"security": dataclasses.asdict(found), "dco": None}
        return facts | {"hpa": dataclasses.asdict(area)}

    def pause(self, stop: threading.Event, seconds: float) -> bool:
        self.now += seconds
        return stop.is_set()

    def probe(self) -> Probe:
        plain = probe_of(self.loop)

        def identify(name: str) -> Any:
            return dataclasses.replace(plain.identify(name), bus="sata")

        return dataclasses.replace(
            plain,
            identify=identify,
            disks=lambda: [identify(self.loop.name)],
            run=self,
            clock=lambda: self.now,
            pause=self.pause,
            ata=self.facts,
            on_battery=lambda: False,
        )

    def erase(self, **plan: Any) -> dict[str, Any]:
        given = {"bus": "sata", "medium": "ssd", "fallback": ["overwrite"]} | plan
        return erase(self.loop, self.probe(), **given)


SECURITY = {"method": "ata_security_erase_enhanced"}
SANITIZE = {"method": "ata_sanitize_block"}


@pytest.mark.parametrize("plan", [SECURITY, SANITIZE])
def test_a_drive_that_keeps_its_word(loops: Make, plan: dict[str, str]) -> None:
    drive = Sata(loops(SIZE))
    entry = drive.erase(**plan)
    assert (entry["outcome"], entry["reason"]) == ("erased", None)
    assert entry["method"] == plan["method"]
    assert entry["attempts"][0]["status_after"]["state"] == "completed"
    assert entry["content_after"]["ff"] == entry["canaries"]["n"]
    assert entry["security_after"]["enabled"] is False
    assert {limit["code"] for limit in entry["limits"]} == {"dco_unknown"}
    assert drive.loop.is_zero()


def commands_of(loops: Make, plan: dict[str, str]) -> int:
    drive = Sata(loops(SIZE))
    drive.erase(**plan)
    return len(drive.seen)


@pytest.mark.parametrize("plan", [SECURITY, SANITIZE])
@pytest.mark.parametrize("obeys", [True, False])
def test_power_cut_at_every_command_and_the_plan_run_again(
    loops: Make, plan: dict[str, str], obeys: bool
) -> None:
    for number in range(1, commands_of(loops, plan) + 1):
        drive = Sata(loops(SIZE), cut=(number, obeys))
        with pytest.raises(PowerCutError):
            drive.erase(**plan)
        drive.power_on()
        was_locked = drive.locked
        entry = drive.erase(**plan)
        assert (entry["outcome"], entry["reason"]) == ("erased", None), number
        assert entry["method"] == plan["method"]
        assert (drive.password, drive.locked) == (None, False)
        unlocked = [each for each in entry["attempts"] if each["method"] == "ata_unlock"]
        assert bool(unlocked) is was_locked
        assert drive.loop.is_zero()


def test_a_job_that_was_killed_with_the_power_on_leaves_a_password_that_is_taken_off(
    loops: Make,
) -> None:
    drive = Sata(loops(SIZE), password="netspring")  # noqa: S106
    entry = drive.erase(**SECURITY)
    assert (entry["outcome"], drive.password) == ("erased", None)
    assert entry["attempts"][0]["method"] == "ata_unlock"


@pytest.mark.parametrize("locked", [True, False])
def test_somebody_elses_password_is_refused_and_nothing_changed(loops: Make, locked: bool) -> None:
    drive = Sata(loops(SIZE), password="the donor's", locked=locked)  # noqa: S106
    before = drive.loop.sha256()
    entry = drive.erase(**SECURITY)
    assert entry["outcome"] == "refused"
    assert "ours (netspring) does not take it off" in entry["reason"]
    unlocks = [argv for argv in drive.seen if "--security-unlock" in argv]
    assert len(unlocks) == (3 if locked else 0)
    assert drive.loop.sha256() == before


def test_our_password_is_not_tried_where_the_plan_has_no_ata_security(loops: Make) -> None:
    drive = Sata(loops(SIZE), password="netspring", locked=True)  # noqa: S106
    before = drive.loop.sha256()
    entry = drive.erase(**SANITIZE)
    assert entry["outcome"] == "refused"
    assert "locked by a password" in entry["reason"]
    assert drive.seen == []
    assert drive.loop.sha256() == before


def test_a_frozen_drive_falls_back_to_the_weaker_method_and_says_so(loops: Make) -> None:
    drive = Sata(loops(SIZE), frozen=True)
    entry = drive.erase(**SECURITY)
    assert (entry["outcome"], entry["method"]) == ("erased", "overwrite")
    assert "frozen" in entry["attempts"][0]["error"]
    assert {"fallback", "spare_area"} <= {limit["code"] for limit in entry["limits"]}
    assert not any("--security-" in word for argv in drive.seen for word in argv)


def test_a_hidden_area_is_shown_and_nothing_erased(loops: Make) -> None:
    drive = Sata(loops(SIZE), hidden=2048)
    native = drive.loop.size // 512 + 2048
    before = drive.loop.sha256()
    entry = drive.erase(method="overwrite", fallback=[], remove_hpa=True)
    assert entry["outcome"] == "refused"
    assert drive.seen == [["hdparm", "-N", f"p{native}", drive.loop.path]]
    assert entry["attempts"][0]["method"] == "show_hidden_area"
    assert re.search(r"Nothing was erased", entry["reason"])
    assert drive.loop.sha256() == before


def test_a_hidden_area_is_left_alone_unless_the_plan_says_so(loops: Make) -> None:
    drive = Sata(loops(SIZE), hidden=2048)
    before = drive.loop.sha256()
    entry = drive.erase(method="overwrite", fallback=[])
    assert entry["outcome"] == "refused"
    assert "--remove-hpa" in entry["reason"]
    assert drive.seen == []
    assert drive.loop.sha256() == before


def test_what_was_done_before_the_work_stands_first_in_the_record(loops: Make) -> None:
    drive = Sata(loops(SIZE))
    plan = drive.loop.planned(bus="sata", medium="ssd", method="ata_sanitize_block")
    aside = {"method": "unfreeze", "argv": ["rtcwake"], "rc": 0, "error": None}
    order = dataclasses.replace(order_of(plan), asides=(aside,))
    entry = disk.erase(order, drive.probe(), disk.Progress(), threading.Event())
    assert entry["outcome"] == "erased"
    assert [each["method"] for each in entry["attempts"]][:2] == ["unfreeze", "ata_sanitize_block"]


@pytest.mark.parametrize("state", ["locked", "hidden"])
def test_a_name_that_went_to_another_disk_is_not_used(loops: Make, state: str) -> None:
    """A dock: the drive was looked at, and another one sits there when a command is due."""
    drive = Sata(loops(SIZE), hidden=2048 if state == "hidden" else 0)
    if state == "locked":
        drive.password, drive.locked = "netspring", True
    probe = drive.probe()

    def another(name: str) -> Any:
        return dataclasses.replace(probe.identify(name), serial="ANOTHER")

    plan = {"bus": "sata", "medium": "ssd", "fallback": ["overwrite"], "remove_hpa": True}
    entry = erase(drive.loop, dataclasses.replace(probe, identify=another), **(plan | SECURITY))
    assert entry["outcome"] == "refused"
    assert "is now" in entry["reason"]
    assert drive.seen == []
