"""Golden runs on real places, and what those places must look like whatever the code says.

The golden figures (`figures.json`, made by `benchmarks/golden.py`) catch what changes unnoticed; that they are
plausible at all is held against what is known from elsewhere: the counts of the extracts, the widths in street codes,
and the geometry of a lot.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import golden

LONG = {"liechtenstein"}
PLACES = [pytest.param(name, marks=pytest.mark.long if name in LONG else ()) for name in golden.PLACES]


@pytest.fixture
def found(request: pytest.FixtureRequest, shared_data: Path) -> golden.Figures:
    """Figures of the place that the test names."""
    return golden.figures(request.param)


def of_places(*names: str):
    """Run a test on the figures of each place."""
    return pytest.mark.parametrize("found", names, indirect=True)


@pytest.mark.parametrize("place", PLACES)
def test_figures_are_the_golden_ones(shared_data, place):
    lines = golden.differences(place, golden.read_golden()[place], golden.figures(place))
    assert not lines, "\n".join(["mend it, or see benchmarks/golden.py:", *lines])


def test_a_difference_is_shown():
    """Nothing else would notice if the comparison compared nothing."""
    old = {
        "count: doors": 100,
        "count: doors that count": 100,
        "share: detect at 20 %": 0.5,
        "amount: park area_m2": 1e4,
    }
    assert golden.differences("p", old, dict(old)) == []
    for name, step in (("count: doors", 1), ("share: detect at 20 %", 0.016), ("amount: park area_m2", 2.5)):
        near, far = {**old, name: old[name] + 0.4 * step}, {**old, name: old[name] + step}
        assert name.startswith("count") or golden.differences("p", old, near) == []
        (line,) = golden.differences("p", old, far)
        assert name in line
    assert golden.differences("p", old, {k: v for k, v in old.items() if k != "count: doors"})
    assert golden.differences("p", old, {**old, "amount: yard area_m2": 1.0})


@of_places("randallstown_2km")
def test_a_suburb_has_a_door_per_house(found):
    """1,597 of its 2,102 buildings have a house number; those without are houses too, or sheds and garages."""
    assert 1597 <= found["count: doors"] <= 1.15 * 1597
    assert found["count: doors"] <= found["count: dwellings"] <= 1.3 * found["count: doors"]


@of_places("randallstown_2km")
def test_a_suburb_has_streets_of_american_width(found):
    """26 to 36 ft of pavement in 50 to 60 ft of right of way on local streets, in codes; most of its streets are local.

    Right of way: pavement, sidewalks, verges. Where streets meet they share ground, so a little less is granted.
    """
    length = found["amount: centreline length_m"]
    assert 7.9 <= found["amount: carriageway area_m2"] / length <= 11.0
    assert 0.95 * 15.2 <= found["amount: streets area_m2"] / length <= 18.3
    assert found["amount: sidewalk_line length_m"] == pytest.approx(2 * length, rel=0.1)


@of_places("randallstown_2km")
def test_a_suburb_is_in_view_to_detect_and_hardly_to_recognise(found):
    """A doorbell stands 15 to 20 m from the middle of the street (setback, and half the right of way).

    At 28.4 m it then sees 40 to 48 m of the centreline, and with houses 20 to 25 m apart on both sides a spot there is
    seen by 3.2 to 4.8 doors. Junctions, curves and the far side of verges have fewer, so the headline lies below. A
    level that ends at 5.7 m does not reach beyond the front yard.
    """
    at_20 = 1 - (1 - 0.2) ** 4.8
    assert 0.5 * at_20 <= found["share: detect at 20 %"] <= at_20
    assert found["share: detect at 100 %"] >= 0.85
    assert found["share: recognise at 100 %"] <= 0.005
    assert found["share: detect at 20 %"] >= 100 * found["share: recognise at 20 %"]


@of_places("greenwich_village")
def test_row_houses_differ_wholly(found, shared_data):
    """Doors on the sidewalk: recognise reaches 5.7 m into a street of some 18 m from either side where homes are."""
    suburb = golden.figures("randallstown_2km")
    assert found["share: recognise at 100 %"] >= 20 * suburb["share: recognise at 100 %"]
    assert 0.1 <= found["share: recognise at 100 %"] <= 2 * 5.7 / 18
    assert found["count: dwellings"] >= 5 * found["count: doors"]


@of_places("randallstown_2km", "greenwich_village", "monaco")
def test_shares_obey_what_holds_everywhere(found):
    """More owners see more, but never more than in proportion; a longer range sees more; classes add up."""
    for level in golden.LEVELS:
        low, mid, full = (found[f"share: {level} at {100 * rate:g} %"] for rate in golden.RATES)
        assert 0.0 <= low <= mid <= full <= 1.0
        assert mid <= 4 * low + 1e-9
        assert full <= 5 * mid + 1e-9
    for rate in golden.RATES:
        by_range = [found[f"share: {level} at {100 * rate:g} %"] for level in ("recognise", "observe", "detect")]
        assert by_range == sorted(by_range)
    streets = sum(found.get(f"amount: {name} area_m2", 0.0) for name in ("carriageway", "alley", "sidewalk", "verge"))
    assert math.isclose(streets, found["amount: streets area_m2"])
    assert found["amount: streets_near_homes area_m2"] <= streets <= found["amount: all area_m2"]
