"""Estimators of symbols and counts: hmmlearn's numbers where it is right, and what is right where it is not."""

import pickle

import numpy as np
import pytest
from hmmlearn import hmm as theirs
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import hmmfilter as hf
from hmmfilter import sklearn as ours

N_STATES, LENGTHS = 3, [40, 1, 19]
N_ITERATIONS = 6
SAME = {"rtol": 0, "atol": 1e-8}  # of parameters after some iterations, and of answers, here and there
RISE = 1e-9  # by how much rounding may lower an objective of some hundred
RNG = np.random.RandomState(18)
CHAIN = {"startprob_": RNG.dirichlet(np.ones(N_STATES)), "transmat_": RNG.dirichlet(np.ones(N_STATES), size=N_STATES)}
ROWS = {"emissionprob_": RNG.dirichlet(np.ones(4), size=N_STATES)}
RATES = {"lambdas_": RNG.gamma(3.0, size=(N_STATES, 2))}
SYMBOLS = RNG.randint(4, size=(60, 1))
DRAWS = RNG.multinomial(5, [0.1, 0.4, 0.2, 0.3], size=60)
COUNTS = RNG.poisson([2.0, 4.0], size=(60, 2))
PRIORS = {"startprob_prior": 1.5, "transmat_prior": 2.5}
CASES = [
    pytest.param("CategoricalHMM", {}, ROWS, SYMBOLS, id="symbols"),
    pytest.param("CategoricalHMM", {**PRIORS, "emissionprob_prior": 3.0}, ROWS, SYMBOLS, id="symbols and priors"),
    pytest.param("MultinomialHMM", {}, ROWS, DRAWS, id="draws"),
    pytest.param("MultinomialHMM", {"n_trials": 5, **PRIORS}, ROWS, DRAWS, id="draws and priors"),
    pytest.param("PoissonHMM", {}, RATES, COUNTS, id="counts"),
    pytest.param("PoissonHMM", PRIORS, RATES, COUNTS, id="counts and priors"),
    pytest.param("PoissonHMM", {}, {"lambdas_": RATES["lambdas_"][:, :1]}, COUNTS[:, :1], id="counts of one kind"),
]


def started(kind, arguments, start, **more):
    """An estimator that begins where it is told to."""
    model = kind(N_STATES, **arguments, **{"n_iter": N_ITERATIONS, "tol": -np.inf, "init_params": "", **more})
    for name, value in {**CHAIN, **start}.items():
        setattr(model, name, value.copy())
    return model


@pytest.mark.parametrize(("name", "arguments", "start", "rows"), CASES)
def test_fits_and_answers_are_those_of_hmmlearn(name, arguments, start, rows):
    mine, other = (started(getattr(module, name), arguments, start) for module in (ours, theirs))
    mine.fit(rows, lengths=LENGTHS)
    other.fit(rows, lengths=LENGTHS)
    for attribute in (*CHAIN, *start):
        assert_allclose(getattr(mine, attribute), getattr(other, attribute), **SAME)
    assert_allclose(mine.score(rows, lengths=LENGTHS), other.score(rows, LENGTHS), **SAME)
    assert_allclose(mine.predict_proba(rows, LENGTHS), other.predict_proba(rows, LENGTHS), **SAME)
    assert_array_equal(mine.predict(rows, LENGTHS), other.predict(rows, LENGTHS))
    if not arguments:
        assert_allclose(mine.monitor_.history, other.monitor_.history, **SAME)


@pytest.mark.parametrize(("name", "arguments", "start", "rows"), CASES)
def test_starts_and_samples_are_those_of_hmmlearn(name, arguments, start, rows):
    mine, other = (getattr(module, name)(N_STATES, random_state=7, **arguments) for module in (ours, theirs))
    mine._init(rows, LENGTHS)
    other._init(rows, LENGTHS)
    for attribute in (*CHAIN, *start):
        assert_allclose(getattr(mine, attribute), getattr(other, attribute), **SAME)
    assert mine.random_state == 7
    drawn, states = mine.sample(30, random_state=1)
    others_drawn, others_states = other.sample(30, random_state=1)
    assert_array_equal(states, others_states)
    assert_array_equal(drawn, others_drawn)


@pytest.mark.parametrize(("name", "arguments", "start", "rows"), CASES)
def test_what_is_climbed_never_falls(name, arguments, start, rows):
    model = started(getattr(ours, name), arguments, start, n_iter=12).fit(rows, lengths=LENGTHS)
    assert np.diff(model.monitor_.history).min() > -RISE


@pytest.mark.parametrize(("name", "arguments", "start", "rows"), CASES)
def test_only_what_params_name_is_learnt(name, arguments, start, rows):
    model = started(getattr(ours, name), arguments, start, params="s").fit(rows, lengths=LENGTHS)
    for attribute in ("transmat_", *start):
        assert_array_equal(getattr(model, attribute), {**CHAIN, **start}[attribute])
    assert (model.startprob_ != CHAIN["startprob_"]).any()


@pytest.mark.parametrize(("name", "arguments", "start", "rows"), CASES)
def test_models_go_to_the_frozen_kind_and_back(name, arguments, start, rows):
    kind = getattr(ours, name)
    model = started(kind, arguments, start)
    frozen = model.to_hmm()
    assert kind.from_hmm(frozen).to_hmm() == frozen
    assert_allclose(np.sum(frozen.log_likelihood(rows, lengths=LENGTHS)), model.score(rows, lengths=LENGTHS), **SAME)
    assert repr(clone(model)) == repr(model)
    assert pickle.loads(pickle.dumps(model)).to_hmm() == frozen


@pytest.mark.parametrize(
    ("kind", "emission", "message"),
    [
        (ours.CategoricalHMM, hf.emissions.Poisson([1.0]), "the emission of a CategoricalHMM must be Categorical, got"),
        (
            ours.CategoricalHMM,
            hf.emissions.Categorical([[0.5, 0.5]], ["a", "b"]),
            "the symbols of a CategoricalHMM must have",
        ),
        (ours.MultinomialHMM, hf.emissions.Poisson([1.0]), "the emission of a MultinomialHMM must be Multinomial, got"),
        (ours.PoissonHMM, hf.emissions.Categorical([[1.0]]), "the emission of a PoissonHMM must be Poisson, got"),
        (ours.PoissonHMM, hf.emissions.Poisson([1.0], exposure=True), "the emission of a PoissonHMM must be of counts"),
        (
            ours.PoissonHMM,
            hf.emissions.Product([hf.emissions.Poisson([1.0]), hf.emissions.Poisson([1.0])], columns=["a", "b"]),
            "the emission of a PoissonHMM must have no columns",
        ),
    ],
)
def test_models_of_other_kinds_are_refused(kind, emission, message):
    with pytest.raises((TypeError, ValueError), match=message):
        kind.from_hmm(hf.HMM([1.0], [[1.0]], emission))


@pytest.mark.parametrize(("name", "arguments", "start", "rows"), CASES)
def test_fits_add_no_public_attributes_but_those_that_end_in_an_underscore(name, arguments, start, rows):
    model = started(getattr(ours, name), arguments, start).fit(rows)
    assert all(attribute in model.get_params() or "_" in (attribute[0], attribute[-1]) for attribute in vars(model))


def test_rows_that_were_typed_in_are_divided_by_their_sums():
    rows = np.array([[0.333333, 0.333333, 0.333333], [0.2, 0.3, 0.5]])
    for kind in (ours.CategoricalHMM, ours.MultinomialHMM):
        model = kind(2)
        model.startprob_, model.transmat_, model.emissionprob_ = np.full(2, 0.5), np.full((2, 2), 0.5), rows
        assert_allclose(model.to_hmm().emission.probabilities[0], np.full(3, 1 / 3), rtol=1e-15)
        assert model.n_features == 3


def test_a_state_that_is_never_visited_keeps_its_parameters():
    alone = {"startprob_": np.array([1.0, 0.0, 0.0]), "transmat_": np.eye(3)}
    for name, start, rows in [
        ("CategoricalHMM", ROWS, SYMBOLS),
        ("MultinomialHMM", ROWS, DRAWS),
        ("PoissonHMM", RATES, COUNTS),
    ]:
        model = started(getattr(ours, name), {}, {**alone, **start}).fit(rows)
        for attribute, value in start.items():
            assert_array_equal(getattr(model, attribute)[1:], value[1:])
            assert np.isfinite(getattr(model, attribute)).all()


def test_rates_weigh_what_is_known_beforehand_against_the_rows_of_their_own_state():
    prior, weight = np.array([[4.0, 1.0]] * N_STATES), np.array([2.0, 0.5, 30.0])
    model = started(ours.PoissonHMM, {"lambdas_prior": prior, "lambdas_weight": weight}, RATES, n_iter=1)
    expected = hf.expected_statistics(model.to_hmm(), COUNTS).emission
    events = np.column_stack([expected["0.sum"], expected["1.sum"]])
    model.fit(COUNTS)
    assert_allclose(model.lambdas_, (prior + events) / (weight + expected["0.weight"])[:, None], rtol=1e-12)
    log_prior = np.sum(prior * np.log(RATES["lambdas_"]) - weight[:, None] * RATES["lambdas_"])
    log_likelihood = started(ours.PoissonHMM, {}, RATES).score(COUNTS)
    assert_allclose(model.monitor_.history[0], log_likelihood + log_prior, rtol=1e-12)
    model.n_iter = 25
    assert np.diff(model.fit(COUNTS).monitor_.history).min() > -RISE


def test_a_start_of_counts_that_are_all_the_same():
    model = ours.PoissonHMM(2, random_state=0)
    model._init(np.full((5, 1), 3))
    assert_array_equal(model.lambdas_, np.full((2, 1), 3.0))
    none_at_all = ours.PoissonHMM(2, random_state=0).fit(np.zeros((5, 1), dtype=int))
    assert_array_equal(none_at_all.lambdas_, np.zeros((2, 1)))
    assert none_at_all.score([[0]]) == 0.0


@pytest.mark.parametrize(
    ("model", "rows", "message"),
    [
        (ours.CategoricalHMM(2), [[0.0], [1.0]], "X must hold symbols, of a dtype of integers, got float64"),
        (ours.CategoricalHMM(2), [[0], [-1]], "Negative values in data passed to X in CategoricalHMM"),
        (ours.CategoricalHMM(2), [[0, 1], [1, 0]], r"X must have one column, of symbols, got shape \(2, 2\)"),
        (
            ours.CategoricalHMM(2, n_features=3),
            [[0], [3]],
            "X must have symbols below n_features, 3, got 3",
        ),
        (ours.CategoricalHMM(2, emissionprob_prior=0.5), [[0], [3]], r"emissionprob_prior must be at least 1"),
        (ours.MultinomialHMM(2), [[0.5, 0.5], [1, 0]], "X must hold counts, of a dtype of integers"),
        (ours.MultinomialHMM(2, n_trials=3), [[1, 1], [2, 1]], r"X must have rows that sum to n_trials, 3, got sums"),
        (
            ours.MultinomialHMM(2, n_trials=[2, 3, 4]),
            [[1, 1], [1, 2]],
            "X must have rows that sum",
        ),
        (ours.PoissonHMM(2, lambdas_prior=-1.0), [[1], [2]], "lambdas_prior must be at least 0"),
        (ours.PoissonHMM(2), [[1.5], [2.0]], r"observations\[0\] must be a whole number from 0 up"),
    ],
)
def test_refusals(model, rows, message):
    with pytest.raises(ValueError, match=message):
        model.fit(rows)
    with pytest.raises(ValueError, match=r"X\[0, 1\] must be at least 0"):  # also where scikit-learn is not asked
        ours.MultinomialHMM(2)._check_and_set_n_features(np.array([[1, -1]]))


def test_a_model_of_one_sum_refuses_others_and_draws_it():
    model = started(ours.MultinomialHMM, {"n_trials": 5}, ROWS)
    with pytest.raises(ValueError, match="the sum of observations"):
        model.score(DRAWS[:3] + 1)
    assert (model.sample(20, random_state=0)[0].sum(axis=1) == 5).all()
    for several in (None, [5, 6]):
        model.n_trials = several
        assert np.isfinite(model.score(DRAWS[:3] + 1))
        with pytest.raises(ValueError, match="n_trials must be one number to sample"):
            model.sample(2)


def test_symbols_of_probability_zero_are_never_drawn():
    class Highest(np.random.RandomState):
        def rand(self):
            return np.nextafter(1.0, 0.0)

    model = ours.CategoricalHMM(1)
    model.emissionprob_ = np.array([[0.0, *[0.1] * 10, 0.0]])
    assert np.cumsum(model.emissionprob_)[-1] < 1.0  # by rounding
    assert model._generate_sample_from_state(0, Highest()) == [10]


def test_free_parameters_are_counted_without_zeros_that_were_given():
    start = {"emissionprob_": np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5], [0.0, 0.0, 1.0]])}
    model = started(ours.CategoricalHMM, {}, start)
    model._check()
    assert model._get_n_fit_scalars_per_param() == {"s": 2, "t": 6, "e": 3}
    rates = started(ours.PoissonHMM, {}, RATES)
    rates._check()
    assert rates._get_n_fit_scalars_per_param()["l"] == 6
