"""A finished part comes back from its shelf as it was kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import shapely

from doorview.city.ground_streets import StreetSums
from doorview.city.streets import exact_total, from_total
from doorview.study import memory
from doorview.study.part_city import PartDoors
from doorview.study.part_plan import PartBox
from doorview.study.part_shelf import PartShelf


def test_doors_and_street_sums_come_back_as_they_were(tmp_path):
    streets = StreetSums(
        {"centreline": exact_total(np.array([0.1, 1e-9])), "sidewalk_line": 0}, exact_total(np.array([2.5])),
        {"lanes": 3, "default": 0}, {"default": 7}, {"width": 1},
    )  # fmt: skip
    own = PartDoors(
        np.array(["w1@1", "wé@2"], dtype=object), np.array([[1.0, 2.0], [3.0, 4.5]]), np.array([1, 40]), {"doors": 2},
        ["note"], ["hides"], np.ones((2, 4)), np.array([5, -1]), exact_total(np.array([7.3])), streets,
    )  # fmt: skip
    shelf, part = PartShelf(tmp_path / "parts", "base"), PartBox(0, 2, 0, 3, ((0, 1), (1, 2)))
    assert shelf.find(part, 9) is None
    shelf.keep(part, 9, own, None)
    found = shelf.find(part, 9)
    assert found is not None
    assert found.counted is None
    for name in ("ids", "xy", "dwellings", "errors", "face"):
        assert getattr(found.doors, name).tolist() == getattr(own, name).tolist(), name
    for name in ("counts", "notes", "hiding", "metres", "streets"):
        assert getattr(found.doors, name) == getattr(own, name), name


def test_lengths_add_up_alike_in_any_order_and_grouping():
    values = np.random.default_rng(1).uniform(1e-7, 500.0, 4_000)
    total = exact_total(values)
    assert exact_total(values[::-1]) == total
    assert exact_total(values[:7]) + exact_total(values[7:]) == total
    assert from_total(total) == pytest.approx(float(values.sum()), rel=1e-13)
    assert from_total(exact_total(np.array([0.1, 0.2]))) == 0.1 + 0.2
    assert exact_total(np.zeros(0)) == 0


@pytest.mark.parametrize("fault", [AttributeError, OSError, TypeError])
def test_a_machine_that_cannot_be_given_memory_back_is_let_be(monkeypatch, fault):
    def none(_: object) -> None:
        raise fault

    memory._trim.cache_clear()
    monkeypatch.setattr("ctypes.CDLL", none)
    memory.give_back()
    assert memory._trim() is None
    memory._trim.cache_clear()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only where the C library is glibc")
def test_memory_in_small_pieces_is_given_back():
    """Every other of a million pieces stays, so that the rest is free inside what the process holds."""
    if memory._trim() is None:
        pytest.skip("this C library gives nothing back")

    def held() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    shapes = shapely.points(np.random.default_rng(0).uniform(size=(1_000_000, 2)))
    kept = shapes[::1_000].copy()
    full = held()
    del shapes
    memory.give_back()
    assert held() < full - 20_000_000
    assert len(kept) == 1_000
