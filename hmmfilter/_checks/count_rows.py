"""Observations that are rows of counts: with an exposure, in so many trials, or of several outcomes."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmfilter._arrays import FloatArray, frozen
from hmmfilter._checks.arrays import refuse_first
from hmmfilter._checks.observations import observations

WHOLE = "a whole number from 0 up, or missing"


def exposed_counts(value: Any) -> FloatArray:
    """Let rows of a count and its exposure in, (T, 2); where there is no count, both are NaN."""
    return _pairs(value, "an exposure", False)


def trials(value: Any) -> FloatArray:
    """Let rows of successes and of how many trials they had in, (T, 2); where there are no successes, both are NaN."""
    rows = _pairs(value, "a number of trials", True)
    beyond = np.column_stack([rows[:, 0] > rows[:, 1], np.zeros(len(rows), dtype=np.bool_)])
    refuse_first("observations", beyond, "at most the number of trials beside it", rows)
    return rows


def count_rows(value: Any, n_outcomes: int, total: float | None) -> FloatArray:
    """Let rows of counts in, (T, M), with a given sum, if there is one; all NaN where an entry is missing."""
    rows = observations(value, n_outcomes)
    refuse_first("observations", ~np.isnan(rows) & ((rows < 0) | (rows != np.floor(rows))), WHOLE, rows)
    with np.errstate(over="ignore"):
        sums = rows.sum(axis=1)
    is_missing = np.isnan(sums)
    refuse_first("the sum of observations", np.isinf(sums), "finite", sums)
    if total is not None:
        refuse_first("the sum of observations", ~is_missing & (sums != total), f"{total:.17g}", sums)
    let_in: FloatArray = frozen(np.where(is_missing[:, np.newaxis], np.nan, rows))
    return let_in


def _pairs(value: Any, beside: str, is_whole: bool) -> FloatArray:
    rows = observations(value, 2)
    counts, others = rows.T
    bad = ~np.isnan(counts) & ((counts < 0) | (counts != np.floor(counts)))
    refuse_first("observations", np.column_stack([bad, np.zeros_like(bad)]), WHOLE, rows)
    bad = ~np.isnan(counts) & ~((others >= 0) & ((others == np.floor(others)) | (not is_whole)))
    kind = "a whole number from 0 up" if is_whole else "a number from 0 up"
    refuse_first("observations", np.column_stack([np.zeros_like(bad), bad]), f"{beside}, {kind}", rows)
    let_in: FloatArray = frozen(np.where(np.isnan(counts)[:, np.newaxis], np.nan, rows))
    return let_in
