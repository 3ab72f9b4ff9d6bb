"""Which OSM objects become which layer of a city, and which of their tags are kept.

Keys are kept verbatim, as columns of the layer. The lists are finite on purpose: a layer has the same columns
whatever the file.

The rules, in words:

- ``building=*`` on an area (not ``building=no``) is a building and nothing else.
- ``highway=*`` on a line is a way; with ``area=yes`` on a closed line, or on a multipolygon, it is an area and no
  way. A closed ``highway=pedestrian`` without ``area=yes`` is a way, as is a roundabout.
- An area carries one of `AREA_TAGS`. A closed way with ``highway=*`` is an area too where one of
  `AREA_BESIDE_HIGHWAY` says so (``place=square``); ``area=no`` is never an area.
- ``barrier=*`` on a way is a barrier, closed or not, beside whatever else it is; the edge of an area is a line as well.
- ``natural=tree`` on a node is a tree, ``natural=tree_row`` on a way a row of trees; ``building:part=*`` on an area
  that is no building is a part of one, beside whatever else it is.
- ``man_made=surveillance`` on a node is a known camera, beside whatever else it is.
- A node with one of `PLACE_TAGS` is a place that people walk to, as a school or a stop, beside whatever else it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "AREA_BESIDE_HIGHWAY",
    "AREA_TAGS",
    "KEYS",
    "LAYERS",
    "LINE_OR_AREA",
    "NODE_KEYS",
    "OPTIONAL_LAYERS",
    "PLACE_TAGS",
    "POLYGON_LAYERS",
    "WAY_KEYS",
    "is_area",
    "is_building",
    "is_building_part",
    "is_place",
    "is_surveillance",
    "is_tree",
    "is_tree_row",
    "is_way",
]

LAYERS: tuple[str, ...] = (
    "buildings",
    "ways",
    "areas",
    "barriers",
    "addresses",
    "entrances",
    "parcels",
    "surveillance",
    "places",
    "trees",
    "tree_rows",
    "parts",
)
"""All layers of a city; `parcels` comes only from the user."""

OPTIONAL_LAYERS: frozenset[str] = frozenset({"parcels", "surveillance", "places", "trees", "tree_rows", "parts"})
"""Layers that are None, rather than empty, where the source says nothing about them."""

POLYGON_LAYERS: frozenset[str] = frozenset({"buildings", "areas", "parcels", "parts"})

_ADDRESS = (
    "addr:housenumber", "addr:housename", "addr:street", "addr:place", "addr:unit", "addr:flats", "addr:door",
    "addr:floor",
    "addr:entrance", "addr:city", "addr:postcode", "addr:interpolation",
)  # fmt: skip
_USE = (
    "amenity",
    "shop",
    "office",
    "tourism",
    "leisure",
    "craft",
    "healthcare",
    "man_made",
    "military",
    "historic",
    "club",
)

KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "buildings": (
            "building", *_ADDRESS, "building:flats", "building:levels", "building:min_level", "building:use",
            "building:units",
            "building:height", "residential", "addr:country",
            "roof:levels", "roof:height", "height", "est_height", "min_height",
            "layer",
            "location", "level", "entrance", *_USE, "landuse", "aeroway", "railway", "power", "public_transport",
            "emergency",
            "abandoned", "disused", "ruins", "construction", "covered", "wall", "area", "access", "name",
        ),
        "ways": (
            "highway", "name", "alt_name", "old_name", "official_name", "short_name", "loc_name", "ref", "service",
            "footway", "cycleway", "path", "crossing", "bicycle", "foot", "access",
            "motor_vehicle", "vehicle", "horse", "motorroad", "oneway", "junction", "lanes", "lanes:forward",
            "lanes:backward",
            "width", "width:carriageway", "width:lanes", "est_width", "sidewalk", "sidewalk:left", "sidewalk:right",
            "sidewalk:both",
            "sidewalk:width", "sidewalk:left:width", "sidewalk:right:width", "sidewalk:both:width", "verge",
            "verge:both", "verge:left",
            "verge:right", "shoulder", "parking:lane:both", "parking:lane:left", "parking:lane:right",
            "parking:both", "parking:left",
            "parking:right", "cycleway:both", "cycleway:left", "cycleway:right", "cycleway:width",
            "dual_carriageway", "divider",
            "segregated", "tunnel", "covered", "arcade", "bridge", "layer", "level", "indoor", "location", "area",
            "surface", "tracktype",
            "maxspeed", "steps", "conveying", "construction", "proposed", "abandoned", "disused", "toll", "bus",
            "psv", "turn:lanes",
            "is_sidepath", "footway:surface", "living_street", "leisure", "man_made", "barrier", "railway",
        ),
        "areas": (
            "area", "area:highway", "highway", "leisure", "landuse", "landcover", "natural", "place", "amenity",
            "water", "waterway",
            "wetland", "railway", "public_transport", "military", "aeroway", "parking", "man_made", "tourism",
            "historic", "boundary",
            "playground", "garden:type", "garden", "golf", "sport", "barrier", "indoor", "access", "foot", "footway",
            "service", "fee",
            "ownership", "operator", "operator:type", "tunnel", "covered", "arcade", "bridge", "layer", "level",
            "location", "surface", "name",
            "intermittent", "residential", "cemetery", "religion", "construction", "building:part", "type", "power",
            "sidewalk", "class",
        ),
        "barriers": (
            "barrier", "height", "est_height", "min_height", "wall", "fence_type", "hedge", "material", "layer",
            "location", "level",
            "tunnel", "indoor", "access", "area", "name",
        ),
        "addresses": ("building", "entrance", "building:flats", *_ADDRESS, "addr:country",
        *_USE, "disused:shop", "level", "layer",
        "indoor", "access",
                      "name"),
        "entrances": ("entrance", "door", "access", "level", "layer", "indoor", "name", "building:flats", *_ADDRESS,
        *_USE, "barrier",
                      "wheelchair", "ref"),
        "parcels": ("ref", "landuse", "residential", "access", "name", *_ADDRESS, "building:flats"),
        "surveillance": ("man_made", "surveillance", "surveillance:type", "surveillance:zone", "camera:type",
        "camera:direction", "direction", "camera:angle", "camera:mount", "height", "operator"),
        "places": ("amenity", "leisure", "highway", "public_transport", "railway", "name", "operator", "disused",
        "abandoned", "indoor"),
        "trees": ("natural", "circumference", "diameter", "height", "layer", "location", "level", "indoor"),
        "tree_rows": ("natural", "circumference", "diameter", "height", "layer", "location", "level", "indoor"),
        "parts": ("building:part", "height", "min_height", "building:levels", "building:min_level", "layer",
        "location"),
    }
)  # fmt: skip
"""Columns of each layer, named as the OSM key."""

_GREEN = "open ground that may be public, or ground that is not"

AREA_TAGS: Mapping[str, tuple[frozenset[str] | None, str]] = MappingProxyType(
    {
        "area:highway": (None, "street space drawn as an area"),
        "leisure": (None, "parks, playgrounds, gardens, pitches: " + _GREEN),
        "landuse": (None, "common green, cemeteries, railway and military ground, and what surrounds homes"),
        "landcover": (None, _GREEN),
        "natural": (
            frozenset(
                {
                    "water", "bay", "strait", "wetland", "beach", "sand", "shingle", "mud", "wood", "scrub", "heath",
                    "grassland", "fell",
                    "bare_rock", "scree", "rock", "glacier", "shoal", "reef", "tundra", "shrubbery",
                }
            ),
            "water and wild ground; coastlines, cliffs and tree rows are lines",
        ),
        "place": (frozenset({"square"}), "squares; other places are names of regions"),
        "amenity": (
            frozenset(
                {
                    "parking", "parking_space", "bicycle_parking", "motorcycle_parking", "marketplace", "school",
                    "kindergarten", "college",
                    "university", "hospital", "clinic", "place_of_worship", "grave_yard", "fuel", "prison",
                    "events_venue", "bus_station",
                    "ferry_terminal", "fountain", "shelter", "taxi", "car_rental", "car_wash", "community_centre",
                    "social_facility",
                    "public_building", "townhall", "library", "fire_station", "police", "theatre", "biergarten",
                    "charging_station",
                }
            ),
            "grounds that are entered by rule of their owner, and markets",
        ),
        "water": (None, "water"),
        "waterway": (frozenset({"riverbank", "dock", "boatyard", "dam"}), "water; rivers and streams are lines"),
        "railway": (frozenset({"platform", "station", "yard", "turntable"}),
        "closed ground and platforms; rails are lines"),
        "public_transport": (frozenset({"platform", "station"}), "platforms"),
        "military": (None, "closed ground"),
        "aeroway": (
            frozenset({"aerodrome", "apron", "runway", "taxiway", "helipad", "heliport", "terminal"}), "closed ground",
        ),
        "parking": (None, "parking"),
        "man_made": (frozenset({"bridge", "pier", "breakwater", "groyne", "quay", "wastewater_plant", "works"}),
        "ground made by hand"),
        "tourism": (frozenset({"zoo", "theme_park", "camp_site", "caravan_site", "picnic_site", "museum",
        "attraction"}), _GREEN),
        "power": (frozenset({"substation", "plant"}), "closed ground"),
        "barrier": (frozenset({"hedge", "wall"}), "only with area=yes: ground that nobody walks on"),
    }
)  # fmt: skip
"""Keys that make a closed way or multipolygon an area: the values that count (None: all) and why."""

AREA_BESIDE_HIGHWAY: frozenset[str] = frozenset(
    {"area:highway", "landuse", "natural", "place", "amenity", "parking", "leisure"}
)
"""Keys that make a closed way an area although it is a way too: a square whose edge is tagged
``highway=pedestrian``."""

_LINES_BY_CUSTOM = frozenset({"track", "slipway"})
"""Values of leisure that are lines where ``highway=*`` stands beside them: the loop is the running track, not its
inside."""

LINE_OR_AREA: frozenset[str] = frozenset(
    {"railway", "public_transport", "man_made", "waterway", "barrier", "aeroway", "power", "highway", "parking"}
)
"""Keys of `AREA_TAGS` that lines carry too: an open way with no other of them is no fault, only no area."""

NODE_KEYS: tuple[str, ...] = ("addr:housenumber", "entrance")
WAY_KEYS: tuple[str, ...] = ("building", "highway", "barrier", *AREA_TAGS)


def is_building(tags: Mapping[str, str]) -> bool:
    """Return whether a closed way or multipolygon with these tags is a building."""
    return tags.get("building", "no") != "no"


def is_building_part(tags: Mapping[str, str]) -> bool:
    """Return whether a closed way or multipolygon with these tags is a part of a building, and no building."""
    return tags.get("building:part", "no") != "no" and not is_building(tags)


PLACE_TAGS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "amenity": frozenset(
            {
                "school", "kindergarten", "college", "university", "library", "community_centre", "townhall",
                "place_of_worship", "hospital", "clinic", "bus_station", "ferry_terminal",
            }
        ),
        "leisure": frozenset({"park", "playground"}),
        "highway": frozenset({"bus_stop"}),
        "public_transport": frozenset({"platform", "station"}),
        "railway": frozenset({"tram_stop", "station", "halt", "subway_entrance"}),
    }
)  # fmt: skip
"""Keys and values that make a node a place that people walk to: where walks begin and end."""


def is_place(tags: Mapping[str, str]) -> bool:
    """Return whether a node with these tags is a place that people walk to."""
    return any(tags.get(key) in values for key, values in PLACE_TAGS.items())


def is_tree(tags: Mapping[str, str]) -> bool:
    """Return whether a node with these tags is a single tree."""
    return tags.get("natural") == "tree"


def is_tree_row(tags: Mapping[str, str]) -> bool:
    """Return whether a way (closed or not) with these tags is a row of trees."""
    return tags.get("natural") == "tree_row"


def is_surveillance(tags: Mapping[str, str]) -> bool:
    """Return whether a node with these tags is a known camera, or a guard's post (the tag is used for both)."""
    return tags.get("man_made") == "surveillance"


def is_way(tags: Mapping[str, str]) -> bool:
    """Return whether a way (closed or not) with these tags is a line of the street network."""
    return "highway" in tags and tags["highway"] != "no" and tags.get("area") != "yes" and not is_building(tags)


def is_area(tags: Mapping[str, str], *, multipolygon: bool = False) -> bool:
    """Return whether a closed way or multipolygon with these tags is an area of the ground, as the module says."""
    area = tags.get("area")
    if area == "no" or is_building(tags):
        return False
    if "highway" in tags and (area == "yes" or multipolygon):
        return True
    beside_way = "highway" in tags
    for key, (values, _why) in AREA_TAGS.items():
        value = tags.get(key)
        if value is None or value == "no" or (values is not None and value not in values):
            continue
        if key == "barrier" and not (multipolygon or area == "yes"):
            continue
        if beside_way and (key not in AREA_BESIDE_HIGHWAY or value in _LINES_BY_CUSTOM):
            continue
        return True
    return False
