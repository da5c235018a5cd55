"""The little of X11 that the checks need, through the libX11 that every desktop has.

No tool has to be in the image for this: neither xdotool nor scrot.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from netspring_provision.checks.on_machine.pixels import Picture

VIEWABLE = 2
Z_PIXMAP = 2
ALL_PLANES = ctypes.c_ulong(-1).value
_PROPERTY_LONGS = 4096


class _Attributes(ctypes.Structure):
    """XWindowAttributes of Xlib.h."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("x", "y", "width", "height", "border", "depth")),
        ("visual", ctypes.c_void_p),
        ("root", ctypes.c_ulong),
        *((name, ctypes.c_int) for name in ("klass", "bit_gravity", "win_gravity", "backing")),
        ("backing_planes", ctypes.c_ulong),
        ("backing_pixel", ctypes.c_ulong),
        ("save_under", ctypes.c_int),
        ("colormap", ctypes.c_ulong),
        ("map_installed", ctypes.c_int),
        ("map_state", ctypes.c_int),
        ("all_event_masks", ctypes.c_long),
        ("your_event_mask", ctypes.c_long),
        ("do_not_propagate_mask", ctypes.c_long),
        ("override_redirect", ctypes.c_int),
        ("screen", ctypes.c_void_p),
    )


class _Image(ctypes.Structure):
    """The beginning of XImage of Xlib.h."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("width", "height", "xoffset", "format")),
        ("data", ctypes.POINTER(ctypes.c_char)),
        *((n, ctypes.c_int) for n in ("byte_order", "unit", "bit_order", "pad", "depth")),
        ("bytes_per_line", ctypes.c_int),
        ("bits_per_pixel", ctypes.c_int),
    )


@dataclass(frozen=True)
class Window:
    """One window that can be seen; place on the screen and size in pixels."""

    number: int
    pid: int | None
    title: str
    width: int
    height: int
    x: int = 0
    y: int = 0


class Display:
    """A connection to an X server."""

    def __init__(self, name: str) -> None:
        """Connect; raises RuntimeError if nobody answers there or it does not let us in."""
        library = ctypes.CDLL("libX11.so.6")
        for function in ("XOpenDisplay", "XGetImage"):
            getattr(library, function).restype = ctypes.c_void_p
        for function in ("XInternAtom", "XDefaultRootWindow"):
            getattr(library, function).restype = ctypes.c_ulong
        # Windows vanish while we look at them; Xlib's own handler would end this process.
        handler = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        self._handler = handler(lambda _display, _event: 0)
        library.XSetErrorHandler(self._handler)
        self._x = library
        pointer = library.XOpenDisplay(name.encode())
        if not pointer:
            raise RuntimeError(f"the X server {name} does not answer, or does not let us in")
        self._display = ctypes.c_void_p(pointer)
        self._root = ctypes.c_ulong(library.XDefaultRootWindow(self._display))

    def _atom(self, name: str) -> ctypes.c_ulong:
        return ctypes.c_ulong(self._x.XInternAtom(self._display, name.encode(), 0))

    def _property(self, window: int, name: str) -> list[int] | bytes:
        """A property's value: numbers for 32 bit ones, else bytes; empty if it has none."""
        kind, count, left = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_ulong()
        width = ctypes.c_int()
        data = ctypes.POINTER(ctypes.c_ubyte)()
        status = self._x.XGetWindowProperty(
            self._display, ctypes.c_ulong(window), self._atom(name), ctypes.c_long(0),
            ctypes.c_long(_PROPERTY_LONGS), 0, ctypes.c_ulong(0), ctypes.byref(kind),
            ctypes.byref(width), ctypes.byref(count), ctypes.byref(left), ctypes.byref(data),
        )  # fmt: skip
        if status != 0 or not data:
            return b""
        try:
            if width.value == 32:
                # Xlib hands out 32 bit properties as an array of C long.
                longs = ctypes.cast(data, ctypes.POINTER(ctypes.c_ulong))
                return [int(longs[i]) for i in range(count.value)]
            return bytes(data[: count.value])
        finally:
            self._x.XFree(data)

    def _attributes(self, window: int) -> _Attributes | None:
        found = _Attributes()
        done = self._x.XGetWindowAttributes(
            self._display, ctypes.c_ulong(window), ctypes.byref(found)
        )
        return found if done else None

    def windows(self) -> list[Window]:
        """The windows that the window manager looks after and that are seen, but for splashes."""
        listed = self._property(int(self._root.value), "_NET_CLIENT_LIST")
        found = []
        for number in listed if isinstance(listed, list) else []:
            shape = self._attributes(number)
            if shape is None or shape.map_state != VIEWABLE or self._is_splash(number):
                continue
            pid = self._property(number, "_NET_WM_PID")
            title = self._property(number, "_NET_WM_NAME") or self._property(number, "WM_NAME")
            found.append(
                Window(
                    number,
                    pid[0] if isinstance(pid, list) and pid else None,
                    title.decode(errors="replace") if isinstance(title, bytes) else "",
                    int(shape.width),
                    int(shape.height),
                    *self._place(number),
                )
            )
        return found

    def _is_splash(self, window: int) -> bool:
        """Whether a window only passes the time until the program is there (EWMH)."""
        kinds = self._property(window, "_NET_WM_WINDOW_TYPE")
        splash = int(self._atom("_NET_WM_WINDOW_TYPE_SPLASH").value)
        return isinstance(kinds, list) and splash in kinds

    def _place(self, window: int) -> tuple[int, int]:
        """Where the upper left corner of a window is on the screen."""
        x, y, child = ctypes.c_int(), ctypes.c_int(), ctypes.c_ulong()
        self._x.XTranslateCoordinates(
            self._display, ctypes.c_ulong(window), self._root, 0, 0,
            ctypes.byref(x), ctypes.byref(y), ctypes.byref(child),
        )  # fmt: skip
        return x.value, y.value

    def close(self, window: Window) -> None:
        """Ask the window manager to close a window, as its cross does."""
        event = (ctypes.c_long * 24)()  # XEvent is a union of 24 longs
        client_message = 33
        event[0] = client_message
        event[4] = window.number
        event[5] = int(self._atom("_NET_CLOSE_WINDOW").value)
        event[6] = 32
        event[8] = 2  # the source is a pager: a person's wish
        substructure = (1 << 19) | (1 << 20)
        self._x.XSendEvent(
            self._display, self._root, 0, ctypes.c_long(substructure), ctypes.byref(event)
        )
        self._x.XFlush(self._display)

    def picture(self) -> Picture:
        """What is on the screen now; raises RuntimeError if it cannot be read."""
        shape = self._attributes(int(self._root.value))
        if shape is None:
            raise RuntimeError("the screen has no size")
        width, height = int(shape.width), int(shape.height)
        pointer = self._x.XGetImage(
            self._display, self._root, 0, 0, width, height, ctypes.c_ulong(ALL_PLANES), Z_PIXMAP
        )
        if not pointer:
            raise RuntimeError("the screen's content cannot be read")
        image = ctypes.cast(pointer, ctypes.POINTER(_Image)).contents
        try:
            if image.bits_per_pixel != 32 or image.byte_order != 0:
                raise RuntimeError(f"a screen with {image.bits_per_pixel} bits per pixel")
            stride = int(image.bytes_per_line)
            data = ctypes.string_at(image.data, stride * height)
        finally:
            # XDestroyImage is a macro; for an image from XGetImage it frees just these two.
            self._x.XFree(image.data)
            self._x.XFree(ctypes.c_void_p(pointer))
        rgb = bytearray(width * height * 3)
        if stride != width * 4:
            data = b"".join(data[y * stride :][: width * 4] for y in range(height))
        for channel, at in ((0, 2), (1, 1), (2, 0)):
            rgb[channel::3] = data[at::4]
        return Picture(width, height, bytes(rgb))
