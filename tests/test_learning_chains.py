"""Learning of chains that are not one matrix, and of end probabilities: all paths, Hessians of 50 digits, and laws."""

import itertools

import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter.transitions import Indexed, Logistic, Rates
from tests import learning_oracle as oracle
from tests.test_learning_oracle import assert_near

INITIAL, RATE = [0.3, 0.7], [1.0, 4.0]
LENGTHS, WEIGHTS = [3, 1, 0, 4], [1.0, 0.5, 1.0, 2.0]
COUNTS = [0, 5, 1, 3, 2, np.nan, 0, 6]
MATRICES = [[[0.9, 0.1], [0.2, 0.8]], [[0.4, 0.6], [0.5, 0.5]], [[0.3, 0.7], [0.1, 0.9]]]
FINAL = [0.2, 0.4]
INDEX = [0, 1, 0, 0, 2, 2, 1, 1]
TIMES = [0.0, 0.5, 2.0, 1.0, 0.0, 1.0, 1.25, 4.0]
COVARIATES = [[0.5], [-1.0], [0.0], [2.0], [1.0], [0.25], [-0.5], [0.0]]
COEFFICIENTS = [[[0.0, 0.0], [-1.0, 0.5]], [[-0.5, -1.5], [0.0, 0.0]]]


def chains():
    """Each kind of chain: its object, what lies beside, and how it is called."""
    return {
        "dense": (MATRICES[0], {}),
        "indexed": (Indexed(MATRICES), {"transition_index": INDEX}),
        "rates": (Rates([[0.0, 0.4], [0.9, 0.0]]), {"times": TIMES}),
        "logistic": (Logistic(COEFFICIENTS), {"covariates": COVARIATES}),
    }


def model_of(kind, final):
    chain, beside = chains()[kind]
    return hf.HMM(INITIAL, chain, hf.emissions.Poisson(RATE), final=final), beside


def mp_matrix(kind, t):
    """The matrix that leads on from row t, in mpmath."""
    if kind in ("dense", "indexed"):
        return oracle.exactly(MATRICES[INDEX[t] if kind == "indexed" else 0])
    if kind == "rates":
        out, back = mpmath.mpf(0.4), mpmath.mpf(0.9)
        gap = mpmath.mpf(TIMES[t + 1]) - mpmath.mpf(TIMES[t])
        share = (1 - mpmath.exp(-(out + back) * gap)) / (out + back)
        return [[1 - out * share, out * share], [back * share, 1 - back * share]]
    rows = []
    for betas in oracle.exactly(COEFFICIENTS):
        odds = [mpmath.exp(intercept + slope * COVARIATES[t][0]) for intercept, slope in betas]
        rows.append([each / mpmath.fsum(odds) for each in odds])
    return rows


def sequences():
    values = [None if np.isnan(x) else int(x) for x in COUNTS]
    stops = list(itertools.accumulate(LENGTHS, initial=0))
    return [values[begin:end] for begin, end in itertools.pairwise(stops)], stops


@mpmath.workdps(oracle.DIGITS)
def by_all_paths(kind, final):
    """What is expected by a matrix of its own for each row."""
    parts, stops = sequences()
    matrices = [mp_matrix(kind, t) if t + 1 not in stops else mp_matrix(kind, 0) for t in range(len(COUNTS))]
    chain = oracle.Chain(oracle.exactly(INITIAL), matrices, None if final is None else oracle.exactly(final))
    kept = [n for n, part in enumerate(parts) if part]
    indexes = [list(range(stops[n], stops[n] + len(parts[n]) - 1)) for n in kept]
    weights = [mpmath.mpf(WEIGHTS[n]) for n in kept]
    density = oracle.poisson(oracle.exactly(RATE))
    return oracle.expected(chain, density, [parts[n] for n in kept], weights, indexes=indexes)


ALL = pytest.mark.parametrize("kind", ["dense", "indexed", "rates", "logistic"])
ENDS = pytest.mark.parametrize("final", [None, FINAL], ids=["endless", "ending"])


def summed(tables):
    return [[mpmath.fsum(cell) for cell in zip(*rows, strict=True)] for rows in zip(*tables, strict=True)]


@ALL
@ENDS
def test_what_is_expected_is_that_of_all_paths(kind, final):
    model, beside = model_of(kind, final)
    got = hf.expected_statistics(model, COUNTS, lengths=LENGTHS, weights=WEIGHTS, **beside)
    exact = by_all_paths(kind, final)
    assert_near(np.delete(got.log_likelihood, 2), exact.log_likelihoods)
    assert_near(got.initial, exact.initial)
    assert_near(got.transition.reshape(-1, 2, 2).sum(axis=0), summed(exact.transition))
    if kind == "indexed":
        for m in range(3):
            assert_near(got.transition[m], summed([exact.transition[t] for t in range(8) if INDEX[t] == m]))
    assert got.final is None if final is None else True
    if final is not None:
        assert_near(got.final, exact.ends)
        assert "end" in repr(got)


def one_step(model, beside, **options):
    fitted = model.fit(
        COUNTS, lengths=LENGTHS, weights=WEIGHTS, max_iterations=1, accelerate=False, tolerance=0.0, **beside, **options
    )
    return fitted.model


@ALL
@ENDS
def test_a_step_is_that_of_all_paths(kind, final):
    model, beside = model_of(kind, final)
    found, exact = one_step(model, beside), by_all_paths(kind, final)
    assert_near(found.initial, oracle.shares(exact.initial))
    assert_near(found.emission.rate, oracle_rates(exact))
    moves = summed(exact.transition)
    if kind == "dense":
        assert_near(found.transition, [oracle.shares(row) for row in moves])
    elif kind == "indexed":
        for m in range(3):
            of_it = summed([exact.transition[t] for t in range(8) if INDEX[t] == m])
            assert_near(found.chain.matrices[m], [oracle.shares(row) for row in of_it])
    else:
        assert_top(kind, found.chain, exact)
    if final is not None:
        leaves = [mpmath.fsum(row) for row in moves]
        assert_near(found.final, [end / (end + left) for end, left in zip(exact.ends, leaves, strict=True)])


def oracle_rates(exact):
    pairs = [oracle.weights_and_sums(exact.degrees, k) for k in range(2)]
    return [total / weight for weight, total in pairs]


def assert_top(kind, chain, exact):
    """Nothing nearby has a higher Σ counts log A: slopes of it, by differences of 50 digits, are 0."""
    (values,) = chain._parameters().values()
    free = [index for index in np.ndindex(values.shape) if index[0] != index[1]]

    def height(*numbers):
        return mpmath.fsum(
            exact.transition[t][i][j] * mpmath.log(matrix[i][j])
            for t, matrix in matrices_of(kind, dict(zip(free, numbers, strict=True))).items()
            for i in range(2)
            for j in range(2)
            if exact.transition[t][i][j] > 0
        )

    with mpmath.workdps(50):
        point = [mpmath.mpf(float(values[index])) for index in free]
        for n in range(len(free)):
            step = [mpmath.mpf(0)] * len(free)
            step[n] = mpmath.mpf(10) ** -15
            up = height(*(p + s for p, s in zip(point, step, strict=True)))
            down = height(*(p - s for p, s in zip(point, step, strict=True)))
            assert abs((up - down) / (2 * step[n])) <= 1e-5


def matrices_of(kind, numbers):
    """The matrix that leads on from each row that another one follows, for such rates or coefficients."""
    _, stops = sequences()
    found = {}
    for t in range(len(COUNTS)):
        if t + 1 in stops:
            continue
        if kind == "rates":
            out, back = numbers[0, 1], numbers[1, 0]
            share = (1 - mpmath.exp(-(out + back) * (mpmath.mpf(TIMES[t + 1]) - TIMES[t]))) / (out + back)
            found[t] = [[1 - out * share, out * share], [back * share, 1 - back * share]]
        else:
            odds = [mpmath.exp(numbers[i, 1 - i, 0] + numbers[i, 1 - i, 1] * COVARIATES[t][0]) for i in range(2)]
            found[t] = [[1 / (1 + odds[0]), odds[0] / (1 + odds[0])], [odds[1] / (1 + odds[1]), 1 / (1 + odds[1])]]
    return found


# Longer series, of which there is enough to tell all parameters.


def longer(kind, final, n_sequences=8):
    rng = np.random.default_rng(7)
    n_steps, lengths = 15 * n_sequences, [15] * n_sequences
    beside = {
        "dense": {},
        "indexed": {"transition_index": rng.integers(2, size=n_steps)},
        "rates": {"times": np.cumsum(rng.exponential(size=n_steps))},
        "logistic": {"covariates": 1e3 * rng.normal(size=(n_steps, 1))},
    }[kind]
    chain = {
        "dense": MATRICES[0],
        "indexed": Indexed(MATRICES[:2]),
        "rates": Rates([[0.0, 0.3], [0.5, 0.0]]),
        "logistic": Logistic([[[0.0, 0.0], [-1.0, 0.0]], [[-1.0, 0.0], [0.0, 0.0]]]),
    }[kind]
    states = np.concatenate([np.cumsum(rng.random(15) < 0.3) % 2 for _ in lengths])
    counts = rng.poisson(np.where(states == 0, 1.0, 9.0))
    model = hf.HMM([0.5, 0.5], chain, hf.emissions.Poisson([1.0, 8.0]), final=final)
    return model, counts, {"lengths": lengths, **beside}


@ALL
@ENDS
def test_a_fit_ends_at_the_top(kind, final):
    model, counts, beside = longer(kind, final, n_sequences=5)
    fitted = model.fit(counts, tolerance=1e-13, **beside)
    assert fitted.converged
    assert (np.diff(fitted.history) >= -1e-12).all()
    assert fitted.gradient_norm <= (1e-5 if kind == "logistic" else 1e-7)  # of covariates in thousands
    assert fitted.log_likelihood == pytest.approx(fitted.model.log_likelihood(counts, **beside).sum(), rel=1e-14)
    plain = model.fit(counts, accelerate=False, **beside)
    assert plain.log_likelihood == pytest.approx(fitted.log_likelihood, abs=1e-7)
    several = model.fit(counts, tolerance=1e-13, workers=3, **beside)
    assert several.model == fitted.model
    n_chain = {"dense": 2, "indexed": 4, "rates": 2, "logistic": 4}[kind]
    assert fitted.n_parameters == 1 + n_chain + 2 + (0 if final is None else 2)


@ALL
@ENDS
def test_slopes_are_those_of_the_log_likelihood(kind, final):
    model, counts, beside = longer(kind, final)
    problem = model.fit(counts, max_iterations=0, **beside)._problem
    coordinates = problem.coordinates(model)
    along = problem.gradient(model, problem.expect(model))
    for n, slope in enumerate(along):
        size = 1e-6 if kind != "logistic" else 1e-9
        step = size * np.eye(len(along))[n]
        up, down = (coordinates.moved(sign * step).log_likelihood(counts, **beside).sum() for sign in (1, -1))
        assert slope == pytest.approx((up - down) / (2 * size), rel=1e-4, abs=1e-4)


@ALL
def test_standard_errors_are_those_of_a_hessian_of_fifty_digits(kind):
    model, counts, beside = longer(kind, FINAL, n_sequences=5)
    fitted = model.fit(counts, initial="fixed", tolerance=1e-20, **beside)
    errors = fitted.standard_errors()
    free, point, log_likelihood = in_fifty_digits(kind, fitted.model, counts, beside)
    with mpmath.workdps(50):
        size = len(point)
        steps = [mpmath.mpf(10) ** -12 * max(abs(p), mpmath.mpf(10) ** -6) for p in point]
        hessian = mpmath.matrix(size, size)
        for a, b in itertools.combinations_with_replacement(range(size), 2):
            corners = mpmath.mpf(0)
            for one, other in itertools.product((1, -1), repeat=2):
                there = list(point)
                there[a] += one * steps[a]
                there[b] += other * steps[b]
                corners += one * other * log_likelihood(there)
            hessian[a, b] = hessian[b, a] = corners / (4 * steps[a] * steps[b])
        covariance = mpmath.inverse(-hessian)
    found = {"transition": errors.transition, "final": errors.final, "rate": errors.emission["rate"]}
    for n, (name, index) in enumerate(free):
        assert found[name][index] == pytest.approx(float(mpmath.sqrt(covariance[n, n])), rel=1e-6), (name, index)


def in_fifty_digits(kind, model, counts, beside):
    """The free numbers of a model, where they are, and the log-likelihood as a function of them."""
    (values,) = model.chain._parameters().values()
    off_diagonal = {
        "dense": [(0, 1), (1, 0)],
        "indexed": [(0, 0, 1), (0, 1, 0), (1, 0, 1), (1, 1, 0)],
        "rates": [(0, 1), (1, 0)],
        "logistic": [(0, 1, 0), (0, 1, 1), (1, 0, 0), (1, 0, 1)],
    }[kind]
    free = [("transition", index) for index in off_diagonal]
    free += [(name, k) for name in ("final", "rate") for k in range(2) if name == "rate" or 0 < model.final[k] < 1]
    tables = {"transition": values, "final": model.final, "rate": model.emission.rate}
    point = [mpmath.mpf(float(tables[name][index])) for name, index in free]
    fixed = {("final", k): mpmath.mpf(float(model.final[k])) for k in range(2)}
    starts = set(np.cumsum([0, *beside["lengths"]]).tolist())

    def log_likelihood(numbers):
        known = fixed | dict(zip(free, numbers, strict=True))
        total = mpmath.mpf(0)
        for t, count in enumerate(counts.tolist()):
            row = [mpmath.exp(-known["rate", k]) * known["rate", k] ** count / mpmath.factorial(count) for k in (0, 1)]
            if t in starts:
                alpha = [mpmath.mpf(float(p)) for p in model.initial]
            else:
                out, back = (leaving(kind, known, t - 1, i, beside) for i in (0, 1))
                stay = [alpha[k] * (1 - known["final", k]) for k in (0, 1)]
                alpha = [stay[0] * (1 - out) + stay[1] * back, stay[0] * out + stay[1] * (1 - back)]
            alpha = [a * b for a, b in zip(alpha, row, strict=True)]
            if t + 1 in starts:
                total += mpmath.log(alpha[0] * known["final", 0] + alpha[1] * known["final", 1])
        return total

    return free, point, log_likelihood


def leaving(kind, known, t, i, beside):
    """How probable it is to leave state i after step t."""
    j = 1 - i
    if kind == "dense":
        return known["transition", (i, j)]
    if kind == "indexed":
        return known["transition", (int(beside["transition_index"][t]), i, j)]
    if kind == "rates":
        out, total = known["transition", (i, j)], known["transition", (0, 1)] + known["transition", (1, 0)]
        gap = mpmath.mpf(float(beside["times"][t + 1])) - mpmath.mpf(float(beside["times"][t]))
        return out * (1 - mpmath.exp(-total * gap)) / total
    x = mpmath.mpf(float(beside["covariates"][t, 0]))
    odds = mpmath.exp(known["transition", (i, j, 0)] + known["transition", (i, j, 1)] * x)
    return odds / (1 + odds)


@pytest.mark.parametrize(("kind", "name"), [("indexed", ""), ("rates", ".generator"), ("logistic", ".coefficients")])
def test_a_chain_may_be_held_as_a_whole_or_in_part(kind, name):
    model, counts, beside = longer(kind, FINAL)
    held = model.fit(counts, fixed="transition", **beside)
    assert held.model.chain == model.chain
    assert not np.array_equal(held.model.final, FINAL)
    (before,) = model.chain._parameters().values()
    mask = np.zeros(before.shape, dtype=bool)
    mask[0] = True
    partly = model.fit(counts, fixed={f"transition{name}": mask, "final": [True, False]}, **beside)
    (after,) = partly.model.chain._parameters().values()
    np.testing.assert_array_equal(after[0], before[0])
    assert not np.array_equal(after[1], before[1])
    assert partly.model.final[0] == FINAL[0] != partly.model.final[1]


def test_ends_and_coefficients_may_be_tied():
    model, counts, beside = longer("logistic", FINAL)
    groups = np.arange(8).reshape(2, 2, 2)
    groups[0, 1, 1] = groups[1, 0, 1]
    tied = {"final": "all", "transition.coefficients": groups}
    fitted = model.fit(counts, tied=tied, tolerance=1e-13, **beside)
    assert fitted.model.final[0] == fitted.model.final[1]
    assert fitted.model.chain.coefficients[0, 1, 1] == fitted.model.chain.coefficients[1, 0, 1]
    assert fitted.n_parameters == 1 + 3 + 1 + 2
    assert fitted.gradient_norm <= 1e-5


def test_priors_of_chains():
    model, counts, beside = longer("indexed", None)
    prior = hf.Prior(transition=hf.priors.Dirichlet(3.0))
    fitted = model.fit(counts, prior=prior, tolerance=1e-13, **beside)
    by_matrix = [prior.transition.log_density(matrix) for matrix in fitted.model.chain.matrices]
    assert fitted.log_prior == pytest.approx(sum(by_matrix))
    assert fitted.gradient_norm <= 1e-6
    for kind in ("rates", "logistic"):
        model, counts, beside = longer(kind, None)
        with pytest.raises(TypeError, match="the prior of the transition must be None"):
            model.fit(counts, prior=prior, **beside)


def test_rates_that_settle_begin_where_they_do():
    model, counts, beside = longer("rates", None)
    fitted = model.fit(counts, initial="stationary", tolerance=1e-12, **beside)
    np.testing.assert_allclose(fitted.model.initial, fitted.model.chain.stationary(), rtol=1e-12)
    assert fitted.gradient_norm <= 1e-7
    assert fitted.n_parameters == 4
    errors = fitted.standard_errors()
    assert errors.initial[0] == pytest.approx(errors.initial[1])
    assert errors.transition[0, 0] == pytest.approx(errors.transition[0, 1])
    for kind in ("indexed", "logistic"):
        model, counts, beside = longer(kind, None)
        with pytest.raises(ValueError, match="stationary"):
            model.fit(counts, initial="stationary", **beside)


def test_a_rate_that_wants_to_be_none_is_zero():
    """The chain never comes back from the second state to the first: zeros are reached, exact, and flagged."""
    times, counts = np.arange(40.0), np.repeat([0, 9, 1], [15, 15, 10])
    chain = Rates(np.where(np.eye(3) > 0, 0.0, 0.1))
    start = hf.HMM([0.4, 0.3, 0.3], chain, hf.emissions.Poisson([0.5, 9.0, 1.5]))
    fitted = start.fit(counts, times=times)
    assert fitted.at_boundary["transition.generator"].any()
    assert fitted.at_boundary["transition.generator"].tolist() == [
        [False, False, True],
        [True, False, False],
        [True, True, False],
    ]
    assert not fitted.model.chain.generator[fitted.at_boundary["transition.generator"]].any()
    assert "*" in repr(fitted)
    given = hf.HMM([0.4, 0.3, 0.3], Rates([[0, 0.1, 0.1], [0, 0, 0.1], [0.1, 0.1, 0]]), start.emission)
    assert given.fit(counts, times=times).model.chain.generator[1, 0] == 0.0


def test_other_starts_are_tried_for_every_chain():
    for kind in ("indexed", "rates", "logistic"):
        model, counts, beside = longer(kind, FINAL, n_sequences=3)
        fitted = model.fit(counts, restarts=1, rng=1, **beside)
        assert len(fitted.restarts) == 2
        assert repr(fitted.restarts).startswith("Restarts: 2 starts\n  start")
        assert fitted.log_likelihood >= model.fit(counts, **beside).log_likelihood - 1e-6
        held = model.fit(counts, restarts=1, rng=1, fixed="transition", **beside)
        assert held.model.chain == model.chain


def test_soft_evidence_is_learnt_from():
    model, counts, beside = longer("dense", None)
    allowed = np.ones((len(counts), 2), dtype=bool)
    allowed[5, 0] = False
    hard = model.fit(counts, allowed=allowed, **beside)
    soft = model.fit(counts, log_weights=np.where(allowed, 0.0, -np.inf), **beside)
    assert hard.model == soft.model


@ALL
def test_what_is_learnt_prints_and_is_drawn(kind):
    model, counts, beside = longer(kind, FINAL, n_sequences=3)
    fitted = model.fit(counts, **beside)
    assert len(fitted.plot()) >= 3
    text, html = repr(fitted), fitted._repr_html_()
    for word in (
        "end",
        *({"dense": ["to 1"], "indexed": ["1: to 0"], "rates": ["Rates"], "logistic": ["intercept"]}[kind]),
    ):
        assert word in text
        assert word in html
    assert "end" in repr(fitted.confidence_intervals())
    frame = fitted.to_frame()
    assert "final[0]" in frame.index
    name = {"dense": "transition[0, 1]", "indexed": "transition[1, 0, 1]", "rates": "transition.generator[0, 1]"}
    assert name.get(kind, "transition.coefficients[0, 1, 1]") in frame.index


def test_folds_are_held_out_with_all_that_lies_beside():
    model, counts, beside = longer("indexed", FINAL)
    validated = hf.cross_validate(model, counts, folds=2, **beside)
    assert np.isfinite(validated.log_likelihoods).all()
    selected = hf.select(
        "poisson", [2], counts, restarts=1, transition=lambda n: Indexed([np.full((n, n), 1 / n)] * 2), **beside
    )
    assert isinstance(selected.best.model.chain, Indexed)
