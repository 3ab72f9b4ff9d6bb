"""Camera models: data with the source and mark of every value, and both readings of a disputed field of view.

A maker prints one number, "160 degrees", and sources differ on whether it runs across the picture or along its
diagonal. Both readings are kept: a model has one of them, `CameraModel.readings` gives both, and
``camera("NAME+diagonal")`` or ``camera("NAME+horizontal")`` takes one by name.
"""

from __future__ import annotations

import html
import math
import numbers
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from importlib import resources

from doorview.errors import InputError, UnknownNameError

__all__ = ["READINGS", "CameraModel", "Figure", "angle_across", "camera", "camera_of", "catalogue"]

MARKS = {
    "C": "confirmed",
    "C2": "secondary source only",
    "D": "derived",
    "M": "unconfirmed",
    "user": "given by the user",
}
READINGS = ("horizontal", "diagonal")
"""How a printed field of view may be meant."""
_BOUNDS = {
    "field_of_view_degrees": (360.0, ""),
    "vertical_field_of_view_degrees": (180.0, ""),
    "trigger_field_of_view_degrees": (360.0, ""),
    "pixels": (20000.0, ""),
    "pixels_vertical": (20000.0, ""),
    "trigger_range_m": (100.0, " m"),
    "mount_height_m": (20.0, " m"),
    "stated_field_of_view_degrees": (360.0, ""),
    "infrared_range_m": (200.0, " m"),
}
"""What a value is at most, with its unit; all must lie above 0."""
_MAY_BE_UNKNOWN = ("stated_field_of_view_degrees", "infrared_range_m")


def angle_across(degrees: float, part: float, whole: float, projection: str = "equidistant") -> float:
    """Return the angle [degrees] that `part` pixels span where `whole` pixels span `degrees`, both about the axis.

    An equidistant lens spreads angles evenly from the picture's centre (r = f theta), so that a diagonal D gives
    H = D w / sqrt(w^2 + h^2); a rectilinear one spreads tangents (r = f tan theta).

    Raises
    ------
    InputError
        For 180 degrees or more through a rectilinear lens, which no such lens sees.
    """
    if projection == "rectilinear":
        if degrees >= 180.0:
            raise InputError(f"{degrees:g} degrees through a rectilinear lens: it cannot see 180 degrees or more.")
        return 2.0 * math.degrees(math.atan(math.tan(math.radians(degrees) / 2.0) * part / whole))
    return degrees * part / whole


@dataclass(frozen=True)
class Figure:
    """Where a value comes from: mark (C confirmed, C2 secondary, D derived, M unconfirmed, user) and source."""

    mark: str
    source: str


@dataclass(frozen=True)
class CameraModel:
    """One model of doorbell camera.

    Fields of view are horizontal and vertical [degrees], `pixels` across and `pixels_vertical` down, distances in
    metres. `figures` holds the mark and source of every value by its name.

    `stated_field_of_view_degrees` is the number printed where its reading is disputed, else None; `reading` says which
    one `field_of_view_degrees` follows. `infrared_range_m` is how far the camera's own lamps reach at night, None where
    nobody says.
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
    stated_field_of_view_degrees: float | None = None
    reading: str = "horizontal"
    infrared_range_m: float | None = None
    figures: dict[str, Figure] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check every value, and report all faults at once."""
        faults = []
        for name, (most, unit) in _BOUNDS.items():
            value = getattr(self, name)
            if (value is None and name in _MAY_BE_UNKNOWN) or _lies_in(value, most):
                continue
            faults.append(f"{name} is {value!r}: it must lie above 0 and at most {most:g}{unit}")
        # Compared with the range only where that is right itself: its own fault is told of already.
        if not _lies_in(self.trigger_near_m, math.inf, zero=True) or (
            _lies_in(self.trigger_range_m, 100.0) and not self.trigger_near_m < self.trigger_range_m
        ):
            faults.append(f"trigger_near_m is {self.trigger_near_m!r}: it must lie from 0 to below trigger_range_m")
        if self.projection not in ("equidistant", "rectilinear"):
            faults.append(f"projection is {self.projection!r}: it must be equidistant or rectilinear")
        if self.reading not in READINGS:
            faults.append(f"reading is {self.reading!r}: it must be horizontal or diagonal")
        wide = _lies_in(self.field_of_view_degrees, 360.0) and self.field_of_view_degrees >= 180
        if self.projection == "rectilinear" and wide:
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

    def reading_words(self) -> str:
        """Return how a disputed field of view is read, and what the other reading comes to; empty if none is."""
        if self.stated_field_of_view_degrees is None:
            return ""
        other = self.readings()[1]
        return (
            f"The {self.stated_field_of_view_degrees:g} degrees printed are read as {self.reading}, which is disputed: "
            f"{self.field_of_view_degrees:.3g} across the picture, but {other.field_of_view_degrees:.3g} if "
            f"{other.reading}."
        )

    def _repr_html_(self) -> str:
        """Return the values as a table with the mark and source of each, every text escaped."""
        rows = "".join(
            "<tr>" + "".join(f'<td style="text-align:left">{html.escape(cell)}</td>' for cell in row) + "</tr>"
            for row in self._rows()
        )
        heads = "".join(f'<th style="text-align:left">{head}</th>' for head in ("value", "", "standing", "source"))
        words = f"<p>{html.escape(self.reading_words())}</p>" if self.reading_words() else ""
        return (
            f"<p><strong>{html.escape(self.label)}</strong> ({html.escape(self.name)})</p><table><thead><tr>"
            f"{heads}</tr></thead><tbody>{rows}</tbody></table>{words}"
        )

    def _rows(self) -> list[tuple[str, str, str, str]]:
        """Return name, value with its unit, standing and source of every value."""
        rows = []
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in ("name", "label", "maker", "figures") or value is None:
                continue
            words, unit = f"{value:.4g}" if isinstance(value, float) else str(value), ""
            for ending, symbol in (("_degrees", " degrees"), ("_m", " m")):
                unit = symbol if item.name.endswith(ending) else unit
            figure = self.figures.get(item.name)
            standing = "" if figure is None else MARKS.get(figure.mark, figure.mark)
            title = item.name.removesuffix("_degrees").removesuffix("_m")
            rows.append((title.replace("_", " "), words + unit, standing, "" if figure is None else figure.source))
        return rows

    def with_values(self, **values: float | str) -> CameraModel:
        """Return a copy with other values, marked as given by the user.

        A field of view that is given settles what it means: the copy has that one reading only. Other pixels change
        what a diagonal comes to across the picture.
        """
        known = {item.name for item in fields(self)} - {"figures", "name", "stated_field_of_view_degrees", "reading"}
        for name in values:
            if name not in known:
                raise UnknownNameError("camera value", name, known)
        figures = {**self.figures, **{name: Figure("user", "given by the user") for name in values}}
        if "field_of_view_degrees" in values:
            figures = {key: item for key, item in figures.items() if key not in _READING_KEYS}
            settled = replace(self, stated_field_of_view_degrees=None, reading="horizontal")
            return replace(settled, figures=figures, **values)  # type: ignore[arg-type]
        changed = replace(self, figures=figures, **values)  # type: ignore[arg-type]
        if self.reading == "diagonal" and {"pixels", "pixels_vertical", "projection"} & set(values):
            across, down = _fields_read_as(changed, "diagonal")
            if "vertical_field_of_view_degrees" in values or not _vertical_follows(self):
                down = changed.vertical_field_of_view_degrees
            return replace(changed, field_of_view_degrees=across, vertical_field_of_view_degrees=down)
        return changed

    def readings(self) -> tuple[CameraModel, ...]:
        """Return this model and, where its field of view is disputed, the other reading of it as a model too.

        The other is called NAME+diagonal or NAME+horizontal. A vertical field that the lens gives from the horizontal
        one (the same angle for each pixel) follows it; one that a source states by itself stays.
        """
        if self.stated_field_of_view_degrees is None:
            return (self,)
        (other,) = (item for item in READINGS if item != self.reading)
        stated, across_down = self.stated_field_of_view_degrees, _fields_read_as(self, other)
        source = self.figures.get("stated_field_of_view_degrees", Figure("M", "")).source
        read = Figure("M", f"{stated:g} degrees read as {other} ({source})")
        figures = {**self.figures, "field_of_view_degrees": read, "reading": Figure("M", "the other reading")}
        down = self.vertical_field_of_view_degrees
        if _vertical_follows(self):
            down = across_down[1]
            figures["vertical_field_of_view_degrees"] = read
        changed = replace(
            self,
            name=f"{self.name.partition('+')[0]}+{other}",
            label=f"{self.label.partition(' (read as')[0]} (read as {other})",
            field_of_view_degrees=across_down[0],
            vertical_field_of_view_degrees=down,
            reading=other,
            figures=figures,
        )
        return (self, changed)


_READING_KEYS = ("stated_field_of_view_degrees", "reading")


def _lies_in(value: object, most: float, *, zero: bool = False) -> bool:
    """Return whether a value is a finite number above 0 (or 0 itself) and at most `most`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    number = float(value)
    return math.isfinite(number) and (number > 0.0 or (zero and number == 0.0)) and number <= most


def _fields_read_as(model: CameraModel, reading: str) -> tuple[float, float]:
    """Return the horizontal and vertical field [degrees] that the printed one means; at most 180 down."""
    stated, across, down = float(model.stated_field_of_view_degrees or 0.0), model.pixels, model.pixels_vertical
    whole = math.hypot(across, down) if reading == "diagonal" else float(across)
    vertical = angle_across(stated, down, whole, model.projection)
    return angle_across(stated, across, whole, model.projection), min(vertical, 180.0)


def _vertical_follows(model: CameraModel) -> bool:
    """Return whether no source states the vertical field and the lens gives it from the horizontal, to 0.01 degrees."""
    figure = model.figures.get("vertical_field_of_view_degrees")
    if figure is not None and figure.mark not in ("M", "D"):
        return False
    if model.projection == "rectilinear" and model.field_of_view_degrees >= 180.0:
        return False
    given = angle_across(model.field_of_view_degrees, model.pixels_vertical, model.pixels, model.projection)
    return abs(min(given, 180.0) - model.vertical_field_of_view_degrees) <= 0.01


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

    Where a field of view is disputed, ``camera("ring-video-doorbell-wired+diagonal")`` is the model by the other
    reading.

    Raises
    ------
    UnknownNameError
        If no model has that name; the message names the nearest.
    InputError
        If a reading is asked for of a model whose field of view has one reading only.

    Examples
    --------
    >>> import doorview as dv
    >>> dv.camera("ring-video-doorbell-wired").field_of_view_degrees
    155.0
    >>> dv.camera("ring-video-doorbell-wire")
    Traceback (most recent call last):
        ...
    doorview.errors.UnknownNameError: ...ring-video-doorbell-wired...

    """
    if isinstance(name, CameraModel):
        return name
    return camera_of(name, catalogue())


def camera_of(name: str, models: Mapping[str, CameraModel]) -> CameraModel:
    """Return the model called `name`, or NAME+READING, among `models`; raises as `camera`."""
    plain, plus, reading = name.partition("+")
    if plain not in models:
        raise UnknownNameError("camera", name, models, "`doorview cameras` lists them with their sources.")
    model = models[plain]
    if not plus:
        return model
    if reading not in READINGS:
        raise UnknownNameError("reading", reading, READINGS, f"Ask for '{plain}+diagonal', or for '{plain}' as it is.")
    found = [item for item in model.readings() if item.reading == reading]
    if model.stated_field_of_view_degrees is None or not found:
        raise InputError(
            f"camera '{plain}' has one reading of its field of view only, so there is no '{name}'. Take '{plain}', or "
            "give a field of view of your own with field_of_view_degrees."
        )
    return found[0]
