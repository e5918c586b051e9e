"""What comes beside observations: covariates, times, indices, soft evidence; of one sequence or of several."""

import datetime
import itertools

import numpy as np
import pandas as pd
import pytest

import hmmfilter as hf
from hmmfilter import _checks
from hmmfilter._beside import Beside
from tests import oracle

MATRICES = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.4, 0.6], [0.7, 0.3]], [[1.0, 0.0], [0.5, 0.5]]])
POISSON = hf.emissions.Poisson([1.0, 5.0])
COUNTS = [0, 2, 7, None, 4, 1]
INDEX = [0, 2, 1, 1, 0, 2]
DENSE = hf.HMM([0.4, 0.6], MATRICES[0], POISSON, ["calm", "busy"])
INDEXED = hf.HMM([0.4, 0.6], hf.transitions.Indexed(MATRICES), POISSON, ["calm", "busy"])
RATES = hf.HMM([0.4, 0.6], hf.transitions.Rates([[-0.3, 0.3], [0.1, -0.1]], unit="h"), POISSON)
LOGISTIC = hf.HMM([0.4, 0.6], hf.transitions.Logistic([[[0, 0], [-2, 0.5]], [[-1, -0.5], [0, 0]]]), POISSON)
WEIGHTS = np.log([[0.5, 1.0], [1.0, 0.1], [1.0, 1.0], [0.3, 0.7], [2.0, 1.0], [1.0, 1.0]])

QUESTIONS = {
    "filter": lambda model, x, **given: model.filter(x, **given).log_probabilities,
    "smooth": lambda model, x, **given: model.smooth(x, **given).log_probabilities,
    "log_likelihood": lambda model, x, **given: model.log_likelihood(x, **given),
    "expected_transitions": lambda model, x, **given: model.expected_transitions(x, **given).counts,
    "pairwise_marginals": lambda model, x, **given: model.pairwise_marginals(x, **given),
    "gradient": lambda model, x, **given: model.log_likelihood_gradient(x, **given).log_likelihoods,
    "viterbi": lambda model, x, **given: model.viterbi(x, **given).path,
    "viterbi_n_best": lambda model, x, **given: model.viterbi_n_best(x, 3, **given).log_joints,
    "max_marginals": lambda model, x, **given: model.max_marginals(x, **given),
    "posterior_decode": lambda model, x, **given: model.posterior_decode(x, **given).path,
    "sample_paths": lambda model, x, **given: model.sample_paths(x, 4, 1, **given),
    "residuals": lambda model, x, **given: model.pseudo_residuals(x, **given).residuals,
    "forecast residuals": lambda model, x, **given: model.pseudo_residuals(x, "forecast", **given).residuals,
}


def changing(matrices):
    """The tables of the functional core, with a matrix for each step."""
    with np.errstate(divide="ignore"):
        return np.log([0.4, 0.6]), np.log(matrices), POISSON.log_likelihoods(COUNTS)


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_an_index_that_never_changes_is_one_matrix(question):
    for x, index in ((COUNTS, [0] * 6), ([COUNTS, [3], []], [[0] * 6, [1], []])):
        if question is QUESTIONS["viterbi_n_best"] and x is not COUNTS:
            continue
        assert np.array_equal(question(INDEXED, x, transition_index=index), question(DENSE, x), equal_nan=True)


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_times_at_equal_gaps_are_one_matrix(question):
    one = hf.HMM(RATES.initial, RATES.transition.matrix(0.5), POISSON)
    times = np.datetime64("2026-03-01T00:00") + 30 * np.arange(6).astype("timedelta64[m]")
    answer, same = question(RATES, COUNTS, times=times), question(one, COUNTS)
    assert np.allclose(answer, same, rtol=1e-13, atol=1e-13, equal_nan=True)


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        (INDEXED, "transition_index", np.array(INDEX)),
        (RATES, "times", np.array([0.0, 0.5, 0.5, 3.0, 100.0, 101.0])),
        (LOGISTIC, "covariates", np.array([0.0, 1.0, -2.0, 4.0, 4.0, 0.0])),
    ],
    ids=["indexed", "rates", "logistic"],
)
def test_several_sequences_are_each_alone(question, model, name, value):
    if question is QUESTIONS["sample_paths"]:
        return

    def joined(answers):
        return np.concatenate(answers, axis=0)

    parts = [(COUNTS[:4], value[:4], WEIGHTS[:4]), (COUNTS[4:], value[4:], WEIGHTS[4:])]
    alone = [question(model, x, **{name: part}, log_weights=weights) for x, part, weights in parts]
    sequences, values, weights = zip(*parts, strict=True)
    together = question(model, list(sequences), **{name: list(values)}, log_weights=list(weights))
    keyed = question(
        model,
        dict(zip("ab", sequences, strict=True)),
        **{name: dict(zip("ba", values[::-1], strict=True))},
        log_weights=dict(zip("ab", weights, strict=True)),
    )
    in_a_row = question(model, COUNTS, lengths=[4, 2], **{name: value}, log_weights=WEIGHTS)
    assert np.array_equal(together, keyed, equal_nan=True)
    assert np.array_equal(together, in_a_row, equal_nan=True)
    if question is QUESTIONS["expected_transitions"]:
        assert np.allclose(together, sum(alone), rtol=1e-14)
    elif question in (QUESTIONS["viterbi_n_best"], QUESTIONS["log_likelihood"]):
        assert np.array_equal(together, np.stack(alone))
    elif question is QUESTIONS["pairwise_marginals"]:
        assert np.array_equal(together[[0, 1, 2, 4]], joined(alone))
    else:
        assert np.array_equal(together, joined(alone), equal_nan=True)


def test_a_changing_chain_is_all_its_paths():
    expected = oracle.enumeration(*changing(MATRICES[INDEX[:-1]]))
    filtered = INDEXED.filter(COUNTS, transition_index=INDEX).probabilities
    smoothed = INDEXED.smooth(COUNTS, transition_index=INDEX).probabilities
    assert np.allclose(filtered, np.array(expected.filtered, dtype=float), rtol=1e-14)
    assert np.allclose(smoothed, np.array(expected.smoothed, dtype=float), rtol=1e-14)


def test_times_and_covariates_choose_the_matrices():
    times, covariates = [0.0, 0.5, 0.5, 3.0, 100.0, 101.0], [0.0, 1.0, -2.0, 4.0, 4.0, 0.0]
    by_gap = [RATES.transition.matrix(gap) for gap in np.diff(times)]
    by_row = LOGISTIC.transition.matrix(np.array(covariates)[:-1, None])
    for model, matrices, given in ((RATES, by_gap, {"times": times}), (LOGISTIC, by_row, {"covariates": covariates})):
        table = hf.smooth(*changing(matrices)).log_probabilities
        assert np.allclose(model.smooth(COUNTS, **given).log_probabilities, table, rtol=1e-13, atol=1e-13)


def test_soft_evidence_is_added():
    log_initial, log_transition, table = changing(MATRICES[0])
    expected = hf.smooth(log_initial, log_transition, table + WEIGHTS)
    assert np.array_equal(DENSE.smooth(COUNTS, log_weights=WEIGHTS).log_probabilities, expected.log_probabilities)
    allowed = np.isfinite(hard := np.where(np.arange(12).reshape(6, 2) % 3 == 1, -np.inf, 0.0))
    assert np.array_equal(
        DENSE.smooth(COUNTS, log_weights=hard).probabilities, DENSE.smooth(COUNTS, allowed=allowed).probabilities
    )
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match=r"log_weights\[0, 0\] must be -inf or finite"):
            DENSE.filter(COUNTS, log_weights=np.full((6, 2), bad))
    with pytest.raises(ValueError, match=r"log_weights must have shape \(6, 2\)"):
        DENSE.filter(COUNTS, log_weights=WEIGHTS[1:])


@pytest.mark.parametrize("kind", ["ordinary", "forecast"])
def test_residuals_know_all_that_is_known_besides(kind):
    """By the states' probabilities with the observation of the step left out, once for each step."""
    model = hf.HMM(INDEXED.initial, INDEXED.transition, POISSON)
    residuals = model.pseudo_residuals(COUNTS, kind, transition_index=INDEX, log_weights=WEIGHTS)
    below, at, _ = POISSON.log_sides(COUNTS)
    for t in (0, 2, 5):
        end = t + 1 if kind == "forecast" else 6
        without = [*COUNTS[:t], None, *COUNTS[t + 1 :]][:end]
        state = model.smooth(without, transition_index=INDEX[:end], log_weights=WEIGHTS[:end]).probabilities[t]
        u = float(state @ np.exp(below[t]) + state @ np.exp(at[t]) / 2)
        from scipy.stats import norm

        assert np.isclose(residuals.residuals[t], norm.ppf(u), rtol=1e-9)


def test_a_forecast_has_rows_ahead():
    index = [*INDEX, 1, 0, 2]
    forecast = INDEXED.forecast(COUNTS, 3, transition_index=index)
    last = INDEXED.filter(COUNTS, transition_index=INDEX).log_probabilities[-1]
    for s, m in enumerate(index[5:8]):
        last = hf.predict(last, INDEXED.chain.log_matrices[m])
        assert np.array_equal(forecast.log_probabilities[s], last)
    together = INDEXED.forecast([[], COUNTS, [3]], 3, transition_index=[[0, 1, 2], index, [2, 1, 1, 0]])
    assert np.array_equal(together[1].log_probabilities, forecast.log_probabilities)
    assert np.array_equal(together[0].log_probabilities[0], INDEXED.log_initial)
    begun = hf.predict(INDEXED.log_initial, INDEXED.chain.log_matrices[0])
    assert np.array_equal(together[0].log_probabilities[1], begun)
    assert np.array_equal(
        INDEXED.forecast(COUNTS, 2, transition_index=[0] * 8).probabilities, DENSE.forecast(COUNTS, 2).probabilities
    )
    with pytest.raises(ValueError, match=r"transition_index must have shape \(9,\)"):
        INDEXED.forecast(COUNTS, 3, transition_index=INDEX)


def test_who_needs_what_is_said():
    with pytest.raises(ValueError, match="times must be given, for Rates, got None: when each step was"):
        RATES.filter(COUNTS)
    with pytest.raises(ValueError, match="covariates must be left out: neither Dense nor Poisson depends on any"):
        DENSE.filter(COUNTS, covariates=np.zeros(6))
    with pytest.raises(ValueError, match="times must be left out: neither Logistic nor Poisson depends on any"):
        LOGISTIC.filter(COUNTS, covariates=np.zeros(6), times=np.zeros(6))


def test_frames_bring_names_of_covariates():
    frame = pd.DataFrame({"noise": np.arange(6.0), "depth": [0.0, 1.0, -2.0, 4.0, 4.0, 0.0]})
    chosen = hf.transitions.Logistic(LOGISTIC.transition.coefficients, covariates=["depth"])
    model = hf.HMM(LOGISTIC.initial, chosen, POISSON)
    expected = LOGISTIC.smooth(COUNTS, covariates=frame["depth"]).probabilities
    assert np.array_equal(model.smooth(COUNTS, covariates=frame).probabilities, expected)
    assert np.array_equal(model.smooth(COUNTS, covariates=frame["depth"]).probabilities, expected)
    frame["who"] = ["a", "b"] * 3
    frame["count"] = COUNTS
    groups = frame.groupby("who")
    by_group = model.smooth(groups["count"], covariates=groups[["noise", "depth"]])
    for key, part in groups:
        alone = model.smooth(part["count"], covariates=part[["noise", "depth"]]).probabilities
        assert np.array_equal(by_group[key].probabilities, alone)


def test_times_are_numbers_or_datetimes():
    moments = [datetime.datetime(2026, 3, 1, hour) for hour in (0, 1, 3, 3, 10, 11)]
    hours = [0.0, 1.0, 3.0, 3.0, 10.0, 11.0]
    expected = RATES.smooth(COUNTS, times=hours).probabilities
    zone = datetime.timezone(datetime.timedelta(hours=2))
    for times in (
        moments,
        np.array(moments, dtype="datetime64[ms]"),
        pd.DatetimeIndex(moments),
        pd.Series(moments),
        pd.DatetimeIndex(moments, tz="UTC"),
        [moment.replace(tzinfo=zone) for moment in moments],
    ):
        assert np.array_equal(RATES.smooth(COUNTS, times=times).probabilities, expected)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([0, 1, 2, 1, 4, 5], r"times must not fall, got 1\.0 after 2\.0 at step 3"),
        ([0, 1, 2, np.nan, 4, 5], r"times\[3\] must be finite"),
        ([0, 1, 2], r"times must have shape \(6,\)"),
        (np.array(["2026-01-01"] * 5 + ["NaT"], dtype="datetime64[D]"), r"times\[5\] must be a time, got NaT"),
        (np.arange(6).astype("timedelta64[h]"), "times must hold numbers or datetimes"),
        (["2026-01-01"] * 6, r"numbers or datetimes, as pandas\.to_datetime makes of words, got '2026-01-01'"),
        (
            np.array([3, 3, 3, 3, 3, 2], "M8[D]").astype("M8[us]"),
            "times must not fall, got 1970-01-03 after 1970-01-04 at step 5",
        ),
        (
            np.array([50, 50, 50, 50, 50, 45], "M8[m]").astype("M8[ns]"),
            "times must not fall, got 1970-01-01T00:45:00 after 1970-01-01T00:50:00 at step 5",
        ),
        (["a"] * 6, "times must hold numbers or datetimes, as"),
        (
            [datetime.datetime(2026, 1, 1, tzinfo=zone) for zone in (None, datetime.timezone.utc) for _ in range(3)],
            "times must be of one time zone",
        ),
    ],
)
def test_bad_times(times, message):
    with pytest.raises((ValueError, TypeError), match=message):
        RATES.filter(COUNTS, times=times)


def test_times_may_fall_from_one_sequence_to_the_next():
    assert RATES.filter([[0, 1], [2, 3], []], times=[[5, 6], [0, 1], []]).lengths.tolist() == [2, 2, 0]
    with pytest.raises(ValueError, match=r"times must not fall, got 0\.0 after 1\.0 at step 1 of sequence 'b'"):
        RATES.filter({"a": [0, 1], "b": [2, 3]}, times={"a": [5, 6], "b": [1, 0]})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"covariates": [[1.0], [2.0]]}, r"covariates\[0\] must have shape \(6, C\)"),
        ({"covariates": [np.zeros((6, 2)), np.zeros((1, 1))]}, r"covariates\[1\] must have 2 columns"),
        ({"covariates": [pd.DataFrame({"a": np.zeros(6)}), pd.DataFrame({"b": [0.0]})]}, "must have the columns"),
        ({"covariates": [np.full(6, np.inf), [0.0]]}, r"covariates\[0\]\[0, 0\] must be finite"),
    ],
)
def test_bad_covariates(given, message):
    with pytest.raises(ValueError, match=message):
        LOGISTIC.filter([COUNTS, [1]], **given)


def test_bad_indices():
    with pytest.raises(TypeError, match="transition_index must hold integers"):
        INDEXED.filter(COUNTS, transition_index=np.zeros(6))
    with pytest.raises(ValueError, match=r"transition_index must be a dict of tables, with the keys \['a'\], got list"):
        INDEXED.filter({"a": COUNTS}, transition_index=INDEX)
    with pytest.raises(ValueError, match=r"with the keys \['a'\], got the keys \['b'\]"):
        INDEXED.filter({"a": COUNTS}, transition_index={"b": INDEX})


def test_matrices_may_have_names():
    named = hf.HMM(INDEXED.initial, hf.transitions.Indexed(MATRICES, names=["work", "rest", "feast"]), POISSON)
    words = [["work", "rest", "feast"][m] for m in INDEX]
    expected = INDEXED.filter(COUNTS, transition_index=INDEX).probabilities
    assert np.array_equal(named.filter(COUNTS, transition_index=words).probabilities, expected)


def test_rows_of_what_lies_beside():
    beside = Beside(np.array([0, 3, 3, 5]), np.arange(10.0).reshape(5, 2), None, np.arange(5.0), np.arange(5))
    assert beside.last_rows.tolist() == [2, 4]
    past, ahead = beside._replace(starts=np.array([0, 3, 5])).split(1)
    assert (past.starts.tolist(), past.times.tolist()) == ([0, 2, 3], [0.0, 1.0, 3.0])
    assert (ahead.starts.tolist(), ahead.transition_index.tolist()) == ([0, 1, 2], [2, 4])
    assert beside.of_sequence(2).covariates.tolist() == [[6.0, 7.0], [8.0, 9.0]]
    assert Beside(np.array([0, 2])).rows(0, 1)[1:] == (None,) * 5


def test_there_is_no_matrix_of_a_changing_chain():
    assert INDEXED.transition is INDEXED.chain
    with pytest.raises(AttributeError, match=r"log_transition must be of one matrix.* none of Indexed transitions"):
        INDEXED.log_transition  # noqa: B018
    assert not hasattr(INDEXED, "log_transition")
    assert np.array_equal(DENSE.chain.matrix, DENSE.transition)


def test_models_of_other_chains_are_printed_reordered_and_compared():
    assert repr(INDEXED).startswith("HMM: 2 states, Indexed transitions, Poisson emission\n")
    assert "Rates transitions" in RATES._repr_html_()
    assert INDEXED.reordered([1, 0]).reordered([1, 0]) == INDEXED != DENSE
    assert hash(INDEXED) == hash(hf.HMM([0.4, 0.6], INDEXED.transition, POISSON, ["calm", "busy"]))
    turned = INDEXED.reordered([1, 0]).smooth(COUNTS, transition_index=INDEX).probabilities
    assert np.allclose(turned[:, ::-1], INDEXED.smooth(COUNTS, transition_index=INDEX).probabilities, rtol=1e-14)


def test_needs_are_named_once():
    assert _checks.needs_of(RATES.chain) == {"times"}
    assert _checks.needs_of(object()) == frozenset()
    assert list(itertools.chain(*[_checks.needs_of(part) for part in (DENSE.chain, POISSON)])) == []


def test_rows_of_covariates_are_one_table_where_no_sequence_has_as_many_steps():
    rows = [[1.0, 2.0], [3.0, -4.0]]
    model = hf.HMM([0.4, 0.6], MATRICES[0], hf.emissions.Regression([[1.0, 0.5, 0.0], [-1.0, 0.0, 2.0]], [1.0, 2.0]))
    found = model.log_likelihood([0.5, 1.5], lengths=[1, 1], covariates=rows)
    apart = [model.log_likelihood([x], covariates=[row]) for x, row in zip([0.5, 1.5], rows, strict=True)]
    np.testing.assert_array_equal(found, apart)
