"""From spans to sets of doors, against plain sets per cell."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from doorview.share.kernels.sets import bucket_spans, members_of, ring_counts, scan_level

ROWS, COLUMNS, LEVELS, DOORS = 20, 64, 2, 9


def spans_of(seed: int, count: int = 300) -> NDArray[np.int32]:
    """Spans level, row, start, stop, door in no order; no two of one door and level meet in a row."""
    rng = np.random.default_rng(seed)
    made: list[list[int]] = []
    taken = np.zeros((LEVELS, ROWS, DOORS, COLUMNS), bool)
    for _ in range(count):
        level, row, door = rng.integers([LEVELS, ROWS - 3, DOORS])
        start = int(rng.integers(0, COLUMNS))
        stop = min(start + int(rng.integers(1, 30)), COLUMNS)
        if not taken[level, row, door, start:stop].any():
            taken[level, row, door, start:stop] = True
            made.append([level, row, start, stop, door])
    return np.array(made, np.int32)


def doors_of_cells(spans: NDArray[np.int32], level: int) -> dict[tuple[int, int], frozenset[int]]:
    """Which doors see each cell at a level."""
    seen: dict[tuple[int, int], set[int]] = {}
    for at, row, start, stop, door in spans.tolist():
        if at == level:
            for column in range(start, stop):
                seen.setdefault((row, column), set()).add(door)
    return {cell: frozenset(doors) for cell, doors in seen.items()}


def room_for(spans: NDArray[np.int32]) -> NDArray[np.int32]:
    """The spans with unused room behind them, as they come from the views."""
    return np.concatenate([spans, np.full((50, 5), 10**6, np.int32)])


def keys() -> NDArray[np.uint64]:
    return np.random.default_rng(99).integers(1, 2**63, DOORS, dtype=np.uint64)


def test_spans_by_level_and_row() -> None:
    spans = spans_of(1)
    start, ordered = bucket_spans(room_for(spans), len(spans), LEVELS, ROWS)
    for level in range(LEVELS):
        for row in range(ROWS):
            here = ordered[start[level * ROWS + row] : start[level * ROWS + row + 1]]
            wanted = spans[(spans[:, 0] == level) & (spans[:, 1] == row)][:, 2:]
            assert np.array_equal(here, wanted)


def test_no_spans() -> None:
    start, ordered = bucket_spans(np.zeros((4, 5), np.int32), 0, LEVELS, ROWS)
    assert not start.any()
    assert ordered.shape == (0, 3)


@pytest.mark.parametrize("rasters", [True, False])
@pytest.mark.parametrize(("seed", "groups"), [(1, 5), (2, 40), (3, 1)])
def test_sets_of_cells_and_samples(seed: int, groups: int, rasters: bool) -> None:
    """Amounts by (set, group) are those of a plain dictionary; members are the doors themselves; k is their number."""
    rng = np.random.default_rng(seed)
    spans = spans_of(seed)
    key = keys()
    group = rng.integers(-1, groups, (ROWS, COLUMNS)).astype(np.int32)
    group[5:9] = 0
    public = rng.random(groups) < 0.8
    public[0] = True
    sample_row = np.sort(rng.integers(0, ROWS, 200))
    sample_column = rng.integers(0, COLUMNS, 200).astype(np.int32)
    sample_group = rng.integers(-1, groups, 200).astype(np.int32)
    sample_start = np.searchsorted(sample_row, np.arange(ROWS + 1))
    start, ordered = bucket_spans(room_for(spans), len(spans), LEVELS, ROWS)
    for level in range(LEVELS):
        seen = np.zeros((ROWS, COLUMNS) if rasters else (0, 0), np.uint16)
        found = scan_level(start, ordered, level, key, group, public, sample_start, sample_column, sample_group, seen)
        set_key, entry_group, amount, row, column = found
        doors = doors_of_cells(spans, level)
        wanted: Counter[tuple[frozenset[int], int]] = Counter()
        for cell, held in doors.items():
            if group[cell] >= 0 and public[group[cell]]:
                wanted[held, int(group[cell])] += 1
        for s in range(200):
            held = doors.get((int(sample_row[s]), int(sample_column[s])), frozenset())
            if held and sample_group[s] >= 0:
                wanted[held, int(sample_group[s])] += 1
        member_start, members, wrong = members_of(
            start, ordered, ROWS, np.full(len(set_key), level), row, column, key, set_key
        )
        assert wrong == 0
        sets = [members[a:b].tolist() for a, b in itertools.pairwise(member_start)]
        assert all(one == sorted(one) for one in sets)
        assert len(set_key) == len(wanted)
        assert {(frozenset(s), int(g)): int(n) for s, g, n in zip(sets, entry_group, amount, strict=True)} == wanted
        if rasters:
            assert {(int(r), int(c)): int(seen[r, c]) for r, c in np.argwhere(seen)} == {
                cell: len(held) for cell, held in doors.items()
            }


def test_more_sets_than_the_table_has_room_for_at_first() -> None:
    """Staggered spans make a new set at every column of every row: the table must grow and lose nothing."""
    rows, columns, doors = 40, 128, 5000
    rng = np.random.default_rng(1)
    key = rng.integers(1, 2**63, doors, dtype=np.uint64)
    spans = np.array(
        [[0, r, c, columns, (r * columns + c) % doors] for r in range(rows) for c in range(0, columns, 2)], np.int32
    )
    start, ordered = bucket_spans(spans, len(spans), 1, rows)
    none = np.zeros(0, np.int32)
    found = scan_level(
        start, ordered, 0, key, np.zeros((rows, columns), np.int32), np.array([True]), np.zeros(rows + 1, np.int64),
        none, none, np.zeros((0, 0), np.uint16),
    )  # fmt: skip
    assert len(found[0]) == rows * columns // 2
    assert (found[2] == 2).all()


def test_a_wrong_key_is_found() -> None:
    spans = spans_of(4)
    start, ordered = bucket_spans(spans, len(spans), LEVELS, ROWS)
    key = keys()
    level, row, column = (np.array([int(v)]) for v in spans[0, :3])
    doors = doors_of_cells(spans, int(level[0]))[int(row[0]), int(column[0])]
    right = np.bitwise_xor.reduce(key[sorted(doors)])
    for wanted, wrong in ((right, 0), (right ^ np.uint64(1), 1)):
        assert members_of(start, ordered, ROWS, level, row, column, key, np.array([wanted]))[2] == wrong


def test_members_of_many_doors() -> None:
    """More doors than the first room for members, given in falling order, come out ascending."""
    spans = np.array([[0, 0, 0, 4, door] for door in range(99, -1, -1)], np.int32)
    start, ordered = bucket_spans(spans, 100, 1, 1)
    key = np.arange(1, 101, dtype=np.uint64)
    at = np.zeros(1, np.int64)
    _, members, wrong = members_of(start, ordered, 1, at, at, at + 3, key, np.bitwise_xor.reduce(key, keepdims=True))
    assert wrong == 0
    assert members.tolist() == list(range(100))


@pytest.mark.parametrize("cell", [0.5, 1.0])
def test_rings(cell: float) -> None:
    """Summed over ranges, changes give the number of cells seen by k doors within each range, by space."""
    rng = np.random.default_rng(6)
    spans = spans_of(6, 600)
    row0, col0, shortest, bins = -7, -30, 2, 12
    xy = rng.uniform([-15 * cell, -7 * cell], [20 * cell, 13 * cell], (DOORS, 2))
    group = rng.integers(-1, 6, (ROWS, COLUMNS)).astype(np.int32)
    space = np.array([0, 1, 2, -1, 0, 2])
    start, ordered = bucket_spans(spans, len(spans), LEVELS, ROWS)
    # Room for no k at all: it must grow.
    changes = ring_counts(
        start, ordered, 1, xy, cell, row0, col0, group, space, shortest, bins, np.zeros((3, bins, 1), np.int64)
    )
    found = np.cumsum(changes, axis=1)
    expected = np.zeros_like(found)
    for (row, column), doors in doors_of_cells(spans, 1).items():
        g = group[row, column]
        if g < 0 or space[g] < 0:
            continue
        x, y = (col0 + column + 0.5) * cell, (row0 + row + 0.5) * cell
        distances = [math.hypot(x - xy[door, 0], y - xy[door, 1]) for door in doors]
        for b in range(bins):
            k = sum(distance <= shortest + b for distance in distances)
            if k:
                expected[space[g], b, k] += 1
    assert expected.any()
    assert np.array_equal(found[:, :, 1:], expected[:, :, 1:])
