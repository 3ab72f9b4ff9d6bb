"""Groups of cells and samples against a plain count of (unit, near, zone combination)."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from doorview.share.kernels.groups import compose_groups, compose_samples

ROWS, COLUMNS = 12, 128
NOTHING = (np.zeros((0, 0), np.uint64), np.zeros((0, 0), np.int32), np.zeros((0, 0), np.uint8))


def packed(near: NDArray[np.bool_]) -> NDArray[np.uint64]:
    return np.packbits(near, axis=1, bitorder="little").view(np.uint64)


def scene(seed: int, units: int) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.int32], NDArray[np.uint8]]:
    """Units, nearness, zones and counted cells in runs and singly; some words of nearness are all ones or all zeros."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(rng.integers(0, units, (ROWS, COLUMNS // 4)), 4, axis=1).astype(np.int32)
    unit[:, ::7] = rng.integers(0, units, unit[:, ::7].shape)
    near = rng.random((ROWS, COLUMNS)) < 0.5
    near[:4] = np.repeat(rng.random((4, 2)) < 0.5, 64, axis=1)
    zone = np.repeat(rng.integers(0, 3, (ROWS, 8)), 16, axis=1).astype(np.int32)
    return unit, near, zone, (rng.random((ROWS, COLUMNS)) < 0.9).astype(np.uint8)


def parts(code: int) -> tuple[int, int, int]:
    """Unit, near, zone of a code, as `compose_groups` says it packs them."""
    return code >> 25, (code >> 24) & 1, code & 0xFFFFFF


@pytest.mark.parametrize("units", [1, 3, 90])
@pytest.mark.parametrize("with_layers", [False, True])
def test_groups_of_cells(units: int, with_layers: bool) -> None:
    unit, near, zone, inside = scene(units, units)
    layers = (packed(near), zone, inside) if with_layers else NOTHING
    group = np.empty((ROWS, COLUMNS), np.int32)
    codes, cells, _ = compose_groups(unit, *layers, group)
    counted: Counter[tuple[int, int, int]] = Counter()
    for r, c in np.ndindex(unit.shape):
        if with_layers and not inside[r, c]:
            assert group[r, c] == -1
            continue
        wanted = (int(unit[r, c]), int(near[r, c]), int(zone[r, c])) if with_layers else (int(unit[r, c]), 0, 0)
        assert parts(int(codes[group[r, c]])) == wanted
        counted[wanted] += 1
    assert {parts(int(code)): int(n) for code, n in zip(codes, cells, strict=True)} == counted


def test_nothing_inside() -> None:
    unit, near, zone, inside = scene(1, 5)
    group = np.empty((ROWS, COLUMNS), np.int32)
    codes, cells, _ = compose_groups(unit, packed(near), zone, np.zeros_like(inside), group)
    assert len(codes) == len(cells) == 0
    assert (group == -1).all()


@pytest.mark.parametrize("with_layers", [False, True])
def test_samples(with_layers: bool) -> None:
    """Samples continue the groups of the cells; one that wants another class than its cell has is not counted."""
    unit, near, zone, inside = scene(4, 6)
    layers = (packed(near), zone, inside) if with_layers else NOTHING
    codes, _, table = compose_groups(unit, *layers, np.empty((ROWS, COLUMNS), np.int32))
    rng = np.random.default_rng(4)
    rows, columns = rng.integers(0, ROWS, 500), rng.integers(0, COLUMNS, 500).astype(np.int32)
    sample_unit = rng.integers(3, 200, 500).astype(np.int32)
    sample_class = rng.integers(-1, 2, 500).astype(np.int16)
    unit_class = np.array([0, 1, 0, 1, 0, 2], np.int16)
    out, all_codes, amount, _ = compose_samples(
        rows, columns, sample_unit, sample_class, unit, unit_class, *layers, codes.copy(), table.copy()
    )
    assert np.array_equal(all_codes[: len(codes)], codes)
    assert len(set(all_codes.tolist())) == len(all_codes)
    counted: Counter[tuple[int, int, int]] = Counter()
    for s in range(500):
        r, c = rows[s], columns[s]
        cell_class = unit_class[unit[r, c]]
        if (with_layers and not inside[r, c]) or (sample_class[s] >= 0 and sample_class[s] != cell_class):
            assert out[s] == -1
            continue
        wanted = (int(sample_unit[s]), int(near[r, c]), int(zone[r, c])) if with_layers else (int(sample_unit[s]), 0, 0)
        assert parts(int(all_codes[out[s]])) == wanted
        counted[wanted] += 1
    found = {parts(int(code)): int(n) for code, n in zip(all_codes, amount, strict=True) if n}
    assert found == counted
