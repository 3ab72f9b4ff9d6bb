"""Views over a surface against GDAL's viewshed, where both apply: one observer on a sample, no curvature, 30 m.

GDAL (`gdal_viewshed`, Wang, Robinson and White 2000) does not follow sight lines: it carries, from ring to ring of
cells, the lowest height that would be seen, and interpolates that between two neighbours. Along the four axes that is
the straight line over the same straight edges, so there all cells must agree. Elsewhere a cell may differ where its
line all but touches the surface; each such cell is shown to be one.
"""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio

from doorview.sight.rasters import read_terrain
from doorview.sight.terrain import terrain_visible
from helpers.terrain import excess, random_surface, write_raster

SIDE = 81
X0, Y0 = 400_000.5, 4_300_000.5
OBSERVER = (X0 + 40.0, Y0 + 40.0)
LENS, TARGET, RANGE = 1.2, 1.5, 29.5
"""[m]; half a cell short of the distance that GDAL is given."""
DIFFER = 0.03
"""Share of cells that may differ: 0.001, 0.023, 0.008 and 0.010 of 2,733 do on the four surfaces below (GDAL 3.6.2)."""
NEAR_M = 0.25
"""How nearly their lines touch: 0.06, 0.13, 0.09 and 0.18 m at most, where the steepest cells rise by 0.7 to 2.1 m."""


@pytest.fixture(scope="module")
def viewshed() -> str:
    command = shutil.which("gdal_viewshed")
    if command is None:
        pytest.skip("gdal_viewshed is not on PATH (Debian and Ubuntu: gdal-bin); rasterio does not bring it")
    return command


@pytest.mark.parametrize(("seed", "smooth", "rise"), [(4, 3, 3.0), (1, 3, 6.0), (2, 6, 10.0), (3, 12, 15.0)])
def test_the_same_cells_as_gdal(tmp_path: Path, viewshed: str, seed: int, smooth: int, rise: float) -> None:
    z = random_surface(seed, SIDE, SIDE, rise, smooth)
    path = write_raster(tmp_path / "surface.tif", z, X0, Y0, 1.0)
    options = {"-cc": 0, "-ox": OBSERVER[0], "-oy": OBSERVER[1], "-oz": LENS, "-tz": TARGET, "-md": 30}
    words = [str(word) for pair in options.items() for word in pair]
    subprocess.run([viewshed, "-q", *words, str(path), str(tmp_path / "seen.tif")], check=True, capture_output=True)
    with rasterio.open(tmp_path / "seen.tif") as file:
        gdal = file.read(1)[::-1] == 255
        left, bottom = file.bounds.left, file.bounds.bottom
    points = np.stack(
        np.meshgrid(left + 0.5 + np.arange(gdal.shape[1]), bottom + 0.5 + np.arange(gdal.shape[0])), axis=-1
    )
    terrain = read_terrain(path, (X0, Y0, X0 + SIDE - 1, Y0 + SIDE - 1), "EPSG:32618")
    ours = terrain_visible(np.array(OBSERVER), points, terrain, LENS, TARGET, clear_m=0.0)

    away = points - np.array(OBSERVER)
    asked = np.hypot(away[..., 0], away[..., 1]) <= RANGE
    assert asked.sum() == 2733  # points of the lattice in a circle of 29.5: nothing of it is out of either raster
    differ = asked & (ours != gdal)
    axes = asked & ((away[..., 0] == 0.0) | (away[..., 1] == 0.0))
    assert axes.sum() == 4 * 29 + 1
    assert not (differ & axes).any()
    assert differ.sum() <= DIFFER * asked.sum()
    eye = z[40, 40] + LENS
    for j, i in np.argwhere(differ):
        x, y = points[j, i]
        aim = z[math.floor(y - Y0 + 0.5), math.floor(x - X0 + 0.5)] + TARGET
        assert abs(excess(z, X0, Y0, 1.0, (*OBSERVER, eye), (x, y, aim))) < NEAR_M
    if rise > 3.0:
        assert 0.05 * asked.sum() < (asked & ~gdal).sum() < 0.95 * asked.sum()
