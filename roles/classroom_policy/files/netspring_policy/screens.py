"""``netspring-screens``: the teacher's PC may see the children's screens, by Veyon. Off by default.

netspring-screens teacher   make this the teacher's PC; prints the file for the children's PCs
netspring-screens pupil     take that file from standard input: this teacher's PC may watch
netspring-screens find      on the teacher's PC: look for the children's PCs in the room
netspring-screens off       forget keys and PCs
netspring-screens status    what this PC is, as JSON

A child's PC listens only while the classroom's setting ``screens`` is on; its firewall lets in
nobody but the network cards of the teacher's PC, and Veyon nobody without the teacher's key.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from netspring_classroom.files import read, write
from netspring_classroom.settings import Settings, dump, mended
from netspring_classroom.system import TEACHER, System, run

from netspring_policy import neighbours
from netspring_policy.bundle import MAC, Bundle, BundleError, parse
from netspring_policy.command import PolicyError

STATE = "etc/netspring/screens.json"
HOLE = "etc/netspring/firewall.d/50-teacher-screens.nft"
KEYS = "etc/veyon/keys"
PUBLIC = f"{KEYS}/public/teacher/key"
PRIVATE = f"{KEYS}/private/teacher/key"
WANTED = "etc/systemd/system/multi-user.target.wants/veyon.service"
PORT = 11100
ROOM = "classroom"
# What the teacher's PC writes onto a stick (netspring-watch), and where udisks mounts one.
FILE = "netspring-screens.json"
STICKS = "media"
MOST_TEXT = 1 << 16
OK, FAILED, USAGE = 0, 1, 2
VERBS = ("teacher", "pupil", "find", "off", "status")


@dataclass(frozen=True)
class State:
    """What this PC is.

    Attributes:
        role: ``teacher``, ``pupil`` or nothing.
        cards: MAC addresses of the teacher's PC.
        pcs: on the teacher's PC: address of each PC that was ever found, by its MAC address.
    """

    role: str = ""
    cards: tuple[str, ...] = ()
    pcs: Mapping[str, str] = field(default_factory=dict)

    def dump(self) -> str:
        """The file's text."""
        told = {"schema": 1, "role": self.role, "cards": list(self.cards), "pcs": dict(self.pcs)}
        return json.dumps(told, indent=1, sort_keys=True) + "\n"


def state(system: System) -> State:
    """As it was laid down; nothing where the file is missing or damaged."""
    try:
        told = json.loads(read(system.at(STATE)) or "{}")
        cards = tuple(map(str, told.get("cards", ())))
        return State(str(told.get("role", "")), cards, dict(told.get("pcs", {})))
    except (ValueError, AttributeError, TypeError):
        return State()


def apply(system: System, settings: Settings) -> list[str]:
    """Bring the setting ``screens`` into force.

    Raises:
        PolicyError: it is on, and there is no teacher's PC that might watch; it is off again.
    """
    if settings["screens"] and not state(system).role and _teacher_asks():
        try:
            _take_from_stick(system)
        except PolicyError:
            _switch_off(system)
            raise
    known = state(system)
    if settings["screens"] and not known.role:
        _switch_off(system)
        raise PolicyError(
            f"no teacher's PC is known here yet, so this is off: put in the stick with its file "
            f"{FILE}, then switch it on again"
        )
    if not settings["screens"] or known.role != "pupil":
        return _close(system)
    changed = []
    if write(system.at(HOLE), hole(known.cards)):
        changed.append(f"/{HOLE}")
        _reload(system)
    if not system.at(WANTED).is_symlink():
        changed.append(f"/{WANTED}")
        _systemctl(system, "enable", "veyon.service")
        _systemctl(system, "start", "veyon.service", running=True)
    return changed


def _teacher_asks() -> bool:
    """Whether the teacher changes the settings now (sudo(8) says who asked).

    At the start of the PC nobody does: a stick that a child left in it names no teacher's PC.
    """
    return os.environ.get("SUDO_USER") == TEACHER


def _switch_off(system: System) -> None:
    """As the teacher sees it too: what waits for a key would take the first one that comes."""
    _close(system)
    write(system.settings, dump({**mended(read(system.settings)), "screens": False}))


def _take_from_stick(system: System) -> None:
    """The teacher's file on a USB stick, where no teacher's PC is known yet."""
    for path in sorted(system.at(STICKS).glob(f"*/*/{FILE}")):
        # Whoever owns the stick made what is on it: never anything else that a link leads to.
        if path.is_symlink() or not path.is_file():
            continue
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(MOST_TEXT)
        try:
            become_pupil(system, text)
        except BundleError as error:
            raise PolicyError(f"{FILE} on the stick: {error}") from error
        return


def hole(cards: tuple[str, ...]) -> str:
    """The firewall's rule for the teacher's PC (role firewall); the key is asked for besides."""
    return (
        "# Written by netspring-screens: the teacher's PC, by its network cards.\n"
        f"ether saddr {{ {', '.join(cards)} }} tcp dport {PORT} accept\n"
    )


def _close(system: System) -> list[str]:
    changed = []
    if system.at(WANTED).is_symlink():
        changed.append(f"/{WANTED}")
        _systemctl(system, "disable", "veyon.service")
        _systemctl(system, "stop", "veyon.service", running=True)
    if system.at(HOLE).exists():
        changed.append(f"/{HOLE}")
        system.at(HOLE).unlink()
        _reload(system)
    return changed


def become_teacher(system: System) -> Bundle:
    """Make the keys of this PC, if it has none; the private one never leaves it.

    Raises:
        PolicyError: Veyon cannot make them, or there is no network card.
    """
    if not (system.at(PRIVATE).exists() and system.at(PUBLIC).exists()):
        forget(system)
        _veyon("authkeys", "create", TEACHER)
    shutil.chown(system.at(PRIVATE), "root", TEACHER)
    system.at(PRIVATE).chmod(0o440)
    cards = neighbours.cards(system.root)
    if not cards:
        raise PolicyError("this PC has no network card")
    write(system.at(STATE), replace(state(system), role="teacher", cards=cards).dump())
    return Bundle(read(system.at(PUBLIC)) or "", cards)


def become_pupil(system: System, text: str) -> None:
    """Let a teacher's PC watch this one, once the setting ``screens`` is on.

    Raises:
        BundleError: the file is none of a teacher's PC; nothing was changed.
    """
    bundle = parse(text)
    system.at(PRIVATE).unlink(missing_ok=True)
    for path in (system.at(KEYS), system.at(KEYS) / "public", system.at(PUBLIC).parent):
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
    write(system.at(PUBLIC), bundle.key, 0o444)
    write(system.at(STATE), State("pupil", bundle.cards).dump())


def forget(system: System) -> None:
    """As if it had never been."""
    _close(system)
    system.at(STATE).unlink(missing_ok=True)
    for kind in ("public", "private"):
        shutil.rmtree(system.at(KEYS) / kind / TEACHER, ignore_errors=True)


def find(system: System) -> int:
    """Look for PCs that may be watched, and tell Veyon; returns how many answer now.

    PCs that were seen before stay in its list: they may only be switched off.

    Raises:
        PolicyError: this is no teacher's PC, or Veyon does not take the list.
    """
    known = state(system)
    if known.role != "teacher":
        raise PolicyError("this is not the teacher's PC")
    found = neighbours.listening(PORT)
    answering = {one.card or one.address: one.address for one in found}
    # An address may have gone to another PC since.
    older = {c: a for c, a in known.pcs.items() if a not in answering.values()}
    known = replace(known, pcs={**older, **answering})
    write(system.at(STATE), known.dump())
    with TemporaryDirectory() as folder:
        file = Path(folder) / "pcs.csv"
        rows = sorted(known.pcs.items(), key=lambda row: row[1])
        file.write_text(
            "".join(f"{address};{card if MAC.fullmatch(card) else ''}\n" for card, address in rows)
        )
        _veyon("networkobjects", "clear")
        if rows:
            form = ("location", ROOM, "format", "%host%;%mac%")
            _veyon("networkobjects", "import", str(file), *form)
    return len(found)


def hand_out(media: Path, bundle: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Write the file onto every stick; returns those that took it, and those that did not."""
    written, failed = [], []
    for stick in sorted(path for path in media.glob("*/*") if path.is_mount()):
        try:
            write(stick / FILE, bundle)
        except OSError as error:
            failed.append((stick.name, error.strerror or str(error)))
        else:
            written.append(stick.name)
    os.sync()  # a stick is pulled out without a word
    return written, failed


def main(words: list[str], system: System | None = None) -> int:
    """Run one verb; returns the exit code."""
    if len(words) != 1 or words[0] not in VERBS:
        print((__doc__ or "").partition("\n\n")[2], file=sys.stderr)
        return USAGE
    system = system or System()
    try:
        print(_do(system, words[0]), end="")
    except (PolicyError, BundleError) as error:
        print(f"netspring-screens: {error}", file=sys.stderr)
        return FAILED
    except (OSError, LookupError) as error:
        print(f"netspring-screens: not done: {error}", file=sys.stderr)
        return FAILED
    return OK


def _do(system: System, verb: str) -> str:
    if verb == "teacher":
        return become_teacher(system).dump()
    if verb == "pupil":
        become_pupil(system, sys.stdin.read(MOST_TEXT))
    elif verb == "find":
        return f"{find(system)}\n"
    elif verb == "off":
        forget(system)
    else:
        known = state(system)
        told = {"role": known.role, "cards": list(known.cards)}
        return json.dumps(told | {"on": system.at(WANTED).is_symlink()}) + "\n"
    return ""


def _veyon(*words: str) -> None:
    # Its command line is a Qt program; it draws nothing, and there is no screen to draw on.
    done = run("env", "QT_QPA_PLATFORM=offscreen", "veyon-cli", *words, timeout=120)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise PolicyError(f"Veyon refused: {said[-1] if said else done.returncode}")


def _reload(system: System) -> None:
    _systemctl(system, "reload-or-restart", "nftables.service", running=True)


def _systemctl(system: System, *words: str, running: bool = False) -> None:
    """Ask systemd; in the tree of an image, where none runs, units are only linked."""
    if running and not system.at("run/systemd/system").is_dir():
        return
    done = run("systemctl", *words, timeout=120)
    if done.returncode != 0:
        raise PolicyError(f"systemctl {' '.join(words)}: {done.stderr.strip()}")
