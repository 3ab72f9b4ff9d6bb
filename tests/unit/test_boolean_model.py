"""A town without walls, its doors strewn at random: the Boolean model, whose shares in view are known.

Where sectors of area a stand at the points of a Poisson process of density d, the number of them that see a spot is
Poisson with mean d a: in view is 1 - exp(-d a) of the ground (Hall 1988, Introduction to the Theory of Coverage
Processes), and as much of any path (Ram, Manjunath, Iyer and Yogeshwaran 2007, IEEE Transactions on Mobile Computing
6(5):446-458). It does not hold for doorbells, which face streets. Owners drawn independently thin the doors: density
times rate.
"""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.city.classes import RANK
from doorview.city.ground import Ground
from doorview.ownership.scenario import Scenario, draw_owners
from doorview.share.rows import set_rows
from doorview.share.simulate import simulated_shares
from doorview.share.summary import counts_table, curve_table
from doorview.sight.levels import Level
from helpers.town import CRS, Covered, Town, covered, on_grain

FIELD = math.radians(155.0)
LEVEL = Level("open", "", 13.7, 0.6, 155.0, 1.5, "")
AREA = FIELD / 2.0 * (LEVEL.range_m**2 - LEVEL.near_m**2)
"""Of one view [m2]."""
SIDE = 150.0
DENSITY = 1.2 / AREA
"""Doors per m2: a spot lies in 1.2 views on average."""
TOWNS = 100


def open_plane(seed: int) -> Town:
    """A square of public ground with two bent paths, doors in it and around it as far as cameras see."""
    rng = np.random.default_rng(seed)
    around = SIDE / 2.0 + 15.0
    number = rng.poisson(DENSITY * (2.0 * around) ** 2)
    doors = gpd.GeoDataFrame(
        {"heading": rng.uniform(0.0, 360.0, number), "dwellings": np.ones(number, np.int32)},
        geometry=shapely.points(on_grain(rng.uniform(-around, around, (number, 2)))),
        index=pd.Index([f"w{1000 + n}@1" for n in range(number)], name="door"),
        crs=CRS,
    )
    square = shapely.box(-SIDE / 2.0, -SIDE / 2.0, SIDE / 2.0, SIDE / 2.0)
    ground = gpd.GeoDataFrame(
        {"class": ["park"], "rank": [float(RANK["park"])], "face": [-1], "osm_id": [""], "name": [None]},
        geometry=[square],
        crs=CRS,
    )
    paths = [shapely.LineString(on_grain(p)) for p in ([(-74, -60), (3, 12), (73, 5)], [(-20, -74), (14, 2), (-9, 74)])]
    lines = gpd.GeoDataFrame(
        {"space": "centreline", "offset_m": 0.0, "face": [0, 1], "osm_id": ["w0", "w1"]}, geometry=paths, crs=CRS
    )
    columns = ["class", "rank", "inner_m", "outer_m", "side", "face", "osm_id"]
    strips = gpd.GeoDataFrame(pd.DataFrame(columns=columns, dtype=object), geometry=[], crs=CRS)
    faces = gpd.GeoDataFrame({"name": ["a", "b"]}, geometry=paths, crs=CRS)
    far_wall = gpd.GeoDataFrame(
        {"height_m": [np.nan]}, geometry=[shapely.box(900, 900, 901, 901)], index=["w1"], crs=CRS
    )
    zones = gpd.GeoDataFrame({"zoning": ["half"], "zone": ["west"]}, geometry=[shapely.box(-75, -75, 0, 75)], crs=CRS)
    return Town(doors, far_wall, Ground(faces, strips, ground, lines, {}), zones, square)


@pytest.fixture(scope="module")
def planes() -> list[Covered]:
    return [covered(open_plane(seed), levels=(LEVEL,)) for seed in range(TOWNS)]


def in_view(plane: Covered, rate: float) -> dict[str, float]:
    table = curve_table(plane.coverage, plane.outputs, plane.doors, [rate])
    return table[table["zone"] == "all"].set_index("space")["share_mean"].to_dict()


@pytest.mark.parametrize("rate", [0.1, 0.4, 1.0])
def test_covered_path_is_covered_area_is_the_boolean_model(planes, rate):
    """Within four standard errors over 100 planes, and those below 1 point."""
    wanted = 1.0 - math.exp(-rate * DENSITY * AREA)
    found = {space: np.array([in_view(plane, rate)[space] for plane in planes]) for space in ("park", "centreline")}
    for shares in found.values():
        error = shares.std(ddof=1) / math.sqrt(TOWNS)
        assert error < 0.01
        assert abs(shares.mean() - wanted) < 4.0 * error
    apart = found["centreline"] - found["park"]
    assert abs(apart.mean()) < 4.0 * apart.std(ddof=1) / math.sqrt(TOWNS)


def test_doors_that_see_a_spot_are_poisson(planes):
    """Shares of ground by number of doors, each within four standard errors."""
    tables = [
        counts_table(plane.coverage, plane.outputs).query("zone == 'all' and space == 'park'") for plane in planes
    ]
    for k in range(5):
        shares = np.array([t.loc[t["k"] == k, "amount"].sum() / t["amount"].sum() for t in tables])
        wanted = math.exp(-DENSITY * AREA) * (DENSITY * AREA) ** k / math.factorial(k)
        assert abs(shares.mean() - wanted) < 4.0 * shares.std(ddof=1) / math.sqrt(TOWNS)


def test_simulated_owners_follow_it_too(planes):
    """64 replicates of each plane; planes are independent, replicates of one are not: errors are over planes."""
    scenario, means = Scenario("r", rate=0.5), []
    for seed, plane in enumerate(planes):
        doors = plane.doors
        owners = draw_owners(scenario, doors.key, doors.dwellings, doors.inside, seed, 1)
        rows = set_rows(plane.coverage, plane.outputs)
        means.append(simulated_shares(rows, owners)[0, rows.output_number("park")].mean())
    error = np.std(means, ddof=1) / math.sqrt(TOWNS)
    assert abs(np.mean(means) - (1.0 - math.exp(-0.5 * DENSITY * AREA))) < 4.0 * error
