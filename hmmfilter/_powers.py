"""Predictions of many steps: powers of a matrix, or step after step, in wide numbers of twice a double's digits.

The same matrix is multiplied again and again, so that an error of 3e-17 in its exponentials, always the same, would
grow with the steps. They are taken to two doubles' digits here, and kept so: after 10**12 steps, 15 digits are left.
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext

import numpy as np

from hmmfilter._arrays import FloatArray
from hmmfilter._kernels.limits import NEVER
from hmmfilter._kernels.wide import EXPONENT, PLANES
from hmmfilter._tiers import kernels

DIGITS = 60  # of the exponentials, while they are taken: 22 are gone once a log of 1e22 has lost its whole part
MOST_TERMS = 2**22  # that are summed between two looks at whether somebody interrupts: some tens of milliseconds


def last_predictions(
    log_probabilities: FloatArray, log_transition: FloatArray, n_steps: int, n_rows: int
) -> FloatArray:
    """Logs of x A, x A A, ..., of n_steps rows, all of them or the last alone."""
    n_states = len(log_probabilities)
    x = np.empty((1, PLANES, n_states))
    kernels.widen_row(log_probabilities, x[0])
    matrix = exponentials(log_transition)
    if n_rows == 1 and n_steps > n_states * n_steps.bit_length():
        x = _times_power(x, matrix, n_steps)
        log_predicted = np.empty((1, n_states))
        kernels.take_wide_logs(x, log_predicted)
        return log_predicted
    return _step_by_step(x[0], matrix, n_steps, n_rows)


def exponentials(logs: FloatArray) -> FloatArray:
    """Exponentials of a matrix, as wide numbers with all digits of head and tail, (4, K, K)."""
    values, places = np.unique(logs, return_inverse=True)
    wide = np.zeros((PLANES, len(values)))
    with localcontext(Context(prec=DIGITS)):
        log_2 = Decimal(2).ln()
        for n, x in enumerate(values.tolist()):
            if x == NEVER:
                wide[EXPONENT, n] = x
                continue
            whole = (Decimal(x) / log_2).to_integral_value()
            mantissa = (Decimal(x) - whole * log_2).exp()
            head, exponent = float(mantissa), float(whole)
            wide[:, n] = head, float(mantissa - Decimal(head)), exponent, float(whole - Decimal(exponent))
    table: FloatArray = wide.take(places.reshape(-1), axis=1).reshape(-1, *logs.shape)
    return table


def _times(rows: FloatArray, matrix: FloatArray) -> FloatArray:
    """Rows of wide numbers, (n, 4, K), times a matrix."""
    products = np.zeros(rows.shape)
    n_together = _n_together(rows.shape[-1])
    for begin in range(0, len(rows), n_together):
        part = slice(begin, begin + n_together)
        kernels.run_products(rows[part], matrix, products[part])
    return products


def _times_power(x: FloatArray, matrix: FloatArray, n_steps: int) -> FloatArray:
    """x A^n, by the squares A, A², A⁴, ... of which n is made."""
    while True:
        if n_steps % 2:
            x = _times(x, matrix)
        n_steps //= 2
        if n_steps == 0:
            return x
        rows = np.ascontiguousarray(matrix.transpose(1, 0, 2))
        matrix = np.ascontiguousarray(_times(rows, matrix).transpose(1, 0, 2))


def _step_by_step(x: FloatArray, matrix: FloatArray, n_steps: int, n_rows: int) -> FloatArray:
    """The same with all rows on the way, or the last alone."""
    n_states = matrix.shape[1]
    log_predicted = np.empty((n_rows, n_states))
    rows = np.zeros((min(n_steps, _n_together(n_states)) + 1, *x.shape))
    rows[0] = x
    for begin in range(0, n_steps, len(rows) - 1):
        n_more = min(len(rows) - 1, n_steps - begin)
        kernels.run_products(rows[:n_more], matrix, rows[1 : n_more + 1])
        rows[0] = rows[n_more]
        last = rows[n_more : n_more + 1] if n_rows == 1 else rows[1 : n_more + 1]
        kernels.take_wide_logs(last, log_predicted[0 if n_rows == 1 else begin :][: len(last)])
    return log_predicted


def _n_together(n_states: int) -> int:
    return max(1, MOST_TERMS // n_states**2)
