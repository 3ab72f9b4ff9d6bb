"""What a request counts, by hand: areas, limits of the tools that police had, owners asked and those who cannot see."""

from __future__ import annotations

import json
import math
import shutil
import subprocess

import pytest

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed: it runs the page's asked.js alone")


@pytest.fixture
def ask(project_root, tmp_path):
    """Return a function that evaluates JavaScript beside sight.js and asked.js, and returns what it gives."""
    folder = project_root / "coverage" / "doorview" / "show" / "explorer" / "page"

    def asked(code: str):
        script = tmp_path / "run.js"
        script.write_text(
            f"require({json.dumps(str(folder / 'sight.js'))}); require({json.dumps(str(folder / 'asked.js'))});\n"
            f"console.log(JSON.stringify((() => {{ {code} }})()));",
            encoding="utf-8",
        )
        done = subprocess.run([NODE, str(script)], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return asked


def test_areas_and_what_lies_in_them(ask):
    found = ask(
        """const hook = {kind: "polygon", xy: [[0, 0], [3000, 0], [3000, 1000], [1000, 1000], [1000, 3000], [0, 3000]]};
        const circle = {kind: "circle", x: 500, y: 500, r: 1000};
        return {hook: dv.asked.areaM2(hook), circle: dv.asked.areaM2(circle), middle: dv.asked.middle(hook),
          turned: dv.asked.areaM2({kind: "polygon", xy: hook.xy.slice().reverse()}),
          inside: [[500, 500], [2500, 500], [500, 2500], [2000, 2000], [-1, 500]]
            .map(([x, y]) => dv.asked.inside(hook, x, y)),
          round: [[1500, 500], [1501, 500]].map(([x, y]) => dv.asked.inside(circle, x, y))};"""
    )
    assert found["hook"] == found["turned"] == 500.0
    assert found["circle"] == pytest.approx(math.pi * 100)
    # 300 m2 about (15, 5) and 200 m2 about (5, 20).
    assert found["middle"] == [1100, 1100]
    assert found["inside"] == [True, True, True, False, False]
    assert found["round"] == [True, False]


def test_the_limits_are_those_of_each_time(ask):
    found = ask(
        """const of = (name) => dv.asked.presets.find((item) => item.name === name);
        const round = (metres) => ({kind: "circle", x: 0, y: 0, r: metres * 100});
        const ask = (name, metres, minutes) => dv.asked.faults(of(name), round(metres), minutes).length;
        return {names: dv.asked.presets.map((item) => item.name), dates: dv.asked.presets.map((item) => item.dates),
          public: [ask("public", 142, 60), ask("public", 144, 60), ask("public", 642, 60), ask("public", 645, 60),
                   ask("public", 300, 14), ask("public", 300, 15), ask("public", 300, 720), ask("public", 300, 721)],
          email: [ask("email", 50, 5), ask("email", 645, 60), ask("email", 50, 721)],
          free: [ask("community", 5, 1), ask("community", 5000, 10000), ask("map", 5000, 10000)]};"""
    )
    assert found["names"][0] == "community"
    assert all(any(year in dates for year in ("2018", "2021", "2025")) for dates in found["dates"])
    # 0.025 square miles are a circle of 144 m, 0.5 of 642 m.
    assert found["public"] == [1, 0, 0, 1, 1, 0, 0, 1]
    assert found["email"] == [0, 1, 1]
    assert found["free"] == [0, 0, 0]


COUNT = """
const header = {levels: [{name: "detect", range_m: 28, near_m: 0, field_of_view_degrees: 180, target_height_m: 1.5}],
  scenarios: [{name: "a", bells: "binomial", rate: 0.2}, {name: "given", bells: "fixed", rate: null}]};
const arrays = {
  // Two doors look at the spot, one turns its back, one lies behind a wall, one lies out of the area but sees it.
  door_xy: Int32Array.from([0, 0, 1000, 0, 2000, 0, -1000, 0, 0, 2500]),
  door_heading: Uint16Array.from([0, 0, 18000, 0, 18000]),
  door_lens_m: Float32Array.from([1.2, 1.2, 1.2, 1.2, 1.2]),
  door_unit: Int32Array.from([0, 0, 0, 1, 1]), unit_doors: Uint32Array.from([3, 2]),
  unit_homes: Uint32Array.from([9, 2]),
  wall_xy: Int32Array.from([-900, 300, -500, 300]), wall_height_m: Float32Array.from([Infinity])};
dv.sight.index(header, arrays);
dv.bells = (unit) => [[1, 2], [0, 1]][unit];
const area = {kind: "polygon", xy: [[-1500, -500], [2500, -500], [2500, 500], [-1500, 500]]};
const ask = (scenario) => dv.asked.count(header, arrays,
  {area, spot: [0, 1000], level: 0, rate: 0.2, scenario, portalShare: 0.5});
return [ask(0), ask("given")];
"""


def test_who_is_asked_and_could_not_have_seen(ask):
    plain, given = ask(COUNT)
    assert (plain["doors"], plain["seeing"], plain["seeingInArea"]) == (4, 3, 2)
    # Three homes behind each door of the first unit, one behind that of the second.
    assert plain["homes"] == pytest.approx(10)
    assert plain["owners"] == pytest.approx(0.8)
    assert plain["asked"] == pytest.approx(0.4)
    assert plain["askedCannot"] == pytest.approx(0.2)
    # A given number of doorbells: half way between the ends of its range, over the doors of the unit.
    assert given["owners"] == pytest.approx(3 * 0.5 + 0.25)
    assert given["askedCannot"] == pytest.approx(0.5 * (0.5 + 0.25))
