"""A Dask cluster as an engine: the same tiles, and who may not take part."""

from __future__ import annotations

import builtins
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from doorview.errors import DoorviewError, InputError, NetworkError
from doorview.share import cluster
from doorview.share.blocks import block_tiles, cut_block
from doorview.share.cluster import DaskEngine, OtherVersionError, check_versions, cover_parcel
from doorview.share.covering import Work
from doorview.share.kernel_version import kernel_version
from doorview.share.tiles import cover
from helpers.town import scene_of, town

distributed = pytest.importorskip("distributed")


class Workers:
    """Stands in for a client: asks in this process, and answers what it is told to for the workers of `odd`."""

    def __init__(self, **odd: dict[str, str]) -> None:
        self.odd = odd

    def run(self, function: Any) -> dict[str, dict[str, str]]:
        own = function()
        return {"tcp://good:1": own} | {f"tcp://{name}:1": {**own, **change} for name, change in self.odd.items()}


def test_workers_that_run_the_same_are_taken() -> None:
    check_versions(Workers(), "the scheduler")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"doorview": "missing"}, "tcp://bad:1 cannot import doorview"),
        ({"numpy": "1.0"}, "tcp://bad:1 runs numpy 1.0 (here "),
        ({"numba": "0.1", "code": "x"}, "tcp://bad:1 runs numba 0.1 (here "),
        ({"code": "x"}, "tcp://bad:1 runs another state of the code"),
    ],
)
def test_workers_that_run_something_else_are_refused_by_name(change: dict[str, str], words: str) -> None:
    with pytest.raises(OtherVersionError) as caught:
        check_versions(Workers(bad=change), "the scheduler at tcp://there:1")
    assert isinstance(caught.value, DoorviewError)
    said = str(caught.value)
    assert words in said
    assert "tcp://good:1" not in said
    assert "install the same version" in said


def test_many_wrong_workers_are_counted() -> None:
    with pytest.raises(OtherVersionError, match="and 3 more"):
        check_versions(Workers(**{f"w{n}": {"code": "x"} for n in range(8)}), "here")


def test_what_is_asked_of_a_worker_needs_no_doorview_there() -> None:
    """It is sent by value: a worker without the package must be able to answer."""
    import cloudpickle

    sent: list[bytes] = []

    def run(function: Any) -> dict[str, Any]:
        sent.append(cloudpickle.dumps(function))
        return {"tcp://w:1": function()}

    check_versions(SimpleNamespace(run=run), "here")
    hidden = {"doorview"}
    real = builtins.__import__

    def without(name: str, *given: Any, **named: Any) -> Any:
        if name.partition(".")[0] in hidden:
            raise ImportError(name)
        return real(name, *given, **named)

    builtins.__import__ = without
    try:
        function = cloudpickle.loads(sent[0])
    finally:
        builtins.__import__ = real
    assert set(function()) >= {"doorview", "numpy", "numba"}


def test_a_worker_that_joined_later_with_other_code_is_refused() -> None:
    with pytest.raises(OtherVersionError, match="other code"):
        cover_parcel("another", "a" * 40, b"", 0, False)


def test_without_dask_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    for engine in (cluster.local_cluster(2), cluster.existing_cluster("tcp://127.0.0.1:1")):
        with pytest.raises(InputError, match=r"pip install 'doorview\[cluster\]'"), engine:
            pass


def test_an_address_that_is_none_and_one_that_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 0.5)
    nobody = pytest.raises(NetworkError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9")
    with nobody, cluster.existing_cluster("tcp://127.0.0.1:9"):
        pass
    with pytest.raises(InputError, match="is no address"), cluster.existing_cluster("nonsense://x"):
        pass


@pytest.fixture(scope="module")
def engine() -> Iterator[DaskEngine]:
    """A cluster inside this process."""
    with (
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=False,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as made,
        distributed.Client(made, set_as_default=False) as client,
    ):
        yield DaskEngine(client, "a cluster of the test")


def test_a_cluster_gives_the_tiles_of_threads(engine: DaskEngine) -> None:
    scene = scene_of(town(doors=20, seed=3), tile=64)
    wanted = {result.tile: result for result in cover(scene, threads=1)}
    found = {result.tile: result for result in Work(None, engine, None, doors=20, side=2).cover(scene)}
    assert found.keys() == wanted.keys()
    for tile, result in wanted.items():
        assert result.amount.tolist() == found[tile].amount.tolist()
        assert result.set_key.tolist() == found[tile].set_key.tolist()
        assert result.members.tolist() == found[tile].members.tolist()
        for name, array in result.seen_by.items():
            other = found[tile].seen_by[name]
            assert (array is None) == (other is None)
            assert array is None or (array == other).all()


def test_what_a_block_raises_on_a_worker_is_raised_here(engine: DaskEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: Any) -> None:
        raise ValueError("broken on the worker")

    monkeypatch.setattr("doorview.share.blocks.cover_tile", broken)
    scene = scene_of(town(doors=5, seed=3), tile=256)
    with pytest.raises(ValueError, match="broken on the worker"):
        list(Work(None, engine).cover(scene))


def test_the_version_is_that_of_sources_and_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another numpy, another key of every block."""
    scene = scene_of(town(), tile=256)
    tiles = block_tiles(scene)[0]
    before = cut_block(scene, tiles).key()
    kernel_version.cache_clear()
    monkeypatch.setattr("doorview.share.kernel_version.metadata.version", lambda name: f"other {name}")
    assert cut_block(scene, tiles).key() != before
    monkeypatch.undo()
    kernel_version.cache_clear()
    assert cut_block(scene, tiles).key() == before


class Lost:
    """Stands in for the client of a cluster that was lost: no worker, or no connection."""

    def __init__(self, status: str) -> None:
        self.status = status

    def nthreads(self) -> dict[str, int]:
        return {}

    def subscribe_topic(self, topic: str, handler: Any) -> None:
        pass


WORDS = {True: "makes a new cluster", False: "tart"}


@pytest.mark.parametrize("own", [True, False])
def test_a_lost_scheduler_is_told_of_by_what_can_be_done(own: bool) -> None:
    engine = DaskEngine(Lost("closed"), "the cluster", own=own)
    with pytest.raises(NetworkError, match="the connection to the cluster is lost") as caught:
        engine.finished()
    assert WORDS[own] in str(caught.value)
    assert ("--workers" in str(caught.value)) == own
    assert ("leave it out" in str(caught.value)) != own


@pytest.mark.parametrize("own", [True, False])
def test_a_cluster_without_workers_is_told_of_by_what_can_be_done(own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "GONE_S", -1.0)
    engine = DaskEngine(Lost("running"), "the cluster", own=own)
    engine._asked = float("-inf")
    with pytest.raises(NetworkError, match="has had no worker") as caught:
        engine.finished()
    assert WORDS[own] in str(caught.value)
    # Nobody can start workers of a cluster that the run makes for itself.
    assert ("dask worker ADDRESS" in str(caught.value)) != own


def test_a_cluster_of_the_run_s_own_is_known_as_such() -> None:
    made = []
    with cluster.local_cluster(1) as engine:
        made.append(engine._own)
        sent = engine._client.run(lambda: __import__("os").environ.get("MALLOC_TRIM_THRESHOLD_"))
    assert made == [True]
    assert set(sent.values()) == {None}
