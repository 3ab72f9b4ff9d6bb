"""A smooth Gaussian field over the city, and how strong it is in plain units.

The field is white noise on a lattice, smoothed: a moving average (Oliver 1995, doi 10.1007/BF02082917). Noise is a hash
of the lattice node, so the field at a place depends on seed, replicate and place alone, never on tile or extent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special
from scipy.spatial import cKDTree

from doorview.errors import InputError
from doorview.ownership.checks import Faults
from doorview.ownership.kernels.blocks import block_normals, block_smoothed
from doorview.ownership.kernels.draws import normals, salted
from doorview.ownership.kernels.fields import smoothed

__all__ = [
    "Lattice",
    "correlation_of_beta",
    "correlation_of_field",
    "lattice_of",
    "neighbour_distance_m",
    "strength_of_field",
]

Floats = NDArray[np.float64]

PER_LENGTH = 2
"""Lattice nodes per length: the sum over nodes then differs from the integral by 5e-9 (Poisson's summation)."""
REACH = 2.5
"""Lengths beyond which the kernel exp(-d^2 / L^2) is cut; 4e-6 of the variance lie there and are made up for."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """Where each door lies on the lattice: node keys (rows * columns,), corner (doors, 2), weights (doors, width)."""

    keys: NDArray[np.uint64]
    columns: int
    corner: NDArray[np.int64]
    wx: Floats
    wy: Floats

    def values(self, seed: int, replicate: int, salt: int = 0) -> Floats:
        """Return the field at the doors (doors,): mean 0, variance 1."""
        if not len(self.corner):
            return np.zeros(0)
        noise = normals(salted(self.keys, salt), np.uint64(seed), replicate).reshape(-1, self.columns)
        field: Floats = smoothed(noise, self.corner, self.wx, self.wy)
        return field

    def block(self, seed: int, word: int, salt: int = 0) -> Floats:
        """Return `values` for the 64 replicates of a word (doors, 64)."""
        if not len(self.corner):
            return np.zeros((0, 64))
        noise = block_normals(salted(self.keys, salt), np.uint64(seed), word)
        field: Floats = block_smoothed(noise, self.columns, self.corner, self.wx, self.wy)
        return field


def lattice_of(xy: Floats, distance_m: float) -> Lattice:
    """Return the lattice of a field whose correlation at distance h is exp(-h^2 / (2 L^2)), L = `distance_m`.

    Parameters
    ----------
    xy
        Doors (doors, 2) in a projected CRS [m].
    distance_m
        L [m].

    """
    if not len(xy):
        return Lattice(np.zeros(0, np.uint64), 1, np.zeros((0, 2), np.int64), np.zeros((0, 1)), np.zeros((0, 1)))
    place = np.asarray(xy, dtype=np.float64) * (PER_LENGTH / distance_m)
    half = math.ceil(REACH * PER_LENGTH)
    lowest = np.floor(place).astype(np.int64) - half + 1
    weights = []
    for axis in (0, 1):
        away = (lowest[:, axis, None] + np.arange(2 * half) - place[:, axis, None]) / PER_LENGTH
        w = np.where(np.abs(away) <= REACH, np.exp(-(away**2)), 0.0)
        weights.append(w / np.sqrt((w**2).sum(axis=1, keepdims=True)))
    # Only columns and rows that some door needs: one stray door far out must not stretch the lattice over an ocean.
    used = [np.unique(lowest[:, axis, None] + np.arange(2 * half)) for axis in (0, 1)]
    column, row = np.meshgrid(*used)
    corner = np.column_stack([np.searchsorted(used[axis], lowest[:, axis]) for axis in (0, 1)])
    # Two hashes, so that no two nodes of a lattice share a key but by chance.
    across = salted(column.ravel().astype(np.uint64), 1)
    keys = salted(across ^ salted(row.ravel().astype(np.uint64), 2), 3)
    return Lattice(keys, column.shape[1], corner, weights[0], weights[1])


def neighbour_distance_m(xy: Floats) -> float:
    """Return the median distance [m] from a door to the nearest door elsewhere: how far next door is.

    Raises
    ------
    InputError
        If there are fewer than two places.

    """
    places = np.unique(np.asarray(xy, dtype=np.float64), axis=0)
    if len(places) < 2:
        raise InputError("there is no next door: fewer than two doors stand at different places. Give neighbour_m.")
    away, _ = cKDTree(places).query(places, k=2)
    return float(np.median(away[:, 1]))


def _both(rate: float, correlation: float) -> float:
    """Return the chance that two standard normal numbers of a correlation both lie below Phi^-1(rate).

    By Owen's T: Phi2(t, t; c) = Phi(t) - 2 T(t, sqrt((1 - c) / (1 + c))) (Owen 1956, doi 10.1214/aoms/1177728074).
    """
    t = float(special.ndtri(rate))
    return float(rate - 2.0 * special.owens_t(t, math.sqrt((1.0 - correlation) / (1.0 + correlation))))


def strength_of_field(correlation: float, rate: float, neighbour_m: float, distance_m: float) -> float:
    """Return how many times as likely a household is to own a camera as others are, if its next-door neighbour does."""
    faults = Faults("the strength of a field")
    r, p = faults.chance("the correlation", correlation), faults.chance("the rate", rate)
    near, length = faults.amount("neighbour_m", neighbour_m), faults.amount("distance_m", distance_m, above=True)
    if p in {0.0, 1.0}:
        faults.add(f"at a rate of {p:g} all households are alike: there is no strength.")
    faults.refuse()
    return _both(p, r * math.exp(-(near**2) / (2.0 * length**2))) / p**2


def correlation_of_field(strength: float, rate: float, neighbour_m: float, distance_m: float) -> float:
    """Return the correlation r of `Field` for a strength in plain units.

    Parameters
    ----------
    strength
        X: a household whose next-door neighbour owns a camera is X times as likely to own one as households are on the
        whole. 1 is independence.
    rate
        The mean rate of ownership. A scenario that is to be nested across rates takes r at one of them for all.
    neighbour_m
        How far next door is [m]: `neighbour_distance_m`.
    distance_m
        How far neighbours are alike [m].

    Raises
    ------
    InputError
        If no field of this kind is as strong, with the strongest that there is.

    """
    faults = Faults("the strength of a field")
    x = faults.amount("the strength", strength, least=1.0)
    p = faults.chance("the rate", rate)
    faults.refuse()
    if p in {0.0, 1.0}:
        return 0.0
    if x == 1.0:
        return 0.0
    most = strength_of_field(1.0, p, neighbour_m, distance_m)
    if x >= most:
        raise InputError(
            f"the strength {x:g} cannot be: at a rate of {p:g}, with next door {neighbour_m:.0f} m away and neighbours "
            f"alike over {distance_m:.0f} m, a household is less than {most:.3g} times as likely to own a camera where "
            "its neighbour does. Give less, or a longer distance."
        )
    root = optimize.brentq(lambda r: strength_of_field(r, p, neighbour_m, distance_m) - x, 0.0, 1.0, xtol=1e-14)
    return float(root)


def correlation_of_beta(strength: float, rate: float) -> float:
    """Return the intraclass correlation of `BetaBinomial` for a strength in plain units.

    Two doors of a cluster both own with chance p^2 + r p (1 - p), so X = 1 + r (1 - p) / p and r = (X - 1) p / (1 - p).

    Parameters
    ----------
    strength
        X: a household is X times as likely to own a camera as households are on the whole, if one of its cluster does.
    rate
        The mean rate p of ownership.

    Raises
    ------
    InputError
        If X is below 1, or 1 / p or more.

    """
    faults = Faults("the strength of a cluster")
    x = faults.amount("the strength", strength, least=1.0)
    p = faults.chance("the rate", rate)
    faults.refuse()
    if p in {0.0, 1.0} or x == 1.0:
        return 0.0
    if x * p >= 1.0:
        raise InputError(
            f"the strength {x:g} cannot be: {p:g} of households own a camera, so no household is {1 / p:.3g} times as "
            "likely to. Give less than that."
        )
    return (x - 1.0) * p / (1.0 - p)
