"""Files that are made to hang or swell a reader, told before one is started on them.

What is refused here no export writes: thousands of columns in a CSV, a GeoPackage whose layer is a stored question.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import geopandas as gpd
import pyogrio
import pyogrio.errors
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from doorview.errors import InputError

__all__ = [
    "UNREADABLE",
    "DamagedError",
    "check_header",
    "layers_in",
    "read_shapes",
    "refuse_view",
    "said_of_crs",
    "telling_damage",
    "usable_crs",
]


class DamagedError(Exception):
    """A file that GDAL opens and whose content is none: names that are no text, dates that there are not."""


UNREADABLE = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    shapely.errors.GEOSException,
    DamagedError,
)
"""What `layers_in` and `read_shapes` raise on a damaged file; the caller says what was wanted of it."""

MOST_COLUMNS = 5_000
_HEADER_BYTES = 1 << 20
_GPKG = (".gpkg",)


def check_header(path: Path) -> None:
    """Refuse a CSV whose first line is no header: readers need hours for a hundred thousand columns of one name.

    Raises
    ------
    InputError
        If the first line is longer than 1 MiB, or has more than `MOST_COLUMNS` columns.

    """
    try:
        with path.open("rb") as stream:
            line = stream.readline(_HEADER_BYTES + 1)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read ({error.strerror}). Check its permissions.") from error
    columns = 1 + max(line.count(b","), line.count(b";"))
    if len(line) > _HEADER_BYTES or columns > MOST_COLUMNS:
        raise InputError(
            f"{str(path)!r}: its first line, which must name the columns, has {len(line):,} bytes and {columns:,} "
            f"columns; {MOST_COLUMNS:,} are the most. It is no table, or its line breaks are lost: save it anew."
        )


def layers_in(path: Path) -> list[tuple[str, str | None]]:
    """Return the layers of a file, each with its kind of geometry, None where it has none. Raises `UNREADABLE`."""
    try:
        return [(str(name), kind) for name, kind in pyogrio.list_layers(path)]
    except ValueError as error:  # a name that is not UTF-8
        raise DamagedError(str(error)) from error


def read_shapes(path: Path, layer: str) -> gpd.GeoDataFrame:
    """Return a layer of a file, with all its columns. Raises `UNREADABLE`, and InputError as `refuse_view`."""
    refuse_view(path, layer)
    with telling_damage():
        return gpd.read_file(path, layer=layer, engine="pyogrio")


@contextmanager
def telling_damage() -> Iterator[None]:
    """Raise a `DamagedError` for what content that is none raises: text that is not UTF-8, a year -180, half a CRS."""
    try:
        yield
    except (ValueError, OverflowError, ProjError) as error:
        raise DamagedError(str(error)) from error


def said_of_crs(error: ProjError) -> str:
    """Return what PROJ says is wrong with a CRS, without the CRS itself, which is a page long."""
    reason = str(error).rpartition(": (")[2].strip().rstrip(")")[-200:]
    return f"its coordinate reference system makes no sense ({reason})."


def refuse_view(path: Path, layer: str) -> None:
    """Refuse a layer of a GeoPackage that is a view: what it holds is computed when it is read, maybe without end.

    What is no database is left to the reader to tell.

    Raises
    ------
    InputError
        If `layer` is a view.

    """
    if path.suffix.lower() not in _GPKG:
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as base:
            found = base.execute("select type from sqlite_master where name = ?", (layer,)).fetchone()
    except (sqlite3.Error, UnicodeError):
        return
    if found is not None and found[0] == "view":
        raise InputError(
            f"{str(path)!r}: the layer '{layer}' is a view, a stored question whose answer may have no end. Export it "
            "as a layer of its own (QGIS: Export, Save Features As), and give that."
        )


def usable_crs(crs: CRS, where: str) -> None:
    """Refuse a CRS from which nothing can be brought to longitude and latitude: one of a planet's, a local grid.

    Raises
    ------
    InputError
        If PROJ knows no way; `where` says whose CRS it is.

    """
    try:
        Transformer.from_crs(crs, "EPSG:4326")
    except ProjError as error:
        raise InputError(
            f"{where} has a CRS that leads nowhere on Earth ({crs.name}), so its place is unknown. Save it in one "
            "with an authority code, as in EPSG:4326."
        ) from error
