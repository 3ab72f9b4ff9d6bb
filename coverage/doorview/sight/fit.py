r"""Fits a lens from photographs of a board: pixels per radian, and whether angles or tangents are spread evenly.

A board of known width w is photographed at known distances d and bearings b from the lens axis, each time turned to
face the camera and at the height of the lens. Its edges then lie at bearings b - a and b + a with a = atan(w / (2 d))::

                  w
              ---------          p = k (2 a)                          equidistant
               \  |  /           p = k (tan(b + a) - tan(b - a))      rectilinear
              d \ | /
                 \|/   b         k [pixels per radian on the axis], p [pixels between the edges]
                camera

Both lenses are one least-squares line through the origin; the one with the smaller residuals is the likelier. On the
axis the two are alike: photographs at 40 degrees and more tell them apart. An error in the bearings counts for the
rectilinear lens only.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from doorview.errors import InputError, nearest_name
from doorview.sight.camera import CameraModel, Figure, camera

__all__ = ["COLUMNS", "CameraFit", "LensFit", "fit_camera"]

COLUMNS = ("board_width_m", "distance_m", "bearing_degrees", "pixels")
"""What a table of photographs must hold."""
LEAST_ROWS = 4
"""One unknown for each lens, and enough left to judge the residuals by."""
DECIDED_ODDS = 20.0
"""From these odds on the lens is called told apart; below, the base model's stays."""
_SAME_PHOTOGRAPH = 0.25
"""Two photographs of one board at one place may differ by this part of their mean before they contradict each other."""
_POOR_FIT = 0.15
"""A lens whose residuals exceed this part of the mean width explains nothing: bearings or distances must be wrong."""
_EDGE_DEGREES = 2.0
"""How far beyond the fitted field of view a whole board may seem to lie, for bearings read off a compass [degrees]."""
_SHOWN_FAULTS = 40

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LensFit:
    """One kind of lens fitted to the photographs.

    `pixels_per_radian` k holds on the axis, `standard_error` is its own [pixels per radian], `residual_px` the standard
    deviation of what the lens leaves unexplained. All three are infinite where the kind cannot take the photographs at
    all: a rectilinear lens sees nothing at 90 degrees from its axis.
    """

    projection: str
    pixels_per_radian: float
    standard_error: float
    residual_px: float


@dataclass(frozen=True)
class CameraFit:
    """What the photographs say of a camera.

    `model` is a `CameraModel` with the fitted fields of view and lens, for every function that takes a camera. `lens`
    is the fit that it uses, `lenses` are both kinds, the likelier first. `odds` says how many times likelier the first
    is than the second; `decided` whether that is enough to tell them apart. `rows` holds, on the index of the user's
    table, what each kind expects (`equidistant_px`, `rectilinear_px`) and what the lens used leaves (`residual_px`).
    """

    model: CameraModel
    lens: LensFit
    lenses: tuple[LensFit, LensFit]
    odds: float
    decided: bool
    rows: pd.DataFrame

    def range_m(self, px_per_m: float) -> tuple[float, float]:
        """Return the distance [m] at which a target gets `px_per_m` pixels per metre, and its standard error [m]."""
        return self.lens.pixels_per_radian / px_per_m, self.lens.standard_error / px_per_m

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the confidence interval of the pixels per radian (Student's t), at a level such as 0.95."""
        if not 0.0 < level < 1.0:
            raise InputError(f"level is {level!r}: it must lie between 0 and 1, e.g. 0.95.")
        half = float(stdtrit(len(self.rows) - 1, 0.5 + level / 2.0)) * self.lens.standard_error
        return self.lens.pixels_per_radian - half, self.lens.pixels_per_radian + half

    def report(self) -> str:
        """Return the result in words, a few lines to print."""
        low, high = self.interval()
        found = f"{self.lens.pixels_per_radian:.1f} +- {self.lens.standard_error:.1f}"
        lines = [
            f"{len(self.rows)} photographs, camera {self.model.name}",
            f"pixels per radian: {found} (95 %: {low:.1f} to {high:.1f}), lens taken as {self.lens.projection}",
        ]
        for item in self.lenses:
            if math.isfinite(item.residual_px):
                lines.append(f"  {item.projection}: residuals of {item.residual_px:.2f} pixels")
            else:
                lines.append(f"  {item.projection}: impossible, a board was seen at 90 degrees or more from the axis")
        likelier, other = (item.projection for item in self.lenses)
        if self.decided:
            lines.append(f"the lens is {likelier}: more than {DECIDED_ODDS:g} times likelier than {other}")
        else:
            lines.append(
                f"the photographs do not tell {likelier} from {other} ({self.odds:.1f} to 1): take some at 40 degrees "
                "and more from the axis"
            )
        lines.append(
            f"field of view: {self.model.field_of_view_degrees:.1f} degrees across {self.model.pixels} pixels, "
            f"{self.model.vertical_field_of_view_degrees:.1f} down {self.model.pixels_vertical}"
        )
        for name, density in (("detect", 25.0), ("observe", 62.5), ("recognise", 125.0)):
            reach, error = self.range_m(density)
            lines.append(f"  {name}: {reach:.2f} +- {error:.2f} m")
        return "\n".join(lines)


def fit_camera(
    table: pd.DataFrame,
    *,
    base: str | CameraModel = "ring-video-doorbell-wired",
    name: str = "fitted",
    pixels: int | None = None,
    pixels_vertical: int | None = None,
) -> CameraFit:
    """Fit the pixels per radian of a camera from photographs of a board of known width.

    Each row is one photograph. The board faces the camera, upright at the height of the lens; rows are taken as
    independent, with the same spread of pixels. A range follows from the pixels per radian alone (d = k / v), whatever
    the picture's size; the field of view needs the size too.

    Parameters
    ----------
    table
        Columns `board_width_m` [m], `distance_m` from the lens to the board's centre [m], `bearing_degrees` of that
        centre from the lens axis [degrees, either sign], `pixels` between the board's two edges in the picture.
    base
        The model whose other values hold: sensor, mount height, size of the picture.
    name
        What the fitted model is called.
    pixels, pixels_vertical
        Size of the photographs; default: the base's.

    Returns
    -------
    CameraFit
        Its `model` goes wherever a camera does: ``dv.estimate(city, camera=dv.fit_camera(table).model)``.

    Raises
    ------
    InputError
        With every fault of the table at once: columns missing, too few rows, what is no number, distances of zero,
        photographs that contradict each other or that neither kind of lens explains.
    UnknownNameError
        If there is no such base.

    Examples
    --------
    Photographs as a lens of 700 pixels per radian would take them:

    >>> import numpy as np, pandas as pd
    >>> import doorview as dv
    >>> table = pd.DataFrame({"distance_m": [1.0, 2.0, 3.0, 1.0, 2.0], "bearing_degrees": [0.0, 0.0, 0.0, 60.0, 60.0]})
    >>> table["board_width_m"] = 0.5
    >>> table["pixels"] = 700.0 * 2.0 * np.arctan(0.5 / (2.0 * table["distance_m"]))
    >>> fit = dv.fit_camera(table)
    >>> fit.lens.projection, round(fit.lens.pixels_per_radian, 6)
    ('equidistant', 700.0)

    """
    model = camera(base)
    size = {"pixels": pixels, "pixels_vertical": pixels_vertical}
    given = {key: value for key, value in size.items() if value is not None}
    model = model.with_values(**given) if given else model
    measured = _checked(table)
    width, distance, bearing, seen = measured.T
    half = np.arctan2(width, 2.0 * distance)
    axis = np.radians(bearing)
    fits = {"equidistant": _line(2.0 * half, seen, "equidistant")}
    if (np.abs(axis) + half < math.pi / 2.0).all():
        fits["rectilinear"] = _line(np.tan(axis + half) - np.tan(axis - half), seen, "rectilinear")
    else:
        fits["rectilinear"] = LensFit("rectilinear", math.inf, math.inf, math.inf)
    likelier, other = sorted(fits.values(), key=lambda item: item.residual_px)
    odds = _odds(likelier.residual_px, other.residual_px, len(seen), float(seen.mean()))
    decided = odds >= DECIDED_ODDS
    lens = likelier if decided or not math.isfinite(other.residual_px) else fits[model.projection]
    if likelier.residual_px > _POOR_FIT * seen.mean():
        worst = np.argsort(-np.abs(seen - _expected(likelier, half, axis)))[:3]
        raise InputError(
            f"table of photographs: neither lens explains it: {likelier.projection} comes nearest and leaves residuals "
            f"of {likelier.residual_px:.0f} pixels on boards of {seen.mean():.0f}. Look at the distances, bearings and "
            f"pixels of rows {', '.join(repr(table.index[row]) for row in worst)} first."
        )
    rows = pd.DataFrame(
        {f"{kind}_px": _expected(fits[kind], half, axis) for kind in ("equidistant", "rectilinear")}, index=table.index
    )
    rows["residual_px"] = seen - rows[f"{lens.projection}_px"]
    fitted = _model_of(model, lens, name, len(seen), decided=decided)
    limit = fitted.field_of_view_degrees / 2.0 + _EDGE_DEGREES
    outside = [table.index[row] for row in np.flatnonzero(np.abs(bearing) + np.degrees(half) > limit)]
    if outside:
        raise InputError(
            f"table of photographs: {fitted.pixels} pixels across at {lens.pixels_per_radian:.1f} pixels per radian "
            f"make a field of view of {fitted.field_of_view_degrees:.1f} degrees, but the boards of rows "
            f"{', '.join(repr(item) for item in outside[:10])} reach beyond it. Give the photographs' own size with "
            "pixels=..., or mend the bearings: they count from the middle of the picture."
        )
    return CameraFit(fitted, lens, (likelier, other), odds, decided, rows)


def _line(angle: Array, seen: Array, projection: str) -> LensFit:
    """Fit pixels = k angle by least squares; `angle` and `seen` are (n,)."""
    (slope,), *_ = np.linalg.lstsq(angle[:, None], seen, rcond=None)
    left = seen - slope * angle
    spread = math.sqrt(float(left @ left) / (len(seen) - 1))
    return LensFit(projection, float(slope), spread / math.sqrt(float(angle @ angle)), spread)


def _expected(lens: LensFit, half: Array, axis: Array) -> Array:
    """Return the pixels (n,) that a lens gives boards of half angle `half` at `axis` [radians]; NaN where it cannot."""
    if not math.isfinite(lens.pixels_per_radian):
        return np.full(len(half), np.nan)
    if lens.projection == "rectilinear":
        return lens.pixels_per_radian * (np.tan(axis + half) - np.tan(axis - half))
    return lens.pixels_per_radian * 2.0 * half


def _odds(less: float, more: float, rows: int, mean_px: float) -> float:
    """Return the ratio of likelihoods of two lenses with one unknown each: (s2 / s1)^n for normal residuals.

    Residuals under a thousandth of a pixel or of the board are no evidence: nobody measures so well.
    """
    if not math.isfinite(more):
        return math.inf
    floor = 1e-3 * max(1.0, mean_px / 1000.0)
    power = rows * math.log(max(more, floor) / max(less, floor))
    return math.exp(min(power, 700.0))


def _model_of(base: CameraModel, lens: LensFit, name: str, rows: int, *, decided: bool) -> CameraModel:
    """Return the base with the fields of view [degrees] that its pixels span through the fitted lens."""

    def field(pixels: int) -> float:
        if lens.projection == "rectilinear":
            return 2.0 * math.degrees(math.atan(pixels / (2.0 * lens.pixels_per_radian)))
        return math.degrees(pixels / lens.pixels_per_radian)

    across, down = field(base.pixels), field(base.pixels_vertical)
    if across > 360.0:
        raise InputError(
            f"table of photographs: {lens.pixels_per_radian:.1f} pixels per radian make {base.pixels} pixels span "
            f"{across:.0f} degrees, more than there are. Give the photographs' own size with pixels=..., or mend the "
            "distances and widths: both are in metres."
        )
    words = (
        f"fitted from {rows} photographs: {lens.pixels_per_radian:.1f} +- {lens.standard_error:.1f} pixels per radian"
    )
    figures = {
        key: item for key, item in base.figures.items() if key not in ("stated_field_of_view_degrees", "reading")
    }
    figures["field_of_view_degrees"] = figures["vertical_field_of_view_degrees"] = Figure("user", words)
    if decided:
        figures["projection"] = Figure("user", words)
    return dataclasses.replace(
        base,
        name=name,
        label=f"{base.label}, fitted",
        field_of_view_degrees=across,
        vertical_field_of_view_degrees=min(down, 180.0),
        projection=lens.projection,
        stated_field_of_view_degrees=None,
        reading="horizontal",
        figures=figures,
    )


def _checked(table: object) -> Array:
    """Return the columns of a table of photographs as (n, 4) numbers; refuse it with all its faults."""
    if not isinstance(table, pd.DataFrame):
        raise InputError(
            f"fit_camera takes a table with the columns {', '.join(COLUMNS)}, not {type(table).__name__}. Read one "
            "with pandas.read_csv('photographs.csv')."
        )
    faults = []
    for column in COLUMNS:
        if column not in table.columns:
            near = nearest_name(column, [str(item) for item in table.columns if item not in COLUMNS])
            faults.append(f"column {column} is missing" + (f"; is it '{near}'? Rename it" if near else ""))
    if len(table) < LEAST_ROWS:
        faults.append(f"{len(table)} photographs are too few: take {LEAST_ROWS} or more, some far from the axis")
    measured = np.full((len(table), len(COLUMNS)), np.nan)
    for place, column in enumerate(COLUMNS):
        if column not in table.columns or list(table.columns).count(column) > 1:
            if column in table.columns:
                faults.append(f"column {column} stands there twice; keep one")
            continue
        for row, value in enumerate(table[column].tolist()):
            fault = _value_fault(column, value)
            if fault:
                faults.append(f"row {table.index[row]!r}: {column} is {value!r}; {fault}")
            else:
                measured[row, place] = float(value)
    faults += _contradictions(table.index, measured)
    if faults:
        shown = faults[:_SHOWN_FAULTS] + ([f"and {len(faults) - _SHOWN_FAULTS} more"] * (len(faults) > _SHOWN_FAULTS))
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        raise InputError(
            "\n".join([f"table of photographs: {count}. Mend and fit again:", *(f"  - {f}" for f in shown)])
        )
    return measured


def _value_fault(column: str, value: object) -> str | None:
    """Return what is wrong with one value, or None."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return "it must be a number: remove units and text"
    number = float(value)
    if not math.isfinite(number):
        return "it must be a finite number: fill it in or drop the row"
    if column == "bearing_degrees":
        return None if -180.0 <= number <= 180.0 else "it must lie from -180 to 180, 0 straight ahead"
    return None if number > 0.0 else "it must be above 0"


def _contradictions(index: pd.Index, measured: Array) -> list[str]:
    """Return which photographs of one board at one place and bearing differ by more than measuring explains."""
    faults = []
    first: dict[tuple[float, ...], int] = {}
    for row, (width, distance, bearing, seen) in enumerate(measured):
        if not np.isfinite(measured[row]).all():
            continue
        other = first.setdefault((width, distance, bearing), row)
        before = float(measured[other, 3])
        if abs(seen - before) > _SAME_PHOTOGRAPH * (seen + before) / 2.0:
            faults.append(
                f"rows {index[other]!r} and {index[row]!r} contradict each other: the same board at the same place is "
                f"{before:g} and {seen:g} pixels wide; drop the wrong one"
            )
    return faults
