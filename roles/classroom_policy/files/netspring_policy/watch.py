"""``netspring-watch``: the teacher looks at the screens of the room, from the teacher's account.

It makes this PC the teacher's, writes the file for the children's PCs onto every USB stick that is
in, looks for the PCs and opens Veyon. Nobody else may start it (its file is the teacher's).
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import gi
from netspring_works import texts

from netspring_policy.screens import hand_out

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk  # noqa: E402

ASKING = ["sudo", "-n", "/usr/local/sbin/netspring-screens"]
SECONDS = 120
FAILED = 1


def main() -> int:
    """Show the screens; returns the exit code, that of Veyon where it was opened."""
    say = texts.load("watch")
    made = _ask("teacher")
    if made.returncode != 0:
        _show(Gtk.MessageType.ERROR, say("title"), say("no_keys", reason=_last(made.stderr)))
        return FAILED
    written, failed = hand_out(Path("/media"), made.stdout)
    found = _ask("find")
    count = int(found.stdout) if found.returncode == 0 else 0
    told = [say("written", sticks=", ".join(written))] if written else []
    told += [say("not_written", stick=name, reason=reason) for name, reason in failed]
    if not count:
        told.append(say("none_found"))
        told += [] if written else [say("how")]
    if told:
        _show(Gtk.MessageType.INFO, say("title"), "\n\n".join(told))
    return subprocess.run(["veyon-master"], check=False).returncode  # noqa: S607


def _ask(verb: str) -> subprocess.CompletedProcess[str]:
    argv = [*ASKING, verb]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=SECONDS)  # noqa: S603


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["?"])[-1]


def _show(kind: Gtk.MessageType, title: str, text: str) -> None:
    window = Gtk.MessageDialog(message_type=kind, buttons=Gtk.ButtonsType.OK, text=title)
    window.format_secondary_text(text)
    window.set_title(title)
    window.run()
    window.destroy()
    while Gtk.events_pending():
        Gtk.main_iteration()
