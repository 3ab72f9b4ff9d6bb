"""Sums over set rows against plain Python integers and sets."""

from __future__ import annotations

import numpy as np
import pytest

from doorview.share.kernels.sums import count_doors, doors_of_bases, sum_chances


def some_rows(seed: int) -> tuple[np.ndarray, np.ndarray, list[list[int]], np.ndarray, np.ndarray]:
    """Base and set of each row in order, the sets' doors, and those as start and members."""
    rng = np.random.default_rng(seed)
    sets = [sorted(rng.choice(9, rng.integers(1, 6), replace=False).tolist()) for _ in range(15)]
    base = np.sort(rng.integers(0, 5, 40))
    start = np.concatenate([[0], np.cumsum([len(s) for s in sets])]).astype(np.int64)
    return base, rng.integers(0, 15, 40), sets, start, np.array([d for s in sets for d in s], np.int64)


@pytest.mark.parametrize("seed", range(3))
def test_sums_of_chances_are_exact(seed: int) -> None:
    """As whole numbers of any size: amounts of a city, chances up to 1."""
    base, sets, _, _, _ = some_rows(seed)
    rng = np.random.default_rng(seed)
    amount, chance = rng.integers(0, 2**33, 40), rng.integers(0, 2**40 + 1, (2, 15))
    chance[0, 0] = 2**40
    high, low = sum_chances(base, sets, amount, chance, 6)
    for place in range(6):
        for m in range(2):
            wanted = sum(int(a) * int(chance[m, s]) for b, s, a in zip(base, sets, amount, strict=True) if b == place)
            assert (int(high[place, m]) << 20) + int(low[place, m]) == wanted


@pytest.mark.parametrize("seed", range(5))
def test_doors_that_see_some(seed: int) -> None:
    base, sets, members, start, doors = some_rows(seed)
    first, found = doors_of_bases(base, sets, start, doors, 6, 9)
    by_base = [{d for b, s in zip(base, sets, strict=True) if b == place for d in members[s]} for place in range(6)]
    for place in range(6):
        here = found[first[place] : first[place + 1]].tolist()
        assert len(here) == len(set(here))
        assert set(here) == by_base[place]
    parts = [[0], [1, 2], [0, 1, 2, 3, 4, 5], [5], [4, 4]]
    at = np.concatenate([[0], np.cumsum([len(p) for p in parts])])
    counted = count_doors(at, np.array([b for p in parts for b in p]), first, found, 9)
    assert counted.tolist() == [len(set().union(*(by_base[b] for b in p))) for p in parts]
