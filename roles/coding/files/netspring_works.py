"""Plugin of Thonny: a new program is saved in the child's folder of works.

Thonny begins in the home; its setting for that takes a whole path, which differs between accounts.
"""

from pathlib import Path

from thonny import get_workbench


def load_plugin() -> None:
    """Called by Thonny at its start (thonny/workbench.py, _load_plugins)."""
    works = Path("~/.works").expanduser()
    if works.is_dir():
        get_workbench().set_default("run.working_directory", str(works.resolve()))
