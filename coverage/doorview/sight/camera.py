"""Camera models: data with the source and mark of every value."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from functools import cache
from importlib import resources

from doorview.errors import InputError, UnknownNameError

__all__ = ["CameraModel", "Figure", "camera", "catalogue"]

MARKS = {
    "C": "confirmed",
    "C2": "secondary source only",
    "D": "derived",
    "M": "unconfirmed",
    "user": "given by the user",
}


@dataclass(frozen=True)
class Figure:
    """Where a value comes from: mark (C confirmed, C2 secondary, D derived, M unconfirmed, user) and source."""

    mark: str
    source: str


@dataclass(frozen=True)
class CameraModel:
    """One model of doorbell camera.

    Fields of view are horizontal and vertical [degrees], `pixels` across and `pixels_vertical` down, distances in
    metres.
    `figures` holds the mark and source of every value by its name.
    """

    name: str
    label: str
    maker: str
    field_of_view_degrees: float
    vertical_field_of_view_degrees: float
    pixels: int
    pixels_vertical: int
    trigger_range_m: float
    trigger_near_m: float
    trigger_field_of_view_degrees: float
    mount_height_m: float
    projection: str = "equidistant"
    figures: dict[str, Figure] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check every value, and report all faults at once."""
        faults = [
            f"{name} is {value!r}: it must lie {what}"
            for name, value, low, high, what in (
                ("field_of_view_degrees", self.field_of_view_degrees, 0, 360, "above 0 and at most 360"),
                (
                    "vertical_field_of_view_degrees",
                    self.vertical_field_of_view_degrees,
                    0,
                    180,
                    "above 0 and at most 180",
                ),
                (
                    "trigger_field_of_view_degrees",
                    self.trigger_field_of_view_degrees,
                    0,
                    360,
                    "above 0 and at most 360",
                ),
                ("pixels", self.pixels, 0, 20000, "above 0 and at most 20000"),
                ("pixels_vertical", self.pixels_vertical, 0, 20000, "above 0 and at most 20000"),
                ("trigger_range_m", self.trigger_range_m, 0, 100, "above 0 and at most 100 m"),
                ("mount_height_m", self.mount_height_m, 0, 20, "above 0 and at most 20 m"),
            )
            if not low < value <= high
        ]
        if not 0 <= self.trigger_near_m < self.trigger_range_m:
            faults.append(f"trigger_near_m is {self.trigger_near_m!r}: it must lie from 0 to below trigger_range_m")
        if self.projection not in ("equidistant", "rectilinear"):
            faults.append(f"projection is {self.projection!r}: it must be equidistant or rectilinear")
        if self.projection == "rectilinear" and self.field_of_view_degrees >= 180:
            faults.append("projection is rectilinear: a rectilinear lens cannot see 180 degrees or more")
        if faults:
            raise InputError(f"camera '{self.name}': " + "; ".join(faults) + ".")

    def unconfirmed(self, *names: str) -> list[str]:
        """Return which of the values called `names` (default: all) are not confirmed, in words."""
        wanted = names or tuple(self.figures)
        return [
            f"{name.removesuffix('_degrees').removesuffix('_m').replace('_', ' ')} ({MARKS[self.figures[name].mark]})"
            for name in wanted
            if name in self.figures and self.figures[name].mark in ("M", "C2")
        ]

    def with_values(self, **values: float | str) -> CameraModel:
        """Return a copy with other values, marked as given by the user."""
        known = {item.name for item in fields(self)} - {"figures", "name"}
        for name in values:
            if name not in known:
                raise UnknownNameError("camera value", name, known)
        figures = {**self.figures, **{name: Figure("user", "given by the user") for name in values}}
        return replace(self, figures=figures, **values)  # type: ignore[arg-type]


@cache
def catalogue() -> dict[str, CameraModel]:
    """Return the shipped camera models by name, from `cameras.toml`."""
    table = tomllib.loads(resources.files("doorview.sight").joinpath("cameras.toml").read_text(encoding="utf-8"))
    models = {}
    for name, entry in table.items():
        values = {key: item["value"] if isinstance(item, dict) else item for key, item in entry.items()}
        figures = {key: Figure(item["mark"], item["source"]) for key, item in entry.items() if isinstance(item, dict)}
        models[name] = CameraModel(name=name, figures=figures, **values)
    return models


def camera(name: str | CameraModel) -> CameraModel:
    """Return the camera model called `name`, e.g. ``camera("ring-video-doorbell-wired")``.

    Raises
    ------
    UnknownNameError
        If no model has that name; the message names the nearest.

    """
    if isinstance(name, CameraModel):
        return name
    models = catalogue()
    if name not in models:
        raise UnknownNameError("camera", name, models, "`doorview cameras` lists them with their sources.")
    return models[name]
