"""What the tests of sealing share."""

from __future__ import annotations

from pathlib import Path

import pytest
from pc_in_folder import Pc, installed


@pytest.fixture
def pc(tmp_path: Path) -> Pc:
    """A PC in a folder, as it is when it was verified."""
    return installed(tmp_path / "pc")
