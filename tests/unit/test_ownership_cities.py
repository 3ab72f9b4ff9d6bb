"""Every process on real cities: the simulated mean share is the exact one within its error."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import doorview as dv
from doorview.city.chances import keys_of
from doorview.ownership import processes
from doorview.ownership.expected import ONE
from doorview.ownership.programmes import Programme
from doorview.ownership.union import Owners, mean_given_shared, mean_of_draws

CITIES = {
    "Randallstown": ("baltimore_county_md", "clip_randallstown_small_sorted.osm.pbf"),
    "Greenwich Village": ("nyc_greenwich_village", "nyc_sorted.osm.pbf"),
    "Baltimore rowhouses": ("baltimore_city_md", "baltimore_sorted.osm.pbf"),
}


class Seen(NamedTuple):
    """What doors of a city see at a level: sets, and the ground that each set sees."""

    keys: np.ndarray
    xy: np.ndarray
    street: np.ndarray
    inside: np.ndarray
    start: np.ndarray
    doors: np.ndarray
    amount: np.ndarray


@pytest.fixture(scope="module", params=CITIES)
def seen(request: pytest.FixtureRequest, shared_data: Path) -> Seen:
    city = dv.City.from_extract(shared_data.joinpath(*CITIES[request.param]))
    found = dv.estimate(city, levels=["observe"], rates=[0.2])
    coverage, ready = found.tables.coverage, found.ready
    amount = np.bincount(coverage.rows["set"], coverage.rows["amount"], len(coverage.members.start) - 1)
    doors = ready.doors.reindex(coverage.door_ids)
    names = keys_of([f"{street}" for street in doors["street"]])
    return Seen(
        ready.door_table.key,
        ready.scene.door_xy,
        np.where(doors["street"].isna(), -1, (names >> np.uint64(1)).astype(np.int64)),
        ready.door_table.inside,
        coverage.members.start,
        coverage.members.doors,
        amount,
    )


def owners_of(seen: Seen) -> dict[str, Owners]:
    doors = len(seen.keys)
    today = processes.independent(np.full(doors, 0.2))
    west = np.where(seen.xy[:, 0] < np.median(seen.xy[:, 0]), 0, 1)
    gift = Programme("gift", processes.first_areas(doors // 3, west), take_up=0.8)
    return {
        "independent": today,
        "exactly": processes.exactly(int(seen.inside.sum()) // 5, seen.inside),
        "by_street": processes.by_street(np.full(doors, 0.2), seen.street, strength=1.5),
        "weighted": processes.independent(processes.rates_by_odds(seen.xy[:, 1], np.ones(doors, np.int64), 0.2, 1.5)),
        "given away": today.joined_by(gift.added()),
        "lapsed": today.joined_by(gift.added()).thinned(0.7),
        "by_distance": processes.by_distance(np.full(doors, 0.2), seen.xy, 150.0, strength=1.5),
    }


def test_the_simulated_mean_is_the_exact_one(seen: Seen) -> None:
    """7 processes by 3 counts: beyond 4.5 errors once in 7,000 runs."""
    shares = {}
    for name, owners in owners_of(seen).items():
        sets = (seen.keys, seen.start, seen.doors)
        drawn = mean_of_draws(owners, *sets, words=8, amount=seen.amount, seed=1)
        exactly = owners.at_least(seen.start, seen.doors)
        if exactly is None:
            given = mean_given_shared(owners, *sets, replicates=512, amount=seen.amount, seed=2)
            expected, error = given.mean, np.hypot(drawn.error, given.error)
        else:
            expected, error = exactly / ONE @ seen.amount / seen.amount.sum(), drawn.error
        assert (np.abs(drawn.mean - expected) <= 4.5 * error).all(), name
        assert (drawn.error < 0.02).all(), name
        shares[name] = expected[0]
    # At the same mean rate clustered owners see less; what is given adds, what lapses takes away.
    assert shares["by_street"] < shares["independent"]
    assert shares["by_distance"] < shares["independent"] + 0.01
    assert shares["given away"] > shares["independent"]
    assert shares["lapsed"] < shares["given away"]
