"""Incidents in: reported thefts from CSV, GeoJSON, GeoPackage or GeoParquet, as one table of points.

Nothing is lost in silence: each row that is left out is counted by its reason in `attrs["counts"]`, and what was
understood of the file (order of dates, blocks, matches) stands in `attrs["notes"]`. The table is for computing: it is
never written where what is fit to publish lies.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError, ProjError

from doorview.city.crs import WGS84
from doorview.city.untrusted import UNREADABLE, check_header, layers_in, read_shapes, said_of_crs, usable_crs
from doorview.errors import InputError, MissingFileError, UnknownNameError
from doorview.overlays.addresses import AddressBook, match_addresses, match_rate
from doorview.overlays.incident_dates import NOTHING, read_dates
from doorview.overlays.incident_layouts import Layout, find_column, layout
from doorview.overlays.incident_places import blocks_of, places_of, whole_hundreds

__all__ = ["Incidents", "read_incidents"]

Incidents: TypeAlias = Path | str | pd.DataFrame
"""A file of incidents, or a table; a GeoDataFrame brings its places."""

_MEND_FILE = "Give a .csv, .geojson, .gpkg or .parquet file, or a table."
_USUAL: Mapping[str, tuple[str, ...]] = {
    "lon": ("lon", "longitude", "lng", "long"),
    "lat": ("lat", "latitude"),
    "date": ("date",),
    "category": ("category",),
}
"""Columns taken where neither layout nor user names any; everything else must be named."""


def read_incidents(
    source: Incidents,
    crs: CRS,
    *,
    preset: str | Layout | None = None,
    columns: Mapping[str, str] | None = None,
    source_crs: str | None = None,
    where: Mapping[str, Sequence[str]] | None = None,
    date_formats: Sequence[str] | None = None,
    date_order: str | None = None,
    known_to: str | None = None,
    inside: shapely.Geometry | None = None,
    book: AddressBook | None = None,
    zones: gpd.GeoDataFrame | None = None,
    layer: str | None = None,
) -> gpd.GeoDataFrame:
    """Read reported thefts.

    Parameters
    ----------
    source
        ``.csv`` (UTF-8), ``.geojson``, ``.gpkg``, ``.parquet`` (GeoParquet, or plain with coordinates), or a table.
    crs
        The city's CRS, projected in metres: that of the result.
    preset
        Name of a layout of `doorview.overlays.incident_layouts.layouts`, or a `Layout`; what follows goes before it.
    columns
        Name of `incident_layouts.COLUMNS` -> column. Without any and without a preset, columns called lon, lat, date
        and category are taken.
    source_crs
        CRS of `x` and `y`, or of geometry that has none.
    where
        Column -> values kept.
    date_formats, date_order
        As `doorview.overlays.incident_dates.read_dates`.
    known_to
        `point`, `block` or `detect`: as `doorview.overlays.incident_places.blocks_of`.
    inside
        Polygon in `crs`: what lies outside is left out and counted.
    book
        Addresses to match rows without coordinates to, offline; without one they have no place.
    zones
        Polygons with `zone`, in `crs`: with a book, the match rate is told by them.
    layer
        Of a GeoPackage with several.

    Returns
    -------
    GeoDataFrame
        Points in `crs`, index `incident` (row of the file, from 1); `date` (datetime64[ns], the day; NaT unknown),
        `category` (text), `block` (id of the block where the place is known to the block only, else ""). Addresses and
        case numbers are not carried on. attrs: `counts` (reason -> rows: `rows`, those left out, `incidents`, and of
        them those without a date or known to the block), `notes`, `layout`, and `match_rate` (rows of
        `doorview.overlays.addresses.match_rate` as dicts) where addresses were matched and there are zones.

    Raises
    ------
    MissingFileError
        No such file.
    UnknownNameError
        No such preset, layer or column; the nearest name is given.
    InputError
        A file that cannot be read, wrong columns, dates that cannot be told, places in another CRS than said, swapped
        or all elsewhere, and a file of which nothing is left.

    """
    if not crs.is_projected:
        raise InputError("incidents: the city's CRS must be projected in metres; give City.crs.")
    table, name = _table(source, layer)
    chosen = _layout(table, preset, columns, source_crs, where, date_formats, date_order, known_to)
    named = {what: find_column(table, column, name, what) for what, column in chosen.columns.items()}
    counts: Counter[str] = Counter(rows=len(table))
    kept = _filtered(table, chosen, name, counts)
    kept = _once(kept, named, counts)
    xy, unread, system = _coordinates(kept, named, chosen, name, crs)
    usable_crs(system, name)
    placed, reason = places_of(xy, unread, system, crs, inside, name)
    address = _texts(kept, named.get("address"))
    notes: list[str] = []
    block_ids, matches = _by_address(address, placed, reason, book, inside, notes)
    for why, rows in sorted(Counter(reason[reason != ""].tolist()).items()):
        counts[why] = rows
    good = reason == ""
    if not good.any():
        raise InputError(
            f"{name}: none of {len(table)} rows is left ({_told(counts)}), so there is nothing to map. Look at the "
            "reasons, and at columns, where and crs."
        )
    kept, placed, address = kept[good], placed[good], address[good].reset_index(drop=True)
    said = np.where(np.array(block_ids[good] != "__coordinates__")[:, None], np.nan, xy[good])
    matched = np.where(block_ids[good] == "__coordinates__", "", block_ids[good])
    block, known, more = blocks_of(said, placed, address if "address" in named else None, chosen.known_to, system)
    block = np.where(matched != "", matched, block)
    dates, date_counts, date_notes = _dates(kept, named, chosen, name)
    counts["incidents"] = int(good.sum())
    result = gpd.GeoDataFrame(
        {
            "date": dates.astype("datetime64[ns]"),
            "category": _texts(kept, named.get("category")).to_numpy(object),
            "block": block,
        },
        index=pd.Index(kept["__row__"].to_numpy(np.int64), name="incident"),
        geometry=gpd.points_from_xy(*placed.T),
        crs=crs,
    ).sort_index()
    result.attrs["counts"] = dict(counts) | date_counts | known
    result.attrs["notes"] = [*date_notes, *notes, *more, *_few(placed)]
    result.attrs["layout"] = chosen.name
    if book is not None and matches is not None and zones is not None:
        result.attrs["match_rate"] = match_rate(matches, book, zones).to_dict("records")
    return result


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts.items() if reason != "rows") or "no row"


def _few(placed: NDArray[np.float64]) -> list[str]:
    """Return what to say of a file with too little for a map of places."""
    if len(placed) == 1:
        return ["there is one incident: it shows where one was reported, and no pattern"]
    if len(np.unique(np.round(placed, 2), axis=0)) == 1:
        return [f"all {len(placed)} incidents stand at one point: that may be where the file puts what has no place"]
    return []


# ---- the file -------------------------------------------------------------------------------------------------------


def _table(source: Incidents, layer: str | None) -> tuple[pd.DataFrame, str]:
    """Return a file as a table with the row's number in `__row__`, and what to call it."""
    if isinstance(source, pd.DataFrame):
        return source.reset_index(drop=True).assign(__row__=np.arange(1, len(source) + 1)), "the table of incidents"
    path = Path(source)
    if not path.is_file():
        raise MissingFileError(
            f"there is no file {str(path)!r} of incidents (looked for {str(path.absolute())!r}), so they cannot be "
            "read. Check the path."
        )
    name, suffix = repr(str(path)), path.suffix.lower()
    broken = f"{name} cannot be read as a file of incidents"
    try:
        if suffix == ".csv":
            check_header(path)
            # An empty cell is nothing said; the rest is looked at as it stands.
            table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        elif suffix in {".parquet", ".geoparquet"}:
            table = _parquet(path)
        elif suffix in {".gpkg", ".geojson", ".json"}:
            table = _vector(path, layer)
        else:
            raise InputError(f"{broken}: it is a {suffix or 'nameless'} file. {_MEND_FILE}")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{broken}: {error}. Save it as CSV with commas, in UTF-8.") from error
    except UNREADABLE as error:
        raise InputError(f"{broken}: {error}. {_MEND_FILE}") from error
    if table.empty:
        raise InputError(f"{broken}: it has no rows. {_MEND_FILE}")
    return table.assign(__row__=np.arange(1, len(table) + 1)), name


def _parquet(path: Path) -> pd.DataFrame:
    try:
        return gpd.read_parquet(path)
    except ValueError:  # no geometry in it: a plain table may hold coordinates
        try:
            return pd.read_parquet(path)
        except (ValueError, OSError) as error:
            raise InputError(f"{str(path)!r} cannot be read as Parquet: {error}. {_MEND_FILE}") from error
    except ProjError as error:
        raise InputError(f"{str(path)!r} cannot be read as Parquet: {said_of_crs(error)} {_MEND_FILE}") from error


def _vector(path: Path, layer: str | None) -> pd.DataFrame:
    names = [name for name, _ in layers_in(path)]
    if not names:
        raise InputError(f"{str(path)!r} holds no layer, so there is no incident in it. {_MEND_FILE}")
    if layer is not None and layer not in names:
        raise UnknownNameError(f"layer of {str(path)!r}", layer, names)
    if layer is None and len(names) > 1:
        raise InputError(
            f"{str(path)!r} holds several layers ({', '.join(names)}), so it is not clear which has the incidents. "
            f"Name one: layer='{names[0]}'."
        )
    with warnings.catch_warnings():
        # Dates of different offsets in one column come as text, which read_dates looks at itself.
        warnings.simplefilter("ignore", category=FutureWarning)
        return read_shapes(path, layer or names[0])


def _layout(
    table: pd.DataFrame,
    preset: str | Layout | None,
    columns: Mapping[str, str] | None,
    crs: str | None,
    where: Mapping[str, Sequence[str]] | None,
    date_formats: Sequence[str] | None,
    date_order: str | None,
    known_to: str | None,
) -> Layout:
    base = preset if isinstance(preset, Layout) else layout(preset) if preset is not None else None
    shapes = isinstance(table, gpd.GeoDataFrame)
    if base is None:
        base = Layout(columns={} if columns else _usual(table, shapes=shapes))
    elif shapes:  # the file's own geometry goes before the preset's columns of coordinates
        base = base.with_own(columns=None)
        plain = {key: column for key, column in base.columns.items() if key not in ("lon", "lat", "x", "y")}
        base = Layout(**{**base.__dict__, "columns": plain})
    return base.with_own(
        columns=columns,
        crs=crs,
        where=where,
        date_formats=None if date_formats is None else tuple(date_formats),
        date_order=date_order,
        known_to=known_to,
    )


def _usual(table: pd.DataFrame, *, shapes: bool) -> dict[str, str]:
    """Return the columns that go by their usual names."""
    lowered = {str(name).lower(): str(name) for name in table.columns}
    found = {}
    for what, names in _USUAL.items():
        hits = [lowered[name] for name in names if name in lowered]
        if hits and not (shapes and what in ("lon", "lat")):
            found[what] = hits[0]
    return found


def _texts(table: pd.DataFrame, column: str | None) -> pd.Series:
    """Return a column as text, "" where it says nothing."""
    if column is None:
        return pd.Series([""] * len(table), dtype=object)
    said = [
        "" if value is None or value is pd.NA or value != value else " ".join(str(value).split())  # noqa: PLR0124 - NaN
        for value in table[column].tolist()
    ]
    return pd.Series(said, dtype=object)


def _filtered(table: pd.DataFrame, chosen: Layout, name: str, counts: Counter[str]) -> pd.DataFrame:
    """Return the rows of the categories asked for; refuse a value that the file never has if then nothing is left."""
    keep = np.ones(len(table), bool)
    for column, values in chosen.where.items():
        found = find_column(table, column, name, "where")
        said = _texts(table, found)
        wanted = {" ".join(str(value).split()).casefold() for value in values}
        fits = said.str.casefold().isin(wanted).to_numpy()
        if not fits.any():
            most = ", ".join(repr(text) for text in said.value_counts().index[:6])
            raise InputError(
                f"{name}, column '{found}': no row is one of {list(values)}, so no incident is left. The most frequent "
                f"values are {most}. Name those to keep with where = {{ '{found}' = ['...'] }}."
            )
        keep &= fits
    if chosen.where:
        counts["of other categories"] = int((~keep).sum())
    if not keep.any():
        raise InputError(f"{name}: no row fits all of where = {dict(chosen.where)}. Leave one of its columns out.")
    return table[keep]


def _once(table: pd.DataFrame, named: Mapping[str, str], counts: Counter[str]) -> pd.DataFrame:
    """Return the rows whose case number was not met before (a case may have a row per offence)."""
    if "id" not in named:
        return table
    said = _texts(table, named["id"])
    again = (said.duplicated() & (said != "")).to_numpy()
    if again.any():
        counts["with a case number met before"] = int(again.sum())
    return table[~again]


def _numbers(table: pd.DataFrame, column: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a column as numbers, and which rows say something else."""
    said = _texts(table, column)
    said = said.where(~said.str.lower().isin(NOTHING), "")
    numbers = pd.to_numeric(said, errors="coerce").to_numpy(np.float64)
    numbers = np.where(np.isinf(numbers), np.nan, numbers)
    return numbers, (np.isnan(numbers) & (said != "").to_numpy())


def _coordinates(
    table: pd.DataFrame,
    named: Mapping[str, str],
    chosen: Layout,
    name: str,
    crs: CRS,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], CRS]:
    """Return (rows, 2) coordinates as the file has them, which rows have no number there, and their CRS."""
    first, second = ("lon", "lat") if "lon" in named else ("x", "y")
    if first in named:
        one, bad_one = _numbers(table, named[first])
        two, bad_two = _numbers(table, named[second])
        return np.column_stack([one, two]), bad_one | bad_two, WGS84 if first == "lon" else _crs(chosen.crs, name)
    if isinstance(table, gpd.GeoDataFrame) and table.active_geometry_name is not None:
        if table.crs is None and chosen.crs is None:
            raise InputError(f"{name} has no CRS, so nobody knows where on Earth it lies. Give crs = 'EPSG:...'.")
        shapes = shapely.force_2d(np.asarray(table.geometry.array, dtype=object))
        points = shapely.get_type_id(shapes) == 0
        if not points.any() and (~shapely.is_missing(shapes)).any():
            raise InputError(
                f"{name} holds {shapes[~shapely.is_missing(shapes)][0].geom_type}, and incidents are points. Give the "
                "layer of points, or representative_point() of the shapes."
            )
        xy = np.column_stack([shapely.get_x(shapes), shapely.get_y(shapes)])
        bad = ~points & ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
        return xy, bad | np.isinf(xy).any(axis=1), CRS.from_user_input(table.crs or chosen.crs)
    if "address" in named:
        return np.full((len(table), 2), np.nan), np.zeros(len(table), bool), crs
    known = ", ".join(str(column) for column in table.columns if column != "__row__")
    raise InputError(
        f"{name}: nothing says where the incidents are. Name columns = {{ lon = '...', lat = '...' }}, x and y with "
        f"crs, or address; the file has {known}."
    )


def _crs(text: str | None, name: str) -> CRS:
    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        raise InputError(f"{name}: crs = {text!r} is unknown to PROJ. Give a code such as 'EPSG:2248'.") from error


def _by_address(
    address: pd.Series,
    placed: NDArray[np.float64],
    reason: NDArray[np.object_],
    book: AddressBook | None,
    inside: shapely.Geometry | None,
    notes: list[str],
) -> tuple[NDArray[np.object_], pd.DataFrame | None]:
    """Place rows that have an address and no coordinates; return where each row's place is from, and the matches.

    `__coordinates__`, or the id of the block that was matched, "" for a house. `placed` and `reason` are filled in.
    """
    origin = np.full(len(reason), "__coordinates__", dtype=object)
    lacking = np.isin(reason, ["without a place", "at (0, 0)", "with a place that is no number"])
    rows = np.flatnonzero(lacking & (address != "").to_numpy())
    if book is None or not len(rows):
        return origin, None
    matches = match_addresses(address.iloc[rows], book, hundreds=whole_hundreds(address))
    found = matches["x"].notna().to_numpy()
    placed[rows] = matches[["x", "y"]].to_numpy(np.float64)
    reason[rows] = np.where(found, "", [f"with an address not matched: {how}" for how in matches["how"]])
    origin[rows] = matches["block"].to_numpy(object)
    if inside is not None and found.any():
        out = rows[found][~shapely.intersects_xy(inside, *placed[rows[found]].T)]
        reason[out] = "outside the place"
        placed[out] = np.nan
    completed = int((matches["completed"] & found).sum())
    more = f", {completed} after completing the street's type or direction" if completed else ""
    notes.append(f"{int(found.sum())} of {len(rows)} addresses without coordinates matched to address points{more}")
    return origin, matches


def _dates(
    table: pd.DataFrame, named: Mapping[str, str], chosen: Layout, name: str
) -> tuple[NDArray[np.datetime64], dict[str, int], list[str]]:
    if "date" not in named:
        none = np.full(len(table), np.datetime64("NaT", "D"), dtype="datetime64[D]")
        return none, {"without a date": len(table)}, ["the file has no column of dates: no window can be told"]
    where = f"{name}, column '{named['date']}'"
    read = read_dates(table[named["date"]], where=where, formats=chosen.date_formats, order=chosen.date_order)
    return read.days, read.counts, read.notes
