"""Columns of raw tags as arrays, and the order of OSM ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

__all__ = ["among", "has", "natural_order", "parsed", "tag"]


def tag(layer: pd.DataFrame, key: str) -> NDArray[np.object_]:
    """Values of a tag, shape (n,), str or None; all None where the layer has no such column."""
    if key not in layer.columns:
        return np.full(len(layer), None, dtype=object)
    values = layer[key].to_numpy(dtype=object)
    found = np.array(values, dtype=object)
    found[pd.isna(values)] = None
    return found


def has(layer: gpd.GeoDataFrame, *keys: str) -> NDArray[np.bool_]:
    """Whether any of the tags is set to something other than ``no``, shape (n,)."""
    found = np.zeros(len(layer), dtype=bool)
    for key in keys:
        values = tag(layer, key)
        found |= (values != None) & (values != "no")  # noqa: E711 - elementwise
    return found


def among(values: NDArray[np.object_], allowed: Iterable[str]) -> NDArray[np.bool_]:
    """Whether each value of a tag is one of those allowed, shape (n,); None is not."""
    known = frozenset(allowed)
    return np.fromiter((value in known for value in values), dtype=bool, count=len(values))


def parsed(values: NDArray[np.object_], read: Callable[[str], float | None]) -> NDArray[np.float64]:
    """Tag text through `read` (`metres` or `count`), NaN where it says nothing, shape (n,)."""
    known = {text: read(text) for text in set(values) if text is not None}
    return np.array([np.nan if known.get(text) is None else known[text] for text in values], dtype=np.float64)


def natural_order(index: pd.Index[Any]) -> NDArray[np.int64]:
    """Positions that sort ids such as ``n9``, ``n10``, ``w2`` by (letters, number), shape (n,)."""
    text = np.array([str(item) for item in index], dtype=np.str_)
    stem, length = np.strings.rstrip(text, "0123456789"), np.strings.str_len(text)
    return np.lexsort((text, length, stem)).astype(np.int64)
