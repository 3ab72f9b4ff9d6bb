"""Blocks on a Dask cluster: one made here, of processes, or one that runs already.

A worker gets a block as bytes and gives its parcel back; nothing else is shared, so that workers may be anywhere. A
task may run twice and gives the same bytes. Dask is an extra: ``pip install "doorview[cluster]"``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from doorview import __version__
from doorview.errors import DoorviewError, InputError, NetworkError
from doorview.share.blocks import Block, cover_block
from doorview.share.engines import BlockDiedError, Outcome
from doorview.share.kernel_version import kernel_version
from doorview.share.packing import pack
from doorview.share.tiles import cover_tile

__all__ = ["DaskEngine", "OtherVersionError", "cover_parcel", "existing_cluster", "local_cluster"]

_SAY = logging.getLogger(__name__)
# Dask has no types for most of what is called here.
Client = Any
Future = Any
_CODEC = pa.Codec("zstd", compression_level=1)
CONNECT_S = 20.0
"""How long a scheduler may take to answer."""
WORKERS_S = 60.0
"""How long a cluster that runs already may be without any worker before it is refused."""
GONE_S = 180.0
"""How long one may be while it is at work: on a busy machine a worker that died takes a while to be started anew."""
ALLOWED_FAILURES = 2
"""So often may workers die of a block on a cluster of our own before it is suspected."""
TOLD_DEATHS = 3


class OtherVersionError(DoorviewError, RuntimeError):
    """A worker that runs other code or libraries than the process that asks: its counts might differ."""


def cover_parcel(version: str, key: str, data: bytes, size: int, rasters: bool) -> bytes:
    """Compute a block on a worker and return its parcel.

    Raises
    ------
    OtherVersionError
        If the worker's code is not that of the process that asks; a worker may join at any time.

    """
    if kernel_version() != version:
        raise OtherVersionError(f"the worker runs doorview {__version__} with other code or libraries.")
    block = _CODEC.decompress(data, size, asbytes=True)
    return pack(key, cover_block(block, rasters), rasters=rasters)


class DaskEngine:
    """The workers of a Dask cluster; each computes a block at a time per thread."""

    name = "dask"

    def __init__(self, client: Client, where: str, *, warm: bool = True, own: bool = False) -> None:
        self._client, self._where, self._warm, self._own = client, where, warm, own
        self._done: queue.SimpleQueue[tuple[int, Future]] = queue.SimpleQueue()
        self._held: dict[int, Future] = {}
        self._asked = time.monotonic()
        self.slots = self._slots()
        client.subscribe_topic("all", self._hear)
        self._deaths = 0

    def _slots(self) -> int:
        """Return two blocks for each thread of the cluster: one at work, one on its way."""
        return 2 * max(1, self._threads())

    def submit(self, number: int, block: Block, key: str, *, rasters: bool) -> None:
        """Take a block on."""
        from distributed.client import ClosedClientError

        if not self._warm:
            self._warm = True
            _warm_kernels(block)
        data = block.to_bytes()
        self._check_scheduler()
        try:
            future = self._client.submit(
                cover_parcel, kernel_version(), key, _CODEC.compress(data, asbytes=True), len(data), rasters,
                key=f"doorview-{key}-{number}-{int(rasters)}-{os.getpid()}", pure=False,
            )  # fmt: skip
        except (OSError, ClosedClientError):
            self._check_scheduler(gone=True)
            raise
        self._held[number] = future
        future.add_done_callback(lambda done: self._done.put((number, done)))

    def finished(self) -> list[Outcome]:
        """Wait until at least one block is done, and return all that are.

        Raises
        ------
        NetworkError
            If the scheduler is gone, or all workers are and none comes.

        """
        alone_since = None
        while True:
            try:
                found = [self._done.get(timeout=1.0)]
            except queue.Empty:
                self._check_scheduler()
                now = time.monotonic()
                if now - self._asked > 5.0:
                    self._asked, threads = now, self._threads()
                    self.slots = 2 * max(1, threads)
                    alone_since = (alone_since or now) if threads == 0 else None
                    if alone_since is not None and now - alone_since > GONE_S:
                        raise NetworkError(
                            f"{self._where} has had no worker for {GONE_S:.0f} s: {_NO_WORKER[self._own]}"
                        ) from None
                continue
            while not self._done.empty():
                found.append(self._done.get())
            return [self._outcome(number, future) for number, future in found]

    def _threads(self) -> int:
        """Return the threads of all workers."""
        try:
            return int(sum(self._client.nthreads().values()))
        except OSError:
            self._check_scheduler(gone=True)
            raise

    def _check_scheduler(self, *, gone: bool = False) -> None:
        if gone or self._client.status != "running":
            raise NetworkError(f"the connection to {self._where} is lost: {_LOST[self._own]}")

    def _outcome(self, number: int, future: Future) -> Outcome:
        """Return what became of a block."""
        from distributed.scheduler import KilledWorker

        self._held.pop(number, None)
        if future.status == "finished":
            try:
                return Outcome(number, future.result())
            except (OSError, RuntimeError):  # its worker or the scheduler went while the parcel was fetched
                self._check_scheduler(gone=True)
        if future.cancelled():
            self._check_scheduler(gone=True)
        fault = future.exception()
        if isinstance(fault, KilledWorker):
            times = fault.allowed_failures + 1
            died = f"{times} workers died while computing it, which mostly means out of memory"
            return Outcome(number, None, BlockDiedError(died))
        if isinstance(fault, MemoryError):
            return Outcome(number, None, BlockDiedError("the worker ran out of memory"))
        if isinstance(fault, OtherVersionError):
            return Outcome(number, None, OtherVersionError(f"{self._where}: {fault} {_SAME}"))
        return Outcome(number, None, fault)

    def _hear(self, event: tuple[float, Any]) -> None:
        """Say that a worker died; called by Dask with everything that happens."""
        message = event[1]
        if not isinstance(message, dict) or message.get("action") != "remove-worker" or message.get("expected"):
            return
        self._deaths += 1
        if self._deaths <= TOLD_DEATHS:
            last = " Further ones are not told of." if self._deaths == TOLD_DEATHS else ""
            _SAY.warning("a worker died (%s); what it was computing is computed again.%s", message["worker"], last)


_LOST = {
    False: "it was stopped, or the network failed. Start it again, or leave it out to compute on this machine, and "
    "run again.",
    True: "its scheduler ended, or this machine is out of memory or was asleep. The same command makes a new "
    "cluster and goes on from what is finished; without --workers, threads of this process compute.",
}
_NO_WORKER = {
    False: "start some (dask worker ADDRESS), and run again.",
    True: "all its processes ended and none could be started again, which mostly means out of memory. The same "
    "command makes a new cluster and goes on from what is finished: ask for fewer --workers, or leave it out to "
    "compute with threads of this process.",
}
"""What to do, for a cluster that ran already and for one of the run's own."""

_SAME = (
    "Counts must not depend on who computes them: install the same version of doorview, numpy and numba on every "
    "worker (pip install -c constraints.txt doorview[cluster])."
)


def _kernels_are_compiled() -> bool:
    """Say whether numba's cache beside the sources holds the kernels; one elsewhere is not looked into."""
    package = Path(__file__).resolve().parent
    return "NUMBA_CACHE_DIR" not in os.environ and any(package.glob("kernels/__pycache__/sets.scan_level*.nbc"))


def _warm_kernels(block: Block) -> None:
    """Compile the kernels here, into numba's cache, so that not every new process does so by itself at once."""
    busiest = max(block.tiles, key=lambda tile: len(block.scene.index["doors"][tile]))
    cover_tile(block.scene, busiest)


def _distributed() -> Any:
    """Return Dask's package.

    Raises
    ------
    InputError
        If it is not installed.

    """
    try:
        import distributed
    except ImportError as error:
        raise InputError(
            "--workers and --scheduler need Dask, which is not installed: pip install 'doorview[cluster]'. Without "
            "them the threads of this machine are used."
        ) from error
    return distributed


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's own log away: what matters of it is said in our words."""
    # Dask gives its loggers levels of their own.
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]
    logs = [logging.getLogger(name) for name in names]
    before = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for log, level in zip(logs, before, strict=True):
            log.setLevel(level)


def _worker_environment(config: Any) -> dict[str, Any]:
    """Return the variables that Dask gives its workers, less the one that has them hand back memory at every turn.

    With it glibc gives the arrays of a tile back to the system and fetches them anew for the next one: a sixth of a
    worker's time. Results that are large are none of ours.
    """
    given = config.get("distributed.nanny.pre-spawn-environ")
    return {name: value for name, value in given.items() if name != "MALLOC_TRIM_THRESHOLD_"}


@contextlib.contextmanager
def local_cluster(workers: int) -> Iterator[DaskEngine]:
    """Yield a cluster of `workers` processes of one thread each on this machine, ended with the block.

    Raises
    ------
    InputError
        If Dask is not installed.

    """
    distributed = _distributed()
    import dask

    settings = {
        "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
        "distributed.admin.large-graph-warning-threshold": "1 GiB",
        "distributed.nanny.pre-spawn-environ": _worker_environment(dask.config),
    }
    with _quiet(), dask.config.set(settings):
        cluster = distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL + 1,
        )
        with cluster, distributed.Client(cluster, set_as_default=False) as client:
            where = f"the cluster of {workers} processes on this machine"
            yield DaskEngine(client, where, warm=_kernels_are_compiled(), own=True)


@contextlib.contextmanager
def existing_cluster(address: str) -> Iterator[DaskEngine]:
    """Yield a cluster that runs already, by the address of its scheduler, such as ``tcp://10.0.0.5:8786``.

    Raises
    ------
    InputError
        If Dask is not installed, or the address is none.
    NetworkError
        If no scheduler answers there, or it has no worker.
    OtherVersionError
        If a worker cannot import doorview, or runs another version of it, numpy or numba.

    """
    distributed = _distributed()
    import dask

    where = f"the scheduler at {address}"
    with _quiet(), dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GiB"}):
        try:
            client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, TimeoutError) as error:
            raise NetworkError(
                f"no Dask scheduler answers at {address}: check the address (tcp://HOST:8786, as dask scheduler prints "
                "it) and that it can be reached from here."
            ) from error
        except (ValueError, TypeError) as error:
            raise InputError(f"--scheduler {address} is no address: give one such as tcp://10.0.0.5:8786.") from error
        with client:
            try:
                client.wait_for_workers(1, timeout=WORKERS_S)
            except TimeoutError as error:
                raise NetworkError(f"{where} has no worker: start some with dask worker {address}.") from error
            except OSError as error:
                raise NetworkError(f"the connection to {where} was lost: see that it runs, and run again.") from error
            try:
                check_versions(client, where)
                engine = DaskEngine(client, where)
            except OSError as error:
                raise NetworkError(
                    f"the connection to {where} was lost before any work began: see that it runs, and run again."
                ) from error
            yield engine


def check_versions(client: Client, where: str) -> None:
    """Refuse workers that do not run what this process runs.

    Raises
    ------
    OtherVersionError
        Naming the workers, and what they run.

    """

    def versions() -> dict[str, str]:
        # Runs on a worker that may have no doorview: nothing of this module may be asked for.
        import importlib

        found = {}
        for name in ("doorview", "numpy", "numba"):
            try:
                found[name] = str(importlib.import_module(name).__version__)
            except ImportError:
                found[name] = "missing"
        if found["doorview"] != "missing":
            try:
                found["code"] = importlib.import_module("doorview.share.kernel_version").kernel_version()
            except ImportError:
                found["code"] = "another"
        return found

    own = versions()
    wrong = []
    for worker, theirs in sorted(client.run(versions).items()):
        if theirs.get("doorview") == "missing":
            wrong.append(f"{worker} cannot import doorview")
        elif theirs != own:
            odd = [f"{name} {theirs[name]} (here {own[name]})" for name in own if name != "code"]
            odd = [text for name, text in zip(own, odd, strict=False) if theirs[name] != own[name]]
            wrong.append(f"{worker} runs {', '.join(odd) or 'another state of the code'}")
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise OtherVersionError(f"{where}: {'; '.join(wrong[:5])}{more}. {_SAME}")
