"""Chains in continuous time: every entry of exponentials against mpmath, gaps in time, and what rates learn."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hmmfilter as hf
from hmmfilter._beside import Beside
from hmmfilter.learning.settling import of_firsts
from hmmfilter.transitions.exponentials import log_exponentials, slopes_of_exponentials
from hmmfilter.transitions.protocol import Moved
from hmmfilter.transitions.rate_estimates import height
from tests.chain_oracle import optimum

EPSILON = 2.2e-16
OF_LOGS = 8  # units of ε (1 + |log p|) that a log may be off; 5 seen
DIGITS = 60


def exact(rates, gap):
    """exp(Q t) by uniformisation and squaring, with so many digits that nothing else matters."""
    n = len(rates)
    leaving = [mpmath.fsum(map(mpmath.mpf, map(float, row))) for row in rates]
    fastest = max(leaving)
    if fastest == 0:
        return mpmath.eye(n)
    x, n_squares = fastest * mpmath.mpf(float(gap)), 0
    while x > 1:
        x, n_squares = x / 2, n_squares + 1
    with mpmath.workdps(DIGITS + n_squares):
        step = mpmath.matrix(n, n)
        for i in range(n):
            for j in range(n):
                step[i, j] = (fastest - leaving[i] if i == j else mpmath.mpf(float(rates[i][j]))) / fastest
        total, term = mpmath.zeros(n), mpmath.eye(n)
        for m in range(1, 60 + n):
            total, term = total + term, term * step * (x / m)
        total *= mpmath.exp(-x)
        for _ in range(n_squares):
            total = total * total
    return total


@mpmath.workdps(DIGITS)
def assert_exact(rates, gap):
    logs, probabilities = log_exponentials(rates, np.array([gap]))[0], exact(rates, gap)
    for (i, j), log in np.ndenumerate(logs):
        p = probabilities[i, j]
        if p == 0:
            assert log == -np.inf
            continue
        want = mpmath.log(p)
        assert abs(mpmath.mpf(float(log)) - want) <= OF_LOGS * EPSILON * (1 + abs(want)), (i, j, gap)
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1.0, rtol=0, atol=4 * EPSILON)


@st.composite
def generators(draw):
    n_states = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    rates = 10.0 ** rng.uniform(-6, 3, (n_states, n_states)) * (rng.random((n_states, n_states)) < 0.7)
    np.fill_diagonal(rates, 0.0)
    return rates


@given(generators(), st.sampled_from([0.0, 1e-9, 1e-3, 1.0, 30.0, 1e4, 1e9]))
@settings(max_examples=25)
def test_every_entry_has_its_digits(rates, gap):
    assert_exact(rates, gap)


@pytest.mark.parametrize("gap", [5e-324, 1e-300, 1e-9, 1.0, 1e9])
@pytest.mark.parametrize(
    "rates",
    [
        [[0, 1e-9, 0], [0, 0, 1e-9], [1e-9, 0, 0]],
        [[0, 1e-200, 0], [0, 0, 1e-200], [0, 0, 0]],
        [[0, 1e-300, 1.0], [1e-300, 0, 0], [1.0, 1e-300, 0]],
        [[0, 1e6, 0], [1e6, 0, 1e-3], [0, 1e-3, 0]],
        [[0, 50.0, 0], [0, 0, 0.02], [0, 0, 0]],
    ],
)
def test_extreme_rates(rates, gap):
    assert_exact(np.array(rates, dtype=float), gap)


def test_a_small_share_of_two_moves():
    matrix = hf.transitions.Rates([[0, 1e-9, 0], [0, 0, 1e-9], [0, 0, 0]]).matrix(1.0)
    assert matrix[0, 2] == pytest.approx(5e-19, rel=1e-8)
    assert matrix[2].tolist() == [0, 0, 1]


def test_to_stay_is_all_but_certain():
    """The log has its digits, too: 1 − 3e-12 has only four of them."""
    stays = hf.transitions.Rates([[0, 3.0], [1.0, 0]]).log_matrix(1e-12).diagonal()
    np.testing.assert_allclose(stays, [-3e-12 + 1.5e-24, -1e-12 + 1.5e-24], rtol=1e-15)


def test_a_way_through_many_states():
    rates = np.diag(np.full(39, 1e-9), 1)
    logs = log_exponentials(rates, np.array([1e-3]))[0]
    lgamma_40 = 106.63176026064346  # log 39!
    assert logs[0, 39] == pytest.approx(39 * np.log(1e-12) - lgamma_40, rel=1e-15)


def test_no_time_is_no_move():
    assert hf.transitions.Rates([[0, 3.0], [2.0, 0]]).matrix(0.0).tolist() == [[1, 0], [0, 1]]
    assert hf.transitions.Rates([[0.0]]).matrix(7.0).tolist() == [[1]]


def test_a_long_time_settles():
    rates = hf.transitions.Rates([[0, 0.1, 1e-4], [0.3, 0, 0.01], [0, 0.02, 0]])
    np.testing.assert_allclose(rates.matrix(1e9), np.tile(rates.stationary(), (3, 1)), rtol=1e-14)


@given(generators(), st.floats(0.01, 10), st.floats(0.01, 10))
@settings(max_examples=25)
def test_two_gaps_are_one(rates, first, second):
    chain = hf.transitions.Rates(rates)
    together = chain.matrix(first) @ chain.matrix(second)
    np.testing.assert_allclose(chain.matrix(first + second), together, rtol=1e-12, atol=1e-300)


def test_wide_numbers_say_the_same_as_doubles(monkeypatch):
    rates, gaps = np.array([[0, 2.0, 0.1], [0.3, 0, 0], [1e-5, 1.0, 0]]), np.array([0.0, 1e-3, 1.0, 100.0])
    plain = log_exponentials(rates, gaps)
    monkeypatch.setattr("hmmfilter.transitions.exponentials.LEAST", 2.0)
    monkeypatch.setattr("hmmfilter.transitions.exponentials.MOST_TOGETHER", 54)
    np.testing.assert_allclose(log_exponentials(rates, gaps), plain, rtol=4e-15, atol=4e-15)


# What comes in.


def told(chain, times, lengths=None):
    starts = np.concatenate([[0], np.cumsum([len(times)] if lengths is None else lengths)])
    return chain._told(Beside(starts, times=times))


CHAIN = hf.transitions.Rates([[0, 1.0], [2.0, 0]], unit="h")


def test_the_diagonal_is_filled_in():
    given = [[[-1.0, 1.0], [2.0, -2.0]], [[0, 1], [2, 0]], [[np.nan, 1], [2, np.nan]]]
    assert len({hf.transitions.Rates(generator) for generator in given}) == 1
    assert CHAIN.generator.tolist() == [[-1, 1], [2, -2]]
    assert hf.transitions.Rates(CHAIN.generator) != CHAIN


def test_each_gap_is_told_once():
    of, which = told(CHAIN, np.array([0.0, 1.0, 3.0, 10.0, 11.0, 12.0]), [3, 3])
    assert of.tolist() == [1, 2]
    assert which.tolist() == [0, 1, 0, 0, 0, 0]
    logs = CHAIN._log_matrices(of)
    assert np.array_equal(np.exp(logs), [CHAIN.matrix(1.0), CHAIN.matrix(2.0)])


def test_equal_gaps_are_one_matrix():
    of, which = told(CHAIN, 0.5 * np.arange(9))
    assert of.tolist() == [0.5]
    assert which is None


def test_without_moves_there_is_a_matrix_of_no_time():
    of, which = told(CHAIN, np.array([4.0, 2.0]), [1, 0, 1])
    assert of.tolist() == [0]
    assert which is None


@pytest.mark.parametrize("kind", ["ms", "ns"])
def test_dates_are_in_the_unit_of_the_rates(kind):
    dates = np.array(["2024-01-01T00:00", "2024-01-01T00:20", "2024-01-01T00:40", "2024-03-01"], f"datetime64[{kind}]")
    of, which = told(CHAIN, dates)
    assert of.tolist() == [1 / 3, 1440 - 2 / 3]
    assert which.tolist() == [0, 0, 1, 0]


MAKING = [
    (([[0, -1.0], [2.0, 0]],), r"generator\[0, 1\] must be a rate, at least 0, as all are but those of the diagonal"),
    (([[0, np.inf], [2.0, 0]],), r"generator\[0, 1\] must be finite, got inf"),
    (([[0, 1.0], [2.0, 3.0]],), r"generator row 1 must sum to 0, so that \[1, 1\] is -2, or 0 or NaN .*, got 3.0"),
    (([[0, 1e308, 1e308], [0, 0, 0], [0, 0, 0]],), "generator must have rows whose rates sum to a number that fits"),
    (([[0, 1.0]],), r"generator must have shape \(1, 1\), got \(1, 2\)"),
    (([[0, 1.0], [2.0, 0]], "hours"), "unit must be None or one of W, D, h, m, s, ms, us, ns, got 'hours'"),
]


@pytest.mark.parametrize(("arguments", "message"), MAKING)
def test_what_are_no_rates(arguments, message):
    with pytest.raises(ValueError, match=message):
        hf.transitions.Rates(*arguments)


TELLING = [
    (CHAIN, None, "times must be given, one of each step"),
    (
        CHAIN,
        np.array([0.0, 2.0, 1.0]),
        r"times\[2\] must not be before the time of the step before it, got 1.0 after 2",
    ),
    (CHAIN, np.array([0.0, 1e200, 1e201]), r"gap\[0\] must be at most 3.6e\+16 for rates up to 2, got 1e\+200"),
    (CHAIN, np.array([-1e308, 0.0, 1.7e308]) * 1.05, r"gap.* must be at most"),
    (
        hf.transitions.Rates([[0, 1.0], [2.0, 0]]),
        np.array(["2024-01-01", "2024-01-02", "2024-01-03"], "datetime64[D]"),
        "times must be numbers, since the rates have no unit",
    ),
]


@pytest.mark.parametrize(("chain", "times", "message"), TELLING)
def test_times_that_are_refused(chain, times, message):
    beside = Beside(np.array([0, 3]), times=times)
    with pytest.raises(ValueError, match=message):
        chain._log_matrices(chain._told(beside).of)


@pytest.mark.parametrize("gap", [-1.0, np.nan, np.inf])
def test_gaps_that_are_none(gap):
    with pytest.raises(ValueError, match=r"gap\[0\] must be finite and at least 0"):
        CHAIN.matrix(gap)


def test_printing():
    assert repr(CHAIN) == "Rates: 2 states, moves per h\n  state  to 0  to 1\n      0    -1     1\n      1     2    -2"
    assert "moves per h" in CHAIN._repr_html_()
    assert repr(hf.transitions.Rates([[0.0]])).startswith("Rates: 1 states, moves per unit of time")


def test_states_numbered_anew():
    chain = hf.transitions.Rates([[0, 1.0, 2.0], [3.0, 0, 4.0], [5.0, 6.0, 0]], "s")
    order = np.array([2, 0, 1])
    again = chain._reordered(order)
    assert again.unit == "s"
    assert again._with(chain._parameters()) == chain
    assert chain._needs == {"times"}
    np.testing.assert_allclose(again.matrix(0.7), chain.matrix(0.7)[np.ix_(order, order)], rtol=1e-14)


# Learning.

START = hf.transitions.Rates([[0, 0.7, 0], [0.2, 0, 1.1], [0.4, 0.5, 0]])
GAPS = np.array([0.1, 0.5, 2.0, 40.0])


def moved(chain=START, seed=0):
    rng = np.random.default_rng(seed)
    probabilities = np.exp(hf.transitions.Rates([[0, 0.3, 0], [0.5, 0, 0.6], [0.1, 2.0, 0]])._log_matrices(GAPS))
    counts = 50 * probabilities * rng.gamma(60, 1 / 60, probabilities.shape)
    return Moved(GAPS, counts, counts / np.exp(chain._log_matrices(GAPS)))


@mpmath.workdps(DIGITS)
def exact_slope(rates, counts, i, j):
    """The derivative of Σ counts log exp(Q t) by a difference so small that nothing of it shows."""
    small, heights = mpmath.mpf(10) ** -25, []
    for sign in (1, -1):
        n = len(rates)
        q = mpmath.matrix(rates.tolist())
        q[i, j] += sign * small
        for a in range(n):
            q[a, a] = -mpmath.fsum(q[a, b] for b in range(n) if b != a)
        logs = [mpmath.expm(q * mpmath.mpf(float(gap)), method="taylor") for gap in GAPS]
        terms = [
            mpmath.mpf(float(counts[m, a, b])) * mpmath.log(logs[m][a, b])
            for m in range(len(GAPS))
            for a in range(n)
            for b in range(n)
        ]
        heights.append(mpmath.fsum(terms))
    return float((heights[0] - heights[1]) / (2 * small))


def test_slopes():
    evidence = moved()
    score = START._score(evidence)["generator"]
    for i, j in [(0, 1), (0, 2), (2, 1)]:  # also of a rate of 0
        assert score[i, j] == pytest.approx(exact_slope(START._moves, evidence.counts, i, j), rel=1e-12)
    assert not score.diagonal().any()


def test_the_step_is_the_best_and_there_is_no_better():
    evidence = moved()
    best = START._maximised(evidence, None, {})
    assert best.generator[0, 2] == 0
    there = best._score(moved(best))["generator"] * best._moves
    np.testing.assert_allclose(there, 0.0, atol=1e-4)  # of logs of rates, of which information is some tens
    again = best._maximised(moved(best), None, {})
    highest = height(best._moves, GAPS, evidence.counts)
    assert 0 <= height(again._moves, GAPS, evidence.counts) - highest < 1e-9
    assert highest > height(START._moves, GAPS, evidence.counts) + 1


def test_rates_that_are_held_and_tied():
    start = START._with({"generator": np.array([[0, 0.5, 0], [0.5, 0, 0.5], [0.4, 0.5, 0]])})
    groups = np.array([[-1, 1, -1], [1, -1, 1], [-1, 2, -1]])
    evidence = moved(start)
    best = start._maximised(evidence, None, {"generator": groups}).generator
    assert best[0, 1] == best[1, 0] == best[1, 2] != 0.5
    assert best[2, 0] == 0.4
    score = start._with({"generator": best})._score(moved(start._with({"generator": best})))["generator"]
    assert score[groups == 1].sum() == pytest.approx(0, abs=1e-4)
    assert score[2, 1] == pytest.approx(0, abs=1e-4)


def test_two_states_have_a_closed_form():
    """With one gap, rates make the matrix of the shares that were counted, where there is one."""
    counts = np.array([[[80.0, 20.0], [10.0, 90.0]]])
    start = hf.transitions.Rates([[0, 1.0], [1.0, 0]])
    best = start._maximised(Moved(np.array([0.5]), counts, counts), None, {})
    np.testing.assert_allclose(best.matrix(0.5), [[0.8, 0.2], [0.1, 0.9]], rtol=1e-7)


def test_nothing_seen_changes_nothing():
    nothing = Moved(GAPS, np.zeros((4, 3, 3)), np.zeros((4, 3, 3)))
    assert START._maximised(nothing, None, {}) == START
    assert START._maximised(moved(), None, {"generator": np.full((3, 3), -1)}) == START
    assert not START._score(nothing)["generator"].any()


def test_moves_that_cannot_be_are_no_way_to_climb():
    counts = np.ones((1, 2, 2))
    start = hf.transitions.Rates([[0, 1.0], [0, 0]])
    assert start._maximised(Moved(np.array([1.0]), counts, counts), None, {}) == start


def test_steps_too_far_are_not_taken(monkeypatch):
    """All that was seen moved, in next to no time: no rate is high enough, and none that is found has no number."""
    counts = np.array([[[0.0, 1e9], [1e9, 0.0]]])
    start = hf.transitions.Rates([[0, 1e-3], [1e-3, 0]])
    monkeypatch.setattr("hmmfilter.transitions.rate_estimates.MOST_JUMPS", 20.0)
    best = start._maximised(Moved(np.array([1e-6]), counts, counts), None, {})
    assert -best.generator.min() * 1e-6 < 20
    np.testing.assert_allclose(best.matrix(1e-6), 0.5, atol=1e-3)


def test_slopes_are_sums_over_gaps():
    rates, weights = START._moves, np.random.default_rng(3).random((4, 3, 3))
    alone = [slopes_of_exponentials(rates, GAPS[m : m + 1], weights[m : m + 1]) for m in range(4)]
    np.testing.assert_allclose(slopes_of_exponentials(rates, GAPS, weights), sum(alone), rtol=1e-14)


def test_natural_parameters():
    again = START._of_natural(START._natural())
    np.testing.assert_allclose(again.generator, START.generator, rtol=1e-15)
    assert START._of_natural(START._natural() + 800.0) is None
    assert START._given()["generator"].tolist() == np.eye(3, dtype=bool).tolist()


def test_no_prior():
    START._admit(None)
    with pytest.raises(TypeError, match="the prior of the transition must be None, since rates have no conjugate one"):
        START._admit(hf.priors.Dirichlet(2.0))


def test_a_fit_and_its_standard_errors_are_those_of_50_digits():
    shown = hf.emissions.Gaussian([0.0, 2.0], [0.5, 0.5])
    start = hf.HMM([0.5, 0.5], hf.transitions.Rates([[0, 0.5], [0.8, 0]]), shown)
    rng = np.random.default_rng(6)
    times = np.cumsum(rng.exponential(1, 16))
    x = start.simulate(16, rng, times=times)[1]
    fitted = start.fit(x, times=times, fixed=["initial", "emission"], tolerance=1e-13)
    found = fitted.model.chain.generator[[0, 1], [1, 0]]

    def matrices(p):
        """Of two states, by hand: 1 − exp(−(a + b) t) of the way to where they settle."""
        a, b = p
        shares = [-mpmath.expm1(-(a + b) * mpmath.mpf(float(gap))) / (a + b) for gap in np.diff(times)]
        return [mpmath.matrix([[1 - a * share, a * share], [b * share, 1 - b * share]]) for share in shares]

    best, errors = optimum([0.5, 0.5], matrices, shown.log_likelihoods(x), found)
    np.testing.assert_allclose((found - best) / errors, 0.0, atol=1e-6)
    np.testing.assert_allclose(fitted.standard_errors().transition[[0, 1], [1, 0]], errors, rtol=1e-5)


def test_a_fit_finds_rates_however_far_they_are():
    """Times in another unit, and a start that is off by a factor of a thousand million."""
    shown = hf.emissions.Gaussian([0.0, 3.0], [1.0, 1.0])
    start = hf.HMM([0.5, 0.5], hf.transitions.Rates([[0, 0.5], [0.8, 0]]), shown)
    times = np.cumsum(np.random.default_rng(1).exponential(1, 60))
    x = start.simulate(60, 1, times=times)[1]
    fixed = ["initial", "emission"]
    fitted, far = start.fit(x, times=times, fixed=fixed), start.fit(x, times=1e-9 * times, fixed=fixed)
    assert far.log_likelihood == pytest.approx(fitted.log_likelihood, abs=1e-7)
    np.testing.assert_allclose(1e-9 * far.model.chain.generator, fitted.model.chain.generator, rtol=1e-3)


def test_rates_that_settle_in_more_than_one_way_are_never_chosen():
    height, slopes = of_firsts(np.ones(3), START)(np.zeros((3, 3)))
    assert height == -np.inf
    assert not slopes.any()
