"""Pairs of sets against plain loops over all pairs, and variances against all ownerships."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from doorview.share.kernels.pairs import independent_variance, overlaps, sets_of_doors
from helpers.sets import all_owners, random_sets

DOORS = 7


def laid(sets: list[list[int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    start = np.concatenate([[0], np.cumsum([len(s) for s in sets])]).astype(np.int64)
    doors = np.array([d for s in sets for d in s], np.int64)
    return start, doors, *sets_of_doors(start, doors, DOORS)


@pytest.mark.parametrize("seed", range(4))
def test_the_sets_of_each_door(seed: int) -> None:
    sets = random_sets(seed, DOORS, 12)
    _, _, first, found = laid(sets)
    for door in range(DOORS):
        assert found[first[door] : first[door + 1]].tolist() == [n for n, s in enumerate(sets) if door in s]


@pytest.mark.parametrize("seed", range(4))
def test_the_variance_of_an_amount_by_enumeration(seed: int) -> None:
    """All 128 ownerships; one door without a camera, chances down to 1e-9."""
    rng = np.random.default_rng(seed)
    sets = random_sets(seed, DOORS, 12)
    amount = rng.integers(1, 50, len(sets)).astype(float)
    p = rng.uniform(0.05, 0.9, DOORS)
    p[0], p[1] = 0.0, 1e-9
    odds = p / (1.0 - p)
    weight = amount * np.array([math.prod(1.0 - p[d] for d in s) for s in sets])
    found = independent_variance(*laid(sets), odds, weight)
    mean = square = 0.0
    for owners, chance in all_owners(p.tolist()):
        in_view = sum(a for a, s in zip(amount, sets, strict=True) if owners & set(s))
        mean += chance * in_view
        square += chance * in_view**2
    assert found == pytest.approx(square - mean**2, rel=1e-9)


def test_rare_owners_lose_no_digits() -> None:
    """One set of one door with chance p: the variance is a^2 p (1 - p), down to a chance of 1e-14."""
    for p in (1e-14, 1e-9, 0.3):
        found = independent_variance(*laid([[2]]), np.full(DOORS, p / (1.0 - p)), np.array([5.0 * (1.0 - p)]))
        assert found == pytest.approx(25.0 * p * (1.0 - p), rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_what_shared_doors_add_by_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sets = random_sets(seed, DOORS, 12)
    kind = rng.integers(0, 2, DOORS)
    amount = rng.integers(1, 50, len(sets)).astype(float)
    unseen = rng.random((2 * DOORS + 1, 2 * DOORS + 1))
    size = np.array([[sum(kind[d] == k for d in s) for k in (0, 1)] for s in sets])
    found = overlaps(*laid(sets), kind, amount, size, unseen)
    wanted = 0.0
    for (i, one), (j, two) in itertools.product(enumerate(sets), repeat=2):
        union = set(one) | set(two)
        both = [sum(kind[d] == k for d in union) for k in (0, 1)]
        apart = size[i] + size[j]
        wanted += amount[i] * amount[j] * (unseen[both[0], both[1]] - unseen[apart[0], apart[1]])
    assert found == pytest.approx(wanted, rel=1e-12, abs=1e-9)
