"""Scenarios counted over a city in parts, by the same tables as over a whole one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.ownership.scenario import Scenario
from doorview.share.parts import CoverageParts
from doorview.share.rows import SetRows
from doorview.share.summary import (
    counts_of_bases,
    curve_by_size,
    curve_of_bases,
    curve_of_shares,
    shares_of_scenario,
)
from doorview.study.counting import KEYS, Views

__all__ = ["PartViews"]


@dataclass(frozen=True)
class PartViews(Views):
    """A coverage in parts with its printed rows and doors.

    `by_count` and `seeing` are what no scenario changes: `CoverageParts.base_counts` and `doors_seeing`. `coverage` has
    no set rows.
    """

    parts: CoverageParts = field(kw_only=True)
    by_count: Sequence[NDArray[np.int64]] = field(kw_only=True)
    seeing: Sequence[NDArray[np.int64]] = field(kw_only=True)

    @cached_property
    def rows(self) -> SetRows:
        """The printed rows, without set rows: those are read part by part."""
        return SetRows(self.parts.levels, self.coverage.door_ids, self.coverage.members, self.outputs, ())

    def shares(self, scenario: Scenario, zones: pd.DataFrame | None, seed: int) -> pd.DataFrame:
        """Return the shares of a scenario, without intervals."""
        means = self.parts.means(scenario, self.doors, seed, self.by_count)
        levels = self.parts.levels
        table = shares_of_scenario(levels, self.outputs, self.doors, scenario, means, self.seeing, zones)
        return table.sort_values(["scenario", *KEYS], ignore_index=True)

    def simulated(self, scenario: Scenario, seed: int, words: int) -> NDArray[np.float64]:
        """Return (levels, outputs, replicates) simulated shares."""
        owners = scenario.owners(self.doors.dwellings, self.doors.inside)
        return self.parts.simulated(owners.draw(self.doors.key, seed, words))

    def curve(self, rates: Sequence[float], shared_doors: str) -> pd.DataFrame:
        """Return the expected share for every rate, as `curve_table`."""
        if curve_by_size(self.doors, shared_doors):
            return curve_of_bases(self.parts.levels, self.outputs, self.by_count, rates)
        scenarios = [Scenario("curve", rate=rate, shared_doors=shared_doors) for rate in rates]
        found = self.parts.curve(scenarios, self.doors)
        return curve_of_shares(self.parts.levels, self.outputs, rates, found)

    def counts_table(self) -> pd.DataFrame:
        """Return amounts by number of doors, as `counts_table` of a coverage."""
        return counts_of_bases(self.parts.levels, self.outputs, self.by_count)
