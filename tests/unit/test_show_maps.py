"""Maps and curves: what they have to say stands in the picture, legible, and colours mean what the legend says."""

from __future__ import annotations

import html
import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image

from doorview.show import curves, maps
from doorview.show.curves import OWNERSHIP_MARKS, curve_plot, range_plot
from doorview.show.drawing import Sheet, draw_polygons, drawable, nice_length
from doorview.show.maps import MapData, coverage_map, detail_map
from doorview.show.rasters import SparseRaster
from doorview.show.style import GROUND, NONE_IN_VIEW, SHARE_COLOURS, rgb
from doorview.show.text import Caption, LevelNote

CRS = "EPSG:32618"
EVERYTHING_HIDES = (
    "Obstacles: buildings, walls, closed fences, hedges, trunks of mapped trees, parked cars at 60% of kerb places "
    "(simulated) and porches at every door (a what-if). Passages, arcades and the ground under raised parts are "
    "open."
)
DISPUTED = (
    "The 155 degrees printed are read as horizontal, which is disputed: 155 across the picture, but 135 if diagonal."
)
LEVELS = [
    LevelNote("detect", "someone is there", 28.4),
    LevelNote("observe", "what they wear", 11.4),
    LevelNote("trigger", "the motion sensor starts a recording", 7.0),
    LevelNote("recognise", "someone you already know", 5.7),
]


def _faces(share=0.3, names=None):
    lines = [shapely.LineString([(0, 150 * i), (900, 150 * i)]) for i in range(5)]
    names = names or ["Elm St", "$x^2$ Road", "東京", None, "Long " * 40]
    return gpd.GeoDataFrame(
        {"name": pd.Series(names, dtype=object), "highway": ["primary"] * 5, "share": share}, geometry=lines, crs=CRS
    )


def _data(**changes):
    fields = {
        "faces": _faces(),
        "buildings": gpd.GeoDataFrame(geometry=[shapely.box(30 * i, 20, 30 * i + 12, 32) for i in range(30)], crs=CRS),
        "level": LEVELS[0],
        "scenario": "20% of homes own a doorbell camera",
        "caption": Caption("Exampleton", "Camera X", "2016-05-01", unconfirmed=("field of view",)),
        "headline": "streets within 50 m of a home",
        "figures": ((LEVELS[0], 0.34), (LEVELS[1], 0.06), (LEVELS[3], 0.004)),
    }
    return MapData(**{**fields, **changes})


def _curve():
    rates = np.linspace(0, 1, 101)
    parts = [
        pd.DataFrame({"level": level.name, "rate": rates, "share_mean": 1 - (1 - rates * scale) ** 3})
        for level, scale in zip(LEVELS, (0.95, 0.06, 0.05, 0.04), strict=True)
    ]
    return pd.concat(parts).assign(zoning="all", zone="all", space="streets_near_homes", measure="area_m2")


def _range_curve():
    ranges = np.arange(2.0, 41.0)
    parts = [
        pd.DataFrame(
            {"scenario": f"independent_{p}", "range_m": ranges, "share_mean": 1 - (1 - p / 100) ** (ranges / 9)}
        )
        for p in (5, 20, 40)
    ]
    return pd.concat(parts).assign(zoning="all", zone="all", space="streets_near_homes", measure="area_m2")


def _texts(path):
    """Return every text of an SVG."""
    found = re.findall(r"<text[^>]*>(.*?)</text>", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return html.unescape(" ".join(found)).replace("\u00a0", " ")


def _capture(monkeypatch, module):
    caught = []

    def save(sheet, path, caption, title):
        caught.append(sheet)
        return path

    monkeypatch.setattr(module, "save", save)
    return caught


def _assert_legible(sheet):
    """No text lies over another or beyond the paper."""
    sheet.figure.draw_without_rendering()
    page = sheet.figure.bbox
    texts = [t for t in sheet.page.texts if t.get_text().strip()]
    boxes = [t.get_window_extent() for t in texts]
    for text, box in zip(texts, boxes, strict=True):
        assert page.x0 <= box.x0, text
        assert box.x1 <= page.x1, text
        assert page.y0 <= box.y0, text
        assert box.y1 <= page.y1, text
    for i, one in enumerate(boxes):
        for j in range(i):
            apart = (
                one.x0 >= boxes[j].x1 or boxes[j].x0 >= one.x1 or one.y0 >= boxes[j].y1 - 1 or boxes[j].y0 >= one.y1 - 1
            )
            assert apart, (texts[i].get_text(), texts[j].get_text())


def test_a_map_says_what_it_has_to_say_inside_the_picture(tmp_path):
    coverage_map(tmp_path / "map.svg", _data())
    said = _texts(tmp_path / "map.svg")
    for words in (
        "How much of the streets would doorbell cameras have in view? Exampleton",
        "20% of homes own a doorbell camera",
        "detect: someone is there, up to 28 m",
        "In view of streets within 50 m of a home",
        "34%",
        "6.0%",
        "0.4%",
        "observe, up to 11 m",
        "someone you already know",
        "In view is not recorded",
        "Simulated cameras, not real ones.",
        "© OpenStreetMap contributors",
        "2016-05-01",
        "Camera X",
        "field of view",
        "Elm St",
        "200 m",
    ):
        assert words in said
    assert "fictional" not in said


def test_a_fictional_town_says_so_and_an_unknown_date_too(tmp_path):
    caption = Caption("Exampleton", "Camera X", fictional=True, units="us")
    coverage_map(tmp_path / "map.svg", _data(caption=caption))
    said = _texts(tmp_path / "map.svg")
    assert "Exampleton (a fictional town)" in said
    assert "no such place exists" in said
    assert "unknown date" in said
    assert "up to 93 ft" in said
    assert re.search(r"\b500 ft", said)


def test_untrusted_names_are_drawn_as_they_are_or_not_at_all(tmp_path):
    caption = Caption("$\\frac{$ <script>--> \u202eevil", "Camera $", "2016")
    coverage_map(tmp_path / "map.png", _data(caption=caption))
    coverage_map(tmp_path / "map.svg", _data(caption=caption))
    text = (tmp_path / "map.svg").read_text(encoding="utf-8")
    assert "<script" not in re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    assert "\u202e" not in text
    assert "東京" not in text  # the font lacks it: a street goes unnamed rather than wrong
    assert drawable("aé東") == "aé�"


@pytest.mark.parametrize("units", ["metric", "us"])
def test_no_text_of_a_map_lies_over_another(monkeypatch, tmp_path, units):
    caught = _capture(monkeypatch, maps)
    caption = Caption(
        label="A label that a study gives itself, with more words than there is room for on one line " * 2,
        place="A place with a very long name that goes on and on and on " * 2,
        camera="A camera with a long name as shops write them, second generation, satin",
        data_date="2016-05-01",
        fictional=True,
        unconfirmed=("field of view", "pixels across", "trigger range", "mount height"),
        units=units,
        obstacles=EVERYTHING_HIDES,
        reading=DISPUTED,
    )
    zones = gpd.GeoDataFrame(
        {"hatched": [True], "name": ["Old Centre"]}, geometry=[shapely.box(0, 0, 400, 400)], crs=CRS
    )
    ground = gpd.GeoDataFrame(
        {"class": ["park", "water", "square", "yard"], "name": ["Green", None, "$", "never drawn"]},
        geometry=[shapely.box(100 * i, 200, 100 * i + 90, 300) for i in range(4)],
        crs=CRS,
    )
    faces = _faces([0.0, 0.1, 0.5, 1.0, np.nan])
    data = _data(
        caption=caption,
        zones=zones,
        ground=ground,
        faces=faces,
        boundary=shapely.box(10, 10, 800, 580),
        headline="street length within 100 m of a home and wherever else anybody walks, " * 3,
        figures=((LEVELS[0], 1.0), (LEVELS[2], 0.000_1), (LEVELS[3], 0.999)),
        scenario="40% of homes own a doorbell camera, " * 4,
    )
    coverage_map(tmp_path / "x.png", data)
    coverage_map(tmp_path / "x.png", data, window=(0, 0, 300, 200))
    for sheet in caught:
        _assert_legible(sheet)
        names = sheet.figure.axes[1].texts
        assert "Old Centre" in [name.get_text() for name in names]
        boxes = [shapely.box(*name.get_window_extent().extents) for name in names if name.get_rotation() == 0]
        for i, one in enumerate(boxes):
            assert not any(one.intersects(other) for other in boxes[:i])


@pytest.mark.parametrize("units", ["metric", "us"])
def test_no_text_of_a_curve_lies_over_another(monkeypatch, tmp_path, units):
    caught = _capture(monkeypatch, curves)
    caption = Caption(
        "Exampleton",
        "Camera X",
        "2016-05-01",
        True,
        ("field of view",),
        units,
        label="A label " * 12,
        obstacles=EVERYTHING_HIDES,
        reading=DISPUTED,
    )
    close = [LevelNote(name, "", range_m) for name, range_m in (("a level", 5.0), ("another", 5.5), ("a third", 6.0))]
    curve_plot(tmp_path / "c.png", _curve(), LEVELS, caption)
    range_plot(tmp_path / "r.png", _range_curve(), LEVELS, caption)
    range_plot(tmp_path / "r.png", _range_curve(), [*LEVELS, *close], caption)
    for sheet in caught:
        _assert_legible(sheet)
        words = [*sheet.figure.axes[1].texts, *(t for t in sheet.page.texts if t.get_text().strip())]
        boxes = [shapely.box(*text.get_window_extent().extents) for text in words]
        for i, one in enumerate(boxes[: len(sheet.figure.axes[1].texts)]):
            for j, other in enumerate(boxes):
                assert i == j or shapely.intersection(one, other).area < 2, (words[i], words[j])


def _pixel(path, x, y, box):
    """Return the colour at a place of the map, given the map's frame in pixels and its bounds."""
    image = Image.open(path).convert("RGB")
    (left, top, right, bottom), (west, south, east, north) = box
    return image.getpixel(
        (
            round(left + (x - west) / (east - west) * (right - left)),
            round(bottom - (y - south) / (north - south) * (bottom - top)),
        )
    )


def _frame_of(sheet):
    axes = sheet.figure.axes[1]
    box = axes.get_window_extent()
    high = sheet.figure.bbox.height
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    return (box.x0, high - box.y1, box.x1, high - box.y0), (west, south, east, north)


def _drawn(monkeypatch, path, *args, **kwargs):
    caught = []
    real = maps.save
    monkeypatch.setattr(maps, "save", lambda sheet, *rest: (caught.append(sheet), real(sheet, *rest))[1])
    coverage_map(path, *args, **kwargs)
    return _frame_of(caught[0])


@pytest.mark.parametrize(("share", "place"), [(0.03, 0), (0.05, 0), (0.3, 3), (0.9, 5)])
def test_a_block_face_has_the_colour_of_its_class(monkeypatch, tmp_path, share, place):
    data = _data(faces=_faces([share, 0.5, share, 0.5, 0.5], [None] * 5))
    box = _drawn(monkeypatch, tmp_path / "m.png", data)
    assert _pixel(tmp_path / "m.png", 450, 300, box) == rgb(SHARE_COLOURS[place])


def test_where_little_is_in_view_the_classes_are_finer_and_the_legend_says_so(monkeypatch, tmp_path):
    few = _data(faces=_faces([0.003, 0.01, 0.03, 0.0, 0.06], [None] * 5))
    box = _drawn(monkeypatch, tmp_path / "m.png", few)
    for row, place in enumerate((0, 1, 3, None, 4)):  # up to 0.5, 0.5 to 1, 2 to 5, none, 5 to 10%
        if place is not None:
            assert _pixel(tmp_path / "m.png", 450, 150 * row, box) == rgb(SHARE_COLOURS[place])
    assert _pixel(tmp_path / "m.png", 450, 450, box) == rgb(NONE_IN_VIEW)
    coverage_map(tmp_path / "few.svg", few)
    coverage_map(tmp_path / "many.svg", _data())
    assert "Finer classes" in _texts(tmp_path / "few.svg")
    assert "0.5 to 1%" in _texts(tmp_path / "few.svg")
    assert "Finer classes" not in _texts(tmp_path / "many.svg")


def test_parks_and_water_lie_under_the_shares_and_stand_in_the_legend_only_where_drawn(monkeypatch, tmp_path):
    ground = gpd.GeoDataFrame(
        {"class": ["park", "yard"], "name": ["Long Meadow", "Private Yard"]},
        geometry=[shapely.box(100, 60, 500, 400), shapely.box(600, 200, 800, 280)],
        crs=CRS,
    )
    data = _data(ground=ground, faces=_faces(0.9, [None] * 5))
    box = _drawn(monkeypatch, tmp_path / "m.png", data)
    assert _pixel(tmp_path / "m.png", 130, 100, box) == rgb(GROUND["park"])
    assert _pixel(tmp_path / "m.png", 300, 150, box) == rgb(SHARE_COLOURS[5])  # a street through the park
    assert _pixel(tmp_path / "m.png", 700, 240, box) == (255, 255, 255)
    coverage_map(tmp_path / "m.svg", data)
    said = _texts(tmp_path / "m.svg")
    assert "park, green" in said
    assert "Long Meadow" in said
    assert "water" not in said
    assert "Private Yard" not in said


def test_a_zone_is_named_only_where_its_name_fits(tmp_path):
    zones = gpd.GeoDataFrame(
        {"name": ["Roomy", "Much too long for so narrow"]},
        geometry=[shapely.box(0, 0, 400, 400), shapely.box(500, 0, 520, 400)],
        crs=CRS,
    )
    coverage_map(tmp_path / "m.svg", _data(zones=zones))
    said = _texts(tmp_path / "m.svg")
    assert "Roomy" in said
    assert "Much too long" not in said


def test_a_detail_map_says_that_its_figures_are_of_the_whole_place(tmp_path):
    detail_map(tmp_path / "d.svg", _data())
    assert "whole place" in _texts(tmp_path / "d.svg")


def test_the_ground_has_the_colour_of_its_probability_at_its_place(monkeypatch, tmp_path):
    path = tmp_path / "s.tif"
    with SparseRaster(path, crs=CRS, cell_m=0.5, row0=0, col0=0, rows=1024, cols=1024) as raster:
        tile = np.zeros((1024, 1024), np.uint16)
        tile[100:200, 300:500] = 2  # 50 to 100 m north, 150 to 250 m east: 1 - 0.8^2 = 0.36, class 20 to 40%
        raster.write(0, 0, tile)
    faces = _faces(0.3, [None] * 5).translate(0, 5000)
    data = _data(
        faces=gpd.GeoDataFrame({"share": [0.3] * 5}, geometry=faces.array, crs=CRS),
        buildings=gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 10, 10)], crs=CRS),
        seen_by=path,
        rate=0.2,
    )
    box = _drawn(monkeypatch, tmp_path / "m.png", data, window=(0.0, 0.0, 400.0, 300.0))
    for x, y, colour in (
        (152, 52, rgb(SHARE_COLOURS[3])),
        (248, 98, rgb(SHARE_COLOURS[3])),
        (148, 75, (255, 255, 255)),
        (252, 75, (255, 255, 255)),
        (200, 48, (255, 255, 255)),
        (200, 102, (255, 255, 255)),
    ):
        assert _pixel(tmp_path / "m.png", x, y, box) == colour


def test_the_same_picture_gives_the_same_bytes(tmp_path):
    for suffix in ("png", "svg"):
        for name in "ab":
            coverage_map(tmp_path / f"{name}.{suffix}", _data())
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_a_detail_map_lies_where_the_homes_are(tmp_path):
    homes = np.random.default_rng(1).uniform((700, 400), (760, 460), (50, 2))
    detail_map(tmp_path / "d.svg", _data(homes=homes))
    assert "Part of Exampleton" in _texts(tmp_path / "d.svg")


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(ValueError, match="seen_by"):
        coverage_map(tmp_path / "m.png", _data(), style="ground")
    with pytest.raises(ValueError, match="window"):
        coverage_map(tmp_path / "m.png", _data(faces=_faces().iloc[:0]))
    with pytest.raises(ValueError, match=r"\.png or \.svg"):
        coverage_map(tmp_path / "m.jpg", _data())
    with pytest.raises(ValueError, match="no rows for level 'identify'"):
        curve_plot(tmp_path / "c.png", _curve(), [LevelNote("identify", "a stranger", 2.8)], Caption("x", "y"))
    with pytest.raises(ValueError, match="zone 'nowhere'"):
        range_plot(tmp_path / "c.png", _range_curve(), LEVELS, Caption("x", "y"), zone="nowhere")
    assert list(tmp_path.iterdir()) == []


def test_the_curve_names_its_marks_and_their_source(tmp_path):
    curve_plot(tmp_path / "c.svg", _curve(), LEVELS, Caption("Exampleton", "Camera X", "2016-05-01"))
    said = _texts(tmp_path / "c.svg")
    for words in ("Parks Associates", "4%", "2017", "20%", "2023", "27%", "2026", "someone you already know"):
        assert words in said
    assert [rate for rate, _ in OWNERSHIP_MARKS] == [0.04, 0.20, 0.27]


def test_holes_of_polygons_stay_open(tmp_path):
    sheet = Sheet(Caption("x", "y"), dpi=50)
    axes = sheet.axes(0, 0, sheet.width, sheet.height)
    axes.set(xlim=(0, 100), ylim=(0, 100))
    axes.set_axis_off()
    hole = shapely.Polygon([(10, 10), (90, 10), (90, 90), (10, 90)], [[(40, 40), (60, 40), (60, 60), (40, 60)]])
    draw_polygons(axes, np.array([hole, None, shapely.Polygon()], dtype=object), facecolor="#ff0000", edgecolor="none")
    sheet.figure.savefig(tmp_path / "h.png")
    image = Image.open(tmp_path / "h.png").convert("RGB")
    assert image.getpixel((image.width // 2, image.height // 2)) == (255, 255, 255)
    assert image.getpixel((image.width // 4, image.height // 2)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("most", "units", "metres", "label"),
    [
        (237.0, "metric", 200.0, "200 m"),
        (999.0, "metric", 500.0, "500 m"),
        (1000.0, "metric", 1000.0, "1 km"),
        (237.0, "us", 500 * 0.3048, "500 ft"),
        (5000.0, "us", 2 * 1609.344, "2 mi"),
    ],
)
def test_scale_bars_are_round(most, units, metres, label):
    assert nice_length(most, units) == (pytest.approx(metres), label)


def test_pictures_name_what_hides_and_how_a_disputed_field_is_read(tmp_path):
    caption = Caption("Exampleton", "Camera X", obstacles="Obstacles: buildings only.", reading="Read as diagonal.")
    coverage_map(tmp_path / "m.svg", _data(caption=caption))
    curve_plot(tmp_path / "c.svg", _curve(), LEVELS, caption)
    range_plot(tmp_path / "r.svg", _range_curve(), LEVELS, caption)
    for name in "mcr":
        said = _texts(tmp_path / f"{name}.svg")
        assert "Obstacles: buildings only." in said
        assert "Read as diagonal." in said
        assert "Obstacles: buildings only." in (tmp_path / f"{name}.svg").read_text(encoding="utf-8").split("<g ")[0]
