"""One table of scenes, four implementations: the kernel compiled and interpreted, a shapely overlay, and pysovist.

pysovist 0.3 computes exact isovists in plain numpy from the same idea (critical bearings) and shares no code with this
package. Where it gives another answer, the test says which and why; its limits that matter here:

- An observer nearer than 1e-9 m to a wall gets no answer (NaN and a flag). The package takes such a wall as seen edge
  on: it hides nothing. Real doors stand 0.10 m before their facade.
- It knows neither a near radius nor heights: the first is the difference of two of its answers, the second are its
  answers for walls scaled about the camera, so what it proves of heights is the sweep after scaling, not the scaling.
- Critical bearings that lie within 1e-12 rad are one, and two walls whose cross product is at most 1e-12 m2 do not
  cross. Neither shows at 1e-9.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pysovist import Plan, isovist
from shapely_viewsheds import arc_error, array_viewshed_areas

from doorview.sight.arrays import visible_areas
from helpers.brute import scaled, sector_area
from helpers.sight_cases import CAMERA_M, CASES, DELICATE, FIELD, RANGE, TARGET_M, Case, crossing_field, factors_of

QUAD_SEGS = 256
"""Chords a quarter turn of the shapely overlay's arcs."""


def pysovist_area(
    x: float, y: float, heading: float, walls: np.ndarray, range_m: float, field: float, near_m: float = 0.0
) -> float:
    """Visible area [m2] by pysovist; NaN where it takes the observer to stand on a wall."""
    plan = Plan(np.asarray(walls, dtype=float).reshape(-1, 2, 2))
    direction = math.remainder(math.radians(90.0 - heading), math.tau)

    def within(radius: float) -> float:
        view = isovist(plan, (x, y), max_distance=radius, fov=math.radians(field), direction=direction)
        return float(view.metrics["area"])

    return within(range_m) - (within(near_m) if near_m > 0.0 else 0.0)


def by_kernel(case: Case) -> float:
    areas = visible_areas(
        [case.camera],
        [case.heading],
        np.array(case.walls).reshape(-1, 4),
        case.heights,
        case.range_m,
        case.field,
        case.near,
        camera_height_m=CAMERA_M,
        target_height_m=TARGET_M,
    )
    return float(areas[0])


def by_pysovist(case: Case) -> float:
    walls = scaled(*case.camera, np.array(case.walls).reshape(-1, 4), factors_of(case))
    return pysovist_area(0.0, 0.0, case.heading, walls, case.range_m, case.field, case.near)


def by_shapely(case: Case) -> float:
    factors = factors_of(case)
    areas = array_viewshed_areas(
        np.array([case.camera]),
        np.array([case.heading]),
        np.array(case.walls).reshape(-1, 4),
        case.range_m,
        case.field,
        case.near,
        QUAD_SEGS,
        None if factors is None else np.array(factors),
    )
    return float(areas[0])


every_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@every_case
def test_pysovist(case: Case) -> None:
    """The same area; none where the camera lies on a wall, as the module says."""
    area = by_pysovist(case)
    if case.name in DELICATE:
        assert math.isnan(area)
    else:
        assert area == pytest.approx(case.expected, rel=1e-12, abs=1e-12)
        assert area == pytest.approx(by_kernel(case), rel=1e-12, abs=1e-12)


@every_case
def test_shapely_overlay(case: Case) -> None:
    """Short of the exact area by what the chords of arcs cut off, of the far arc and of the near hole."""
    short = arc_error(QUAD_SEGS) * sector_area(case.range_m, case.field)
    over = arc_error(QUAD_SEGS) * sector_area(case.near, case.field) if case.near > 0.0 else 0.0
    assert case.expected - short - 1e-9 <= by_shapely(case) <= case.expected + over + 1e-9


def test_interpreted_kernel() -> None:
    """Without compiling, the same lines give the same areas to 1e-13: compiling reorders no sum."""
    script = (
        "import json, sys; from test_pysovist import by_kernel; from helpers.sight_cases import CASES; "
        "from doorview.sight.kernels.star import sweep; assert not hasattr(sweep, 'py_func'), 'compiled after all'; "
        "print(json.dumps([by_kernel(case) for case in CASES]))"
    )
    here = Path(__file__).resolve().parent
    paths = [str(here), str(here.parent), str(here.parent.parent / "benchmarks")]
    environment = {
        **os.environ,
        "NUMBA_DISABLE_JIT": "1",
        "PYTHONSAFEPATH": "1",
        "PYTHONPATH": os.pathsep.join([*paths, *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    interpreted = json.loads(done.stdout)
    assert interpreted == pytest.approx([by_kernel(case) for case in CASES], rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("field", [FIELD, 360.0])
def test_crossing_field(field: float) -> None:
    """60 cameras among 120 segments that cross at random: the kernel's answer to 1e-11, not to what rays resolve."""
    xy, headings, walls = crossing_field(20_240_611)
    areas = visible_areas(xy, headings, walls, None, RANGE, field)
    expected = [pysovist_area(x, y, heading, walls, RANGE, field) for (x, y), heading in zip(xy, headings, strict=True)]
    assert areas == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize(("field", "name"), [(155.0, "area_sector_155"), (360.0, "area_circle")])
def test_monaco(shared_data: Path, field: float, name: str) -> None:
    """Every fourth camera among the walls near it: pysovist, the kernel and the exact kernel's areas are one."""
    with np.load(shared_data / "reference" / "monaco_cgal.npz") as file:
        cameras, walls, exact = file["cameras"][::4], file["walls"], file[name][::4]
    ends = walls.reshape(-1, 2, 2)
    headings = 90.0 - np.degrees(cameras[:, 2])
    found = []
    for (x, y), heading in zip(cameras[:, :2], headings, strict=True):
        near = ((ends.min(axis=1) <= (x + RANGE, y + RANGE)) & (ends.max(axis=1) >= (x - RANGE, y - RANGE))).all(axis=1)
        found.append(pysovist_area(x, y, heading, walls[near], RANGE, field))
    assert found == pytest.approx(exact, rel=1e-9)
    assert found == pytest.approx(visible_areas(cameras[:, :2], headings, walls, None, RANGE, field), rel=1e-9)
