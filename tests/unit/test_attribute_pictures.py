"""Pictures of attributes: what has to stand in them does, no text lies over another, colours are told apart by all."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.errors import InputError
from doorview.overlays.inequality import gini, lorenz
from doorview.show import attribute_plots, two_variables_map
from doorview.show.attribute_plots import LorenzLine, groups_plot, lorenz_plot
from doorview.show.maps import MapData
from doorview.show.style import grey, rgb
from doorview.show.text import Caption, LevelNote
from doorview.show.two_variables_map import ECOLOGICAL, TWO_COLOURS, TwoVariables
from doorview.study.attributes_table import ASSUMED_PART, EQUAL_PART

CRS = "EPSG:32614"
LEVELS = [LevelNote("detect", "someone is there", 28.4), LevelNote("observe", "what they wear", 11.4)]
LONG = "long words of data that go on and on " * 20
CAPTION = Caption("demo", "Camera X", "2026-01-01", fictional=True, units="us", attribution="doorview demo")
FULL = replace(
    CAPTION, units="metric", label=f"(fictional) {LONG}", camera=LONG, obstacles=LONG, attribution=LONG, reading=LONG,
    unconfirmed=("field of view", "trigger range"),
)  # fmt: skip


def _boxes(number: int) -> list[shapely.Polygon]:
    return [
        shapely.box(100 * (n % 4), 100 * (n // 4), 100 * (n % 4) + 100, 100 * (n // 4) + 100) for n in range(number)
    ]


def two_variables(*, full: bool = False, thirds: tuple[int, int] = (3, 3)) -> TwoVariables:
    faces = gpd.GeoDataFrame(
        {"name": ["A"], "highway": ["residential"], "share": [0.1]},
        geometry=[shapely.LineString([(0, 50), (400, 50)])], crs=CRS,
    )  # fmt: skip
    base = MapData(
        faces, gpd.GeoDataFrame(geometry=_boxes(1), crs=CRS), LEVELS[0], LONG if full else "20% of homes own one",
        FULL if full else CAPTION, headline=LONG if full else "streets within 164 ft of a home",
        figures=tuple((level, 0.3) for level in LEVELS), boundary=shapely.box(0, 0, 400, 300),
    )  # fmt: skip
    names = [LONG] * 9 if full else [f"<b>${n}" for n in range(9)]
    zones = gpd.GeoDataFrame(
        {
            "name": names, "attribute": np.linspace(31e3, 9e4, 9), "share": np.linspace(0.01, 0.6, 9),
            "attribute_third": np.arange(9) * thirds[0] // 9, "share_third": (np.arange(9) % 3) * thirds[1] // 3,
        },
        geometry=_boxes(9), crs=CRS,
    )  # fmt: skip
    why = [LONG, "no value"] if full else ["fewer than 5 homes", "no value of the attribute"]
    left = gpd.GeoDataFrame({"name": ["x", "y"], "why": why}, geometry=_boxes(11)[9:], crs=CRS)
    return TwoVariables(
        base, zones, left, LONG if full else "median income", LONG if full else "dollars", thirds, "equal ownership"
    )


def shares(groups: int, parts: tuple[str, ...] = (EQUAL_PART, ASSUMED_PART)) -> pd.DataFrame:
    rows = [
        {
            "part": part, "level": level.name, "group": f"{n + 1} of {groups}", "value": 0.1 + 0.02 * n,
            "value_p05": 0.05, "value_p95": 0.3, "value_low": np.nan if n else 0.02, "value_high": np.nan if n else 0.4,
        }
        for part in parts for level in LEVELS for n in range(groups)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def lines() -> list[LorenzLine]:
    amount, homes = np.array([1.0, 5.0, 9.0]), np.array([5, 5, 9])
    curve = lorenz(amount, homes)
    return [LorenzLine(level, assumed, *curve, gini(amount, homes)) for assumed in (False, True) for level in LEVELS]


def draw(name: str, path: Path, *, full: bool = False) -> Path:
    words, caption = (LONG, FULL) if full else ("median income", CAPTION)
    scenario, headline = ("20% of homes own one", "streets") if not full else (LONG, LONG)
    if name == "map":
        return two_variables_map.two_variables_map(path, two_variables(full=full))
    if name == "groups":
        return groups_plot(
            path, shares(5), LEVELS, caption, label=words, scenario=scenario, headline=headline,
            assumption="households own 10% more often" if not full else LONG,
            notes=["1 zone without a value"] * 9 * full,
        )  # fmt: skip
    return lorenz_plot(
        path, lines(), caption, scenario=scenario, headline=headline, zones="tract" if not full else LONG,
        assumption="households own 10% more often" if not full else LONG,
    )  # fmt: skip


def texts(path: Path) -> str:
    said = re.findall(r"<text[^>]*>(.*?)</text>", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(" ".join(said)))


NAMES = ["map", "groups", "lorenz"]


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_says_what_none_goes_without(name, tmp_path):
    said = texts(draw(name, tmp_path / "a.svg"))
    for words in (
        ECOLOGICAL,
        "Simulated cameras, not real ones",
        "20% of homes own one",
        "no such place exists",
        "2026-01-01",
    ):
        assert words in said
    assert "detect" in said
    if name != "map":
        assert "ssumed, not found" in said
        assert "Equal ownership" in said or "equal ownership" in said


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("full", [False, True])
def test_no_text_lies_over_another(name, full, monkeypatch):
    caught = []
    for module in (attribute_plots, two_variables_map):
        monkeypatch.setattr(module, "save", lambda sheet, *_, **__: caught.append(sheet))
    draw(name, Path("none.png"), full=full)
    (sheet,) = caught
    sheet.figure.draw_without_rendering()
    boxes = [(t.get_text(), t.get_window_extent()) for t in sheet.page.texts if t.get_text().strip()]
    page = sheet.figure.bbox
    for text, box in boxes:
        assert page.x0 <= box.x0 <= box.x1 <= page.x1, text
        assert page.y0 <= box.y0 <= box.y1 <= page.y1, text
    for (one, a), (two, b) in combinations(boxes, 2):
        assert a.x0 >= b.x1 or b.x0 >= a.x1 or a.y0 >= b.y1 - 1 or b.y0 >= a.y1 - 1, (one, two)


def test_the_square_shows_both_ways_and_what_is_left_out_is_hatched(tmp_path):
    path = two_variables_map.two_variables_map(tmp_path / "a.svg", two_variables())
    said = texts(path)
    for words in ("more in view →", "more median income", "dollars", "fewer than 5 homes", "no value of the attribute"):
        assert words in said
    assert "pattern" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("thirds", [(2, 2), (3, 2)])
def test_few_zones_have_fewer_classes(thirds, tmp_path):
    assert two_variables_map.two_variables_map(tmp_path / "a.png", two_variables(thirds=thirds)).is_file()


def test_without_zones_or_classes_there_is_no_map(tmp_path):
    with pytest.raises(InputError, match="2 or 3 classes"):
        two_variables_map.two_variables_map(tmp_path / "a.png", replace(two_variables(), thirds=(1, 3)))


def test_without_groups_or_anything_in_view_there_is_no_plot(tmp_path):
    empty = shares(2).assign(value=np.nan)
    with pytest.raises(InputError, match="no groups"):
        groups_plot(tmp_path / "a.png", empty, LEVELS, CAPTION, label="x", scenario="x", headline="x", assumption="")
    nothing = [LorenzLine(LEVELS[0], False, *lorenz([0.0], [1]), float("nan"))]
    with pytest.raises(InputError, match="nothing is in view"):
        lorenz_plot(tmp_path / "a.png", nothing, CAPTION, scenario="x", headline="x", zones="x")


def test_twelve_categories_fit_at_one_level(tmp_path):
    table, words = shares(12, (EQUAL_PART,)), dict.fromkeys(("label", "scenario", "headline", "assumption"), "x")
    said = texts(groups_plot(tmp_path / "a.svg", table, LEVELS, CAPTION, **words))
    assert "12 of 12" in said
    assert "observe" not in said


# --- colours ---------------------------------------------------------------------------------------------------------

# Machado, Oliveira and Fernandes 2009, doi 10.1109/TVCG.2009.113, at full severity: linear RGB as people without red,
# green or blue cones see it.
SEEN = {
    "all": np.eye(3),
    "without red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "without green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "without blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def _lab(colour: str, seen: np.ndarray) -> np.ndarray:
    value = np.array(rgb(colour)) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(xyz @ np.clip(np.asarray(seen) @ linear, 0.003, 1) / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eyes", SEEN)
def test_any_two_classes_are_told_apart(eyes):
    colours = [_lab(colour, SEEN[eyes]) for row in TWO_COLOURS for colour in row]
    assert min(np.linalg.norm(a - b) for a, b in combinations(colours, 2)) >= 15


def test_both_ways_grow_darker():
    lightness = np.array([[grey(colour) for colour in row] for row in TWO_COLOURS])
    for line in (*lightness, *lightness.T):
        assert all(a > b + 4 for a, b in pairwise(line))
