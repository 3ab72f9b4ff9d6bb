"""The United States on paper: the page is what the script writes, and the script adds up as a hand does."""

from __future__ import annotations

import dataclasses

import pytest
from united_states import INPUTS, PAGE, cost, page


def test_the_page_is_current():
    written = "write it anew: python benchmarks/united_states.py --write"
    assert PAGE.read_text(encoding="utf-8") == page(INPUTS), written


def test_it_adds_up_as_by_hand():
    numbers = {
        "homes": 1e6, "doors_per_home": 0.5, "covering_ms": 2.0, "rest_ms": 1.0, "read_ms": 0.5, "start_s": 10.0,
        "cities": 10, "memory_gb": 1.0, "memory_mb_per_1000": 4.0, "largest": 2e5, "tables_kb": 100, "kept_bytes": 500,
        "osm_gb": 2, "osm_nodes": 1e9, "slow": 2.0, "core_hour": 0.1, "spot": 0.05, "gb_month": 0.02, "machine": 4,
        "cluster": 5, "idle": 0.5,
    }  # fmt: skip
    assert set(numbers) == set(INPUTS)
    found = cost({name: dataclasses.replace(INPUTS[name], value=value) for name, value in numbers.items()})
    # Seconds of a core: covering 1,000; all else 500 for doors, 500 for reading, 100 for starts. Twice that: 4,200 s.
    assert found.core_hours == pytest.approx(4200 / 3600)
    assert found.covering_part == pytest.approx(1000 / 2100)
    assert found.machine_hours == pytest.approx(4200 / 3600 / 4)
    assert found.machine_dollars == pytest.approx(4200 / 3600 * 0.1)
    assert found.cluster_hours == pytest.approx(4200 / 3600 / 20 * 2)
    assert found.cluster_dollars == pytest.approx(4200 / 3600 * 2 * 0.05)
    assert found.largest_gb == pytest.approx(1.0 + 0.8)
    assert found.machine_gb == pytest.approx(1.8 + 3 * 1.4)  # three counties of 100,000 homes beside it
    assert found.largest_hours == pytest.approx(2e5 * 2 * 0.002 / 3600)  # 1 + 0.5 + 0.5 ms a home, twice
    assert found.tables_gb == pytest.approx(0.001)
    assert found.kept_gb == pytest.approx(0.5)
    assert found.disk_dollars == pytest.approx(0.05)
    assert found.whole_index_gb == pytest.approx(16)
    assert found.whole_gb == pytest.approx(5.0)


def test_every_number_says_where_it_comes_from():
    assert all(item.source.startswith(("measured: ", "assumption")) for item in INPUTS.values())
    prices = [INPUTS[name].source for name in ("core_hour", "spot", "gb_month")]
    assert all("2026" in source for source in prices)
