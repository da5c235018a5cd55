"""Fixtures of the loop tests."""

from donated_pc import workshop
from install_fixtures import bench, install_source
from loop_devices import loops, small_tmpfs

__all__ = ["bench", "install_source", "loops", "small_tmpfs", "workshop"]
