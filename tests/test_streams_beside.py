"""Streams of models whose moves or observations depend on more: the bits of the whole, also through snapshots."""

import copy
import json
import pickle

import numpy as np
import pandas as pd
import pytest

import hmmfilter as hf

MATRICES = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.4, 0.6], [0.7, 0.3]], [[1.0, 0.0], [0.5, 0.5]]])
POISSON = hf.emissions.Poisson([1.0, 5.0])
COUNTS = [0, 2, 7, None, 4, 1, 3]
T = len(COUNTS)
INDEX = ["a", "c", "b", "b", "a", "c", "a"]
TIMES = np.array([0.0, 0.1, 0.1, 0.2, 7.0, 7.5, 8.0])
DATES = np.datetime64("2026-03-01T00:00") + (60 * TIMES).round().astype("timedelta64[m]")
COVARIATES = pd.DataFrame({"noise": np.arange(7.0), "depth": [0.3, 1.0, -2.0, 4.1, 4.0, 0.0, 0.7]})
COEFFICIENTS = [[[0, 0], [-2, 0.5]], [[-1, -0.5], [0, 0]]]
CASES = {
    "indexed": (hf.transitions.Indexed(MATRICES, names=["a", "b", "c"]), POISSON, {"transition_index": INDEX}),
    "rates": (hf.transitions.Rates([[-0.3, 0.3], [0.1, -0.1]]), POISSON, {"times": TIMES}),
    "dates": (hf.transitions.Rates([[-0.3, 0.3], [0.1, -0.1]], unit="h"), POISSON, {"times": DATES}),
    "logistic": (hf.transitions.Logistic(COEFFICIENTS, covariates=["depth"]), POISSON, {"covariates": COVARIATES}),
    "autoregressive": (
        MATRICES[0],
        hf.emissions.Autoregressive(np.array([[0.5, 0.3, 0.1], [2.0, -0.5, 0.2]]), [1.0, 2.0]),
        {},
    ),
    "both": (
        hf.transitions.Logistic(COEFFICIENTS, covariates=["depth"]),
        hf.emissions.Regression([[0.1, 0.2, 0.3], [0.5, 0.1, -0.1]], [1.0, 1.0]),
        {"covariates": COVARIATES},
    ),
}
FINAL = [0.1, 0.3]


def model_of(case, final=None):
    chain, emission, given = CASES[case]
    return hf.HMM([0.4, 0.6], chain, emission, ["calm", "busy"], final=final), given


def at(given, t):
    """What lies beside step t, as a stream takes it."""
    names = {"times": "time"}
    return {
        names.get(name, name): table.iloc[t] if hasattr(table, "iloc") else table[t] for name, table in given.items()
    }


def rows(given, begin, end):
    return {
        name: table.iloc[begin:end] if hasattr(table, "iloc") else table[begin:end] for name, table in given.items()
    }


def written(stream):
    return json.loads(json.dumps(stream.snapshot(), allow_nan=False))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("final", [None, FINAL], ids=["", "final"])
def test_a_stream_is_the_whole(case, final):
    model, given = model_of(case, final)
    whole = model.filter(COUNTS, **given).log_probabilities.copy()
    if final is not None:
        whole[-1] = model.filter([*COUNTS, None], **with_another_row(given)).log_probabilities[-2]
    stream, again = model.online(), model.online()
    for t, count in enumerate(COUNTS):
        again = model.online(written(again))
        row = stream.observe(count, **at(given, t))
        assert np.array_equal(row, whole[t])
        assert np.array_equal(again.observe(count, **at(given, t)), row)
        assert again.log_likelihood == stream.log_likelihood
    assert np.array_equal(stream.log_probabilities, pickle.loads(pickle.dumps(stream)).log_probabilities)
    if final is not None:
        ended = stream.end()
        assert np.allclose(
            ended.log_probabilities, model.filter(COUNTS, **given).log_probabilities[-1:], rtol=1e-14, atol=1e-14
        )
        assert np.isclose(ended.log_likelihood, model.log_likelihood(COUNTS, **given), rtol=1e-14)
        assert ended.state_names == ("calm", "busy")


def with_another_row(given):
    return {
        name: pd.concat([table, table[-1:]]) if hasattr(table, "iloc") else [*table, table[-1]]
        for name, table in given.items()
    }


@pytest.mark.parametrize("case", CASES)
def test_blocks_are_the_whole(case):
    model, given = model_of(case)
    whole = model.filter(COUNTS, **given)
    stream = model.online()
    for begin, end in ((0, 1), (1, 4), (4, 7)):
        block = stream.observe_block(COUNTS[begin:end], **rows(given, begin, end))
        assert np.array_equal(block.log_probabilities, whole.log_probabilities[begin:end])
        assert np.array_equal(block.log_increments, whole.log_increments[begin:end])
        stream = copy.copy(stream)
    blocks = [COUNTS[:2], COUNTS[2:3], COUNTS[3:]]
    filtered = list(model.filter_blocks(iter(blocks), **given, allowed=np.ones((T, 2), dtype=bool)))
    assert np.array_equal(np.concatenate([each.log_probabilities for each in filtered]), whole.log_probabilities)
    assert filtered[0].state_names == ("calm", "busy")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("lag", [0, 2])
def test_a_lagged_stream_is_the_end_of_a_smoother(case, lag):
    model, given = model_of(case)
    lagged, again = model.fixed_lag(lag), model.fixed_lag(lag)
    for t, count in enumerate(COUNTS):
        again = model.fixed_lag(lag, written(again))
        row = lagged.observe(count, **at(given, t))
        same = again.observe(count, **at(given, t))
        if t < lag:
            assert row is same is None
            continue
        smoothed = model.smooth(COUNTS[: t + 1], **rows(given, 0, t + 1)).log_probabilities
        assert np.allclose(row, smoothed[t - lag], rtol=1e-14, atol=1e-14)
        assert np.array_equal(row, same)
    assert np.allclose(lagged.flush(), smoothed[T - lag :], rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("case", CASES)
def test_a_decoding_stream_finds_the_path_of_the_whole(case):
    model, given = model_of(case)
    decoder, path = model.online_viterbi(), []
    for t, count in enumerate(COUNTS):
        decoder = model.online_viterbi(snapshot=written(decoder))
        path += decoder.observe(count, **at(given, t)).states.tolist()
    decoded = model.viterbi(COUNTS, **given)
    assert [*path, *decoder.flush().states.tolist()] == decoded.path.tolist()
    assert np.isclose(decoder.log_joint, decoded.log_joint, rtol=1e-15)


@pytest.mark.parametrize("case", ["indexed", "rates", "dates", "logistic"])
@pytest.mark.parametrize("n_seen", [0, 1, 4])
def test_a_stream_forecasts_with_rows_ahead(case, n_seen):
    model, given = model_of(case, FINAL)
    stream, lagged = model.online(), model.fixed_lag(1)
    for t, count in enumerate(COUNTS[:n_seen]):
        stream.observe(count, **at(given, t))
        lagged.observe(count, **at(given, t))
    ahead = rows(given, n_seen, n_seen + 3)
    forecast = stream.forecast(3, **ahead)
    assert np.array_equal(forecast.log_probabilities, lagged.forecast(3, **ahead).log_probabilities)
    seen, length = (COUNTS[:n_seen], None) if n_seen else ([], [0])
    whole = model.forecast(seen, 3, lengths=length, **rows(given, 0, n_seen + 3))
    expected = whole.log_probabilities.reshape(3, 2)
    assert np.allclose(forecast.log_probabilities, expected, rtol=1e-14, atol=1e-15)
    assert np.allclose(forecast.mean, whole.mean.reshape(3), rtol=1e-14)


def test_rows_of_covariates():
    model, _ = model_of("logistic")
    by_frame, by_dict = model.online(), model.online()
    for t, count in enumerate(COUNTS):
        row = by_frame.observe(count, covariates=COVARIATES.iloc[t])
        assert np.array_equal(by_dict.observe(count, covariates={"depth": COVARIATES["depth"][t]}), row)
    plain = hf.HMM([0.4, 0.6], hf.transitions.Logistic(COEFFICIENTS), POISSON)
    by_list, by_number = plain.online(), plain.online()
    for t, count in enumerate(COUNTS):
        row = by_list.observe(count, covariates=[COVARIATES["depth"][t]], allowed=[True, True])
        assert np.array_equal(by_number.observe(count, covariates=COVARIATES["depth"][t]), row)
    assert np.array_equal(row, by_dict.log_probabilities)


def test_rows_of_log_likelihoods_with_what_lies_beside():
    model, given = model_of("rates")
    stream, table = model.online(), POISSON.log_likelihoods(COUNTS)
    stream.update_block(table[:3], times=TIMES[:3])
    last = stream.update_block(table[3:], times=TIMES[3:], allowed=np.ones((4, 2), dtype=bool))
    assert np.array_equal(last.log_probabilities, model.filter(COUNTS, **given).log_probabilities[3:])


def test_an_impossible_step_changes_nothing():
    model = hf.HMM([1.0, 0.0], hf.transitions.Indexed(MATRICES[2:]), hf.emissions.Bernoulli([1.0, 0.0]))
    stream, lagged = model.online(), model.fixed_lag(1)
    for each in (stream, lagged):
        each.observe(1, transition_index=0)
        with pytest.raises(hf.ImpossibleEvidenceError):
            each.observe(0, transition_index=0)
        assert each.n_observed == 1
        assert written(each) == written(each)
    ends = hf.HMM([1.0, 0.0], MATRICES[2], POISSON, final=[0.0, 1.0]).online()
    ends.observe(1)
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        ends.end()
    assert caught.value.step == 0


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda s: s.observe(1), "times must be given, for Rates, got None"),
        (lambda s: s.observe(1, time=0.0, covariates=[1.0]), "covariates must be left out: neither Rates nor Poisson"),
        (lambda s: s.observe(1, time=-1.0), r"times must not fall|must not be before"),
        (
            lambda s: s.update([0.0, 0.0]),
            "update must be of a model that depends on nothing beside .* depends on times",
        ),
        (lambda s: s.predict(2), "predict must have one matrix.* none of Rates transitions"),
        (lambda s: s.end(), "end must be asked of a stream of a model with end probabilities"),
    ],
)
def test_refusals(ask, message):
    stream = model_of("rates")[0].online()
    stream.observe(1, time=0.0)
    with pytest.raises(ValueError, match=message):
        ask(stream)


def test_streams_without_a_model_depend_on_nothing():
    stream = hf.OnlineFilter([0.0], [[0.0]])
    with pytest.raises(ValueError, match="times must be left out: nothing depends on any"):
        stream.observe(1, time=0.0)
    with pytest.raises(ValueError, match="end must wait for a first update"):
        stream.end()


def test_snapshots_know_their_chain_and_their_end():
    model, given = model_of("indexed", FINAL)
    stream = model.online()
    stream.observe(2, **at(given, 0))
    snapshot = written(stream)
    others = [
        hf.HMM(model.initial, hf.transitions.Indexed(MATRICES[::-1], names=["a", "b", "c"]), POISSON, final=FINAL),
        hf.HMM(model.initial, model.transition, POISSON),
        hf.HMM(model.initial, MATRICES[0], POISSON),
    ]
    for other in others:
        with pytest.raises(ValueError, match="got one with another initial distribution or transition"):
            other.online(snapshot)
    assert others[0].online(snapshot, force=True).n_observed == 1
    plain = hf.HMM(model.initial, MATRICES[0], POISSON).online()
    plain.observe(2)
    with pytest.raises(ValueError, match="must say what lay beside the last step"):
        model.online(written(plain), force=True)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"unit": "fortnight"}, "unit must be one of"),
        ({"time": "soon"}, "time must be a date, got 'soon'"),
        ({"transition_index": 0.5}, "transition_index must be an integer"),
        ({"names": "depth"}, "names must be a JSON array"),
        ({"before": None}, "before must be a JSON array"),
        ({"covariates": ["a"]}, r"covariates\[0\] must be a number or null"),
    ],
)
def test_bad_memories(changed, message):
    model, given = model_of("dates")
    stream = model.online()
    stream.observe(2, **at(given, 0))
    snapshot = written(stream)
    snapshot["beside"] |= changed
    with pytest.raises((ValueError, TypeError), match=message):
        model.online(snapshot)


def test_bad_moves_of_a_lagged_stream():
    model, given = model_of("rates")
    lagged = model.fixed_lag(2)
    lagged.observe(2, **at(given, 0))
    snapshot = written(lagged)
    snapshot["log_transitions"] = []
    with pytest.raises(ValueError, match="log_transitions must have 1 matrices, got 0"):
        model.fixed_lag(2, snapshot)


def test_blocks_have_rows_beside_them():
    model, _ = model_of("rates")
    with pytest.raises(ValueError, match=r"blocks\[1\]: blocks must have at most the 3 rows that times is for, got 4"):
        list(model.filter_blocks([[1, 2], [3, 4]], times=TIMES[:3]))
    with pytest.raises(TypeError, match="times must have a row for each step, got 1"):
        list(model.filter_blocks([[1, 2]], times=1))


@pytest.mark.parametrize("case", ["autoregressive", "both"])
def test_a_stream_forecasts_what_depends_on_more(case):
    model, given = model_of(case)
    stream, whole = model.online(), model.forecast(COUNTS[4:6], 1, **rows(given, 4, 7))
    for t in (4, 5):
        stream.observe(COUNTS[t], **at(given, t))
    forecast = stream.forecast(1, **rows(given, 6, 7))
    assert np.array_equal(forecast.mean, whole.mean)
    assert np.array_equal(forecast.variance, whole.variance)
    emission, p = model.emission, forecast.probabilities[0]
    if case == "both":
        means = emission.coefficients[:, 0] + emission.coefficients[:, 1:] @ COVARIATES.iloc[6].to_numpy()
    else:
        means = emission.coefficients[:, 0] + emission.coefficients[:, 1:] @ [COUNTS[5], COUNTS[4]]
    assert np.isclose(forecast.mean[0], p @ means, rtol=1e-14)
    variances = np.broadcast_to(emission.variance, 2)
    assert np.isclose(forecast.variance[0], p @ (variances + (means - p @ means) ** 2), rtol=1e-13)
    pairs = [rows(given, 4, 7), rows(given, 4, 7)]
    lists = {name: [pair[name] for pair in pairs] for name in given}
    together = model.forecast([COUNTS[4:6], COUNTS[4:6]], 1, **lists)
    assert np.array_equal(together.mean, [whole.mean, whole.mean])


def test_what_looks_back_further_than_is_known_has_no_moments():
    model, _ = model_of("autoregressive")
    assert model.forecast([1.0], 2).mean is None
    ends, _ = model_of("autoregressive", FINAL)
    assert ends.forecast([1.0, 2.0, 3.0], 2).mean is None
    assert model.forecast([1.0, 2.0, 3.0], 2).mean.shape == (2,)
    assert len(model.simulate(5, rng=0)[1]) == 5


def test_residuals_of_what_depends_on_more():
    model, given = model_of("both")
    residuals = model.pseudo_residuals(COUNTS, "forecast", **given)
    state, emission = model.initial, model.emission
    means = emission.coefficients[:, 0] + emission.coefficients[:, 1:] @ COVARIATES.iloc[0].to_numpy()
    from scipy.stats import norm

    below = norm.cdf((COUNTS[0] - means) / np.sqrt(np.broadcast_to(emission.variance, 2)))
    assert np.isclose(residuals.residuals[0], norm.ppf(state @ below), rtol=1e-10)
