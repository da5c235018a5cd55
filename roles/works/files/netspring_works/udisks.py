"""UDisks over D-Bus: which sticks are there, mounting, unmounting, taking out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gi.repository import Gio, GLib

from netspring_works.sticks import (
    BUS,
    DRIVE,
    FILESYSTEM,
    FLUSH_SECONDS,
    ROOT,
    Stick,
    StickError,
    sticks_of,
)

MANAGER = "org.freedesktop.DBus.ObjectManager"
_ERRORS = {
    f"{BUS}.Error.DeviceBusy": "busy",
    f"{BUS}.Error.AlreadyMounted": "mounted",
    f"{BUS}.Error.NotMounted": "unmounted",
    "org.freedesktop.DBus.Error.UnknownMethod": "gone",
    "org.freedesktop.DBus.Error.UnknownObject": "gone",
    "org.freedesktop.DBus.Error.UnknownInterface": "gone",
}


class Sticks:
    """The sticks of this PC. Every call waits for its answer; it may be used from any thread."""

    def __init__(self) -> None:
        """Connect.

        Raises:
            GLib.Error: there is no system bus.
        """
        self._bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)

    def watch(self, changed: Callable[[], None]) -> None:
        """Call ``changed`` in the main loop whenever a stick comes, goes or is mounted."""
        for interface, signal in (
            (MANAGER, None),
            ("org.freedesktop.DBus.Properties", "PropertiesChanged"),
        ):
            self._bus.signal_subscribe(
                BUS, interface, signal, None, None, Gio.DBusSignalFlags.NONE,
                lambda *_ignored: changed(),
            )  # fmt: skip

    def find(self) -> list[Stick]:
        """All sticks that are plugged in, to show them; none where UDisks does not answer."""
        try:
            return self._find()
        except StickError:
            return []

    def plugged_in(self, stick: Stick) -> bool:
        """Whether it is plugged in.

        Raises:
            StickError: UDisks does not answer; that is no word about the stick.
        """
        return any(one.same(stick) for one in self._find())

    def mount(self, stick: Stick) -> Path:
        """Mount it, or take the place where the desktop has mounted it meanwhile.

        Raises:
            StickError: it cannot be.
        """
        for _attempt in range(2):
            now = self._now(stick)
            if now.mounted:
                return now.mounted
            try:
                answer = self._call(stick.key, FILESYSTEM, "Mount", _options({}))
                return Path(answer[0])
            except StickError as error:
                if error.reason != "mounted":
                    raise
        raise StickError("failed", "mounted by another program and gone again")

    def unmount(self, stick: Stick) -> None:
        """Write out and let go, every place where it is mounted.

        Raises:
            StickError: ``busy`` as long as a program uses it.
        """
        while self._now(stick).mounted:
            try:
                self._call(stick.key, FILESYSTEM, "Unmount", _options({}))
            except StickError as error:
                if error.reason == "unmounted":
                    return
                raise

    def take_out(self, stick: Stick) -> None:
        """Let go of all parts of the stick and switch it off.

        A card reader built into the PC cannot be switched off; its card is ejected. A stick that
        can do neither may be pulled out as soon as it is let go.

        Raises:
            StickError: ``busy`` as long as a program uses a part of it; ``failed`` where UDisks
                does not answer; ``gone`` also where another stick is in its place.
        """
        self._now(stick)
        for part in self._find():
            if part.drive == stick.drive:
                self.unmount(part)
        drive = self._drive(stick)
        try:
            if drive.get("CanPowerOff"):
                self._call(stick.drive, DRIVE, "PowerOff", _options({}))
            elif drive.get("Ejectable"):
                self._call(stick.drive, DRIVE, "Eject", _options({}))
        except StickError as error:
            if error.reason == "busy":
                raise
            # It is written out and let go: pulling it out harms nothing.

    def _find(self) -> list[Stick]:
        """Raises: StickError, ``failed``, whatever it is that UDisks does not answer."""
        try:
            answer = self._call(ROOT, MANAGER, "GetManagedObjects", None)
        except StickError as error:
            raise StickError("failed", str(error)) from error
        return sticks_of(answer[0])

    def _now(self, stick: Stick) -> Stick:
        for one in self._find():
            if one.same(stick):
                return one
        raise StickError("gone")

    def _drive(self, stick: Stick) -> dict[str, Any]:
        try:
            answer = self._call(
                stick.drive, "org.freedesktop.DBus.Properties", "GetAll",
                GLib.Variant("(s)", (DRIVE,)),
            )  # fmt: skip
        except StickError:
            return {}
        found: dict[str, Any] = answer[0]
        return found

    def _call(self, path: str, interface: str, method: str, values: Any) -> Any:
        """The unpacked answer.

        Raises:
            StickError: UDisks refused or does not answer.
        """
        try:
            answer = self._bus.call_sync(
                BUS, path, interface, method, values, None,
                Gio.DBusCallFlags.NONE, FLUSH_SECONDS * 1000, None,
            )  # fmt: skip
        except GLib.Error as error:
            name = Gio.DBusError.get_remote_error(error) or ""
            raise StickError(_ERRORS.get(name, "failed"), error.message) from error
        return answer.unpack()


def _options(values: dict[str, Any]) -> Any:
    """Options of a method; UDisks asks nobody for a password on the child's behalf."""
    quiet = {"auth.no_user_interaction": GLib.Variant("b", True)}
    return GLib.Variant("(a{sv})", ({**values, **quiet},))
