"""Coordinate reference systems of a city, and the country whose street widths it takes by default."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS, Proj
from pyproj.exceptions import CRSError, ProjError

from doorview.errors import InputError, UnknownNameError

__all__ = [
    "COUNTRIES",
    "LARGEST_SCALE_ERROR",
    "WGS84",
    "country_of",
    "local_utm",
    "metric_crs",
    "named_country",
    "project",
]

WGS84 = CRS.from_epsg(4326)
COUNTRIES: tuple[str, ...] = ("us", "world")
"""Keys of the street-width defaults."""

LARGEST_SCALE_ERROR = 0.01
"""How far a metre of the CRS may be from a metre on the ground. UTM errs by 0.0010 at the edge of its zone, state
planes by less;
Web Mercator errs by 0.3 at Baltimore, which no range of a camera survives."""


def local_utm(lon: float, lat: float) -> CRS:
    """Return the WGS 84 / UTM zone of a place [degrees], with the exceptions of Norway and Svalbard.

    Raises:
        InputError: beyond 84 degrees north or 80 degrees south, where UTM ends.
    """
    if not (-180.0 <= lon <= 180.0 and -80.0 <= lat <= 84.0):
        raise InputError(
            f"the middle of the buildings lies at longitude {lon:g}, latitude {lat:g}, where no UTM zone reaches, so "
            "there is no local "
            "projection to compute in. Check the coordinates, or give a projected CRS in metres, e.g. crs='EPSG:3413'."
        )
    zone = min(int((lon + 180.0) // 6.0) + 1, 60)
    if 56.0 <= lat < 64.0 and 3.0 <= lon < 12.0:
        zone = 32
    elif lat >= 72.0 and 0.0 <= lon < 42.0:
        zone = 31 if lon < 9.0 else 33 if lon < 21.0 else 35 if lon < 33.0 else 37
    return CRS.from_epsg((32600 if lat >= 0 else 32700) + zone)


def metric_crs(crs: CRS | str | int | None, lon: float, lat: float) -> CRS:
    """Return the CRS to compute in: the one asked for, if its axes are metres on the ground, else UTM.

    Args:
        crs: what `pyproj.CRS.from_user_input` takes, or None for the local UTM zone.
        lon: longitude of the place [degrees].
        lat: latitude of the place [degrees].

    Raises:
        InputError: an unknown CRS, one in degrees or feet, or one whose metres are no metres at this place.
    """
    if crs is None:
        return local_utm(lon, lat)
    try:
        asked = CRS.from_user_input(crs)
    except CRSError as error:
        raise InputError(
            f"crs={crs!r} is no coordinate reference system that PROJ knows, so the city cannot be projected. Give "
            "an EPSG code such as "
            "crs='EPSG:26918', or leave crs out for the local UTM zone."
        ) from error
    mend = "Leave crs out for the local UTM zone, or give a projected CRS in metres, e.g. crs='EPSG:26918'."
    if not asked.is_projected:
        raise InputError(
            f"crs={crs!r} ({asked.name}) is not projected: its axes are degrees, and ranges are metres. {mend}"
        )
    units = {axis.unit_name for axis in asked.axis_info[:2]}
    if not units <= {"metre", "meter", "m"}:
        raise InputError(
            f"crs={crs!r} ({asked.name}) has axes in {', '.join(sorted(units))}, and computing is in metres. Feet "
            "and state plane "
            f"are matters of output: compute in metres and convert what is written, e.g. table.to_crs({crs!r}), or "
            "in a study file the "
            f"output CRS. {mend}"
        )
    try:
        factors = Proj(asked).get_factors(lon, lat, errcheck=True)
        scales = np.array([factors.meridional_scale, factors.parallel_scale], dtype=np.float64)
    except ProjError:
        scales = np.array([math.inf, math.inf])
    worst = float(np.abs(scales - 1.0).max())
    if not worst <= LARGEST_SCALE_ERROR:
        raise InputError(
            f"crs={crs!r} ({asked.name}) does not fit this place: at longitude {lon:.3f}, latitude {lat:.3f} one "
            "metre of it is "
            f"{scales[0]:.3f} m on the ground northward and {scales[1]:.3f} m eastward, so ranges would be wrong. "
            f"{mend}"
        )
    return asked


# Coarse outlines of the United States, drawn by hand for this purpose [degrees, longitude then latitude]: some 5 to
# 20 km off along
# land borders, generous at sea. Enough to choose a table of street widths, for nothing else; `country=` overrides it.
_CONTIGUOUS = (
    (-124.9, 48.45), (-123.7, 48.22), (-123.2, 48.3), (-123.25, 48.7), (-123.05, 49.0), (-95.15, 49.0),
    (-95.15, 49.38), (-94.6, 48.72), (-93.4, 48.6), (-92.0, 48.3), (-90.8, 48.2), (-89.5, 48.0), (-88.4, 48.25),
    (-86.0, 47.4), (-84.8, 46.7), (-84.35, 46.5), (-84.1, 46.2), (-83.5, 46.05), (-83.4, 45.7), (-82.5, 45.3),
    (-82.3, 43.3), (-82.42, 43.0), (-82.5, 42.6), (-82.85, 42.37), (-83.05, 42.32), (-83.13, 42.2), (-83.13, 41.98),
    (-82.7, 41.68), (-81.2, 42.2), (-79.0, 42.8), (-78.91, 42.93), (-79.06, 43.08), (-79.05, 43.26), (-79.2, 43.45),
    (-78.7, 43.63), (-76.8, 43.63), (-76.4, 44.1), (-75.8, 44.43), (-75.3, 44.83), (-74.7, 45.0), (-71.5, 45.01),
    (-70.9, 45.25), (-70.4, 45.75), (-70.25, 46.2), (-70.0, 46.7), (-69.2, 47.45), (-68.3, 47.35), (-67.8, 47.07),
    (-67.8, 45.7), (-67.3, 45.15), (-66.97, 44.85), (-66.8, 44.5), (-69.5, 42.8), (-69.5, 41.0), (-73.5, 40.2),
    (-73.5, 39.0), (-75.0, 36.5), (-75.2, 35.0), (-79.0, 32.0), (-80.5, 30.0), (-79.8, 27.0), (-79.9, 25.0),
    (-81.0, 24.3), (-82.5, 24.3), (-83.2, 27.5), (-84.5, 29.0), (-88.5, 28.8), (-94.0, 29.0), (-96.8, 27.5),
    (-97.0, 25.95), (-97.5, 25.88), (-98.2, 26.06), (-99.1, 26.4), (-99.51, 27.5), (-100.3, 28.28), (-100.51, 28.71),
    (-101.4, 29.77), (-102.3, 29.88), (-102.7, 29.7), (-103.15, 28.98), (-104.5, 29.6), (-104.9, 30.6),
    (-106.4, 31.74), (-106.53, 31.783), (-108.21, 31.783), (-108.21, 31.333), (-111.07, 31.333), (-114.81, 32.5),
    (-114.72, 32.72), (-117.12, 32.534), (-117.6, 32.5), (-119.5, 32.8), (-121.5, 34.0), (-123.5, 37.0),
    (-124.9, 40.3), (-125.0, 43.0),
)  # fmt: skip
_ALASKA = (
    (-141.0, 60.3), (-141.0, 71.0), (-156.8, 72.0), (-167.5, 69.0), (-168.9, 65.8), (-173.0, 63.5), (-174.0, 59.0),
    (-180.0, 54.0), (-180.0, 51.0), (-165.0, 52.5), (-152.0, 56.0), (-138.0, 56.5), (-133.8, 54.4), (-130.1, 54.7),
    (-130.0, 56.0), (-132.0, 57.0), (-133.5, 58.5), (-135.0, 59.65), (-136.5, 59.4), (-137.5, 58.9), (-139.0, 60.1),
)  # fmt: skip
_UNITED_STATES = shapely.MultiPolygon(
    [
        shapely.Polygon(_CONTIGUOUS),
        shapely.Polygon(_ALASKA),
        shapely.box(172.0, 51.0, 180.0, 53.5),  # the outer Aleutians
        shapely.box(-160.6, 18.8, -154.7, 22.4),  # Hawaii
        shapely.box(-68.0, 17.8, -65.2, 18.6),  # Puerto Rico
    ]
)


def country_of(lon: float, lat: float) -> str:
    """Return the key of the street-width defaults at a place [degrees]: ``us`` in the United States, else ``world``.

    By a coarse outline (some 5 to 20 km off along land borders): beside a border, give ``country=`` yourself.
    """
    return "us" if bool(_UNITED_STATES.intersects(shapely.Point(lon, lat))) else "world"


def named_country(country: str | None, lon: float, lat: float) -> str:
    """Return `country` if it is a key of the street-width defaults, or the one of the place if it is None.

    Raises:
        UnknownNameError: a country without a table.
    """
    if country is None:
        return country_of(lon, lat)
    if country not in COUNTRIES:
        raise UnknownNameError("country", country, COUNTRIES, "Leave country out to have it chosen by the place.")
    return country


def project(layer: gpd.GeoDataFrame, crs: CRS) -> gpd.GeoDataFrame:
    """Return a layer in `crs`, x east and y north; the same table where it is already."""
    return layer if layer.crs == crs else layer.to_crs(crs)
