"""The explorer's map, choosers, comparison and table of blocks, as a user works them."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest


@pytest.fixture
def page(demo_run, open_page):
    """Return the demo's explorer, open at desktop size."""
    return open_page(demo_run / "explorer.html")


def pixels(opened):
    """Return the picture of the shares as bytes, after it was drawn anew."""
    opened.run("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return opened.run("() => document.querySelector('.leaflet-dv-shares-pane canvas').toDataURL()")


def test_the_picture_says_what_it_is(page):
    page.run("() => dv.set({level: 'observe', scenario: 'clustered_20', rate: 0.35})")
    text = " ".join(page.page.locator("#map #map-caption").inner_text().split())
    for part in ("Simulated", "fictional", "observe", "35 % of homes, in clusters", "2026-01-01", "OpenStreetMap"):
        assert part in text
    assert "observe" in page.page.locator("#map #map-legend").inner_text()
    page.blameless()


def test_the_slider_recolours_the_map(page):
    page.run("() => dv.set({scenario: 'independent_20', rate: 0.05})")
    few = pixels(page)
    page.run("() => dv.set({rate: 0.8})")
    many = pixels(page)
    page.run("() => dv.set({rate: 0.05})")
    assert few != many
    assert pixels(page) == few


def test_the_search_goes_to_a_street_by_keys_alone(page):
    a_name = page.run(
        """() => {
          const {face_unit: unit, face_name: name} = dv.arrays;
          return dv.header.names[name[unit.findIndex((u, f) => u > 0 && name[f] >= 0)]];
        }"""
    )
    search = page.page.locator("[data-control=search]")
    search.fill(a_name.upper())
    page.page.keyboard.press("Enter")
    unit = page.run("() => dv.state.unit")
    assert unit is not None
    faces = page.run(
        """unit => [...dv.arrays.face_unit].flatMap(
          (u, f) => u === unit ? [dv.header.names[dv.arrays.face_name[f]]] : [])""",
        unit,
    )
    assert a_name in faces
    search.fill("no such street anywhere")
    assert "Nothing of that name" in page.page.locator("#search-note").inner_text()
    page.blameless()


def test_two_scenarios_beside_each_other_by_keys_and_by_pointer(page):
    divider = page.page.locator("#map-divider")
    assert not divider.is_visible()
    page.page.locator("[data-control=compare]").select_option("clustered_20")
    assert divider.is_visible()
    divider.focus()
    alike = pixels(page)
    page.page.keyboard.press("Home")
    assert page.run("() => dv.state.divider") == 0
    right = pixels(page)
    page.page.keyboard.press("End")
    assert page.run("() => dv.state.divider") == 1
    left = pixels(page)
    assert len({alike, left, right}) == 3
    page.page.keyboard.press("PageDown")
    assert page.run("() => dv.state.divider") == pytest.approx(0.9)
    box, map_box = divider.bounding_box(), page.page.locator("#map").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(map_box["x"] + map_box["width"] * 0.4, y, steps=4)
    page.page.mouse.up()
    assert page.run("() => dv.state.divider") == pytest.approx(0.4, abs=0.02)
    # Moving the divider chooses no block and moves no map.
    assert page.run("() => dv.state.unit") is None
    both = page.page.locator("#map-sides").inner_text()
    shares = page.run("() => [dv.share(dv.state.level, dv.state.space, dv.state.rate, dv.state.scenario), "
                      "dv.share(dv.state.level, dv.state.space, dv.state.compare.rate, 'clustered_20')]")  # fmt: skip
    assert [float(found) for found in re.findall(r"([\d.]+)\s%\sin view", both)] == [
        pytest.approx(100 * share, abs=0.051) for share in shares
    ]
    page.blameless()


@pytest.fixture(scope="module")
def given_away(altered):
    """Return the demo's explorer with a scenario that has no rate, and with names that a spreadsheet would run."""

    def change(header):
        header["scenarios"].append(
            {"name": "fixed", "label": "60 given away", "words": "", "kind": "fixed", "rate": None, "sights": True,
             "why_no_slider": "A number is given away, so there is no rate.", "bells": "fixed"}
        )  # fmt: skip
        starts = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", 'a "quote", and more')
        header["names"] = [f"{starts[n % len(starts)]}{n}" for n in range(len(header["names"]))]

    return altered(change)


def test_a_scenario_without_a_rate_turns_the_slider_off_and_says_why(given_away, open_page):
    opened = open_page(given_away / "explorer.html")
    slider = opened.page.locator("[data-control=rate]").first
    assert slider.is_enabled()
    opened.page.locator("[data-control=scenario]").select_option("fixed")
    assert not slider.is_enabled()
    assert "there is no rate" in opened.page.locator("#rate-note").inner_text()
    opened.page.locator("[data-control=scenario]").select_option("independent_20")
    assert slider.is_enabled()
    assert opened.run("() => dv.state.rate") == 0.2


def test_the_csv_holds_every_block_and_no_formula(given_away, open_page):
    opened = open_page(given_away / "explorer.html")
    with opened.page.expect_download() as waiting:
        opened.page.locator("[data-control=csv]").click()
    text = Path(waiting.value.path()).read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == opened.run("() => dv.arrays.unit_homes.length")
    named = opened.run("() => [...dv.arrays.unit_name].map((n) => n < 0 ? null : dv.header.names[n])")
    for row, name in zip(rows, named, strict=True):
        for cell in row.values():
            assert not cell.lstrip().startswith(("=", "+", "-", "@"))
        if name is not None:
            assert row["name"].removeprefix("'") == name
    share = opened.run("() => dv.unitShare(7, 'detect', dv.state.space, dv.state.rate, dv.state.scenario)")
    assert float(rows[7]["share_detect"]) == pytest.approx(share, abs=5.1e-5)
    opened.blameless()


def test_the_table_is_sorted_by_its_heads(page):
    def column(number):
        cells = page.page.locator(f"#blocks tbody tr > :nth-child({number})").all_inner_texts()
        return [float(re.sub(r"[^\d.]", "", cell.replace("under", ""))) for cell in cells if "%" in cell]

    down = column(2)
    assert len(down) > 20
    assert down == sorted(down, reverse=True)
    page.page.locator("#blocks thead th:nth-child(2) button").click()
    up = column(2)
    assert up == sorted(up)
    assert page.page.locator("#blocks thead th:nth-child(2)").get_attribute("aria-sort") == "ascending"
    page.page.locator("#blocks tbody tr:nth-child(3) button").click()
    assert page.run("() => dv.state.unit") is not None


def test_heat_layers_have_a_legend_in_units_and_follow_level_and_rate(page):
    page.page.locator("[data-control=heat]").select_option("views:number")
    legend = page.page.locator("#map-legend")
    assert "doors" in legend.inner_text()
    before = page.run("() => dv.heatCanvas.toDataURL()")
    page.run("() => dv.set({level: 'observe'})")
    pixels(page)
    assert page.run("() => dv.heatCanvas.toDataURL()") != before
    page.page.locator("[data-control=heat]").select_option("views:chance")
    page.run("() => dv.set({rate: 0.3})")
    assert "30 % of homes" in " ".join(legend.inner_text().split())
    page.page.locator("[data-control=opacity]").fill("25")
    pixels(page)
    assert page.run("() => dv.heatCanvas.style.opacity") == "0.25"
    page.page.locator("[data-control=heat]").select_option("thefts")
    assert "reported thefts" in legend.inner_text()
    page.blameless()
