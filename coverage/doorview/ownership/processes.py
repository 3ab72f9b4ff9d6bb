"""Processes of ownership: small pure functions from plain figures to layers of owners, each with its source.

Today's owners: `independent`, `exactly`, `by_street`, `by_distance`, and chances that follow an attribute
(`rates_by_odds`, `rates_by_weight`). Cameras given away: `raffle`, `by_area`, `first_areas`, `means_tested`, which say
who is eligible and how many each stratum gets. Taken away: `Owners.thinned`. A shorter trigger range and privacy zones
change what a camera sees, not who owns it: they belong to sight.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from doorview.errors import InputError
from doorview.ownership.checks import Faults
from doorview.ownership.expected import door_probabilities
from doorview.ownership.field import correlation_of_beta, correlation_of_field, neighbour_distance_m
from doorview.ownership.kernels.draws import uniforms
from doorview.ownership.layers import BetaBinomial, Exactly, Field, Independent, stream_keys
from doorview.ownership.union import Owners

__all__ = [
    "SOURCES",
    "Drawing",
    "by_area",
    "by_distance",
    "by_street",
    "exactly",
    "first_areas",
    "independent",
    "means_tested",
    "raffle",
    "rates_by_odds",
    "rates_by_weight",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

APP_STREAM = 1 << 20
"""Stream of who uses the app: far from those of layers."""
NEAREST_M, FARTHEST_M = 100.0, 500.0

SOURCES: dict[str, str] = {
    "independent": "an assumption [D]: no household's choice depends on another's",
    "exactly": "an assumption [D]: every eligible door is drawn as likely as every other",
    "by_street": (
        "an analogy [D], no study is about doorbells: a neighbour's solar panels that cannot be seen act within 100 m "
        "on the same street only, https://in.bgu.ac.il/en/dmep/Pages/"
        "Visibility-and-Peer-Influence-in-Durable-Good-Adoption.aspx [C]; the beta-binomial is Griffiths 1973, "
        "doi 10.2307/2529131 [M]"
    ),
    "by_distance": (
        "an analogy [D], no study is about doorbells: peer effects of solar panels lie mostly within 200 m (Rode 2016, "
        "https://econbiz.de/Record/spatio-temporal-variation-in-peer-effects-the-case-of-rooftop-photovoltaic-systems-"
        "in-germany-rode-johannes/10011790065 [C]), visible ones reach at least 500 m, "
        "https://in.bgu.ac.il/en/dmep/Pages/Visibility-and-Peer-Influence-in-Durable-Good-Adoption.aspx [C]"
    ),
    "rates_by_odds": "a free parameter [NF]: no source gives ownership of doorbells by income or race",
    "rates_by_weight": "a free parameter [NF]: no source gives ownership of doorbells by income or race",
    "raffle": (
        "Gwinnett County GA: 80 doorbells, one raffled per COPS neighbourhood, entered by downloading the app [C], "
        "https://gwinnettcitizen.com/local-news/4696-gwinnett-police-joins-neighborhood-watch-company-to-fight-crime"
    ),
    "by_area": (
        "Akron OH 2023: 460 free doorbells for 6,792 eligible households in four ZIP codes [C], "
        "https://undark.org/2023/12/04/video-doorbells-crime/"
    ),
    "first_areas": (
        "Columbus OH: 700 free doorbells in ten high-crime ZIP codes, with an income test [C], "
        "https://ru24.net/english/392621708"
    ),
    "means_tested": (
        "Columbus OH: 700 free doorbells in ten high-crime ZIP codes, with an income test [C], "
        "https://ru24.net/english/392621708"
    ),
    "matching": (
        "Arcadia CA: 500 subsidies, city 50 and Ring 50 dollars per household, November 2017 to August 2018 [C], "
        "https://laserfiche.arcadiaca.gov/WebLink/DocView.aspx?dbid=0&id=777481&repo=CityofArcadia"
    ),
}
"""Where each process comes from, with its mark."""


# --- who owns one today --------------------------------------------------------------------------------------------


def independent(p: ArrayLike) -> Owners:
    """Return owners by their own chances (doors,), e.g. those of `door_probabilities`."""
    return Owners((Independent(np.asarray(p, dtype=np.float64)),))


def exactly(number: int, inside: NDArray[np.bool_]) -> Owners:
    """Return exactly `number` owners among the doors inside (doors,); those outside own independently at their rate.

    The owners of a replicate are those of `doorview.ownership.scenario.draw_owners`.
    """
    stratum = np.where(inside, 0, -1)
    layer = Exactly(stratum, np.array([number]))
    rate = layer.numbers[0] / max(int(inside.sum()), 1)
    # One stream for both: they share no door.
    return Owners((Independent(np.where(inside, 0.0, rate)), layer), (0, 0))


def by_street(
    p: ArrayLike, segment: Ints, *, strength: float | None = None, correlation: float | None = None
) -> Owners:
    """Return owners that cluster by street segment, both sides together: beta-binomial.

    Parameters
    ----------
    p
        Chance of every door (doors,) or one number.
    segment
        Stable id of the segment that each door faces (doors,), -1 for none.
    strength
        How many times as likely a household is to own a camera as others are, if one on its segment does, at the mean
        chance. Or give:
    correlation
        The intraclass correlation in [0, 1).

    """
    r = _one_of(strength, correlation, lambda x: correlation_of_beta(x, _mean(p)))
    return Owners((BetaBinomial(_floats(p), segment, r),))


def by_distance(
    p: ArrayLike,
    xy: Floats,
    distance_m: float,
    *,
    strength: float | None = None,
    correlation: float | None = None,
    neighbour_m: float | None = None,
) -> Owners:
    """Return owners that are alike over a distance of 100 to 500 m: a clipped Gaussian field.

    Parameters
    ----------
    p
        Chance of every door (doors,) or one number.
    xy
        Doors (doors, 2) in a projected CRS [m].
    distance_m
        How far neighbours are alike [m].
    strength
        How many times as likely a household is to own a camera as others are, if its next-door neighbour does, at the
        mean chance. Or give:
    correlation
        What part of a household's leaning is shared, in [0, 1).
    neighbour_m
        How far next door is [m]; None is the median distance to the nearest door elsewhere.

    """
    faults = Faults("owners by distance")
    length = faults.amount("distance_m", distance_m)
    if not NEAREST_M <= length <= FARTHEST_M:
        faults.add(
            f"distance_m is {length:g}: studies of neighbours' influence speak of {NEAREST_M:g} to {FARTHEST_M:g} m."
        )
    faults.refuse()

    def solved(x: float) -> float:
        near = neighbour_distance_m(xy) if neighbour_m is None else neighbour_m
        return correlation_of_field(x, _mean(p), near, length)

    return Owners((Field(_floats(p), xy, length, _one_of(strength, correlation, solved)),))


def _one_of(strength: float | None, correlation: float | None, solve: Callable[[float], float]) -> float:
    """Return the correlation, given or solved from the strength."""
    if strength is not None and correlation is None:
        return solve(strength)
    if strength is None and correlation is not None:
        return correlation
    raise InputError("clustered owners need a strength or a correlation, one of the two, e.g. strength=1.5.")


def _floats(p: ArrayLike) -> Floats:
    return np.asarray(p, dtype=np.float64)


def _mean(p: ArrayLike) -> float:
    return float(np.mean(_floats(p)))


# --- chances that follow an attribute ------------------------------------------------------------------------------


def _attribute(faults: Faults, values: ArrayLike, doors: int) -> Floats:
    """Return an attribute (doors,) without gaps; note what is wrong."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        faults.add("the attribute holds what is no number.")
        return np.zeros(doors)
    if array.shape != (doors,):
        faults.add(f"the attribute holds {array.size:,} values for {doors:,} doors: give one for each.")
        return np.zeros(doors)
    gaps = ~np.isfinite(array)
    if gaps.any():
        faults.add(f"the attribute has gaps at {gaps.sum():,} of {doors:,} doors: fill them, or leave these doors out.")
    return np.where(gaps, 0.0, array)


def rates_by_odds(attribute: ArrayLike, dwellings: Ints, rate: float, odds_ratio: float) -> Floats:
    """Return each door's household rate (doors,): logit(rate_j) = a + ln(odds ratio) z_j, with the stated mean.

    z is the attribute of the door's zone in standard deviations over households; a is solved so that
    sum of dwellings * rate_j / households = `rate`.

    Parameters
    ----------
    attribute
        Of every door's zone (doors,), e.g. median income.
    dwellings
        Homes behind each door (doors,).
    rate
        Owning households / households over all doors.
    odds_ratio
        Odds of owning at one standard deviation more / odds before. 1 is no influence; no source gives one.

    Raises
    ------
    InputError, StudyError
        For gaps, rates and ratios that are none: all at once.

    """
    faults = Faults("rates by an attribute")
    values = _attribute(faults, attribute, len(dwellings))
    mean_rate = faults.chance("the rate", rate)
    ratio = faults.amount("the odds ratio", odds_ratio, above=True)
    faults.refuse()
    if not len(dwellings) or mean_rate in {0.0, 1.0}:
        return np.full(len(dwellings), mean_rate)
    weight = dwellings / dwellings.sum()
    centred = values - weight @ values
    spread = math.sqrt(float(weight @ centred**2))
    lean = math.log(ratio) * (centred / spread if spread > 0.0 else centred)
    odds = math.log(mean_rate / (1.0 - mean_rate))

    def rates(a: float) -> Floats:
        return np.asarray(1.0 / (1.0 + np.exp(-(a + lean))))

    reach = float(np.abs(lean).max())
    root = optimize.brentq(
        lambda a: float(weight @ rates(a)) - mean_rate, odds - reach - 1, odds + reach + 1, xtol=1e-14
    )
    return rates(float(root))


def rates_by_weight(weight: ArrayLike, dwellings: Ints, rate: float) -> Floats:
    """Return each door's household rate (doors,) = min(1, c weight), c solved so that the mean household's is `rate`.

    Raises
    ------
    InputError, StudyError
        For gaps and negative weights, and where doors of some weight are too few to reach the rate.

    """
    faults = Faults("rates by a weight")
    values = _attribute(faults, weight, len(dwellings))
    mean_rate = faults.chance("the rate", rate)
    if (values < 0.0).any():
        faults.add(f"the weight is below 0 at {(values < 0.0).sum():,} doors.")
    homes = max(int(dwellings.sum()), 1)
    reached = float(dwellings[values > 0.0].sum()) / homes
    if reached < mean_rate:
        faults.add(
            f"only {100 * reached:.3g} % of households have a weight above 0: they cannot be {100 * mean_rate:.3g} %."
        )
    faults.refuse()
    if mean_rate == 0.0 or not len(dwellings):
        return np.zeros(len(dwellings))
    # The mean rises with c by straight pieces, which bend where a door reaches 1: find the piece, then solve it.
    order = np.argsort(-values, kind="stable")
    w, d = values[order], dwellings[order].astype(np.float64)
    full = np.concatenate([[0.0], np.cumsum(d)[:-1]])
    rest = np.cumsum((w * d)[::-1])[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        c = (mean_rate * homes - full) / rest
        fits = np.isfinite(c) & (c * w <= 1.0 + 1e-12)
    rates: Floats = np.minimum(1.0, c[fits][0] * values)
    return rates


# --- given away ----------------------------------------------------------------------------------------------------


class Drawing(NamedTuple):
    """Who is drawn for a camera: stratum (doors,), -1 not eligible, and how many each stratum gets (strata,)."""

    stratum: Ints
    numbers: Ints


def by_area(number: int, area: Ints, areas: ArrayLike) -> Drawing:
    """Return `number` cameras for doors whose area (doors,) is one of `areas`, e.g. ZIP codes, drawn by lot."""
    faults = Faults("cameras for an area")
    wanted = np.atleast_1d(np.asarray(areas))
    missing = wanted[~np.isin(wanted, area)]
    if len(missing):
        faults.add(f"no door lies in area {', '.join(str(item) for item in missing[:5])}.")
    count = faults.count("the number of cameras", number)
    faults.refuse()
    return Drawing(np.where(np.isin(area, wanted), 0, -1).astype(np.int64), np.array([count], np.int64))


def first_areas(number: int, rank: Ints) -> Drawing:
    """Return `number` cameras given to the first areas until every door there has one, then to the next.

    `rank` (doors,) is each door's place in the queue: 0 the hot-spot area, 1 the next, and so on; -1 gets none. Within
    the area where they run out they are drawn by lot.

    Raises
    ------
    InputError
        If there are more cameras than doors in the queue.

    """
    faults = Faults("cameras for hot spots first")
    count = faults.count("the number of cameras", number)
    rank = np.asarray(rank)
    ranks, stratum = np.unique(rank[rank >= 0], return_inverse=True)
    sizes = np.bincount(stratum, minlength=len(ranks))
    if count > sizes.sum():
        faults.add(f"{count:,} cameras, but only {sizes.sum():,} doors are eligible, and none gets two.")
    faults.refuse()
    before = np.concatenate([[0], np.cumsum(sizes)[:-1]]) if len(ranks) else np.zeros(0, np.int64)
    number_of = np.full(len(rank), -1, np.int64)
    number_of[rank >= 0] = stratum
    return Drawing(number_of, np.clip(count - before, 0, sizes).astype(np.int64))


def means_tested(number: int, attribute: ArrayLike, at_most: float, among: NDArray[np.bool_] | None = None) -> Drawing:
    """Return `number` cameras for doors whose attribute (doors,), e.g. income, is at most a bound.

    `among` (doors,) narrows them, e.g. to some ZIP codes.
    """
    faults = Faults("means-tested cameras")
    doors = np.size(np.asarray(attribute, dtype=object))
    values = _attribute(faults, attribute, doors)
    bound = faults.amount("the bound", at_most, least=-math.inf)
    count = faults.count("the number of cameras", number)
    faults.refuse()
    eligible = (values <= bound) & (True if among is None else among)
    return Drawing(np.where(eligible, 0, -1).astype(np.int64), np.array([count], np.int64))


def raffle(
    numbers: ArrayLike,
    keys: NDArray[np.uint64],
    app_share: ArrayLike,
    *,
    dwellings: Ints | None = None,
    shared_doors: str = "one",
    area: Ints | None = None,
    seed: int = 0,
) -> Drawing:
    """Return cameras raffled among the users of an app, in all or so many in each area.

    Who uses the app is drawn once, by the hash of seed and door, and stays so in every replicate; the raffle is drawn
    in each. So users are nested across app shares.

    Parameters
    ----------
    numbers
        Cameras in all, or of each area 0, 1, ...
    keys
        Door keys (doors,).
    app_share
        Households that use the app / households, one number or (doors,): a free parameter, no source gives it.
    dwellings, shared_doors
        Homes behind each door, and the rule by which a shared door is a user.
    area
        Area of each door (doors,), -1 for none; None is one area.
    seed
        Seed of who uses the app.

    """
    faults = Faults("a raffle among app users")
    share = faults.chances("the app's share", app_share, len(keys))
    good = faults.seed(seed)
    count = [
        faults.count("the number of cameras", n) for n in np.atleast_1d(np.asarray(numbers, dtype=object)).tolist()
    ]
    faults.refuse()
    homes = np.ones(len(keys), np.int64) if dwellings is None else dwellings
    p = door_probabilities(homes, share, shared_doors)
    uses = uniforms(stream_keys(keys, APP_STREAM), np.uint64(good), 0) < p
    where = np.zeros(len(keys), np.int64) if area is None else np.asarray(area, dtype=np.int64)
    return Drawing(np.where(uses, where, -1), np.array(count, np.int64))
