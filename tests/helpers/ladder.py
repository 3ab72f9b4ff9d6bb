"""A ladder of streets whose routes can be worked out by hand."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from doorview.city.model import City
from doorview.city.tags import KEYS

UTM = CRS.from_epsg(32618)


def table(layer, shapes, tags=(), nodes=None):
    index = pd.Index([f"w{number + 1}" for number in range(len(shapes))], name="osm_id", dtype=object)
    rows = list(tags) or [{}] * len(shapes)
    columns = {key: pd.Series([row.get(key) for row in rows], index=index, dtype=object) for key in KEYS[layer]}
    made = gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(list(shapes), index=index, crs=UTM), crs=UTM)
    if layer == "ways":
        lists = nodes if nodes is not None else [None] * len(shapes)
        held = np.empty(len(shapes), dtype=object)
        held[:] = [None if item is None else np.asarray(item, np.int64) for item in lists]
        made["nodes"] = pd.Series(held, index=index, dtype=object)
    return made


def city_of(ways, country="us"):
    """Return a city of ways (points, tags, node ids or None), and nothing else."""
    shapes = [shapely.LineString(points) for points, _, _ in ways]
    streets = table("ways", shapes, [tags for _, tags, _ in ways], [nodes for _, _, nodes in ways])
    empty = {layer: table(layer, []) for layer in ("buildings", "areas", "barriers", "addresses", "entrances")}
    return City(
        name="ladder",
        crs=UTM,
        extent=shapely.box(-1000, -1000, 1000, 1000),
        boundary=None,
        country=country,
        ways=streets,
        parcels=None,
        source={"kind": "layers", "files": [], "data_date": None, "attribution": ""},
        dropped={},
        **empty,
    )


def ladder(rungs=3, step=100.0, width=50.0, tags=None):
    """Two rails along x, `width` apart, with rungs every `step` from x = 0: node 10 + i south, 20 + i north."""
    street = tags or {"highway": "residential"}
    at = [step * number for number in range(rungs)]
    ways = [
        ([(x, 0.0) for x in at], street, [10 + i for i in range(rungs)]),
        ([(x, width) for x in at], street, [20 + i for i in range(rungs)]),
    ]
    ways += [([(x, 0.0), (x, width)], street, [10 + i, 20 + i]) for i, x in enumerate(at)]
    return city_of(ways)
