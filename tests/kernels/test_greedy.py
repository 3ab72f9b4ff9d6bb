"""Choosing doors one by one, against the plain way: all gains anew for each door."""

from __future__ import annotations

import numpy as np
import pytest

from doorview.share.kernels.greedy import NEVER, choose, cover_door, gains_of_doors, tree_of
from doorview.share.kernels.pairs import sets_of_doors
from helpers.sets import random_sets

DOORS = 9


def plain(
    sets: list[list[int]], amount: list[int], rank: list[int], allowed: list[bool], sign: int, certain: list[int]
) -> list[tuple[int, int]]:
    """Return (door, gain) in order; of doors alike the lower rank."""
    covered = {n for n, s in enumerate(sets) if set(s) & set(certain)}
    left = [d for d in range(DOORS) if allowed[d]]
    out = []
    while left:
        gain = {d: sum(a for n, a in enumerate(amount) if d in sets[n] and n not in covered) for d in left}
        door = min(left, key=lambda d: (-sign * gain[d], rank[d]))
        out.append((door, gain[door]))
        covered |= {n for n, s in enumerate(sets) if door in s}
        left.remove(door)
    return out


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("seed", range(8))
def test_doors_are_those_of_the_plain_way(seed: int, sign: int) -> None:
    """In two goes, with ties (small amounts), a door that is not allowed and one that is certain."""
    rng = np.random.default_rng(seed)
    sets = random_sets(seed, DOORS, 14)
    amount = rng.integers(1, 4, len(sets))
    rank = rng.permutation(DOORS)
    allowed = np.ones(DOORS, bool)
    allowed[[3, 5]] = False
    start = np.concatenate([[0], np.cumsum([len(s) for s in sets])]).astype(np.int64)
    doors = np.array([d for s in sets for d in s], np.int64)
    first, of_door = sets_of_doors(start, doors, DOORS)
    gain, covered = gains_of_doors(start, doors, amount, DOORS), np.zeros(len(sets), bool)
    assert gain.tolist() == [sum(a for a, s in zip(amount, sets, strict=True) if d in s) for d in range(DOORS)]
    cover_door(3, start, doors, amount, first, of_door, covered, gain, np.empty(len(doors), np.int64))
    door_at = np.argsort(rank)
    worth = np.where(allowed, sign * gain, NEVER)[door_at]
    tree = tree_of(worth)
    found: list[tuple[int, int]] = []
    for count in (2, DOORS):
        chosen, added = choose(
            count, sign, start, doors, amount, first, of_door, covered, gain, rank, door_at, worth, tree
        )
        found += zip(chosen.tolist(), added.tolist(), strict=True)
    assert found == plain(sets, amount.tolist(), rank.tolist(), allowed.tolist(), sign, [3])


def test_nothing_to_choose_from() -> None:
    worth = np.full(3, NEVER)
    empty = np.zeros(0, np.int64)
    start = np.zeros(1, np.int64)
    chosen, added = choose(
        2, 1, start, empty, empty, np.zeros(4, np.int64), empty, np.zeros(0, bool), np.zeros(3, np.int64),
        np.arange(3), np.arange(3), worth, tree_of(worth),
    )  # fmt: skip
    assert len(chosen) == len(added) == 0
