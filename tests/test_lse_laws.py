"""What is true of log-sum-exp: each law that `hmmfilter.lse` states, with its formula, as a test.

Laws that a rounding can break are tested in mpmath, on the exact function; that `lse` computes this function is tested
to the last digits beside them, and in test_lse.
"""

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hmmfilter import lse
from tests.conftest import needs_compiled

ROUNDINGS = 4 * np.finfo(float).eps  # of a result, relative to the largest number around
DIGITS = 60  # of mpmath
TINY = mpmath.mpf(10) ** -47  # what is left where a law holds exactly in mpmath
STEP = mpmath.mpf(10) ** -15  # of a difference quotient, whose error is its square
SLOPE_ERROR = 1e-25
HALF_A_DIGIT = 0.5
ERROR = ROUNDINGS * 60  # absolute, where numbers up to 50 and a little more go in

numbers = st.floats(-50, 50)
vectors = hnp.arrays(np.float64, st.integers(1, 8), elements=numbers)
spread = hnp.arrays(np.float64, st.integers(1, 8), elements=st.integers(-20, 20))  # equal, or 1 apart
logs = st.one_of(numbers, st.just(-np.inf))  # of probabilities and the like, zero included


def near(one, other, *around):
    """The same but for a few roundings of the largest number around."""
    entries = np.concatenate([np.ravel(x) for x in (one, other, *around)])
    largest = np.abs(entries[np.isfinite(entries)]).max(initial=1.0)
    return one == other or abs(one - other) <= ROUNDINGS * largest


def exactly(x):
    return [mpmath.mpf(entry) for entry in x.tolist()]


def exact_lse(x):
    """log Σ_i exp(x_i) in mpmath."""
    return mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(y)) for y in x))


def exact_softmax(x):
    total = mpmath.fsum(mpmath.exp(mpmath.mpf(y)) for y in x)
    return [mpmath.exp(mpmath.mpf(y)) / total for y in x]


def moved(x, *steps):
    """x, in mpmath, with steps (i, h) added to some entries."""
    y = [mpmath.mpf(float(entry)) for entry in x]
    for i, h in steps:
        y[i] += h
    return y


@given(vectors, st.floats(-1000, 1000))
def test_the_shift_identity(x, a):
    """log Σ exp(x_i) = a + log Σ exp(x_i − a), for any a."""
    assert near(lse.logsumexp(x), a + lse.logsumexp(x - a), x, a)
    with mpmath.workdps(DIGITS):
        assert abs(exact_lse(x) - (a + exact_lse([mpmath.mpf(y) - a for y in x.tolist()]))) < TINY


@given(hnp.arrays(np.float64, st.integers(1, 8), elements=st.integers(-900, 900)), st.integers(-(2**40), 2**40))
def test_a_shift_that_does_not_round_changes_no_bit_of_softmax(x, a):
    assert lse.softmax(x).tolist() == lse.softmax(x + a).tolist()


@given(vectors)
def test_it_lies_above_the_maximum_by_at_most_log_n(x):
    """max x_i ≤ LSE(x) ≤ max x_i + log n."""
    lower, upper = lse.bounds(x)
    assert lower == x.max()
    assert lower <= lse.logsumexp(x)
    assert lse.logsumexp(x) <= upper or near(lse.logsumexp(x), upper)
    with mpmath.workdps(DIGITS):
        assert x.max() - TINY <= exact_lse(x) <= x.max() + mpmath.log(len(x)) + TINY


@given(numbers, st.integers(1, 8))
def test_it_is_the_maximum_where_nothing_else_is_and_log_n_above_where_all_are_equal(x, n):
    alone = np.full(n, -np.inf)
    alone[n // 2] = x
    assert lse.logsumexp(alone) == x
    assert near(lse.logsumexp(np.full(n, x)), x + np.log(n), x)
    assert near(lse.bounds(np.full(n, x))[1], x + np.log(n), x)


@given(spread)
def test_it_reaches_its_bounds_nowhere_else(x):
    with mpmath.workdps(DIGITS):
        above = exact_lse(x) - x.max()
        assert (above > TINY) == (len(x) > 1)
        assert (above < mpmath.log(len(x)) - TINY) == (x.min() < x.max())


@given(vectors, st.data())
def test_it_is_convex(x, data):
    """LSE(λ x + (1 − λ) y) ≤ λ LSE(x) + (1 − λ) LSE(y)."""
    y = data.draw(hnp.arrays(np.float64, x.shape, elements=numbers))
    weight = data.draw(st.floats(0, 1))
    chord = weight * lse.logsumexp(x) + (1 - weight) * lse.logsumexp(y)
    middle = lse.logsumexp(weight * x + (1 - weight) * y)
    assert middle <= chord or near(middle, chord, x, y)
    with mpmath.workdps(DIGITS):
        w = mpmath.mpf(weight)
        between = [w * mpmath.mpf(a) + (1 - w) * mpmath.mpf(b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        assert near(lse.logsumexp(weight * x + (1 - weight) * y), float(exact_lse(between)), x, y)
        assert exact_lse(between) <= w * exact_lse(x.tolist()) + (1 - w) * exact_lse(y.tolist()) + TINY


@given(vectors, st.floats(-100, 100))
def test_it_is_not_strictly_convex_but_linear_along_all_ones(x, step):
    """LSE(x + c 1) = LSE(x) + c."""
    assert near(lse.logsumexp(x + step), lse.logsumexp(x) + step, x, step)
    with mpmath.workdps(DIGITS):
        middle = exact_lse([mpmath.mpf(y) + mpmath.mpf(step) / 2 for y in x.tolist()])
        ends = exact_lse(x.tolist()) + exact_lse([mpmath.mpf(y) + mpmath.mpf(step) for y in x.tolist()])
        assert abs(middle - ends / 2) < TINY


@given(spread, st.data())
def test_it_bends_in_every_other_direction(x, data):
    """Halfway from x to y, LSE lies below the chord, unless y − x is a multiple of 1."""
    y = data.draw(hnp.arrays(np.float64, x.shape, elements=st.integers(-20, 20)))
    chord, middle = (lse.logsumexp(x) + lse.logsumexp(y)) / 2, lse.logsumexp((x + y) / 2)
    step = y - x
    with mpmath.workdps(DIGITS):
        sag = (exact_lse(x) + exact_lse(y)) / 2 - exact_lse((x + y) / 2)
        assert (sag > TINY) == (step.min() < step.max())
    assert near(chord - middle, float(sag), x, y)


@given(vectors, st.data())
def test_it_rises_with_each_argument(x, data):
    """By log(1 + p_i (e^h − 1)) with x_i + h for x_i, where p = softmax(x)."""
    i, rise = data.draw(st.integers(0, len(x) - 1)), data.draw(st.floats(1e-6, 10))
    higher = x.copy()
    higher[i] += rise
    rise = higher[i] - x[i]  # as it was rounded
    assert near(lse.logsumexp(higher), lse.logsumexp(x) + np.log1p(lse.softmax(x)[i] * np.expm1(rise)), x, higher)
    with mpmath.workdps(DIGITS):
        assert exact_lse(moved(x, (i, mpmath.mpf(rise)))) > exact_lse(moved(x))


@given(vectors, st.data())
def test_its_gradient_is_the_softmax(x, data):
    """∂ LSE / ∂x_i = p_i = exp(x_i) / Σ_j exp(x_j)."""
    i = data.draw(st.integers(0, len(x) - 1))
    with mpmath.workdps(DIGITS):
        slope = (exact_lse(moved(x, (i, STEP))) - exact_lse(moved(x, (i, -STEP)))) / (2 * STEP)
        assert abs(slope - exact_softmax(x.tolist())[i]) < SLOPE_ERROR
    np.testing.assert_allclose(lse.softmax(x)[i], float(slope), rtol=ERROR, atol=SLOPE_ERROR)


@given(hnp.arrays(np.float64, st.integers(1, 4), elements=numbers))
def test_its_hessian_is_diag_p_minus_p_pt(x):
    """∂² LSE / ∂x_i ∂x_j = [i = j] p_i − p_i p_j."""
    with mpmath.workdps(DIGITS):
        p = exact_softmax(x.tolist())
        np.testing.assert_allclose(lse.softmax(x), np.array(p, dtype=float), rtol=ERROR, atol=SLOPE_ERROR)
        for i, j in itertools.product(range(len(x)), repeat=2):
            corners = [(s * t) * exact_lse(moved(x, (i, s * STEP), (j, t * STEP))) for s in (1, -1) for t in (1, -1)]
            curvature = mpmath.fsum(corners) / (4 * STEP**2)
            assert abs(curvature - ((i == j) * p[i] - p[i] * p[j])) < SLOPE_ERROR
    hessian = np.diag(lse.softmax(x)) - np.outer(lse.softmax(x), lse.softmax(x))
    assert np.abs(hessian.sum(axis=1)).max() <= ROUNDINGS  # flat along all ones
    assert np.linalg.eigvalsh(hessian).min() >= -ROUNDINGS  # and bent upwards across


@given(vectors, st.data())
def test_its_conjugate_is_negative_entropy(x, data):
    """LSE(x) + Σ p_i log p_i ≥ Σ p_i x_i for any distribution p (Fenchel–Young), with equality at p = softmax(x)."""
    parts = data.draw(hnp.arrays(np.float64, x.shape, elements=st.floats(0, 1)))
    assume(parts.sum() > 0)
    p = parts / parts.sum()
    gap = lse.logsumexp(x) + lse.negative_entropy(p) - p @ x
    assert gap >= -ERROR
    there = p > 0
    divergence = p[there] @ (np.log(p[there]) - lse.log_softmax(x)[there])  # of p from softmax(x)
    assert abs(gap - divergence) <= ERROR * len(x)
    p = lse.softmax(x)
    assert abs(lse.logsumexp(x) + lse.negative_entropy(p) - p @ x) <= ERROR * len(x)


@given(vectors)
def test_negative_entropy_is_the_most_that_a_line_gains_on_it(x):
    """Σ p_i log p_i = max over x of Σ p_i x_i − LSE(x), reached at x = log p."""
    p, log_p = lse.softmax(x), lse.log_softmax(x)
    assert near(lse.negative_entropy(p), p @ log_p - lse.logsumexp(log_p), log_p)
    assert lse.negative_entropy(p) >= p @ x - lse.logsumexp(x) - ERROR * len(x)
    assert lse.negative_entropy(np.eye(len(x))[0]) == 0  # in a corner, where x would have to be −inf


@pytest.mark.parametrize("p", [[0.5, 0.6], [0.5, 0.4], [1.5, -0.5]], ids=["sum above 1", "sum below 1", "negative"])
def test_off_the_simplex_the_line_gains_for_ever(p):
    directions = [np.ones(2), -np.ones(2), np.where(np.array(p) < 0, -1.0, 0.0)]
    gains = [max(p @ (far * d) - lse.logsumexp(far * d) for d in directions) for far in (1e3, 1e6, 1e9)]
    assert gains[0] > 90
    assert all(farther > 900 * nearer for nearer, farther in itertools.pairwise(gains))
    assert lse.negative_entropy(p) == np.inf


@given(vectors, st.floats(1e-6, 1.0))
def test_it_cools_down_to_the_maximum(x, tau):
    """max x_i ≤ τ LSE(x / τ) ≤ max x_i + τ log n, and so τ LSE(x / τ) → max x_i as τ → 0."""
    smooth = lse.smooth_max(x, tau)
    assert x.max() <= smooth
    assert smooth <= x.max() + tau * np.log(len(x)) or near(smooth, x.max() + tau * np.log(len(x)), x)
    colder = lse.smooth_max(x, tau / 2)
    assert colder <= smooth or near(colder, smooth, x)
    assert near(smooth, tau * lse.logsumexp(x / tau), x)


@given(spread, st.floats(0.01, 1.0))
def test_how_fast_it_cools_down(x, tau):
    """To max x_i + τ log m, where m terms are largest; if the others are d below, at most τ n exp(−d / τ) is left."""
    is_top = x == x.max()
    above = lse.smooth_max(x, tau) - x.max() - tau * np.log(is_top.sum())
    d = x.max() - x[~is_top].max(initial=-np.inf)
    assert -ERROR <= above <= tau * len(x) * np.exp(-d / tau) + ERROR


@given(hnp.arrays(np.float64, st.integers(1, 8), elements=st.floats(-700, -20)))
def test_every_digit_of_the_others_counts_near_zero(others):
    """s − s²/2 ≤ LSE(0, y) ≤ s, where s = Σ exp(y_i) may be as small as 1e-304."""
    s = np.exp(others).sum()
    assert s * (1 - s / 2) * (1 - ROUNDINGS) <= lse.logsumexp([0.0, *others]) <= s * (1 + ROUNDINGS)


@given(vectors, st.data())
def test_one_term_and_what_the_others_add(x, data):
    """LSE(x) ≤ x_j + Σ_{i≠j} exp(x_i − x_j), as log(1 + y) ≤ y; and nearly so where x_j dominates."""
    j = data.draw(st.integers(0, len(x) - 1))
    with mpmath.workdps(DIGITS):
        rest = mpmath.fsum(mpmath.exp(mpmath.mpf(y) - mpmath.mpf(x[j])) for i, y in enumerate(x.tolist()) if i != j)
        gap = x[j] + rest - exact_lse(x.tolist())
        assert gap >= -TINY
        assert gap <= rest**2 / 2 + TINY  # y − log(1 + y) ≤ y²/2
    dominated = np.append(x - 100.0, 51.0)
    rest = np.exp(dominated[:-1] - 51.0).sum()
    assert near(lse.logsumexp(dominated), 51.0 + rest)


@given(logs, logs, logs)
def test_it_is_the_sum_of_the_log_semiring(x, y, z):
    """x ⊕ y = log(e^x + e^y): associative, commutative, −inf is neutral, and + distributes over it."""

    def plus(*terms):
        return lse.logsumexp(terms)

    assert plus(x, y) == plus(y, x)
    assert plus(x, -np.inf) == x
    assert near(plus(plus(x, y), z), plus(x, plus(y, z)), x, y, z)
    assert near(plus(plus(x, y), z), plus(x, y, z), x, y, z)
    assert near(x + plus(y, z), plus(x + y, x + z), x, y, z)
    assert near(plus(x, x), x + np.log(2))  # which is more than x, where max(x, x) is x


@given(st.integers(0, 2**32 - 1))
def test_a_recursion_runs_in_logs_unchanged(seed):
    """The log-sum-exp over all paths, step by step, is filtering; with max in its place, it is Viterbi decoding."""
    rng = np.random.default_rng(seed)
    initial, transition, rows = (rng.normal(0, 9, shape) for shape in [3, (3, 3), (4, 3)])
    log_joints = [
        initial[path[0]] + rows[range(4), path].sum() + sum(transition[step] for step in itertools.pairwise(path))
        for path in itertools.product(range(3), repeat=4)
    ]
    for plus in (lse.logsumexp, lambda x, axis=None: lse.smooth_max(x, 1e-300, axis)):
        alpha = initial + rows[0]
        for row in rows[1:]:
            alpha = row + plus(alpha[:, None] + transition, axis=0)
        assert near(plus(alpha), plus(log_joints), 100)


@given(logs, logs, logs)
def test_the_maximum_is_the_sum_of_the_tropical_one(x, y, z):
    """The same laws with x ⊕ y = max(x, y), which is τ LSE((x, y) / τ) for τ → 0."""

    def plus(*terms):
        return lse.smooth_max(terms, 1e-300)

    assert near(plus(x, y), max(x, y))
    assert near(plus(plus(x, y), z), plus(x, plus(y, z)))
    assert plus(x, y) == plus(y, x)
    assert plus(x, -np.inf) == x
    assert near(x + plus(y, z), plus(x + y, x + z), x, y, z)


@given(vectors, st.data())
def test_weights_of_zero_are_a_mask(x, data):
    """log Σ w_i exp(x_i), with weights of 0 and 1, is the log-sum-exp of those with a weight, whatever the others."""
    kept = data.draw(hnp.arrays(np.bool_, x.shape))
    hostile = np.where(kept, x, data.draw(st.sampled_from([np.nan, np.inf, 1e300, -np.inf])))
    expected = lse.logsumexp(x[kept])
    assert lse.logsumexp(hostile, weights=kept.astype(float)) == expected
    assert lse.logsumexp(hostile, where=kept) == expected
    assert lse.logsumexp(np.where(kept, x, -np.inf)) == expected  # −inf is the log of no weight
    assert np.array_equal(lse.softmax(hostile, where=kept)[kept], lse.softmax(x[kept]) if kept.any() else [])


@given(vectors, st.data())
def test_weights_are_terms_of_their_own(x, data):
    """log Σ w_i exp(x_i) = LSE(x + log w)."""
    weights = data.draw(hnp.arrays(np.float64, x.shape, elements=st.floats(1e-6, 1e6)))
    assert near(lse.logsumexp(x, weights=weights), lse.logsumexp(x + np.log(weights)), x, np.log(weights))
    mean = lse.logsumexp(x, weights=weights) - np.log(weights.sum())
    assert near(lse.logmeanexp(x, weights=weights), mean, x, np.log(weights))


def digits_lost(answer, exact):
    """How many of a double's digits are wrong."""
    with mpmath.workdps(DIGITS):
        return max(0.0, float(mpmath.log10(abs(mpmath.mpf(float(answer)) / exact - 1) / 2**-53 + TINY)))


@pytest.mark.parametrize(("n", "lost"), [(10_000, 1.37), (100_000, 1.93)])
def test_adding_up_one_by_one_loses_digits(n, lost):
    """s ← log(e^s + e^x_i) rounds n times, and loses more and more; the shifted sum does not lose one bit more."""
    x = np.random.default_rng(1).normal(-1000.0, 1.0, n)
    with mpmath.workdps(DIGITS):
        exact = exact_lse(x.tolist())
    assert digits_lost(lse.logsumexp(x), exact) < HALF_A_DIGIT
    assert digits_lost(lse.logaddexp_reduce(x), exact) == pytest.approx(lost, abs=HALF_A_DIGIT)


@pytest.mark.parametrize(
    ("n", "lost"), [(100, 0.5), (10_000, 1.0), (100_000, 1.5), pytest.param(1_000_000, 2.3, marks=needs_compiled)]
)
def test_equal_terms_lose_digits_too(n, lost):
    """Here nothing cancels, and the exact sum is known without adding up: log n − 1000."""
    x = np.full(n, -1000.0)
    with mpmath.workdps(DIGITS):
        exact = mpmath.log(n) - 1000
    shifted, running = digits_lost(lse.logsumexp(x), exact), digits_lost(lse.logaddexp_reduce(x), exact)
    print(f"{n:9,} equal terms: {shifted:.1f} digits lost by the shifted sum, {running:.1f} one by one")
    assert shifted < HALF_A_DIGIT
    assert running == pytest.approx(lost, abs=HALF_A_DIGIT)


def exact_regression(weights, features, labels):
    """Log-likelihood and gradient of a softmax regression in mpmath."""
    value, gradient = mpmath.mpf(0), np.zeros(weights.shape, dtype=object)
    for row, label in zip(features.tolist(), labels, strict=True):
        logits = [mpmath.fdot(row, column) for column in weights.tolist()]
        value += logits[label] - exact_lse(logits)
        for k, p in enumerate(exact_softmax(logits)):
            gradient[k] += [((k == label) - p) * feature for feature in row]
    return value, gradient


def regression(weights, features, labels, log_normaliser, probabilities):
    """Σ_n ( z_n[y_n] − LSE(z_n) ), z_n = W f_n, and its gradient Σ_n ( e_yn − softmax(z_n) ) f_nᵀ."""
    logits = features @ weights.T
    rows = np.arange(len(labels))
    value = (logits[rows, labels] - log_normaliser(logits)).sum()
    chosen = np.zeros_like(logits)
    chosen[rows, labels] = 1.0
    return value, (chosen - probabilities(logits)).T @ features


def test_the_normaliser_of_a_softmax_regression():
    """With logits of ±1e4 its log-likelihood and gradient keep their digits, where those as written are NaN."""
    rng = np.random.default_rng(3)
    weights, features = rng.integers(-100, 101, (3, 2)).astype(float), rng.integers(-100, 101, (20, 2)).astype(float)
    labels = rng.integers(0, 3, 20)
    assert abs(features @ weights.T).max() > 1e4
    with mpmath.workdps(DIGITS):
        exact_value, exact_gradient = exact_regression(weights, features, labels)
    value, gradient = regression(
        weights, features, labels, lambda z: lse.logsumexp(z, axis=1), lambda z: lse.softmax(z, axis=1)
    )
    assert value == pytest.approx(float(exact_value), rel=ROUNDINGS)
    np.testing.assert_allclose(gradient, exact_gradient.astype(float), rtol=ROUNDINGS, atol=ROUNDINGS)

    def naive_softmax(z):
        return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)

    with np.errstate(all="ignore"):
        naive = regression(weights, features, labels, lambda z: lse.naive_logsumexp(z, axis=1), naive_softmax)
    assert not np.isfinite(naive[0])
    assert np.isnan(naive[1]).all()


@given(vectors, st.data())
def test_a_sum_of_both_signs_is_a_difference_of_two(x, data):
    """|Σ w_i e^x_i| = |e^P − e^N|, P and N the log-sum-exps of the terms that add and of those that subtract."""
    weights = np.array(
        data.draw(st.lists(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 3.0]), min_size=len(x), max_size=len(x)))
    )
    assume(weights.any())
    adds, subtracts = (lse.logsumexp(x, weights=np.maximum(side, 0.0)) for side in (weights, -weights))
    log_magnitude, sign = lse.logsumexp(x, weights=weights, return_sign=True)
    if abs(adds - subtracts) > HALF_A_DIGIT:
        expected, its_sign = lse.logdiffexp(adds, subtracts, return_sign=True)
        assert near(log_magnitude, expected, x)
        assert sign == its_sign


@given(numbers, numbers, st.integers(-1000, 1000))
def test_a_difference_moves_with_both(x, y, c):
    """log(e^(x + c) − e^(y + c)) = c + log(e^x − e^y)."""
    x, y = round(max(x, y), 3), round(min(x, y), 3) - 1
    assert near(lse.logdiffexp(x + c, y + c), c + lse.logdiffexp(x, y), 1050)


@given(st.floats(-700, -1e-12))
def test_a_probability_and_what_is_left_to_one_add_up_to_it(x):
    """log(e^x + (1 − e^x)) = 0."""
    assert abs(lse.logsumexp([x, lse.log1mexp(x)])) <= ROUNDINGS * max(1.0, -lse.log1mexp(x))


@given(vectors)
def test_a_running_sum_grows_by_one_term_at_a_time(x):
    """c_i = c_{i−1} ⊕ x_i."""
    sums = lse.logcumsumexp(x)
    for before, term, after in zip([-np.inf, *sums], x, sums, strict=False):
        assert near(after, lse.logsumexp([before, term]), x)
