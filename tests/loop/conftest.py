"""Fixtures of the loop tests."""

from loop_devices import loops, small_tmpfs

__all__ = ["loops", "small_tmpfs"]
