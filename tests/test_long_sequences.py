"""A million steps, against an exact answer that needs no million steps: one period as a matrix, and its powers."""

import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from tests import cases, oracle
from tests.conftest import needs_compiled

PERIOD, REPEATS = 1000, 1000
THIRTEEN_DIGITS = 1e-13

pytestmark = needs_compiled


@pytest.fixture(scope="module", params=[2, 3])
def case(request):
    log_initial, log_transition, once = cases.draw(cases.ordinary, 0, PERIOD, request.param)
    return log_initial, log_transition, np.tile(once, (REPEATS, 1))


def matrices(case):
    """Start, transition and the evidence of one period, as mpmath matrices."""
    log_initial, log_transition, log_likelihoods = case
    start = mpmath.matrix(oracle.exp_table([log_initial]))
    transition = mpmath.matrix(oracle.exp_table(log_transition))
    return start, transition, [mpmath.diag(row) for row in oracle.exp_table(log_likelihoods[:PERIOD])]


def as_probabilities(weights):
    total = mpmath.fsum(weights)
    return [float(x / total) for x in weights]


@mpmath.workdps(oracle.DIGITS)
def test_the_filter(case):
    filtered = hf.forward_filter(*case)
    start, transition, evidence = matrices(case)
    period = mpmath.eye(len(start))
    for b in evidence:
        period = period * b * transition
    alpha = start * period ** (REPEATS - 1)
    for b in evidence[:-1]:
        alpha = alpha * b * transition
    alpha = alpha * evidence[-1]
    np.testing.assert_allclose(filtered.probabilities[-1], as_probabilities(alpha), rtol=THIRTEEN_DIGITS, atol=0)
    error = abs(mpmath.mpf(filtered.log_likelihood) - mpmath.log(mpmath.fsum(alpha)))
    assert error <= 4e-15 * np.abs(filtered.log_increments).sum()
    assert hf.log_likelihood(*case) == filtered.log_likelihood


@mpmath.workdps(oracle.DIGITS)
def test_the_smoother(case):
    smoothed = hf.smooth(*case)
    start, transition, evidence = matrices(case)
    n_states = len(start)
    rest = mpmath.eye(n_states)  # of a period, after its first step
    for b in evidence[1:]:
        rest = rest * transition * b
    period = transition * evidence[0] * rest
    alpha = start * evidence[0]
    for n_periods in (0, REPEATS // 2):
        if n_periods:
            alpha = alpha * rest * period ** (n_periods - 1) * transition * evidence[0]
        beta = rest * period ** (REPEATS - 1 - n_periods) * mpmath.ones(n_states, 1)
        exact = as_probabilities([alpha[k] * beta[k] for k in range(n_states)])
        row = smoothed.probabilities[n_periods * PERIOD]
        np.testing.assert_allclose(row, exact, rtol=THIRTEEN_DIGITS, atol=0)


def test_viterbi(case):
    """Max-plus instead of sum-product; logs are added in 80 digits."""
    decoded = hf.viterbi(*case)
    with mpmath.workdps(oracle.DIGITS):
        start, transition, evidence = matrices(case)
        states = range(len(start))

        def product(x, y):
            return [[max(x[i][k] * y[k][j] for k in states) for j in states] for i in states]

        a = [[transition[i, j] for j in states] for i in states]
        period = None
        for b in evidence:
            step = [[a[i][j] * b[j, j] for j in states] for i in states]
            period = step if period is None else product(period, step)
        power, squares = None, period  # period to the power of REPEATS, of which the first step is not one
        for bit in reversed(f"{REPEATS - 1:b}"):
            if bit == "1":
                power = squares if power is None else product(power, squares)
            squares = product(squares, squares)
        first_period = [start[k] * evidence[0][k, k] for k in states]
        for b in evidence[1:]:
            first_period = [max(first_period[i] * a[i][j] for i in states) * b[j, j] for j in states]
        best = mpmath.log(max(first_period[i] * power[i][j] for i in states for j in states))
        joint = oracle.path_joint(case, decoded.path)
        assert abs(joint - best) <= mpmath.mpf(10) ** -18 * abs(best)
        assert abs(mpmath.mpf(decoded.log_joint) - best) <= oracle.EPSILON * abs(best)
