"""Kernels of routes, on two edges in a row: run interpreted for honest coverage."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from doorview.overlays.kernels.route_sets import doors_of_routes, recorded_sets
from doorview.overlays.kernels.routes import (
    chances_along,
    longest_runs,
    misses_of_points,
    recorded_along,
    runs_of_lines,
    trace,
)

# Edge 0 from node 0 to 1, edge 1 from node 1 to 2; each 40 m in four steps, walked on one line both ways.
LINE_OF = np.array([0, 0, 1, 1])
FIRST = np.array([0, 4, 8])
STEP = np.array([10.0, 10.0])
# Door 0 sees points 1 and 6, door 1 sees point 6.
START = np.array([0, 0, 1, 1, 1, 1, 1, 3, 3])
DOORS = np.array([0, 0, 1])
LINE_START, LINE_DOORS = np.array([0, 1, 3]), np.array([0, 0, 1])
MISS = np.array([0.5, 0.75])
# There: from 15 m on; back: to 15 m; from 12 m to 18 m of edge 1, where no door sees.
FIRST_LEG = np.array([0, 2, 4, 5])
HALF = np.array([0, 2, 3, 1, 2])
BEGIN = np.array([15.0, 0.0, 40.0, 40.0, 12.0])
END = np.array([40.0, 40.0, 0.0, 15.0, 18.0])
FULL = np.array([False, True, True, False, False])
LEGS = (FIRST_LEG, HALF, BEGIN, END)
POINTS = (LINE_OF, FIRST, STEP, START, DOORS)


def test_a_path_is_traced_from_the_end_to_the_source():
    indptr, indices = np.array([0, 1, 3, 4]), np.array([1, 0, 2, 1])
    half = np.array([0, 1, 2, 3])
    # Node 3 is the source; it leads to node 0.
    before = np.array([[3, 0, 1, -9999]])
    last, row, first = np.array([2, 0, -1]), np.zeros(3, np.int64), np.zeros(4, np.int64)
    assert trace(before, last, row, 3, indptr, indices, half, first).tolist() == [0, 2]
    assert first.tolist() == [0, 2, 2, 2]


def test_a_path_longer_than_what_is_set_aside_for_it_is_traced_whole():
    # A street of 200 edges: half-edge 2 i runs from node i to node i + 1.
    nodes = 201
    indptr = np.concatenate([[0], np.cumsum([1, *[2] * (nodes - 2), 1])])
    pairs = sorted([(i, i + 1, 2 * i) for i in range(200)] + [(i + 1, i, 2 * i + 1) for i in range(200)])
    indices, half = np.array([pair[1] for pair in pairs]), np.array([pair[2] for pair in pairs])
    before = np.array([[nodes, *range(200), -9999]])
    first = np.zeros(3, np.int64)
    out = trace(before, np.array([200, 3]), np.zeros(2, np.int64), nodes, indptr, indices, half, first)
    assert out.tolist() == [*range(0, 400, 2), 0, 2, 4]
    assert first.tolist() == [0, 200, 203]


def test_a_door_counts_once_for_a_route():
    point_miss = np.empty(8)
    misses_of_points(START, DOORS, MISS, point_miss)
    assert point_miss.tolist() == [1, 0.5, 1, 1, 1, 1, 0.375, 1]
    line_seen = np.array([5.0, 6.25])
    out = np.zeros((3, 4))
    stamp = np.full(2, -1, np.int64)
    chances_along(*LEGS, FULL, *POINTS, point_miss, LINE_START, LINE_DOORS, line_seen, MISS, stamp, out)
    expected = [5 * 0.5 + 6.25, 2, 0.75, 0.375]
    assert out == pytest.approx(np.array([expected, expected, [0, 0, 0, 1]]))


def test_unseen_stretches_join_over_edges():
    # Replicate 0: nobody owns; 1: door 0; 2: door 1; 3: both.
    bits = np.array([[0b1010], [0b1100]], np.uint64)
    runs = np.empty((2, 3, 64), np.float32)
    runs_of_lines(np.array([0, 1]), FIRST, STEP, START, DOORS, bits, runs)
    assert runs[0, :, :4].T.tolist() == [[40, 40, 40], [10, 20, 20], [40, 40, 40], [10, 20, 20]]
    assert runs[1, :, :4].T.tolist() == [[40, 40, 40], [20, 10, 20], [20, 10, 20], [20, 10, 20]]
    out = np.zeros((3, 64), np.float32)
    longest_runs(*LEGS, FULL, *POINTS, LINE_START, bits, np.array([0, 1]), runs, np.zeros(5, bool), out)
    # Seen from 15 to 20 m and from 60 to 70 m, if door 0 owns; else all from 15 to 60 m is unseen.
    assert out[0, :4].tolist() == [65, 40, 45, 40]
    assert out[1, :4].tolist() == [65, 40, 45, 40]
    assert out[2, :4].tolist() == [6] * 4


def test_no_unseen_stretch_runs_over_the_gap_between_two_legs():
    bits = np.array([[0b1010], [0b1100]], np.uint64)
    runs = np.empty((2, 3, 64), np.float32)
    runs_of_lines(np.array([0, 1]), FIRST, STEP, START, DOORS, bits, runs)
    out = np.zeros((3, 64), np.float32)
    longest_runs(
        *LEGS, FULL, *POINTS, LINE_START, bits, np.array([0, 1]), runs, np.array([False, True, False, True, True]), out
    )
    # There: 15 to 40 m, then 40 to 80 m, apart. Nobody owns: 40 m. Door 0: 20 to 40 and 40 to 60 m.
    assert out[0, :4].tolist() == [40, 20, 25, 20]


def test_what_is_recorded_depends_on_the_direction():
    trigger_start = np.array([0, 0, 1, 1, 1, 1, 1, 1, 1])
    trigger = np.array([0])
    out = np.empty(3)
    legs = (FIRST_LEG, HALF, BEGIN, END)
    # Half a metre a second, without a pause.
    pace = (trigger_start, trigger, np.full(8, 20.0), np.zeros(5))
    recorded_along(*legs, *POINTS, *pace, 2000.0, MISS, np.zeros(2), out)
    # Door 0 is triggered in its first 5 m, and sees point 6 later; on the way back point 6 comes before the trigger.
    assert out == pytest.approx([0.5 * 5 + 0.5 * 10, 0.5 * 5, 0])
    recorded_along(*legs, *POINTS, *pace, 80.0, MISS, np.zeros(2), out)
    assert out == pytest.approx([0.5 * 5, 0.5 * 5, 0])


@pytest.mark.parametrize(
    ("pause", "clip", "metres"), [(0.0, 90.0, 10), (20.0, 90.0, 0), (20.0, 110.0, 10), (np.inf, 1e9, 0)]
)
def test_a_clip_goes_on_through_a_pause_unless_it_is_not_known_how_long(pause, clip, metres):
    trigger_start, trigger = np.array([0, 0, 1, 1, 1, 1, 1, 1, 1]), np.array([0])
    out = np.empty(3)
    pauses = np.array([np.inf, pause, np.inf, 0.0, np.inf])
    # From the trigger at 17.5 m to point 6 at 65 m are 47.5 m, 85.5 s, and the pause.
    seconds = np.full(8, 18.0)
    recorded_along(
        FIRST_LEG, HALF, BEGIN, END, *POINTS, trigger_start, trigger, seconds, pauses, clip, MISS, np.zeros(2), out
    )
    assert out[0] == pytest.approx(0.5 * 5 + 0.5 * metres)


def test_only_lines_walked_whole_are_laid_out():
    bits = np.array([[0b1010], [0b1100]], np.uint64)
    runs = np.empty((1, 3, 64), np.float32)
    runs_of_lines(np.array([1]), FIRST, STEP, START, DOORS, bits, runs)
    out = np.zeros((3, 64), np.float32)
    # Only edge 1 is walked whole by the first two routes.
    longest_runs(*LEGS, FULL, *POINTS, LINE_START, bits, np.array([-1, 0]), runs, np.zeros(5, bool), out)
    assert out[:2, :4].tolist() == [[65, 40, 45, 40]] * 2


def test_the_doors_of_a_route_stand_once_each():
    start = np.zeros(4, np.int64)
    arguments = (*LEGS, FULL, *POINTS, LINE_START, LINE_DOORS)
    doors_of_routes(*arguments, np.full(2, -1, np.int64), start, np.zeros(0, np.int64))
    assert start.tolist() == [0, 2, 4, 4]
    out = np.zeros(4, np.int64)
    doors_of_routes(*arguments, np.full(2, -1, np.int64), start, out)
    assert sorted(out[:2]) == [0, 1]
    assert sorted(out[2:]) == [0, 1]


def test_recorded_steps_hold_the_doors_that_record_them():
    trigger_start, trigger = np.array([0, 0, 1, 1, 1, 1, 1, 1, 1]), np.array([0])
    pace = (np.full(8, 20.0), np.zeros(5))
    for clip, expected in ((2000.0, [0.5 * 5 + 0.5 * 10, 0.5 * 5, 0]), (80.0, [0.5 * 5, 0.5 * 5, 0])):
        steps, count = np.zeros(4, np.int64), np.zeros(1, np.int64)
        arguments = (*LEGS, *POINTS, trigger_start, trigger, *pace, clip, np.zeros(2), steps)
        recorded_sets(*arguments, np.zeros(0), count, np.zeros(0, np.int64))
        long, doors = np.zeros(steps[-1]), np.zeros(count[0], np.int64)
        sets = np.zeros(len(long) + 1, np.int64)
        recorded_sets(*arguments, long, sets, doors)
        # By the product over each step's doors it is what `recorded_along` says.
        none = np.array([np.prod(MISS[doors[a:b]]) for a, b in pairwise(sets)])
        metres = [float((long[a:b] * (1 - none[a:b])).sum()) for a, b in pairwise(steps)]
        assert metres == pytest.approx(expected)
        assert long[: steps[1]].sum() == pytest.approx(65.0)
