"""Channels side by side: what they say together is what each says, however the rows come."""

import itertools
import pickle

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import hmmfilter as hf
from hmmfilter.emissions import Bernoulli, Categorical, FromScipy, Gaussian, Poisson, Product
from tests import learning_oracle as oracle
from tests.test_learning_oracle import assert_near

INITIAL, TRANSITION = [0.6, 0.4], [[0.9, 0.1], [0.2, 0.8]]
LAST_DIGITS = 4e-16  # relative, of sums in another order


def steps():
    return Gaussian([1.0, 4.0], [0.5, 2.0])


def sky():
    return Categorical([[0.5, 0.5], [0.9, 0.1]], symbols=["wet", "dry"])


def place():
    return Gaussian([[0.0, 0.0], [1.0, 2.0]], [[1.0, 0.5], [0.5, 2.0]], kind="tied")


def mixed(**options):
    """Numbers, words, vectors and counts."""
    return Product([steps(), sky(), place(), Poisson([1.0, 5.0])], **options)


ROWS = [
    (0.5, "wet", 0.1, -0.3, 2),
    (3.5, "dry", 1.1, None, 7),
    (None, "wet", None, None, None),
    (1.0, None, 0.0, 2.0, 0),
    None,
    (0.1, "dry", None, 1.0, 3),
]
COLUMNS = ["step", "sky", ["x", "y"], "calls"]
FLAT = ["step", "sky", "x", "y", "calls"]


def many():
    """Enough rows to learn from."""
    return hf.HMM(INITIAL, TRANSITION, mixed()).simulate(40, rng=5)[1].tolist() + ROWS


def frame():
    return pd.DataFrame([row or (None,) * 5 for row in ROWS], columns=FLAT)


def by_hand():
    """The sum of what the channels say of their columns, one by one."""
    rows = [row or (None,) * 5 for row in ROWS]
    step, word, *xy, calls = map(list, zip(*rows, strict=True))
    table = steps().log_likelihoods(step) + sky().log_likelihoods(word)
    return table + place().log_likelihoods(list(zip(*xy, strict=True))) + Poisson([1.0, 5.0]).log_likelihoods(calls)


def model_of(emission):
    return hf.HMM(INITIAL, TRANSITION, emission)


def test_the_table_is_the_sum_of_those_of_the_channels():
    assert np.array_equal(mixed().log_likelihoods(ROWS), by_hand())


def test_rows_come_in_many_ways():
    named = mixed(columns=COLUMNS)
    wide = frame().assign(more="?")[["more", "y", "calls", "sky", "x", "step"]]
    records = [dict(zip(FLAT, row, strict=True)) for row in frame().itertuples(index=False)]
    for rows in (
        ROWS,
        frame(),
        wide,
        records,
        frame().to_numpy(),
        [row for _, row in frame().iterrows()],
        wide.iloc[:],
    ):
        assert np.array_equal(named.log_likelihoods(rows), by_hand())
    numbered = mixed(columns=[5, 3, [4, 1], 2])
    assert np.array_equal(numbered.log_likelihoods(wide), by_hand())
    assert np.array_equal(numbered.log_likelihoods(wide.to_numpy()), by_hand())
    assert np.array_equal(numbered.log_likelihoods(list(wide.itertuples(index=False))), by_hand())
    assert np.array_equal(mixed().log_likelihoods(frame()), by_hand())


def test_structured_and_masked_arrays_and_arrays_of_numbers():
    both = Product({"a": Poisson([1.0, 5.0]), "b": Bernoulli([0.1, 0.9])})
    exact = both.log_likelihoods([(0, 1), (7, 0)])
    array = np.array([(1, 9, 0), (0, 9, 7)], dtype=[("b", int), ("more", float), ("a", float)])
    assert np.array_equal(both.log_likelihoods(array), exact)
    assert np.array_equal(both.log_likelihoods([*array[["a", "b"]]]), exact)
    assert np.array_equal(both.log_likelihoods(np.array([[0, 1], [7, 0]])), exact)
    assert np.array_equal(Product(both.channels, [2, 0]).log_likelihoods(array), exact)
    masked = np.ma.array([[0, 1], [7, 3]], mask=[[False, False], [False, True]])
    assert np.array_equal(both.log_likelihoods(masked), both.log_likelihoods([(0, 1), (7, None)]))
    assert np.array_equal(both.log_likelihoods([*masked]), both.log_likelihoods([(0, 1), (7, None)]))
    vectors = Product([Poisson([1.0, 5.0]), place()], [["n"], ["x", "y"]][:0] or ["n", ["x", "y"]])
    numbers = pd.DataFrame({"n": [1, 2], "y": [1.0, np.nan], "x": [0.5, 0.0]})
    assert np.array_equal(vectors.log_likelihoods(numbers), vectors.log_likelihoods([(1, 0.5, 1.0), (2, 0.0, None)]))


def test_missing_channels_are_marginalised():
    """A row without a channel is as probable as all rows that it may be, together."""
    both = Product([Bernoulli([0.1, 0.9]), Categorical([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])])
    whole = np.exp(both.log_likelihoods([(1, m) for m in range(3)])).sum(axis=0)
    assert np.allclose(whole, np.exp(both.log_likelihoods([(1, None)])), rtol=LAST_DIGITS, atol=0)
    model = model_of(both)
    rows = [(1, 0), (None, 2), (0, None)]
    all_rows = [[(1, 0), (a, 2), (0, m)] for a, m in itertools.product(range(2), range(3))]
    total = sum(np.exp(model.log_likelihood(each)) for each in all_rows)
    assert np.isclose(total, np.exp(model.log_likelihood(rows)), rtol=1e-14, atol=0)


@given(order=st.permutations(range(3)))
def test_the_order_of_channels_changes_nothing(order):
    channels = [steps(), sky(), Poisson([1.0, 5.0])]
    rows = [(0.5, "wet", 2), (None, "dry", 4)]
    moved = Product([channels[c] for c in order]).log_likelihoods([[row[c] for c in order] for row in rows])
    assert np.allclose(moved, Product(channels).log_likelihoods(rows), rtol=LAST_DIGITS, atol=0)


def test_states_are_numbered_anew():
    moved = mixed()._reordered(np.array([1, 0]))
    assert np.array_equal(moved.log_likelihoods(ROWS), mixed().log_likelihoods(ROWS)[:, ::-1])
    assert moved._reordered(np.array([1, 0])) == mixed()


def test_a_product_of_products_is_one():
    nested = Product([Product([steps(), sky()]), Product([place(), Poisson([1.0, 5.0])])])
    assert nested.n_dimensions == 5
    assert np.allclose(nested.log_likelihoods(ROWS), by_hand(), rtol=LAST_DIGITS, atol=0)
    assert "0.0.mean" in nested._parameters()
    assert "1.0.squares" in hf.expected_statistics(model_of(nested), ROWS).emission


def test_every_door_takes_rows(tmp_path):
    model = model_of(mixed(columns=COLUMNS))
    filtered = model.filter(frame())
    table = by_hand()
    assert np.array_equal(filtered.probabilities, hf.forward_filter(*logs(model), table).probabilities)
    assert np.array_equal(model.viterbi(ROWS).path, hf.viterbi(*logs(model), table).path)
    assert np.array_equal(model.smooth(ROWS).probabilities, model.smooth(frame()).probabilities)
    stream = model.online()
    for row, expected in zip(ROWS, filtered.log_probabilities, strict=True):
        assert np.array_equal(stream.observe(row), expected)
    several = model.filter([frame()[:4], frame()[FLAT[::-1]][4:]])
    assert np.array_equal(several.probabilities, model.filter(ROWS, lengths=[4, 2]).probabilities)
    keyed = model.filter({"a": ROWS[:4], "b": frame()[4:]})
    assert np.array_equal(keyed.probabilities, several.probabilities)
    _, rows = model.simulate(20, rng=1)
    assert rows.shape == (20, 5)
    assert np.isfinite(model.filter(rows).log_likelihood)


def logs(model):
    return model.log_initial, model.log_transition


def test_a_stream_takes_what_has_names_and_what_has_not():
    both = Product({"a": Poisson([1.0, 5.0]), "xy": place()}, columns=["a", ["x", "y"]])
    row = both.log_likelihoods([(3, 0.5, 1.0)])[0]
    for one in ((3, 0.5, 1.0), [3, 0.5, 1.0], np.array([3, 0.5, 1.0]), {"a": 3, "y": 1.0, "x": 0.5}):
        stream, other = model_of(both).online(), model_of(both)
        assert np.array_equal(stream.observe(one), other.filter([(3, 0.5, 1.0)]).log_probabilities[0])
    assert np.array_equal(both._quick_row((3, 0.5, 1.0)), row)
    assert both._quick_row((3, 0.5)) is None
    assert both._quick_row(("?", 0.5, 1.0)) is None
    assert Product([steps(), steps()], [1, 0])._quick_row((1.0, 2.0)) is None
    assert Product([FromScipy([stats.norm(), stats.norm(3)])])._quick_row((1.0,)) is None


def test_it_learns_what_each_channel_learns():
    """A step of each channel by itself, from the posteriors that all have together."""
    model = model_of(mixed())
    rows = many()
    degrees = model.smooth(rows).probabilities
    step, word, *xy, calls = map(list, zip(*(row or (None,) * 5 for row in rows), strict=True))
    columns = [step, word, list(zip(*xy, strict=True)), calls]
    alone = [each.estimated(own, degrees) for each, own in zip(model.emission.channels, columns, strict=True)]
    assert model.emission.estimated(rows, degrees) == Product(alone)
    fitted = model.fit(rows, max_iterations=1, accelerate=False).model.emission
    for name, value in Product(alone)._parameters().items():
        assert np.allclose(fitted._parameters()[name], value, rtol=1e-13, atol=1e-15), name


def test_one_step_against_all_paths():
    """Counts and symbols, with missing channels, by the oracle of all K**T paths."""
    rate, table = np.array([1.0, 5.0]), np.array([[0.5, 0.2, 0.3], [0.1, 0.7, 0.2]])
    model = model_of(Product({"n": Poisson(rate), "s": Categorical(table)}))
    sequences = [[(2, 1), (None, 0), (7, None)], [(0, 2), (None, None), (4, 1), (3, 0)]]
    counts, symbols = oracle.poisson(oracle.exactly(rate)), oracle.categorical(oracle.exactly(table))
    chain = oracle.Chain(oracle.exactly(INITIAL), oracle.exactly(TRANSITION))
    exact = oracle.expected(chain, lambda x, k: counts(x[0], k) * symbols(x[1], k), sequences, [mpmath.mpf(1)] * 2)
    assert_near(model.log_likelihood(sequences), exact.log_likelihoods)
    learnt = model.fit(sequences, max_iterations=1, accelerate=False).model
    of_counts = [oracle.weights_and_sums([(x[0], row) for x, row in exact.degrees], k) for k in range(2)]
    assert_near(learnt.emission.channels[0].rate, [total / weight for weight, total in of_counts])
    shares = [oracle.shares(oracle.symbol_counts([(x[1], row) for x, row in exact.degrees], 3, k)) for k in range(2)]
    assert_near(learnt.emission.channels[1].probabilities, shares)


def test_slopes_are_those_of_the_log_likelihood():
    model, rows, weights = model_of(mixed()), ROWS, np.random.default_rng(0).random((6, 2))
    emission, observed = model.emission, mixed()._observed(ROWS)
    sums = emission._sums(observed)
    emission._add(observed, 0, 6, weights, sums)
    kept = hf.emissions.learning.Kept(observed, weights)
    scores = emission._score(kept if emission._keeps else sums.sum(axis=0))
    for name, values in emission._parameters().items():
        if name in emission._symmetric or name in emission.DISTRIBUTIONS:
            continue
        for index in np.ndindex(values.shape):
            ends = []
            for way in (-1e-5, 1e-5):
                moved = values.copy()
                moved[index] += way
                there = emission._with({**emission._parameters(), name: moved})
                ends.append((weights * there.log_likelihoods(rows)).sum())
            assert np.isclose((ends[1] - ends[0]) / 2e-5, scores[name][index], rtol=1e-7, atol=1e-8), (name, index)


def test_channels_are_held_tied_and_believed_by_name():
    rows, start = many(), model_of(mixed(columns=COLUMNS))
    held = start.fit(rows, fixed=["emission.step", "emission.2.mean"], max_iterations=3).model.emission
    assert held.channels[0] == start.emission.channels[0]
    assert np.array_equal(held.channels[2].mean, start.emission.channels[2].mean)
    assert not np.array_equal(held.channels[3].rate, start.emission.channels[3].rate)
    tied = start.fit(rows, tied={"emission.calls.rate": "all"}, max_iterations=3).model.emission
    assert len(set(tied.channels[3].rate.tolist())) == 1
    gamma, symbols = hf.priors.Gamma(3.0, 1.0), hf.priors.Dirichlet(2.0)
    for prior in ({"calls": gamma, "sky": symbols}, [None, symbols, None, gamma]):
        fitted = start.fit(rows, prior=hf.Prior(emission=prior), max_iterations=4)
        assert (np.diff(fitted.history) > 0).all()
        density = gamma.log_density(fitted.model.emission.channels[3].rate)
        density += symbols.log_density(fitted.model.emission.channels[1].probabilities)
        assert np.isclose(fitted.log_prior, density, rtol=1e-14)
        degrees = start.smooth(rows).probabilities
        assert start.emission.estimated(rows, degrees, prior).channels[3] == start.emission.channels[3].estimated(
            [None if row is None else row[4] for row in rows], degrees, gamma
        )
    errors = start.fit(rows, prior=hf.Prior(emission={"calls": gamma}), max_iterations=200).gradient_norm
    assert errors < 1e-3


def test_channels_that_learn_as_a_whole_make_it_learn_as_a_whole():
    rows = [(2, 0.3), (7, 3.1), (None, 0.1), (0, None), (6, 2.5), (1, -0.5)] * 3
    start = model_of(Product([Poisson([1.0, 5.0]), FromScipy([stats.norm(0, 1), stats.norm(3, 1)])]))
    fitted = start.fit(rows, max_iterations=1, accelerate=False)
    normal = model_of(Product([Poisson([1.0, 5.0]), Gaussian([0.0, 3.0], [1.0, 1.0])]))
    normal = normal.fit(rows, max_iterations=1, accelerate=False)
    assert np.isclose(fitted.log_likelihood, normal.log_likelihood, rtol=1e-6)
    assert "norm(" in str(fitted)
    assert np.array_equal(
        start.emission.log_likelihoods(rows),
        Poisson([1.0, 5.0]).log_likelihoods([row[0] for row in rows])
        + start.emission.channels[1].log_likelihoods([row[1] for row in rows]),
    )


def test_a_collapse_names_state_and_channel():
    start = model_of(Product({"n": Poisson([1.0, 5.0]), "x": Gaussian([0.0, 3.0], [1.0, 1.0])}))
    with pytest.raises(hf.DegenerateFitError, match="state 0 collapses in channel x: its") as caught:
        start.fit([(0, 0.0)] * 5 + [(90, 3.0), (91, 4.0)])
    assert (caught.value.state, caught.value.part) == (0, "channel x")
    assert pickle.loads(pickle.dumps(caught.value)).part == "channel x"


def test_moments_are_those_of_the_channels():
    mean, variance = mixed().moments()
    assert mean[1].tolist()[2:] == [1.0, 2.0, 5.0]
    assert np.isnan(mean[:, 1]).all()
    assert np.array_equal(variance[1, 2:4, 2:4], place().moments()[1][1])
    assert np.isnan(np.diagonal(variance, axis1=1, axis2=2)[:, 1]).all()
    assert variance[0, 0, 4] == 0.0
    assert variance[1, 4, 4] == 5.0
    own, spare = Product([steps(), OnlyTable()]).moments()
    assert np.isnan(own[0]).tolist() == [False, True]
    assert np.isnan(spare[0]).tolist() == [[False, False], [False, True]]


class OnlyTable:
    """The least that an emission is."""

    n_states = 2

    def log_likelihoods(self, observations):
        return np.array([[0.0, 0.0] if x is None else [-float(x), -1.0] for x in observations])

    def sample(self, states, rng):
        return np.zeros(len(states))


def test_an_emission_of_ones_own_is_a_channel():
    own = Product([Poisson([1.0, 5.0]), OnlyTable()])
    table = own.log_likelihoods([(3, None), (None, 2.0)])
    assert np.array_equal(table, [Poisson([1.0, 5.0]).log_likelihoods([3])[0], [-2.0, -1.0]])
    assert np.isnan(own._observed(pd.DataFrame({"a": [3, 1], "b": [None, 2.0]}))[0][:, 1]).tolist() == [False, False]
    with pytest.raises(TypeError, match="pseudo-residuals need an emission with a method log_sides"):
        own.log_sides([(3, 1.0)])
    with pytest.raises(TypeError, match="to be reordered, got OnlyTable"):
        own._reordered([1, 0])
    assert "0 rate" in str(model_of(own))


def test_sides_are_those_of_each_entry():
    below, at, above = mixed(columns=COLUMNS).log_sides(frame())
    assert below.shape == at.shape == above.shape == (6, 5, 2)
    xy = frame()[["x", "y"]].to_numpy(dtype=float)
    assert np.array_equal(below[:, 2:4], place().log_sides(xy)[0], equal_nan=True)
    assert np.array_equal(above[:, 4], Poisson([1.0, 5.0]).log_sides(frame()["calls"])[2], equal_nan=True)
    assert model_of(mixed(columns=COLUMNS)).pseudo_residuals(frame()).residuals.shape == (6, 5)


def test_draws_stand_where_columns_are():
    drawn = Product([Poisson([0.0, 9.0]), place()], columns=[3, [0, 2]]).sample([0, 1, 1], rng=0)
    assert drawn.shape == (3, 4)
    assert np.isnan(drawn[:, 1]).all()
    assert drawn[0, 3] == 0.0
    assert mixed().sample([0, 1], rng=0).dtype == object
    means = np.array(Product([steps(), Poisson([1.0, 5.0])]).sample(np.ones(4000, int), rng=0)).mean(axis=0)
    assert np.allclose(means, [4.0, 5.0], atol=0.3)


def test_values_and_words():
    assert mixed() == mixed() != mixed(columns=COLUMNS)
    assert len({mixed(), mixed()}) == 1
    assert pickle.loads(pickle.dumps(mixed(columns=COLUMNS))) == mixed(columns=COLUMNS)
    pairs = Product([("a", Poisson([1.0])), ("b", Bernoulli([0.5]))])
    assert pairs == Product({"a": Poisson([1.0]), "b": Bernoulli([0.5])})
    assert pairs == Product([Poisson([1.0]), Bernoulli([0.5])], names=["a", "b"])
    assert repr(pairs) == "Product({'a': Poisson(rate=array([1.])), 'b': Bernoulli(probability=array([0.5]))})"
    assert repr(Product([Poisson([1.0])], ["n"])) == "Product([Poisson(rate=array([1.]))], columns=['n'])"
    assert pairs._entry_names == ("a", "b")
    assert mixed(columns=COLUMNS)._entry_names == tuple(FLAT)
    assert Product({"n": Poisson([1.0]), "p": Gaussian([[0.0, 1.0]], [[1.0, 1.0]])})._entry_names == (
        "n",
        "p[0]",
        "p[1]",
    )
    assert Product([Poisson([1.0])])._entry_names == ("observation 0",)
    assert mixed().n_parameters == 4 + 2 + 4 + 3 + 2
    assert "step mean ± sd" in str(model_of(mixed(columns=COLUMNS)))
    words = str(model_of(mixed(columns=COLUMNS)).fit(many(), max_iterations=2))
    assert "sky.p(wet)" in words


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Product([]), "channels must be a list of emissions, or a dict of them by name, got \\[\\]"),
        (lambda: Product(Poisson([1.0])), "channels must be a list of emissions"),
        (lambda: Product([Poisson([1.0]), 3]), "channels\\[1\\] must be an emission, got 3"),
        (lambda: Product([Poisson]), "channels\\[0\\] must be an emission, got <class"),
        (
            lambda: Product([Poisson([1.0]), Poisson([1.0, 2.0])]),
            "the same states, got 1 in the first and 2 in \\[1\\]",
        ),
        (lambda: Product([steps(), sky()], ["a"]), "columns must have an entry for each of the 2 channels"),
        (lambda: Product([steps(), sky()], ["a", 1]), "columns must be all numbers from 0 up, or all names"),
        (lambda: Product([steps(), sky()], [0, -1]), "columns must be all numbers from 0 up"),
        (lambda: Product([steps(), sky()], ["a", "a"]), "columns must be different"),
        (lambda: Product([steps(), place()], [0, 1]), "columns\\[1\\] must be 2 columns, as its channel takes, got 1"),
        (lambda: Product([steps(), sky()], [0, [1, 2]]), "columns\\[1\\] must be one column"),
        (lambda: Product([steps(), sky()], names=["a", "a"]), "the names of channels must be 2 different words"),
        (lambda: Product([steps(), sky()], names=["a", 3]), "the names of channels must be 2 different words"),
        (lambda: mixed().log_likelihoods(np.zeros((3, 4))), "observations must have 5 columns, got 4"),
        (lambda: Product([steps()], [2]).log_likelihoods(np.zeros((3, 2))), "have at least 3 columns, got 2"),
        (lambda: mixed().log_likelihoods(3), "observations must be rows of 5 entries, got 3"),
        (lambda: mixed().log_likelihoods([3]), "observations\\[0\\] must be a row of 5 entries, got 3"),
        (lambda: mixed().log_likelihoods([ROWS[0], (1, 2)]), "observations\\[1\\] must have 5 entries, got 2"),
        (
            lambda: mixed(columns=COLUMNS).log_likelihoods([{"sky": "wet"}]),
            "must have an entry 'step', got",
        ),
        (lambda: mixed(columns=COLUMNS).log_likelihoods(frame().drop(columns="x")), "must have one column 'x', got"),
        (lambda: mixed().log_likelihoods(frame().drop(columns="x")), "must have 5 columns, got \\['step'"),
        (lambda: mixed().log_likelihoods([(1, "hot", 0, 0, 0)]), "channel 1: observations\\[0\\] must be one of 'wet'"),
        (lambda: mixed().log_likelihoods([("a", "wet", 0, 0, 0)]), "channel 0: observations\\[0\\] must be a number"),
        (lambda: mixed().log_likelihoods([(0.5, "wet", 0, 0, -2)]), "channel 3: observations\\[0\\] must be a whole"),
        (lambda: mixed()._admit({"cals": None}), "prior of a Product emission must be by 0, 1, 2, 3, got 'cals'"),
        (lambda: mixed()._admit([None]), "must be a list of 4 priors, or a dict by 0, 1, 2, 3, got \\[None\\]"),
        (lambda: mixed()._admit([None, 3, None, None]), "channel 1: the prior of a Categorical emission must be a Dir"),
    ],
)
def test_what_is_refused(make, words):
    with pytest.raises((ValueError, TypeError), match=words):
        make()


def test_a_picture_has_a_panel_for_each_column():
    pytest.importorskip("matplotlib").use("Agg")
    named = model_of(mixed(columns=COLUMNS))
    for data in (None, frame(), [frame()[:4], frame()[4:]]):
        assert [ax.get_xlabel() for ax in named.plot(data)][1:] == FLAT
    assert [ax.get_xlabel() for ax in model_of(mixed()).plot(ROWS)][1:] == [
        "observation 0",
        "observation 1",
        "observation 2[0]",
        "observation 2[1]",
        "observation 3",
    ]
    line = hf.emissions.Regression([[0.0, 1.0], [5.0, -1.0]], [1.0, 2.0])
    with_line = model_of(Product({"line": line, "calls": Poisson([1.0, 5.0])}))
    assert [ax.get_xlabel() for ax in with_line.plot()][1:] == ["calls"]


def test_residuals_are_called_as_columns_are():
    residuals = model_of(mixed(columns=COLUMNS)).pseudo_residuals(frame().assign(more=0)[["more", *FLAT[::-1]]])
    assert residuals._entry_names == tuple(FLAT)


def test_what_comes_with_counts_is_no_observation():
    exposed = Product([Poisson([1.0, 5.0], exposure=True), Poisson([2.0, 3.0])])
    assert exposed.moments()[0].tolist() == [[1.0, 1.0, 2.0], [5.0, 1.0, 3.0]]
    below, _, _ = exposed.log_sides([(3, 2.0, 4)])
    assert below.shape == (1, 3, 2)
    assert np.isfinite(below[0, [0, 2]]).all()
    assert np.isfinite(model_of(exposed).fit([(3, 2.0, 4), (0, 1.0, 1), (9, 1.0, 2)], max_iterations=2).log_likelihood)


def test_means_of_angles_go_around():
    turns = Product([hf.emissions.VonMises([3.0, -3.0], [4.0, 4.0]), Poisson([1.0, 5.0])])
    logs = np.log([[0.5, 0.5]])
    mean, variance = turns._mixed_moments(logs, *turns.moments())
    assert abs(mean[0, 0]) > 3.0
    assert mean[0, 1] == 3.0
    assert np.isnan(variance[0, 0, 1])
    assert np.isclose(variance[0, 1, 1], 7.0)
    assert abs(model_of(turns).forecast([(3.0, 1)], 1).mean[0, 0]) > 2.9


SEVERAL = {
    "Poisson": (Poisson, [[1.0, 5.0, 0.0], [4.0, 2.0, 9.0]], [(0, 4, 0), (3, None, 0), None, (2, 1, 0)]),
    "Bernoulli": (Bernoulli, [[0.1, 0.5, 0.0], [0.4, 0.2, 0.9]], [(0, 1, 0), (1, None, 0), None, (0, 1, 0)]),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_parameters_of_several_columns_are_short_for_a_product(name):
    kind, table, x = SEVERAL[name]
    short = kind(table)
    assert short == Product([kind(column) for column in zip(*table, strict=True)])
    assert short == kind(np.array(table))
    model = model_of(short)
    assert pickle.loads(pickle.dumps(model)) == model
    head = str(model_of(kind([0.5, 0.5]))).splitlines()[1].split()[-1]
    assert str(model).splitlines()[1].endswith(f"2 {head}")
    counts = np.array([row or (np.nan,) * 3 for row in x], dtype=float)
    guess = hf.guess(name.lower(), 2, np.vstack([counts, counts + [[0, 0, 1]] * 4]), method="responsibilities")
    assert len(guess.emission.channels) == 3
    assert hf.guess(name.lower(), 2, [counts, counts + [[0, 0, 1]] * 4], method="responsibilities") == guess


def test_parameters_of_several_columns_are_checked_together():
    with pytest.raises(ValueError, match=r"rate\[0, 1\] must be at least 0, got -1"):
        Poisson([[1.0, -1.0]])
    with pytest.raises(ValueError, match="rate must be rectangular"):
        Poisson([[1.0], [1.0, 2.0]])
    assert Poisson([[1.0, 2.0]], exposure=True).n_dimensions == 4
