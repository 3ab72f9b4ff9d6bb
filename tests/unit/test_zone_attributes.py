"""Attributes of zones: what is read, what is named, groups of alike homes, assumed gradients of ownership."""

import numpy as np
import pytest

from doorview.errors import InputError, StudyError
from doorview.overlays.zone_attributes import group_names, home_groups, zone_attribute
from doorview.ownership.gradient import rates_by_category, rates_by_gradient

IDS = ["a", "b", "c", "d", "e", "f"]


def test_plain_numbers_are_read_and_what_could_be_two_things_is_named():
    found = zone_attribute([56000, " 1e3 ", "1,234", "$56k", None, -666666666.0], IDS, "number", "income")
    assert found.numbers[:2].tolist() == [56000.0, 1000.0]
    assert found.known.tolist() == [True, True, False, False, False, False]
    assert found.unread == {"c": "1,234", "d": "$56k"}
    assert (found.empty, found.coded) == (("e",), ("f",))
    said = " ".join(found.notes())
    assert "c: '1,234'" in said
    assert "census code" in said


@pytest.mark.parametrize("text", ["1_000", "nan1", "inf", "１２"])
def test_what_python_reads_as_a_number_and_people_do_not_is_no_number(text):
    assert zone_attribute([1.0, text], ["a", "b"], "number", "x").unread == {"b": text}


def test_a_column_of_words_as_numbers_is_refused_with_the_mend():
    with pytest.raises(InputError, match='kind = "category"'):
        zone_attribute(["rented", "owned"], ["a", "b"], "number", "tenure")


def test_a_column_without_any_value_is_refused():
    with pytest.raises(InputError, match="no zone of 2 has a value"):
        zone_attribute([None, ""], ["a", "b"], "category", "tenure")


def test_many_numbers_as_categories_are_refused_with_the_mend():
    with pytest.raises(InputError, match=r'20 different values.*kind = "number"'):
        zone_attribute(list(range(20)), [str(n) for n in range(20)], "category", "income")


def test_a_few_codes_are_categories():
    found = zone_attribute([1.0, 2.0, 1.0, float("nan")], IDS[:4], "category", "class")
    assert found.categories.tolist() == ["1", "2", "1", None]


def test_fifths_hold_about_as_many_homes_each():
    rng = np.random.default_rng(3)
    values, homes = rng.normal(size=200), rng.integers(1, 60, 200)
    group, number = home_groups(values, homes)
    assert number == 5
    held = np.bincount(group, homes) / homes.sum()
    assert np.abs(held - 0.2).max() < 0.01 + 60 / homes.sum()
    order = np.argsort(values)
    assert (np.diff(group[order]) >= 0).all()


def test_zones_alike_stay_together_and_no_order_of_zones_matters():
    values, homes = np.array([1.0, 2, 2, 2, 3, 3, 4, 5, 6, 7]), np.full(10, 4)
    group, _ = home_groups(values, homes)
    assert len({*group[1:4].tolist()}) == 1
    turned, _ = home_groups(values[::-1], homes[::-1])
    assert turned[::-1].tolist() == group.tolist()


@pytest.mark.parametrize(("zones", "groups"), [(3, 0), (4, 2), (6, 3), (10, 5), (50, 5)])
def test_few_zones_make_few_groups(zones, groups):
    assert home_groups(np.arange(zones), np.full(zones, 7))[1] == groups


def test_a_constant_attribute_makes_no_groups():
    group, number = home_groups(np.ones(30), np.full(30, 7))
    assert (number, set(group.tolist())) == (0, {-1})


def test_group_names_say_their_ends():
    assert group_names(3) == ["1 of 3 (lowest)", "2 of 3", "3 of 3 (highest)"]


@pytest.mark.parametrize(("gradient", "rate"), [(0.1, 0.2), (-0.6, 0.4), (2.0, 0.3), (0.5, 0.9)])
def test_an_assumed_gradient_leaves_the_mean_rate_of_households(gradient, rate):
    rng = np.random.default_rng(5)
    attribute, homes = rng.normal(5e4, 2e4, 400), rng.integers(1, 9, 400)
    attribute[:20], homes[20:40] = np.nan, 0
    found = rates_by_gradient(attribute, homes, rate, gradient)
    assert (found.rates * homes).sum() / homes.sum() == pytest.approx(rate, abs=1e-12)
    assert found.rates.min() >= 0
    assert found.rates.max() <= 1
    assert found.unknown == homes[:20].sum()
    if gradient == 2.0:
        assert found.at_zero > 0
    if gradient == 0.5:
        assert found.at_one > 0


def test_an_assumed_gradient_is_a_part_of_the_rate_per_standard_deviation():
    # Values 1 and 3 with one household each: mean 2, standard deviation 1.
    found = rates_by_gradient([1.0, 3.0, np.nan], [1, 1, 1], 0.2, 0.1)
    assert found.rates == pytest.approx([0.18, 0.22, 0.20])
    assert (found.at_zero, found.at_one) == (0, 0)


def test_categories_own_as_many_times_as_likely_and_the_mean_stays():
    labels = np.array(["rent", "own", "own", None], dtype=object)
    found = rates_by_category(labels, [1, 1, 1, 1], 0.25, {"rent": 0.5})
    assert found.rates[0] / found.rates[1] == pytest.approx(0.5)
    assert found.rates.mean() == pytest.approx(0.25)


def test_a_gradient_that_cannot_reach_the_rate_is_refused():
    with pytest.raises((InputError, StudyError), match="only 50 % of households"):
        rates_by_category(np.array(["a", "b"], dtype=object), [1, 1], 0.8, {"a": 0.0})


def test_an_attribute_that_no_household_has_is_refused():
    with pytest.raises(InputError, match="no household has a value"):
        rates_by_gradient([np.nan], [1], 0.2, 0.1)
