"""Pictures of reported thefts: what has to stand in them does, what is not fit to publish is refused."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image
from pyproj import Transformer

from doorview.demo.town import CRS, Town, make_town
from doorview.errors import InputError
from doorview.overlays.kde import Surface, kde_scores, kernel_density
from doorview.overlays.network_kde import network_density, street_network
from doorview.overlays.prediction import Prediction, predict
from doorview.overlays.ratio import window_ratio
from doorview.overlays.surface_grid import surface_grid
from doorview.overlays.surface_support import peak_per_km2, rests_on_few
from doorview.overlays.time_classes import CLASSES, hot_spot_classes
from doorview.overlays.zone_rates import publish_zone_rates, windows_of, zone_rates
from doorview.show import (
    theft_drawing,
    theft_maps,
    theft_plot,
    theft_rates_map,
    theft_ratio_map,
    theft_street_map,
    theft_window_map,
)
from doorview.show.maps import MapData
from doorview.show.qml import hotspot_style
from doorview.show.style import HOT_SPOT_COLOURS, THEFT_COLOURS, grey
from doorview.show.text import Caption, LevelNote
from doorview.show.theft_drawing import ASSOCIATION, InView, TheftNote, check_months, class_colours
from doorview.show.theft_maps import DensityData, HotSpotData, density_map, hotspot_map
from doorview.show.theft_plot import prediction_plot
from doorview.show.theft_rates_map import HIDDEN, RatesData, rates_map
from doorview.show.theft_ratio_map import RatioData, ratio_map
from doorview.show.theft_steps import area_words, theft_steps
from doorview.show.theft_street_map import StreetsData, streets_map
from doorview.show.theft_window_map import WindowSpotsData, window_spots_map

Draw = Callable[[Path], Path]
BANDWIDTH_M = 100.0
SAID = "Reported thefts: what was reported, not all that was taken."


def projected(lon: Any, lat: Any) -> np.ndarray:
    return np.column_stack(Transformer.from_crs("EPSG:4326", CRS, always_xy=True).transform(lon, lat))


@pytest.fixture(scope="module")
def town() -> Town:
    return make_town(4000)


@pytest.fixture(scope="module")
def base(town: Town) -> MapData:
    xy = projected(town.lonlat[:, 0], town.lonlat[:, 1])
    ways = [
        (tags, xy[town.way_nodes[low:high]])
        for tags, low, high in zip(town.way_tags, town.way_starts[:-1], town.way_starts[1:], strict=True)
    ]
    streets = [(t, shapely.LineString(p)) for t, p in ways if "highway" in t and "name" in t]
    homes = [shapely.Polygon(p) for t, p in ways if "building" in t and len(p) > 3]
    faces = gpd.GeoDataFrame(
        {"name": [t["name"] for t, _ in streets], "highway": [t["highway"] for t, _ in streets], "share": 0.0},
        geometry=[line for _, line in streets],
        crs=CRS,
    )
    return MapData(
        faces,
        gpd.GeoDataFrame(geometry=homes, crs=CRS),
        LevelNote("detect", "someone is there", 28.4),
        "20% of homes own a doorbell camera",
        Caption("demo", "Camera X", "2026-01-01", fictional=True, units="us", attribution="doorview demo"),
        zones=town.districts[["name", "geometry"]],
        boundary=shapely.union_all(town.districts.geometry.to_numpy()),
    )


@pytest.fixture(scope="module")
def thefts(town: Town) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"date": town.thefts["date"].astype("datetime64[ns]"), "category": "package", "block": ""},
        geometry=shapely.points(projected(town.thefts["lon"], town.thefts["lat"])),
        crs=CRS,
    )


def places(thefts: gpd.GeoDataFrame) -> np.ndarray:
    return shapely.get_coordinates(thefts.geometry.to_numpy())


def note_of(thefts: gpd.GeoDataFrame, **changes: Any) -> TheftNote:
    fields = {
        "source": "Made-up incidents of the demo town",
        "first": f"{thefts['date'].min():%Y-%m}",
        "last": f"{thefts['date'].max():%Y-%m}",
        "incidents": len(thefts),
        "counted": "package thefts",
    }
    return TheftNote(**{**fields, **changes})


@pytest.fixture(scope="module")
def surface(base: MapData, thefts: gpd.GeoDataFrame) -> Surface:
    return kernel_density(places(thefts), surface_grid(base.boundary, 25.0), bandwidth_m=BANDWIDTH_M)


@pytest.fixture(scope="module")
def density(base: MapData, thefts: gpd.GeoDataFrame, surface: Surface) -> DensityData:
    rule = "cross-validated likelihood, not under 100 m"
    return DensityData(
        base, note_of(thefts), surface.per_month(24.0), surface.grid, rests_on_few(surface), BANDWIDTH_M, rule
    )


@pytest.fixture(scope="module")
def spots(base: MapData, thefts: gpd.GeoDataFrame) -> HotSpotData:
    grid = surface_grid(base.boundary, 76.2)
    found = hot_spot_classes(places(thefts), thefts["date"], grid, months=6)
    rows, columns = np.nonzero(found.classes > 0)
    west, south = grid.x0 + columns * grid.cell_m, grid.y0 + rows * grid.cell_m
    cells = shapely.box(west, south, west + grid.cell_m, south + grid.cell_m)
    layer = gpd.GeoDataFrame({"class": [CLASSES[n] for n in found.classes[rows, columns]]}, geometry=cells, crs=CRS)
    assert len(layer), "the planted clusters are hot"
    return HotSpotData(base, note_of(thefts), layer.dissolve("class").reset_index(), len(found.table), 6, 0.05, 76.2)


@pytest.fixture(scope="module")
def rates(base: MapData, town: Town, thefts: gpd.GeoDataFrame) -> RatesData:
    zones = town.districts.assign(zoning="district", zone=town.districts["id"].astype(str))
    zones["counted_dwellings"] = zones["dwellings"].astype(float)
    found = zone_rates(thefts, zones, windows_of(thefts["date"]), replicates=200)
    return RatesData(base, note_of(thefts, incidents=None), zones, publish_zone_rates(found, replicates=200))


@pytest.fixture(scope="module")
def predicted(base: MapData, thefts: gpd.GeoDataFrame) -> Prediction:
    return predict(
        thefts,
        {"kde 100 m": kde_scores(100.0), "kde 200 m": kde_scores(200.0)},
        [surface_grid(base.boundary, cell) for cell in (76.2, 121.92)],
        hold_out=("2025-01-01", "2026-01-01"),
        windows={"60 days": ("2024-11-02", "2025-01-01"), "12 months": ("2024-01-01", "2025-01-01")},
        replicates=200,
    )


@pytest.fixture(scope="module")
def streets(base: MapData, thefts: gpd.GeoDataFrame) -> StreetsData:
    found = network_density(places(thefts), street_network(base.faces, streets=None), bandwidth_m=265.0)
    per_month = found.lixels["per_km"] / 24.0
    pieces = found.lixels.assign(told=per_month.mask(per_month < per_month.median()))
    return StreetsData(base, note_of(thefts), pieces, "told", 100.2, 265.0, "cross-validated likelihood")


@pytest.fixture(scope="module")
def ratio(base: MapData, town: Town, thefts: gpd.GeoDataFrame) -> RatioData:
    grid = surface_grid(base.boundary, 50.0)
    late = (thefts["date"] > "2025-11-01").to_numpy()
    xy = places(thefts)
    found = window_ratio(xy[~late], xy[late], grid, bandwidth_m=BANDWIDTH_M, months=(22.0, 2.0), replicates=19)
    return RatioData(
        base, note_of(thefts), "windows", found.relative, found.relative > found.high, found.relative < found.low, grid,
        found.overall, 19, (found.numerator, found.denominator), "60 days to 2025-12", BANDWIDTH_M, "cross-validated",
    )  # fmt: skip


@pytest.fixture(scope="module")
def spots_now(base: MapData, thefts: gpd.GeoDataFrame, spots: HotSpotData) -> WindowSpotsData:
    return WindowSpotsData(base, note_of(thefts), spots.classes, spots.classes.iloc[:1], 0.05, 76.2, "fewer than 5")


@pytest.fixture(scope="module")
def pictures(
    base: MapData,
    thefts: gpd.GeoDataFrame,
    density: DensityData,
    spots: HotSpotData,
    rates: RatesData,
    predicted: Prediction,
    streets: StreetsData,
    ratio: RatioData,
    spots_now: WindowSpotsData,
) -> dict[str, Draw]:
    held = note_of(thefts, first="2025-01", last="2025-12")
    beside = replace(spots, in_view=InView({**dict.fromkeys(HOT_SPOT_COLOURS, 0.41), "none": 0.3}))
    return {
        "density": lambda path: density_map(path, density),
        "hotspots": lambda path: hotspot_map(path, spots),
        "beside": lambda path: hotspot_map(path, beside),
        "streets": lambda path: streets_map(path, streets),
        "ratio": lambda path: ratio_map(path, ratio),
        "dwellings": lambda path: ratio_map(path, replace(ratio, kind="dwellings")),
        "window": lambda path: window_spots_map(path, spots_now),
        "rates": lambda path: rates_map(path, rates),
        "prediction": lambda path: prediction_plot(
            path, predicted.table, predicted.sentences[0], base.caption, held
        ),
    }  # fmt: skip


def texts(path: Path) -> str:
    """Return every text of an SVG, broken lines joined."""
    said = re.findall(r"<text[^>]*>(.*?)</text>", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(" ".join(said)))


NAMES = [
    *("density", "hotspots", "beside", "rates", "prediction", "streets", "ratio", "dwellings", "window"),
]


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_says_what_none_goes_without(pictures, name, tmp_path):
    said = texts(pictures[name](tmp_path / "a.svg"))
    for words in (
        SAID,
        "reported thefts",
        "made up",
        "no such place exists",
        "Made-up incidents",
        "data of 2026-01-01",
    ):
        assert words in said
    assert "2025-12" in said
    assert not re.search(r"(?<!data of )\d{4}-\d{2}-\d{2}", said), "no date finer than a month"
    assert (ASSOCIATION in said) == (name == "beside")
    assert ("Camera X" in said) == (name == "beside"), "a camera stands only where coverage is shown"


def test_the_density_map_says_number_window_bandwidth_and_rule(pictures, density, tmp_path):
    said = texts(pictures["density"](tmp_path / "a.svg"))
    number = density.note.incidents
    for words in (
        f"{number} reported thefts, 2024-01 to 2025-12",
        "per square mile and month",
        "328 ft",  # 100 m
        "cross-validated likelihood, not under 100 m",
        "fewer than 5 reports",
        "Gaussian",
    ):
        assert words in said


def test_hot_spots_say_what_chance_would_do(pictures, spots, tmp_path):
    said = texts(pictures["hotspots"](tmp_path / "a.svg"))
    assert f"each of {spots.periods} periods of 6 months" in said
    assert f"at most {0.05 * spots.periods:.1g} of the {spots.periods} tests" in said
    beside = texts(pictures["beside"](tmp_path / "b.svg"))
    assert "41% in view" in beside
    assert "no hot spot: 30% in view" in beside
    assert "20% of homes own a doorbell camera" in beside
    assert "in view" not in said


def test_hot_spots_of_few_reports_are_left_out_and_counted(spots, tmp_path):
    number = np.where(np.arange(len(spots.classes)) == 0, 4, 5)
    said = texts(hotspot_map(tmp_path / "a.svg", replace(spots, classes=spots.classes.assign(incidents=number))))
    assert "Left out: 1 areas of fewer than 5 reports" in said
    first = spots.classes["class"].iloc[0]
    assert re.search(rf"{first}: [a-z, ]+\(none\)", said)
    assert "Left out" not in texts(hotspot_map(tmp_path / "b.svg", spots))


def test_rates_stand_side_by_side_with_ranks_and_what_is_withheld(pictures, rates, tmp_path):
    said = texts(pictures["rates"](tmp_path / "a.svg"))
    table = rates.table
    for window in table["window"].unique():
        assert window in said
    assert HIDDEN in said
    assert "empirical Bayes" in said
    row = table[table["rank_low"].notna()].iloc[0]
    assert f"{row['rate_smoothed']:.2f}" in said
    assert f"{int(row['rank_low'])} to {int(row['rank_high'])}" in said
    hidden = table[table["incidents"].isin(["fewer than 5", "withheld"])]
    assert len(hidden), "the demo has something to withhold"


def test_the_plot_has_its_sentence_and_counts_as_baseline(pictures, predicted, tmp_path):
    said = texts(pictures["prediction"](tmp_path / "a.svg"))
    assert predicted.sentences[0][:60] in said
    for words in ("simple counts", "kde 100 m", "no better than chance", "60 days", "12 months", "250 ft", "400 ft"):
        assert words in said


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_picture_has_the_same_bytes(pictures, name, kind, tmp_path):
    one, two = (pictures[name](tmp_path / f"{n}.{kind}").read_bytes() for n in "ab")
    assert one == two


@pytest.mark.parametrize("name", ["density", "rates"])
def test_what_is_too_few_is_hatched(pictures, name, tmp_path):
    root = ET.parse(pictures[name](tmp_path / "a.svg")).getroot()
    patterns = [item.get("id") for item in root.iter("{http://www.w3.org/2000/svg}pattern")]
    filled = [str(item.get("style")) for item in root.iter("{http://www.w3.org/2000/svg}path")]
    assert patterns
    assert sum("url(#" in style for style in filled) >= 2, "on the map and in the legend"


@pytest.fixture(scope="module")
def crowded(
    base: MapData,
    thefts: gpd.GeoDataFrame,
    density: DensityData,
    spots: HotSpotData,
    rates: RatesData,
    predicted: Prediction,
    streets: StreetsData,
    ratio: RatioData,
    spots_now: WindowSpotsData,
) -> dict[str, Draw]:
    """Return pictures on which all that may be said is said at length."""
    long = "long words of data that go on and on " * 20
    caption = replace(
        base.caption,
        units="metric",
        label=f"(fictional) {long}",
        camera=long,
        obstacles=long,
        attribution=long,
        unconfirmed=("field of view", "trigger range"),
        reading=long,
    )
    full = replace(base, caption=caption, zones=base.zones.assign(name=long))
    note = note_of(thefts, source=long, counted=long, blocks=True)
    shares = InView({**dict.fromkeys(HOT_SPOT_COLOURS, 0.41), "none": 0.3})
    zones = rates.zones.assign(name=long)
    sentence = predicted.sentences[0] + " " + long
    return {
        "density": lambda path: density_map(path, replace(density, base=full, note=note, rule=long)),
        "hotspots": lambda path: hotspot_map(path, replace(spots, base=full, note=note)),
        "streets": lambda path: streets_map(path, replace(streets, base=full, note=note, rule=long)),
        "ratio": lambda path: ratio_map(path, replace(ratio, base=full, note=note, rule=long)),
        "dwellings": lambda path: ratio_map(path, replace(ratio, kind="dwellings", base=full, note=note, rule=long)),
        "window": lambda path: window_spots_map(path, replace(spots_now, base=full, note=note)),
        "beside": lambda path: hotspot_map(path, replace(spots, base=full, note=note, in_view=shares)),
        "rates": lambda path: rates_map(
            path, replace(rates, base=full, note=replace(note, incidents=None), zones=zones)
        ),
        "prediction": lambda path: prediction_plot(path, predicted.table, sentence, caption, note),
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("full", [False, True])
def test_no_text_lies_over_another(pictures, crowded, name, full, monkeypatch):
    caught: list[Any] = []
    for module in (theft_maps, theft_plot, theft_rates_map, theft_ratio_map, theft_street_map, theft_window_map):
        monkeypatch.setattr(module, "save", lambda sheet, *_, **__: caught.append(sheet))
    (crowded if full else pictures)[name](Path("none.png"))
    (sheet,) = caught
    sheet.figure.draw_without_rendering()
    texts = [t for axes in sheet.figure.axes for t in axes.texts]
    assert not any("\ufffd" in t.get_text() for t in texts), "every letter is in the font"
    boxes = [(t.get_text(), t.get_window_extent()) for t in sheet.page.texts if t.get_text().strip()]
    page = sheet.figure.bbox
    for text, box in boxes:
        assert page.x0 <= box.x0 <= box.x1 <= page.x1, text
        assert page.y0 <= box.y0 <= box.y1 <= page.y1, text
    for (one, a), (two, b) in combinations(boxes, 2):
        assert a.x0 >= b.x1 or b.x0 >= a.x1 or a.y0 >= b.y1 - 1 or b.y0 >= a.y1 - 1, (one, two)


def test_cells_that_four_incidents_could_make_are_too_few_and_five_are_not(base):
    grid = surface_grid(shapely.box(0, 0, 3000, 3000), 25.0)
    for kernel, bandwidth in (("gaussian", 100.0), ("quartic", 300.0)):
        made = {n: kernel_density(np.full((n, 2), 1512.5), grid, bandwidth_m=bandwidth, kernel=kernel) for n in (4, 5)}
        assert made[4].density.max() == pytest.approx(4 * peak_per_km2(kernel, bandwidth), rel=0.01)
        assert rests_on_few(replace(made[4], density=made[4].density * 0.98)).all()
        few = rests_on_few(made[5])
        assert not few[60, 60]
        assert few[0, 0]


def test_a_lone_incident_at_the_edge_does_not_show(base):
    grid = surface_grid(shapely.box(0, 0, 3000, 3000), 25.0)
    made = kernel_density(np.array([[12.5, 1512.5]]), grid, bandwidth_m=100.0)
    assert rests_on_few(made).all()


def test_colours_fall_evenly_and_classes_are_round():
    light = [grey(colour) for colour in THEFT_COLOURS]
    assert np.all(np.diff(light) < -10)
    assert class_colours(2) == (THEFT_COLOURS[0], THEFT_COLOURS[-1])
    assert len(set(class_colours(6))) == 6
    for most in (0.037, 1.0, 7.3, 60.0, 1234.5):
        ends = theft_steps(most)
        assert ends[-1] >= most * (1 - 1e-6)
        assert len(ends) <= 6
        assert np.allclose(np.diff((0.0, *ends)), ends[0])
    assert theft_steps(0.0) == (1.0,)


@pytest.mark.parametrize("change", [{"bandwidth_m": 99.0}, {"bandwidth_m": 250.0, "kernel": "quartic"}])
def test_a_narrow_bandwidth_is_refused(density, change, tmp_path):
    with pytest.raises(InputError, match="bandwidth_m"):
        density_map(tmp_path / "a.png", replace(density, **change))
    assert not list(tmp_path.iterdir())


def test_what_does_not_fit_or_says_too_little_is_refused(density, spots, thefts, tmp_path):
    path = tmp_path / "a.png"
    with pytest.raises(InputError, match="grid"):
        density_map(path, replace(density, few=density.few[1:]))
    with pytest.raises(InputError, match="no number"):
        density_map(path, replace(density, density=-density.density))
    with pytest.raises(InputError, match="how many reports"):
        density_map(path, replace(density, note=note_of(thefts, incidents=None)))
    with pytest.raises(InputError, match="unknown"):
        hotspot_map(path, replace(spots, classes=spots.classes.assign(**{"class": "sizzling"})))
    with pytest.raises(InputError, match="column 'class'"):
        hotspot_map(path, replace(spots, classes=spots.classes.drop(columns="class")))
    with pytest.raises(InputError, match="fewer than 5"):
        note_of(thefts, incidents=4)
    for first, last in (("2024-01-03", "2025-01"), ("2025-02", "2025-01"), ("2024-13", "2025-01")):
        with pytest.raises(InputError, match="months"):
            note_of(thefts, first=first, last=last)
    with pytest.raises(InputError, match="holds a day"):
        check_months("60 days to 2019-05-26")


def test_rates_that_are_not_fit_to_publish_are_refused(rates, tmp_path):
    path, table = tmp_path / "a.png", rates.table
    hidden = table["incidents"].isin(["fewer than 5", "withheld"])
    cases = {
        "under 5": table.assign(incidents=table["incidents"].mask(hidden, "3")),
        "gives it away": table.assign(rate=table["rate"].mask(hidden, 1.0)),
        "two": table[table["window"] == table["window"].iloc[0]],
        "twice": pd.concat([table, table.head(1)]),
        "holds a day": table.assign(window=table["window"] + "-31"),
    }
    for match, wrong in cases.items():
        with pytest.raises(InputError, match=match):
            rates_map(path, replace(rates, table=wrong))


def test_a_plot_without_baseline_or_with_few_held_out_is_refused(base, thefts, predicted, tmp_path):
    table = predicted.table
    for match, wrong in {
        "simple counts": table[table["method"] != "counts"],
        "fewer than 5": table.assign(incidents=4),
        "no number": table.assign(pai=np.nan),
    }.items():
        with pytest.raises(InputError, match=match):
            prediction_plot(tmp_path / "a.png", wrong, "", base.caption, note_of(thefts))


def test_text_from_data_is_cleaned_and_never_markup(rates, density, thefts, tmp_path):
    odd = "$x^2$ \u202e</text><script>" + "y" * 400
    zones = rates.zones.assign(name=odd)
    note = note_of(thefts, source=odd, counted=odd, incidents=None)
    said = rates_map(tmp_path / "a.svg", replace(rates, zones=zones, note=note)).read_text(encoding="utf-8")
    assert "\u202e" not in said
    assert "<script>" not in re.sub(r"<!--.*?-->", "", said, flags=re.DOTALL)
    assert "y" * 200 not in said
    ET.fromstring(said)
    density_map(tmp_path / "b.svg", replace(density, rule=odd))
    ET.parse(tmp_path / "b.svg")


def test_a_window_and_paper_in_metres_draw_too(density, base, tmp_path):
    x, y = base.boundary.centroid.x, base.boundary.centroid.y
    metric = replace(base, caption=replace(base.caption, units="metric"))
    path = density_map(
        tmp_path / "a.png", replace(density, base=metric), window=(x - 300, y - 200, x + 300, y + 200), dpi=60
    )
    with Image.open(path) as image:
        assert image.size == (701, 496)


def test_a_density_is_told_in_the_units_of_the_page(density, base, streets, tmp_path):
    # 2.59 km2 to a square mile: 38.6 reports per km2 are 100 per square mile; a mile is 1.609 km.
    known = density.grid.inside & ~density.few
    even = replace(density, density=np.where(known, 100 / 1.609344**2, 0.0))
    assert "80 to 100" in texts(density_map(tmp_path / "a.svg", even))
    metric = replace(base, caption=replace(base.caption, units="metric"))
    said = texts(density_map(tmp_path / "b.svg", replace(even, base=metric)))
    assert "per km² and month" in said
    assert "32 to 40" in said
    pieces = streets.pieces.assign(**{streets.column: 10 / 1.609344})
    said = texts(streets_map(tmp_path / "c.svg", replace(streets, pieces=pieces)))
    assert "per mile of street and month" in said
    assert "8 to 10" in said
    assert area_words(0.25e6, "us") == "62 acres"  # 0.25 km2 are 61.8 acres
    assert area_words(0.25e6, "metric") == "0.25 km²"
    assert area_words(0.0, "us") == "none"


def test_the_qgis_style_has_the_colours_of_the_map():
    root = ET.fromstring(hotspot_style().split("\n", 1)[1])
    assert [item.get("value") for item in root.iter("category")] == [
        *HOT_SPOT_COLOURS,
        "hot spot",
        "high among high",
    ]
    assert set(CLASSES) == {*HOT_SPOT_COLOURS, "none"}
    assert "59,15,112,204" in hotspot_style()
    assert theft_drawing.HATCH


def test_new_maps_refuse_what_points_at_homes(streets, ratio, spots_now, tmp_path):
    with pytest.raises(InputError, match="100 m or"):
        streets_map(tmp_path / "a.png", replace(streets, bandwidth_m=99.0))
    with pytest.raises(InputError, match="smoothed by at least 100"):
        ratio_map(tmp_path / "a.png", replace(ratio, bandwidth_m=99.0))
    with pytest.raises(InputError, match="holds a day"):
        ratio_map(tmp_path / "a.png", replace(ratio, window="60 days to 2025-12-31"))
    for draw, data in ((streets_map, streets), (ratio_map, ratio), (window_spots_map, spots_now)):
        with pytest.raises(InputError, match="how many reports"):
            draw(tmp_path / "a.png", replace(data, note=replace(data.note, incidents=None)))
    wrong = streets.pieces.assign(told=-1.0)
    with pytest.raises(InputError, match="no number of 0 or more"):
        streets_map(tmp_path / "a.png", replace(streets, pieces=wrong))
    assert not list(tmp_path.iterdir())


def test_a_png_has_its_svg_beside_it_where_the_caption_asks(ratio, tmp_path):
    asked = replace(ratio, base=replace(ratio.base, caption=replace(ratio.base.caption, svg=True)))
    ratio_map(tmp_path / "a.png", asked)
    ratio_map(tmp_path / "plain.png", ratio)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.svg", "plain.png"]
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "plain.png").read_bytes()
