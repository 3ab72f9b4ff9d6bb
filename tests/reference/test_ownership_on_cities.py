"""On three real cities: simulated means and variances are the exact ones, within their Monte Carlo error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import doorview as dv
from doorview.city.model import City
from doorview.ownership.scenario import Scenario, draw_owners
from doorview.share.rows import set_rows
from doorview.share.simulate import simulated_shares
from doorview.share.summary import shares_table
from doorview.share.variance import share_variance, share_variance_exactly

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PLACES = {
    "randallstown": "baltimore_county_md/clip_randallstown_small_sorted.osm.pbf",
    "greenwich_village": "nyc_greenwich_village/nyc_sorted.osm.pbf",
    "baltimore": "baltimore_city_md/baltimore_sorted.osm.pbf",
}
WORDS = 32
MOST_ERRORS = 5.0
"""Of some 300 figures that are not independent, one lies beyond this by chance once in some 6,000 runs."""


@pytest.mark.parametrize("place", PLACES)
def test_simulation_agrees_with_exact_means_and_variances(place):
    file = DATA / PLACES[place]
    if not file.is_file():
        pytest.skip(f"no real cities beside the project: {PLACES[place]}")
    result = dv.estimate(City.from_extract(file), rates=[0.2], range_curve=False)
    coverage, outputs, doors = result.tables.coverage, result.tables.outputs, result.ready.door_table
    rows = set_rows(coverage, outputs)
    number = int(doors.inside.sum()) // 5
    keys = ["level", "zoning", "zone", "space", "measure"]
    for scenario in (Scenario("r", rate=0.2), Scenario("n", process="exactly", number=number)):
        shares = simulated_shares(
            rows, draw_owners(scenario, doors.key, doors.dwellings, doors.inside, 17, WORDS)
        ).reshape(-1, 64 * WORDS)
        exact = shares_table(coverage, outputs, doors, [scenario], replicates=0).set_index(keys)["share_mean"]
        if scenario.process == "exactly":
            variance = share_variance_exactly(rows, doors.inside, number)
        else:
            variance = share_variance(rows, np.full(len(doors.key), 0.2))
        wanted = variance.set_index(keys)["share_variance"]
        means = exact.loc[wanted.index].to_numpy()
        # The exact variance gives the error of the mean; chances are rounded to 2^-40.
        error = np.sqrt(wanted.to_numpy() / shares.shape[1])
        assert (np.abs(shares.mean(axis=1) - means) <= MOST_ERRORS * error + 1e-11).all()
        squares = (shares - means[:, None]) ** 2
        spread = squares.std(axis=1) / np.sqrt(shares.shape[1])
        seen = (shares > 0).mean(axis=1) > 0.05  # what is hardly ever in view has no error that could be estimated
        assert seen.sum() > 10
        assert (np.abs(squares.mean(axis=1) - wanted.to_numpy()) <= MOST_ERRORS * spread + 1e-15)[seen].all()
