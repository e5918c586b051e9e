"""The arguments of estimators: rows with lengths or a list of sequences, and what a second argument is."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmfilter import _checks

WANTED = {"lengths": True}  # what methods ask for where scikit-learn routes metadata
OF_SCORES = WANTED | {"sample_weight": None}  # which pipelines hand on to scores, be it None


def are_lengths(value: Any, n_rows: int) -> bool:
    """Whether a second argument holds lengths of sequences: integers that sum to the number of rows, and not one a row.

    Classes of rows, which are one a row, may sum to anything. Where sequences are all of one row, lengths are, too.
    """
    if value is None or isinstance(value, str):
        return False
    given = np.asarray(value)
    is_vector_of_integers = given.ndim == 1 and given.dtype.kind in "iu" and given.size > 0
    if not is_vector_of_integers or given.min() < 0 or given.sum() != n_rows:
        return False
    return len(given) != n_rows or bool((given == 1).all())


def lengths_of(X: Any, y: Any, lengths: Any) -> Any:
    """The lengths of sequences, which may stand in the place of y."""
    return y if lengths is None and are_lengths(y, _n_rows(X)) else lengths


def is_list_of_sequences(X: Any) -> bool:
    """Whether observations are a list of tables, one a sequence, and not one table."""
    return isinstance(X, (list, tuple)) and len(X) > 0 and all(_dimensions(part) == 2 for part in X)


def _dimensions(part: Any) -> int:
    """Of a table, or of a list that may be one."""
    if isinstance(part, (list, tuple)):
        return 1 + max((_dimensions(entry) for entry in part[:1]), default=0)
    return int(getattr(part, "ndim", 0))


def rows_and_lengths(X: Any, y: Any = None, lengths: Any = None) -> tuple[Any, Any]:
    """All rows, and how many of them each sequence has; None where they are one sequence."""
    if is_list_of_sequences(X):
        _checks.no_lengths_of_a_list(lengths)
        return _one_after_the_other(X), [len(part) for part in X]
    _checks.rows_of_one_width(X)
    return X, lengths_of(X, y, lengths)


def _n_rows(X: Any) -> int:
    return len(X) if hasattr(X, "__len__") else -1


def _one_after_the_other(parts: Any) -> Any:
    if all(hasattr(part, "iloc") for part in parts):
        import pandas as pd

        return pd.concat(parts)
    return np.concatenate([np.asarray(part) for part in parts])
