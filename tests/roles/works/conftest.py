"""The works programs under the name that they have on a PC."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.on_target import ROLES

sys.path.insert(0, str(ROLES / "works" / "files"))
sys.path.insert(0, str(Path(__file__).parent))

from loop_sticks import LoopStick
from netspring_works import show_job


@pytest.fixture(autouse=True)
def notice_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here a stick that is gone is gone at once, or after a second."""
    monkeypatch.setattr(show_job, "NOTICED_WITHIN", 1.5)


@pytest.fixture
def works(tmp_path: Path) -> Path:
    """A folder of works as the programs leave it."""
    folder = tmp_path / "home" / "我的作品"
    (folder / "saved").mkdir(parents=True)
    (folder / "猫.png").write_bytes(b"\x89PNG" + bytes(range(256)) * 5000)
    (folder / "Cat.png").write_bytes(b"upper" * 1000)
    (folder / "cat.png").write_bytes(b"lower" * 1001)
    (folder / "跳舞?.sb3").write_bytes(b"PK" + b"scratch" * 30000)
    (folder / "saved" / "20261124.png").write_bytes(b"tux" * 4096)
    (folder / "saved" / "20261124.dat").write_bytes(b"note of Tux Paint")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "half.png.crdownload").write_bytes(b"half")
    (folder / ".hidden").write_bytes(b"hidden")
    (folder / "link.png").symlink_to("/etc/passwd")
    return folder


@pytest.fixture
def make_stick(tmp_path: Path) -> Iterator[Callable[..., LoopStick]]:
    """Makes sticks, and takes them away after the test."""
    made: list[LoopStick] = []

    def make(size: int = 24 << 20, name: str = "ANNA", read_only: bool = False) -> LoopStick:
        made.append(LoopStick(tmp_path / f"{name}.img", size, name, read_only))
        return made[-1]

    yield make
    for one in made:
        one.end()
