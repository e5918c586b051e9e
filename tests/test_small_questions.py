"""Tables of rows a step on, chains that change on the way, moves by matrix, and what a model says of nothing."""

import numpy as np
import pandas as pd
import pytest

import hmmfilter as hf
from tests import oracle
from tests.test_beside import COUNTS, DENSE, INDEX, INDEXED, LOGISTIC, MATRICES, RATES, changing

TOLERANCE = 1e-13  # of sums of a few products
LOGS = np.log([[0.4, 0.6], [0.999, 0.001], [1e-300, 1.0]])


def logs(matrices):
    with np.errstate(divide="ignore"):
        return np.log(matrices)


def test_a_table_is_each_of_its_rows():
    for n_steps in (1, 3, 300):
        table = hf.predict(LOGS, DENSE.log_transition, n_steps)
        assert np.array_equal(table, [hf.predict(row, DENSE.log_transition, n_steps) for row in LOGS])
    assert np.array_equal(hf.predict(LOGS, DENSE.log_transition), hf.predict(LOGS, DENSE.log_transition, 1))


def test_a_changing_chain_goes_by_each_matrix_in_turn():
    expected = np.exp(LOGS)
    for m in INDEX:
        expected = expected @ MATRICES[m]
    predicted = hf.predict(LOGS, logs(MATRICES[INDEX]))
    assert np.allclose(np.exp(predicted), expected, rtol=TOLERANCE)
    assert np.array_equal(predicted[1], hf.predict(LOGS[1], logs(MATRICES[INDEX]), 6))
    same = np.repeat(DENSE.log_transition[None], 5, axis=0)
    assert np.array_equal(hf.predict(LOGS, same), hf.predict(LOGS, DENSE.log_transition, 5))
    with pytest.raises(ValueError, match="steps must be 5, as many as log_transition is for, got 4"):
        hf.predict(LOGS, same, 4)
    with pytest.raises(ValueError, match=r"log_transition must have shape \(S, 2, 2\)"):
        hf.predict(LOGS, np.zeros((2, 3, 3)))


def by_matrix(model, x, **given):
    return model.expected_transitions(x, per_matrix=True, **given)


def test_moves_are_counted_by_matrix():
    pairs = np.array(oracle.pairs_of_paths(*changing(MATRICES[INDEX[:-1]])), dtype=float)
    expected = np.array([sum(pairs[np.array(INDEX[:-1]) == m]) for m in range(3)])
    found = by_matrix(INDEXED, COUNTS, transition_index=INDEX)
    assert np.allclose(found.counts, expected, rtol=TOLERANCE)
    assert np.array_equal(found[1], found.counts[1])
    together = INDEXED.expected_transitions(COUNTS, transition_index=INDEX)
    assert np.allclose(found.counts.sum(axis=0), together.counts, rtol=TOLERANCE)
    assert repr(found).splitlines()[0] == "ExpectedTransitions: 2 states, 5.0000 moves in all by 3 matrices"
    assert repr(found).splitlines()[1:] == repr(together).splitlines()[1:]
    frame = found.to_frame()
    assert frame.index.names == ["matrix", "from"]
    assert frame.loc[(2, "busy"), "calm"] == found.counts[2, 1, 0]


def test_moves_of_several_sequences_by_matrix():
    sequences, index = [COUNTS, [], [3, 1]], [INDEX, [], [1, 0]]
    alone = [by_matrix(INDEXED, x, transition_index=i).counts for x, i in zip(sequences[::2], index[::2], strict=True)]
    found = by_matrix(INDEXED, sequences, transition_index=index)
    assert np.allclose(found.counts, sum(alone), rtol=TOLERANCE)
    assert np.array_equal(by_matrix(INDEXED, sequences, transition_index=index, workers=2).counts, found.counts)
    assert found.log_likelihood.shape == (3,)
    assert np.array_equal(by_matrix(DENSE, COUNTS).counts, [DENSE.expected_transitions(COUNTS).counts])
    gaps = by_matrix(RATES, COUNTS, times=[0.0, 1.0, 2.0, 2.5, 3.5, 4.0])
    pairs = np.exp(RATES.pairwise_marginals(COUNTS, times=[0.0, 1.0, 2.0, 2.5, 3.5, 4.0]))
    assert {round(float(each), 9) for each in gaps.counts.sum(axis=(1, 2))} == {3.0, 2.0}
    assert np.allclose(sorted(gaps.counts[:, 0, 1]), sorted([sum(pairs[[0, 1, 3], 0, 1]), sum(pairs[[2, 4], 0, 1])]))


def test_what_cannot_be_counted_by_matrix():
    log_initial, log_transition, table = changing(MATRICES[INDEX[:-1]])
    with pytest.raises(ValueError, match="per_matrix must come with transition_index, got a matrix for each step"):
        hf.expected_transitions(log_initial, log_transition, table, per_matrix=True)
    with pytest.raises(ValueError, match="per_matrix must come without per_sequence, got both"):
        INDEXED.expected_transitions(COUNTS, transition_index=INDEX, per_sequence=True, per_matrix=True)


@pytest.mark.parametrize("nothing", [[], None, np.empty(0), pd.Series([], dtype=float)], ids=lambda x: type(x).__name__)
def test_before_any_evidence_a_forecast_is_the_prior(nothing):
    index, times, covariates = [1, 0, 2], [0.0, 0.5, 3.0], [0.0, 1.0, -2.0]
    by_gap = [RATES.transition.matrix(gap) for gap in np.diff(times)]
    for model, matrices, given in (
        (DENSE, MATRICES[[0, 0]], {}),
        (INDEXED, MATRICES[index[:-1]], {"transition_index": index}),
        (RATES, by_gap, {"times": times}),
        (LOGISTIC, LOGISTIC.transition.matrix(np.array(covariates)[:-1, None]), {"covariates": covariates}),
    ):
        forecast = model.forecast(nothing, 3, **given)
        rows = [model.initial]
        for matrix in matrices:
            rows.append(rows[-1] @ matrix)
        assert np.allclose(forecast.probabilities, rows, rtol=TOLERANCE)
        assert np.allclose(forecast.mean, np.array(rows) @ [1.0, 5.0], rtol=TOLERANCE)
        assert np.allclose(
            forecast.variance, np.array(rows) @ [2.0, 30.0] - (np.array(rows) @ [1.0, 5.0]) ** 2, rtol=TOLERANCE
        )
        begun = model.online().forecast(3, **given)
        assert np.array_equal(forecast.log_probabilities, begun.log_probabilities)


def test_before_any_evidence_of_other_observations():
    symbols = hf.emissions.Categorical([[0.5, 0.5], [0.1, 0.9]], symbols=["a", "b"])
    model = hf.HMM([0.4, 0.6], MATRICES[0], symbols)
    assert np.allclose(model.forecast([], 2).symbol_probabilities[0], [0.26, 0.74], rtol=TOLERANCE)
    vectors = hf.HMM([0.4, 0.6], MATRICES[0], hf.emissions.Gaussian([[0.0, 1.0], [2.0, 3.0]], [np.eye(2)] * 2))
    for nothing in (None, np.empty((0, 2)), pd.DataFrame({"x": [], "y": []})):
        assert np.allclose(vectors.forecast(nothing, 2).mean[0], [1.2, 2.2], rtol=TOLERANCE)
    regression = hf.HMM([0.4, 0.6], MATRICES[0], hf.emissions.Regression([[0.1, 0.2], [0.5, 0.1]], [1.0, 1.0]))
    mean = regression.forecast(None, 2, covariates=[[1.0], [2.0]]).mean
    assert np.allclose(mean[0], 0.4 * 0.3 + 0.6 * 0.6, rtol=TOLERANCE)
    ending = hf.HMM([0.4, 0.6], MATRICES[0], hf.emissions.Poisson([1.0, 5.0]), final=[0.5, 0.1])
    expected = ([0.4 * 0.5, 0.6 * 0.9] @ MATRICES[0]) / (0.4 * 0.5 + 0.6 * 0.9)
    assert np.allclose(ending.forecast([], 2).probabilities[1], expected, rtol=TOLERANCE)
    with pytest.raises(ValueError, match="steps"):
        model.forecast([], 0)
    with pytest.raises(ValueError, match="sequence"):
        model.forecast({}, 1)


@pytest.mark.parametrize("kind", ["ordinary", "forecast"])
@pytest.mark.parametrize("depends_on", ["covariates", "past"])
def test_residuals_of_parts_that_depend_on_more(kind, depends_on):
    part = hf.emissions.Regression([[0.1, 0.2], [0.5, 0.1]], [1.0, 2.0])
    given = {"covariates": np.arange(5.0)}
    if depends_on == "past":
        part, given = hf.emissions.Autoregressive([[0.0, 0.9], [5.0, -0.1]], [1.0, 2.0]), {}
    x, other = np.array([0.3, 1.2, np.nan, 2.0, 1.7]), hf.emissions.Poisson([3.0, 3.0])
    alone = hf.HMM([0.5, 0.5], MATRICES[0], part).pseudo_residuals(x, kind, **given).residuals
    for emission, rows in (
        (hf.emissions.Product([part, other]), np.column_stack([x, [3, 0, 1, 7, 2]])),
        (hf.emissions.Mixture([part, part], [[0.3, 0.7], [0.5, 0.5]]), x),
        (hf.emissions.ZeroInflated(part, [1e-300, 1e-300]), x),
    ):
        found = hf.HMM([0.5, 0.5], MATRICES[0], emission).pseudo_residuals(rows, kind, **given).residuals
        own = found if found.ndim == 1 else found[:, 0]
        assert np.allclose(own, alone, rtol=1e-12, equal_nan=True)
    if depends_on == "covariates":
        with pytest.raises(ValueError, match="covariates"):
            hf.emissions.Mixture([part], [[1.0], [1.0]]).log_sides(x)
