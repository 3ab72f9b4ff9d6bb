"""A QGIS project of a run's layers: ``map.qgz``, a zip of one XML file, whose paths are relative to its folder.

Element names are those that QGIS 3 writes. Everything that came from data is escaped.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

import pyproj

from doorview.errors import InputError
from doorview.show.files import replacing
from doorview.show.text import clean

__all__ = ["ProjectGroup", "ProjectLayer", "write_project"]

Bounds = tuple[float, float, float, float]
_VERSION = "3.28.0"
_SOURCE_DATE = (1980, 1, 1, 0, 0, 0)
"""The first date that a zip knows, so that the same project gives the same bytes."""


@dataclass(frozen=True)
class ProjectLayer:
    """One layer of a project.

    Attributes
    ----------
    key
        Unique in the project: letters, digits and underscores, more than 10 of them.
    title
        What the list of layers shows.
    file, table
        The file's name in the project's folder, and the layer in it (None: a raster).
    geometry
        ``Point``, ``Line``, ``Polygon``, or ``Raster``.
    crs
        The layer's CRS.
    style
        QML.
    note
        What a reader has to know, in the layer's properties; `licence` and `rights` too.
    shown
        Whether it is drawn when the project is opened.
    expanded
        Whether its legend is open.

    """

    key: str
    title: str
    file: str
    table: str | None
    geometry: Literal["Point", "Line", "Polygon", "Raster"]
    crs: pyproj.CRS
    style: str
    note: str = ""
    licence: str = ""
    rights: str = ""
    shown: bool = True
    expanded: bool = False

    @property
    def source(self) -> str:
        """Data source as QGIS writes it, relative to the project."""
        return f"./{self.file}" if self.table is None else f"./{self.file}|layername={self.table}"

    @property
    def provider(self) -> str:
        """Name of what reads it in QGIS."""
        return "gdal" if self.geometry == "Raster" else "ogr"


@dataclass(frozen=True)
class ProjectGroup:
    """Layers that stand together, the topmost first."""

    title: str
    layers: tuple[ProjectLayer, ...]
    shown: bool = True


def _crs(crs: pyproj.CRS) -> str:
    authority = crs.to_authority(min_confidence=100)
    named = f"<authid>{escape(':'.join(authority))}</authid>" if authority else ""
    if authority and authority[0] == "EPSG":
        named = f"<srid>{escape(authority[1])}</srid>{named}"
    return (
        f'<spatialrefsys nativeFormat="Wkt"><wkt>{escape(crs.to_wkt())}</wkt>{named}'
        f"<description>{escape(clean(crs.name, 120))}</description></spatialrefsys>"
    )


def _metadata(layer: ProjectLayer) -> str:
    licence = f"<license>{escape(clean(layer.licence, 300))}</license>" if layer.licence else ""
    rights = f"<rights>{escape(clean(layer.rights, 300))}</rights>" if layer.rights else ""
    return (
        f"<resourceMetadata><title>{escape(clean(layer.title, 200))}</title>"
        f"<abstract>{escape(clean(layer.note, 1500))}</abstract>{licence}{rights}</resourceMetadata>"
    )


def _inner(style: str) -> str:
    """Return what stands inside the element `qgis` of a QML style: a project keeps it inside the layer."""
    _, found, rest = style.partition("<qgis")
    body, end, _ = rest.partition(">")[2].rpartition("</qgis>")
    if not found or not end:
        raise InputError("a layer's style is no QML: it needs an element <qgis> around it.")
    return body.strip()


def _map_layer(layer: ProjectLayer) -> str:
    kind = 'type="raster"' if layer.geometry == "Raster" else f'type="vector" geometry="{layer.geometry}"'
    encoding = "" if layer.geometry == "Raster" else ' encoding="UTF-8"'
    return (
        f'<maplayer {kind} hasScaleBasedVisibilityFlag="0" readOnly="0" autoRefreshEnabled="0">\n'
        f"<id>{escape(layer.key)}</id>\n<datasource>{escape(layer.source)}</datasource>\n"
        f"<layername>{escape(clean(layer.title, 200))}</layername>\n<srs>{_crs(layer.crs)}</srs>\n"
        f"{_metadata(layer)}\n<provider{encoding}>{layer.provider}</provider>\n{_inner(layer.style)}\n</maplayer>\n"
    )


def _tree(group: ProjectGroup) -> str:
    rows = "".join(
        f"<layer-tree-layer id={quoteattr(layer.key)} name={quoteattr(clean(layer.title, 200))} "
        f'source={quoteattr(layer.source)} providerKey="{layer.provider}" '
        f'checked="{_state(layer.shown)}" expanded="{int(layer.expanded)}"><customproperties/></layer-tree-layer>\n'
        for layer in group.layers
    )
    return (
        f'<layer-tree-group name={quoteattr(clean(group.title, 200))} checked="{_state(group.shown)}" '
        f'expanded="1"><customproperties/>\n{rows}</layer-tree-group>\n'
    )


def _state(checked: bool) -> str:
    return "Qt::Checked" if checked else "Qt::Unchecked"


def _property(name: str, kind: str, value: object) -> str:
    return f'<{name} type="{kind}">{escape(str(value))}</{name}>'


def _properties(label: str) -> str:
    """Return the project's properties: relative paths, the CRS in force, and the label inside the picture."""
    decoration = "".join(
        (
            _property("Enabled", "bool", "true"),
            _property("Label", "QString", label),
            _property("Placement", "int", 0),
            _property("MarginH", "int", 2),
            _property("MarginV", "int", 2),
            _property("Color", "QString", "#1a1a1a"),
        )
    )
    return (
        f"<properties>\n<Paths>{_property('Absolute', 'bool', 'false')}</Paths>\n"
        f"<SpatialRefSys>{_property('ProjectionsEnabled', 'int', 1)}</SpatialRefSys>\n"
        f"<Measurement>{_property('AreaUnits', 'QString', 'm2')}{_property('DistanceUnits', 'QString', 'meters')}"
        f"</Measurement>\n<CopyrightLabel>{decoration}</CopyrightLabel>\n</properties>\n"
    )


def project_xml(
    title: str, groups: Sequence[ProjectGroup], *, crs: pyproj.CRS, extent: Bounds, label: str, about: str
) -> str:
    """Return a project's XML; see `write_project`."""
    layers = [layer for group in groups for layer in group.layers]
    name = clean(title, 200)
    box = "".join(
        f"<{side}>{value!r}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), extent, strict=True)
    )
    order = "".join(f"<layer id={quoteattr(layer.key)}/>" for layer in layers)
    unit = "degrees" if crs.is_geographic else "meters"
    return (
        '<!DOCTYPE qgis PUBLIC "http://mrcc.com/qgis.dtd" "SYSTEM">\n'
        f'<qgis projectname={quoteattr(name)} version="{_VERSION}">\n<homePath path=""/>\n'
        f'<title>{escape(name)}</title>\n<autotransaction active="0"/>\n<trust active="0"/>\n'
        f"<projectCrs>{_crs(crs)}</projectCrs>\n"
        f"<layer-tree-group><customproperties/>\n{''.join(map(_tree, groups))}"
        '<custom-order enabled="0"/></layer-tree-group>\n'
        f'<mapcanvas name="theMapCanvas" annotationsVisible="1"><units>{unit}</units><extent>{box}</extent>'
        f"<rotation>0</rotation><destinationsrs>{_crs(crs)}</destinationsrs></mapcanvas>\n"
        f"<projectlayers>\n{''.join(map(_map_layer, layers))}</projectlayers>\n<layerorder>{order}</layerorder>\n"
        f"{_properties(label)}"
        f"<projectMetadata><title>{escape(name)}</title><abstract>{escape(clean(about, 4000))}</abstract>"
        "</projectMetadata>\n</qgis>\n"
    )


def write_project(
    path: str | os.PathLike[str],
    title: str,
    groups: Sequence[ProjectGroup],
    *,
    crs: pyproj.CRS,
    extent: Bounds,
    label: str,
    about: str,
) -> None:
    """Write a QGIS project (.qgz), whole or not at all; the same project gives the same bytes.

    Parameters
    ----------
    path
        File beside the files of its layers.
    title, about
        Name of the project, and what a reader has to know of it.
    groups
        The topmost first.
    crs
        CRS of the map.
    extent
        What is shown first: west, south, east, north in `crs`.
    label
        What stands inside every picture, lines parted by line ends.

    Raises
    ------
    InputError
        For layers without a style, and for two of the same key.

    """
    keys = [layer.key for group in groups for layer in group.layers]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise InputError(f"two layers of a QGIS project have the same key: {', '.join(twice)}.")
    text = project_xml(title, groups, crs=crs, extent=extent, label=label, about=about)
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as file:
        entry = zipfile.ZipInfo(f"{Path(path).stem}.qgs", date_time=_SOURCE_DATE)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        entry.create_system = 3  # not the writing system's, so that all write the same bytes
        file.writestr(entry, text.encode("utf-8"))
