"""Kernels compiled beside a first run: the list fits the kernels, and the process ends with the run."""

import inspect
import subprocess
from contextlib import suppress

import pytest

from doorview.study import kernels_ahead as ahead


def test_every_kernel_of_the_list_takes_the_arguments_that_it_names():
    own = ahead.kernels_ahead(own=True)
    kernels = own + ahead.kernels_ahead()
    assert [kernel.__name__ for kernel, _ in own] == [ahead.OWN]
    assert len({(kernel, types) for kernel, types in kernels}) == len(kernels) > 20
    for kernel, types in kernels:
        plain = getattr(kernel, "py_func", kernel)
        assert plain.__module__.split(".")[2] == "kernels"
        inspect.signature(plain).bind(*types)


@pytest.fixture
def started(monkeypatch):
    """Return the processes that are started; each sleeps instead of compiling."""
    found = []
    begin = subprocess.Popen

    def sleeping(words, **more):
        found.append(begin([words[0], "-c", "import time; time.sleep(60)"], **more))
        return found[-1]

    monkeypatch.setattr(ahead.subprocess, "Popen", sleeping)
    monkeypatch.setattr(ahead.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(ahead, "_cold", lambda: True)
    monkeypatch.setattr(ahead, "kernels_ahead", lambda **_more: [])
    return found


def test_the_process_ends_with_the_run_however_that_ends(started):
    with ahead.compiling_ahead() as beside:
        assert beside
        assert started[0].poll() is None
    with suppress(KeyboardInterrupt), ahead.compiling_ahead(2):
        raise KeyboardInterrupt
    assert [process.returncode is not None for process in started] == [True, True]


def test_no_process_for_one_thread_one_processor_or_kernels_that_are_there(started, monkeypatch):
    with ahead.compiling_ahead(1) as beside:
        assert not beside
    monkeypatch.setattr(ahead.os, "cpu_count", lambda: 1)
    with ahead.compiling_ahead() as beside:
        assert not beside
    monkeypatch.setattr(ahead.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(ahead, "_cold", lambda: False)
    with ahead.compiling_ahead() as beside:
        assert not beside
    assert not started


def test_a_run_goes_on_where_no_process_can_be_started(started, monkeypatch):
    def none(*_given, **_more):
        raise OSError

    monkeypatch.setattr(ahead.subprocess, "Popen", none)
    with ahead.compiling_ahead() as beside:
        assert not beside
