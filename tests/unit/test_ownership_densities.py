"""Densities as people state them: by hand, by bisection, and all faults at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from doorview.errors import InputError, StudyError, UnknownNameError
from doorview.ownership.densities import (
    KINDS,
    PRESETS,
    CitySize,
    Density,
    density_table,
    household_rate,
    preset,
    zone_rates,
)

# 10 doors, 6 of one home, 3 of two, one of eight: 20 homes; 0.5 km of street on 0.04 km2.
SIZE = CitySize(np.array([1] * 6 + [2] * 3 + [8]), 0.5, 0.04)


def test_published_rates_carry_year_base_source_and_mark() -> None:
    assert [(item.rate, item.year) for item in PRESETS.values()] == [
        (0.04, "2017"),
        (0.20, "2023"),
        (0.27, "known by 2026"),
    ]
    for item in PRESETS.values():
        assert "internet households" in item.base
        assert item.source.startswith("Parks Associates")
        assert item.mark == "C"
    assert preset("us_2023").of_all == pytest.approx(0.184)
    assert preset("us_2026").of_all == pytest.approx(0.25, abs=0.002)  # facts.md: 25 % of all households
    assert preset("us_2017").of_all is None


def test_an_unknown_preset_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'us_2023'"):
        preset("us2023")
    with pytest.raises(UnknownNameError, match="us_2023"):
        household_rate(Density("us2023"), SIZE)


@pytest.mark.parametrize(
    ("density", "rule", "rate"),
    [
        (Density("share_of_households", 0.3), "any", 0.3),
        (Density("us_2023"), "one", 0.2),
        (Density("number", 3), "one", 0.3),
        (Density("number", 3), "none", 0.5),
        (Density("per_street_km", 6), "one", 0.3),
        (Density("per_km2", 75), "one", 0.3),
        (Density("number", 0), "any", 0.0),
        (Density("number", 10), "any", 1.0),
    ],
)
def test_a_density_is_a_household_rate(density: Density, rule: str, rate: float) -> None:
    assert household_rate(density, SIZE, rule) == pytest.approx(rate, abs=1e-12)


def test_by_the_rule_any_the_rate_is_found_by_bisection() -> None:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        cameras = 6 * middle + 3 * (1 - (1 - middle) ** 2) + (1 - (1 - middle) ** 8)
        low, high = (middle, high) if cameras < 4.0 else (low, middle)
    assert household_rate(Density("number", 4.0), SIZE, "any") == pytest.approx(low, abs=1e-12)


def test_the_table_prints_every_density_as_every_other() -> None:
    table = density_table({"mine": Density("share_of_households", 0.5), "today": Density("us_2023")}, SIZE, "any")
    cameras = 6 * 0.5 + 3 * 0.75 + (1 - 0.5**8)
    first, second = table.iloc[0], table.iloc[1]
    assert first["number"] == pytest.approx(cameras)
    assert first["rate_per_door"] == pytest.approx(cameras / 10)
    assert first["rate_per_household"] == 0.5
    assert first["per_street_km"] == pytest.approx(cameras / 0.5)
    assert first["per_km2"] == pytest.approx(cameras / 0.04)
    assert first["source"] == "the study's own figure"
    assert (second["year"], second["mark"]) == ("2023", "C")
    one = density_table({"mine": Density("share_of_households", 0.5)}, SIZE, "one").iloc[0]
    assert (one["rate_per_door"], one["rate_per_household"]) == (0.5, 0.25)  # 5 owners among 20 homes
    none = density_table({"mine": Density("share_of_households", 0.5)}, SIZE, "none").iloc[0]
    assert (none["rate_per_door"], none["rate_per_household"]) == (0.3, 0.15)


@pytest.mark.parametrize("rule", ["one", "any", "none"])
def test_there_and_back(rule: str) -> None:
    row = density_table({"mine": Density("share_of_households", 0.37)}, SIZE, rule).iloc[0]
    for kind in KINDS:
        assert household_rate(Density(kind, float(row[kind])), SIZE, rule) == pytest.approx(0.37, abs=1e-9)


def test_all_faults_of_a_table_are_told_at_once() -> None:
    wrong = {
        "a": Density("share_of_households", 1.2),
        "b": Density("number", 11),
        "c": Density("per_km2", -1),
        "d": Density("per_mile", 3),
        "e": Density("number", float("nan")),
        "f": Density("us_1999"),
        "g": Density("share_of_households"),
    }
    with pytest.raises(StudyError) as caught:
        density_table(wrong, SIZE)
    assert len(caught.value.faults) == 7
    with pytest.raises(InputError, match=r"7\.0 cameras"):
        household_rate(Density("number", 7), SIZE, "none")
    with pytest.raises(UnknownNameError, match="rule"):
        household_rate(Density("number", 7), SIZE, "all")


ZONES = pd.DataFrame({"rate": [0.1, 0.4, np.nan, 0.3], "share": ["a", "0.2", None, 3]}, index=["N", "E", "S", "W"])


def test_rates_by_zone() -> None:
    found = zone_rates(ZONES, "rate", np.array([1, 0, 3, -1, 1]), elsewhere=0.05)
    assert found.tolist() == [0.4, 0.1, 0.3, 0.05, 0.4]


def test_a_zone_column_that_is_missing_or_has_gaps() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'rate'"):
        zone_rates(ZONES, "rates", np.array([0, 1]))
    with pytest.raises(InputError, match=r"1 of the 2 zones.*first: S"):
        zone_rates(ZONES, "rate", np.array([0, 2]))
    with pytest.raises(StudyError) as caught:
        zone_rates(ZONES, "share", np.array([0, 1, 2, 3, -1]))
    assert len(caught.value.faults) == 3  # no number in N and S, 3 is no share, a door in no zone
    assert zone_rates(ZONES, "rate", np.array([0, 1])).tolist() == [0.1, 0.4]  # S holds no door
