"""The table of the profiles: numbers, limits, and what exceeds them."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from netspring_provision import content

MEMINFO = """\
MemTotal:        2014228 kB
MemFree:         1200000 kB
MemAvailable:    1660000 kB
Buffers:           20000 kB
SwapTotal:       1007108 kB
SwapFree:        1000000 kB
"""


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    path = content.root() / "benchmarks" / "profiles.py"
    spec = importlib.util.spec_from_file_location("bench_profiles", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_used_memory_counts_what_lies_in_swap(bench: ModuleType) -> None:
    assert bench.used_mib(MEMINFO) == pytest.approx((2014228 - 1660000 + 7108) / 1024)


def test_the_table_has_a_line_per_number_and_a_limit_where_there_is_one(bench: ModuleType) -> None:
    found = {"lite": {"idle": 344.6, "disk": 2.871}, "studio": {"idle": 360.0, "build": 9.53}}
    lines = bench.table(found)
    assert lines[0] == "| what | `lite` | limit | `studio` | limit |"
    assert lines[2] == "| RAM used after login | 344.6 MiB | 350.0 MiB | 360.0 MiB | - |"
    assert lines[4] == "| image on the disk | 2.87 GB | 3.20 GB | - | - |"
    assert len({line.count("|") for line in lines}) == 1
    assert len(lines) == 2 + len(bench.LIMITS)


def test_what_exceeds_a_limit_is_said(bench: ModuleType) -> None:
    assert bench.missed({"lite": {"idle": 350.0, "packed": 1.39}, "studio": {"idle": 999}}) == []
    (said,) = bench.missed({"lite": {"idle": 350.4, "desktop": 40.0}})
    assert said == "lite: RAM used after login is 350.4 MiB, the limit 350.0 MiB"
