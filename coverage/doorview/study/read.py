"""Reads the city that a study names, from whatever it names it by."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

from doorview.city.city_cache import cached_city, city_key
from doorview.city.model import HALO_M, City
from doorview.study.sections import Study

__all__ = ["key_of_city", "paths_of", "read_city", "store_city"]

_LAYERS = ("buildings", "streets", "public_space", "parcels", "addresses", "entrances")


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
    country, halo_m = _country(study), _halo_m(study)
    if place.layers is not None or place.extract is not None:
        files, settings = _from_files(study)
        return cached_city(lambda: _read(study), files, name=study.name, paths=paths_of(study), **settings)
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


def store_city(study: Study, folder: Path, *, scratch: Path) -> None:
    """Write the city of a study that names an extract alone into an empty folder, without holding it.

    What `doorview.city.city_store.write_city` writes of `read_city`; `scratch` is made for what is under way.

    Raises
    ------
    DoorviewError
        As `City.from_extract`.
    OSError
        Where a folder cannot be written.
    """
    # What reads OSM files takes its time to import, and a city may lie in the cache.
    from doorview.city.extract_store import store_extract

    place = study.place
    store_extract(
        place.extract or "",
        folder,
        scratch=scratch,
        boundary=place.boundary,
        crs=place.crs,
        country=_country(study),
        name=study.name,
        halo_m=_halo_m(study),
    )


def key_of_city(study: Study) -> str | None:
    """Return the key of the study's city (`doorview.city.city_cache`); None for one that is downloaded.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    if study.place.layers is None and study.place.extract is None:
        return None
    files, settings = _from_files(study)
    return city_key(files, **settings)


def paths_of(study: Study) -> list[str]:
    """Return the paths of the files that the study's city is read from, in the order of `City.source`."""
    place = study.place
    own = {} if place.layers is None else {name: getattr(place.layers, name) for name in _LAYERS}
    paths = [str(path) for path in own.values() if path is not None]
    return [*paths, str(place.extract)] if place.extract is not None else paths


def _country(study: Study) -> str | None:
    return None if study.place.country == "auto" else study.place.country


def _halo_m(study: Study) -> float:
    return max(HALO_M, *(level.range_m for level in study.camera.chosen_levels()))


def _from_files(study: Study) -> tuple[dict[str, Path | str | None], dict[str, Any]]:
    """Return all that the study's city depends on: files, and settings."""
    place = study.place
    files: dict[str, Path | str | None] = {"extract": place.extract, "boundary": place.boundary}
    if place.layers is not None:
        files |= {name: getattr(place.layers, name) for name in _LAYERS}
    return files, {"crs": place.crs, "country": place.country, "halo_m": float(_halo_m(study))}


def _read(study: Study) -> City:
    """Read the city from its files."""
    place, country, halo_m = study.place, _country(study), _halo_m(study)
    if place.layers is not None:
        own = {name: getattr(place.layers, name) for name in _LAYERS}
        return City.from_layers(
            **own,
            extract=place.extract,
            boundary=place.boundary,
            crs=place.crs,
            country=country,
            name=study.name,
            halo_m=halo_m,
        )
    return City.from_extract(
        place.extract or "", boundary=place.boundary, crs=place.crs, country=country, name=study.name, halo_m=halo_m
    )


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
