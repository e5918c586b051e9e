"""Chains of one matrix and of several, common shapes, how long chains stay, and their pictures."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hmmfilter as hf
from hmmfilter._beside import Beside
from hmmfilter.transitions.protocol import Moved

WORK, REST = [[0.9, 0.1], [0.2, 0.8]], [[0.5, 0.5], [0.0, 1.0]]
DENSE = hf.transitions.Dense(WORK)
INDEXED = hf.transitions.Indexed([WORK, REST], names=["work", "rest"])


# One matrix.


def test_one_matrix():
    assert np.array_equal(DENSE.log_matrix, np.log(WORK))
    of, which = DENSE._told(Beside(np.array([0, 5])))
    assert which is None
    assert np.array_equal(DENSE._log_matrices(of), [DENSE.log_matrix])
    assert DENSE._needs == frozenset()
    assert repr(DENSE) == "Dense: 2 states\n  state    to 0    to 1\n      0  0.9000  0.1000\n      1  0.2000  0.8000"
    assert DENSE._with({"": np.array(REST)}).matrix.tolist() == REST
    assert DENSE._parameters()[""] is DENSE.matrix
    assert DENSE._reordered(np.array([1, 0])).matrix.tolist() == [[0.8, 0.2], [0.1, 0.9]]


def test_equal_ones():
    same = hf.transitions.Dense(np.array(WORK) * 3, normalize=True)
    assert len({DENSE, hf.transitions.Dense(WORK)}) == 1
    np.testing.assert_allclose(same.matrix, WORK)
    assert hf.transitions.Dense(REST) != DENSE
    assert hf.transitions.Indexed([WORK, REST]) != INDEXED
    assert len({INDEXED, hf.transitions.Indexed([WORK, REST], ["work", "rest"])}) == 1


def test_frozen():
    with pytest.raises(ValueError, match="read-only"):
        DENSE.matrix[0, 0] = 1.0
    with pytest.raises(AttributeError):
        INDEXED.names = None


# Several.


def test_an_index_by_number_or_name():
    index = np.array([1, 0, 1, 7, 0, 9])  # what it says of last steps is not asked for
    words = np.array(["rest", "work", "rest", "work", "work", "rest"], dtype=object)
    for given_index in (index, words):
        of, which = INDEXED._told(Beside(np.array([0, 4, 4, 6]), transition_index=given_index))
        assert of.tolist() == [0, 1]
        assert which.tolist() == [1, 0, 1, 0, 0, 0]
        assert np.array_equal(INDEXED._log_matrices(of), INDEXED.log_matrices)
    one = hf.transitions.Indexed([REST])
    assert one._told(Beside(np.array([0, 3]), transition_index=np.zeros(3, dtype=np.int64))).which is None


TELLING = [
    (None, "transition_index must be given, the number of a matrix at each step"),
    (np.array([0, 2, 0]), r"transition_index\[1\] must be the number of a matrix, from 0 to 1, got 2"),
    (np.array([-1, 2, 0]), r"transition_index\[0\] must be the number of a matrix, from 0 to 1, got -1"),
    (np.array(["work", "play", "rest"], dtype=object), r"transition_index\[1\] must be one of work, rest, got 'play'"),
]


@pytest.mark.parametrize(("index", "message"), TELLING)
def test_an_index_that_is_refused(index, message):
    with pytest.raises(ValueError, match=message):
        INDEXED._told(Beside(np.array([0, 3]), transition_index=index))


def test_words_without_names():
    with pytest.raises(TypeError, match="transition_index must hold integers"):
        hf.transitions.Indexed([WORK])._told(Beside(np.array([0, 1]), transition_index=np.array(["work"])))


MAKING = [
    (([WORK, [[0.5, 0.6], [0.0, 1.0]]],), ValueError, "matrices row 1 row 0 must sum to 1"),
    (([[[0.5, 0.5]]],), ValueError, r"matrices must have shape \(M, 1, 1\), got \(1, 1, 2\)"),
    ((WORK,), ValueError, r"matrices must have shape \(M, K, K\)"),
    (([WORK], "work"), TypeError, "names must be a list of non-empty strings, got 'work'"),
    (([WORK, REST], ["work"]), ValueError, "names must be 2 different ones, one for each matrix, got"),
    (([WORK, REST], ["work", "work"]), ValueError, "names must be 2 different ones"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), MAKING)
def test_what_are_no_matrices(arguments, error, message):
    with pytest.raises(error, match=message):
        hf.transitions.Indexed(*arguments)


def test_several_are_printed():
    assert repr(hf.transitions.Indexed([REST])).split("\n")[:2] == [
        "Indexed: 2 states, 1 matrices",
        "  state  0: to 0  0: to 1",
    ]
    assert "rest: to 1" in INDEXED._repr_html_()


def test_several_settle_nowhere():
    with pytest.raises(ValueError, match="no stationary distribution of Indexed transitions, which move"):
        INDEXED.stationary()


def test_several_numbered_anew():
    again = INDEXED._reordered(np.array([1, 0]))
    assert again.names == ("work", "rest")
    assert again._with(INDEXED._parameters()) == INDEXED
    assert INDEXED._needs == {"transition_index"}
    assert again.matrices[0].tolist() == [[0.8, 0.2], [0.1, 0.9]]


def test_each_matrix_learns_from_its_moves():
    counts = np.array([[[6.0, 2.0], [0.0, 0.0]]])
    best = INDEXED._maximised(Moved(np.array([1.0]), counts, counts), None, {})
    assert best.matrices.tolist() == [WORK, [[0.75, 0.25], [0.0, 1.0]]]
    score = INDEXED._score(Moved(np.array([1.0]), counts, counts))[""]
    assert score.tolist() == [[[0, 0], [0, 0]], counts[0].tolist()]
    prior = hf.priors.Dirichlet(3.0)
    INDEXED._admit(prior)
    of_prior = INDEXED._maximised(Moved(np.array([1.0]), counts, counts), prior, {})
    np.testing.assert_allclose(of_prior.matrices, [[[0.5, 0.5]] * 2, [[8 / 12, 4 / 12], [0.5, 0.5]]])
    groups = np.array([[[0, 1], [2, 3]], [[0, 1], [-1, -1]]])
    tied = hf.transitions.Indexed([WORK, WORK])._maximised(Moved(np.array([1.0]), counts, counts), None, {"": groups})
    np.testing.assert_allclose(tied.matrices, [[[0.75, 0.25], [0.2, 0.8]]] * 2)


def test_priors_that_are_none_of_several():
    with pytest.raises(TypeError, match="the prior of the transition"):
        INDEXED._admit("flat")


def test_natural_parameters_of_several():
    again = INDEXED._of_natural(INDEXED._natural() + 1.0)
    np.testing.assert_allclose(again.matrices, INDEXED.matrices, rtol=1e-15)
    assert INDEXED._of_natural(np.full(8, -np.inf)) is None


# How long chains stay, and how far states are.


def exact_passages(matrix):
    """Mean steps to the last state, in fractions; the diagonal is what makes rows sum to exactly 1."""
    n = len(matrix)
    rates = [[Fraction(float(matrix[i][j])) for j in range(n)] for i in range(n)]
    rows = [
        [sum(rates[i][k] for k in range(n) if k != i) if j == i else -rates[i][j] for j in range(n - 1)] + [Fraction(1)]
        for i in range(n - 1)
    ]
    for c in range(n - 1):
        pivot = next(r for r in range(c, n - 1) if rows[r][c] != 0)
        rows[c], rows[pivot] = rows[pivot], rows[c]
        for r in range(n - 1):
            if r != c:
                factor = rows[r][c] / rows[c][c]
                rows[r] = [x - factor * y for x, y in zip(rows[r], rows[c], strict=True)]
    return [float(rows[i][-1] / rows[i][i]) for i in range(n - 1)]


@given(st.integers(2, 6), st.integers(0, 10**6))
@settings(max_examples=30)
def test_first_passages_have_their_digits(n_states, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.dirichlet(np.full(n_states, 0.2), n_states) + 1e-12 * rng.random((n_states, n_states))
    matrix /= matrix.sum(axis=1, keepdims=True)
    times = hf.transitions.Dense(matrix).first_passage_times()
    np.testing.assert_allclose(times[:-1, -1], exact_passages(matrix), rtol=1e-13)
    assert not times.diagonal().any()


def test_states_next_to_never_left():
    chain = hf.transitions.Dense([[1.0, 1e-300], [1e-290, 1.0]])
    np.testing.assert_allclose(chain.sojourn_times(), [1e300, 1e290], rtol=1e-15)
    np.testing.assert_allclose(chain.first_passage_times(), [[0, 1e300], [1e290, 0]], rtol=1e-15)


def test_states_that_may_never_be_reached():
    chain = hf.transitions.Dense([[0.5, 0.25, 0.25], [0, 1, 0], [0, 0, 1]])
    assert chain.first_passage_times().tolist() == [[0, np.inf, np.inf], [np.inf, 0, np.inf], [np.inf, np.inf, 0]]
    assert sorted(chain.closed_classes()) == [(1,), (2,)]
    assert chain.sojourn_times().tolist() == [2, np.inf, np.inf]


def test_rates_take_time_instead_of_steps():
    chain = hf.transitions.Rates([[0, 0.5, 0], [0, 0, 0.25], [1.0, 0, 0]])
    assert chain.first_passage_times().tolist() == [[0, 2, 6], [5, 0, 4], [1, 3, 0]]
    np.testing.assert_allclose(chain.stationary(), np.array([2, 4, 1]) / 7, rtol=1e-15)
    assert chain.closed_classes() == [(0, 1, 2)]


def test_the_stationary_distribution_is_that_of_the_door():
    assert np.array_equal(DENSE.stationary(), hf.stationary_distribution(WORK))


PERIODS = [
    ([[0, 1], [1, 0]], [2, 2]),
    ([[0.5, 0.5], [1, 0]], [1, 1]),
    ([[0, 1, 0], [0, 0, 1], [0, 1, 0]], [0, 2, 2]),
    ([[0, 1, 0, 0], [0, 0, 0.5, 0.5], [1, 0, 0, 0], [0, 0, 1, 0]], [1, 1, 1, 1]),
    ([[0, 0.5, 0.5, 0], [0, 0, 0, 1], [0, 0, 0, 1], [1, 0, 0, 0]], [3, 3, 3, 3]),
]


@pytest.mark.parametrize(("matrix", "periods"), PERIODS)
def test_periods(matrix, periods):
    assert hf.transitions.Dense(matrix).periods().tolist() == periods


# Common shapes.


def test_a_loop_of_several_probabilities():
    assert hf.transitions.loop(2, [0.75, 0.5]).matrix.tolist() == [[0.75, 0.25], [0.5, 0.5]]
    assert hf.transitions.uniform(4).matrix.tolist() == [[0.25] * 4] * 4
    assert hf.transitions.loop(1, 1.0).matrix.tolist() == [[1]]
    assert hf.transitions.cycle(1, 1.0).matrix.tolist() == [[1]]
    assert hf.transitions.left_to_right(1, 0.3).matrix.tolist() == [[1]]
    assert hf.transitions.left_to_right(3, [0.5, 0.25, 0.1]).matrix.tolist() == [
        [0.5, 0.5, 0],
        [0, 0.25, 0.75],
        [0, 0, 1],
    ]


def test_states_nearby():
    """As `librosa.sequence.transition_local` has them, by its documentation."""
    third, quarter = 1 / 3, 0.25
    around = [[0.5, quarter, 0, 0, quarter], [quarter, 0.5, quarter, 0, 0], [0, quarter, 0.5, quarter, 0]]
    around += [[0, 0, quarter, 0.5, quarter], [quarter, 0, 0, quarter, 0.5]]
    np.testing.assert_allclose(hf.transitions.local(5, 3, wrap=True).matrix, around)
    ends = hf.transitions.local(5, 3).matrix
    np.testing.assert_allclose(ends[0], [2 * third, third, 0, 0, 0])
    flat = hf.transitions.local(4, 3, "flat").matrix
    np.testing.assert_allclose(flat[:2], [[0.5, 0.5, 0, 0], [third, third, third, 0]])
    assert hf.transitions.local(3, 1).matrix.tolist() == np.eye(3).tolist()
    np.testing.assert_allclose(hf.transitions.local(2, 99, "flat").matrix, 0.5)


SHAPES = [
    (lambda: hf.transitions.local(4, 2), ValueError, "width must be odd, with as many states on either side, got 2"),
    (lambda: hf.transitions.local(4, 5, wrap=True), ValueError, "width must be at most 4, the number of states"),
    (lambda: hf.transitions.local(4, 3, "hann"), ValueError, "window must be one of triangle, flat, got 'hann'"),
    (lambda: hf.transitions.loop(1, 0.5), ValueError, r"stay\[0\] must be 1, since there is no other state, got 0.5"),
    (lambda: hf.transitions.cycle(3, [0.5, 0.5]), ValueError, r"stay must have shape \(3,\), got \(2,\)"),
    (lambda: hf.transitions.cycle(3, 1.5), ValueError, "stay must be at most 1, got 1.5"),
    (lambda: hf.transitions.uniform(0), ValueError, "n_states must be at least 1, got 0"),
    (lambda: hf.transitions.uniform(2.5), TypeError, "n_states must be an integer, got 2.5"),
]


@pytest.mark.parametrize(("make", "error", "message"), SHAPES)
def test_shapes_that_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


# Pictures.


@pytest.fixture
def ax():
    plt = pytest.importorskip("matplotlib.pyplot")
    return plt.subplots()[1]


def words_of(ax):
    return [text.get_text() for text in ax.texts]


def test_rates_are_drawn_with_how_long_states_last(ax):
    hf.transitions.Rates([[0, 0.1], [0, 0]], "h")._draw(ax, np.array([0.25, 0.75]), ("up", "down"), None)
    assert words_of(ax) == ["0.25", "0.75", "stays\n10", "0.1", "0", "stays"]
    assert ax.get_title() == "moves per h"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["initial", "from up", "from down"]


def test_many_states_are_drawn_without_numbers(ax):
    n_states = 40
    rates = hf.transitions.Rates(np.zeros((n_states, n_states)))
    rates._draw(ax, np.full(n_states, 1 / n_states), tuple(map(str, range(n_states))), None)
    assert words_of(ax) == []
    assert len(ax.get_xticklabels()) == 20


def test_several_matrices_are_drawn_under_their_names(ax):
    INDEXED._draw(ax, np.array([0.5, 0.5]), ("a", "b"), None)
    assert [word for word in words_of(ax) if word.isalpha()] == ["work", "rest"]
    assert "0.90" in words_of(ax)
    assert ax.get_xlabel() == "from rows to columns: a, b"


def test_many_matrices_are_drawn_without_numbers(ax):
    hf.transitions.Indexed([np.eye(13)] * 2)._draw(ax, np.full(13, 1 / 13), tuple("abcdefghijklm"), None)
    assert words_of(ax) == ["0", "1"]
    assert ax.get_xlabel() == ""


def test_logits_are_drawn_along_the_first_covariate(ax):
    coefficients = np.zeros((2, 2, 3))
    coefficients[0, 1, :2] = [1.0, 2.0]
    chain = hf.transitions.Logistic(coefficients, ["distance", "hour"])
    chain._draw(ax, np.array([0.5, 0.5]), ("calm", "busy"), None)
    assert ax.get_xlabel() == "distance (all others 0)"
    assert ax.get_xlim() == (-2.5, 1.5)
    np.testing.assert_allclose(ax.lines[0].get_ydata()[[0, -1]], [1 / (1 + np.exp(4)), 1 / (1 + np.exp(-4))])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["calm to busy", "busy to calm"]


def test_logits_without_covariates_are_flat(ax):
    hf.transitions.Logistic([[[0.0]]])._draw(ax, np.array([1.0]), ("all",), None)
    assert ax.get_xlabel() == "no covariate"
    assert ax.get_legend() is None
    hf.transitions.Logistic(np.zeros((2, 2, 2)))._draw(ax, np.array([0.5, 0.5]), ("a", "b"), None)
    assert ax.get_xlim() == (0, 1)


# Laws of all of them.

EMISSION = hf.emissions.Gaussian([0.0, 2.0, 4.0], [1.0, 1.0, 1.0])


def chains():
    """One of each, and what lies beside 7 observations."""
    rng = np.random.default_rng(7)
    dense = rng.dirichlet(np.ones(3), 3)
    coefficients = rng.normal(size=(3, 3, 3)) * (1 - np.eye(3))[:, :, np.newaxis]
    return {
        "dense": (hf.transitions.Dense(dense), {}),
        "indexed": (hf.transitions.Indexed([dense, dense[::-1]]), {"transition_index": [0, 1, 1, 0, 1, 0, 0]}),
        "rates": (hf.transitions.Rates(dense * (1 - np.eye(3))), {"times": [0.0, 0.0, 1e-9, 1.0, 1.5, 90.0, 1e9]}),
        "logistic": (hf.transitions.Logistic(coefficients), {"covariates": rng.normal(size=(7, 2))}),
    }


X = [0.3, 1.9, 2.2, 4.4, 3.9, 0.1, 2.0]


@pytest.mark.parametrize("kind", chains())
def test_states_have_no_order(kind):
    chain, beside = chains()[kind]
    model, order = hf.HMM([0.2, 0.3, 0.5], chain, EMISSION), [2, 0, 1]
    again = model.reordered(order)
    assert again.reordered([1, 2, 0]) == model
    smoothed, known = again.smooth(X, **beside), model.smooth(X, **beside)
    np.testing.assert_allclose(smoothed.log_probabilities, known.log_probabilities[:, order], rtol=1e-13, atol=1e-14)
    assert smoothed.log_likelihood == pytest.approx(known.log_likelihood, rel=1e-14)


@pytest.mark.parametrize("kind", ["indexed", "rates", "logistic"])
def test_a_matrix_has_the_same_bits_whatever_is_beside_it(kind):
    chain, beside = chains()[kind]
    known = {name: np.array(values) for name, values in beside.items()}
    of, _ = chain._told(Beside(np.array([0, 7]), **known))
    alone = [chain._log_matrices(of[m : m + 1])[0] for m in range(len(of))]
    assert np.array_equal(chain._log_matrices(of), alone)


@pytest.mark.parametrize("kind", chains())
def test_rows_of_matrices_are_distributions(kind):
    chain, beside = chains()[kind]
    known = {name: np.array(values) for name, values in beside.items()}
    matrices = np.exp(chain._log_matrices(chain._told(Beside(np.array([0, 7]), **known)).of))
    np.testing.assert_allclose(matrices.sum(axis=2), 1.0, rtol=1e-15)


@pytest.mark.parametrize("kind", chains())
def test_a_model_is_written_and_read(kind, tmp_path):
    chain, _ = chains()[kind]
    model = hf.HMM([0.2, 0.3, 0.5], chain, EMISSION)
    model.to_json(tmp_path / "model.json")
    assert hf.HMM.from_json(tmp_path / "model.json") == model


def test_a_model_is_drawn_by_its_chain():
    model = hf.HMM([0.25, 0.75], hf.transitions.Rates([[0, 0.1], [0, 0]], "h"), hf.emissions.Poisson([1.0, 5.0]))
    assert model.plot()[0].get_title() == "moves per h"


def test_one_step_before_any_is_where_the_chain_starts():
    model = hf.HMM([0.25, 0.75], INDEXED, hf.emissions.Poisson([1.0, 5.0]))
    forecast = model.forecast([1], 1, lengths=[0, 1], transition_index=["work", "work", "rest"])
    np.testing.assert_array_equal(forecast.log_probabilities[0], np.log([[0.25, 0.75]]))
