"""Results for NumPy and pandas: one of one sequence reads as its table, and every one becomes a frame."""

import builtins
import copy

import numpy as np
import pandas as pd
import pytest

import hmmfilter as hf
from tests.test_sequences import COUNTS

NEVER = -np.inf
MODEL = hf.HMM(COUNTS.initial, COUNTS.transition, COUNTS.emission, ["calm", "busy"])
OBSERVED = [0, 2, 7, 4]
TABLES = {
    "filter": lambda model, x, **options: (result := model.filter(x, **options), result.probabilities),
    "smooth": lambda model, x, **options: (result := model.smooth(x, **options), result.probabilities),
    "viterbi": lambda model, x, **options: (result := model.viterbi(x, **options), result.path),
    "posterior": lambda model, x, **options: (result := model.posterior_decode(x, **options), result.path),
    "n_best": lambda model, x, **options: (result := model.viterbi_n_best(x, 3, **options), result.paths),
    "counts": lambda model, x, **options: (result := model.expected_transitions(x, **options), result.counts),
}
by_table = pytest.mark.parametrize("ask", TABLES.values(), ids=TABLES)


@by_table
def test_one_sequence_reads_as_its_table(ask):
    result, table = ask(MODEL, OBSERVED)
    assert len(result) == len(table)
    assert all(row is not result for row in result)
    for found, expected in ((list(result), list(table)), (result[-1], table[-1]), (result[1:], table[1:])):
        assert np.array_equal(found, expected)
        assert not isinstance(found, type(result))
    assert np.array_equal(list(reversed(result)), table[::-1])
    with pytest.raises(IndexError):
        result[len(table)]


@by_table
@pytest.mark.parametrize("options", [{}, {"lengths": [1, 3]}], ids=["alone", "several"])
def test_numpy_takes_a_result_for_its_table(ask, options):
    result, table = ask(MODEL, OBSERVED, **options)
    assert np.array_equal(np.asarray(result), table)
    assert np.shares_memory(np.asarray(result), table)
    assert np.asarray(result, dtype=np.float32).dtype == np.float32
    assert np.array_equal(np.exp(result), np.exp(table))
    mine = np.array(result)
    mine[:] = 0
    assert not np.array_equal(mine, table)


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="asarray has no copy before")
def test_numpy_copies_as_it_is_told():
    decoded = MODEL.viterbi(OBSERVED)
    assert np.shares_memory(np.asarray(decoded, copy=False), decoded.path)
    assert not np.shares_memory(np.asarray(decoded, copy=True), decoded.path)
    with pytest.raises(ValueError, match="copy"):
        np.asarray(decoded, dtype=float, copy=False)


def test_numpy_takes_a_forecast_for_its_probabilities():
    forecast = MODEL.forecast(OBSERVED, 3)
    assert np.array_equal(forecast, forecast.probabilities)


def test_rows_of_logs_are_read_one_by_one():
    """A table of logs may be mapped to a file and be larger than memory."""
    rows = np.empty((4, 2))
    smoothed = hf.smooth(
        MODEL.log_initial, MODEL.log_transition, MODEL.emission.log_likelihoods(OBSERVED), out=rows, out_logs=True
    )
    assert len(smoothed) == 4
    assert np.array_equal(smoothed[-1], np.exp(rows[-1]))
    assert np.array_equal(smoothed[1:3], np.exp(rows[1:3]))
    assert "probabilities" not in vars(smoothed)
    assert np.array_equal(smoothed, np.exp(rows))


def test_pandas_takes_a_path_for_a_column():
    frame = pd.DataFrame({"count": OBSERVED}, index=list("wxyz"))
    decoded = MODEL.viterbi(frame["count"])
    assert frame.assign(state=decoded)["state"].tolist() == decoded.path.tolist()
    assert pd.Series(decoded).tolist() == decoded.path.tolist()
    smoothed = MODEL.smooth(frame["count"])
    assert np.array_equal(pd.DataFrame(smoothed), smoothed.probabilities)
    assert np.array_equal(frame.assign(p=smoothed[:, 1])["p"], smoothed.probabilities[:, 1])
    with pytest.raises(ValueError, match="1D"):
        frame.assign(p=smoothed)
    with pytest.raises(ValueError, match="length"):
        frame.assign(state=MODEL.viterbi(frame["count"], lengths=[1, 3]))


@pytest.mark.parametrize("method", ["filter", "smooth"])
def test_frames_of_posteriors(method):
    result = getattr(MODEL, method)(OBSERVED)
    frame = result.to_frame()
    assert frame.columns.tolist() == ["calm", "busy"]
    assert frame.index.equals(pd.Index(range(4), name="step"))
    assert frame.index.name == "step"
    assert np.array_equal(frame, result.probabilities)
    frame.iloc[0] = 0.5
    assert result.probabilities[0, 0] != 0.5
    assert getattr(MODEL, method)(OBSERVED).to_frame(list("wxyz")).index.tolist() == list("wxyz")


def test_frames_of_several_sequences():
    frame = MODEL.smooth(OBSERVED, lengths=[1, 3]).to_frame()
    assert frame.index.tolist() == [(0, 0), (1, 0), (1, 1), (1, 2)]
    assert frame.index.names == ["sequence", "step"]
    labels = pd.MultiIndex.from_tuples([("u", 1), ("u", 2), ("v", 1), ("v", 2)], names=["a", "b"])
    frame = MODEL.smooth(pd.Series(OBSERVED, labels), lengths=[1, 3]).to_frame()
    assert frame.index.names == ["sequence", "a", "b"]
    assert frame.index[1] == (1, "u", 2)
    assert MODEL.smooth(OBSERVED, lengths=[1, 3]).to_frame(list("wxyz")).index.tolist() == list("wxyz")


def test_frames_of_paths():
    frame = MODEL.viterbi(OBSERVED).to_frame()
    assert frame["state"].tolist() == ["calm", "calm", "busy", "busy"]
    assert frame["state"].cat.categories.tolist() == ["calm", "busy"]
    assert MODEL.posterior_decode(OBSERVED).to_frame().equals(frame)
    best = MODEL.viterbi_n_best(OBSERVED, 3)
    frame = best.to_frame()
    assert frame.columns.tolist() == [0, 1, 2]
    assert [frame[n].cat.codes.tolist() for n in range(3)] == best.paths.tolist()
    assert frame.index.name == "step"


def test_a_marked_path_is_missing_in_a_frame():
    case = MODEL.log_initial, MODEL.log_transition, np.full((2, 2), NEVER)
    assert hf.viterbi(*case, impossible="mark").to_frame()["state"].isna().all()
    assert hf.smooth(*case, impossible="mark").to_frame().isna().all(axis=None)
    assert hf.viterbi_n_best(*case, 2, impossible="mark").to_frame().shape == (2, 0)


def test_without_names_states_are_numbers():
    case = MODEL.log_initial, MODEL.log_transition, MODEL.emission.log_likelihoods(OBSERVED)
    assert hf.smooth(*case).to_frame().columns.tolist() == [0, 1]
    assert hf.viterbi(*case).to_frame()["state"].tolist() == [0, 0, 1, 1]
    assert hf.viterbi_n_best(*case, 2).to_frame()[0].tolist() == [0, 0, 1, 1]
    assert hf.expected_transitions(*case).to_frame().index.tolist() == [0, 1]


def test_frames_of_counts():
    counts = MODEL.expected_transitions(OBSERVED)
    frame = counts.to_frame()
    assert (frame.index.name, frame.columns.name) == ("from", "to")
    assert frame.loc["calm", "busy"] == counts.counts[0, 1]
    each = MODEL.expected_transitions({"u": [0, 2], "v": [7, 4]}, per_sequence=True)
    assert each.to_frame().index.names == ["sequence", "from"]
    assert each.to_frame().loc[("v", "busy"), "calm"] == each.counts[1, 1, 0]
    assert counts.to_frame(["x", "y"]).index.tolist() == ["x", "y"]


def test_frames_of_forecasts():
    forecast = MODEL.forecast(OBSERVED, 2)
    assert forecast.to_frame().index.tolist() == [1, 2]
    assert np.array_equal(forecast.to_frame(), forecast.probabilities)
    days = pd.date_range("2024-01-01", periods=2)
    assert forecast.to_frame(days).index.equals(days)
    several = MODEL.forecast({"u": [0, 2], "v": OBSERVED}, 2)
    assert several.to_frame().index.tolist() == [("u", 1), ("u", 2), ("v", 1), ("v", 2)]
    assert several.to_frame().index.names == ["sequence", "ahead"]
    assert several.to_frame().loc["v"].equals(forecast.to_frame())


def test_frames_of_gradients():
    gradient = MODEL.log_likelihood_gradient(pd.Series(OBSERVED, list("wxyz")))
    frame = gradient.to_frame()
    assert frame.columns.tolist() == ["calm", "busy"]
    assert np.array_equal(frame.loc["log_initial"], gradient.log_initial[None])
    assert np.array_equal(frame.loc["log_transition"].loc[["calm", "busy"]], gradient.log_transition)
    assert np.array_equal(frame.loc["log_likelihoods"].loc[list("wxyz")], gradient.log_likelihoods)
    assert gradient.to_frame(range(4)).loc["log_likelihoods"].index.tolist() == [0, 1, 2, 3]
    keyed = MODEL.log_likelihood_gradient({"u": [0], "v": [2, 7]}).to_frame().loc["log_likelihoods"]
    assert keyed.index.tolist() == [("u", 0), ("v", 0), ("v", 1)]
    days = pd.DataFrame({"a": list("uvv"), "b": [1, 1, 2], "x": [0, 2, 7]}, index=list("xyz"))
    keyed = MODEL.log_likelihood_gradient(days.groupby(["a", "b"])["x"]).to_frame().loc["log_likelihoods"]
    assert keyed.index.tolist() == [("u", 1, "x"), ("v", 1, "y"), ("v", 2, "z")]
    parameters = MODEL.log_likelihood_gradient(OBSERVED, parameters_only=True).to_frame()
    assert parameters.index.get_level_values("part").unique().tolist() == ["log_initial", "log_transition"]
    changing = np.stack([MODEL.log_transition] * 3)
    table = MODEL.emission.log_likelihoods(OBSERVED)
    several = hf.log_likelihood_gradient(MODEL.log_initial, changing, table)
    assert several.to_frame().loc[[("log_transition", (2, 1))]].to_numpy()[0].tolist() == [
        *several.log_transition[2, 1]
    ]


@pytest.mark.parametrize("index", [list("wxy"), pd.RangeIndex(5)])
@pytest.mark.parametrize("method", ["smooth", "viterbi"])
def test_labels_of_another_number_are_refused(method, index):
    with pytest.raises(ValueError, match=rf"index must have a label for each of the 4 rows, got {len(index)}"):
        getattr(MODEL, method)(OBSERVED).to_frame(index)


@pytest.mark.parametrize("index", [5, iter("wxyz")])
def test_labels_that_are_no_list_are_refused(index):
    with pytest.raises(TypeError, match="index must be a list of labels, got "):
        MODEL.smooth(OBSERVED).to_frame(index)


def test_without_pandas_frames_say_what_to_install(monkeypatch):
    real_import = builtins.__import__

    def no_pandas(name, *arguments, **options):
        if name.split(".")[0] == "pandas":
            raise ImportError(name)
        return real_import(name, *arguments, **options)

    result = MODEL.smooth(OBSERVED)
    monkeypatch.setattr(builtins, "__import__", no_pandas)
    with pytest.raises(ImportError, match=r"frames need pandas: pip install 'hmmfilter\[pandas\]'"):
        result.to_frame()
    assert np.array_equal(copy.copy(result), result)
