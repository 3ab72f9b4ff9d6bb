"""Many cities: a table of them in, one tidy table out; each in a folder and a process of its own.

A city that fails is told of, and the rest goes on. What is finished and would come out the same is not run again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel

from doorview import __version__
from doorview.errors import DoorviewError, OutputError
from doorview.show.files import sha256, write_json
from doorview.show.run_folder import RunFolder, is_run
from doorview.show.tables import write_csv
from doorview.show.text import SMALLEST_COUNT, count
from doorview.study.cities_child import Engine, job_of
from doorview.study.cities_compare import CITIES_COLUMNS, STATUS_COLUMNS, facts_of, shares_of, status_of
from doorview.study.cities_table import Choices, CityRow, read_cities
from doorview.study.fields import split_layer
from doorview.study.progress import telling
from doorview.study.schema import Study
from doorview.study.stages import Progress, silent
from doorview.study.work import check_engine

__all__ = ["Cities", "compare_cities", "run_cities"]

log = logging.getLogger(__name__)

MARK = "doorview-cities"
"""Value of the key ``doorview`` in cities.json: the mark by which a folder is known as a comparison's."""
_RECORD = "cities.json"
_TABLES = ("run.json", "shares.csv")
THREADS = Engine()
"""One thread per core."""


@dataclass
class Cities:
    """A finished comparison.

    Attributes
    ----------
    shares
        As cities.csv: the columns of shares.csv after `city` and `range_m`.
    status
        As cities_status.csv: a row per city, and how far its map data can be relied upon.
    failed
        Name of each city that failed -> why.
    unchanged
        Names of the cities that were finished already.
    pictures
        Files drawn.
    folder
        Where all of it lies.

    """

    shares: pd.DataFrame
    status: pd.DataFrame
    folder: Path
    failed: dict[str, str] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)


def run_cities(
    table: str | Path,
    out: str | Path,
    *,
    camera: str | None = None,
    levels: Iterable[str] | None = None,
    rates: Iterable[float] | None = None,
    obstacles: str | None = None,
    near_m: float | None = None,
    cell_m: float | None = None,
    known: bool = False,
    units: str | None = None,
    by_zone: bool = False,
    without_maps: bool = False,
    threads: int | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    fresh: bool = False,
    progress: Progress | bool | None = None,
) -> pd.DataFrame:
    """Run every city of a table and return one tidy table of their shares.

    Each city's run is a folder of its own in `out`; beside them ``cities.csv`` (what is returned),
    ``cities_status.csv`` (each city's data at a glance) and ``maps/cities.png``. A city that fails stands in
    ``attrs["failed"]`` with the reason, and the rest is finished. A city whose files and settings are the same as in
    the run that is there is not run again.

    Parameters
    ----------
    table
        CSV with a row per city: ``name``, one of ``extract``, ``place`` and ``study``; optional ``boundary``, ``zones``
        (several parted by ``;``), ``country``, ``crs`` and ``label``. Paths count from its folder.
    out
        Folder to write into.
    camera, levels, rates, obstacles, near_m, cell_m, known, units
        For all cities without a study of their own; as in `doorview.estimate`.
    by_zone
        Return the zones of every city too, not the whole city alone.
    without_maps
        Make no rasters, maps and QGIS projects of the single cities.
    threads, workers, scheduler
        Who covers each city, one city after the other: so many threads (default: one per core), a Dask cluster of so
        many processes, or the cluster whose scheduler is at an address. Changes no result.
    fresh
        Run every city again.
    progress
        As in `doorview.estimate`.

    Returns
    -------
    pandas.DataFrame
        Columns ``city``, ``range_m`` [m] (of the level, with that city's camera), then those of shares.csv.

    Raises
    ------
    StudyError
        With the faults of all rows of the table, before any work.
    OutputError
        If `out` holds something else or cannot be written.

    """
    choices = Choices(
        camera=camera,
        levels=None if levels is None else tuple(levels),
        rates=None if rates is None else tuple(rates),
        obstacles=obstacles,
        near_m=near_m,
        cell_m=cell_m,
        known=known,
        units=units,
        without_maps=without_maps,
    )
    with telling(progress) as told:
        found = compare_cities(
            table,
            Path(out),
            choices,
            by_zone=by_zone,
            engine=Engine(threads, workers, scheduler),
            fresh=fresh,
            progress=told,
        )
    for name, why in found.failed.items():
        log.warning("%s failed: %s", name, why)
    found.shares.attrs["failed"] = dict(found.failed)
    return found.shares


def compare_cities(
    table: str | Path,
    out: Path,
    choices: Choices,
    *,
    by_zone: bool = False,
    engine: Engine = THREADS,
    fresh: bool = False,
    progress: Progress = silent,
) -> Cities:
    """Do what `run_cities` does and return all of it."""
    rows = read_cities(table, choices)
    check_engine(engine.threads, engine.workers, engine.scheduler)
    if engine.threads is not None:
        rows[0][1].with_threads(engine.threads)  # refuses what is no number of threads, before any work
    out = out.expanduser().resolve()
    _check_folder(out)
    # Its lock keeps a second comparison out; nothing is ever put there.
    with RunFolder(out / "cities"):
        record = _Record(out)
        failed: dict[str, str] = {}
        unchanged: list[str] = []
        shares: list[pd.DataFrame] = []
        status: list[dict[str, Any]] = []
        for place, (row, study) in enumerate(rows, start=1):
            label = f"{row.name} ({place} of {len(rows)})"
            progress(f"{label}: looking for an earlier run")
            key = _key(study)
            facts = None
            try:
                if not fresh and record.holds(row, key):
                    unchanged.append(row.name)
                else:
                    record.forget(row)
                    job = job_of(row, choices, out / row.folder, engine, fresh=fresh)
                    _in_own_process(job, out / "working" / f"{row.folder}.log", label, progress)
                    record.keep(row, key)
                facts = facts_of(out / row.folder)
                shares.append(shares_of(row.name, out / row.folder, by_zone=by_zone))
            except DoorviewError as fault:
                facts = None
                failed[row.name] = str(fault)
            status.append(status_of(row.name, row.folder, facts))
        progress("comparing the cities")
        found = Cities(_joined(shares), _status_table(status), out, failed, unchanged)
        _write(found, choices)
    return found


def _check_folder(out: Path) -> None:
    """Refuse a folder that is there and is no comparison's."""
    if not out.exists():
        return
    if not out.is_dir():
        raise OutputError(f"the output '{out}' is a file, and many cities need a folder: choose another, --out DIR.")
    if is_run(out):
        raise OutputError(f"the output '{out}' holds the run of one city: choose another folder, --out DIR.")
    if not _is_ours(out / _RECORD) and any(item.name != "cities.partial" for item in out.iterdir()):
        raise OutputError(
            f"the output folder '{out}' exists and holds no {_RECORD} of doorview, so what lies there may not be ours "
            "to write over: choose another folder, --out DIR, or move that one away."
        )


def _is_ours(path: Path) -> bool:
    if not path.is_file():  # reading a pipe would wait without end
        return False
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # absent, unreadable, or no JSON: in each case not ours
        return False
    return isinstance(data, dict) and data.get("doorview") == MARK


class _Record:
    """What cities.json says: by city the key of its run, and checksums of what is read back from it."""

    def __init__(self, out: Path) -> None:
        self._out, self._path = out, out / _RECORD
        held: Any = json.loads(self._path.read_text(encoding="utf-8")) if _is_ours(self._path) else {}
        cities = held.get("cities")
        self._cities: dict[str, Any] = cities if isinstance(cities, dict) else {}
        self._save()

    def holds(self, row: CityRow, key: str) -> bool:
        """Say whether a city's run is there, whole, and of the same files and settings."""
        entry, folder = self._cities.get(row.folder), self._out / row.folder
        if not isinstance(entry, dict) or entry.get("key") != key or not is_run(folder):
            return False
        return all((folder / name).is_file() and entry.get(name) == sha256(folder / name) for name in _TABLES)

    def forget(self, row: CityRow) -> None:
        if self._cities.pop(row.folder, None) is not None:
            self._save()

    def keep(self, row: CityRow, key: str) -> None:
        folder = self._out / row.folder
        self._cities[row.folder] = {"name": row.name, "key": key, **{name: sha256(folder / name) for name in _TABLES}}
        self._save()

    def _save(self) -> None:
        try:
            write_json(self._path, {"doorview": MARK, "schema_version": 1, "cities": self._cities})
        except OSError as fault:
            raise OutputError(
                f"'{self._path}' cannot be written ({fault.strerror}); make room, or --out DIR"
            ) from fault


def _key(study: Study) -> str:
    """Return a hash of all that a run depends on: version, settings, and the bytes of the files that it reads."""
    settings = study.settings()
    settings["coverage"] = {name: value for name, value in settings["coverage"].items() if name != "threads"}
    files = {}
    for path in dict.fromkeys(_paths_in(study)):
        file, layer = split_layer(path)
        parts = sorted(file.parent.glob(f"{file.stem}.*")) if file.suffix.lower() == ".shp" else [file]
        files[f"{file.name}:{layer}"] = [sha256(part) for part in parts if part.is_file()]
    said = json.dumps([__version__, settings, files], sort_keys=True, default=str)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def _paths_in(value: object) -> Iterator[Path]:
    """Yield every path that a study names."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _paths_in(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _paths_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _paths_in(item)


def _in_own_process(job: dict[str, Any], said: Path, label: str, progress: Progress) -> None:
    """Run one city in a process of its own; what it prints goes to the file `said`.

    Raises
    ------
    DoorviewError
        With the reason, where the city failed or its process ended otherwise.

    """
    said.parent.mkdir(parents=True, exist_ok=True)
    failed, finished = None, False
    with said.open("wb") as errors, tempfile.TemporaryFile() as told:
        told.write(json.dumps(job).encode())
        told.seek(0)
        # -P: the folder that people stand in must not lend its coverage/ to numba.
        words = [sys.executable, "-P", "-m", "doorview.study.cities_child"]
        with subprocess.Popen(words, stdin=told, stdout=subprocess.PIPE, stderr=errors) as process:  # noqa: S603 - ours
            try:
                for message in _messages(process.stdout or ()):
                    failed, finished = message.get("failed", failed), finished or bool(message.get("finished"))
                    if "stage" in message:
                        progress(f"{label}: {message['stage']}", int(message["done"]), int(message["total"]))
            except BaseException:
                process.terminate()
                raise
    if failed is not None:
        said.unlink(missing_ok=True)
        raise DoorviewError(failed)
    if not finished:
        raise DoorviewError(_how_it_ended(process.returncode, said))
    said.unlink(missing_ok=True)


def _messages(stream: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects among the lines of a stream."""
    for line in stream:
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict):
            yield message


def _how_it_ended(code: int, said: Path) -> str:
    """Return why a process ended that did not say so itself."""
    last = [line for line in said.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        why = f"its process was ended from outside ({name})"
        if name == "SIGKILL":
            why += (
                "; most often the system was out of memory: take fewer --threads, larger cells, or a smaller boundary"
            )
        return why
    told = f": {last[-1].strip()[:300]}" if last else ""
    return (
        f"its process ended unexpectedly (exit code {code}){told}. This is a fault in doorview: please report it with "
        f"{said.name} from the folder working"
    )


def _joined(shares: Sequence[pd.DataFrame]) -> pd.DataFrame:
    if not shares:
        return pd.DataFrame(columns=list(CITIES_COLUMNS))
    return pd.concat(shares, ignore_index=True)


def _status_table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return cities_status.csv; counts stay whole numbers where a city that failed has none."""
    whole = dict.fromkeys(("doors", "dwellings", "objects_dropped"), "Int64")
    return pd.DataFrame(rows, columns=list(STATUS_COLUMNS)).astype(whole)


def _published(status: pd.DataFrame) -> pd.DataFrame:
    """Return the table with counts of 1 to 4 homes as words."""
    shown = status.copy()
    for name in ("doors", "dwellings"):
        few = shown[name].between(1, SMALLEST_COUNT - 1).fillna(value=False).astype(bool)
        shown[name] = shown[name].astype(object).where(~few, count(1))
    return shown


def _write(found: Cities, choices: Choices) -> None:
    """Write the tables and the picture; what failed, with reasons that may name paths, goes to working/."""
    from doorview.study.cities_draw import draw_cities

    out = found.folder
    try:
        write_csv(out / "cities.csv", found.shares)
        write_csv(out / "cities_status.csv", _published(found.status))
        failed = out / "working" / "cities_failed.csv"
        failed.unlink(missing_ok=True)
        if found.failed:
            failed.parent.mkdir(parents=True, exist_ok=True)
            write_csv(failed, pd.DataFrame({"city": list(found.failed), "reason": list(found.failed.values())}))
        elif failed.parent.is_dir() and not any(failed.parent.iterdir()):
            failed.parent.rmdir()
        found.pictures += draw_cities(found.shares, found.status, out, units=choices.units)
    except OSError as fault:
        raise OutputError(
            f"the tables of the comparison could not be written at '{out}' ({fault.strerror or fault}). The cities' "
            "own runs are there: make room, then the same command reads them again"
        ) from fault
