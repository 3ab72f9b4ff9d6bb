"""The printed tables of a run (shares.csv, curve.csv, ...), and the Parquet tables behind them.

Columns stand in the order of the contract and rows in the order of their keys; numbers are written as the shortest
text that reads back to the same float64. The same tables give the same bytes.

Ids and names come from the user's files, and a spreadsheet runs a cell of a CSV that begins like a formula. Such text
is written with an apostrophe before it (`without_formulas`); numbers, negative ones too, stay as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from doorview.show.files import replacing
from doorview.show.text import SMALLEST_COUNT, count

__all__ = [
    "ALERTS_COLUMNS",
    "CURVE_COLUMNS",
    "DRIVERS_COLUMNS",
    "FAIRNESS_COLUMNS",
    "KNOWN_COLUMNS",
    "PARTNERSHIP_COLUMNS",
    "RANGE_CURVE_COLUMNS",
    "SHARES_COLUMNS",
    "SHARES_KEYS",
    "WITHHELD",
    "homes_by_zone",
    "with_formulas",
    "without_formulas",
    "write_alerts",
    "write_by_people",
    "write_csv",
    "write_curve",
    "write_drivers",
    "write_fairness",
    "write_known",
    "write_parquet",
    "write_partnership",
    "write_private_ground",
    "write_range_curve",
    "write_shares",
    "zones_withheld",
]

WITHHELD = "withheld"
"""In place of a count of homes that would give a smaller one away."""

SHARES_KEYS: tuple[str, ...] = ("scenario", "level", "zoning", "zone", "space", "measure")
_COUNTS: tuple[str, ...] = ("doors_inside", "doors_seeing", "dwellings")
_SHARES: tuple[str, ...] = ("share_mean", "share_p05", "share_p95", "share_low", "share_high")
_SEEN_BY: tuple[str, ...] = ("seen_by_2_mean", "seen_by_3_mean")
SHARES_COLUMNS: tuple[str, ...] = (
    *SHARES_KEYS,
    *_COUNTS,
    "rate_per_door",
    "rate_per_household",
    "public_amount",
    *_SHARES,
    *_SEEN_BY,
)
CURVE_COLUMNS: tuple[str, ...] = ("level", "zoning", "zone", "space", "measure", "rate", "share_mean")
RANGE_CURVE_COLUMNS: tuple[str, ...] = ("scenario", "zoning", "zone", "space", "measure", "range_m", "share_mean")
DRIVERS_COLUMNS: tuple[str, ...] = (
    *("level", "factor", "low", "high", "share_low", "share_high"),
    *("sobol_first", "sobol_total", "sobol_first_conf", "sobol_total_conf"),
    *("share_mean", "share_spots", "spots_error", "scenario", "space", "measure", "label", "unit", "mark", "source"),
)
KNOWN_COLUMNS: tuple[str, ...] = (
    *("level", "zoning", "zone", "space", "measure", "scenario"),
    *("known_cameras", "public_amount", "share_known", "share_mean", "share_either"),
)
ALERTS_COLUMNS: tuple[str, ...] = ("scenario", "level", "radius_m", "spots", "measure", "mean", "p05", "p95")
_ALERTS_COUNTS = ("app_homes_reached", "doors_in_view", "owners_in_view", "app_owners_in_view")
PRIVATE_GROUND_COLUMNS: tuple[str, ...] = (
    *("scenario", "level", "zoning", "zone", "what", "part", "unit"),
    *("homes", "amount", "share_mean", "share_p05", "share_p95", "note"),
)
FAIRNESS_COLUMNS: tuple[str, ...] = (
    *("scenario", "level", "zoning", "zone", "space", "name", "doors_inside", "dwellings"),
    *("polygon_m2", "counted_m2", "grid_m2", "cells", "under_100_cells", "street_km", "public_m2"),
    *_SHARES,
    *("share_inside_only", "share_both", "share_outside_only"),
    *("in_view_m2", "in_view_m2_per_dwelling", "in_view_m2_per_street_km", "note"),
)
_SIDES = ("share_inside_only", "share_both", "share_outside_only")
PARTNERSHIP_KEYS: tuple[str, ...] = ("programme", "level", "space", "measure", "month")
PARTNERSHIP_COLUMNS: tuple[str, ...] = (
    *PARTNERSHIP_KEYS,
    "downloads",
    "credit",
    "free_doorbells",
    "doors_owned",
    "doors_without_programme",
    "share_mean",
    "share_without_programme",
    "doors_owned_p05",
    "doors_owned_p95",
    "share_p05",
    "share_p95",
)

_IN_UNIT = frozenset(
    {
        "rate",
        "rate_per_door",
        "rate_per_household",
        "share_known",
        "share_spots",
        "share_either",
        *_SHARES,
        *_SEEN_BY,
        *_SIDES,
        "share_by_people",
        "share_without_programme",
    }
)


def _checked(
    frame: pd.DataFrame, columns: Sequence[str], keys: Sequence[str], optional: frozenset[str], what: str
) -> pd.DataFrame:
    """Return the table with exactly `columns`, sorted by `keys`; all its faults are raised at once."""
    missing = [name for name in columns if name not in frame.columns]
    unknown = [str(name) for name in frame.columns if name not in columns]
    if missing or unknown:
        raise ValueError(f"{what}: missing columns {missing}, unknown columns {unknown}; expected {list(columns)}.")
    faults = []
    if frame[list(keys)].isna().to_numpy().any():
        faults.append("a key is missing in some rows")
    if frame.duplicated(list(keys)).any():
        faults.append(f"{int(frame.duplicated(list(keys)).sum())} rows repeat the keys of another")
    for name in columns:
        if name in keys and name not in _IN_UNIT:
            continue
        if name in _IN_UNIT:
            values = frame[name].to_numpy(dtype=np.float64)
            bad = ~((values >= 0) & (values <= 1))
            if name in optional:
                bad &= ~np.isnan(values)
            if bad.any():
                faults.append(f"{name} leaves [0, 1] in {int(bad.sum())} rows, first {values[bad][0]!r}")
    if faults:
        raise ValueError(f"{what}: " + "; ".join(faults) + ".")
    order = frame.sort_values(list(keys), kind="stable")
    return order[list(columns)]


# What spreadsheets take for the start of a formula: = + - @ (of full width too), after white space also, and a tab or
# line break at the very start.
_FORMULA = re.compile("'*(?:[\\t\\r\\n]|\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20])")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose text no spreadsheet takes for a formula; it is for CSV files, and numbers stay.

    Text that begins with ``=``, ``+``, ``-`` or ``@``, after white space also, or with a tab or line break, gets an
    apostrophe before it, and so does such text that has apostrophes there already: taking one away gives the text back.
    A plain number in text (an id such as ``-5``) stays.
    """

    def safe(value: object) -> object:
        if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
            return f"'{value}"
        return value

    text = [name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name].dtype)]
    return frame.assign(**{name: frame[name].astype(object).map(safe) for name in text})


def with_formulas(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Return a table read back from CSV with the text that `without_formulas` made plain, in these columns."""

    def back(value: object) -> object:
        return value[1:] if isinstance(value, str) and value[:1] == "'" and _FORMULA.match(value) else value

    return frame.assign(**{name: frame[name].map(back) for name in columns})


def write_csv(path: str | os.PathLike[str], frame: pd.DataFrame) -> None:
    """Write a table as CSV, whole or not at all; text that could be run as a formula is made plain."""
    with replacing(path) as temporary:
        without_formulas(frame).to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8", na_rep="")


def _hide_small(values: pd.Series) -> pd.Series:
    """Write counts of 1 to 4 as words: they could point at single homes."""
    small = values.between(1, SMALLEST_COUNT - 1)
    if not small.any():
        return values
    return values.astype(object).where(~small, count(1))


def homes_by_zone(table: pd.DataFrame) -> pd.Series:
    """Return the homes of each zone of a table with `zoning`, `zone` and `dwellings`, on these two."""
    first = table.drop_duplicates(["zoning", "zone"]).set_index(["zoning", "zone"])
    return first["dwellings"].astype(np.int64)


def zones_withheld(shares: pd.DataFrame, more: pd.Series | None = None) -> list[tuple[str, str]]:
    """Return the zones whose homes are withheld: else the whole less all others would be a count of 1 to 4.

    Of a set of zones in which what is not printed, in zones of few homes or in none, comes to 1 to 4 homes, the zone
    with the fewest printed ones, until it comes to more.

    Parameters
    ----------
    shares
        shares.csv's rows; all zones together stand there, too.
    more
        Homes by zone of a table with further zones beside it, as from `homes_by_zone`: zones of `shares` that it prints
        are printed here.

    """
    homes = homes_by_zone(shares)
    if ("all", "all") not in homes.index:
        return []
    whole = int(homes["all", "all"])
    found = _smallest_withheld(homes.drop(("all", "all")), whole, set(), set())
    if more is not None:
        own = set(homes.index)
        found = _smallest_withheld(more, whole, set(found), own)
    return found


def _smallest_withheld(
    homes: pd.Series, whole: int, held: set[tuple[str, str]], stay: set[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return the zones to withhold, those of `held` among them; none of `stay` else."""
    for _, own in homes.groupby(level="zoning"):
        printed = own[~own.between(1, SMALLEST_COUNT - 1) & ~own.index.isin(list(held))].sort_values(kind="stable")
        rest = whole - int(printed.sum())
        for zone, number in printed[printed > 0].items():
            if not 0 < rest < SMALLEST_COUNT:
                break
            if zone not in stay:
                held.add(zone)
                rest += int(number)
    return sorted(held)


def _counts_to_print(table: pd.DataFrame, names: Iterable[str], withheld: list[tuple[str, str]]) -> pd.DataFrame:
    """Return a table with counts of 1 to 4, and all those of zones that are withheld, as words."""
    shown = {name: _hide_small(table[name]) for name in names}
    if withheld:
        gone = pd.MultiIndex.from_frame(table[["zoning", "zone"]]).isin(withheld)
        shown = {
            name: values.astype(object).where(~gone | (table[name] < SMALLEST_COUNT), WITHHELD)
            for name, values in shown.items()
        }
    return table.assign(**shown)


def write_shares(path: str | os.PathLike[str], shares: pd.DataFrame) -> None:
    """Write shares.csv.

    Quantiles, assumption ranges and ``seen_by_2_mean``, ``seen_by_3_mean`` may be NaN (written as nothing), all
    else not. Counts of doors and dwellings from 1 to 4 are written as "fewer than 5", homes that would give such a
    count away as "withheld" (`zones_withheld`). Zero ground has no row: ``public_amount`` has to be positive.

    Raises
    ------
    ValueError
        For missing or unknown columns, repeated keys, shares or rates outside [0, 1].
    """
    optional = frozenset({*_SHARES, *_SEEN_BY} - {"share_mean"})
    table = _checked(shares, SHARES_COLUMNS, SHARES_KEYS, optional, "shares.csv").copy()
    if not (table["public_amount"] > 0).all():
        raise ValueError("shares.csv: public_amount must be positive; leave out what has no ground.")
    shown = _counts_to_print(table, ("doors_inside", "dwellings"), zones_withheld(table))
    write_csv(path, shown.assign(doors_seeing=_hide_small(table["doors_seeing"])))


def write_curve(path: str | os.PathLike[str], curve: pd.DataFrame) -> None:
    """Write curve.csv: the share by ownership rate. Raises ValueError as `write_shares` does."""
    write_csv(path, _checked(curve, CURVE_COLUMNS, CURVE_COLUMNS[:-1], frozenset(), "curve.csv"))


def write_known(path: str | os.PathLike[str], known: pd.DataFrame) -> None:
    """Write known.csv: known cameras beside simulated ones. Raises ValueError as `write_shares` does."""
    write_csv(path, _checked(known, KNOWN_COLUMNS, KNOWN_COLUMNS[:6], frozenset(), "known.csv"))


def write_range_curve(path: str | os.PathLike[str], curve: pd.DataFrame) -> None:
    """Write range_curve.csv: the share by range [m]. Raises ValueError as `write_shares` does."""
    write_csv(path, _checked(curve, RANGE_CURVE_COLUMNS, RANGE_CURVE_COLUMNS[:-1], frozenset(), "range_curve.csv"))


def write_partnership(path: str | os.PathLike[str], table: pd.DataFrame) -> None:
    """Write partnership.csv; the quantiles may be NaN (no simulation). Raises ValueError as `write_shares` does.

    Its counts are a simulation's, not those of real homes: none is hidden.
    """
    optional = frozenset({"share_p05", "share_p95"})
    write_csv(path, _checked(table, PARTNERSHIP_COLUMNS, PARTNERSHIP_KEYS, optional, "partnership.csv"))


def write_alerts(path: str | os.PathLike[str], table: pd.DataFrame) -> None:
    """Write alerts.csv: over all spots; NaN (nobody within the radius) is written as nothing.

    A quantile is the value of one spot: where it counts homes or doors, anything above 0 and below 5 is written as
    "fewer than 5". So are means over fewer than 5 spots; those over more are no counts. Raises ValueError as
    `write_shares` does.
    """
    checked = _checked(table, ALERTS_COLUMNS, ("scenario", "level", "measure"), frozenset(), "alerts.csv").copy()
    counts, few = checked["measure"].isin(_ALERTS_COUNTS), checked["spots"] < SMALLEST_COUNT
    for name, counted in (("mean", counts & few), ("p05", counts), ("p95", counts)):
        small = counted & (checked[name] > 0) & (checked[name] < SMALLEST_COUNT)
        checked[name] = checked[name].astype(object).where(~small, count(1))
    write_csv(path, checked)


def write_private_ground(path: str | os.PathLike[str], table: pd.DataFrame) -> None:
    """Write private_ground.csv; shares are NaN (written as nothing) where nobody owns a camera or nothing is there.

    Raises ValueError as `write_shares` does.
    """
    optional = frozenset({"share_mean", "share_p05", "share_p95", "amount"})
    checked = _checked(table, PRIVATE_GROUND_COLUMNS, PRIVATE_GROUND_COLUMNS[:6], optional, "private_ground.csv")
    if (checked["homes"] < SMALLEST_COUNT).any():
        raise ValueError(f"private_ground.csv: rows of fewer than {SMALLEST_COUNT} homes: leave them out.")
    write_csv(path, checked)


def write_fairness(path: str | os.PathLike[str], table: pd.DataFrame, shares: pd.DataFrame) -> None:
    """Write fairness.csv; shares may be NaN (a zone without public space) and are written as nothing.

    Of a zone with 1 to 4 homes nothing is written that points at them: counts as words, no amount per dwelling; nor of
    one whose homes are withheld so that `shares`, the rows of shares.csv, and this table do not give such a count away.
    Raises ValueError as `write_shares` does.
    """
    optional = frozenset({*_SHARES, *_SIDES})
    shown = _checked(table, FAIRNESS_COLUMNS, FAIRNESS_COLUMNS[:5], optional, "fairness.csv").copy()
    # Groups of block faces hold homes beyond the counted area too, and add up to no printed whole.
    withheld = zones_withheld(shares, homes_by_zone(shown[shown["zoning"] != "block_faces"]))
    counts = _counts_to_print(shown, ("doors_inside", "dwellings"), withheld)
    words = counts["dwellings"].map(lambda value: isinstance(value, str)).to_numpy(dtype=bool)
    write_csv(path, counts.assign(in_view_m2_per_dwelling=shown["in_view_m2_per_dwelling"].mask(words)))


def write_by_people(path: str | os.PathLike[str], table: pd.DataFrame) -> None:
    """Write fairness_by_people.csv; of fewer than 5 people neither their number nor their share. Raises ValueError."""
    keys = FAIRNESS_COLUMNS[:5]
    optional = frozenset({"share_by_people", "share_mean"})
    shown = _checked(
        table, (*keys, "people", "share_by_people", "share_mean"), keys, optional, "fairness_by_people.csv"
    )
    few = (shown["people"] > 0) & (shown["people"] < SMALLEST_COUNT)
    shown = shown.assign(
        people=shown["people"].astype(object).where(~few, count(1)), share_by_people=shown["share_by_people"].mask(few)
    )
    write_csv(path, shown)


def write_drivers(path: str | os.PathLike[str], drivers: pd.DataFrame) -> None:
    """Write drivers.csv: what each assumption does to the headline, by level. Rows keep their order, strongest first.

    Sobol indices may be NaN (written as nothing). Raises ValueError as `write_shares` does.
    """
    optional = frozenset({"spots_error"})
    _checked(drivers, DRIVERS_COLUMNS, ("level", "factor"), optional, "drivers.csv")
    write_csv(path, drivers[list(DRIVERS_COLUMNS)])


def write_parquet(
    path: str | os.PathLike[str], frame: pd.DataFrame, *, metadata: Mapping[str, str] | None = None
) -> None:
    """Write a table as Parquet: its columns in their order, no index, `metadata` as the file's only key-value metadata.

    The bytes depend on the table, `metadata` and the version of pyarrow alone.
    """
    table = pa.Table.from_pandas(frame, preserve_index=False)
    # What pandas adds names the versions in use; the same table shall give the same bytes.
    table = table.replace_schema_metadata(dict(sorted((metadata or {}).items())))
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=1)
