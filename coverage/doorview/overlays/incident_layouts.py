"""How a file of incidents says what: columns, categories kept, order of day and month; presets with their sources."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from doorview.errors import InputError, UnknownNameError, nearest_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "DATE_ORDERS", "KNOWN_TO", "Layout", "find_column", "layout", "layout_faults", "layouts"]

COLUMNS: tuple[str, ...] = ("lon", "lat", "x", "y", "date", "category", "address", "id")
"""What a column may say: place [degrees, or in the layout's CRS], date, category, street address or block, case."""
DATE_ORDERS: tuple[str, ...] = ("day_first", "month_first")
KNOWN_TO: tuple[str, ...] = ("detect", "point", "block")


@dataclasses.dataclass(frozen=True)
class Layout:
    """What the columns of a file mean.

    Attributes
    ----------
    columns
        A name of `COLUMNS` -> column of the file.
    crs
        Of `x` and `y`, or of a file's own geometry where it says none.
    where
        Column of the file -> values of the rows kept; several columns must all fit.
    date_formats
        Formats of `datetime.strptime`, tried in turn; empty: those that can be told apart are read.
    date_order
        `day_first`, `month_first`, or None: as the dates themselves show, and asked where they do not.
    known_to
        How exactly the file tells a place: `point`, `block`, or `detect`.
    name, label, said, mark, source
        Of a preset: what a reader must know of it, and where that stands.

    """

    columns: Mapping[str, str]
    crs: str | None = None
    where: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    date_formats: tuple[str, ...] = ()
    date_order: str | None = None
    known_to: str = "detect"
    name: str = ""
    label: str = ""
    said: str = ""
    mark: str = ""
    source: str = ""

    def with_own(self, **own: Any) -> Layout:
        """Return the layout with what is not None in its place; own `columns` go before those of the preset."""
        given = {name: value for name, value in own.items() if value is not None}
        if "columns" in given:
            given["columns"] = self.columns_with(given["columns"])
        changed = dataclasses.replace(self, **given)
        faults = layout_faults(changed)
        if faults:
            raise InputError("incidents: " + "; ".join(faults) + ".")
        return changed

    def columns_with(self, own: Mapping[str, str]) -> dict[str, str]:
        """Return the columns with the user's before the preset's; a place told in one way drops the other."""
        kept = dict(self.columns)
        if {"x", "y"} & set(own):
            kept = {name: column for name, column in kept.items() if name not in ("lon", "lat")}
        if {"lon", "lat"} & set(own):
            kept = {name: column for name, column in kept.items() if name not in ("x", "y")}
        return kept | dict(own)


def layout_faults(chosen: Layout) -> list[str]:
    """Return everything that is wrong with a layout."""
    faults = []
    for name in chosen.columns:
        if name not in COLUMNS:
            near = nearest_name(name, COLUMNS)
            hint = f" (did you mean '{near}'?)" if near else ""
            faults.append(f"columns: nothing is called '{name}'{hint}; known are {', '.join(COLUMNS)}")
    for one, two in (("lon", "lat"), ("x", "y")):
        if (one in chosen.columns) != (two in chosen.columns):
            faults.append(f"columns: {one} and {two} belong together; name both")
    if "lon" in chosen.columns and "x" in chosen.columns:
        faults.append("columns: a place is told by lon and lat or by x and y, not both; leave two of them out")
    if "x" in chosen.columns and chosen.crs is None:
        faults.append("crs: x and y mean nothing without it; give e.g. crs = 'EPSG:2248'")
    if chosen.date_order not in (None, *DATE_ORDERS):
        faults.append(f"date_order is {chosen.date_order!r}; known are {', '.join(DATE_ORDERS)}")
    if chosen.known_to not in KNOWN_TO:
        faults.append(f"known_to is {chosen.known_to!r}; known are {', '.join(KNOWN_TO)}")
    faults += [f"where: no values for '{column}'; name those to keep" for column, v in chosen.where.items() if not v]
    return faults


@cache
def layouts() -> Mapping[str, Layout]:
    """Read `rules/incidents.toml`, once."""
    text = resources.files("doorview.overlays").joinpath("rules/incidents.toml").read_text(encoding="utf-8")
    return {name: Layout(name=name, **table) for name, table in tomllib.loads(text).items()}


def layout(name: str) -> Layout:
    """Return a preset by its name.

    Raises
    ------
    UnknownNameError
        There is none of that name; the nearest is given.

    """
    known = layouts()
    if name not in known:
        raise UnknownNameError(
            "preset of incidents", name, known, "Leave it out and name the columns: columns = { lon = '...', ... }."
        )
    return known[name]


def _plain(name: object) -> str:
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def find_column(table: pd.DataFrame, column: str, where: str, what: str) -> str:
    """Return the column of a table that is named so, whatever its capitals, blanks and underscores.

    Raises
    ------
    UnknownNameError
        There is none, or several are alike; `what` says what it was to be.

    """
    names = [str(name) for name in table.columns]
    if column in names:
        return column
    alike = [name for name in names if _plain(name) == _plain(column)]
    if len(alike) == 1:
        return alike[0]
    raise UnknownNameError(
        f"column of {where} for {what}", column, names, f"Name it, e.g. columns = {{ {what} = '...' }}."
    )
