"""Cities that were read before: kept as a folder of GeoParquet, found again by what they were read from.

The key is the content of every file, the settings that reading depends on, and the version of what reads: a file that
changed, another boundary or another release makes another key. Names and paths are no part of it.
"""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doorview.city.cache_home import cache_home, keep, kept, key_of, throw_away

if TYPE_CHECKING:
    from doorview.city.city_store import CityStore
    from doorview.city.model import City

__all__ = ["KIND", "cached_city", "city_key", "file_digest", "kept_city"]

KIND = "cities"
_READ = (
    "city_store", "clean", "crs", "extent", "extract", "extract_objects", "extract_store", "layer_window", "layers",
    "model", "osmfile", "rings", "settling", "spool", "tags", "values",
)  # fmt: skip
"""What reading runs."""
_SAY = logging.getLogger(__name__)


@functools.cache
def reader_version() -> str:
    """Return a hash of the sources that read a city and the libraries that they run on."""
    state = hashlib.sha256()
    here = Path(__file__).resolve().parent
    for name in _READ:
        state.update(name.encode())
        state.update((here / f"{name}.py").read_bytes().replace(b"\r\n", b"\n"))
    for name in ("osmium", "shapely", "pyproj", "geopandas", "pyogrio"):
        state.update(f"{name} {metadata.version(name)};".encode())
    return state.hexdigest()


def file_digest(source: Path | str) -> str:
    """Return the SHA-256 of a file (of all files of a Shapefile, of a folder), with the name of the layer in it."""
    from doorview.city.layers import digest_of_file, split_source

    path, inner = split_source(source)
    return key_of(digest_of_file(path), inner)


def city_key(files: dict[str, Path | str | None], **settings: Any) -> str:
    """Return the key of a city read from `files` (by what each is) with `settings`.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    digests = {what: None if file is None else file_digest(file) for what, file in files.items()}
    return key_of("city", reader_version(), digests, settings)


def kept_city(key: str) -> CityStore | None:
    """Return a city that is kept whole, None where there is none; a damaged one is said and thrown away."""
    place = kept(KIND, key)
    if place is None:
        return None
    from doorview.city.city_store import read_stored

    try:
        return read_stored(place)
    except (OSError, ValueError, KeyError, TypeError) as error:
        _SAY.warning("the cache's city '%s' cannot be read (%s): it is thrown away and made again.", place, error)
        throw_away(KIND, key)
        return None


def cached_city(
    read: Callable[[], City],
    files: dict[str, Path | str | None],
    *,
    name: str,
    paths: list[str],
    **settings: Any,
) -> City:
    """Return the city that `read` would return, from the cache where it is there; else read it and keep it.

    Parameters
    ----------
    read
        Reads the city; its errors pass.
    files, settings
        As `city_key`.
    name, paths
        The city's name, and the paths of its files as `City.source` gives them: a file may have moved.
    """
    if cache_home() is None:
        return read()
    try:
        key = city_key(files, **settings)
    except OSError:
        # Whatever is wrong with a file is told better by what reads it.
        return read()
    store = kept_city(key)
    if store is None:
        city = read()
        from doorview.city.city_store import write_city

        keep(KIND, key, lambda folder: write_city(city, folder))
        return city
    city = store.city()
    files_now = [{**item, "path": path} for item, path in zip(city.source["files"], paths, strict=True)]
    return replace(city, name=name, source={**city.source, "files": files_now})
