"""Addresses: spellings, blocks, what does not match and why; all of it offline."""

from __future__ import annotations

import socket

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS

from doorview.errors import InputError
from doorview.overlays.addresses import (
    address_book,
    match_addresses,
    match_rate,
    parse_address,
    street_key,
)

UTM = CRS.from_epsg(32618)


def layer(*rows: tuple[str, str, float, float], crs: CRS = UTM) -> gpd.GeoDataFrame:
    """Return address points of (number, street, x, y)."""
    number, street, x, y = zip(*rows, strict=True)
    return gpd.GeoDataFrame(
        {"addr:housenumber": number, "addr:street": street}, geometry=gpd.points_from_xy(x, y), crs=crs
    )


BOOK = address_book(
    layer(
        ("12", "North Main Street", 100, 0),
        ("14;16", "North Main Street", 120, 0),
        ("110", "North Main Street", 200, 0),
        ("150", "North Main Street", 260, 0),
        ("7", "South Main Street", 100, 900),
        ("3", "O'Donnell Street", 500, 500),
        ("5a", "Hauptstraße", 0, 700),
        ("1", "First Avenue", 900, 0),
        ("1", "First Avenue", 900, 5000),
        ("20-24", "Saint Paul Place", 300, 300),
    )
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("North Main Street", "N. MAIN ST"),
        ("O'Donnell Street", "ODONNELL ST"),
        ("O'Donnell Street", "O''DONNELL ST."),
        ("Eastern Avenue", "EASTERN AV"),
        ("Avenida de José Mesa y López", "AVENIDA DE JOSE MESA Y LOPEZ"),
        ("First Avenue", "1ST AVE"),
        ("Saint Paul Street", "ST PAUL ST"),
        ("Saint Paul Street", "St. Paul Street"),
        ("Martin Luther King Boulevard Southwest", "Martin Luther King Blvd SW"),
    ],
)
def test_spellings_of_one_street_meet(one, other):
    assert street_key(one) == street_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("North Street", "N North St"), ("Park Avenue", "Park Street"), ("E Main St", "W Main St")]
)
def test_different_streets_stay_apart(one, other):
    assert street_key(one) != street_key(other)


@pytest.mark.parametrize(
    ("text", "kind", "number", "block", "street"),
    [
        ("12 N Main St Apt 3, Springfield, IL", "number", "12", 0, "N MAIN ST"),
        ("12 N MAIN ST #4B", "number", "12", 0, "N MAIN ST"),
        ("100 BLOCK OF MAIN ST", "block", "", 100, "MAIN ST"),
        ("14800 Blk GAINFORD CIR      ", "block", "", 14800, "GAINFORD CIR"),
        ("033XX W OGDEN AVE", "block", "", 3300, "W OGDEN AVE"),
        ("0 Blk PALATINE", "block", "", 0, "PALATINE"),
        ("CAPSTONE / RIVERSTONE", "corner", "", -1, "CAPSTONE & RIVERSTONE"),
        ("RIVERSTONE AND CAPSTONE", "corner", "", -1, "CAPSTONE & RIVERSTONE"),
        ("Hauptstrasse 5a", "number", "5A", 0, "HAUPTSTRASSE"),
        ("#VALUE!", "none", "", -1, ""),
        ("", "none", "", -1, ""),
    ],
)
def test_what_an_address_says(text, kind, number, block, street):
    got = parse_address(text)
    assert (got.kind, got.number, got.street) == (kind, number, street)
    assert got.block == block


def test_hundreds_are_blocks_only_where_the_file_says_so():
    assert parse_address("2000 GOUGH ST").kind == "number"
    assert parse_address("2000 GOUGH ST", hundreds=True).block_id == "2000 block GOUGH ST"
    assert parse_address("2003 GOUGH ST", hundreds=True).kind == "number"


def test_matches_and_reasons(monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("an address went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    texts = [
        "12 N MAIN ST",
        "16 North Main Street",
        "100 BLOCK OF N MAIN ST",
        "13 N MAIN ST",
        "3 ODONNELL ST",
        "3 ODONNELL",
        "9 NOWHERE RD",
        "N MAIN ST",
        "1 1ST AVE",
        "22 ST PAUL PL",
        "12 MAIN ST",
        "N MAIN ST & 1ST AVE",
        "Hauptstraße 5a",
    ]
    got = match_addresses(texts, BOOK)
    assert got["how"].tolist() == [
        "number", "number", "block", "street known, number not", "number", "number", "no such street", "no number",
        "several places", "number", "no such street", "a corner", "number",
    ]  # fmt: skip
    assert got["x"].tolist()[:3] == [100, 120, 230]  # the block: the mean of 110 and 150
    assert got["block"].tolist()[2] == "100 block N MAIN ST"
    assert got["completed"].tolist()[5]
    assert got["x"].isna().tolist() == [not how.startswith(("number", "block")) for how in got["how"]]


def test_a_tower_of_flats_does_not_draw_its_block_to_itself():
    book = address_book(layer(("101", "A St", 0, 0), *[("199", "A St", 100, 0)] * 50))
    assert match_addresses(["100 BLOCK OF A ST"], book)["x"].tolist() == [50]


def test_the_match_rate_by_zone():
    zones = gpd.GeoDataFrame(
        {"zone": ["south", "north"]},
        geometry=[shapely.box(-10, -10, 600, 600), shapely.box(-10, 600, 600, 1000)],
        crs=UTM,
    )
    texts = ["12 N MAIN ST", "13 N MAIN ST", "7 S MAIN ST", "9 NOWHERE RD", "16 N MAIN ST"]
    rate = match_rate(match_addresses(texts, BOOK), BOOK, zones)
    assert rate["zone"].tolist() == ["north", "south", "unknown"]
    assert rate["addresses"].tolist() == [1, 3, 1]
    assert rate["matched"].tolist() == [1, 2, 0]
    assert rate["rate"].tolist() == pytest.approx([1.0, 2 / 3, 0.0])
    own = match_rate(match_addresses(texts, BOOK), BOOK, zones, said=["", "", "", "north", ""])
    assert own["addresses"].tolist() == [2, 3]


def test_the_order_of_the_book_changes_nothing():
    rows = layer(("1", "A St", 0, 0), ("3", "A St", 10, 0), ("5", "A St", 20, 0), ("2", "B St", 5, 9))
    texts = ["0 BLOCK A ST", "2 B ST"]
    first = match_addresses(texts, address_book(rows))
    again = match_addresses(texts, address_book(rows.iloc[::-1]))
    assert first.equals(again)


def test_layers_that_are_no_addresses_are_refused():
    with pytest.raises(InputError, match="lacks"):
        address_book(gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)], crs=UTM))
    with pytest.raises(InputError, match="projected CRS"):
        address_book(layer(("1", "A", 0, 0), crs=CRS.from_epsg(4326)))
    with pytest.raises(InputError, match="no address with a number"):
        address_book(layer(("", "A", 0, 0)))


def test_the_means_of_baltimores_blocks_are_those_of_another_geocoder(shared_data):
    import pandas as pd

    import doorview as dv

    city = dv.City.from_extract(shared_data / "baltimore_city_md" / "baltimore_sorted.osm.pbf")
    file = pd.read_csv(shared_data / "baltimore_city_md" / "larceny_geocoded_to_osm_blocks.csv")
    file = file.drop_duplicates("Location")
    got = match_addresses(file["Location"].astype(str), address_book(city), hundreds=True)
    there = gpd.GeoSeries(gpd.points_from_xy(file["lon"], file["lat"]), crs=4326).to_crs(city.crs)
    away = np.hypot(got["x"].to_numpy() - there.x.to_numpy(), got["y"].to_numpy() - there.y.to_numpy())
    matched = got["x"].notna().to_numpy()
    assert matched.mean() > 0.9
    assert np.nanmedian(away) < 5.0
    assert np.nanquantile(away, 0.9) < 60.0
