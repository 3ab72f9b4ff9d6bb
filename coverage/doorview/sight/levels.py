"""Levels: what "in view" means, from the motion sensor to pixel densities.

Pixel densities are those of IEC 62676-4:2014 (identical to EN 62676-4:2015): detect 25, observe 62.5, recognise 125 and
identify 250 px/m; its other two levels, monitor 12.5 and inspect 1000 px/m, are not used. The 2025 edition replaced the
names; its numbers are known from the 2024 draft only (https://jvsg.com/?p=11243) and every level of it says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from doorview.errors import InputError, UnknownNameError
from doorview.sight.camera import CameraModel

__all__ = ["DEFAULT_LEVELS", "LEVEL_NAMES", "Level", "level", "range_at_density"]

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

    `range_m` and `near_m` are distances along the ground [m], `marks` names the unconfirmed values that it rests on.
    """

    name: str
    plain: str
    range_m: float
    near_m: float
    field_of_view_degrees: float
    target_height_m: float
    edition: str
    marks: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return what run.json says of the level."""
        return {
            "plain": self.plain,
            "range_m": self.range_m,
            "near_m": self.near_m,
            "field_of_view_degrees": self.field_of_view_degrees,
            "target_height_m": self.target_height_m,
            "edition": self.edition,
            "marks": list(self.marks),
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


def nearest_visible_m(camera: CameraModel, target_height_m: float) -> float:
    """Return how near [m] the target's height still lies in the vertical field of view of a level lens."""
    half = math.radians(camera.vertical_field_of_view_degrees) / 2.0
    return abs(target_height_m - camera.mount_height_m) / math.tan(half) if half < math.pi / 2 else 0.0


def level(camera: CameraModel, name: str, *, target_height_m: float = 1.5) -> Level:
    """Return the level called `name` for a camera model.

    Parameters
    ----------
    camera
        The model that looks.
    name
        ``trigger`` (the motion sensor starts a recording) or a pixel density: see `LEVEL_NAMES`.
    target_height_m
        Height [m] above the ground of the point that must be in view: 1.5 an adult's face, 1.1 a child's.

    Raises
    ------
    UnknownNameError
        If there is no such level.
    InputError
        If the target's height is not a number from 0 to 3, or the level's range is nothing at all.

    """
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
    near = nearest_visible_m(camera, target_height_m)
    if near >= reach:
        raise InputError(
            f"level '{name}' reaches {reach:.2f} m with camera '{camera.name}', but a target at {target_height_m} m "
            "comes into "
            f"its picture only from {near:.2f} m on: nothing is in view at this level. Leave the level out."
        )
    marks = camera.unconfirmed(
        "field_of_view_degrees", "vertical_field_of_view_degrees", "pixels", "mount_height_m", "projection"
    )
    if density.edition == "2025":
        marks.append(_DRAFT)
    return Level(
        name,
        density.plain,
        reach,
        near,
        float(camera.field_of_view_degrees),
        target_height_m,
        density.edition,
        tuple(marks),
    )
