"""The naive twin: it agrees with the log version as long as it lives, and dies where mpmath says; so do its repairs."""

import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import naive, underflow
from tests import oracle
from tests.conftest import needs_compiled

CASINO = underflow.casino()
DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])
MEAN_INCREMENT = -1.74  # of the casino: what theory says about the deaths starts here


def rolls(seed, length=600):
    _, observations = CASINO.simulate(length, rng=seed)
    return np.exp(CASINO.emission.log_likelihoods(observations))


def casino(seed, length=600):
    return CASINO.initial, CASINO.transition, rolls(seed, length)


def logs(tables):
    with np.errstate(divide="ignore"):
        return [np.log(table) for table in tables]


@DTYPES
def test_agreement_as_long_as_it_lives(dtype):
    tables = casino(0)
    filtered = naive.forward_filter(*tables, dtype=dtype)
    exact = hf.forward_filter(*logs(tables)).probabilities
    alive = filtered.first_subnormal
    rounding = 10 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(filtered.probabilities[:alive], exact[:alive], rtol=rounding * 20, atol=0)
    assert filtered.alpha.dtype == filtered.probabilities.dtype == dtype

    short = [tables[0], tables[1], tables[2][: alive // 2]]
    smoothed, decoded = naive.smooth(*short, dtype=dtype), naive.viterbi(*short, dtype=dtype)
    np.testing.assert_allclose(smoothed.probabilities, hf.smooth(*logs(short)).probabilities, rtol=rounding * 20)
    assert np.array_equal(decoded.path, hf.viterbi(*logs(short)).path)
    assert np.log(smoothed.likelihood) == pytest.approx(hf.log_likelihood(*logs(short)), rel=rounding)
    assert np.log(decoded.joint_probability) == pytest.approx(hf.viterbi(*logs(short)).log_joint, rel=rounding)
    for table in (smoothed.alpha, smoothed.beta, decoded.delta):
        assert table.dtype == dtype
    assert smoothed.first_subnormal is smoothed.first_zero is decoded.first_subnormal is decoded.first_zero is None


def test_alpha_beta_and_delta_mean_what_they_say():
    tables = casino(1, length=6)
    smoothed, decoded = naive.smooth(*tables), naive.viterbi(*tables)
    np.testing.assert_allclose((smoothed.alpha * smoothed.beta).sum(axis=1), smoothed.likelihood, rtol=1e-14)
    assert decoded.joint_probability == decoded.delta[-1].max()
    assert decoded.path[-1] == decoded.delta[-1].argmax()
    np.testing.assert_array_equal(smoothed.alpha, naive.forward_filter(*tables).alpha)


@DTYPES
def test_death_where_mpmath_says(dtype):
    """α first leaves the normal numbers, and dies, at the steps at which the exact α does."""
    tables = casino(2)
    filtered = naive.forward_filter(*tables, dtype=dtype)
    smallest_normal = np.finfo(dtype).tiny
    smallest = np.finfo(dtype).smallest_subnormal
    with mpmath.workdps(oracle.DIGITS):
        alpha, steps = [mpmath.mpf(float(p)) for p in tables[0]], []
        for t, row in enumerate(tables[2]):
            if t:
                alpha = [sum(alpha[i] * mpmath.mpf(float(tables[1][i, j])) for i in range(2)) for j in range(2)]
            alpha = [alpha[k] * mpmath.mpf(float(row[k])) for k in range(2)]
            steps.append(alpha)
    below_normal = [min(alpha) < float(smallest_normal) for alpha in steps]
    assert filtered.first_subnormal == below_normal.index(True)
    # On the way every product rounds to a multiple of the smallest number, which may cost or give a roll or two.
    dead = [max(alpha) < mpmath.mpf(float(smallest)) / 2 for alpha in steps]
    assert abs(filtered.first_zero - dead.index(True)) <= 2
    assert (filtered.alpha[filtered.first_zero :] == 0).all()
    assert (filtered.alpha[filtered.first_zero - 1] > 0).any()


def test_digits_go_one_by_one_through_the_subnormals():
    tables = casino(3)
    filtered = naive.forward_filter(*tables)
    exact = hf.forward_filter(*logs(tables)).probabilities
    begin, end = filtered.first_subnormal, filtered.first_zero
    error = np.abs(filtered.probabilities - exact).max(axis=1)
    assert error[:begin].max() < 1e-14
    thirds = [error[begin + (end - begin) * k // 3 : begin + (end - begin) * (k + 1) // 3].max() for k in range(3)]
    assert 1e-15 < thirds[0] < thirds[1] < thirds[2]
    assert thirds[2] > 1e-3  # plausible, finite, and wrong


@DTYPES
def test_nothing_repairs_it(dtype):
    tables = casino(4)
    filtered, smoothed, decoded = (f(*tables, dtype=dtype) for f in (naive.forward_filter, naive.smooth, naive.viterbi))
    assert filtered.likelihood == smoothed.likelihood == decoded.joint_probability == 0
    assert np.isnan(filtered.probabilities[filtered.first_zero :]).all()
    assert np.isfinite(filtered.probabilities[: filtered.first_zero]).all()
    assert np.isnan(smoothed.probabilities[-1]).all()


@needs_compiled
@pytest.mark.parametrize(
    ("dtype", "zero", "subnormal"), [(np.float64, 428, 407), (np.float32, 59, 50)], ids=["float64", "float32"]
)
def test_theory_predicts_the_step(dtype, zero, subnormal):
    info = np.finfo(dtype)
    assert round(np.log(float(info.smallest_subnormal)) / MEAN_INCREMENT) == zero
    assert round(np.log(float(info.tiny)) / MEAN_INCREMENT) == subnormal
    runs = [naive.forward_filter(*casino(seed), dtype=dtype) for seed in range(60)]
    assert abs(np.mean([run.first_zero for run in runs]) - zero) < 5
    assert abs(np.mean([run.first_subnormal for run in runs]) - subnormal) < 5
    increments = [hf.forward_filter(*logs(casino(seed))).log_increments.mean() for seed in range(60)]
    assert np.mean(increments) == pytest.approx(MEAN_INCREMENT, abs=0.01)


def test_float32_is_computed_in_float32():
    """To the bit, as one product and one sum after the other would be."""
    initial, transition, likelihoods = (np.asarray(table, np.float32) for table in casino(5, 40))
    alpha = [initial * likelihoods[0]]
    delta = [initial * likelihoods[0]]
    for row in likelihoods[1:]:
        total = np.zeros(2, np.float32)
        for i in range(2):
            total = total + alpha[-1][i] * transition[i]
        alpha.append(total * row)
        delta.append((delta[-1][:, None] * transition).max(axis=0) * row)
    smoothed = naive.smooth(initial, transition, likelihoods, dtype=np.float32)
    decoded = naive.viterbi(initial, transition, likelihoods, dtype=np.float32)
    assert np.array_equal(smoothed.alpha, np.array(alpha))
    assert np.array_equal(decoded.delta, np.array(delta))


@DTYPES
def test_the_decoder_dies_where_mpmath_says(dtype):
    tables = casino(2)
    decoded = naive.viterbi(*tables, dtype=dtype)
    with mpmath.workdps(oracle.DIGITS):
        delta, steps = [mpmath.mpf(float(p)) for p in tables[0]], []
        for t, row in enumerate(tables[2]):
            if t:
                delta = [max(delta[i] * mpmath.mpf(float(tables[1][i, j])) for i in range(2)) for j in range(2)]
            delta = [delta[k] * mpmath.mpf(float(row[k])) for k in range(2)]
            steps.append(delta)
    info = np.finfo(dtype)
    assert decoded.first_subnormal == [min(delta) < float(info.tiny) for delta in steps].index(True)
    dead = [max(delta) < mpmath.mpf(float(info.smallest_subnormal)) / 2 for delta in steps]
    assert abs(decoded.first_zero - dead.index(True)) <= 2


def test_a_smoother_that_is_too_long_has_no_row_left():
    smoothed, filtered = naive.smooth(*casino(6)), naive.forward_filter(*casino(6))
    assert (smoothed.first_subnormal, smoothed.first_zero) == (filtered.first_subnormal, filtered.first_zero)
    assert np.isnan(smoothed.probabilities).all()


def test_a_state_that_is_structurally_dead_keeps_no_other_alive():
    dying = naive.forward_filter([1.0, 0.0], np.eye(2), [[1e-160, 1.0]] * 3)
    assert (dying.first_subnormal, dying.first_zero) == (1, 2)


def test_overflow_is_silent():
    huge = naive.forward_filter([1e308, 1e308], np.eye(2), [[1.0, 1.0]])
    assert huge.likelihood == np.inf
    assert naive.smooth([1e308, 1e308], np.eye(2), [[1.0, 1.0]]).likelihood == np.inf
    assert naive.forward_filter([1.0], [[1.0]], [[1e300]], dtype=np.float32).likelihood == np.inf


def test_structural_zeros_count_for_neither():
    tables = [1.0, 0.0], [[1.0, 0.0], [0.5, 0.5]], [[0.5, 0.5]] * 5
    for function in (naive.forward_filter, naive.smooth, naive.viterbi):
        result = function(*tables)
        assert result.first_subnormal is result.first_zero is None
    impossible = naive.forward_filter([1.0], [[1.0]], [[0.5], [0.0], [0.5]])
    assert impossible.first_subnormal is impossible.first_zero is None
    assert np.isnan(impossible.probabilities[1:]).all()


def test_a_leap_over_the_subnormals():
    """From a normal number straight to zero: digits are gone and all is zero at the same step."""
    result = naive.forward_filter([1.0], [[1.0]], [[1e-200]] * 3)
    assert (result.first_subnormal, result.first_zero) == (1, 1)
    in_float32 = naive.forward_filter([1.0], [[1.0]], [[1.0], [1e-60]], dtype="float32")
    assert (in_float32.first_subnormal, in_float32.first_zero) == (1, 1)


def test_one_state_may_die_before_the_others():
    result = naive.forward_filter([0.5, 0.5], np.eye(2), [[0.9, 1e-100]] * 5)
    assert result.first_subnormal == 3
    assert result.first_zero is None
    assert result.probabilities[-1].tolist() == [1.0, 0.0]


COINS = np.array([0.5, 0.5]), np.eye(2)
HEADS, TAILS = [[0.9, 0.1]], [[0.1, 0.9]]


def repairs(tables, logs_of_tables=None):
    """What the three say: scaled, scaled with an epsilon, and the shortcut in logs."""
    return (
        naive.scaled_forward_filter(*tables),
        naive.scaled_forward_filter(*tables, epsilon=1e-15),
        naive.exp_dot_log_forward_filter(*(logs_of_tables or logs(tables))),
    )


@DTYPES
def test_scaling_survives_where_nothing_is_lost(dtype):
    tables = casino(7)
    scaled, exact = naive.scaled_forward_filter(*tables, dtype=dtype), hf.forward_filter(*logs(tables))
    rounding = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(scaled.probabilities, exact.probabilities, rtol=100 * rounding)
    np.testing.assert_allclose(scaled.scales, np.exp(exact.log_increments), rtol=100 * rounding)
    assert scaled.log_likelihood == pytest.approx(exact.log_likelihood, rel=100 * rounding)
    assert scaled.probabilities.dtype == scaled.scales.dtype == dtype
    assert scaled.first_lost is None


def test_the_shortcut_is_right_where_nothing_is_lost():
    tables = logs(casino(8))
    shortcut, exact = naive.exp_dot_log_forward_filter(*tables), hf.forward_filter(*tables)
    np.testing.assert_allclose(shortcut.probabilities, exact.probabilities, rtol=1e-11)
    assert shortcut.log_likelihood == pytest.approx(exact.log_likelihood, rel=1e-13)
    likelihoods = np.log(np.exp(shortcut.log_alpha[:200]).sum(axis=1))  # while its exponential lives
    np.testing.assert_allclose(likelihoods, np.cumsum(exact.log_increments)[:200], rtol=1e-13)
    assert shortcut.first_lost is None


@pytest.mark.parametrize(
    ("n_heads", "n_tails", "wrong"),
    [(3, 4, [False, False, False]), (30, 30, [False, True, False]), (400, 420, [True, True, True])],
)
def test_repairs_are_wrong_without_a_word(n_heads, n_tails, wrong):
    """Two coins, and what mpmath says of them."""
    tables = *COINS, np.array(HEADS * n_heads + TAILS * n_tails)
    exact = oracle.recursions(*logs(tables))
    log_likelihood = float(mpmath.log(exact.likelihood))
    for result, is_wrong in zip(repairs(tables), wrong, strict=True):
        assert np.isfinite(result.probabilities).all()
        np.testing.assert_allclose(result.probabilities.sum(axis=1), 1.0)
        assert (abs(result.log_likelihood - log_likelihood) > 0.5) == is_wrong
    scaled, added, shortcut = (result.probabilities[-1, 1] for result in repairs(tables))
    truth = float(exact.filtered[-1][1])
    assert truth == pytest.approx(1 / (1 + 9.0 ** (n_heads - n_tails)))
    assert [abs(scaled - truth) > 0.4, abs(shortcut - truth) > 0.4] == [wrong[0], wrong[2]]
    if n_heads == 30:
        assert (truth, added) == (pytest.approx(0.5), pytest.approx(1.0))


def test_a_state_is_lost_where_theory_says():
    """9**-t falls below half of the smallest double, which is what the rounding forgives; in logs, exp(log α − m)."""
    tables = *COINS, np.array(HEADS * 400)
    scaled, added, shortcut = repairs(tables)
    with mpmath.workdps(oracle.DIGITS):
        deadly = int(mpmath.ceil(-mpmath.log(mpmath.mpf(2) ** -1075) / mpmath.log(9)))
    assert (deadly, scaled.first_lost, added.first_lost, shortcut.first_lost) == (340, 339, None, 340)
    assert scaled.probabilities[339:, 1].max() == 0 < scaled.probabilities[338, 1] == 5e-324
    in_float32 = naive.scaled_forward_filter(*tables, dtype=np.float32)
    assert in_float32.first_lost == int(np.ceil(150 * np.log(2) / np.log(9))) - 1
    assert np.isneginf(shortcut.log_alpha[340:, 1]).all()


def test_an_epsilon_is_added_before_the_division():
    posterior, scales = [], []
    initial, transition, likelihoods = casino(9, 5)
    for row in likelihoods:
        joint = (initial if not posterior else posterior[-1] @ transition) * row + 0.25
        scales.append(joint.sum())
        posterior.append(joint / scales[-1])
    result = naive.scaled_forward_filter(initial, transition, likelihoods, epsilon=0.25)
    np.testing.assert_allclose(result.probabilities, posterior, rtol=1e-14)
    np.testing.assert_allclose(result.scales, scales, rtol=1e-14)
    assert result.log_likelihood == pytest.approx(np.log(scales).sum())


def test_an_epsilon_makes_the_impossible_possible():
    result = naive.scaled_forward_filter([1.0, 0.0], np.eye(2), [[1.0, 1.0], [1e-20, 1.0]], epsilon=1e-15)
    assert result.probabilities[-1, 1] > 0.5
    assert result.first_lost is None


@DTYPES
def test_repairs_die_where_all_is_lost_at_once(dtype):
    tiny = float(np.finfo(dtype).smallest_subnormal)
    scaled = naive.scaled_forward_filter([0.5, 0.5], np.eye(2), [[1.0, 1.0], [tiny, tiny], [1.0, 1.0]], dtype=dtype)
    assert scaled.first_lost == 1
    assert np.isnan(scaled.probabilities[1:]).all()
    assert np.isnan(scaled.log_likelihood)


def test_the_shortcut_dies_where_its_best_state_has_no_future():
    never = -np.inf
    result = naive.exp_dot_log_forward_filter(
        [0.0, -800.0], [[0.0, never], [never, 0.0]], [[0.0, 0.0], [never, 0.0], [0.0, 0.0]]
    )
    assert result.first_lost == 1
    assert np.isneginf(result.log_alpha[1]).all()
    assert np.isnan(result.log_alpha[2]).all()
    assert np.isnan(result.probabilities[1:]).all()
    assert np.isnan(result.log_likelihood)
    assert hf.log_likelihood([0.0, -800.0], [[0.0, never], [never, 0.0]], [[0.0, 0.0], [never, 0.0]]) == pytest.approx(
        -800.0
    )


def test_structural_zeros_are_not_lost():
    tables = np.array([1.0, 0.0]), np.array([[1.0, 0.0], [0.5, 0.5]]), np.full((5, 2), 0.5)
    scaled, _, shortcut = repairs(tables)
    assert scaled.first_lost is shortcut.first_lost is None
    impossible = np.array([1.0]), np.array([[1.0]]), np.array([[0.5], [0.0], [0.5]])
    scaled, _, shortcut = repairs(impossible)
    assert scaled.first_lost is shortcut.first_lost is None
    assert np.isnan([scaled.log_likelihood, shortcut.log_likelihood]).all()


def test_repaired_results_print_themselves():
    scaled, added, shortcut = repairs((*COINS, np.array(HEADS * 400)))
    assert repr(scaled) == (
        "ScaledFiltered: 400 steps, 2 states, float64, log-likelihood -42.8374; a possible state lost at step 339"
    )
    assert repr(added).endswith("; no possible state lost")
    assert repr(shortcut).startswith("ExpDotLogFiltered: 400 steps, 2 states, float64, log-likelihood -42.8374; ")


by_shortcut = naive.exp_dot_log_forward_filter


def add(epsilon):
    naive.scaled_forward_filter([1.0], [[1.0]], [[0.5]], epsilon=epsilon)


REFUSED = [
    (lambda: naive.smooth([1], [[1]], [[0.5]], dtype="x"), ValueError, "dtype must be float32 or float64, got 'x'"),
    (lambda: naive.smooth([1], [[1]], [[0.5]], dtype=None), ValueError, "dtype must be float32 or float64, got None"),
    (lambda: naive.smooth([1], [[1]], [[1]], dtype="i"), ValueError, "dtype must be float32 or float64, got 'i'"),
    (lambda: naive.smooth([1.0], [[1.0]], [[-0.5]]), ValueError, "likelihoods[0, 0] must be at least 0, got -0.5"),
    (lambda: naive.viterbi([1.0], [[np.nan]], [[0.5]]), ValueError, "transition[0, 0] must be finite, got nan"),
    (lambda: naive.forward_filter([1.0], [[1.0]], [0.5]), ValueError, "likelihoods must have shape (T, 1), got (1,)"),
    (lambda: add(-1e-15), ValueError, "epsilon must be at least 0, got -1e-15"),
    (lambda: add(np.nan), ValueError, "epsilon must be finite, got nan"),
    (lambda: add(np.inf), ValueError, "epsilon must be finite, got inf"),
    (lambda: add([1e-15]), ValueError, "epsilon must have shape (), got (1,)"),
    (lambda: add("tiny"), TypeError, "epsilon must hold real numbers, got dtype <U4"),
    (lambda: naive.scaled_forward_filter([1], [[1]], [[-1]]), ValueError, "likelihoods[0, 0] must be at least 0, got -1.0"),
    (lambda: naive.scaled_forward_filter([1], [[1]], [[1]], dtype="i"), ValueError, "dtype must be float32 or float64, got 'i'"),
    (lambda: by_shortcut([0.0], [[np.nan]], [[0.0]]), ValueError, "log_transition[0, 0] must be -inf or finite, got nan"),
    (lambda: by_shortcut([0.0], [[0.0]], [[0.0, 0.0]]), ValueError, "log_likelihoods must have shape (T, 1), got (1, 2)"),
    (lambda: by_shortcut([], [[0.0]], [[0.0]]), ValueError, "log_initial must have shape (K,) with no length of 0, got (0,)"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_refusals(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message


def test_results_are_frozen():
    for result in (f(*casino(0, 10)) for f in (naive.forward_filter, naive.smooth, naive.viterbi)):
        with pytest.raises(AttributeError):
            result.first_zero = 3
        table = getattr(result, "alpha", None)
        table = result.delta if table is None else table
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 0
    for repaired in repairs(casino(0, 10)):
        with pytest.raises(AttributeError):
            repaired.first_lost = 3
        with pytest.raises(ValueError, match="read-only"):
            repaired.probabilities[0] = 0
