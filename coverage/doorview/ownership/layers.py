"""Who owns a camera, as independent layers over doors: each says which doors got a camera in one way.

A scenario is a union of layers (`doorview.ownership.union.Owners`): the owners of today, and those whom a programme
gave one. Layers are independent of each other; within a layer doors may hang together. Everything is drawn by counter
hash of door keys, cluster ids and lattice nodes, so neither the order of rows nor what else the city holds changes an
owner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from doorview.errors import InputError
from doorview.ownership.checks import Faults
from doorview.ownership.field import Lattice, lattice_of
from doorview.ownership.kernels.blocks import block_bits, block_chances, cluster_bits
from doorview.ownership.kernels.draws import owner_bits, salted, smallest_bits, uniforms, uniforms_at
from doorview.ownership.kernels.fields import conditional_chances

__all__ = ["BetaBinomial", "Exactly", "Field", "Independent", "Layer", "Urn", "stream_keys", "thinned"]

Keys = NDArray[np.uint64]
Bits = NDArray[np.uint64]
Floats = NDArray[np.float64]

PARTS = 8
"""Numbers of its own that a layer may ask for: which door, whether kept, its cluster, its field."""
DOOR, KEEP, SHARED = range(3)
NODES = 4096
"""Steps of the table of quantiles that spares most of them."""


def _all() -> Floats:
    """Return the chance that every camera is kept."""
    return np.ones(())


class Urn(NamedTuple):
    """A layer as an urn for `urn_counts_of_sets`: cluster (doors,), urns (clusters, 3), keep (doors,), own (doors,)."""

    cluster: NDArray[np.int64]
    urns: Floats
    keep: Floats
    own: Floats


def stream_keys(keys: Keys, stream: int, part: int = DOOR) -> Keys:
    """Return the door keys (doors,) for one of the numbers of a layer; stream 0 draws by the keys as they are."""
    moved: Keys = salted(np.asarray(keys, dtype=np.uint64), stream * PARTS + part)
    return moved


class Layer:
    """What every layer answers. Arrays are in the order of doors; streams keep layers apart."""

    keep: Floats

    def __len__(self) -> int:
        """Return the number of doors."""
        return len(self.keep)

    def marginal(self) -> Floats:
        """Return each door's chance (doors,) of a camera by this layer."""
        raise NotImplementedError

    def among(self, block: int, blocks: int) -> Layer:
        """Return the layer over the doors `blocks` times, block after block, with its cameras in one block alone."""
        raise NotImplementedError

    def urn(self) -> Urn | None:
        """Return the layer as an urn, or None: doors independent (`marginal` says all), or no closed form."""
        return None

    def conditional(self, keys: Keys, seed: int, replicate: int, stream: int = 0) -> Floats | None:
        """Return each door's chance given what doors share in a replicate, doors then independent; None if never so."""
        raise NotImplementedError

    def block(self, keys: Keys, seed: int, word: int, stream: int = 0) -> Floats | None:
        """Return `conditional` for the 64 replicates of a word (doors, 64), to the bit; None where it is."""
        columns = []
        for replicate in range(64 * word, 64 * word + 64):
            p = self.conditional(keys, seed, replicate, stream)
            if p is None:
                return None
            columns.append(p)
        return np.column_stack(columns)

    def draw(self, keys: Keys, seed: int, words: int, stream: int = 0) -> Bits:
        """Return owners (doors, words) as bits, 64 replicates a word: where a door's number is below its chance."""
        own = stream_keys(keys, stream)
        out = np.zeros((len(self), words), np.uint64)
        for word in range(words):
            p = self.block(keys, seed, word, stream)
            if p is None:
                raise NotImplementedError
            block_bits(own, p, np.uint64(seed), word, out)
        return out


@dataclass(frozen=True, eq=False)
class Independent(Layer):
    """Every door owns a camera by its own chance, whatever others do.

    Parameters
    ----------
    p
        Chance of a camera (doors,).
    keep
        Chance that a camera is still there and working, (doors,) or one number.

    """

    p: Floats
    keep: Floats = field(default_factory=_all)

    def __post_init__(self) -> None:
        """Check the chances."""
        faults = Faults("independent owners")
        _set(self, p=np.atleast_1d(faults.chances("the chance", self.p)))
        _set(self, keep=faults.chances("keep", self.keep, len(self.p)))
        faults.refuse()

    def among(self, block: int, blocks: int) -> Independent:
        """Return the layer over the doors `blocks` times, with its cameras in one block alone."""
        return Independent(_among(self.p, block, blocks, 0.0), _among(self.keep, block, blocks, 1.0))

    def marginal(self) -> Floats:
        """Return each door's chance (doors,) of a camera by this layer."""
        return self.p * self.keep

    def conditional(self, keys: Keys, seed: int, replicate: int, stream: int = 0) -> Floats:  # noqa: ARG002 - alike
        """Return each door's chance: doors share nothing."""
        return self.marginal()

    def draw(self, keys: Keys, seed: int, words: int, stream: int = 0) -> Bits:
        """Return owners (doors, words): where the door's number is below its chance, so nested across rates."""
        bits: Bits = owner_bits(stream_keys(keys, stream), self.marginal(), np.uint64(seed), words)
        return bits


@dataclass(frozen=True, eq=False)
class Exactly(Layer):
    """A fixed number of cameras in each stratum, at doors drawn without preference, strata independent.

    Parameters
    ----------
    stratum
        Stratum of each door (doors,) from 0; -1 is not eligible.
    numbers
        Cameras of each stratum (strata,), at most its doors.
    keep
        Chance that a door drawn really gets a working camera, (doors,) or one number: take-up, for one.

    """

    stratum: NDArray[np.int64]
    numbers: NDArray[np.int64]
    keep: Floats = field(default_factory=_all)

    def __post_init__(self) -> None:
        """Check the numbers against the doors that there are."""
        faults = Faults("an exact number of cameras")
        stratum = np.asarray(self.stratum)
        if stratum.ndim != 1 or stratum.dtype.kind not in "iu":
            faults.add("the strata must be whole numbers, one per door; -1 is not eligible.")
            stratum = np.zeros(len(stratum) if stratum.ndim else 0, np.int64)
        numbers = [faults.count(f"the number of stratum {s}", n) for s, n in enumerate(_listed(self.numbers))]
        if stratum.size and not -1 <= stratum.min() <= stratum.max() < len(numbers):
            faults.add(
                f"strata run from {stratum.min()} to {stratum.max()}, but there are numbers for {len(numbers)}: give "
                "strata 0, 1, .. with a number each, and -1 where no camera can go."
            )
        else:
            doors = np.bincount(stratum[stratum >= 0], minlength=len(numbers))
            for s, (number, there) in enumerate(zip(numbers, doors.tolist(), strict=True)):
                if number > there:
                    faults.add(
                        f"stratum {s} hands out {number:,} cameras, but only {there:,} doors are eligible there, and "
                        f"none gets two. Give a number of {there} or less, or make more doors eligible."
                    )
        _set(self, stratum=stratum.astype(np.int64), numbers=np.array(numbers, np.int64))
        _set(self, keep=faults.chances("keep", self.keep, len(stratum)))
        faults.refuse()

    def among(self, block: int, blocks: int) -> Exactly:
        """Return the layer over the doors `blocks` times, with its cameras in one block alone."""
        stratum = _among(self.stratum, block, blocks, -1)
        return Exactly(stratum, self.numbers, _among(self.keep, block, blocks, 1.0))

    def marginal(self) -> Floats:
        """Return each door's chance (doors,) of a camera by this layer."""
        rate = self.numbers / np.maximum(self.sizes(), 1)
        return np.where(self.stratum >= 0, np.append(rate, 0.0)[self.stratum], 0.0) * self.keep

    def sizes(self) -> NDArray[np.int64]:
        """Return the number of eligible doors of each stratum (strata,)."""
        return np.bincount(self.stratum[self.stratum >= 0], minlength=len(self.numbers)).astype(np.int64)

    def urn(self) -> Urn:
        """Return the layer as an urn: n of N doors, none put back."""
        sizes = self.sizes().astype(np.float64)
        urns = np.column_stack([self.numbers.astype(np.float64), sizes, np.full(len(sizes), -1.0)])
        return Urn(self.stratum, urns, self.keep, np.zeros(len(self)))

    def conditional(self, keys: Keys, seed: int, replicate: int, stream: int = 0) -> None:  # noqa: ARG002 - alike
        """Return None: nothing shared makes these doors independent."""
        return

    def draw(self, keys: Keys, seed: int, words: int, stream: int = 0) -> Bits:
        """Return owners (doors, words): the n doors with the smallest numbers, so nested across n."""
        own, out = stream_keys(keys, stream), np.zeros((len(self), words), np.uint64)
        for s, number in enumerate(self.numbers.tolist()):
            places = np.flatnonzero(self.stratum == s)
            out[places] = smallest_bits(own[places], number, np.uint64(seed), words)
        if (self.keep < 1.0).any():
            out &= owner_bits(stream_keys(keys, stream, KEEP), self.keep, np.uint64(seed), words)
        return out


@dataclass(frozen=True, eq=False)
class BetaBinomial(Layer):
    """Doors of a cluster have an owning chance in common: theta ~ Beta, doors independent given theta.

    theta has mean p and a + b = 1 / r - 1, r the intraclass correlation: the correlation of any two doors' ownership in
    a cluster (Griffiths 1973, doi 10.2307/2529131, for households). Where chances differ within a cluster, theta has
    the mean of the highest and every door is thinned to its own: chances stay exact, the correlation of thinned doors
    is smaller.

    Parameters
    ----------
    p
        Chance of a camera (doors,) or one number.
    cluster
        Id of each door's cluster (doors,), of 0 or more and stable, for it is what theta is drawn by; -1 is none.
    correlation
        r in [0, 1); 0 is independence.
    keep
        Chance that a camera is still there and working, (doors,) or one number.

    """

    p: Floats
    cluster: NDArray[np.int64]
    correlation: float
    keep: Floats = field(default_factory=_all)

    def __post_init__(self) -> None:
        """Check chances, clusters and correlation."""
        faults = Faults("owners by cluster")
        cluster = np.asarray(self.cluster)
        if cluster.ndim != 1 or cluster.dtype.kind not in "iu":
            faults.add("the clusters must be whole numbers, one per door; -1 is none.")
            cluster = np.zeros(len(cluster) if cluster.ndim else 0, np.int64)
        r = faults.chance("the correlation", self.correlation)
        if r == 1.0:
            faults.add("the correlation is 1: a cluster would own as one. Give less, e.g. 0.1.")
        _set(self, cluster=cluster.astype(np.int64), correlation=r)
        _set(self, p=faults.chances("the chance", self.p, len(cluster)))
        _set(self, keep=faults.chances("keep", self.keep, len(cluster)))
        faults.refuse()

    def among(self, block: int, blocks: int) -> BetaBinomial:
        """Return the layer over the doors `blocks` times, with its cameras in one block alone."""
        p, cluster = _among(self.p, block, blocks, 0.0), _among(self.cluster, block, blocks, -1)
        return BetaBinomial(p, cluster, self.correlation, _among(self.keep, block, blocks, 1.0))

    def marginal(self) -> Floats:
        """Return each door's chance (doors,) of a camera by this layer."""
        return self.p * self.keep

    @cached_property
    def _clusters(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """Return ids (clusters,), each door's cluster as a number among them or -1, and the mean of each theta."""
        ids, which = np.unique(self.cluster[self.cluster >= 0], return_inverse=True)
        number = np.full(len(self), -1, np.int64)
        number[self.cluster >= 0] = which
        mean = np.zeros(len(ids))
        np.maximum.at(mean, which, self.p[self.cluster >= 0])
        return ids, number, mean

    @cached_property
    def _thinning(self) -> Floats:
        """Return (doors,) p / theta's mean * keep; 0 where there is no cluster."""
        _, number, mean = self._clusters
        top = np.append(mean, 0.0)[number]
        part: Floats = np.divide(self.p, top, out=np.zeros(len(self)), where=(number >= 0) & (top > 0.0))
        return part * self.keep

    def urn(self) -> Urn:
        """Return the layer as Polya's urn; doors without a cluster own independently."""
        _, number, mean = self._clusters
        r = self.correlation
        urns = np.column_stack([mean * (1.0 - r), np.full(len(mean), 1.0 - r), np.full(len(mean), r)])
        return Urn(number, urns, self._thinning, np.where(number < 0, self.marginal(), 0.0))

    def conditional(self, keys: Keys, seed: int, replicate: int, stream: int = 0) -> Floats:  # noqa: ARG002 - by cluster
        """Return each door's chance (doors,) given theta; theta rises with p for the same number of its cluster."""
        ids, number, mean = self._clusters
        u = uniforms(stream_keys(ids.astype(np.uint64), stream, SHARED), np.uint64(seed), replicate)
        theta = np.append(_beta_quantile(u, mean, self.correlation), 0.0)
        p: Floats = np.where(number < 0, self.marginal(), theta[number] * self._thinning)
        return p

    def draw(self, keys: Keys, seed: int, words: int, stream: int = 0) -> Bits:
        """Return owners (doors, words), the same as by `conditional`, with few quantiles worked out.

        theta rises with its number, so quantiles at some `NODES` numbers bound it, and that decides all but about one
        door in `NODES`; only those ask for theta itself.
        """
        ids, number, mean = self._clusters
        means, which = np.unique(mean, return_inverse=True)
        if len(means) * NODES > len(ids) * 64 * words:
            return super().draw(keys, seed, words, stream)
        grid = np.tile(np.arange(NODES + 1) / NODES, (len(means), 1))
        table = _beta_quantile(grid, np.repeat(means[:, None], NODES + 1, axis=1), self.correlation)
        own, shared = stream_keys(keys, stream), stream_keys(ids.astype(np.uint64), stream, SHARED)
        out, doubt = np.zeros((2, len(self), words), np.uint64)
        cluster_bits(
            own, shared, number, self._thinning, self.marginal(), table, which, np.uint64(seed), out, doubt
        )  # fmt: skip
        door, replicate = _places_of(doubt)
        theta = _beta_quantile(
            uniforms_at(shared[number[door]], np.uint64(seed), replicate), mean[number[door]], self.correlation
        )
        owns = uniforms_at(own[door], np.uint64(seed), replicate) < theta * self._thinning[door]
        door, replicate = door[owns], replicate[owns]
        np.bitwise_or.at(out, (door, replicate // 64), np.uint64(1) << (replicate % 64).astype(np.uint64))
        return out


def _places_of(bits: Bits) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and replicate of every bit that is set in bits (rows, words)."""
    rows = np.flatnonzero(bits.any(axis=1))
    flat = np.unpackbits(bits[rows].astype("<u8").view(np.uint8), axis=1, bitorder="little")
    row, replicate = np.nonzero(flat)
    return rows[row], replicate.astype(np.int64)


def _beta_quantile(u: Floats, mean: Floats, correlation: float) -> Floats:
    """Return the u-quantile of Beta with a mean and an intraclass correlation."""
    if correlation == 0.0:
        return mean.copy()
    total = 1.0 / correlation - 1.0
    inner = (mean > 0.0) & (mean < 1.0)
    out = mean.copy()
    out[inner] = special.betaincinv(mean[inner] * total, (1.0 - mean[inner]) * total, u[inner])
    return out


@dataclass(frozen=True, eq=False)
class Field(Layer):
    """Neighbours are alike: a smooth field G over the city is shared, a door owns where it is carried over a threshold.

    A door owns a camera if Phi^-1(p) > sqrt(r) G(x) + sqrt(1 - r) e, with e its own standard normal number: a clipped
    Gaussian field. The correlation of G at distance h is exp(-h^2 / (2 L^2)). Sets have no closed form; given G doors
    are independent, so `doorview.ownership.union.mean_given_shared` averages exact chances over fields.

    Parameters
    ----------
    p
        Chance of a camera (doors,) or one number.
    xy
        Doors (doors, 2) in a projected CRS [m].
    distance_m
        L: how far neighbours are alike.
    correlation
        r in [0, 1): what part of the variance of a household's leaning is shared. From plain units:
        `doorview.ownership.field.correlation_of_field`.
    keep
        Chance that a camera is still there and working, (doors,) or one number.

    """

    p: Floats
    xy: Floats
    distance_m: float
    correlation: float
    keep: Floats = field(default_factory=_all)
    lattice: Lattice | None = None
    """Made from `xy` and `distance_m`."""

    def __post_init__(self) -> None:
        """Check all, and lay out the lattice."""
        faults = Faults("owners by field")
        xy = np.asarray(self.xy, dtype=np.float64)
        if xy.ndim != 2 or xy.shape[1] != 2 or not np.isfinite(xy).all():
            faults.add("the places must be (doors, 2) finite coordinates in metres.")
            xy = np.zeros((0, 2))
        distance = faults.amount("the distance", self.distance_m, above=True)
        r = faults.chance("the correlation", self.correlation)
        if r == 1.0:
            faults.add("the correlation is 1: nothing would be left to the household. Give less.")
        p = faults.chances("the chance", self.p, len(xy))
        keep = faults.chances("keep", self.keep, len(xy))
        faults.refuse()
        _set(self, p=p, xy=xy, distance_m=distance, correlation=r, keep=keep)
        _set(self, lattice=self.lattice or lattice_of(xy, distance))

    def among(self, block: int, blocks: int) -> Field:
        """Return the layer over the doors `blocks` times, with its cameras in one block alone."""
        p, keep = _among(self.p, block, blocks, 0.0), _among(self.keep, block, blocks, 1.0)
        return Field(p, np.tile(self.xy, (blocks, 1)), self.distance_m, self.correlation, keep)

    def marginal(self) -> Floats:
        """Return each door's chance (doors,) of a camera by this layer."""
        return self.p * self.keep

    @cached_property
    def _threshold(self) -> Floats:
        """Return Phi^-1(p) of each door (doors,)."""
        return np.asarray(special.ndtri(self.p))

    def conditional(self, keys: Keys, seed: int, replicate: int, stream: int = 0) -> Floats:  # noqa: ARG002 - by place
        """Return each door's chance (doors,) given the field of a replicate."""
        if self.correlation == 0.0 or self.lattice is None:
            return self.marginal()
        shared = self.lattice.values(seed, replicate, stream * PARTS + SHARED)
        p: Floats = conditional_chances(self._threshold, shared, self.correlation, self.keep)
        return p

    def block(self, keys: Keys, seed: int, word: int, stream: int = 0) -> Floats:  # noqa: ARG002 - by place
        """Return each door's chance (doors, 64) given the fields of a word's replicates."""
        if self.correlation == 0.0 or self.lattice is None:
            return np.repeat(self.marginal()[:, None], 64, axis=1)
        shared = self.lattice.block(seed, word, stream * PARTS + SHARED)
        p: Floats = block_chances(self._threshold, shared, self.correlation, self.keep)
        return p


def thinned(layer: Layer, keep: ArrayLike) -> Layer:
    """Return the layer with every camera of it kept with a chance, (doors,) or one number, independently.

    Lapsed, removed, switched off: a camera goes, not a door. With the same seed the owners left are among those before.
    """
    faults = Faults("thinning")
    more = faults.chances("keep", keep, len(layer))
    faults.refuse()
    if not isinstance(layer, (Independent, Exactly, BetaBinomial, Field)):
        raise InputError(f"{type(layer).__name__} is no layer of owners that can be thinned.")
    return replace(layer, keep=layer.keep * more)


def _among(values: NDArray[Any], block: int, blocks: int, elsewhere: float) -> NDArray[Any]:
    """Return values (blocks * doors,) that stand in one block, and `elsewhere` in the others."""
    out = np.full(blocks * len(values), elsewhere, values.dtype)
    out[block * len(values) : (block + 1) * len(values)] = values
    return out


def _set(layer: Layer, **values: object) -> None:
    """Put checked values into a frozen layer."""
    for name, value in values.items():
        object.__setattr__(layer, name, value)


def _listed(values: ArrayLike | Sequence[int]) -> list[object]:
    """Return values as a plain list; one stands alone."""
    array = np.asarray(values)
    return array.tolist() if array.ndim else [array.item()]
