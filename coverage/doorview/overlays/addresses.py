"""Street addresses matched to address points, offline: nothing of them leaves the machine.

The points are those of the city (OSM's, or the user's own layer) and of its buildings. A number and street match where
both are there, in one spelling of the street; ``100 BLOCK OF X`` becomes the mean place of the addresses of that block.
What does not match stays unmatched, with the reason: no nearest street or number is guessed.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from doorview.city.model import City
from doorview.errors import InputError

__all__ = ["Address", "AddressBook", "address_book", "match_addresses", "match_rate", "parse_address", "street_key"]

APART_M = 150.0
"""Points of one address farther than this from their mean are different places: the address then names none."""
BLOCK = 100
"""Numbers to a block: the custom of American cities."""
_UNIT = re.compile(
    r"\b(?:APT|APARTMENT|UNIT|STE|SUITE|RM|ROOM|FL|FLOOR|LOT|BLDG|TRLR)\b\.? *#? *[A-Z0-9-]*|# *[A-Z0-9-]+"
)
_MASKED = re.compile(r"(?P<n>\d{1,4})XX +(?P<street>.+)")
_BLOCK_OF = re.compile(r"(?P<n>\d{1,6}) +(?:BLK|BLOCK|BL)\b\.?(?: +OF\b)? +(?P<street>.+)")
_NUMBER_FIRST = re.compile(r"(?P<n>\d{1,6}(?:[A-Z](?![A-Z0-9])| ?1/2|-\d{1,5})?) +(?P<street>\S.*)")
_NUMBER_LAST = re.compile(r"(?P<street>[^\d]+) +(?P<n>\d{1,5} ?[A-Z]?)")
_CORNER = re.compile(r"(?P<one>.+?) *(?:/|&|\bAND\b|\bAT\b|@) *(?P<two>.+)")
_SPAN = re.compile(r"(\d+)-(\d+)")
_MOST_SPAN = 40


@dataclass(frozen=True)
class Address:
    """What an address text says: `kind` is `number`, `block`, `corner` or `none`.

    `number` as text (``12A``), `block` the first number of its block (-1: none), `street` as it is compared.
    """

    kind: str
    number: str = ""
    block: int = -1
    street: str = ""

    @property
    def block_id(self) -> str:
        """The block or corner as text, "" for an address that names a house."""
        if self.kind == "block":
            return f"{self.block} block {self.street}"
        return f"corner {self.street}" if self.kind == "corner" else ""


@dataclass(frozen=True)
class AddressBook:
    """Address points: `table` has `street` (as compared), `number` (text), `whole` (its number), `x`, `y` [m]."""

    table: pd.DataFrame
    crs: CRS

    def __len__(self) -> int:
        """Return how many addresses there are."""
        return len(self.table)


@cache
def _spellings() -> Mapping[str, Mapping[str, str]]:
    text = resources.files("doorview.overlays").joinpath("rules/addresses.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _plain(text: str) -> str:
    """Return capitals without accents and with single blanks; ``O'Donnell`` is ``ODONNELL``."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.upper()) if not unicodedata.combining(c))
    return " ".join(re.sub(r"['’`.]", "", bare).split())


def street_key(street: str) -> str:
    """Return a street's name in the spelling that is compared: ``North Main Street`` and ``N. MAIN ST`` are one."""
    words = re.sub(r"[^\w ]", " ", _plain(street)).replace("_", " ").split()
    spelt = _spellings()
    if len(words) > 1:
        end = len(words) - 1
        if len(words) > 2 and words[end] in {*spelt["directions"], *spelt["directions"].values()}:
            words[end] = spelt["directions"].get(words[end], words[end])
            end -= 1
        words[end] = spelt["types"].get(words[end], words[end])
        words[0] = spelt["directions"].get(words[0], words[0])
        words[:end] = [spelt["words"].get(word, word) for word in words[:end]]
    return " ".join(words)


def _core(key: str) -> tuple[str, frozenset[str]]:
    """Return a street's name without direction and type, and those."""
    words, spelt, more = key.split(), _spellings(), set()
    ways, kinds = set(spelt["directions"].values()), set(spelt["types"].values())
    if len(words) > 1 and words[0] in ways:
        more.add("from " + words.pop(0))
    if len(words) > 1 and words[-1] in ways:
        more.add("to " + words.pop())
    if len(words) > 1 and words[-1] in kinds:
        more.add("type " + words.pop())
    return " ".join(words), frozenset(more)


def parse_address(text: str, *, hundreds: bool = False) -> Address:
    """Return what an address text says; the town after a comma and the flat are passed over.

    Parameters
    ----------
    text
        ``12 N Main St Apt 3, Springfield``, ``Hauptstrasse 12a``, ``100 BLOCK OF MAIN ST``, ``033XX W OGDEN AVE``,
        ``A ST / B AVE``.
    hundreds
        A whole hundred is a block (``2000 GOUGH ST``): for files that write blocks so.

    """
    plain = " ".join(_UNIT.sub(" ", _plain(text.partition(",")[0])).split())
    if got := _MASKED.fullmatch(plain):
        return Address("block", block=int(got["n"]) * BLOCK, street=street_key(got["street"]))
    if got := _BLOCK_OF.fullmatch(plain):
        return Address("block", block=int(got["n"]) // BLOCK * BLOCK, street=street_key(got["street"]))
    if got := _NUMBER_FIRST.fullmatch(plain):
        number = got["n"].replace(" ", "")
        whole = _whole(number)
        if hundreds and number.isdigit() and whole % BLOCK == 0:
            return Address("block", block=whole, street=street_key(got["street"]))
        return Address("number", number, whole // BLOCK * BLOCK, street_key(got["street"]))
    if got := _CORNER.fullmatch(plain):
        return Address("corner", street=" & ".join(sorted((street_key(got["one"]), street_key(got["two"])))))
    if got := _NUMBER_LAST.fullmatch(plain):
        number = got["n"].replace(" ", "")
        return Address("number", number, _whole(number) // BLOCK * BLOCK, street_key(got["street"]))
    return Address("none", street=street_key(plain))


def _whole(number: str) -> int:
    got = re.match(r"\d+", number)
    return int(got[0]) if got else -1


def _numbers(text: str) -> list[str]:
    """Return the house numbers of a tag: ``12;14`` both, ``12-16`` each of one side of the street and as written."""
    found: list[str] = []
    for part in re.split(r"[;,]", _plain(text)):
        one = part.replace(" ", "")
        if got := _SPAN.fullmatch(one):
            low, high = int(got[1]), int(got[2])
            if low < high <= low + _MOST_SPAN and (high - low) % 2 == 0:
                found += [str(number) for number in range(low, high + 1, 2)]
        found += [one] if re.match(r"\d", one) else []
    return list(dict.fromkeys(found))


def address_book(source: City | gpd.GeoDataFrame) -> AddressBook:
    """Return the addresses of a city (points and buildings), or of a layer with `addr:housenumber` and `addr:street`.

    Raises
    ------
    InputError
        For a layer without those columns or a projected CRS, and where no address has a number and a street.

    """
    layers = [source.addresses, source.buildings] if isinstance(source, City) else [source]
    crs = CRS.from_user_input(source.crs) if source.crs is not None else None
    if crs is None or not crs.is_projected:
        raise InputError("addresses: the layer needs a projected CRS in metres. Use layer.to_crs(city.crs).")
    rows: list[tuple[str, str, int, float, float]] = []
    for layer in layers:
        missing = [name for name in ("addr:housenumber", "addr:street") if name not in layer.columns]
        if missing:
            raise InputError(
                f"addresses: the layer lacks {missing}. Rename its columns so, or give it to City.from_layers("
                "addresses=...), which knows the usual names."
            )
        said = layer[layer["addr:housenumber"].notna() & layer["addr:street"].notna()]
        points = np.asarray(said.geometry.representative_point().array, dtype=object)
        for number, street, point in zip(said["addr:housenumber"], said["addr:street"], points, strict=True):
            if point is None or shapely.is_empty(point):
                continue
            key = street_key(str(street))
            rows += [(key, one, _whole(one), point.x, point.y) for one in _numbers(str(number))]
    if not rows:
        raise InputError(
            "addresses: there is no address with a number and a street to match to. Give the city's address points: "
            "City.from_layers(addresses='points.gpkg', ...)."
        )
    table = pd.DataFrame(rows, columns=["street", "number", "whole", "x", "y"])
    return AddressBook(table.sort_values(["street", "whole", "number", "x", "y"], ignore_index=True), crs)


def match_addresses(texts: Iterable[str], book: AddressBook, *, hundreds: bool = False) -> pd.DataFrame:
    """Return a place for each address, a row per text in its order.

    Columns: `x`, `y` [m] (NaN where unmatched), `how` (`number`, `block`, or why not: `no number`, `no such street`,
    `street known, number not`, `several places`, `a corner`), `block` (id of the block where only it is known, else
    ""), `street` as compared (of the book where it was completed), `completed`: the direction or type of the street was
    left out by one of both, and a single street of the book fits.

    Parameters
    ----------
    texts
        Addresses.
    book
        From `address_book`.
    hundreds
        As `parse_address`.

    """
    lookup = _Lookup(book)
    return pd.DataFrame(
        [lookup.match(parse_address(text, hundreds=hundreds)) for text in texts],
        columns=["x", "y", "how", "block", "street", "completed"],
    )


class _Lookup:
    """The addresses of a book by street, and streets by the core of their names."""

    def __init__(self, book: AddressBook) -> None:
        self.numbers = book.table["number"].to_numpy(object)
        self.whole = book.table["whole"].to_numpy(np.int64)
        self.xy = book.table[["x", "y"]].to_numpy(np.float64)
        self.rows: dict[str, NDArray[np.int64]] = {
            str(key): np.asarray(rows, np.int64) for key, rows in book.table.groupby("street").indices.items()
        }
        self.cores: dict[str, list[tuple[str, frozenset[str]]]] = {}
        for key in self.rows:
            core, more = _core(key)
            self.cores.setdefault(core, []).append((key, more))

    def street(self, key: str) -> tuple[str, bool]:
        """Return the book's street of that name ("" if none), and whether a direction or type was completed."""
        if key in self.rows:
            return key, False
        core, more = _core(key)
        fits = [name for name, its in self.cores.get(core, []) if its <= more or more <= its]
        return (fits[0], True) if len(fits) == 1 else ("", False)

    def match(self, said: Address) -> tuple[float, float, str, str, str, bool]:
        """Return a row of `match_addresses`."""
        nowhere = (float("nan"), float("nan"))
        if said.kind == "corner":
            return (*nowhere, "a corner", said.block_id, said.street, False)
        street, completed = self.street(said.street)
        if not street:
            return (*nowhere, "no such street", "", said.street, False)
        if said.kind == "none":
            return (*nowhere, "no number", "", street, completed)
        rows = self.rows[street]
        if said.kind == "block":
            rows = rows[(self.whole[rows] >= said.block) & (self.whole[rows] < said.block + BLOCK)]
            how, block = "block", Address("block", block=said.block, street=street).block_id
        else:
            rows = rows[self.numbers[rows] == said.number]
            how, block = "number", ""
        if not len(rows):
            return (*nowhere, "street known, number not", "", street, completed)
        # Each number once, so that a tower of flats does not draw a block's mean to itself.
        middle = pd.DataFrame(self.xy[rows]).groupby(self.whole[rows]).mean().to_numpy().mean(axis=0)
        farthest = float(np.hypot(*(self.xy[rows] - middle).T).max())
        if farthest > (APART_M if how == "number" else 2 * APART_M):
            return (*nowhere, "several places", "", street, completed)
        return (float(middle[0]), float(middle[1]), how, block, street, completed)


def match_rate(
    matches: pd.DataFrame, book: AddressBook, zones: gpd.GeoDataFrame, said: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return addresses, matched and rate by zone: the zone that the file says, else of the place, else of the street.

    Parameters
    ----------
    matches
        From `match_addresses`.
    book
        The same.
    zones
        Polygons with `zone`, in the book's CRS; the first zone that holds a place counts.
    said
        The zone that the file itself gives each address, where it does.

    Columns: `zone` (``unknown`` last: a street that the book lacks lies in no zone that anyone could tell),
    `addresses`, `matched`, `rate`. The last row but that is not a sum: add up `addresses` for one.

    """
    names = zones["zone"].astype(str).to_numpy(object)
    shapes = np.asarray(zones.geometry.array, dtype=object)
    place = _zone_of(matches[["x", "y"]].to_numpy(np.float64), shapes, names)
    of_book = _zone_of(book.table[["x", "y"]].to_numpy(np.float64), shapes, names)
    most = pd.Series(of_book[of_book != ""]).groupby(book.table["street"].to_numpy()[of_book != ""])
    street = most.agg(lambda values: min(values.value_counts().items(), key=lambda item: (-item[1], item[0]))[0])
    by_street = matches["street"].map(street.to_dict()).fillna("").to_numpy(object)
    chosen = np.where(place != "", place, by_street)
    if said is not None:
        own = np.array([str(zone) for zone in said], dtype=object)
        chosen = np.where(own != "", own, chosen)
    matched = matches["x"].notna().to_numpy()
    table = pd.DataFrame({"zone": np.where(chosen == "", "unknown", chosen), "addresses": 1, "matched": matched})
    table = table.groupby("zone", sort=True).sum().reset_index()
    table["matched"] = table["matched"].astype(np.int64)
    table["rate"] = table["matched"] / table["addresses"]
    order = np.lexsort((table["zone"], table["zone"] == "unknown"))
    return table.iloc[order].reset_index(drop=True)


def _zone_of(xy: NDArray[np.float64], shapes: NDArray[np.object_], names: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the first zone that holds each place, "" for none and for no place."""
    found = np.full(len(xy), "", dtype=object)
    known = np.flatnonzero(~np.isnan(xy).any(axis=1))
    if len(known):
        zone, point = shapely.STRtree(shapely.points(xy[known])).query(shapes, predicate="intersects")
        order = np.argsort(-zone, kind="stable")  # the first zone is written last
        found[known[point[order]]] = names[zone[order]]
    return found
