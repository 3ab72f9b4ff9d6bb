"""Block faces with few homes joined to neighbours: against a slow greedy joining, and what is published of them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.share.face_groups import SMALLEST_GROUP, face_groups, homes_by_face


def faces_of(*rows: tuple[list[tuple[float, float]], str | None]) -> gpd.GeoDataFrame:
    names = pd.Series([name for _, name in rows], dtype=object)
    return gpd.GeoDataFrame({"name": names}, geometry=[shapely.LineString(xy) for xy, _ in rows], crs=32618)


def slow_groups(faces: gpd.GeoDataFrame, homes: np.ndarray, counted: np.ndarray) -> list[int]:
    """Join by the words of `face_groups`, with every pair of faces looked at every time."""
    shapes, names = list(faces.geometry), [name if isinstance(name, str) else None for name in faces["name"]]
    groups = [{face} for face in range(len(shapes))]
    stuck: list[set[int]] = []
    while True:
        small = [g for g in groups if 0 < sum(homes[f] for f in g) < SMALLEST_GROUP and g not in stuck]
        if not small:
            break
        one = min(small, key=lambda g: (sum(homes[f] for f in g), min(g)))
        best = None
        for mine in one:
            for face in range(len(shapes)):
                if face in one or not counted[face] or homes[face] == 0:
                    continue
                same = names[mine] is not None and names[mine] == names[face]
                key = (round(shapes[mine].distance(shapes[face]), 2), not same, face)
                best = key if best is None or key < best else best
        if best is None:
            stuck.append(one)
            continue
        other = next(g for g in groups if best[2] in g)
        groups.remove(other)
        one |= other
    found = [-1] * len(shapes)
    for group in groups:
        for face in group:
            found[face] = -1 if group in stuck else min(group)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_groups_are_those_of_a_slow_joining(seed):
    rng = np.random.default_rng(seed)
    columns, size = 7, 90.0
    rows = []
    for x in range(columns):
        for y in range(columns):
            # A grid of streets with gaps: some faces touch, others lie apart.
            if rng.random() < 0.5:
                rows.append(([(x * size, y * size), ((x + 1) * size, y * size)], f"Row {y}" if y % 3 else None))
            if rng.random() < 0.3:
                rows.append(([(x * size, y * size), (x * size, (y + 1) * size)], f"Column {x}"))
    faces = faces_of(*rows)
    counted = rng.random(len(rows)) < 0.9
    homes = np.where(counted, rng.choice([0, 0, 1, 2, 4, 5, 12], len(rows)), 0)
    found = face_groups(faces, homes, counted)
    assert found.tolist() == slow_groups(faces, homes, counted)
    total = pd.Series(homes).groupby(found).sum()
    assert not total[total.index >= 0].between(1, SMALLEST_GROUP - 1).any()


def test_the_nearest_along_the_same_street_is_joined_first():
    faces = faces_of(
        ([(0, 0), (100, 0)], "Elm Street"),
        ([(100, 0), (100, 100)], "Oak Street"),
        ([(100, 0), (200, 0)], "Elm Street"),
        ([(0, 40), (90, 40)], "Elm Street"),
    )
    everywhere = np.ones(4, bool)
    assert face_groups(faces, np.array([2, 9, 9, 9]), everywhere).tolist() == [0, 1, 0, 3]
    # Without counted ground there is nothing to be joined to: the touching street is next.
    counted = np.array([True, True, False, True])
    assert face_groups(faces, np.array([2, 9, 0, 9]), counted).tolist() == [0, 0, 2, 3]
    # Faces without homes, or with enough of them, stand alone; where all homes are too few, nothing is published.
    assert face_groups(faces, np.array([0, 5, 0, 6]), everywhere).tolist() == [0, 1, 2, 3]
    assert face_groups(faces, np.array([1, 1, 0, 2]), everywhere).tolist() == [-1, -1, 2, -1]
    # A face without homes between two with few is passed over.
    assert face_groups(faces, np.array([2, 9, 0, 9]), everywhere).tolist() == [0, 0, 2, 3]


def test_homes_belong_to_the_nearest_counted_face():
    faces = faces_of(([(0, 0), (100, 0)], "A"), ([(0, 50), (100, 50)], "B"), ([(0, 20), (100, 20)], "C"))
    counted = np.array([True, True, False])
    doors = np.array([(10.0, 8.0), (20.0, 22.0), (30.0, 25.0), (40.0, 45.0)])
    homes = homes_by_face(faces, counted, doors, np.array([1, 2, 4, 8]))
    assert homes.tolist() == [1 + 2 + 4, 8, 0]  # equally near to the first two: the first
    assert homes_by_face(faces, np.zeros(3, bool), doors, np.array([1, 2, 4, 8])).tolist() == [0, 0, 0]
    assert homes_by_face(faces, counted, np.zeros((0, 2)), np.zeros(0, np.int64)).tolist() == [0, 0, 0]
