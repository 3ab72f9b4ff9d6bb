"""Sparse rasters: what is written is read back at its place, and what is reduced keeps its mean."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from doorview.show.picture import densest_window, probability_image
from doorview.show.rasters import SparseRaster, filled_blocks, probability_of, write_probability

ROW0, COL0 = 8_700_000, 680_000  # absolute, not multiples of a tile


def _write(path, cells, row0=ROW0, col0=COL0):
    """Write cells (row 0 southmost) through tiles of 1024 aligned to absolute multiples, as the computation does."""
    with SparseRaster(
        path, crs="EPSG:32618", cell_m=0.5, row0=row0, col0=col0, rows=cells.shape[0], cols=cells.shape[1]
    ) as raster:
        whole = np.zeros((raster.rows, raster.cols), np.uint16)
        south, west = row0 - raster.row0, col0 - raster.col0
        whole[south : south + cells.shape[0], west : west + cells.shape[1]] = cells
        stored = 0
        for row in range(0, raster.rows, 1024):
            for col in range(0, raster.cols, 1024):
                stored += raster.write(raster.row0 + row, raster.col0 + col, whole[row : row + 1024, col : col + 1024])
    return stored


@pytest.fixture
def cells():
    rng = np.random.default_rng(3)
    out = np.zeros((1500, 2300), np.uint16)
    out[100:160, 200:330] = rng.integers(0, 5, (60, 130))
    out[1400:1490, 2200:2290] = 65535
    return out


def test_each_cell_is_found_at_its_coordinates(tmp_path, cells):
    _write(tmp_path / "s.tif", cells)
    rng = np.random.default_rng(4)
    with rasterio.open(tmp_path / "s.tif") as source:
        assert source.crs.to_epsg() == 32618
        rows = np.concatenate([rng.integers(0, 1500, 200), rng.integers(100, 160, 200), [1400, 1489]])
        cols = np.concatenate([rng.integers(0, 2300, 200), rng.integers(200, 330, 200), [2200, 2289]])
        points = [((COL0 + c + 0.5) * 0.5, (ROW0 + r + 0.5) * 0.5) for r, c in zip(rows, cols, strict=True)]
        found = np.array([value[0] for value in source.sample(points)])
        assert (found == cells[rows, cols]).all()
        assert source.read(1).sum(dtype=np.int64) == cells.sum(dtype=np.int64)


def test_empty_blocks_are_not_stored_and_read_as_zero(tmp_path, cells):
    stored = _write(tmp_path / "s.tif", cells)
    with rasterio.open(tmp_path / "s.tif") as source:
        assert source.block_shapes == [(512, 512)]
        assert stored == sum(1 for _ in filled_blocks(source)) < 6
        assert source.nodata is None  # no door sees it: a measurement, not a gap
        assert source.width % 1024 == 0
        assert source.height % 1024 == 0


def test_the_directory_stands_before_the_data_and_says_what_it_is(tmp_path, cells):
    _write(tmp_path / "s.tif", cells)
    with rasterio.open(tmp_path / "s.tif") as source:
        # The layout rule of cloud-optimised GeoTIFF: the directory first, then the blocks.
        assert source.get_tag_item("IFD_OFFSET", "TIFF", bidx=1) in ("8", "16")
        assert "OpenStreetMap contributors" in source.tags()["attribution"]
        assert "not real" in source.tags()["simulated"]
        assert source.descriptions == ("doors that see the cell",)
        assert source.units == ("doors",)


def test_tiles_that_would_be_lost_are_refused(tmp_path):
    with SparseRaster(tmp_path / "s.tif", crs="EPSG:32618", cell_m=0.5, row0=0, col0=0, rows=10, cols=10) as raster:
        full = np.ones((1024, 1024), np.uint16)
        with pytest.raises(ValueError, match="lies outside"):
            raster.write(1024, 0, full)
        with pytest.raises(ValueError, match="lies outside"):
            raster.write(0, -1024, full)
        assert raster.write(1024, 0, 0 * full) == 0
        with pytest.raises(ValueError, match="multiple of 512"):
            raster.write(100, 0, full)
        with pytest.raises(ValueError, match="float64"):
            raster.write(0, 0, full.astype(float))


def test_probability_by_number_of_doors():
    assert probability_of(0.5, 3).tolist() == [0, 0.5, 0.75, 0.875]
    assert probability_of(1, 2).tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="between 0 and 1"):
        probability_of(1.2, 3)


def test_written_probability_is_the_formula_cell_by_cell(tmp_path, cells):
    _write(tmp_path / "s.tif", cells)
    write_probability(tmp_path / "p.tif", tmp_path / "s.tif", 0.2)
    with rasterio.open(tmp_path / "s.tif") as seen, rasterio.open(tmp_path / "p.tif") as chance:
        assert chance.transform == seen.transform
        assert np.allclose(chance.read(1), 1 - 0.8 ** seen.read(1).astype(float), atol=1e-7)


@pytest.mark.parametrize(("pixel", "factor"), [(0.5, 1), (0.9, 1), (1.0, 2), (7.9, 8)])
def test_a_picture_holds_the_mean_of_the_cells(tmp_path, cells, pixel, factor):
    _write(tmp_path / "s.tif", cells)
    with rasterio.open(tmp_path / "s.tif") as source:
        whole = 1 - 0.8 ** source.read(1).astype(float)
        box = source.bounds
    image = probability_image(tmp_path / "s.tif", 0.2, tuple(box), pixel)
    assert image.bounds == pytest.approx(tuple(box))
    rows, cols = whole.shape
    assert np.allclose(
        image.values, whole.reshape(rows // factor, factor, cols // factor, factor).mean(axis=(1, 3)), atol=1e-6
    )


def test_a_window_of_the_picture_may_reach_beyond_the_raster(tmp_path, cells):
    _write(tmp_path / "s.tif", cells)
    west, south = (COL0 + 190) * 0.5, (ROW0 + 90) * 0.5
    image = probability_image(tmp_path / "s.tif", 1.0, (west, south, west + 100, south + 50), 0.5)
    assert image.values.sum() == pytest.approx((cells[90:190, 190:390] > 0).sum(), abs=0)
    outside = probability_image(tmp_path / "s.tif", 1.0, (0.0, 0.0, 10.0, 10.0), 0.5)
    assert outside.values.shape == (20, 20)
    assert not outside.values.any()


def test_the_densest_window_is_where_the_homes_are():
    rng = np.random.default_rng(5)
    sparse = rng.uniform(0, 5000, (300, 2))
    crowd = np.array([3200.0, 1100.0]) + rng.uniform(-80, 80, (200, 2))
    west, south, east, north = densest_window(np.concatenate([sparse, crowd, [[9e7, 9e7]]]), 900.0, 600.0)
    assert (east - west, north - south) == pytest.approx((900.0, 600.0))
    assert ((crowd > [west, south]) & (crowd < [east, north])).all()
    # two crowds, a window and a bit apart: not one crowd
    apart = np.array([[0.0, 0.0], [0.0, 10.0], [905.0 + 240.0, 0.0], [905.0 + 240.0, 10.0], [905.0 + 240.0, 20.0]])
    west, _, east, _ = densest_window(apart, 900.0, 600.0)
    assert (west + east) / 2 == pytest.approx(1145.0)
    with pytest.raises(ValueError, match="no points"):
        densest_window(np.empty((0, 2)), 900.0, 600.0)
