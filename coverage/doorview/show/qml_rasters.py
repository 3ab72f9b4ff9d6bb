"""QGIS styles of the rasters, as QML text: one colour per class, nothing where nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from xml.sax.saxutils import quoteattr

import numpy as np

from doorview.show.style import BREAKS, SHARE_COLOURS, THEFT_COLOURS, class_labels

__all__ = ["chance_style", "count_style", "density_style"]

_COUNT_ENDS: tuple[int, ...] = (1, 2, 5, 10, 20)
"""Upper ends of the classes of numbers of doors but the last."""
_CLEAR = "#ffffff"


def _discrete(
    ends: Sequence[float], colours: Sequence[str], labels: Sequence[str], *, clear: bool, opacity: float = 1.0
) -> str:
    """Return the style of classes by their upper ends, which belong to them; `clear`: the first is not drawn."""
    items = "".join(
        f'<item value="{"inf" if np.isinf(end) else repr(float(end))}" color="{colour}" '
        f'alpha="{0 if clear and place == 0 else 255}" label={quoteattr(label)}/>\n'
        for place, (end, colour, label) in enumerate(zip(ends, colours, labels, strict=True))
    )
    top = float(max(end for end in ends if not np.isinf(end)))
    return (
        '<!DOCTYPE qgis PUBLIC "http://mrcc.com/qgis.dtd" "SYSTEM">\n'
        '<qgis version="3.28.0" styleCategories="Symbology">\n<pipe>\n'
        '<provider><resampling enabled="false" zoomedInResamplingMethod="nearestNeighbour" '
        'zoomedOutResamplingMethod="nearestNeighbour" maxOversampling="2"/></provider>\n'
        f'<rasterrenderer type="singlebandpseudocolor" band="1" opacity="{opacity:g}" alphaBand="-1" nodataColor="" '
        f'classificationMin="0" classificationMax="{top!r}">\n<rasterTransparency/>\n'
        "<minMaxOrigin><limits>None</limits><extent>WholeRaster</extent><statAccuracy>Estimated</statAccuracy>"
        "</minMaxOrigin>\n"
        f'<rastershader><colorrampshader colorRampType="DISCRETE" classificationMode="1" clip="0" '
        f'minimumValue="0" maximumValue="{top!r}" labelPrecision="4">\n{items}</colorrampshader></rastershader>\n'
        '</rasterrenderer>\n<brightnesscontrast brightness="0" contrast="0" gamma="1"/>\n'
        '<huesaturation colorizeOn="0" grayscaleMode="0" saturation="0"/>\n<rasterresampler maxOversampling="2"/>\n'
        "</pipe>\n<blendMode>0</blendMode>\n</qgis>\n"
    )


def count_style(what: str) -> str:
    """Return the style of a raster of whole numbers, as doors that see each cell; 0 is not drawn."""
    ends = [0.0, *map(float, _COUNT_ENDS), float("inf")]
    words = [
        f"{low + 1} to {high} {what}" if high > low + 1 else f"{high} {what}" for low, high in pairwise(_COUNT_ENDS)
    ]
    labels = ["none", f"1 {what.removesuffix('s')}", *words, f"more than {_COUNT_ENDS[-1]} {what}"]
    return _discrete(ends, [_CLEAR, *SHARE_COLOURS], labels, clear=True)


def chance_style() -> str:
    """Return the style of a raster of chances, in the classes of the maps; 0 is not drawn."""
    ends = [0.0, *BREAKS, float("inf")]
    return _discrete(ends, [_CLEAR, *SHARE_COLOURS], ["none", *class_labels()], clear=True)


def density_style(largest: float, unit: str) -> str:
    """Return the style of a surface from 0 to `largest`, in classes of equal width."""
    top = float(largest) if np.isfinite(largest) and largest > 0 else 1.0
    steps = [top * place / len(THEFT_COLOURS) for place in range(1, len(THEFT_COLOURS))]
    shown = [f"{step:.3g}" for step in steps]
    labels = [f"up to {shown[0]} {unit}", *(f"{low} to {high}" for low, high in pairwise(shown)), f"over {shown[-1]}"]
    return _discrete([*steps, float("inf")], THEFT_COLOURS, labels, clear=False, opacity=0.75)
