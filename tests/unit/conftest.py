"""Unit tests start no program, run no playbook and touch no station but one of their own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import settings

# A busy machine is no fault of the code under test.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")
# For `make mutants`, which runs the tests some thousand times.
settings.register_profile("mutants", deadline=None, max_examples=40, derandomize=True)


class _Guarded(subprocess.Popen[Any]):
    """Popen that starts only the programs a test asked for by name."""

    allowed: frozenset[str] = frozenset()

    def __init__(self, args: Any, *more: Any, **named: Any) -> None:
        argv0 = args if isinstance(args, str | bytes | os.PathLike) else args[0]
        program = Path(os.fsdecode(argv0)).name
        if named.get("shell") or program not in self.allowed:
            raise AssertionError(
                f"a unit test started {args!r}; if it must: "
                f'ask for the fixture allow_subprocess and call allow_subprocess("{program}")'
            )
        super().__init__(args, *more, **named)


@pytest.fixture(autouse=True)
def _no_programs(monkeypatch: pytest.MonkeyPatch) -> type[_Guarded]:
    def refuse(*_args: object, **_named: object) -> NoReturn:
        raise AssertionError("a unit test ran ansible-runner or a shell; that belongs elsewhere")

    guard = type("Guarded", (_Guarded,), {})
    monkeypatch.setattr(subprocess, "Popen", guard)
    for name in ("ansible_runner.run", "ansible_runner.run_async", "ansible_runner.run_command"):
        monkeypatch.setattr(name, refuse)
    monkeypatch.setattr(os, "system", refuse)
    return guard


@pytest.fixture
def allow_subprocess(_no_programs: type[_Guarded]) -> Callable[..., None]:
    """Call it with the names of the programs that this test may start."""

    def allow(*programs: str) -> None:
        _no_programs.allowed |= frozenset(programs)

    return allow


@pytest.fixture(autouse=True)
def netspring_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A station's folder of this test alone; it is not made yet."""
    home = tmp_path / "netspring-home"
    monkeypatch.setenv("NETSPRING_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a developer has exported changes no test."""
    for name in list(os.environ):
        if name.startswith("ANSIBLE_"):
            monkeypatch.delenv(name)
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
