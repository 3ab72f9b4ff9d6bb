"""A run that writes tables only: the city is taken part by part, and counted once for all scenarios.

What no scenario changes is kept in the cache (`doorview.city.cache_home`), by the key of the city, the settings that
it depends on, and the version of the code: another scenario, seed of the simulation, or rate reads it from there.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import json
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from doorview.city.cache_home import keep, kept, key_of
from doorview.city.city_cache import KIND as CITIES
from doorview.city.city_cache import file_digest, kept_city
from doorview.city.city_store import CityStore, read_stored, write_city
from doorview.city.ground import Ground, ground_frame, ground_within
from doorview.city.model import City
from doorview.errors import DoorviewError, OutputError
from doorview.share.grid import Grid
from doorview.share.scene import build_scene
from doorview.show.run_folder import RunFolder
from doorview.study.compute import Asked, Prepared, Tables, asked_of, range_curve_of
from doorview.study.costs import write_profile
from doorview.study.counting import count_scenarios
from doorview.study.disk import telling_disk
from doorview.study.owners import plans_of, residents_from
from doorview.study.part_city import no_kit
from doorview.study.part_plan import BUILDINGS_PER_PART
from doorview.study.part_shelf import PartShelf
from doorview.study.part_store import CountedCity, count_city, doors_table, read_counted
from doorview.study.profiling import profiling
from doorview.study.read import key_of_city, paths_of, read_city, store_city
from doorview.study.result import Result
from doorview.study.sections import Study
from doorview.study.stages import Progress, Stages
from doorview.study.work import at_work
from doorview.study.write import write_tables_only

__all__ = ["KIND", "counted_key", "run_tables_only", "stored_city"]

KIND = "counted"
_HEAD = "city.json"
_STUDY = ("compute", "door_faces", "kits", "part_city", "part_plan", "part_store", "part_streets", "terrain", "zones")


@functools.cache
def _version() -> str:
    """Return a hash of all that turns a city into its counts: sources, rules, and what they run on."""
    package = Path(__file__).resolve().parent.parent
    state = hashlib.sha256()
    rooms = [path for room in ("city", "sight", "share") for path in sorted((package / room).rglob("*"))]
    for path in [*rooms, *(package / "study" / f"{name}.py" for name in _STUDY)]:
        if path.suffix in (".py", ".toml"):
            state.update(path.relative_to(package).as_posix().encode())
            state.update(path.read_bytes().replace(b"\r\n", b"\n"))
    for name in ("numba", "numpy", "scipy", "shapely"):
        state.update(f"{name} {metadata.version(name)};".encode())
    return state.hexdigest()


def counted_key(study: Study, city: str) -> str:
    """Return the key of a city's counts; `city` is the key of the city.

    It depends on all that changes what is seen or how it is added up: cameras, levels, public space, obstacles, what
    stands at doors, terrain, zones; on the seed where places are drawn by it; never on scenarios, rates and outputs.

    Raises
    ------
    OSError
        If a file cannot be read.

    """
    camera, mix = study.camera.camera_model(), study.camera.camera_mix()
    models = (
        [(camera, study.camera.chosen_levels(camera))] if mix is None else zip(mix.models, mix.by_model, strict=True)
    )
    seen_by = [
        [model.mount_height_m, model.field_of_view_degrees, [item.as_dict() for item in levels]]
        for model, levels in models
    ]
    doors = study.doors.model_dump(mode="json")
    drawn = mix is not None or study.coverage.parked_cars > 0 or bool(study.doors.details)
    drawn |= not isinstance(study.doors.along, int | float)
    terrain = study.terrain
    settings = {
        "seen_by": seen_by,
        "mix": None if mix is None else list(mix.shares),
        "public_space": study.public_space.model_dump(mode="json"),
        "coverage": {k: v for k, v in study.coverage.model_dump(mode="json").items() if k != "threads"},
        "doors": doors,
        "terrain": None if terrain is None else terrain.model_dump(mode="json", exclude={"ground", "surface"}),
        "heights": [] if terrain is None else [file_digest(f) for f in (terrain.ground, terrain.surface) if f],
        "zones": [[file_digest(item.file), item.set_name, item.id] for item in study.zones],
        "seed": study.study.seed if drawn else None,
    }
    return key_of(KIND, _version(), city, json.dumps(settings, sort_keys=True, default=str))


def run_tables_only(
    study: Study,
    out: Path,
    *,
    fresh: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress,
    profile: bool = False,
    buildings_per_part: int = BUILDINGS_PER_PART,
) -> Result:
    """Do what a study with `output.tables_only` says and write its folder; as `doorview.study.pipeline.run_study`.

    No figure depends on `buildings_per_part`; memory does.
    """
    stages = Stages(progress)
    with RunFolder(out, fresh=fresh) as run, ExitStack() as stack:
        samples = stack.enter_context(profiling(stages, wanted=profile))
        with telling_disk(run.out, run.partial):
            folder, frame = _counted(study, run, stages, stack, buildings_per_part, (workers, scheduler))
            asked = asked_of(study, frame)
            with stages.stage("opening the counts"):
                counted = read_counted(folder, study, asked, frame.name)
            result = _result(study, asked, frame, counted, stages)
            write_tables_only(result, run)
            if samples is not None:
                write_profile(run, stages, samples)
        written = run.commit()
    return replace(result, folder=written)


def _counted(
    study: Study,
    run: RunFolder,
    stages: Stages,
    stack: ExitStack,
    buildings_per_part: int,
    cluster: tuple[int | None, str | None],
) -> tuple[Path, City]:
    """Return the folder of the counts, from the cache or made now, and the city without its objects."""
    own = stack.enter_context(ExitStack())
    with stages.stage("reading the city"):
        city, key = _keys(study)
        folder = None if key is None else kept(KIND, key)
        store = None if folder is not None else stored_city(study, city, run, own)
    if folder is not None:
        return folder, _named(study, read_stored(folder).frame)
    assert store is not None  # noqa: S101 - one of both is there
    frame = _named(study, store.frame)
    store = replace(store, frame=frame)
    asked = asked_of(study, frame)

    def write(into: Path) -> None:
        shutil.copyfile(store.folder / _HEAD, into / _HEAD)
        shelf = None if key is None else PartShelf(run.unfinished / "parts", key)
        # Parts are kept whole: their tiles need not be kept as well.
        with at_work(study.coverage.threads, *cluster, None, frame.crs, cache=False) as work:
            count_city(study, asked, store, into, stages, buildings_per_part=buildings_per_part, work=work, shelf=shelf)

    folder = None if key is None else keep(KIND, key, write)
    if folder is None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="doorview-")))
        write(folder)
    own.close()  # a city that lies beside the run's files is no part of them
    return folder, frame


def _keys(study: Study) -> tuple[str | None, str | None]:
    """Return the keys of the city and of its counts; None for what is downloaded or cannot be read."""
    try:
        city = key_of_city(study)
        return city, None if city is None else counted_key(study, city)
    except OSError as fault:
        if isinstance(fault, DoorviewError):
            raise
        return None, None


def stored_city(study: Study, key: str | None, run: RunFolder, stack: ExitStack) -> CityStore:
    """Return the study's city on disk: from the cache by its key, or read now and written.

    It lies there until `stack` is closed, at least. An extract alone is read without being held; own layers and
    downloads are held while they are written.

    Raises
    ------
    DoorviewError
        As `read_city`; `OutputError` where an extract's city cannot be written.
    """
    store = None if key is None else kept_city(key)
    if store is not None:
        return store
    if study.place.extract is not None and study.place.layers is None:
        return _laid_out(study, key, run, stack)
    downloads = study.place.extract is None and study.place.layers is None
    city = read_city(study, keep=run.path("source", "x").parent if downloads else None)
    store = None if key is None else kept_city(key)
    if store is None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="doorview-")))
        write_city(city, folder)
        store = read_stored(folder)
    return store


def _laid_out(study: Study, key: str | None, run: RunFolder, stack: ExitStack) -> CityStore:
    """Return the city of the study's extract on disk, in the cache or beside the run's files; it is never held."""
    place = run.partial / "reading"  # what an ended run left there is cleared away when the next one begins
    stack.callback(shutil.rmtree, place, ignore_errors=True)
    folder = place / "city"
    try:
        run.path("reading", "city").mkdir()
        store_city(study, folder, scratch=place / "scratch")
    except OSError as fault:
        if isinstance(fault, DoorviewError):
            raise
        why = "no space left on device" if fault.errno == errno.ENOSPC or "No space left" in str(fault) else fault
        raise OutputError(
            f"the city could not be laid out in '{run.partial}' ({why}), so nothing was counted, and nothing of it "
            "is left there. For a while it takes some 15 times the size of a .osm.pbf file: make room and run the same "
            "command again, or choose another folder, --out DIR."
        ) from fault
    if key is not None:
        # A copy: whether or not there is room for it in the cache, the extract is read once.
        keep(CITIES, key, lambda kept_at: _copied(folder, kept_at))
        store = kept_city(key)
        if store is not None:
            shutil.rmtree(place, ignore_errors=True)
            return store
    return read_stored(folder)


def _copied(folder: Path, place: Path) -> None:
    """Copy a folder's files into an empty one."""
    for path in sorted(folder.rglob("*")):
        there = place / path.relative_to(folder)
        if path.is_dir():
            there.mkdir()
        else:
            shutil.copyfile(path, there)


def _named(study: Study, frame: City) -> City:
    """Return the city with its name, and its files' paths, as the study says them."""
    files, paths = frame.source["files"], paths_of(study)
    if len(files) == len(paths):
        files = [{**item, "path": path} for item, path in zip(files, paths, strict=True)]
    return replace(frame, name=study.name, source={**frame.source, "files": files})


def _result(study: Study, asked: Asked, frame: City, counted: CountedCity, stages: Stages) -> Result:
    """Count the scenarios and return the result: its tables, and what is said of the city."""
    views, doors = counted.views, doors_table(counted, frame.crs)
    table = views.doors
    with stages.stage("counting scenarios"):
        residents = residents_from(
            table.key, table.dwellings, counted.xy, table.inside, counted.face, counted.metres, asked.inside,
            asked.zones, table.zone_inside,
        )  # fmt: skip
        plans = plans_of(study, residents)
        zones = None if asked.zones is None else pd.DataFrame(asked.zones[["zoning", "zone"]])
        scenarios = count_scenarios(study, plans, residents, views, {}, zones)
    with stages.stage("expected shares"):
        curve = views.curve(study.ownership.rates, study.ownership.shared_doors)
        counts = views.counts_table()
    _, model_of = asked.models_at(doors, study.study.seed)
    nothing = frame.buildings
    obstacles = gpd.GeoDataFrame({"height_m": np.zeros(0)}, geometry=gpd.GeoSeries([], crs=frame.crs), crs=frame.crs)
    obstacles.attrs = {"notes": counted.hiding, "counts": {}}
    ground = _no_ground(frame, counted.ground_notes)
    scene = build_scene(
        doors.iloc[:0].assign(heading=np.zeros(0)), no_kit(asked, frame), ground, inside=asked.inside,
        grid=Grid(study.coverage.cell_m), range_curve=asked.curve, terrain=asked.terrain,
    )  # fmt: skip
    said = {"read": dict(frame.dropped), "doors": counted.counts, "zones": asked.left_out}
    ready = Prepared(
        replace(frame, buildings=nothing), study, asked.camera, asked.levels, plans, residents, doors, obstacles,
        ground, asked.zones, asked.inside, asked.lost_m2, scene, table, said, None, asked.mix,
        None if asked.mix is None else model_of,
    )  # fmt: skip
    simple = tuple(item for item in scenarios.scenarios if item.built is None)
    ranges = range_curve_of(views.coverage, ready, simple) if study.coverage.range_curve and simple else None
    tables = Tables(
        views.coverage, views.outputs, scenarios.scenarios, scenarios, scenarios.shares, curve, ranges, counts, {},
        None, counted.errors,
    )  # fmt: skip
    return Result(ready, tables, stages)


def _no_ground(frame: City, notes: dict[str, Any]) -> Ground:
    """Return a ground without strips and polygons, with what is said of the city's."""
    empty = ground_within(ground_frame(frame), frame.buildings, None)
    return replace(empty, notes=notes)
