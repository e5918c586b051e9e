"""Results as arrays with names. Xarray is optional, and imported only where such an array is made."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

ROW = "row"  # the axis of labels of several parts, each of which has a name of its own
Dims = Sequence[Hashable]


def data_array(
    name: str, dims: Dims, values: npt.NDArray[Any], labels: Mapping[Hashable, Any], **attributes: Any
) -> xr.DataArray:
    """An array that shares no memory with the values, with labels along some of its axes."""
    return _labelled(_xarray().DataArray(np.array(values), dims=list(dims), name=name, attrs=attributes), labels)


def dataset(
    variables: Mapping[str, tuple[Dims, npt.NDArray[Any]]], labels: Mapping[Hashable, Any], **attributes: Any
) -> xr.Dataset:
    """Several such arrays."""
    copies = {name: (list(dims), np.array(values)) for name, (dims, values) in variables.items()}
    return _labelled(_xarray().Dataset(copies, attrs=attributes), labels)


def axis_of(index: pd.Index, name: Hashable) -> Hashable:
    """What an axis with these labels is called: as they are, or else by this name."""
    if index.nlevels > 1:
        return ROW
    return name if index.name is None else index.name


def _labelled(array: Any, labels: Mapping[Hashable, Any]) -> Any:
    for axis, index in labels.items():
        if getattr(index, "nlevels", 1) > 1:
            named = index.set_names([f"level_{n}" if name is None else name for n, name in enumerate(index.names)])
            array = array.assign_coords(_xarray().Coordinates.from_pandas_multiindex(named, axis))
        else:
            array = array.assign_coords({axis: index})
    return array


def _xarray() -> Any:
    try:
        import xarray as xr
    except ImportError as error:
        raise ImportError("to_xarray needs xarray: pip install xarray") from error
    return xr
