"""A pool of threads that is never waited for in vain."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from doorview import threads
from doorview.city.osmfile import reading
from doorview.threads import Threads


def test_answers_come_in_the_order_of_the_items() -> None:
    with Threads(3) as pool:
        assert list(pool.map(lambda a, b: (time.sleep(0.01 * (5 - a)), a * b)[1], range(5), range(5))) == [
            0, 1, 4, 9, 16,
        ]  # fmt: skip


@pytest.mark.parametrize("fault", [ZeroDivisionError, TimeoutError, MemoryError])
def test_what_a_thread_raises_passes(fault: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    """A time-out of the work is not taken for one of waiting."""
    monkeypatch.setattr(threads, "LOOK_S", 0.01)

    def fails() -> None:
        time.sleep(0.03)
        raise fault("so")

    with Threads(1) as pool, pytest.raises(fault, match="so"):
        pool.answer(pool.submit(fails))


def test_slow_work_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "LOOK_S", 0.005)
    with Threads(1) as pool:
        assert pool.answer(pool.submit(lambda: (time.sleep(0.1), 7)[1])) == 7


def test_a_thread_that_died_without_an_answer_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where memory ends while it is told what the work raised."""
    monkeypatch.setattr(threads, "LOOK_S", 0.02)

    def no_room(self: Future[Any], fault: BaseException | None) -> None:
        raise SystemExit  # ends a thread without a word

    monkeypatch.setattr(Future, "set_exception", no_room)
    with Threads(1) as pool, pytest.raises(MemoryError, match="without an answer"):
        pool.answer(pool.submit(lambda: 1 // 0))


def test_no_thread_is_begun_without_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*given: Any) -> None:
        raise OSError(12, "Cannot allocate memory")

    with Threads(2) as pool:
        assert pool.answer(pool.submit(int)) == 0
        monkeypatch.setattr("mmap.mmap", no_room)
        with pytest.raises(MemoryError, match="no room for another thread"):
            pool.submit(int)


LITTLE_ROOM = """
import resource, sys
from pathlib import Path
from doorview.threads import Threads
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + int(sys.argv[1]) * 2**20,) * 2)
try:
    with Threads(4) as pool:
        print(sum(pool.map(len, [b"x" * 9] * 20)))
except MemoryError as fault:
    print(fault)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space as Linux does")
@pytest.mark.parametrize("room_mb", [0, 4, 8, 9, 12, 16, 20, 30, 40, 60, 200])
def test_with_little_room_there_is_an_answer_or_a_refusal(room_mb: int) -> None:
    command = [sys.executable, "-c", LITTLE_ROOM, str(room_mb)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in {"180", "there is no room for another thread"}
    if room_mb in {0, 200}:
        assert done.stdout.startswith("there" if room_mb == 0 else "180")


def test_nothing_begins_after_a_fault() -> None:
    """As with the standard library's pool: what waits is let go."""
    for kind in (ThreadPoolExecutor, Threads):
        begun: list[int] = []

        def one(item: int, begun: list[int] = begun) -> int:
            begun.append(item)
            time.sleep(0.02)
            return 1 // item

        with kind(1) as pool, pytest.raises(ZeroDivisionError):
            list(pool.map(one, [0, *range(1, 40)]))
        assert len(begun) < 10


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM])
def test_a_reader_without_room_for_its_threads_does_not_call_the_file_damaged(number: int) -> None:
    with pytest.raises(MemoryError, match="no room"), reading(Path("town.osm.pbf")):
        raise RuntimeError(os.strerror(number))
