"""Recorded tracks for notebooks and the command line: their figures, a map, and files that are not for publishing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from numpy.typing import ArrayLike

from doorview.city.doors import find_doors
from doorview.city.ground import public_space
from doorview.city.model import City
from doorview.errors import InputError, OutputError
from doorview.overlays.gpx import Recorded, read_gpx
from doorview.overlays.route_exposure import CAVEAT
from doorview.overlays.route_owners import checked_chance
from doorview.overlays.track_exposure import GPS_ERROR_M, LEVELS, TrackExposure
from doorview.overlays.track_exposure import track_exposure as exposure_of_tracks
from doorview.overlays.tracks import BREAKS, DROPPED, TrackRules
from doorview.show.tables import write_csv
from doorview.show.text import clean, percent
from doorview.sight.api import camera as camera_named
from doorview.sight.api import level as level_named
from doorview.sight.camera import CameraModel
from doorview.sight.levels import Level
from doorview.study.walk_pictures import WalkPictures, figures_said, owners_said

__all__ = ["PERSONAL", "TrackResult", "track_exposure"]

PERSONAL = "A track says where somebody was, and when: it is personal data, and not for publishing."
FILES = ("tracks.csv", "track_intervals.csv", "track_counts.csv", "tracks.gpkg", "tracks.png")
_MOST_DRAWN = 5
_MOST_SAID = 10


@dataclass(frozen=True, eq=False, repr=False)
class TrackResult:
    """What could see some recorded tracks; personal data.

    Attributes
    ----------
    table
        A row per track and level: the figures of a way (`dv.route`), `duration_s`, `seen_time_mean_s`, and the spread
        over the error of its places (`share_in_view_low`, `_high`, `doorbells_low`, `_high`).
    intervals
        When and where it was in view: a row for each stretch that at least one door could see.
    counts
        What was left out of each track and where it was cut, by reason.
    stretches
        GeoDataFrame: lines with the chance of being in view, by track and level.
    notes
        What was assumed and left out, in sentences.
    gps_error_m
        How far places were taken to be off [m].

    """

    table: pd.DataFrame
    intervals: pd.DataFrame
    counts: pd.DataFrame
    stretches: gpd.GeoDataFrame
    notes: tuple[str, ...]
    gps_error_m: float
    pictures: WalkPictures

    def map(self, path: str | Path | None = None, *, level: str | None = None, fictional: bool = False) -> Any:
        """Draw the tracks by their chance of being in view; in a notebook it is shown, with `path` written there.

        Parameters
        ----------
        path
            PNG or SVG by its suffix.
        level
            One of the table's; left out: the first.
        fictional
            The place does not exist, as the demo town, and the picture says so.

        """
        shown = str(self.table["level"].iloc[0]) if level is None else level
        here = self.stretches[self.stretches["level"] == shown]
        if not len(here):
            levels = ", ".join(dict.fromkeys(self.table["level"]))
            raise InputError(
                f"there is no line to draw at '{shown}': the tracks were looked at at {levels}, and who stood still "
                f"has none. Give levels=[..., '{shown}'] to dv.track_exposure."
            )
        labels = list(dict.fromkeys(here["walk"]))
        found = self.table[self.table["track"].isin(labels)]
        said = {str(label): figures_said(rows) for label, rows in found.groupby("track", sort=False)}
        if len(said) > _MOST_DRAWN:
            said = {label: lines[:1] for label, lines in said.items()}
        title = "Recorded walks: how much would doorbell cameras have in view?"
        return self.pictures.draw(path, shown, title, here, said, fictional=fictional, note=PERSONAL)

    def write(self, folder: str | PathLike[str]) -> list[Path]:
        """Write the tables, the stretches and a map into a new or empty folder, and return what was written.

        Raises
        ------
        OutputError
            For a folder that holds something, or cannot be written.

        """
        into = Path(folder)
        try:
            if into.exists() and (not into.is_dir() or any(into.iterdir())):
                raise OutputError(f"'{into}' is there already and is not empty. Give a new folder for the tracks.")
            into.mkdir(parents=True, exist_ok=True)
            paths = [into / name for name in FILES]
            write_csv(paths[0], self.table)
            write_csv(paths[1], self.intervals)
            write_csv(paths[2], self.counts.reset_index())
            self.stretches.to_file(paths[3], layer="stretches", driver="GPKG", engine="pyogrio")
        except OSError as fault:
            if isinstance(fault, OutputError):
                raise
            raise OutputError(
                f"cannot write the tracks into '{into}': {fault.strerror}. Give another folder"
            ) from fault
        if len(self.stretches):
            self.map(paths[4])
        else:
            paths.pop()
        return paths

    def said(self) -> list[str]:
        """Return the figures in lines, track by track, all levels of each together."""
        lines: list[str] = []
        for number, (label, rows) in enumerate(self.table.groupby("track", sort=False)):
            if number == _MOST_SAID:
                lines.append(f"{self.table['track'].nunique() - number:,} more tracks stand in the table.")
                break
            row = rows.iloc[0]
            name = clean(str(label), 60)
            if row["status"] != "found":
                lines.append(f"{name}: no figures ({str(row['status']).replace('_', ' ')}).")
                continue
            lasted = "" if pd.isna(row["duration_s"]) else f", {row['duration_s'] / 60:,.1f} minutes"
            lines.append(f"{name}: {row['length_m']:,.0f} m{lasted}.")
            lines += [f"  {words}" for words in figures_said(rows)[1:]]
            if "share_in_view_low" in rows and rows["share_in_view_low"].notna().any():
                spread = "; ".join(
                    f"{item.level} {percent(item.share_in_view_low)} to {percent(item.share_in_view_high)}"
                    for item in rows.itertuples()
                )
                lines.append(f"  In view with its places off by {self.gps_error_m:g} m: {spread}.")
        return lines

    def _repr_html_(self) -> str:
        shown: str = self.table.round(3).to_html(index=False, na_rep="")
        return shown + "".join(f"<p>{note}</p>" for note in self.notes)

    def __repr__(self) -> str:
        return "\n".join([*self.said(), *self.notes])


def track_exposure(
    city: City,
    files: str | PathLike[str] | Iterable[str | PathLike[str]] | Recorded,
    *,
    levels: Sequence[str | Level] = LEVELS,
    rate: float | ArrayLike = 0.2,
    camera: str | CameraModel = "ring-video-doorbell-wired",
    doors: gpd.GeoDataFrame | None = None,
    obstacles: gpd.GeoDataFrame | None = None,
    rules: TrackRules | None = None,
    gps_error_m: float = GPS_ERROR_M,
    clip_s: float | None = None,
    replicates: int = 256,
    seed: int = 0,
) -> TrackResult:
    """Return when and where recorded tracks were in view of simulated doorbells: GPX files, a folder, or several.

    Owners are simulated: this says what a camera at each door could have seen, never what one did see.

    Parameters
    ----------
    city
        Where the tracks lie. Points outside its data, or nearer to their edge than a camera reaches, are left out and
        counted: what stands beyond is not known.
    files
        GPX 1.0 or 1.1, a folder of them, or what `doorview.overlays.gpx.read_gpx` read.
    levels
        What "in view" means.
    rate
        Chance that a door owns a camera: one number, or one for each of `doors`, in their order.
    camera, doors, obstacles
        As for `dv.route`.
    rules
        When a track is cut (`doorview.overlays.tracks.TrackRules`).
    gps_error_m
        How far its places may be off [m]; 0: no spread is told.
    clip_s
        Length of a clip [s] for `share_recorded_mean`; no source says one for all makers.
    replicates, seed
        Of the longest unseen stretch.

    Raises
    ------
    MissingFileError, InputError
        For files that are no GPX or hold no track; where no point of any track can be used; for values out of bounds.
    UnknownNameError
        For a camera or level that does not exist.

    """
    model = camera_named(camera)
    wanted = tuple(item if isinstance(item, Level) else level_named(model, item) for item in levels)
    doors = find_doors(city) if doors is None else doors
    chance = checked_chance(rate, len(doors)).chance
    recorded = files if isinstance(files, Recorded) else read_gpx(files)
    found = exposure_of_tracks(
        city,
        recorded,
        levels=wanted,
        rate=chance,
        doors=doors,
        obstacles=obstacles,
        camera=model,
        rules=rules,
        gps_error_m=gps_error_m,
        clip_s=clip_s,
        replicates=replicates,
        seed=seed,
    )
    ground = public_space(city)
    scenario = owners_said(chance)
    pictures = WalkPictures(city, model, wanted, scenario, "Obstacles: buildings only.", ground.faces, ground.polygons)
    notes = (CAVEAT, f"If {scenario}; {model.label}.", *_left_out(found), PERSONAL)
    return TrackResult(found.table, found.intervals, found.counts, found.stretches, notes, gps_error_m, pictures)


def _left_out(found: TrackExposure) -> list[str]:
    """Return what was left out of the tracks and where they were cut, in sentences."""
    counts = found.counts
    lines = []
    dropped = {name: int(counts[name].sum()) for name in DROPPED}
    if any(dropped.values()):
        said = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in dropped.items() if number)
        lines.append(f"Left out of {int(counts['points'].sum()):,} points: {said}.")
    cuts = {name: int(counts[name].sum()) for name in BREAKS}
    if any(cuts.values()):
        said = ", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in cuts.items() if number)
        lines.append(f"Cut, and not bridged: {said}; {counts['between_m'].sum():,.0f} m lie between the pieces.")
    inside = found.table.drop_duplicates("track")["in_building_m"].sum()
    if inside > 0:
        lines.append(f"{inside:,.0f} m lie in buildings, and count as out of view: places are off, or somebody was in.")
    return lines
