"""The explorer in a browser: what it shows is what the run holds, and it asks nothing of any network."""

from __future__ import annotations

import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import doorview as dv
from doorview.city.doors import find_doors
from doorview.city.obstacles import find_obstacles

SEED = 20260101  # of data/demo/study.toml
SIZES = ["desktop", "phone"]


@pytest.fixture
def page(demo_run, open_page):
    """Return the demo's explorer, open at desktop size."""
    return open_page(demo_run / "explorer.html")


def choose(opened, control, value):
    """Choose by value or label in a control, as a user does."""
    control = opened.page.locator(f"[data-control={control}]").first
    if control.evaluate("node => node.tagName") == "SELECT":
        control.select_option(value)
    else:
        control.fill(str(value))


def slide(opened, percent):
    """Move the slider of ownership."""
    slider = opened.page.locator("[data-control=rate]").first
    slider.evaluate(
        """(node, percent) => {
          const whole = Number(node.max) > 1 ? percent : percent / 100;
          node.value = String(whole);
          node.dispatchEvent(new Event("input", {bubbles: true}));
          node.dispatchEvent(new Event("change", {bubbles: true}));
        }""",
        percent,
    )
    opened.page.wait_for_function("rate => Math.abs(dv.state.rate - rate) < 1e-9", arg=percent / 100)


def set_state(opened, **state):
    opened.run("state => dv.set(state)", state)


def numbered(opened, kind, name):
    """Return a level, space or scenario as the page's state holds it: its number, or its name."""
    held = {"levels": "level", "spaces": "space", "scenarios": "scenario"}[kind]
    if isinstance(opened.run(f"() => dv.state.{held}"), str):
        return name
    return opened.run(f"name => dv.header.{kind}.findIndex(item => item.name === name)", name)


def printed(text):
    """Return the share that a text prints, and half of its last digit."""
    found = re.search(r"([\d.,]+)\s*%", text)
    assert found, f"no percentage in {text!r}"
    digits = found[1]
    places = len(digits.split(".")[1]) if "." in digits else 0
    return float(digits) / 100, 0.5 * 10.0**-places / 100


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["explorer.html", "explorer-light.html"])
def test_it_opens_from_a_file_with_the_network_off(demo_run, open_page, size, name):
    opened = open_page(demo_run / name, size)
    # Every control is drawn, and nothing runs out of the page to the side.
    assert opened.page.locator("[data-control=rate]").first.is_visible()
    assert opened.run("() => document.documentElement.scrollWidth <= window.innerWidth + 1")
    opened.page.wait_for_timeout(300)
    opened.blameless()


def test_the_slider_moves_the_headline_along_the_curve(demo_run, page):
    curve = pd.read_csv(demo_run / "curve.csv").query("zoning == 'all' and measure == 'area_m2'")
    set_state(page, scenario=numbered(page, "scenarios", "independent_20"))
    for level in ("detect", "observe"):
        for space in ("streets_near_homes", "all"):
            set_state(page, level=numbered(page, "levels", level), space=numbered(page, "spaces", space))
            for percent in (0, 1, 20, 37, 100):
                slide(page, percent)
                row = curve.query("level == @level and space == @space").set_index("rate")["share_mean"]
                share, half = printed(page.shown("share"))
                assert share == pytest.approx(row[percent / 100], abs=1.001 * half)
    page.blameless()


def test_the_slider_moves_by_keys(page):
    slider = page.page.locator("[data-control=rate]").first
    slide(page, 20)
    slider.focus()
    page.page.keyboard.press("ArrowRight")
    assert page.run("() => dv.state.rate") == pytest.approx(0.21)
    page.page.keyboard.press("Home")
    assert printed(page.shown("share"))[0] == 0


def faces_on_map(opened):
    """Return the middle [cm] of every block face that is published, with its unit."""
    return opened.run(
        """() => {
          const a = dv.arrays, out = [];
          for (let f = 0; f < a.face_unit.length; f++) {
            const s = a.face_start[f], n = a.face_start[f + 1] - s;
            if (a.face_unit[f] < 0 || n < 2) continue;
            const i = s + Math.floor((n - 1) / 2);
            out.push([f, a.face_unit[f], Math.round((a.face_xy[2 * i] + a.face_xy[2 * i + 2]) / 2),
                      Math.round((a.face_xy[2 * i + 1] + a.face_xy[2 * i + 3]) / 2)]);
          }
          return out;
        }"""
    )


def test_a_click_on_a_block_face_shows_what_the_run_has_of_it(demo_run, page):
    table = gpd.read_file(demo_run / "city.gpkg", layer="block_faces")
    set_state(
        page, scenario=numbered(page, "scenarios", "independent_20"), level=numbered(page, "levels", "detect"),
        space=numbered(page, "spaces", "all"),
    )  # fmt: skip
    slide(page, 20)
    origin = np.array(page.run("() => dv.header.origin"), dtype=float)
    column, checked = "share_detect__independent_20", set()
    for _, unit, x, y in faces_on_map(page)[::29]:
        page.page.mouse.click(*page.at(x, y))
        chosen = page.run("() => dv.state.unit")
        here = shapely.Point(origin + np.array([x, y]) / 100)
        near = table.loc[table.distance(here) < 0.2]
        # Where faces meet, either may be chosen; the one that is shown is judged by the run's own row.
        assert chosen == unit
        row = near[column].dropna()
        if len(row) != 1:
            continue
        assert page.value("block-share") == pytest.approx(float(row.iloc[0]), abs=2e-4)
        share, half = printed(page.shown("block-share"))
        assert share == pytest.approx(float(row.iloc[0]), abs=1.01 * half)
        checked.add(unit)
    assert len(checked) >= 3
    page.blameless()


@pytest.fixture(scope="module")
def town(project_root):
    """Return doors and obstacles of the demo town, found anew."""
    city = dv.City.from_extract(project_root / "data" / "demo" / "demo.osm.pbf")
    return find_doors(city, seed=SEED), find_obstacles(city, "all")


def spot_of(opened, xy_cm, crs):
    origin = np.array(opened.run("() => dv.header.origin"), dtype=float)
    return gpd.GeoSeries([shapely.Point(origin + np.array(xy_cm) / 100)], crs=crs)


def test_sight_lines_from_the_file_are_those_of_sees(page, town):
    doors, obstacles = town
    rng = np.random.default_rng(3)
    faces = np.array([row[2:] for row in faces_on_map(page)])
    spots = faces[rng.integers(0, len(faces), 500)] + rng.integers(-600, 600, (500, 2))
    origin = np.array(page.run("() => dv.header.origin"), dtype=float)
    points = gpd.GeoSeries(shapely.points(origin + spots / 100), crs=doors.crs)
    row_of = {name: number for number, name in enumerate(doors.index)}
    for level in ("detect", "observe"):
        found = page.run(
            "([spots, level]) => spots.map(([x, y]) => dv.sight.seeing(x, y, level))", [spots.tolist(), level]
        )
        pairs = dv.sees(doors, points, obstacles, "ring-video-doorbell-wired", level)
        expected = pairs["door"].map(row_of).groupby(pairs["point"]).apply(sorted).to_dict()
        page_pairs = {(spot, door) for spot, list_ in enumerate(found) for door in list_}
        run_pairs = {(spot, door) for spot, list_ in expected.items() for door in list_}
        assert len(run_pairs) > 100
        # The file rounds to whole centimetres: a sight line that grazes a corner may fall to the other side.
        assert len(page_pairs ^ run_pairs) <= 0.01 * len(run_pairs)


def test_a_drawn_area_counts_what_lies_in_it_and_who_could_see(page, town):
    doors, obstacles = town
    set_state(page, scenario=numbered(page, "scenarios", "independent_20"), level=numbered(page, "levels", "detect"))
    slide(page, 20)
    _, _, x, y = faces_on_map(page)[40]
    middle_x, middle_y = page.at(x, y)
    page.page.locator("[data-control=draw]").click()
    page.page.locator("#map").scroll_into_view_if_needed()
    middle_x, middle_y = page.screen(x, y)
    for dx, dy in ((-90, -70), (95, -60), (80, 75), (-85, 80)):
        page.page.mouse.click(middle_x + dx, middle_y + dy)
    page.page.locator("[data-control=draw-finish]").click()
    area = page.run("() => dv.request.area()")
    origin = np.array(page.run("() => dv.header.origin"), dtype=float)
    drawn = shapely.Polygon(origin + np.array(area["xy"]) / 100)
    inside = doors.loc[doors.within(drawn)]
    assert len(inside) >= 5
    assert page.value("doors-in-area") == len(inside)
    assert page.value("homes-in-area") == inside["dwellings"].sum()
    assert page.value("area") == pytest.approx(drawn.area, rel=1e-6)
    spot = gpd.GeoSeries([drawn.centroid], crs=doors.crs)
    seeing = set(dv.sees(doors, spot, obstacles, "ring-video-doorbell-wired", "detect")["door"])
    assert page.value("can-see") == len(seeing)
    # Half of the owners are on the portal, one in five doors owns one, one in ten answers.
    portal, response = 0.5, 0.1
    choose(page, "portal-share", 50)
    choose(page, "response", 10)
    assert page.value("asked") == pytest.approx(len(inside) * 0.2 * portal)
    assert page.value("asked-cannot-see") == pytest.approx(len(set(inside.index) - seeing) * 0.2 * portal)
    assert page.value("answers") == pytest.approx(len(inside) * 0.2 * portal * response)
    choose(page, "minutes", 90)
    assert page.value("video") == pytest.approx(len(inside) * 0.2 * portal * 1.5)
    page.blameless()


def test_a_circle_needs_no_mouse_and_public_requests_keep_their_limits(page):
    set_state(page, unit=faces_on_map(page)[10][1])
    choose(page, "radius", 100)
    button = page.page.locator("[data-control=circle]")
    button.focus()
    page.page.keyboard.press("Enter")
    metres = 100 * (0.3048 if page.run("() => dv.header.units") == "us" else 1.0)
    assert page.value("area") == pytest.approx(np.pi * metres**2, rel=1e-3)
    choose(page, "preset", "public")
    # 0.025 square miles are a circle of 144 m: this one is too small, and nothing is counted for it.
    status = page.page.locator("#portal-request [role=status]")
    assert "too small" in status.inner_text()
    assert not page.page.locator("[data-figure=asked]").is_visible()
    assert "June 2021" in page.page.locator("#portal-request").inner_text()
    choose(page, "radius", 150 if metres == 100 else 490)
    assert page.page.locator("[data-figure=asked]").is_visible()
    choose(page, "minutes", 14)
    assert "too short" in status.inner_text()
    choose(page, "minutes", 15)
    assert page.page.locator("[data-figure=asked]").is_visible()
    choose(page, "minutes", 721)
    assert "too long" in status.inner_text()
    choose(page, "preset", "community")
    assert page.page.locator("[data-figure=asked]").is_visible()


def test_an_area_by_keys_alone(page):
    page.page.locator("[data-control=draw]").focus()
    page.page.keyboard.press("Enter")
    for dx, dy in ((0, 0), (20_000, 0), (20_000, 20_000)):
        page.run("([x, y]) => { const c = dv.fromMap(dv.map.getCenter()); dv.map.setView(dv.toMap(c[0] + x, c[1] + y), "
                 "dv.map.getZoom(), {animate: false}); }", [dx, dy])  # fmt: skip
        page.page.locator("[data-control=draw-corner]").focus()
        page.page.keyboard.press("Enter")
    page.page.locator("[data-control=draw-finish]").focus()
    page.page.keyboard.press("Enter")
    assert len(page.run("() => dv.request.area().xy")) == 3


def test_a_spot_tells_the_sides_it_could_be_seen_from(page, town):
    doors, obstacles = town
    set_state(page, level=numbered(page, "levels", "detect"))
    _, _, x, y = faces_on_map(page)[40]
    page.at(x, y)
    page.page.locator("[data-control=spot]").click()
    page.page.locator("#map").scroll_into_view_if_needed()
    page.page.mouse.click(*page.screen(x, y))
    spot = page.run("() => dv.state.spot")
    place = spot_of(page, spot, doors.crs)
    seen = dv.sees(doors, place, obstacles, "ring-video-doorbell-wired", "detect")
    assert page.value("spot-doors") == len(seen) > 0
    # The bearing is from the door to the spot: the door lies on the other side.
    side = (((seen["bearing_degrees"] + 180 + 45) % 360) // 90).astype(int)
    for number, name in enumerate(("north", "east", "south", "west")):
        assert page.value(f"spot-{name}") == (side == number).sum()


def test_a_link_brings_the_view_back(demo_run, open_page, page):
    set_state(page, unit=faces_on_map(page)[10][1], level=numbered(page, "levels", "observe"))
    slide(page, 33)
    page.page.wait_for_timeout(800)
    fragment = page.run("() => location.hash")
    assert len(fragment) > 1
    again = open_page(demo_run / "explorer.html", fragment=fragment)
    for name in ("unit", "level", "rate", "space", "scenario"):
        assert again.run(f"() => dv.state.{name}") == page.run(f"() => dv.state.{name}"), name
    assert again.shown("share") == page.shown("share")
    assert again.shown("block-share") == page.shown("block-share")
    again.blameless()


def test_walks_are_those_of_the_layer_and_grey_at_a_rate_they_are_not_computed_for(page, demo_run):
    layer = gpd.read_file(demo_run / "city.gpkg", layer="street_exposure")
    set_state(page, layer="walks", level="detect")
    name, rate = page.run("() => [dv.state.scenario, dv.state.rate]")
    assert name in page.run("() => dv.header.walks.scenarios")
    held = np.array(page.run("([name, rate]) => Array.from(dv.walkShares(name, rate))", [name, rate]))
    scale = page.run("() => dv.header.walks.scale")
    assert held[held <= scale] / scale == pytest.approx(layer["share_detect"].dropna().to_numpy(), abs=1e-5)
    legend = page.page.locator("#map-legend")
    assert "walk" in legend.inner_text()
    assert "not safety advice" in legend.inner_text()
    before = page.page.screenshot()
    slide(page, 63)
    assert page.run("() => dv.walkShares(dv.state.scenario, dv.state.rate)") is None
    assert "no figure" in legend.inner_text()
    assert page.page.screenshot() != before
    page.blameless()


def test_the_light_page_has_no_walks(demo_run, open_page):
    light = open_page(demo_run / "explorer-light.html")
    assert light.run("() => dv.baseLayers().map(item => item.name)").count("walks") == 0
    assert light.run("() => Object.keys(dv.arrays).filter(name => name.startsWith('walk_')).length") == 0
