"""Exact chances that a spot is in view, for ownership with a closed form.

A spot seen by k doors that own a camera independently with probability p is in view with probability 1 - (1 - p)^k;
with exactly n of N doors owning one, drawn without preference, with 1 - C(N - k, n) / C(N, n). In view of at least m:
the binomial or hypergeometric tail. Chances are rounded to whole multiples of 2^-40, so that sums of them are exact
integers.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from doorview.errors import InputError
from doorview.ownership.checks import Faults

__all__ = ["ONE", "at_least_exactly", "at_least_independent", "check_rate", "door_probabilities", "fixed_point"]

ONE = 1 << 40
"""The chance 1 in fixed point."""
RULES = ("one", "any", "none")


def check_rate(rate: float) -> float:
    """Return the rate as float; refuse what does not lie in [0, 1]."""
    try:
        value = float(rate)
    except (TypeError, ValueError):
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise InputError(
            f"the ownership rate {rate!r} lies outside [0, 1] or is no number: it is a share of households, 5 % is "
            "0.05."
        )
    return value


def fixed_point(chance: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return chances rounded to whole multiples of 2^-40."""
    return np.rint(np.asarray(chance) * ONE).astype(np.int64)


def door_probabilities(
    dwellings: NDArray[np.int64], rate: float | NDArray[np.float64], rule: str = "one"
) -> NDArray[np.float64]:
    """Return each door's chance of owning a camera at a household rate.

    Parameters
    ----------
    dwellings
        Homes behind each door, at least 1.
    rate
        Owning households / households, or one of every door's own households (doors,).
    rule
        How a door shared by d dwellings follows: ``one`` the rate itself, ``any`` 1 - (1 - rate)^d, ``none`` no camera
        at a shared door.

    """
    d = np.asarray(dwellings)
    if isinstance(rate, np.ndarray):
        faults = Faults("ownership")
        rate = faults.chances("the rate", rate, len(d))
        faults.refuse()
    else:
        rate = check_rate(rate)
    if rule == "one":
        return np.full(len(d), rate)
    if rule == "any":
        chance: NDArray[np.float64] = 1.0 - (1.0 - rate) ** d.astype(np.float64)
        return chance
    if rule == "none":
        return np.where(d > 1, 0.0, rate)
    raise InputError(f"the rule for shared doors is {rule!r}: it must be one of {', '.join(RULES)}.")


def at_least_independent(k: NDArray[np.int64], rate: float, most: int = 3) -> NDArray[np.int64]:
    """Return (most, len(k)) in fixed point: the chance that at least 1 .. `most` of k doors own a camera.

    Computed by the same recursion, in the same order, as for doors with chances of their own.
    """
    top = int(k.max(initial=0))
    f = np.zeros(most)
    f[0] = 1.0
    table = np.zeros((most, top + 1))
    for n in range(1, top + 1):
        for m in range(most - 1, 0, -1):
            f[m] = f[m] * (1.0 - rate) + f[m - 1] * rate
        f[0] *= 1.0 - rate
        below = 0.0
        for m in range(most):
            below += f[m]
            table[m, n] = max(1.0 - below, 0.0)
    return fixed_point(table[:, k])


def _hypergeometric(k: NDArray[np.int64], n: int, total: int, most: int) -> NDArray[np.float64]:
    """Return (most, len(k)): exactly 0 .. most - 1 of k doors are among the n of `total` that own one."""
    out = np.zeros((most, len(k)))
    for i, size in enumerate(k.tolist()):
        for j in range(min(most, size + 1)):
            if n - j < 0 or n - j > total - size:
                continue
            # Draw the doors of the set one by one, owners first: C(k, j) times a product of k plain fractions, whose
            # error is some k times 1e-16; logarithms of factorials of a city's doors would lose six digits.
            chance = float(math.comb(size, j))
            for drawn in range(j):
                chance *= (n - drawn) / (total - drawn)
            for drawn in range(size - j):
                chance *= (total - n - drawn) / (total - j - drawn)
            out[j, i] = chance
    return out


def at_least_exactly(
    inside: NDArray[np.int64], outside: NDArray[np.int64], n: int, total: int, most: int = 3
) -> NDArray[np.int64]:
    """Return (most, len(inside)) in fixed point: at least 1 .. `most` owners among the doors of a set.

    Exactly `n` of the `total` doors inside the counted area own a camera; a set holds `inside` of those and `outside`
    doors beyond the edge, which own one independently at the same rate n / total.

    Raises
    ------
    InputError
        If more cameras are given out than there are doors.

    """
    if not 0 <= n <= total:
        raise InputError(f"{n} cameras for {total} doors: the number must lie from 0 to the number of doors.")
    rate = n / total if total else 0.0
    pairs, which = np.unique(np.column_stack([inside, outside]), axis=0, return_inverse=True)
    f_in = _hypergeometric(pairs[:, 0], n, total, most)
    f_out = np.zeros((most, len(pairs)))
    for j in range(most):
        binomial = np.array([math.comb(int(o), j) for o in pairs[:, 1]], dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            f_out[j] = np.where(
                pairs[:, 1] >= j, binomial * rate**j * (1.0 - rate) ** np.maximum(pairs[:, 1] - j, 0), 0.0
            )
    below = np.zeros(len(pairs))
    table = np.zeros((most, len(pairs)))
    for m in range(most):
        below += sum(f_in[j] * f_out[m - j] for j in range(m + 1))
        table[m] = np.clip(1.0 - below, 0.0, 1.0)
    return fixed_point(table[:, which.ravel()])
