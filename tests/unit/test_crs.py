"""The CRS of a city and its country. Zones and places are checked against what is printed on any map."""

from __future__ import annotations

import pyproj
import pytest

from doorview.city.crs import country_of, local_utm, metric_crs, named_country
from doorview.errors import InputError, UnknownNameError

BALTIMORE = (-76.61, 39.29)


@pytest.mark.parametrize(
    ("lon", "lat", "epsg"),
    [
        (-76.61, 39.29, 32618),  # Baltimore
        (7.42, 43.74, 32632),  # Monaco
        (-15.43, 28.12, 32628),  # Las Palmas
        (151.21, -33.87, 32756),  # Sydney
        (5.32, 60.39, 32632),  # Bergen: zone 32 is widened over western Norway
        (15.63, 78.22, 32633),  # Longyearbyen: Svalbard has only odd zones
        (180.0, 0.0, 32660),
        (-180.0, 0.0, 32601),
    ],
)
def test_local_utm_zone(lon, lat, epsg):
    assert local_utm(lon, lat).to_epsg() == epsg
    area = pyproj.CRS.from_epsg(epsg).area_of_use
    assert area.south <= lat <= area.north


@pytest.mark.parametrize(("lon", "lat"), [(0.0, 88.0), (0.0, -85.0), (float("nan"), 0.0), (200.0, 10.0)])
def test_beyond_utm_is_said(lon, lat):
    with pytest.raises(InputError, match="no UTM zone"):
        local_utm(lon, lat)


def test_a_metric_crs_is_taken_as_asked():
    assert metric_crs("EPSG:26918", *BALTIMORE).to_epsg() == 26918
    assert metric_crs(None, *BALTIMORE).to_epsg() == 32618
    assert metric_crs(26985, *BALTIMORE).to_epsg() == 26985  # Maryland state plane in metres


@pytest.mark.parametrize(
    ("crs", "said"),
    [
        ("EPSG:4326", "not projected"),
        ("EPSG:2248", "US survey foot"),  # Maryland state plane in feet
        ("EPSG:3857", "does not fit this place"),  # Web Mercator
        ("EPSG:32632", "does not fit this place"),  # a zone an ocean away
        ("EPSG:999999", "no coordinate reference system"),
        ("nonsense", "no coordinate reference system"),
    ],
)
def test_other_crs_are_refused_with_the_call_that_mends_it(crs, said):
    with pytest.raises(InputError, match=said) as caught:
        metric_crs(crs, *BALTIMORE)
    assert "crs" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "lon", "lat", "country"),
    [
        ("Baltimore", -76.61, 39.29, "us"),
        ("Lakeland", -81.95, 28.04, "us"),
        ("Seattle", -122.33, 47.61, "us"),
        ("San Diego", -117.16, 32.72, "us"),
        ("El Paso", -106.49, 31.80, "us"),
        ("Detroit", -83.10, 42.38, "us"),
        ("Buffalo", -78.85, 42.90, "us"),
        ("Key West", -81.78, 24.56, "us"),
        ("Caribou, Maine", -68.01, 46.86, "us"),
        ("Anchorage", -149.90, 61.22, "us"),
        ("Juneau", -134.42, 58.30, "us"),
        ("Honolulu", -157.86, 21.31, "us"),
        ("San Juan", -66.11, 18.42, "us"),
        ("Monaco", 7.42, 43.74, "world"),
        ("Toronto", -79.38, 43.65, "world"),
        ("Montreal", -73.57, 45.50, "world"),
        ("Vancouver", -123.12, 49.28, "world"),
        ("Victoria", -123.37, 48.43, "world"),
        ("Windsor, Ontario", -83.00, 42.27, "world"),
        ("Tijuana", -117.02, 32.50, "world"),
        ("Ciudad Juarez", -106.43, 31.66, "world"),
        ("Whitehorse", -135.05, 60.72, "world"),
        ("Nassau", -77.35, 25.06, "world"),
        ("Havana", -82.37, 23.11, "world"),
        ("Halifax", -63.57, 44.65, "world"),
    ],
)
def test_country_of_a_place(name, lon, lat, country):
    assert country_of(lon, lat) == country, name


def test_country_can_be_given():
    assert named_country("world", *BALTIMORE) == "world"
    assert named_country(None, *BALTIMORE) == "us"
    with pytest.raises(UnknownNameError, match="usa"):
        named_country("usa", *BALTIMORE)
