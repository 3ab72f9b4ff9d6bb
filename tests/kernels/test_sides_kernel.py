"""Members of sets inside and outside a unit, against Python's sets."""

from __future__ import annotations

import numpy as np
import pytest

from doorview.share.kernels.sides import count_inside, part_members


def laid_out(lists: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return lists as start and members."""
    start = np.concatenate([[0], np.cumsum([len(one) for one in lists])]).astype(np.int64)
    return start, np.array([member for one in lists for member in one], np.int64)


@pytest.mark.parametrize("seed", range(5))
def test_members_inside_and_outside(seed: int) -> None:
    """Doors in no unit, in one or in several; empty sets; pairs of every set with every unit."""
    rng = np.random.default_rng(seed)
    doors, units = 12, 4
    of_door = [sorted(rng.choice(units, rng.integers(0, 3), replace=False).tolist()) for _ in range(doors)]
    sets = [sorted(rng.choice(doors, rng.integers(0, 6), replace=False).tolist()) for _ in range(9)]
    pairs = [(unit, number) for unit in range(units) for number in range(len(sets))]
    pair_unit, pair_set = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    arrays = (pair_unit, pair_set, *laid_out(sets), *laid_out(of_door))
    inside = [[door for door in sets[number] if unit in of_door[door]] for unit, number in pairs]
    outside = [[door for door in sets[number] if unit not in of_door[door]] for unit, number in pairs]
    assert count_inside(*arrays).tolist() == [len(one) for one in inside]
    for wanted, side in ((inside, True), (outside, False)):
        out = np.full(sum(map(len, wanted)), -1, np.int64)
        part_members(*arrays, side, out)
        assert out.tolist() == [door for one in wanted for door in one]
