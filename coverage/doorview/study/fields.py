"""Types of fields that several sections of a study file share: paths and coordinate reference systems, checked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo
from pyproj import CRS
from pyproj.exceptions import CRSError

__all__ = ["NAMED_LAYER", "CrsText", "FilePath", "LayerPath", "MetreCrsText", "split_layer"]

NAMED_LAYER = re.compile(r"(.+\.gpkg)(:|\|layername=)([^/\\]+)", re.IGNORECASE)
"""``file.gpkg:layer`` or ``file.gpkg|layername=layer``."""


def _existing_file(value: object, info: ValidationInfo) -> Path:
    """Return the absolute path of a file named in a study."""
    if not isinstance(value, str | Path):
        raise ValueError(f"expected the path of a file as text, got {value!r}")
    folder = Path((info.context or {}).get("folder", "."))
    path = Path(value).expanduser()
    path = (path if path.is_absolute() else folder / path).absolute()
    if not path.exists():
        from_there = "" if folder == Path() else "; a path counts from the folder of the study file"
        raise ValueError(f"no such file '{path}'{from_there}: correct the path")
    return path


def _existing_layer(value: object, info: ValidationInfo) -> Path:
    """Return the absolute path of a layer: a file, ``file.gpkg:layer`` or ``file.gpkg|layername=layer``."""
    named = NAMED_LAYER.fullmatch(str(value)) if isinstance(value, str | Path) else None
    if named is None:
        return _existing_file(value, info)
    file = _existing_file(named[1], info)
    return file.with_name(file.name + named[2] + named[3])


def split_layer(path: Path) -> tuple[Path, str | None]:
    """Return the file and the layer of a `LayerPath`, None where it names none."""
    named = NAMED_LAYER.fullmatch(str(path))
    return (Path(named[1]), named[3]) if named else (path, None)


def _crs_text(value: object) -> str:
    """Refuse a coordinate reference system that nobody knows; returns the text as it was written."""
    if not isinstance(value, str):
        raise ValueError(f"expected text such as 'EPSG:2248', got {value!r}")
    try:
        CRS.from_user_input(value)
    except CRSError as fault:
        raise ValueError(f"unknown CRS '{value}'; give an authority code such as 'EPSG:2248'") from fault
    return value


def _metre_crs_text(value: object) -> str:
    """Refuse, besides the unknown, a CRS in which lengths are no metres: shares would be counted wrongly in it."""
    text = _crs_text(value)
    crs = CRS.from_user_input(text)
    if not crs.is_projected or any(abs(axis.unit_conversion_factor - 1.0) > 1e-9 for axis in crs.axis_info):
        raise ValueError(
            f"'{value}' is not projected in metres, and everything is computed in metres; leave it out for the local "
            "UTM zone, and ask for feet with [output] crs and units = 'us'"
        )
    return text


FilePath = Annotated[Path, BeforeValidator(_existing_file)]
LayerPath = Annotated[Path, BeforeValidator(_existing_layer)]
CrsText = Annotated[str, BeforeValidator(_crs_text)]
MetreCrsText = Annotated[str, BeforeValidator(_metre_crs_text)]
