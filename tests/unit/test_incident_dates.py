"""Dates: one reading or none; where there are two, the user is asked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from doorview.errors import InputError
from doorview.overlays.incident_dates import read_dates


def days(*texts: object, **more) -> list[str]:
    return [str(day) for day in read_dates(pd.Series(list(texts), dtype=object), where="f.csv", **more).days]


@pytest.mark.parametrize(
    "text",
    [
        "2019-05-26", "2019/05/26", "2019-5-26", "20190526", "2019-05-26T23:30:00.000", "2019-05-26 23:30",
        "2019-05-26T23:30:00Z", "2019-05-26T23:30:00-07:00", "26/05/2019", "05/26/2019", "05/26/2019 11:30:00 PM",
        "26.05.2019", "5-26-2019", "26 May 2019", "26-MAY-2019", "May 26, 2019", "Sept 9, 2019",
    ],
)  # fmt: skip
def test_forms_with_one_reading(text):
    assert days(text) == ["2019-09-09" if text.startswith("Sept") else "2019-05-26"]


def test_order_is_taken_from_the_dates_that_show_it():
    assert days("03/04/2019", "25/12/2019") == ["2019-04-03", "2019-12-25"]
    assert days("03/04/2019", "12/25/2019") == ["2019-03-04", "2019-12-25"]
    read = read_dates(pd.Series(["03/04/2019", "12/25/2019"]), where="f")
    assert read.notes == ["dates of the form 05/26/2019: month first, as 1 of 2 show"]


def test_an_order_that_nothing_shows_is_asked():
    with pytest.raises(InputError, match=r"f\.csv: no date shows .*row 1: '03/04/2019'.*date_order"):
        days("03/04/2019", "05/05/2019")
    with pytest.raises(InputError, match="date_order"):
        days("12/05/2019", "03/12/2019")  # a month has no more than 12, a day may have 12
    assert days("03/04/2019", order="day_first") == ["2019-04-03"]
    assert days("03/04/2019", order="month_first") == ["2019-03-04"]
    assert days("05/05/2019") == ["2019-05-05"]  # the same day either way


def test_orders_that_contradict_each_other_or_the_study_are_refused():
    with pytest.raises(InputError, match=r"only have the day first \(row 1.*only the month \(row 2"):
        days("25/12/2019", "12/25/2019")
    with pytest.raises(InputError, match=r"1 dates cannot be month first \(row 2: '25/12/2019'\)"):
        days("01/02/2019", "25/12/2019", order="month_first")


def test_several_forms_are_read_and_said():
    read = read_dates(pd.Series(["2019-05-26", "12/25/2019", "May 1, 2019"]), where="f")
    assert [str(day) for day in read.days] == ["2019-05-26", "2019-12-25", "2019-05-01"]
    assert read.notes[0] == "dates in several formats: 1 as 05/26/2019, 1 as 2019-05-26, 1 as May 26, 2019"


def test_nothing_said_and_days_that_do_not_exist_are_counted():
    read = read_dates(pd.Series(["", None, "N/A", "2019-02-30", "2019-02-28"]), where="f")
    assert np.isnat(read.days).tolist() == [True] * 4 + [False]
    assert read.counts == {"without a date": 3, "with a day that does not exist": 1}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("05/26/19", "two digits"),
        ("1558828800000", "since 1970"),
        ("43611", "day numbers"),
        ("last summer", "date_formats"),
        ("26 Mai 2019", "date_formats"),
    ],
)
def test_what_is_no_date_is_refused_by_name(text, why):
    with pytest.raises(InputError, match=f"row 2: '{text}'.*{why}"):
        days("2019-05-26", text)


def test_declared_formats():
    assert days("26/05/19", "2019-05-26", formats=["%d/%m/%y", "%Y-%m-%d"]) == ["2019-05-26"] * 2
    with pytest.raises(InputError, match="fit two of the formats"):
        days("03/04/2019", formats=["%d/%m/%Y", "%m/%d/%Y"])
    with pytest.raises(InputError, match="fit none of the formats"):
        days("x", formats=["%d/%m/%Y"])


def test_dates_that_are_dates_already_keep_the_day_as_written():
    zoned = pd.Series(pd.to_datetime(["2019-05-26 23:30", None])).dt.tz_localize("America/Los_Angeles")
    read = read_dates(zoned, where="f")
    assert str(read.days[0]) == "2019-05-26"
    assert read.counts == {"without a date": 1}
