"""Levels: what "in view" means, from the motion sensor to pixel densities.

Pixel densities are those of IEC 62676-4:2014 (identical to EN 62676-4:2015): detect 25, observe 62.5, recognise 125 and
identify 250 px/m; its other two levels, monitor 12.5 and inspect 1000 px/m, are not used. The 2025 edition replaced the
names; its numbers are known from the 2024 draft only (https://jvsg.com/?p=11243) and every level of it says so.

Night is an option: a pixel on something that the camera's lamps do not reach shows nothing, so that the infra-red range
caps every pixel density. It stands for a street without lamps; a lit one lies between night and day.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from doorview.errors import InputError, UnknownNameError
from doorview.sight.camera import CameraModel

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

__all__ = [
    "DEFAULT_LEVELS",
    "LEVEL_NAMES",
    "Level",
    "compare_readings",
    "level",
    "level_at",
    "level_or_nothing",
    "range_at_density",
]

DEFAULT_LEVELS = ("trigger", "recognise", "observe", "detect")


class _Density(NamedTuple):
    px_per_m: float
    edition: str
    plain: str


_DRAFT = "numbers of the 2025 edition are known from its 2024 draft only"
_DENSITIES = {
    "detect": _Density(25.0, "2014", "someone is there"),
    "observe": _Density(62.5, "2014", "what they wear"),
    "recognise": _Density(125.0, "2014", "someone you already know"),
    "identify": _Density(250.0, "2014", "a stranger"),
    "overview": _Density(20.0, "2025", "something is there"),
    "outline": _Density(40.0, "2025", "someone is there"),
    "discern": _Density(80.0, "2025", "what they wear"),
    "perceive": _Density(125.0, "2025", "someone you already know"),
    "characterise": _Density(250.0, "2025", "a stranger"),
    "validate": _Density(500.0, "2025", "a stranger, beyond doubt"),
    "scrutinise": _Density(1500.0, "2025", "fine detail"),
}
LEVEL_NAMES: tuple[str, ...] = ("trigger", *_DENSITIES)
"""Every level there is, the motion sensor first."""


@dataclass(frozen=True)
class Level:
    """What one camera model covers at one level: a ring sector before anything stands in the way.

    `range_m` and `near_m` are distances along the ground [m], `marks` names the unconfirmed values that it rests on,
    `night` says that the camera's own lamps are the only light.
    """

    name: str
    plain: str
    range_m: float
    near_m: float
    field_of_view_degrees: float
    target_height_m: float
    edition: str
    marks: tuple[str, ...] = ()
    night: bool = False

    @property
    def open_area_m2(self) -> float:
        """Area of the ring sector [m2]: what the camera sees in an open field."""
        return math.radians(self.field_of_view_degrees) / 2.0 * (self.range_m**2 - self.near_m**2)

    def _repr_html_(self) -> str:
        """Return the level as a small table, every text escaped."""
        rows = {
            "means": self.plain,
            "from": f"{self.near_m:.2g} m",
            "up to": f"{self.range_m:.1f} m",
            "across": f"{self.field_of_view_degrees:.4g} degrees",
            "in an open field": f"{self.open_area_m2:,.0f} m2",
            "target height": f"{self.target_height_m:g} m",
            "edition of IEC 62676-4": self.edition,
            "rests on unconfirmed": ", ".join(self.marks) or "nothing",
        }
        cells = "".join(
            f'<tr><td style="text-align:left">{html.escape(key)}</td>'
            f'<td style="text-align:left">{html.escape(str(value))}</td></tr>'
            for key, value in rows.items()
        )
        head = f'<th colspan="2" style="text-align:left">{html.escape(self.name)}</th>'
        return f"<table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table>"

    def as_dict(self) -> dict[str, object]:
        """Return what run.json says of the level; `night` only where it is asked for."""
        return {
            "plain": self.plain,
            "range_m": self.range_m,
            "near_m": self.near_m,
            "field_of_view_degrees": self.field_of_view_degrees,
            "target_height_m": self.target_height_m,
            "edition": self.edition,
            "marks": list(self.marks),
            **({"night": True} if self.night else {}),
        }


def range_at_density(camera: CameraModel, px_per_m: float) -> float:
    """Return the distance [m] at which a target facing the camera gets `px_per_m` pixels per metre.

    Equidistant lens (r = f theta): N pixels over H radians give N / H pixels per radian at every bearing, so d = N /
    (H v).
    Rectilinear: on the axis d = N / (2 tan(H / 2) v), which is far shorter for wide lenses.
    """
    field = math.radians(camera.field_of_view_degrees)
    if camera.projection == "rectilinear":
        return camera.pixels / (2.0 * math.tan(field / 2.0) * px_per_m)
    return camera.pixels / (field * px_per_m)


def nearest_visible_m(camera: CameraModel, target_height_m: float, lens_height_m: float | None = None) -> float:
    """Return how near [m] the target's height still lies in the vertical field of view of a level lens.

    The lens is `lens_height_m` above the ground, or the model's mount height.
    """
    lens = camera.mount_height_m if lens_height_m is None else lens_height_m
    half = math.radians(camera.vertical_field_of_view_degrees) / 2.0
    return abs(target_height_m - lens) / math.tan(half) if half < math.pi / 2 else 0.0


def level_at(item: Level, camera: CameraModel, lens_height_m: float) -> Level:
    """Return a level as it is for a lens at another height [m] above the ground, as on a porch with steps.

    The range of a pixel density is the same; it begins where the target comes into the picture of the level lens, and
    a level of which nothing is left has the range 0. The motion sensor is as its maker says, whatever its height; at
    the model's mount height a level is as it is.
    """
    if item.name == "trigger" or lens_height_m == camera.mount_height_m:
        return item
    near = nearest_visible_m(camera, item.target_height_m, lens_height_m)
    return replace(item, near_m=near) if near < item.range_m else replace(item, near_m=0.0, range_m=0.0)


def level(camera: CameraModel, name: str, *, target_height_m: float = 1.5, night: bool = False) -> Level:
    """Return the level called `name` for a camera model.

    Parameters
    ----------
    camera
        The model that looks.
    name
        ``trigger`` (the motion sensor starts a recording) or a pixel density: see `LEVEL_NAMES`.
    target_height_m
        Height [m] above the ground of the point that must be in view: 1.5 an adult's face, 1.1 a child's.
    night
        Whether the camera's lamps are the only light: no pixel density then reaches beyond `infrared_range_m`. The
        motion sensor feels warmth or sends waves of its own, and is as by day.

    Raises
    ------
    UnknownNameError
        If there is no such level.
    InputError
        If the target's height is not a number from 0 to 3, or the level's range is nothing at all; for a pixel density
        at night where the model's infra-red range is unknown.

    Examples
    --------
    1920 pixels over 155 degrees at 25 pixels per metre: 1920 / (155 pi / 180 x 25) m.

    >>> import doorview as dv
    >>> round(dv.level(dv.camera("ring-video-doorbell-wired"), "detect").range_m, 1)
    28.4

    """
    found = _made(camera, name, target_height_m, night=night)
    if found.near_m >= found.range_m:
        raise InputError(
            f"level '{name}' reaches {found.range_m:.2f} m{' at night' if night else ''} with camera '{camera.name}', "
            f"but a target at {target_height_m} m comes into its picture only from {found.near_m:.2f} m on: nothing is "
            "in view at this level. Leave the level out."
        )
    return found


def level_or_nothing(camera: CameraModel, name: str, *, target_height_m: float = 1.5, night: bool = False) -> Level:
    """Return what `level` does, and where nothing is in view at the level, one with the range 0.

    So it is one of several models in a mix. Raises as `level` for all else.
    """
    found = _made(camera, name, target_height_m, night=night)
    return replace(found, near_m=0.0, range_m=0.0) if found.near_m >= found.range_m else found


def _made(camera: CameraModel, name: str, target_height_m: float, *, night: bool) -> Level:
    """Return the level, which may begin farther away than it reaches."""
    if name not in LEVEL_NAMES:
        raise UnknownNameError("level", name, LEVEL_NAMES)
    if not 0.0 <= target_height_m <= 3.0:
        raise InputError(
            f"target_height_m is {target_height_m!r}: it must lie from 0 to 3 m, e.g. 1.5 for an adult's face."
        )
    if name == "trigger":
        marks = camera.unconfirmed(
            "trigger_range_m", "trigger_near_m", "trigger_field_of_view_degrees", "mount_height_m"
        )
        return Level(
            name,
            "the motion sensor starts a recording",
            float(camera.trigger_range_m),
            float(camera.trigger_near_m),
            float(camera.trigger_field_of_view_degrees),
            target_height_m,
            "maker",
            tuple(marks),
        )
    density = _DENSITIES[name]
    reach = range_at_density(camera, density.px_per_m)
    if night:
        reach = min(reach, _infrared_range_m(camera))
    near = nearest_visible_m(camera, target_height_m)
    marks = camera.unconfirmed(
        "field_of_view_degrees", "vertical_field_of_view_degrees", "pixels", "mount_height_m", "projection"
    )
    if night:
        marks += camera.unconfirmed("infrared_range_m")
    if density.edition == "2025":
        marks.append(_DRAFT)
    return Level(
        name,
        f"{density.plain}, at night" if night else density.plain,
        reach,
        near,
        float(camera.field_of_view_degrees),
        target_height_m,
        density.edition,
        tuple(marks),
        night,
    )


def _infrared_range_m(camera: CameraModel) -> float:
    """Return how far the camera's lamps reach [m]; refuse to guess it."""
    if camera.infrared_range_m is None:
        raise InputError(
            f"no source says how far camera '{camera.name}' sees at night, and it is not guessed. Give its infra-red "
            "range: infrared_range_m = 8.0 under [camera] of a study file, or "
            f"dv.camera('{camera.name}').with_values(infrared_range_m=8.0); or leave night out."
        )
    return float(camera.infrared_range_m)


def compare_readings(
    camera: CameraModel,
    names: Iterable[str] = ("detect", "observe", "recognise", "identify"),
    *,
    target_height_m: float = 1.5,
) -> pd.DataFrame:
    """Return what each reading of a camera's field of view comes to, by level, in an open field.

    With N pixels over H radians the range is d = N / (H v) and the area N^2 / (2 H v^2) less what lies too near: a
    narrower reading sees farther and more. A model whose field of view is not disputed has one reading.

    Parameters
    ----------
    camera
        The model, as from ``dv.camera(...)``.
    names
        Levels to compare.
    target_height_m
        Height [m] of what must be in view.

    Returns
    -------
    DataFrame
        Index `camera` (the name by that reading) and `level`; columns `reading`, `field_of_view_degrees`, `range_m`,
        `near_m`, `area_m2`, and `area_ratio`: the area as a multiple of the first reading's.

    Raises
    ------
    UnknownNameError, InputError
        As `level`.

    """
    import pandas as pd

    rows = []
    chosen = list(names)
    first = {name: level(camera, name, target_height_m=target_height_m).open_area_m2 for name in chosen}
    for model in camera.readings():
        for name in chosen:
            found = level(model, name, target_height_m=target_height_m)
            rows.append(
                {
                    "camera": model.name,
                    "level": name,
                    "reading": model.reading,
                    "field_of_view_degrees": found.field_of_view_degrees,
                    "range_m": found.range_m,
                    "near_m": found.near_m,
                    "area_m2": found.open_area_m2,
                    "area_ratio": found.open_area_m2 / first[name],
                }
            )
    return pd.DataFrame(rows).set_index(["camera", "level"])
