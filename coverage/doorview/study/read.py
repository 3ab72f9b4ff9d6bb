"""Reads the city that a study names, from whatever it names it by."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from doorview.city.model import HALO_M, City
from doorview.study.sections import Study

__all__ = ["read_city"]


def read_city(study: Study, *, keep: Path | None = None) -> City:
    """Return the city of a study.

    `keep` is the folder in which a download is kept; without it a download is read and forgotten. Data are read as far
    around the boundary as the farthest level reaches, and `HALO_M` at least.

    Raises
    ------
    DoorviewError
        As `City.from_extract`, `City.from_layers` and `doorview.city.place.city_from_place`.
    """
    place = study.place
    country = None if place.country == "auto" else place.country
    halo_m = max(HALO_M, *(level.range_m for level in study.camera.chosen_levels()))
    if place.layers is not None:
        layers = place.layers
        return City.from_layers(
            buildings=layers.buildings,
            streets=layers.streets,
            public_space=layers.public_space,
            parcels=layers.parcels,
            addresses=layers.addresses,
            entrances=layers.entrances,
            extract=place.extract,
            boundary=place.boundary,
            crs=place.crs,
            country=country,
            name=study.name,
            halo_m=halo_m,
        )
    if place.extract is not None:
        return City.from_extract(
            place.extract, boundary=place.boundary, crs=place.crs, country=country, name=study.name, halo_m=halo_m
        )
    if place.boundary is None:
        return _download(study, keep, country, halo_m)
    from doorview.city.place import without_unasked

    with tempfile.TemporaryDirectory(prefix="doorview-") as scratch:
        folder = Path(scratch) if keep is None else keep
        whole = _download(study, folder, country, halo_m)
        # The place says what is downloaded, the study's own boundary where shares are counted.
        inside = City.from_extract(
            folder / "place.osm.pbf",
            boundary=place.boundary,
            crs=place.crs,
            country=country,
            name=study.name,
            halo_m=halo_m,
        )
        return dataclasses.replace(without_unasked(inside, wanted_layers(study)), source=whole.source)


def _download(study: Study, keep: Path | None, country: str | None, halo_m: float) -> City:
    # OSMnx takes half a second to import, and most runs read a file.
    from doorview.city.place import city_from_place

    place = study.place
    return city_from_place(
        place.place or place.address,
        distance_m=place.distance_m,
        bbox=place.bbox,
        crs=place.crs,
        country=country,
        keep=keep,
        name=study.name,
        halo_m=halo_m,
        also=wanted_layers(study),
    )


def wanted_layers(study: Study) -> tuple[str, ...]:
    """Return what a download has to bring beyond what every study needs: trees, parts of buildings."""
    asked = {"parts": study.coverage.openings, "trees": study.coverage.trees}
    return tuple(name for name, wanted in asked.items() if wanted)
