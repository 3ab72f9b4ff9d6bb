"""QGIS styles of the layers, as QML text. Names of columns are escaped: they may come from a study file."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from doorview.city.classes import CLASSES
from doorview.show.style import (
    BREAKS,
    HOT_SPOT_COLOURS,
    INK,
    NONE_IN_VIEW,
    SHARE_COLOURS,
    THEFT_COLOURS,
    class_labels,
    rgb,
    spread_colours,
)

__all__ = ["ground_style", "hotspot_style", "line_style", "share_style", "theft_streets_style", "zone_style"]

WINDOW_CLASSES = {
    "hot spot": "hot spot of the whole window (Gi*)",
    "high among high": "many among many (local Moran's I)",
}
"""Classes of the longer window, beside those over time."""

_HEAD = (
    '<!DOCTYPE qgis PUBLIC "http://mrcc.com/qgis.dtd" "SYSTEM">\n<qgis version="3.28.0" styleCategories="Symbology">\n'
)

_GROUND_COLOURS: dict[str, str] = {
    "building": "#c8c8c8",
    "restricted": "#b5aaa0",
    "carriageway": "#e0e0de",
    "alley": "#d3cdc0",
    "sidewalk": "#d9b98a",
    "square": "#e6cfa0",
    "path": "#cdae6f",
    "driveway": "#ececea",
    "verge": "#cfdcb8",
    "water": "#c2d7e6",
    "park": "#b4cf9e",
    "other": "#c6d6c4",
    "facade_strip": "#ececec",
    "yard": "#f5f5f5",
}


def _colour(colour: str, alpha: int = 255) -> str:
    red, green, blue = rgb(colour)
    return f"{red},{green},{blue},{alpha}"


def _symbol(kind: str, name: str, layer: str, options: dict[str, str]) -> str:
    inner = "".join(f'<Option type="QString" name={quoteattr(k)} value={quoteattr(v)}/>' for k, v in options.items())
    return (
        f'<symbol type="{kind}" name={quoteattr(name)} alpha="1" clip_to_extent="1">'
        f'<layer class="{layer}" enabled="1" pass="0" locked="0"><Option type="Map">{inner}</Option></layer></symbol>\n'
    )


def _line(name: str, colour: str, width_mm: float) -> str:
    options = {
        "line_color": _colour(colour),
        "line_width": f"{width_mm:g}",
        "line_width_unit": "MM",
        "line_style": "solid",
        "capstyle": "round",
        "joinstyle": "round",
    }
    return _symbol("line", name, "SimpleLine", options)


def _renderer(kind: str, attribute: str, inner: str, symbols: Sequence[str]) -> str:
    attr = f" attr={quoteattr(attribute)}" if attribute else ""
    body = f'<renderer-v2 type="{kind}"{attr}>\n{inner}<symbols>\n{"".join(symbols)}</symbols>\n</renderer-v2>\n'
    return f"{_HEAD}{body}</qgis>\n"


def line_style(colour: str, width_mm: float) -> str:
    """Return the style of lines in one colour."""
    return _renderer("singleSymbol", "", "", [_line("0", colour, width_mm)])


def share_style(column: str, breaks: tuple[float, ...] = BREAKS) -> str:
    """Return the style of block faces: the share classes of the maps over `column`."""
    ends = [0.0, 1e-12, *breaks, 1.0]
    labels = ["none in view", *class_labels(breaks)]
    ranges = "".join(
        f'<range symbol="{place}" lower="{ends[place]!r}" upper="{ends[place + 1]!r}" '
        f'label={quoteattr(label)} render="true"/>\n'
        for place, label in enumerate(labels)
    )
    symbols = [_line(str(place), colour, 0.9) for place, colour in enumerate((NONE_IN_VIEW, *SHARE_COLOURS))]
    quoted = '"' + column.replace('"', '""') + '"'
    return _renderer("graduatedSymbol", quoted, f"<ranges>\n{ranges}</ranges>\n", symbols)


def ground_style() -> str:
    """Return the style of the ground by its column ``class``."""
    categories = "".join(
        f'<category symbol="{place}" value={quoteattr(item.name)} label={quoteattr(item.label)} render="true"/>\n'
        for place, item in enumerate(CLASSES)
    )
    symbols = [
        _symbol("fill", str(place), "SimpleFill", {"color": _colour(_GROUND_COLOURS[item.name]), "outline_style": "no"})
        for place, item in enumerate(CLASSES)
    ]
    return _renderer("categorizedSymbol", "class", f"<categories>\n{categories}</categories>\n", symbols)


def zone_style() -> str:
    """Return the style of zones: an outline without fill."""
    options = {"style": "no", "color": "0,0,0,0", "outline_color": _colour("#555555"), "outline_width": "0.5"}
    return _renderer("singleSymbol", "", "", [_symbol("fill", "0", "SimpleFill", options)])


def hotspot_style() -> str:
    """Return the style of hot spots by their column ``class``.

    Classes over time have the colours of the map; the two tests of the longer window are outlines over them.
    """
    categories = "".join(
        f'<category symbol="{place}" value={quoteattr(name)} label={quoteattr(label)} render="true"/>\n'
        for place, (name, label) in enumerate(
            [
                *((name, f"{name} hot spot of reported thefts") for name in HOT_SPOT_COLOURS),
                *WINDOW_CLASSES.items(),
            ]
        )
    )
    edges = [{"outline_color": _colour(INK), "outline_width": "0.26"}] * len(HOT_SPOT_COLOURS)
    fills = [{"color": _colour(colour, 204)} for colour in HOT_SPOT_COLOURS.values()]
    for style in ("solid", "dash"):
        edges.append({"outline_color": _colour(INK), "outline_width": "0.6", "outline_style": style})
        fills.append({"color": "0,0,0,0", "style": "no"})
    symbols = [
        _symbol("fill", str(place), "SimpleFill", {**fill, **edge})
        for place, (fill, edge) in enumerate(zip(fills, edges, strict=True))
    ]
    return _renderer("categorizedSymbol", "class", f"<categories>\n{categories}</categories>\n", symbols)


def theft_streets_style(column: str, ends: Sequence[float]) -> str:
    """Return the style of streets by reported thefts per km and month in `column`, classes from 0 to `ends`."""
    ranges = "".join(
        f'<range symbol="{place}" lower="{low!r}" upper="{high!r}" label={quoteattr(f"{low:g} to {high:g}")} '
        'render="true"/>\n'
        for place, (low, high) in enumerate(zip((0.0, *ends[:-1]), ends, strict=True))
    )
    colours = spread_colours(THEFT_COLOURS, len(ends))
    symbols = [_line(str(place), colour, 1.0) for place, colour in enumerate(colours)]
    quoted = '"' + column.replace('"', '""') + '"'
    return _renderer("graduatedSymbol", quoted, f"<ranges>\n{ranges}</ranges>\n", symbols)
