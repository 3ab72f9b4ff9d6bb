"""Walls and ground that hide, on uneven ground: cell by cell and pair by pair against lines worked out plainly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from doorview.sight.arrays import squares_of
from doorview.sight.kernels.terrain import Heights
from doorview.sight.kernels.uneven import OpenWalls, clear_pairs_over, clear_spans, fill_extremes
from doorview.sight.rasters import heights_array
from helpers.terrain import bilinear, random_surface, steepest

CELL, LENS, CLEAR = 0.5, 1.2, 1.0
SAMPLES = 400
Floats = NDArray[np.float64]


class Place:
    """Ground and walls, and a plain answer whether a line is open: True, False, or None where samples cannot tell."""

    def __init__(self, z: Floats, at: tuple[float, float], step: float, walls: Floats, tops: Floats, height: Floats):
        self.z, self.at, self.step, self.walls, self.tops, self.height = z, at, step, walls, tops, height
        squares, item = squares_of(walls)
        self.indexed = OpenWalls(squares, np.ascontiguousarray(tops[item]), height[item])
        self.steepest = steepest(z[np.isfinite(z).all(axis=1)], step)

    @property
    def grid(self) -> Heights:
        return heights_array(self.z, *self.at, self.step)

    def ground(self, xy: Floats) -> Floats:
        far = (np.array(self.z.shape[::-1]) - 1) * self.step
        beyond = ((xy < self.at) | (xy > self.at + far)).any(axis=-1)
        return np.where(beyond, math.nan, bilinear(self.z, *self.at, self.step, xy))

    def is_open(self, camera: Floats, spot: Floats, target: float) -> bool | None:
        eye, aim = float(self.ground(camera)) + LENS, float(self.ground(spot)) + target
        flat = math.isnan(eye) or math.isnan(aim)
        way = spot - camera
        # camera + part * way = first + along * (second - first), by Cramer's rule.
        (x, y), (dx, dy) = (self.walls[:, :2] - camera).T, (self.walls[:, 2:] - self.walls[:, :2]).T
        det = way[1] * dx - way[0] * dy
        met = np.abs(det) > 1e-9
        part, along = (np.divide(top, det, out=np.full(len(det), -1.0), where=met) for top in (
            y * dx - x * dy, way[0] * y - way[1] * x))  # fmt: skip
        met &= (part > 0) & (part < 1) & (along >= 0) & (along <= 1)
        over = self.height - LENS - (target - LENS) * part
        if not flat:
            over = self.tops[:, 0] + along * (self.tops[:, 1] - self.tops[:, 0]) - eye - (aim - eye) * part
        rise, doubt = float(over[met].max(initial=-math.inf)), 1e-5
        if rise > doubt:
            return False
        sure = rise < -doubt
        length = float(np.hypot(*way))
        if not flat and length > CLEAR:
            t = np.linspace(CLEAR / length, 1.0, SAMPLES)
            rise = np.nanmax(self.ground(camera + t[:, None] * way) - eye - t * (aim - eye))
            if rise > 2e-6:
                return False
            sure &= rise < -length / SAMPLES * (self.steepest + abs(aim - eye) / length)
        return True if sure else None


def some_place(seed: int, rise: float, step: float, *, hole: bool = False) -> Place:
    """Return ground from -12 to 12 m and ten walls, some along the axes, one that points at (0.25, 0.25)."""
    rng = np.random.default_rng(seed)
    side = int(24 / step) + 1
    z = random_surface(seed, side, side, rise, smooth=1)
    middle, half = rng.uniform(-8, 8, (10, 2)), rng.uniform(-2.5, 2.5, (10, 2))
    half[:3, 0], half[3:5, 1] = 0.0, 0.0
    walls = np.hstack([middle - half, middle + half])
    walls[5] = (3.25, 0.25, 6.0, 0.25)  # edge on from the camera at (0.25, 0.25)
    walls[6] = (3.25, 0.25, 4.0, 3.0)  # an end in its row
    height = rng.uniform(0.4, 3.0, 10)
    tops = bilinear(z, -12.0, -12.0, step, walls.reshape(-1, 2, 2)) + height[:, None]
    if hole:
        z[-3:, :] = math.nan
    return Place(z, (-12.0, -12.0), step, walls, tops, height)


def spans_about(doors: Floats, levels: int, reach: float, window: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return full circles about doors, level by level of each door, by the definition of a cell's centre."""
    spans = []
    for door, (cx, cy) in enumerate(doors):
        for level in range(levels):
            for row in range(window[1]):
                dy = (window[0] + row + 0.5) * CELL - cy
                x = (window[2] + np.arange(window[3]) + 0.5) * CELL - cx
                inside = np.flatnonzero(x * x + dy * dy < (reach / (level + 1)) ** 2)
                if len(inside):
                    spans.append((level, row, inside[0], inside[-1] + 1, door))
    return np.array(spans, np.int32)


@pytest.mark.parametrize(
    ("seed", "rise", "step", "hole"), [(1, 0.0, 4.0, False), (2, 3.0, 4.0, False), (3, 3.0, 1.5, True)]
)
def test_every_cell_of_a_view_is_open_where_its_line_is(seed: int, rise: float, step: float, hole: bool) -> None:
    place = some_place(seed, rise or 1.0, step, hole=hole)
    if rise == 0.0:
        place = Place(np.zeros_like(place.z), place.at, step, place.walls, place.height[:, None] * [1, 1], place.height)
    doors = np.array([[0.25, 0.25], [-3.4, 10.3 if hole else 2.2]])
    window = np.array([-17, 34, -17, 34], np.int64)
    targets = np.array([1.5, 1.1])
    spans = spans_about(doors, 2, 8.0, window)
    found, count = clear_spans(
        place.grid, place.grid, place.indexed, doors, np.full(2, LENS), targets, CLEAR, spans, len(spans), window, CELL
    )
    kept = np.zeros((2, 2, window[1], window[3]), bool)
    for level, row, start, stop, door in found[:count].tolist():
        assert not kept[door, level, row, start:stop].any()
        kept[door, level, row, start:stop] = True
    said = {True: 0, False: 0, None: 0}
    for level, row, start, stop, door in spans.tolist():
        for column in range(start, stop):
            spot = np.array([(window[2] + column + 0.5) * CELL, (window[0] + row + 0.5) * CELL])
            wanted = place.is_open(doors[door], spot, float(targets[level]))
            said[wanted] += 1
            assert wanted is None or kept[door, level, row, column] == wanted, (door, level, spot)
    assert min(said[True], said[False]) > 100
    assert said[None] < 0.1 * sum(said.values())


@pytest.mark.parametrize(("seed", "hole"), [(4, False), (5, True)])
def test_every_pair_is_open_where_its_line_is(seed: int, hole: bool) -> None:
    place = some_place(seed, 2.5, 3.0, hole=hole)
    rng = np.random.default_rng(seed)
    doors, points = rng.uniform(-9, 9, (12, 2)), rng.uniform(-9, 12, (12, 2))
    camera, point = (item.ravel().astype(np.int64) for item in np.meshgrid(np.arange(12), np.arange(12)))
    out = np.empty(len(camera), np.bool_)
    clear_pairs_over(place.grid, place.grid, place.indexed, doors, points, camera, point, LENS, 1.5, CLEAR, out)
    wanted = [place.is_open(doors[c], points[p], 1.5) for c, p in zip(camera, point, strict=True)]
    told = [n for n, item in enumerate(wanted) if item is not None]
    assert [bool(out[n]) for n in told] == [wanted[n] for n in told]
    assert len(told) > 120
    assert 20 < sum(bool(wanted[n]) for n in told) < len(told) - 20


def test_walls_far_from_a_view_take_nothing_from_it() -> None:
    far = np.array([[300.0, 300.0, 310.0, 300.0]])
    place = Place(np.zeros((7, 7)), (-12.0, -12.0), 4.0, far, np.full((1, 2), 9.0), np.full(1, 9.0))
    doors, window = np.array([[0.25, 0.25]]), np.array([-8, 16, -8, 16], np.int64)
    spans = spans_about(doors, 1, 3.0, window)
    found, count = clear_spans(
        place.grid, place.grid, place.indexed, doors, np.full(1, LENS), np.array([1.5]), CLEAR, spans, len(spans),
        window, CELL,
    )  # fmt: skip
    assert found[:count].tolist() == spans.tolist()
    out = np.zeros(1, np.bool_)
    none = np.zeros(1, np.int64)
    spot = np.array([[2.0, 2.0]])
    clear_pairs_over(place.grid, place.grid, place.indexed, doors, spot, none, none, LENS, 1.5, CLEAR, out)
    assert out[0]


def test_extremes_of_boxes_are_those_of_the_samples_about_them() -> None:
    rng = np.random.default_rng(6)
    z = rng.uniform(0, 9, (9, 11)).astype(np.float32).astype(np.float64)
    z[7, 2] = math.nan
    west, south = rng.uniform(-1.5, 20.5, (2, 60))
    boxes = np.column_stack([west, south, west + rng.uniform(0, 6, 60), south + rng.uniform(0, 6, 60)])
    low, high = np.empty(60), np.empty(60)
    fill_extremes(heights_array(z, 0.0, 0.0, 2.0), boxes, low, high)
    known = 0
    for n, (x0, y0, x1, y1) in enumerate(boxes):
        # Samples lie at 0, 2, 4 ... m; those about a box are the last before it, the first behind it and all between.
        columns = [i for i in range(-2, 40) if x0 - 2 < 2 * i < x1 + 2]
        rows = [j for j in range(-2, 40) if y0 - 2 < 2 * j < y1 + 2]
        held = [z[j, i] if 0 <= j < 9 and 0 <= i < 11 else math.nan for j in rows for i in columns]
        if any(math.isnan(value) for value in held):
            assert math.isnan(low[n])
            assert math.isnan(high[n])
        else:
            assert (low[n], high[n]) == (min(held), max(held))
            known += 1
    assert 10 < known < 50
