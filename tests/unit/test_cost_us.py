"""The United States on paper: the page is what the script writes, and the script adds up as a hand does."""

from __future__ import annotations

import dataclasses

import pytest
from united_states import INPUTS, PAGE, SCALE, cost, measured, page


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


TABLE = """
| | 10,000 homes | 1,000,000 homes |
|---|---|---|
| doors | 5,000 | 500,000 |
| finding doors | 1 s | 30.0 s |
| seeing and covering | 0.5 s | 40.0 s |
| all, with what lies between | 2 s | 100 s |
| peak memory | 0.5 GB | 1.5 GB |
| before: reading the extract, not part of it | 0.8 s | 80 s, 4.5 GB |

On disk a
million homes are 100 MB of city and 200 MB of counts.
"""


def test_what_was_measured_is_read_from_the_table_of_scale():
    found = measured(TABLE)
    assert found == {
        "doors": 500_000, "covering_s": 40, "all_s": 100, "read_s": 80, "read_gb": 4.5, "peak_gb": 1.5,
        "small_gb": 0.5, "city_bytes": 100, "counts_bytes": 200,
    }  # fmt: skip
    for gone in ("| peak memory", "| doors", "million homes are"):
        with pytest.raises(ValueError, match=r"scale\.md"):
            measured(TABLE.replace(gone, "x"))


def test_core_time_by_door_adds_up_to_that_of_the_measured_million():
    """Covering runs on two threads, all else on one: 141 s by the clock with 36.6 s of covering are 177.6 core s."""
    million = measured(SCALE.read_text(encoding="utf-8"))
    by_door = INPUTS["covering_ms"].value + INPUTS["rest_ms"].value
    assert by_door * million["doors"] / 1e3 == pytest.approx(million["all_s"] + million["covering_s"])
    at_a_million = INPUTS["memory_gb"].value + INPUTS["memory_mb_per_1000"].value
    assert at_a_million == pytest.approx(max(million["read_gb"], million["peak_gb"]))
