"""A small town, its undisturbed run, and places to disturb others."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from doorview.demo.town import make_town
from doorview.demo.writer import write_extract
from helpers.faults import STUDY, bytes_of, start

HOMES = 250


class Whole(NamedTuple):
    """A study, and what its undisturbed run gives; `seconds` it took."""

    study: Path
    bytes: dict[str, bytes]
    seconds: float
    out: Path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These tests fork, and send signals."""
    own = [item for item in items if Path(__file__).parent in item.path.parents]
    if sys.platform == "win32":
        for item in own:
            item.add_marker(pytest.mark.skip(reason="forks processes and sends them signals"))


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of a town of 250 homes."""
    folder = tmp_path_factory.mktemp("town")
    write_extract(make_town(HOMES), folder / "town.osm.pbf")
    path = folder / "study.toml"
    path.write_text(STUDY.format(extract="town.osm.pbf", rate=0.2))
    return path


@pytest.fixture(scope="session")
def whole(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """The study and its undisturbed run, after one that compiles all kernels: `seconds` are a usual run's."""
    for name in ("first", "whole"):
        run = start(study, tmp_path_factory.mktemp(name) / "out")
        assert run.end(600.0) == 0, run.said()
    return Whole(study, bytes_of(run.out), time.monotonic() - run.started, run.out)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Any]:
    """Gives a folder on a file system of so many kB, and makes it larger when called again."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = False

    def of(kilobytes: int) -> Path:
        nonlocal mounted
        options = f"size={kilobytes}k" if not mounted else f"remount,size={kilobytes}k"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=False)
        if done.returncode:
            pytest.skip("a small file system needs root")
        mounted = True
        return place

    yield of
    if mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)
