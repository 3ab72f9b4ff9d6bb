"""A walk along block faces held against a result: what the model puts there, what people found there.

The protocol stands in docs/audit.md. One row per block face holds counts alone: no address, no owner.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy import stats

from doorview.city.untrusted import check_header
from doorview.errors import InputError, MissingFileError, UnknownNameError, nearest_name
from doorview.ownership.scenario import Scenario
from doorview.share.summary import face_shares

if TYPE_CHECKING:
    from doorview.study.result import Result

__all__ = ["COLUMNS", "audit_form", "compare_audit"]

COLUMNS: dict[str, str] = {
    "doors": "front doors of homes, both sides",
    "doorbells": "of these, with a doorbell camera",
    "unclear": "of these, where nobody could tell",
    "facing": "of these, facing this street (within 45 degrees)",
    "recessed": "of these, the bell 0.3 m or more behind the opening of a porch or recess",
    "screened": "of these, behind a hedge, fence or wall above 1.2 m before the sidewalk",
    "spots": "places stood at, every 20 m of the sidewalk",
    "spots_in_sight": "of these, from where the place of a bell is in sight within the range",
}
"""Counts of the form, with what they mean."""
_PARTS = {
    "doorbells": "doors",
    "unclear": "doors",
    "facing": "doors",
    "recessed": "doors",
    "screened": "doors",
    "spots_in_sight": "spots",
}
_FACING_DEGREES = 45.0
_ENOUGH = 20
_LEAST_GROUND_M2 = 1.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Model:
    """What the model says of every block face: counts of doors and chances, shape (faces,)."""

    doors: Floats
    facing: Floats
    recessed: Floats
    screened: Floats
    owners: Floats
    street_m2: Floats
    in_sight_m2: Floats


def audit_form(result: Result, faces: int = _ENOUGH, *, seed: int = 0) -> pd.DataFrame:
    """Return a form for walking: block faces drawn by lot, all alike, among those with ground near a mapped home.

    Alleys are left out: front doors look onto streets.

    Nothing of the model stands in it, so that whoever walks is not led: ``audit_form(result).to_csv("walk.csv")``.

    Parameters
    ----------
    result
        Of `doorview.estimate` or `doorview.run`.
    faces
        How many; all where there are fewer.
    seed
        Of the lot.

    Returns
    -------
    DataFrame
        Index `face`, in order; columns `street`, `from_lon`, `from_lat`, `to_lon`, `to_lat` (the ends of the face
        [degrees], WGS 84), `walked` (month), the counts of `COLUMNS`, `note`: empty.

    Raises
    ------
    InputError
        If `faces` is not a whole number above 0, or no block face lies near a home.

    """
    if isinstance(faces, bool) or not isinstance(faces, int) or faces < 1:
        raise InputError(f"faces={faces!r}: give a whole number of block faces to walk, such as {_ENOUGH}.")
    table = result.block_faces()
    near = (table["near_home_m2"] >= _LEAST_GROUND_M2) & (table["ground_class"] != "alley")
    frame = table.index[near.to_numpy(bool)].to_numpy(np.int64)
    if not len(frame):
        raise InputError("no block face lies near a mapped home, so there is nothing to walk: look at result.doors.")
    drawn = np.sort(np.random.default_rng(seed).permutation(frame)[:faces])
    lines = table.geometry.loc[drawn].to_crs(4326)
    ends = np.array([[line.coords[0], line.coords[-1]] for line in lines]).reshape(-1, 4).round(6)
    form = pd.DataFrame(ends, index=pd.Index(drawn, name="face"), columns=["from_lon", "from_lat", "to_lon", "to_lat"])
    form.insert(0, "street", [name if isinstance(name, str) else "" for name in table["name"].loc[drawn]])
    for column in ("walked", *COLUMNS, "note"):
        form[column] = ""
    return form


def compare_audit(
    result: Result,
    audit: pd.DataFrame | str | os.PathLike[str],
    *,
    scenario: str | None = None,
    level: str | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Hold a walk against a result.

    Intervals are for all block faces that the walked ones were drawn from. Those of shares take the wider, at each end,
    of the ratio of totals with its variance between faces (Cochran, Sampling Techniques, 1977, section 6.4: doors
    of one street are alike) and the exact binomial one (Clopper and Pearson, 1934), which does not shrink to nothing
    where every count is 0. Doors of which nobody could tell count as without a camera in the lower end, with one in
    the upper.

    Parameters
    ----------
    result
        Of `doorview.estimate` or `doorview.run`, of the place that was walked.
    audit
        The filled form, a table or a CSV file: `face`, and the counts of `COLUMNS`. Cells left empty were not
        recorded; rows without any count were not walked.
    scenario, level
        Whose owners, and at which level "in sight" counts; default: those that maps show. The walk's range must have
        been that of the level.
    confidence
        Of the intervals, between 0.5 and 1.

    Returns
    -------
    DataFrame
        A row per face and measure, then those over all (face ``all``): `face`, `measure`, `walked` (faces), `of`
        (doors, or spots, counted), `audited`, `modelled`, `low`, `high` (of audited; NaN for single faces), `agrees`
        (whether modelled lies between; None where that cannot be said), `note`. Measures: `doors` (number; over all
        the number found for each modelled), and shares from 0 to 1: `doorbells`, `facing`, `recessed`, `screened` (of
        the doors), `in_sight` (audited: of the spots; modelled: of the street's ground, if every door had a
        camera). ``attrs["notes"]`` says what to keep in mind.

    Raises
    ------
    InputError
        With every fault of the table at once.
    MissingFileError
        If there is no such file.

    """
    if not 0.5 <= confidence < 1.0:
        raise InputError(f"confidence={confidence!r} must lie between 0.5 and 1, such as 0.95.")
    scenario, level = scenario or result.main_scenario(), level or result.main_level()
    if scenario not in result.tables.faces:
        raise UnknownNameError("scenario", scenario, result.tables.faces)
    if level not in result.levels:
        raise UnknownNameError("level", level, result.levels)
    faces = len(result.ready.ground.faces)
    walk = _checked(_read(audit), faces)
    model = _model(result, scenario, level)
    at = walk.index.to_numpy(np.int64)
    parts = [_doors(walk, model.doors[at], confidence)]
    doors = walk["doors"].to_numpy(np.float64)
    unclear = np.nan_to_num(walk["unclear"].to_numpy(np.float64))
    bells = walk["doorbells"].to_numpy(np.float64)
    on_face, street = model.doors[at], model.street_m2[at]
    words = f"scenario {scenario}"
    parts.append(_share("doorbells", walk, bells, doors, model.owners[at], on_face, confidence, words, unclear=unclear))
    parts.append(_share("facing", walk, walk["facing"], doors, model.facing[at], on_face, confidence, ""))
    for name, kinds in (("recessed", "recess or porch"), ("screened", "hedge, fence or wall")):
        modelled = getattr(model, name)
        said = "" if modelled.any() else f"the study puts no {kinds} at any door"
        parts.append(_share(name, walk, walk[name], doors, modelled[at], on_face, confidence, said))
    spots, seen = walk["spots"], walk["spots_in_sight"]
    said = f"level {level}, if every door had a camera"
    parts.append(_share("in_sight", walk, seen, spots, model.in_sight_m2[at], street, confidence, said))
    table = pd.concat(parts, ignore_index=True)
    whole = table["face"] == "all"
    table = pd.concat([table[~whole], table[whole]], ignore_index=True)
    table.attrs["notes"] = _notes(walk, result, level)
    return table


def _read(audit: pd.DataFrame | str | os.PathLike[str]) -> pd.DataFrame:
    """Return the form as a table with a column `face`, cells as text or numbers."""
    if isinstance(audit, pd.DataFrame):
        return audit if "face" in audit.columns else audit.reset_index()
    path = Path(audit)
    if not path.is_file():
        raise MissingFileError(f"there is no file '{audit}': give the filled form, as audit_form(result) makes it.")
    try:
        check_header(path)
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as fault:
        raise InputError(f"'{audit}' cannot be read as CSV ({fault}): save it as UTF-8, parted by commas.") from fault


def _checked(table: pd.DataFrame, faces: int) -> pd.DataFrame:
    """Return the counts of the faces that were walked, index `face`; NaN where a cell is empty."""
    faults: list[str] = []
    missing = [name for name in ("face", "doors") if name not in table.columns]
    for name in missing:
        near = nearest_name(name, [str(column) for column in table.columns])
        faults.append(f"there is no column '{name}'" + (f" (is it '{near}'?)" if near else ""))
    if missing:
        raise InputError(_told(faults))
    numbers = pd.DataFrame(
        {name: _whole(table, name, faults) for name in ("face", *COLUMNS)},
        index=range(2, len(table) + 2),
    )
    walked = numbers[list(COLUMNS)].notna().any(axis=1)
    numbers = numbers[walked]
    faults += [f"line {line} has counts but no face" for line in numbers.index[numbers["face"].isna()]]
    unknown = numbers["face"][(numbers["face"] >= faces) & numbers["face"].notna()]
    faults += [f"line {line}: face {int(face)} is none of 0 to {faces - 1}" for line, face in unknown.items()]
    twice = numbers["face"][numbers["face"].duplicated() & numbers["face"].notna()]
    faults += [f"line {line}: face {int(face)} stands there twice" for line, face in twice.items()]
    for part, whole in _PARTS.items():
        over = numbers.index[numbers[part] > numbers[whole]]
        faults += [f"line {line}: more {part} than {whole}" for line in over]
        alone = numbers.index[numbers[part].notna() & numbers[whole].isna()]
        faults += [f"line {line}: {part} without {whole}" for line in alone]
    both = numbers["doorbells"].fillna(0) + numbers["unclear"].fillna(0)
    faults += [
        f"line {line}: doorbells and unclear are more than doors" for line in numbers.index[both > numbers["doors"]]
    ]
    if not faults and not len(numbers):
        faults.append("no row has a count: fill in the form of audit_form(result)")
    if faults:
        raise InputError(_told(faults))
    return numbers.astype({"face": np.int64}).set_index("face").sort_index()


def _told(faults: Sequence[str]) -> str:
    more = f"; and {len(faults) - 20} more" if len(faults) > 20 else ""
    return f"the audit cannot be used: {'; '.join(faults[:20])}{more}. docs/audit.md says what each column takes."


def _whole(table: pd.DataFrame, name: str, faults: list[str]) -> Floats:
    """Return a column of whole numbers from 0 up, NaN where a cell is empty or the column is not there."""
    if name not in table.columns:
        return np.full(len(table), np.nan)
    cells = table[name]
    empty = cells.isna() | (cells.astype(str).str.strip() == "")
    values = pd.to_numeric(cells.where(~empty), errors="coerce").to_numpy(np.float64)
    wrong = ~empty.to_numpy() & ~((values >= 0) & (values == np.floor(values)) & (values < 1e6))
    for place in np.flatnonzero(wrong):
        said = str(cells.iloc[place])[:40]
        faults.append(f"line {place + 2}: {name} is {said!r}, not a whole number from 0 up")
    return np.where(wrong, np.nan, values)


def _model(result: Result, scenario: str, level: str) -> _Model:
    """Return what the model says of each block face; a door belongs to the nearest one with ground that counts."""
    ready = result.ready
    lines = ready.ground.faces
    everyone = face_shares(
        result.tables.coverage, Scenario("everyone", rate=1.0), ready.door_table, len(lines), None, seed=0
    )
    street = everyone["public_m2"].to_numpy(np.float64)
    seen = np.nan_to_num(everyone[f"share_{level}"].to_numpy(np.float64)) * street
    xy = ready.scene.door_xy
    counted = np.flatnonzero(street > 0)
    zero = np.zeros(len(lines))
    if not len(xy) or not len(counted):
        return _Model(zero, zero, zero, zero, zero, street, seen)
    shapes, points = lines.geometry.to_numpy(), shapely.points(xy)
    door, near = shapely.STRtree(shapes[counted]).query_nearest(points, all_matches=True)
    order = np.lexsort((near, door))
    first = order[np.unique(door[order], return_index=True)[1]]
    face = counted[near[first]]
    ways = shapely.shortest_line(points, shapes[face])
    ends = shapely.get_coordinates(shapely.get_point(ways, 1))
    bearing = np.degrees(np.arctan2(ends[:, 0] - xy[:, 0], ends[:, 1] - xy[:, 1]))
    off = np.abs((ready.doors["heading"].to_numpy(np.float64) - bearing + 180.0) % 360.0 - 180.0)
    ids = ready.doors.index.astype(str)
    held = ready.obstacles.index.astype(str)
    own = next(item for item in result.tables.scenarios if item.name == scenario)

    def by_face(of_doors: NDArray[np.generic]) -> Floats:
        sums: Floats = np.bincount(face, weights=of_doors.astype(np.float64), minlength=len(lines)).astype(np.float64)
        return sums

    return _Model(
        doors=by_face(np.ones(len(xy))),
        facing=by_face(off <= _FACING_DEGREES),
        recessed=by_face((ids + "#left").isin(held)),
        screened=by_face((ids + "#planting").isin(held) | _behind(result, ways)),
        owners=by_face(ready.chances(own)),
        street_m2=street,
        in_sight_m2=seen,
    )


def _behind(result: Result, ways: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which ways from a door to its street cross a wall, fence or hedge that hides in the model."""
    obstacles = result.ready.obstacles
    screens = obstacles[~obstacles["kind"].isin(["building", "recess", "planting"])]
    hit = np.zeros(len(ways), bool)
    if len(screens):
        crossing, _ = shapely.STRtree(screens.geometry.to_numpy()).query(ways, predicate="intersects")
        hit[crossing] = True
    return hit


def _rows(measure: str, faces: pd.Index, of: Floats, audited: Floats, modelled: Floats) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "face": [str(face) for face in faces],
            "measure": measure,
            "walked": 1,
            "of": of,
            "audited": audited,
            "modelled": modelled,
            "low": np.nan,
            "high": np.nan,
            "agrees": None,
            "note": "",
        }
    )


def _over_all(
    measure: str, walked: int, of: float, audited: float, modelled: float, ends: tuple[float, float], note: str
) -> pd.DataFrame:
    low, high = ends
    known = np.isfinite([low, high, modelled]).all()
    row = _rows(measure, pd.Index(["all"]), np.array([of]), np.array([audited]), np.array([modelled]))
    row["walked"], row["low"], row["high"], row["note"] = walked, low, high, note
    row["agrees"] = [bool(low <= modelled <= high) if known else None]
    return row


def _doors(walk: pd.DataFrame, modelled: Floats, confidence: float) -> pd.DataFrame:
    """Return the numbers of doors, and over all how many were found for each that is modelled."""
    found = walk["doors"].to_numpy(np.float64)
    there = np.isfinite(found)
    rows = _rows("doors", walk.index[there], found[there], found[there], modelled[there])
    total = float(modelled[there].sum())
    ratio = float(found[there].sum()) / total if total else float("nan")
    ends = _between_faces(found[there], modelled[there], confidence)
    words = "doors found for each door modelled" if total else "no door is modelled on these faces"
    note = words if np.isfinite(ends[0]) or not total else f"{words}; two faces or more make an interval"
    return pd.concat([rows, _over_all("doors", int(there.sum()), total, ratio, 1.0, ends, note)], ignore_index=True)


def _share(
    measure: str,
    walk: pd.DataFrame,
    part: pd.Series | Floats,
    whole: pd.Series | Floats,
    model_part: Floats,
    model_whole: Floats,
    confidence: float,
    note: str,
    *,
    unclear: Floats | None = None,
) -> pd.DataFrame:
    """Return shares by face and over all; `unclear` of the whole may belong to the part or not."""
    hits, trials = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    there = np.isfinite(hits) & np.isfinite(trials) & (trials > 0)
    hits, trials, mine, ours = hits[there], trials[there], model_part[there], model_whole[there]
    open_to = np.zeros(len(hits)) if unclear is None else unclear[there]
    clear = trials - open_to
    with np.errstate(invalid="ignore", divide="ignore"):
        audited = np.where(clear > 0, hits / clear, np.nan)
        modelled = np.where(ours > 0, mine / ours, np.nan)
    rows = _rows(measure, walk.index[there], clear, audited, modelled)
    if not len(hits):
        missing = _over_all(measure, 0, 0.0, np.nan, np.nan, (np.nan, np.nan), "not recorded")
        return pd.concat([rows, missing], ignore_index=True) if len(rows) else missing
    low = _interval(hits, trials, confidence)[0]
    high = _interval(hits + open_to, trials, confidence)[1]
    whole_share = float(hits.sum() / clear.sum()) if clear.sum() else float("nan")
    model_share = float(mine.sum() / ours.sum()) if ours.sum() else float("nan")
    over = _over_all(measure, len(hits), float(clear.sum()), whole_share, model_share, (low, high), note)
    return pd.concat([rows, over], ignore_index=True)


def _between_faces(part: Floats, whole: Floats, confidence: float) -> tuple[float, float]:
    """Return the ends of part / whole by the variance between faces; NaN for one face or nothing to divide by.

    r = sum y / sum x, var r = n / (n - 1) sum (y - r x)^2 / (sum x)^2, with Student's t of n - 1 degrees of freedom;
    no correction for having walked a large part of all faces, so that the ends are too far apart rather than too near.
    """
    n, total = len(part), whole.sum()
    if n < 2 or total <= 0:
        return float("nan"), float("nan")
    ratio = part.sum() / total
    spread = np.sqrt(n / (n - 1) * ((part - ratio * whole) ** 2).sum()) / total
    reach = float(stats.t.ppf((1 + confidence) / 2, n - 1) * spread)
    return max(float(ratio) - reach, 0.0), float(ratio) + reach


def _interval(hits: Floats, trials: Floats, confidence: float) -> tuple[float, float]:
    """Return the ends of a share: the wider, at each end, of that between faces and the exact binomial one."""
    part, whole, rest = hits.sum(), trials.sum(), (1 - confidence) / 2
    low = float(stats.beta.ppf(rest, part, whole - part + 1)) if part > 0 else 0.0
    high = float(stats.beta.ppf(1 - rest, part + 1, whole - part)) if part < whole else 1.0
    between = _between_faces(hits, trials, confidence)
    if np.isnan(between[0]):
        return low, high
    return min(low, between[0]), max(high, min(between[1], 1.0))


def _notes(walk: pd.DataFrame, result: Result, level: str) -> list[str]:
    seen = result.levels[level]
    sight = (
        f"In sight: at the level {level} ({seen.plain}), up to {seen.range_m:.1f} m; the walk must have judged so too."
    )
    street = "The walk counts what is seen from the street in one month: cameras hidden from it, and settings, are not."
    notes = [sight, street]
    if len(walk) < _ENOUGH:
        notes.insert(0, f"Only {len(walk)} block faces were walked: {_ENOUGH} or more make the intervals useful.")
    return notes
