"""The sections of a study about cameras: ``[camera]`` and the user's own models, ``[cameras.NAME]``.

The description of a field is its reference: `docs/study.md` is written from here by `study.reference`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from doorview.errors import InputError
from doorview.sight.camera import CameraModel, Figure, angle_across, camera, camera_of, catalogue
from doorview.sight.levels import DEFAULT_LEVELS, LEVEL_NAMES, Level, level, level_or_nothing
from doorview.study.camera_mix import Mix, mix_of

__all__ = ["DEFAULT_CAMERA", "CameraSection", "OwnCamera"]

DEFAULT_CAMERA = "ring-video-doorbell-wired"

Metres = Annotated[float, Field(ge=0.0)]
Text = Annotated[str, Field(min_length=1)]
Degrees = Annotated[float, Field(gt=0.0, le=360.0)]
Upright = Annotated[float, Field(gt=0.0, le=180.0)]
Above = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(gt=0)]


class _Section(BaseModel):
    """What all parts of a study share: frozen, strict types, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class OwnCamera(_Section):
    """A camera model of your own, for `[camera] model = "NAME"`; write `[cameras.NAME]` for each.

    What is left out is the base's; without a base, everything but `label`, `maker`, `projection` and `infrared_range_m`
    must be given. Where only one number is printed and it may be a diagonal, give `stated_field_of_view_degrees` and
    `reading` in place of the two fields of view; `NAME+diagonal` and `NAME+horizontal` are then both known.
    """

    based_on: Text | None = Field(None, description="Model of the catalogue whose values hold where none is given.")
    label: Text | None = Field(None, description="Plain name for maps and pages; left out: NAME.")
    maker: Text | None = Field(None, description="Who makes it.")
    field_of_view_degrees: Degrees | None = Field(None, description="Horizontal field of view [degrees].")
    vertical_field_of_view_degrees: Upright | None = Field(None, description="Vertical field of view [degrees].")
    pixels: Count | None = Field(None, description="Pixels across the field of view.")
    pixels_vertical: Count | None = Field(None, description="Pixels from top to bottom.")
    trigger_range_m: Above | None = Field(None, description="How far the motion sensor reaches [m].")
    trigger_near_m: Metres | None = Field(None, description="From how near on the motion sensor reaches [m].")
    trigger_field_of_view_degrees: Degrees | None = Field(
        None, description="How wide the motion sensor reaches [degrees]."
    )
    mount_height_m: Above | None = Field(None, description="Height of the camera above the ground [m].")
    projection: Literal["equidistant", "rectilinear"] | None = Field(
        None, description="Projection of the lens; left out, without a base: equidistant, and named as unconfirmed."
    )
    stated_field_of_view_degrees: Degrees | None = Field(
        None, description="The one number printed [degrees], where it is not known how it is meant."
    )
    reading: Literal["horizontal", "diagonal"] | None = Field(None, description="How the printed number is taken.")
    infrared_range_m: Above | None = Field(None, description="How far its own lamps reach at night [m].")

    def camera_model(self, name: str) -> CameraModel:
        """Return the model called `name`, every value given here marked as the user's.

        Raises
        ------
        UnknownNameError
            There is no such base.
        InputError
            Values are missing or contradict each other; all of them are named.
        """
        given = {key: getattr(self, key) for key in _OWN_VALUES if getattr(self, key) is not None}
        faults = []
        stated, reading = self.stated_field_of_view_degrees, self.reading
        if (stated is None) != (reading is None):
            faults.append("stated_field_of_view_degrees and reading belong together; give both, or neither")
        if stated is not None and self.field_of_view_degrees is not None:
            faults.append(
                "field_of_view_degrees and stated_field_of_view_degrees contradict each other; keep the first if it is "
                "known to be horizontal, else the second"
            )
        base = None if self.based_on is None else camera(self.based_on)
        if base is None:
            needed = [key for key in _OWN_VALUES if key not in ("projection", "infrared_range_m")]
            followed = ("field_of_view_degrees", "vertical_field_of_view_degrees") if stated is not None else ()
            missing = [key for key in needed if key not in given and key not in followed]
            if missing:
                faults.append(
                    f"{', '.join(missing)} missing; give them, or take them from a model of the catalogue with "
                    f'based_on = "{DEFAULT_CAMERA}"'
                )
        if faults:
            raise InputError("; ".join(faults) + ".")
        if base is not None and stated is None:
            own, maker = base.with_values(**given), self.maker or base.maker
            return dataclasses.replace(own, name=name, label=self.label or name, maker=maker)
        values: dict[str, Any] = {} if base is None else {key: getattr(base, key) for key in _OWN_VALUES}
        values.update(given)
        figures = {key: Figure("user", "given by the user") for key in given}
        if base is None:
            figures.setdefault("projection", Figure("M", "taken as equidistant"))
        else:
            figures = {**{key: item for key, item in base.figures.items() if key in _OWN_VALUES}, **figures}
        if stated is not None and reading is not None:
            projection = values.get("projection") or "equidistant"
            size = {"": values["pixels"], "vertical_": values["pixels_vertical"]}
            whole = math.hypot(*size.values()) if reading == "diagonal" else size[""]
            for way, part in size.items():
                key = f"{way}field_of_view_degrees"
                if key not in given:
                    angle = angle_across(stated, part, whole, projection)
                    values[key] = min(angle, 180.0) if way else angle
                    figures[key] = Figure("D", f"{stated:g} degrees read as {reading}, as the user says")
            values.update(stated_field_of_view_degrees=stated, reading=reading)
        made = {key: value for key, value in values.items() if value is not None}
        return CameraModel(name=name, label=self.label or name, maker=self.maker or "", figures=figures, **made)


_OWN_VALUES = tuple(
    key
    for key in OwnCamera.model_fields
    if key not in ("based_on", "label", "maker", "stated_field_of_view_degrees", "reading")
)


class CameraSection(_Section):
    """The camera at every door, and the levels of seeing. A value given here overrides the catalogue's."""

    model: Text = Field(
        DEFAULT_CAMERA,
        description="Name in the catalogue (`doorview cameras` lists them) or of a `[cameras.NAME]`; `NAME+diagonal` "
        "and `NAME+horizontal` take one reading of a disputed field of view.",
    )
    mix: dict[str, Annotated[float, Field(gt=0.0, le=1.0)]] | None = Field(
        None,
        description="Several models in place of `model`: a table of names and shares that add up to 1, as in "
        "`[camera.mix]` with `nest-hello = 0.4`. A door's model is drawn once, by its id and the seed; values given "
        "below hold for all of them.",
    )
    levels: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] = Field(
        DEFAULT_LEVELS,
        description="What 'seen' means, one or more of: " + ", ".join(f"`{name}`" for name in LEVEL_NAMES) + ".",
    )
    edition: Literal["2014", "2025"] | None = Field(
        None,
        description="Edition of IEC 62676-4 that the levels must belong to; left out: any. The numbers of 2025 are "
        "known from its draft only.",
    )
    target_height_m: Metres = Field(
        1.5, description="Height of what must be in view [m]: 1.5 a face, 1.1 a child's, 0 ground."
    )
    night: bool = Field(
        False,
        description="The camera's own lamps are the only light: no pixel density reaches beyond `infrared_range_m`, "
        "which must then be known.",
    )
    infrared_range_m: float | None = Field(None, gt=0.0, description="How far the camera's own lamps reach [m].")
    field_of_view_degrees: float | None = Field(
        None, gt=0.0, le=360.0, description="Horizontal field of view [degrees]."
    )
    vertical_field_of_view_degrees: float | None = Field(
        None, gt=0.0, le=180.0, description="Vertical field of view [degrees]."
    )
    pixels: int | None = Field(None, gt=0, description="Pixels across the field of view.")
    pixels_vertical: int | None = Field(None, gt=0, description="Pixels from top to bottom.")
    trigger_range_m: float | None = Field(None, gt=0.0, description="How far the motion sensor reaches [m].")
    trigger_near_m: Metres | None = Field(None, description="From how near on the motion sensor reaches [m].")
    trigger_field_of_view_degrees: float | None = Field(
        None, gt=0.0, le=360.0, description="How wide the motion sensor reaches [degrees]."
    )
    mount_height_m: float | None = Field(None, gt=0.0, description="Height of the camera above the ground [m].")
    projection: Literal["equidistant", "rectilinear"] | None = Field(None, description="Projection of the lens.")
    _own: dict[str, CameraModel] = PrivateAttr(default_factory=dict)

    def with_own(self, models: Mapping[str, CameraModel]) -> CameraSection:
        """Return the section with models of the user's own beside the catalogue's."""
        section = self.model_copy()
        section._own = dict(models)  # noqa: SLF001 - private, so that it is no key of the file
        return section

    def camera_model(self) -> CameraModel:
        """Return the model of the catalogue, or of the user's own, with the values given here; of a mix, its lead.

        Raises
        ------
        UnknownNameError
            There is no such model.
        InputError
            Its values contradict each other.
        """
        mix = self.camera_mix()
        return self._model(self.model) if mix is None else mix.lead

    def _model(self, name: str) -> CameraModel:
        names = set(CameraModel.__dataclass_fields__) & set(type(self).model_fields)
        values = {name: getattr(self, name) for name in sorted(names) if getattr(self, name) is not None}
        model = camera_of(name, {**catalogue(), **self._own})
        return model.with_values(**values) if values else model

    def camera_mix(self) -> Mix | None:
        """Return the mix of models, or None where there is one model for all. Raises as `chosen_levels`."""
        if self.mix is None:
            return None
        models = {name: self._model(name) for name in self.mix}
        return mix_of(models, self.mix, self.levels, target_height_m=self.target_height_m, night=self.night)

    def chosen_levels(self, model: CameraModel | None = None) -> tuple[Level, ...]:
        """Return the levels in the order of the study, of `model` where a caller holds one that is in no catalogue.

        Of a mix, those that see farthest; a model has the range 0 where it sees nothing and others do. Raises as
        `camera_model` and `doorview.sight.levels.level`.
        """
        mix = self.camera_mix()
        if mix is not None and model is None:
            return mix.levels
        model = self.camera_model() if model is None else model
        make = level if mix is None else level_or_nothing
        return tuple(make(model, name, target_height_m=self.target_height_m, night=self.night) for name in self.levels)
