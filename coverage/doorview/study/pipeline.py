"""The whole way: from a study or a city to a result, and to the run's folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from pyogrio.errors import DataLayerError, DataSourceError

from doorview.city.model import City
from doorview.errors import DoorviewError, InputError, OutputError
from doorview.ownership.expected import check_rate
from doorview.share.covering import Work
from doorview.show.run_folder import RunFolder
from doorview.sight.camera import CameraModel
from doorview.study.compute import Prepared, Tables, measure, prepare
from doorview.study.costs import write_profile
from doorview.study.disk import reason
from doorview.study.part_run import run_tables_only
from doorview.study.profiling import profiling
from doorview.study.progress import telling
from doorview.study.read import read_city
from doorview.study.result import Result
from doorview.study.schema import DEFAULT_CAMERA, Study, load_study, scenario_name, study_from_dict
from doorview.study.stages import Progress, Stages, silent
from doorview.study.work import at_work
from doorview.study.write import raster_sink, write_into

__all__ = ["estimate", "run", "run_study"]


def run_study(
    study: Study,
    out: Path,
    *,
    fresh: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress = silent,
    profile: bool = False,
) -> Result:
    """Do what a study says and write its folder; nothing stands at `out` until all is done.

    `workers` processes of a Dask cluster of its own, or the cluster at the address `scheduler`, cover the city instead
    of the threads of this process. What an ended run finished is gone on from, unless `fresh`.
    With `profile`, ``working/profile.txt`` and ``working/profile.json`` say where the time went.

    Raises
    ------
    DoorviewError
        For input that cannot be used, and for a folder that is not a run's or cannot be written: before any computing.

    """
    if study.output.tables_only:
        return run_tables_only(
            study, out, fresh=fresh, workers=workers, scheduler=scheduler, progress=progress, profile=profile
        )
    stages = Stages(progress)
    with RunFolder(out, fresh=fresh) as run, profiling(stages, wanted=profile) as samples:
        with stages.stage("reading the city"):
            keep = run.path("source", "x").parent if _downloads(study) else None
            city = read_city(study, keep=keep)
        ready = prepare(study, city, stages)
        try:
            with at_work(study.coverage.threads, workers, scheduler, run.unfinished, city.crs) as work:
                tables = _measured(ready, stages, run, work)
            result = Result(ready, tables, stages)
            write_into(result, run)
            if samples is not None:
                write_profile(run, stages, samples)
        except (OSError, DataSourceError, DataLayerError, sqlite3.Error) as fault:
            if isinstance(fault, DoorviewError):
                raise
            raise OutputError(
                f"the run's files could not be written at '{out}' ({reason(fault, run.partial)}), so none is left "
                "there; finished tiles are kept. Make room and run the same command again, or choose another folder, "
                "--out DIR, with plain letters in its name."
            ) from fault
        folder = run.commit()
    return replace(result, folder=folder)


def _downloads(study: Study) -> bool:
    """Say whether the study asks for a download."""
    return any(value is not None for value in (study.place.place, study.place.address, study.place.bbox))


def _measured(ready: Prepared, stages: Stages, run: RunFolder, work: Work) -> Tables:
    """Cover the city, writing rasters as tiles finish where they are wanted."""
    if not ready.study.output.rasters:
        return measure(ready, stages, work=work)
    with raster_sink(ready, run, ready.attribution) as sink:
        return measure(ready, stages, rasters=True, sink=sink, work=work)


def run(
    study: str | Path | Study,
    out: str | Path | None = None,
    *,
    fresh: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress | bool | None = None,
) -> Result:
    """Run a study file and return its result; the folder is `out`, else ``out/NAME`` here.

    `workers` processes of a Dask cluster on this machine, or the cluster at the address `scheduler`, cover the city
    instead of threads; a script that asks for `workers` needs ``if __name__ == "__main__":``. `fresh` discards what an
    ended run of the same folder finished. `progress`: as in `estimate`.

    Raises
    ------
    StudyError
        With every fault of the file at once.
    DoorviewError
        As `run_study`.

    """
    loaded = study if isinstance(study, Study) else load_study(study)
    folder = Path(out) if out is not None else Path("out") / loaded.folder_name
    with telling(progress) as told:
        return run_study(loaded, folder, fresh=fresh, workers=workers, scheduler=scheduler, progress=told)


def estimate(
    city: City,
    *,
    camera: str | CameraModel | Mapping[str, float] = DEFAULT_CAMERA,
    levels: str | Iterable[str] | None = None,
    rates: float | Iterable[float] | None = None,
    obstacles: str = "buildings",
    coverage: Mapping[str, object] | None = None,
    doors: Mapping[str, object] | None = None,
    drivers: Mapping[str, object] | None = None,
    near_m: float = 50.0,
    cell_m: float = 0.5,
    target_height_m: float = 1.5,
    range_curve: bool = True,
    known: bool = False,
    terrain: str | Path | Mapping[str, object] | None = None,
    threads: int | None = None,
    seed: int = 0,
    progress: Progress | bool | None = None,
) -> Result:
    """Estimate the share of public space in view; nothing is written.

    Parameters
    ----------
    city
        As from `City.from_extract` and its like.
    camera
        Name in the catalogue, or a model, or a mix as ``{name: share}``, whose shares add up to 1.
    levels
        Names of levels, or one; default: trigger, recognise, observe, detect.
    rates
        Ownership rates, each a scenario of independent owners, or one; default: 0.05, 0.2 and 0.4. The curve has
        0, 0.01 ... 1 too.
    obstacles
        ``buildings``, or ``all`` with walls, fences and hedges.
    coverage
        More keys of ``[coverage]`` in a study file, e.g. ``{"parked_cars": 0.6, "trees": True}``.
    doors
        What stands at the doors and where on their walls they are: the section ``[doors]`` of a study file, e.g.
        ``{"what_if": "porches"}`` or ``{"porch_steps": {"house": 2}}``; default: nothing.
    drivers
        What drives the answer, and the range over assumptions: the section ``[drivers]`` of a study file, e.g.
        ``{"sobol": True}``; default: the range alone (``{"ranges": 0}``: not that either).
    near_m
        Streets within this distance of a home make the headline [m].
    cell_m
        Edge of a grid cell [m].
    target_height_m
        Height of what must be in view [m].
    range_curve
        Whether to count coverage at every range from 2 to 40 m too.
    known
        Whether to count the cameras that OpenStreetMap maps too, beside the simulated ones: `Result.known`.
    terrain
        Raster of the ground's heights, or a mapping with the keys of ``[terrain]`` in a study file; left out: flat.
    threads
        How many threads at once; default: one per processor. Changes no result.
    seed
        Seed of the simulated intervals, and of what is drawn at the doors.
    progress
        Who is told how far it is: None, a bar in notebooks (``DOORVIEW_PROGRESS=off`` in the environment: not there
        either); True, a bar or lines on standard error too; False, nobody; or a function of (stage, done, total).

    Raises
    ------
    DoorviewError
        For a camera, level or rate that does not exist, and for a city with nothing to count.

    Examples
    --------
    Without owners nothing is in view, and more owners never see less:

    >>> import geopandas as gpd, shapely
    >>> import doorview as dv
    >>> corners = [(5e5 + x, y) for x in range(0, 200, 20) for y in (8.0, -18.0)]
    >>> shapes = [shapely.box(x, y, x + 10.0, y + 10.0) for x, y in corners]
    >>> houses = gpd.GeoDataFrame({"building": ["house"] * 20}, geometry=shapes, crs="EPSG:32618")
    >>> line = shapely.LineString([(499900, 0), (500300, 0)])
    >>> street = gpd.GeoDataFrame({"highway": ["residential"]}, geometry=[line], crs="EPSG:32618")
    >>> city = dv.City.from_layers(buildings=houses, streets=street, country="us")
    >>> quick = {"drivers": {"ranges": 0}, "range_curve": False}
    >>> result = dv.estimate(city, levels=["observe"], rates=[0.2], **quick)
    >>> streets = result.curve[(result.curve["space"] == "streets") & (result.curve["measure"] == "area_m2")]
    >>> float(streets["share_mean"].iloc[0])
    0.0
    >>> bool(streets["share_mean"].is_monotonic_increasing)
    True

    """
    if not isinstance(city, City):
        raise InputError(
            f"estimate takes a City, not {type(city).__name__}. Read one first: dv.City.from_extract('city.osm.pbf') "
            "or "
            "dv.City.from_place('Lakeland, Florida, USA'); dv.run('study.toml') does what a study file says."
        )
    model = camera if isinstance(camera, CameraModel) else None
    camera_section: dict[str, object] = {"target_height_m": float(target_height_m)}
    if isinstance(camera, Mapping):
        camera_section["mix"] = dict(camera)
    elif model is None:
        camera_section["model"] = camera
    if levels is not None:
        camera_section["levels"] = [levels] if isinstance(levels, str) else list(levels)
    data: dict[str, object] = {
        "study": {"name": city.name, "seed": seed},
        "camera": camera_section,
        "public_space": {"near_home_m": float(near_m)},
        "coverage": {
            "cell_m": float(cell_m),
            "obstacles": obstacles,
            "range_curve": range_curve,
            "threads": threads,
            **(coverage or {}),
        },
    }
    if doors is not None:
        data["doors"] = doors
    if drivers is not None:
        data["drivers"] = dict(drivers)
    if known:
        data["known"] = {"osm": True}
    if rates is not None:
        wanted = [check_rate(rate) for rate in ([rates] if isinstance(rates, int | float) else rates)]
        data["scenarios"] = {scenario_name(rate): {"process": "independent", "rate": rate} for rate in wanted}
        data["ownership"] = {"rates": sorted({*(n / 100 for n in range(101)), *wanted})}
    if terrain is not None:
        data["terrain"] = dict(terrain) if isinstance(terrain, Mapping) else {"ground": str(terrain)}
    study = study_from_dict(_without_none(data), where="estimate", needs_place=False)
    if model is not None:
        study = study.model_copy(update={"camera": study.camera.model_copy(update={"model": model.name})})
    with telling(progress) as told:
        stages = Stages(told)
        ready = prepare(study, city, stages, camera=model)
        return Result(ready, measure(ready, stages), stages)


def _without_none(data: dict[str, object]) -> dict[str, object]:
    """Return the sections without values that were left out."""
    return {
        key: {name: value for name, value in section.items() if value is not None}
        if isinstance(section, dict)
        else section
        for key, section in data.items()
    }
