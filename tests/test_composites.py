"""What is made of other emissions: guessed of observations, and with what lies beside them."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hmmfilter as hf
from hmmfilter._beside import Beside
from hmmfilter.cli import main
from hmmfilter.emissions import (
    Autoregressive,
    Categorical,
    Gaussian,
    Mixture,
    Multinomial,
    Poisson,
    Product,
    Regression,
    TiedMixture,
    registry,
)

INITIAL, TRANSITION = [0.6, 0.4], [[0.9, 0.1], [0.2, 0.8]]
ROWS = [(1, "wet", 0.1, 0.3), (0, "dry", 0.0, 0.2), (9, "wet", 2.1, 2.2), (7, None, 1.9, 2.0), (8, "wet", 2.0, 1.5)] * 4
FRAME = pd.DataFrame(ROWS, columns=["calls", "sky", "x", "y"])
COUNTS = [row[0] for row in ROWS]


def model_of(emission):
    return hf.HMM(INITIAL, TRANSITION, emission)


def test_products_are_guessed_channel_by_channel():
    guess = hf.guess(Product, 2, FRAME[["x", "calls"]], channels=["gaussian", "poisson"], columns=["x", "calls"])
    assert guess.fit(FRAME, max_iterations=2).log_likelihood > guess.log_likelihood(FRAME)
    belongs = np.where(FRAME["calls"].to_numpy()[:, None] > 5, [0.05, 0.95], [0.95, 0.05])
    made = Product.guessed(FRAME[["x", "calls"]], belongs, ["gaussian", Poisson])
    assert made == Product([Gaussian.guessed(FRAME["x"], belongs), Poisson.guessed(COUNTS, belongs)])


def test_words_and_vectors_and_sequences_are_guessed():
    channels = {"sky": "categorical", "place": ("gaussian", {"covariance": "tied"})}
    given = {"channels": channels, "columns": ["sky", ["x", "y"]]}
    one = hf.guess("product", 2, FRAME, method="k-means", **given)
    assert one.emission.channels[0].symbols == ("dry", "wet")
    assert (one.emission.channels[0].probabilities > 0).all()
    assert one.emission.channels[1].kind == "tied"
    several = hf.guess("product", 2, [FRAME[:8], FRAME[FRAME.columns[::-1]][8:]], method="k-means", **given)
    assert several == one
    assert hf.guess("product", 2, FRAME.groupby(np.arange(20) // 8), method="k-means", **given) == one
    assert list(one.emission._parts) == ["sky", "place"]


def test_mixtures_are_guessed_by_groups_within_states():
    x = np.concatenate([np.random.default_rng(0).normal(centre, 1, 40) for centre in (0, 6, 20, 26)])
    guess = hf.guess(Mixture, 2, x, component="gaussian", n_components=2).emission
    assert np.allclose([part.mean for part in guess.components], [[0, 20], [6, 26]], atol=2.5)
    assert np.allclose(guess.weights, 0.5, atol=0.01)
    several = hf.guess("mixture", 2, [x[:70], x[70:]], component=("gaussian", {"covariance": "tied"}))
    assert several.emission.components[0].kind == "tied"
    pool = hf.guess(TiedMixture, 2, x, pool="gaussian", n_components=4).emission
    assert np.allclose(pool.pool.mean, [0, 6, 20, 26], atol=2.5)
    assert np.allclose(pool.weights.sum(axis=1), 1)
    vectors = hf.guess("mixture", 2, FRAME[["x", "y"]], component="gaussian", covariance="spherical").emission
    assert vectors.components[0].kind == "spherical"
    inside = hf.guess("product", 2, FRAME[["calls", "x"]], channels=["poisson", ("mixture", {"component": "gaussian"})])
    assert isinstance(inside.emission.channels[1], Mixture)
    words = hf.guess("mixture", 2, FRAME["sky"], component="categorical", method="responsibilities").emission
    assert words.n_components == 2
    whole = hf.guess("mixture", 2, FRAME["x"], component="fromscipy", distribution=stats.norm(0, 1)).emission
    assert whole.n_components == 2


def test_groups_of_nothing_are_even():
    guess = Mixture.guessed([1.0, 2.0, np.nan], [[1.0, 0.0]] * 3, "gaussian", 2)
    assert guess.weights[1].tolist() == [0.5, 0.5]
    missing = Mixture.guessed([[1.0, 2.0], [3.0, np.nan], [2.0, 3.0], [np.nan, np.nan]], [[1.0]] * 4, "gaussian", 1)
    assert missing.weights.tolist() == [[1.0]]
    same = TiedMixture.guessed([2, 2, 2], [[1.0, 1.0]] * 3, "poisson", 2)
    assert np.allclose(same.pool.rate, 2.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channels": 3}, "channels must be a list of kinds of emission, or a dict of them by name, got 3"),
        ({"channels": {}}, "channels must be a list of kinds of emission"),
        ({"channels": ["poisson", ("gaussian", 3)]}, r"channels\[1\] must be a kind, or a pair of one and a dict"),
        ({"channels": ["poisson", "other"]}, "emission must be one of "),
        ({"channels": ["poisson", "gaussian"], "columns": 3}, "columns must be a list, got 3"),
        ({"channels": ["bernoulli", "gaussian"]}, r"channel 0: observations\[2\] must be a whole number from 0 to 1"),
    ],
)
def test_what_cannot_be_guessed(options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        Product.guessed(FRAME[["calls", "x"]], np.ones((20, 1)), **options)


# What lies beside.

RISE = np.linspace(-1, 1, 20)[:, None]


def line():
    return Regression([[0.0, 1.0], [5.0, -1.0]], [1.0, 2.0])


def walk():
    return Autoregressive([[0.0, 0.9], [1.0, -0.5]], [1.0, 2.0])


def beside():
    return Product({"calls": Poisson([1.0, 8.0]), "level": line(), "walk": walk()})


TRIPLES = [(n, x, y) for n, _, x, y in ROWS]


def test_channels_get_what_lies_beside():
    counts, level, walked = map(list, zip(*TRIPLES, strict=True))
    table = beside().log_likelihoods(TRIPLES, covariates=RISE, lengths=[12, 8])
    by_hand = Poisson([1.0, 8.0]).log_likelihoods(counts) + line().log_likelihoods(level, covariates=RISE)
    assert np.array_equal(table, by_hand + walk().log_likelihoods(walked, lengths=[12, 8]))
    model = model_of(beside())
    both = model.filter([TRIPLES[:12], TRIPLES[12:]], covariates=[RISE[:12], RISE[12:]])
    joined = hf.forward_filter(model.log_initial, model.log_transition, table, lengths=[12, 8])
    assert np.array_equal(both.probabilities, joined.probabilities)
    late = Beside(np.array([0, 2]), covariates=RISE[10:12], before=TRIPLES[9:10])
    observed = beside()._observed(TRIPLES[10:12], late)
    rest = np.empty((2, 2))
    beside()._fill(observed, 0, 2, rest)
    assert np.array_equal(rest, table[10:12])


def test_channels_with_needs_learn_and_draw():
    model = model_of(beside())
    states, rows = model.simulate(60, rng=0, covariates=np.linspace(-1, 1, 60)[:, None])
    assert rows.shape == (60, 3)
    fitted = model.fit(rows, covariates=np.linspace(-1, 1, 60)[:, None], max_iterations=4)
    assert (np.diff(fitted.history) > -1e-9).all()
    known, degrees = np.linspace(-1, 1, 60)[:, None], np.eye(2)[states]
    learnt = model.emission.estimated(rows, degrees, covariates=known)
    assert learnt.channels[1] == line().estimated(rows[:, 1], degrees, covariates=known)
    assert learnt.channels[2] == walk().estimated(rows[:, 2], degrees)
    kinds = ["poisson", "regression", "autoregressive"]
    guess = Product.guessed(rows, degrees, kinds, covariates=known)
    assert guess.channels[1] == Regression.guessed(rows[:, 1], degrees, covariates=known)
    assert Product._stand_in(rows, channels=kinds, covariates=known).channels[1].coefficients.shape == (1, 2)


def test_mixtures_get_what_lies_beside():
    mixture = Mixture([line(), Regression([[1.0, 0.0], [4.0, 0.0]], [9.0, 9.0])], [[0.5, 0.5]] * 2)
    level = [row[1] for row in TRIPLES]
    each = [part.log_likelihoods(level, covariates=RISE) for part in mixture.components]
    expected = np.logaddexp(*each) + np.log(0.5)
    assert np.allclose(mixture.log_likelihoods(level, covariates=RISE), expected, rtol=1e-14)
    fitted = model_of(mixture).fit(level, covariates=RISE, max_iterations=3)
    assert (np.diff(fitted.history) > -1e-9).all()
    _, drawn = model_of(mixture).simulate(20, rng=0, covariates=RISE)
    assert drawn.shape == (20,)
    pool = TiedMixture(line(), [[0.5, 0.5], [0.1, 0.9]])
    _, drawn = model_of(pool).simulate(20, rng=0, covariates=RISE)
    assert drawn.shape == (20,)
    step = pool.estimated(level, np.ones((20, 2)), covariates=RISE)
    assert np.isfinite(step.log_likelihoods(level, covariates=RISE)).all()
    guess = Mixture.guessed(level, np.ones((20, 1)), "regression", 2, covariates=RISE)
    assert guess.components[0].coefficients.shape == (1, 2)


def test_what_looks_back_cannot_be_drawn_of_a_mixture():
    mixture = Mixture([walk(), walk()], [[0.5, 0.5]] * 2)
    assert mixture._past == 1
    with pytest.raises(TypeError, match="a mixture whose components look back cannot be drawn from"):
        model_of(mixture).simulate(20)


def test_the_table_has_all_emissions():
    """Which emission for which data: every kind is said for something."""
    table = hf.emissions.__doc__.split("Which emission for which data:")[1]
    told = set(re.findall("`([A-Za-z]+)`", table))
    assert set(registry.of_this_house()) <= told <= set(hf.emissions.__all__)
    assert {"register", "Emission"} <= told


def test_each_column_of_a_mixture_of_products_has_curves_of_its_kind():
    pytest.importorskip("matplotlib").use("Agg")
    pool = Product([Gaussian([0.0, 3.0], [1.0, 1.0]), Poisson([1.0, 6.0])])
    model = hf.HMM([0.5, 0.5], np.full((2, 2), 0.5), hf.emissions.TiedMixture(pool, [[0.3, 0.7], [0.8, 0.2]]))
    _, _, counts = model.plot([[0.3, 2], [2.9, 7]])
    assert (np.asarray(counts.lines[0].get_xdata()) % 1 == 0).all()


def test_what_has_no_panel_of_numbers_is_drawn_all_the_same():
    pytest.importorskip("matplotlib").use("Agg")
    exposed, rows = model_of(Poisson([1.0, 5.0], exposure=True)), [(2, 1.0), (9, 2.0), (0, 0.5)]
    assert [ax.get_xlabel() for ax in exposed.plot(rows)][1:] == ["count"]
    counted = model_of(Multinomial([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]], n=5))
    assert [ax.get_xlabel() for ax in counted.plot([[1, 2, 2], [0, 0, 5]])][1:] == ["symbol"]
    assert [ax.get_xlabel() for ax in model_of(line()).plot()][1:] == []


def test_the_command_reads_columns_by_name(tmp_path, capsys):
    sky = Categorical([[0.5, 0.5], [0.9, 0.1]], symbols=["wet", "dry"])
    emission = Product({"calls": Poisson([1.0, 5.0]), "sky": sky, "x": Gaussian([0.0, 2.0], [1.0, 1.0])})
    frame = FRAME[["sky", "y", "x", "calls"]]
    frame.to_csv(tmp_path / "rows.csv", index=False)
    model, table = str(tmp_path / "model.json"), str(tmp_path / "rows.csv")
    for kind, columns in ((emission, []), (Product(emission.channels), ["--column", "calls,sky,x"])):
        model_of(kind).to_json(model)
        assert main(["filter", "--model", model, table, *columns]) in (0, None)
        shown = capsys.readouterr().out.splitlines()
        assert len(shown) == 21
        last = float(shown[-1].split(",")[-2])  # before the log-likelihood
        assert np.isclose(last, model_of(emission).filter(FRAME).probabilities[-1, 1], rtol=1e-12)
    model_of(Product({"x": Gaussian([0.0, 2.0], [1.0, 1.0]), "y": Gaussian([0.0, 2.0], [1.0, 1.0])})).to_json(model)
    assert main(["filter", "--model", model, table]) in (0, None)
    assert len(capsys.readouterr().out.splitlines()) == 21


def test_no_natural_parameters_are_those_of_no_emission():
    mixture = Mixture([Poisson([1.0, 2.0]), Poisson([3.0, 9.0])], [[0.5, 0.5], [0.2, 0.8]])
    vector = mixture._natural()
    assert np.allclose(mixture._of_natural(vector).weights, mixture.weights)
    for n in (0, len(vector) - 1):  # a weight, a rate
        assert mixture._of_natural(np.where(np.arange(len(vector)) == n, np.nan, vector)) is None
