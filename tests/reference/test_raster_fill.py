"""Painting of polygons against GDAL's own, which also takes a cell by its centre."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray
from rasterio import Affine

from doorview.city.model import City
from doorview.share.kernels.paint import paint_polygons
from doorview.share.scene import polygon_edges


def painted(shapes: NDArray[np.object_], window: NDArray[np.int64], cell: float) -> NDArray[np.int32]:
    """Number of the first polygon that holds each cell, from 1; 0 where none does."""
    edges = polygon_edges(shapes)
    ids = np.arange(len(shapes))
    rank, unit = np.full(window[[1, 3]], 255, np.uint8), np.zeros(window[[1, 3]], np.int32)
    ranks, units = np.zeros(len(ids), np.uint8), (ids + 1).astype(np.int32)
    paint_polygons(window, cell, ids, edges.start, edges.edges, ranks, units, rank, unit)
    return unit


def burnt(shapes: NDArray[np.object_], window: NDArray[np.int64], cell: float) -> NDArray[np.int32]:
    """The same by GDAL: what is burnt last stays, rows go southward."""
    row0, rows, col0, columns = (int(value) for value in window)
    frame = Affine(cell, 0.0, col0 * cell, 0.0, -cell, (row0 + rows) * cell)
    numbered = [(shape, n + 1) for n, shape in enumerate(shapes)][::-1]
    return rasterio.features.rasterize(numbered, (rows, columns), transform=frame, dtype="int32")[::-1]


def test_rings_holes_and_parts() -> None:
    """Random stars with holes, in pairs, on both sides of the origin."""
    rng = np.random.default_rng(12)
    shapes = []
    for _ in range(30):
        angle = np.sort(rng.uniform(0.0, 2.0 * np.pi, 11))
        spoke = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(3.0, 14.0, (11, 1))
        star = shapely.make_valid(shapely.Polygon(spoke + rng.uniform(-45.0, 45.0, 2)))
        holed = star.difference(star.centroid.buffer(1.7))
        shapes.append(shapely.union(holed, shapely.box(*(holed.bounds[0] + np.array([-9.1, 0.2, -7.3, 1.9])))))
    for cell in (0.25, 0.5, 1.0):
        size = int(120 / cell)
        window = np.array([-size // 2, size, -size // 2, size], np.int64)
        ours, theirs = painted(np.array(shapes), window, cell), burnt(np.array(shapes), window, cell)
        assert len(np.unique(theirs)) > 20
        assert np.array_equal(ours, theirs)


def test_real_footprints(shared_data: Path) -> None:
    """All buildings of a suburb, at the coordinates of its UTM zone."""
    city = City.from_extract(shared_data / "baltimore_county_md" / "clip_randallstown_small_sorted.osm.pbf")
    west, south, east, north = np.floor(city.buildings.total_bounds / 0.5).astype(np.int64)
    window = np.array([south - 1, north - south + 3, west - 1, east - west + 3], np.int64)
    shapes = city.buildings.geometry.to_numpy()
    ours, theirs = painted(shapes, window, 0.5), burnt(shapes, window, 0.5)
    assert len(np.unique(theirs)) > 900
    assert np.array_equal(ours, theirs)
