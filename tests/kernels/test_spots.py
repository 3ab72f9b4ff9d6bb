"""Chances of spots from filtered sightings, and what sight lines cross, against plain slow versions."""

from __future__ import annotations

import itertools

import numpy as np
import shapely

from doorview.share.kernels.spots import chances_of_spots, units_of_cells
from doorview.share.scene import polygon_edges
from doorview.sight.arrays import squares_of
from doorview.sight.kernels.sightlines import least_crossed


def sightings(rng, spots, doors, each):
    start = np.arange(0, spots * each + 1, each)
    door = np.concatenate([rng.choice(doors, each, replace=False) for _ in range(spots)])
    n = len(door)
    cluster_of = rng.integers(-1, 3, doors)
    for i in range(spots):
        rows = slice(start[i], start[i + 1])
        door[rows] = door[rows][np.argsort(cluster_of[door[rows]], kind="stable")]
    return {
        "start": start, "door": door, "variant": rng.integers(0, 2, n).astype(np.int8),
        "distance": rng.uniform(0, 40, n), "bearing": rng.uniform(-180, 180, n),
        "fence": np.where(rng.random(n) < 0.5, np.inf, rng.uniform(1.2, 1.5, n)), "fixed_fence": rng.random(n) < 0.2,
        "car": np.where(rng.random(n) < 0.5, np.inf, rng.random(n)), "planting": rng.random(n) < 0.3,
        "cluster": cluster_of[door],
    }, cluster_of  # fmt: skip


def plain(table, settings, half, fence, occupancy, chance, cluster_of, top, correlation, spot):
    """Return the chance that a spot is in view: theta of each block integrated on a fine grid of its quantiles."""
    seen = []
    for k in range(table["start"][spot], table["start"][spot + 1]):
        d = table["door"][k]
        turn = (table["bearing"][k] - settings["turn"][d] + 180) % 360 - 180
        hidden = fence > 0 and (table["fixed_fence"][k] or fence > table["fence"][k])
        if (
            table["variant"][k] == settings["variant"][d]
            and settings["near"][d] <= table["distance"][k] <= settings["reach"][d]
            and abs(turn) <= half
            and abs(table["bearing"][k]) <= settings["recess"][d]
            and not (settings["planted"][d] and table["planting"][k])
            and not hidden
            and not occupancy > table["car"][k]
        ):
            seen.append(d)
    missed = np.prod([1 - chance[d] for d in seen if cluster_of[d] < 0 or correlation == 0])
    for block in range(3) if correlation else ():
        kept = [chance[d] / top[block] for d in seen if cluster_of[d] == block]
        none = 0.0
        # Polya's urn: of m doors that are kept, none owns one with a product; over all subsets that may be kept.
        for subset in itertools.product([0, 1], repeat=len(kept)):
            weight = np.prod([t if s else 1 - t for t, s in zip(kept, subset, strict=True)])
            urn = [
                ((1 - top[block]) * (1 / correlation - 1) + i) / (1 / correlation - 1 + i) for i in range(sum(subset))
            ]
            none += weight * np.prod(urn)
        missed *= none
    return 1 - missed


def test_chances_against_a_plain_version():
    rng = np.random.default_rng(2)
    spots, doors = 60, 9
    table, cluster_of = sightings(rng, spots, doors, 7)
    settings = {
        "variant": rng.integers(0, 2, doors).astype(np.int8), "turn": rng.choice([-15.0, 0.0, 15.0], doors),
        "recess": rng.choice([37.0, 180.0], doors, p=[0.2, 0.8]), "planted": rng.random(doors) < 0.5,
        "near": rng.uniform(0, 2, doors), "reach": rng.uniform(30, 45, doors),
    }  # fmt: skip
    chance = rng.uniform(0.05, 0.9, doors)
    top = np.array([chance[cluster_of == block].max(initial=1e-9) for block in range(3)])
    some = 0
    for fence, occupancy, correlation in ((0.0, 0.0, 0.0), (1.35, 0.3, 0.0), (1.35, 0.1, 0.2)):
        out = np.empty(spots)
        chances_of_spots(*table.values(), *settings.values(), 110.0, fence, occupancy, chance, top, correlation, out)
        for spot in range(spots):
            exact = plain(table, settings, 110.0, fence, occupancy, chance, cluster_of, top, correlation, spot)
            assert abs(out[spot] - exact) < 1e-12
            some += exact > 0
    assert some > 60


def test_more_doors_of_a_block_than_there_was_room_for():
    n = 150
    ones, none = np.ones(n), np.zeros(n)
    out = np.empty(1)
    chances_of_spots(
        np.array([0, n]), np.arange(n), np.zeros(n, np.int8), ones, none, ones + np.inf, none.astype(bool), ones * 2,
        none.astype(bool), np.zeros(n, np.int64), np.zeros(n, np.int8), none, ones * 180.0, none.astype(bool), none,
        ones * 9.0, 90.0, 0.0, 0.0, ones * 0.01, np.array([0.01]), 0.05, out,
    )  # fmt: skip
    urn = np.prod([(0.99 * 19 + i) / (19 + i) for i in range(n)])
    assert abs(out[0] - (1 - urn)) < 1e-12


def test_single_cells_are_what_lies_under_their_middles():
    """Lowest rank first; of strips alike the nearer line; of polygons alike, and of those like a strip, the earlier."""
    rng = np.random.default_rng(7)
    cell, half, strips, areas = 0.5, 20, 9, 7
    lines = rng.uniform(-10, 10, (strips, 3, 2))
    inner, outer = np.array([0.0, 1.0, 0.0] * 3), np.array([2.0, 2.5, 1.0] * 3)
    strip_rank, polygon_rank = rng.integers(1, 5, strips).astype(np.uint8), rng.integers(1, 6, areas).astype(np.uint8)
    shapes = np.array(
        [shapely.Point(*xy).buffer(r, 5) for *xy, r in rng.uniform([-10, -10, 1], [10, 10, 4], (areas, 3))]
    )
    shapes[0] = shapes[0].difference(shapely.Point(shapes[0].centroid).buffer(0.8))
    edges = polygon_edges(shapes)
    row, column = (item.ravel() for item in np.meshgrid(*[np.arange(-half, half)] * 2, indexing="ij"))
    # Two tiles, west and east: the first holds all, the other the odd ones alone.
    tile = (column >= 0).astype(np.int64)
    held = [(np.arange(n), np.arange(1, n, 2)) for n in (strips, areas)]
    first, ids = [[0, len(a), len(a) + len(b)] for a, b in held], [np.concatenate(pair) for pair in held]
    bounds = shapely.bounds(shapely.linestrings(lines)) + outer[:, None] * [-1, -1, 1, 1]
    out = np.full(len(row), -1, np.int32)
    units_of_cells(
        row, column, cell, tile, np.array(first[0]), ids[0], 3 * np.arange(strips + 1), lines.reshape(-1, 2), inner,
        outer, np.zeros(strips, np.int8), strip_rank, np.arange(1, strips + 1, dtype=np.int32), bounds,
        np.array(first[1]), ids[1], edges.start, edges.edges, polygon_rank,
        np.arange(101, 101 + areas, dtype=np.int32), edges.bounds, out,
    )  # fmt: skip
    middle = shapely.points((column + 0.5) * cell, (row + 0.5) * cell)
    away = shapely.distance(middle[:, None], shapely.linestrings(lines)[None, :])
    inside = shapely.contains(shapes[None, :], middle[:, None])
    wanted = []
    for n in range(len(row)):
        on = [(strip_rank[s], 0, np.float32(away[n, s]), s, s + 1)
              for s in held[0][tile[n]] if inner[s] <= away[n, s] < outer[s]]  # fmt: skip
        on += [(polygon_rank[p], 1, 0.0, p, p + 101) for p in held[1][tile[n]] if inside[n, p]]
        wanted.append(min(on)[-1] if on else 0)
    assert out.tolist() == wanted
    assert len(set(wanted)) > 10


def test_what_is_crossed_against_shapely():
    rng = np.random.default_rng(5)
    walls = rng.uniform(-40, 40, (60, 4))
    walls[:, 2:] = walls[:, :2] + rng.uniform(-12, 12, (60, 2))
    height, drawn = rng.uniform(1.0, 1.8, 60), rng.random(60)
    xy, points = rng.uniform(-40, 40, (80, 2)), rng.uniform(-40, 40, (80, 2))
    lens = rng.choice([1.2, 1.54], 80)
    squares, item = squares_of(walls)
    lines = shapely.linestrings(walls.reshape(-1, 2, 2))
    for value in (np.full(60, np.nan), drawn):
        out = np.empty(80)
        least_crossed(xy, points, np.arange(80), np.arange(80), lens, 1.5, squares, height[item], value[item], out)
        for i in range(80):
            sight = shapely.linestrings([xy[i], points[i]])
            found = [np.inf]
            for w in np.flatnonzero(shapely.intersects(lines, sight)):
                at = shapely.intersection(lines[w], sight)
                part = shapely.distance(shapely.points(xy[i]), at) / sight.length
                level = lens[i] + (1.5 - lens[i]) * part
                if np.isnan(value[w]):
                    found.append(level)
                elif height[w] > level:
                    found.append(value[w])
            assert out[i] == np.inf if min(found) == np.inf else abs(out[i] - min(found)) < 1e-9
