"""People put on two streets, by hand: shapes as files have them, crossed, mixed and collected ones too."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.errors import InputError
from doorview.overlays.people import numbers_of, people_on_faces

UTM = "EPSG:32618"
FACES = gpd.GeoDataFrame(
    {"name": ["a", "b"]},
    geometry=[shapely.LineString([(0, y), (100, y)]) for y in (0, 5)],
    crs=UTM,
)


def put(shapes: list[shapely.Geometry | None], people: list[float]):
    return people_on_faces(gpd.GeoDataFrame(geometry=shapes, crs=UTM), np.array(people), FACES, np.ones(2, bool))


def test_a_polygon_that_crosses_itself_holds_what_lies_in_its_two_halves():
    # Two triangles that meet at (50, 0): all 100 m of the street at 0, and 25 m at both ends of that at 5.
    found = put([shapely.Polygon([(0, -10), (100, 10), (100, -10), (0, 10)])], [6.0])
    assert found.face.tolist() == [0, 1]
    assert found.people.tolist() == pytest.approx([4.0, 2.0])
    assert not found.left_out


def test_every_person_is_on_a_street_or_counted_as_left_out():
    shapes = [
        shapely.Point(10, 1), shapely.MultiPoint([(20, 4), (20, 900)]), shapely.LineString([(0, 2), (0, 202)]),
        shapely.box(0, -1, 50, 1), shapely.box(0, 500, 9, 509), shapely.GeometryCollection([shapely.Point(1, 1)]),
        None, shapely.Point(),
    ]  # fmt: skip
    people = [1.0, 10.0, 200.0, 7.0, 30.0, 400.0, 500.0, 600.0]
    found = put(shapes, people)
    # Of the line's 40 spots, at 4.5, 9.5, ... 199.5, the first 11 lie within 50 m of the street at 5.
    assert found.people.sum() == pytest.approx(1 + 5 + 200 * 11 / 40 + 7)
    assert found.people.sum() + sum(found.left_out.values()) == pytest.approx(1 + 10 + 200 + 7 + 30)
    assert found.rows_left_out == {"without a point, line or polygon": 3}


@pytest.mark.parametrize("cell", ["1e308", "2e12"])
def test_a_number_that_cannot_be_people_is_refused(cell: str):
    with pytest.raises(InputError, match=f"2 above 1,000,000,000,000 .a has '{cell}', c has"):
        numbers_of(pd.Series([cell, "1e12", cell]), "f.csv", list("abc"))


def test_a_cell_of_any_length_is_told_of_in_a_few_words():
    with pytest.raises(InputError, match="no number") as caught:
        numbers_of(pd.Series(["1", "A" * 50_000]), "w.csv", ["row 1", "row 2"])
    assert len(str(caught.value)) < 400
