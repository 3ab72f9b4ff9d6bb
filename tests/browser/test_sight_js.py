"""The page's sight lines answer as `sees` does, pair by pair, on the same whole centimetres."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess

import geopandas as gpd
import numpy as np
import pytest
import shapely

import doorview as dv
from doorview.sight.levels import level_at

CRS = "EPSG:32618"
CAMERA = dv.camera("ring-video-doorbell-wired")
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed: it runs the page's sight.js alone")

RUN = """
const fs = require("fs");
require(process.argv[2]);
const given = JSON.parse(fs.readFileSync(0, "utf8"));
const arrays = {
  door_xy: Int32Array.from(given.door_xy), door_heading: Uint16Array.from(given.door_heading),
  door_lens_m: Float32Array.from(given.door_lens_m), ring_start: Uint32Array.from(given.ring_start),
  ring_xy: Int32Array.from(given.ring_xy), wall_xy: Int32Array.from(given.wall_xy),
  wall_height_m: Float32Array.from(given.wall_height_m.map((h) => (h === null ? Infinity : h))),
};
if (!dv.sight.index(given.header, arrays)) throw new Error("no doors");
const found = given.header.levels.map((level, number) => given.spots.map(
  ([x, y]) => dv.sight.seeing(x, y, number % 2 ? number : level.name)));
console.log(JSON.stringify(found));
"""


def in_node(project_root, tmp_path, given):
    script = tmp_path / "run.js"
    script.write_text(RUN, encoding="utf-8")
    page = project_root / "coverage" / "doorview" / "show" / "explorer" / "page" / "sight.js"
    done = subprocess.run(
        [NODE, str(script), str(page)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def scene(seed: int, doors: int = 120, houses: int = 60, fences: int = 60):
    """Return doors, obstacles and spots on whole centimetres, and the arrays of the page."""
    rng = np.random.default_rng(seed)
    side = 12_000
    door_xy = rng.integers(0, side, (doors, 2))
    heading = rng.integers(0, 36_000, doors)
    # Single precision is what the page holds: 1.2 m is the catalogue's mount height.
    lens = rng.choice(np.array([1.2, 1.2, 1.55, 2.25, 3.1], np.float32), doors)
    rings, walls, heights, shapes, tops = [], [], [], [], []
    for x, y in rng.integers(0, side, (houses, 2)):
        w, h = rng.integers(400, 1500, 2)
        turn = rng.uniform(0, np.pi)
        corners = np.array([(0, 0), (w, 0), (w, h), (0, h)]) @ [
            [np.cos(turn), np.sin(turn)],
            [-np.sin(turn), np.cos(turn)],
        ]
        ring = np.rint(corners + np.array([x, y])).astype(int)
        ring = np.vstack([ring, ring[:1]])
        rings.append(ring)
        shapes.append(shapely.Polygon(ring / 100))
        tops.append(np.nan)
    for x, y in rng.integers(0, side, (fences, 2)):
        dx, dy = rng.integers(-900, 900, 2)
        top = float(rng.choice(np.array([0.0, 0.9, 1.1, 1.2, 1.35, 1.45, 1.5, 1.8, 2.0, np.inf], np.float32)))
        walls.append((x, y, x + dx, y + dy))
        heights.append(top)
        shapes.append(shapely.LineString([(x / 100, y / 100), ((x + dx) / 100, (y + dy) / 100)]))
        tops.append(top)
    spots = np.vstack([rng.integers(0, side, (300, 2)), door_xy[:5]])
    table = gpd.GeoDataFrame(
        {"heading": heading / 100, "lens_height_m": lens.astype(float)}, geometry=shapely.points(door_xy / 100), crs=CRS
    )
    obstacles = gpd.GeoDataFrame({"height_m": tops}, geometry=shapes, crs=CRS)
    points = gpd.GeoSeries(shapely.points(spots / 100), crs=CRS)
    lengths = np.cumsum([0] + [len(ring) for ring in rings])
    arrays = {
        "door_xy": door_xy.ravel().tolist(),
        "door_heading": heading.tolist(),
        "door_lens_m": lens.astype(float).tolist(),
        "ring_start": lengths.tolist(),
        "ring_xy": np.vstack(rings).ravel().tolist(),
        "wall_xy": np.array(walls).ravel().tolist(),
        "wall_height_m": [None if np.isinf(h) else h for h in heights],
        "spots": spots.tolist(),
    }
    return table, obstacles, points, arrays


def header_of(levels):
    return {
        "levels": [item.as_dict() | {"name": name} for name, item in levels.items()],
        "mount_height_m": CAMERA.mount_height_m,
        "vertical_field_of_view_degrees": CAMERA.vertical_field_of_view_degrees,
    }


@needs_node
@pytest.mark.parametrize("seed", [1, 2])
def test_the_page_sees_what_sees_sees(project_root, tmp_path, seed):
    doors, obstacles, points, arrays = scene(seed)
    levels = {name: dv.level(CAMERA, name) for name in ("detect", "observe", "recognise", "trigger")}
    # A spot on the ground lies below every lens: walls between the two heights hide for a stretch only.
    levels["child"] = dataclasses.replace(dv.level(CAMERA, "detect", target_height_m=1.1), name="child")
    levels["all around"] = dataclasses.replace(levels["observe"], field_of_view_degrees=360.0, name="all around")
    arrays["header"] = header_of(levels)
    found = in_node(project_root, tmp_path, arrays)
    some = 0
    for number, item in enumerate(levels.values()):
        pairs = dv.sees(doors, points, obstacles, CAMERA, item)
        expected = pairs.groupby("point")["door"].apply(sorted).to_dict()
        assert found[number] == [expected.get(spot, []) for spot in range(len(points))]
        some += len(pairs)
    assert some > 1000


@needs_node
def test_where_a_level_begins_for_a_lens_of_another_height(project_root, tmp_path):
    # By a vertical field of view of 90 degrees: a face comes into the picture of a lens at 3.1 m from 1.6 m on.
    item = dv.level(CAMERA, "detect")
    raised = level_at(item, CAMERA, 3.1)
    assert raised.near_m == pytest.approx(1.6)
    given = {
        "header": header_of({"detect": item}), "door_xy": [0, 0], "door_heading": [0], "door_lens_m": [3.1],
        "ring_start": [0], "ring_xy": [], "wall_xy": [], "wall_height_m": [], "spots": [[0, 159], [0, 161]],
    }  # fmt: skip
    assert in_node(project_root, tmp_path, given) == [[[], [0]]]
