"""Runs of the command line in processes of their own that can be killed, starved and led astray.

Children are forked from a server that has imported the package, so that each starts at once. What goes wrong in them is
asked for in `Harm`; the package has no hooks for it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

TILE = 512
"""Tiles of 128 m instead of 512 m, on cells of 0.25 m: a small town then has many."""
FILES = (
    "shares.csv", "curve.csv", "counts.parquet", "working/coverage.parquet", "working/members.parquet",
    "seen_by_observe.tif", "seen_by_detect.tif",
)  # fmt: skip
STUDY = """
[study]
name = "town"
fictional = true
[place]
extract = "{extract}"
[camera]
levels = ["observe", "detect"]
[scenarios]
some = {{ rate = {rate} }}
[drivers]
ranges = 0
[coverage]
range_curve = false
cell_m = 0.25
threads = 2
[output]
maps = false
explorer = false
briefing = false
"""


@dataclass(frozen=True)
class Harm:
    """What goes wrong in a run.

    `slow_s` every tile takes longer; `deadly` whoever computes this tile on a cluster is killed, `hungry` eats memory;
    `room_mb` address space beyond what the process has when it begins; `clock_back` every look at the clock is an hour
    before the last; `memory` of each worker. `tile` cells are the side of a tile; `doors`, `side`: a block's size.
    """

    slow_s: float = 0.0
    deadly: tuple[int, int] | None = None
    hungry: tuple[int, int] | None = None
    room_mb: int = 0
    clock_back: bool = False
    memory: str | None = None
    tile: int = TILE
    doors: int = 40
    side: int = 2

    def words(self) -> str:
        """What processes of a cluster are told, in their environment."""
        return repr((self.slow_s, self.deadly, self.hungry))


HARM = "DOORVIEW_TEST_HARM"


def dask_setup(worker: Any) -> None:
    """Prepare a worker that loads this file first (Dask's preload)."""
    from doorview.share import blocks

    slow_s, deadly, hungry = eval(os.environ[HARM], {"__builtins__": {}})  # written by `Harm.words`
    real = blocks.cover_tile

    def cover_tile(scene: Any, tile: tuple[int, int], rasters: bool = True) -> Any:
        time.sleep(slow_s)
        if tile == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        eaten = []
        while tile == hungry:
            eaten.append(bytearray(os.urandom(1 << 20)) * 20)
            time.sleep(0.05)
        return real(scene, tile, rasters)

    blocks.cover_tile = cover_tile  # type: ignore[assignment]


def _prepare(harm: Harm) -> None:
    """Lead this process astray."""
    import distributed

    from doorview.share import engines
    from doorview.share.covering import Work
    from doorview.share.grid import Grid
    from doorview.study import compute, part_run, part_store, pipeline, work

    pipeline.run_tables_only = partial(part_run.run_tables_only, buildings_per_part=60)  # type: ignore[assignment]
    part_store.Grid = lambda cell_m: Grid(cell_m, harm.tile)  # type: ignore[misc,assignment]
    part_run.Grid = part_store.Grid  # type: ignore[misc]
    compute.Grid = lambda cell_m: Grid(cell_m, harm.tile)  # type: ignore[misc,assignment]
    work.Work = partial(Work, doors=harm.doors, side=harm.side)  # type: ignore[misc,assignment]
    real = engines.cover_tile

    def cover_tile(scene: Any, tile: tuple[int, int], rasters: bool = True) -> Any:
        time.sleep(harm.slow_s)
        if tile == harm.hungry:
            np.zeros(1 << 33, np.uint8)
        return real(scene, tile, rasters)

    engines.cover_tile = cover_tile  # type: ignore[assignment]
    os.environ[HARM] = harm.words()
    import dask

    dask.config.set({"distributed.worker.preload": [__file__]})
    if harm.memory:
        distributed.LocalCluster = partial(distributed.LocalCluster, memory_limit=harm.memory)
    if harm.clock_back:
        began, looks = time.time(), iter(range(1, 10**9))
        time.time = lambda: began - 3600.0 * next(looks)
    if harm.room_mb:
        import resource

        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + harm.room_mb * 2**20,) * 2)


def _child(arguments: list[str], log: str, environment: dict[str, str], harm: Harm) -> None:
    """Be a command line in a forked process."""
    os.setsid()
    os.environ.update(environment)
    said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(said, stream)
    tempfile.tempdir = None  # found again, by this environment
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    from doorview import cli

    _prepare(harm)
    sys.exit(cli.main(arguments))


def _scheduler(address_file: str, environment: dict[str, str], harm: Harm) -> None:
    """Be a scheduler and its workers until killed."""
    os.setsid()
    os.environ.update(environment)
    os.environ[HARM] = harm.words()
    import distributed

    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0"
    )
    dask_setup(None)
    Path(address_file + ".part").write_text(cluster.scheduler_address)
    Path(address_file + ".part").rename(address_file)
    time.sleep(600)


@dataclass
class Run:
    """A run that is under way or over."""

    process: Any
    log: Path
    out: Path
    started: float = field(default_factory=time.monotonic)

    @property
    def tiles(self) -> Path:
        return self.out.with_name(f"{self.out.name}.partial") / "unfinished" / "tiles"

    def kept(self) -> int:
        """Return how many finished blocks of tiles, or parts of the city, lie in the unfinished folder."""
        found = self.tiles.parent.glob("*/*")
        return len([path for path in found if path.suffix != ".part" and not path.name.startswith(".")])

    def end(self, timeout: float = 300.0) -> int:
        """Wait, and return the exit code; minus the signal that killed it."""
        self.process.join(timeout)
        assert self.process.exitcode is not None, f"still running after {timeout} s: {self.said()}"
        return int(self.process.exitcode)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the process alone, if it still runs."""
        if self.process.is_alive():
            os.kill(self.process.pid, number)

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def until(self, condition: Callable[[], bool], timeout: float = 60.0) -> None:
        """Wait for something while the run goes on."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert self.process.is_alive(), f"ended early: {self.said()}"
            assert time.monotonic() < deadline, f"waited too long: {self.said()}"
            time.sleep(0.01)


def _server() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["helpers.faults", "doorview.study.pipeline", "doorview.cli", "doorview.share.cluster", "distributed"]
    )
    return context


def start(
    study: Path,
    out: Path,
    *options: str,
    harm: Harm | None = None,
    cache: Path | None = None,
    temporary: Path | None = None,
) -> Run:
    """Begin ``doorview run STUDY --out OUT OPTIONS``; `temporary` is the system's folder for temporary files."""
    environment = {"DOORVIEW_CACHE": "off" if cache is None else str(cache)}
    if temporary is not None:
        environment["TMPDIR"] = str(temporary)
    log = out.with_name(f"{out.name}.log")
    arguments = ["run", str(study), "--out", str(out), *options]
    process = _server().Process(target=_child, args=(arguments, str(log), environment, harm or Harm()))
    process.start()
    return Run(process, log, out)


def start_scheduler(folder: Path, harm: Harm | None = None) -> tuple[Any, str]:
    """Begin a scheduler with two workers in one process, and return the process and the address."""
    file = folder / f"scheduler-{time.monotonic_ns()}"
    process = _server().Process(target=_scheduler, args=(str(file), {"DOORVIEW_CACHE": "off"}, harm or Harm()))
    process.start()
    deadline = time.monotonic() + 60.0
    while not file.exists():
        assert process.is_alive(), "the scheduler ended early"
        assert time.monotonic() < deadline, "no scheduler came up"
        time.sleep(0.02)
    return process, file.read_text()


def bytes_of(out: Path, files: Iterable[str] = FILES) -> dict[str, bytes]:
    """Return what must be the same, whatever went wrong on the way."""
    return {name: (out / name).read_bytes() for name in files}
