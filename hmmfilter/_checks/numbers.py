"""Numbers of other kinds than numpy's: fractions, decimals and other objects, sparse matrices."""

from __future__ import annotations

import numbers
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray
from hmmfilter._checks.arrays import has_masked_entries, rectangular
from hmmfilter._checks.errors import shown

DENSE_STATES = 4096  # from so many states on, a sparse matrix is not made dense: it would take 134 MB

NO_LOGS = (
    "a scipy.sparse matrix of logs cannot be taken, since it does not store log 1 = 0, so that a certainty becomes an "
    "impossibility: hmmfilter.transitions.Sparse.from_logs(rows, columns, log_values, n_states) takes logs"
)


def is_sparse(value: Any) -> bool:
    """Whether it is a matrix, or an array, of `scipy.sparse`, without which nobody has one."""
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(value))


def no_sparse_logs(name: str, value: Any) -> None:
    """Refuse a sparse matrix where logs are asked for."""
    if is_sparse(value):
        raise TypeError(
            f"{name} must be an array, or one of hmmfilter.transitions, got {type(value).__name__}: {NO_LOGS}"
        )


def no_structure(name: str, value: Any) -> None:
    """Refuse transitions where a gradient goes back to logs."""
    if hasattr(value, "n_states"):
        raise TypeError(
            f"{name} must be an array of logs, to which its gradient goes back, got {type(value).__name__} transitions"
        )


def real_numbers(name: str, value: Any) -> Any:
    """What numpy takes for real numbers: a sparse matrix made dense, objects that are numbers rounded to doubles."""
    if is_sparse(value):
        return _dense(name, value)
    if hasattr(value, "_ways") or hasattr(value, "_ages"):
        raise TypeError(
            f"{name} must be an array, got {type(value).__name__} transitions: to_dense() makes one of them"
        )
    if has_masked_entries(value):
        return value
    array = rectangular(name, value)
    return _rounded(name, array) if array.dtype == object else array


def _dense(name: str, matrix: Any) -> npt.NDArray[Any]:
    most = max(matrix.shape)
    if most >= DENSE_STATES:
        raise ValueError(
            f"{name} must have fewer than {DENSE_STATES} rows and columns where it is sparse, since it is made dense, "
            f"got {most}: {name}.toarray() makes it dense at your word; hmmfilter.transitions.Sparse keeps it"
        )
    dense: npt.NDArray[Any] = matrix.toarray()
    return dense


def _rounded(name: str, array: npt.NDArray[Any]) -> FloatArray:
    rounded = np.empty(array.shape)
    for index in np.ndindex(array.shape):
        item = array[index]
        where = f" at {list(index)}" if index else ""
        if not isinstance(item, (numbers.Real, Decimal)) or isinstance(item, (bool, np.timedelta64)):
            raise TypeError(f"{name} must hold real numbers, got {shown(item)}{where}")
        try:
            rounded[index] = float(item)
        except OverflowError:
            raise ValueError(f"{name} must hold real numbers that fit into a double, got a larger one{where}") from None
    return rounded
