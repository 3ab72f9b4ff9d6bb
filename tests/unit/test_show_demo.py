"""The demo town's own pictures and the README's: what stands in them is what a fresh run finds."""

from __future__ import annotations

import html
import importlib.util
import re

import pandas as pd
import pytest
from PIL import Image

import doorview as dv
from doorview.show.style import SHARE_COLOURS, rgb


@pytest.fixture(scope="module")
def demo(project_root, tmp_path_factory):
    """Return the result of a fresh run of the demo town."""
    return dv.run(project_root / "data" / "demo" / "study.toml", tmp_path_factory.mktemp("run") / "demo")


@pytest.fixture(scope="module")
def readme(project_root):
    """Return the script that makes the README's picture and table."""
    spec = importlib.util.spec_from_file_location("readme_maker", project_root / "docs" / "images" / "readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _texts(path):
    found = re.findall(r"<text[^>]*>(.*?)</text>", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(html.unescape(" ".join(found)).replace("\u00a0", " ").split())


def test_the_readme_has_the_shares_of_a_fresh_run(demo, project_root):
    shares = pd.read_csv(demo.folder / "shares.csv")
    rows = (project_root / "README.md").read_text(encoding="utf-8").split("<!-- table:demo -->")[1].split("<!--")[0]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in rows.strip().splitlines() if "|" in line]
    levels = [re.match(r"\*(\w+)\*", head)[1] for head in table[0][1:]]
    assert levels == ["detect", "observe", "recognise"]
    assert [line[0] for line in table[2:]] == ["5%", "20%", "40%"]
    for rate, *cells in table[2:]:
        for level, cell in zip(levels, cells, strict=True):
            row = shares.query(
                f"scenario == 'independent_{int(rate[:-1]):02}' and level == '{level}' and zoning == 'all'"
                " and space == 'streets_near_homes' and measure == 'area_m2'"
            )
            half = 0.0005 if "." in cell else 0.005  # of the last printed digit
            assert float(cell[:-1]) / 100 == pytest.approx(float(row["share_mean"].iloc[0]), abs=1.001 * half)


def test_the_readme_is_what_its_script_writes(demo, readme, project_root):
    text = (project_root / "README.md").read_text(encoding="utf-8")
    ranges = {name: item.range_m for name, item in demo.levels.items()}
    assert readme.placed(text, readme.table(demo.shares, ranges)) == text


def test_the_readmes_picture_is_light_and_keeps_the_colours_of_the_legend(demo, readme, project_root, tmp_path):
    kept = project_root / "docs" / "images" / "demo.png"
    assert kept.stat().st_size < 400_000
    readme.small(demo.map(tmp_path / "map.png"), tmp_path / "small.png")
    for path in (kept, tmp_path / "small.png"):
        with Image.open(path) as image:
            colours = {colour for _, colour in image.convert("RGB").getcolors(100_000)}
        assert {rgb(colour) for colour in SHARE_COLOURS} <= colours


@pytest.mark.parametrize("detail", [False, True])
def test_a_map_of_the_demo_says_all_that_it_has_to_in_one_system_of_units(demo, tmp_path, detail):
    path = demo.map(tmp_path / "map.svg", detail=detail)
    said = _texts(path)
    for words in ("Simulated cameras", "20% of homes", "2026-01-01", "OpenStreetMap contributors", "no real place"):
        assert words in said
    for level in ("detect", "observe", "recognise"):
        assert f"{level}, up to" in said
    assert "164 ft" in said
    assert not re.search(r"\d m\b", said)
    assert path.stat().st_size < 5_000_000


def test_the_demos_zones_are_named_and_the_doubtful_one_is_hatched(demo, tmp_path):
    said = _texts(demo.map(tmp_path / "map.svg"))
    assert "Weaver Rows" in said
    assert "Lantern Park" in said
    assert "read with care" in said


def test_pictures_never_print_chance_alone(demo, tmp_path):
    """The interval of chance goes nowhere without the range over the assumptions, which pictures do not print yet."""
    assert demo.shares["share_low"].notna().any()
    row = demo.shares.query(
        "scenario == 'independent_20' and level == 'detect' and zoning == 'all' and space == 'streets_near_homes'"
    ).iloc[0]
    said = " ".join([_texts(demo.map(tmp_path / "map.svg")), *demo.headline()])
    for value in (row["share_p05"], row["share_p95"]):
        assert f"{100 * value:.1f}" not in said


def test_the_folders_pictures_are_those_that_are_promised(demo):
    there = sorted(path.name for path in (demo.folder / "maps").iterdir())
    names = [name for name in there if name.endswith(".png")]
    of_thefts = {
        *("hotspots.png", "hotspots_window.png", "prediction.png", "thefts_by_zone.png", "thefts_density.png"),
        *("thefts_per_dwelling.png", "thefts_ratio.png", "thefts_streets.png"),
    }
    assert set(names) == {
        "curve.png",
        *(f"drivers_{name}.png" for name in ("detect", "observe", "recognise", "trigger")),
        *("fairness.png", "fairness_change_giveaway.png", "fairness_change_privacy_zones.png"),
        *(f"fairness_{name}_district_median_income.png" for name in ("groups", "two_variables")),
        "lorenz_district_median_income.png",
        "in_view_detect_independent_20.png",
        "in_view_detect_independent_20_detail.png",
        "partnership.png",
        *("private_ground.png", "private_ground_views.png"),
        "range_curve.png",
        *(
            f"route_profile_{name}.png"
            for name in ("otter_creek_to_the_square", "tumbledown_school_to_town_hall_the_pepperpot")
        ),
        *(
            f"routes_{name}.png"
            for name in ("otter_creek_to_the_square", "tumbledown_school_to_town_hall_the_pepperpot")
        ),
        "street_exposure_detect.png",
        *of_thefts,
    }
    # The demo asks for every picture as SVG too.
    assert there == sorted([*names, *(name.replace(".png", ".svg") for name in names)])
    for name in names:
        with Image.open(demo.folder / "maps" / name) as image:
            said = image.text["Description"]
            if name in of_thefts:
                assert "Reported thefts" in said
                assert "made up" in said
            else:
                assert "Simulated cameras, not real ones." in said
            assert image.width > 1500
