"""How large the screen is on which the desktop stands."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_char_p, c_int, c_ulong, c_void_p


class Monitor(Structure):
    """XRRMonitorInfo of libXrandr (Xrandr.h)."""

    _fields_ = (
        ("name", c_ulong),
        ("primary", c_int),
        ("automatic", c_int),
        ("outputs", c_int),
        ("x", c_int),
        ("y", c_int),
        ("width", c_int),
        ("height", c_int),
        ("mwidth", c_int),
        ("mheight", c_int),
        ("list", c_void_p),
    )


def primary() -> tuple[int, int]:
    """Width and height of the primary monitor, else the first, else the whole screen, in pixels.

    Asked of X itself: it is quicker than starting a program, and xrandr(1) is not on the PC.

    Raises:
        OSError: there is no X server, or no libX11.
    """
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.argtypes = [c_char_p]
    x11.XOpenDisplay.restype = c_void_p
    x11.XDefaultRootWindow.argtypes = [c_void_p]
    x11.XDefaultRootWindow.restype = c_ulong
    x11.XDisplayWidth.argtypes = x11.XDisplayHeight.argtypes = [c_void_p, c_int]
    x11.XCloseDisplay.argtypes = [c_void_p]
    display = x11.XOpenDisplay(None)
    if not display:
        raise OSError("no screen answers")
    try:
        monitors = _monitors(display, x11.XDefaultRootWindow(display))
        whole = (x11.XDisplayWidth(display, 0), x11.XDisplayHeight(display, 0))
    finally:
        x11.XCloseDisplay(display)
    first = [size for is_primary, size in monitors if is_primary]
    return (first or [size for _, size in monitors] or [whole])[0]


def _monitors(display: int, root: int) -> list[tuple[bool, tuple[int, int]]]:
    """Whether it is the primary one, and its size, for each monitor; none without libXrandr."""
    try:
        xrandr = ctypes.CDLL("libXrandr.so.2")
    except OSError:
        return []
    xrandr.XRRGetMonitors.argtypes = [c_void_p, c_ulong, c_int, POINTER(c_int)]
    xrandr.XRRGetMonitors.restype = POINTER(Monitor)
    xrandr.XRRFreeMonitors.argtypes = [POINTER(Monitor)]
    count = c_int()
    found = xrandr.XRRGetMonitors(display, root, 1, ctypes.byref(count))
    if not found or count.value < 1:
        return []
    sizes = [
        (bool(found[number].primary), (found[number].width, found[number].height))
        for number in range(count.value)
    ]
    xrandr.XRRFreeMonitors(found)
    return sizes
