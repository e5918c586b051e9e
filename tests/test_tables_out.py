"""Results for polars, PyArrow and xarray: their values, the labels that came in, and the keys of sequences."""

import builtins

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

import hmmfilter as hf
from tests.test_frames import MODEL, OBSERVED

DAYS = pd.date_range("2024-01-01", periods=5)
FRAME = pd.DataFrame({"who": list("aabbb"), "year": [1, 1, 1, 2, 2], "count": [0, 2, 7, 4, 3]}, index=DAYS)
GROUPS = FRAME.groupby(["who", "year"])["count"]
ONE = FRAME["count"]
VECTORS = hf.HMM(
    [0.5, 0.5],
    [[0.9, 0.1], [0.2, 0.8]],
    hf.emissions.Gaussian([[0.0, 0.0], [4.0, 2.0]], [np.eye(2), np.eye(2)]),
    ["calm", "busy"],
)
BY_STEPS = {
    "filter": MODEL.filter,
    "smooth": MODEL.smooth,
    "viterbi": MODEL.viterbi,
    "posterior": MODEL.posterior_decode,
    "n_best": lambda x: MODEL.viterbi_n_best(x, 2),
    "residuals": MODEL.pseudo_residuals,
}
OTHERS = {
    "counts": lambda x: MODEL.expected_transitions(x, per_sequence=not isinstance(x, pd.Series)),
    "forecast": lambda x: MODEL.forecast(x, 2),
    "classified": lambda x: hf.classify({"first": MODEL, "second": MODEL}, x),
}


def words(rows):
    return [list(map(str, row)) for row in rows]


@pytest.mark.parametrize("ask", {**BY_STEPS, **OTHERS}.values(), ids={**BY_STEPS, **OTHERS})
def test_tables_have_the_labels_and_columns_of_frames(ask):
    result = ask(GROUPS)
    frame = result.to_frame().reset_index()
    names = [str(name) for name in frame.columns]
    for table in (pl.DataFrame(result), pl.from_arrow(pa.table(result))):
        assert table.columns == names
        assert words(table.rows()) == words(frame.to_numpy().tolist())
    assert names[:2] == ["who", "year"]


def test_tables_of_one_sequence():
    table = pl.DataFrame(MODEL.smooth(ONE))
    assert table.columns == ["step", "calm", "busy"]
    assert table["step"].to_list() == DAYS.to_list()
    assert np.array_equal(table["busy"], MODEL.smooth(ONE).probabilities[:, 1])
    assert pl.DataFrame(MODEL.smooth(ONE.rename_axis("day"))).columns == ["day", "calm", "busy"]
    assert pl.DataFrame(MODEL.viterbi(pl.Series(OBSERVED))).to_dict(as_series=False) == {
        "step": [0, 1, 2, 3],
        "state": ["calm", "calm", "busy", "busy"],
    }
    assert pl.DataFrame(MODEL.viterbi(pa.array(OBSERVED)))["state"].to_list() == ["calm", "calm", "busy", "busy"]


def test_tables_of_parameters_and_of_parts():
    fitted = MODEL.fit([1, 0, 2, 9, 7, 11, 8, 0, 1, 1, 0, 2, 10, 8])
    table = pl.DataFrame(fitted)
    assert table.columns == ["entry", "estimate"]
    assert table["entry"].to_list() == fitted.to_frame().index.to_list()
    covariance = pa.table(fitted.covariance())
    assert covariance.column_names == ["entry", *fitted.covariance().names]
    gradient = pl.DataFrame(MODEL.log_likelihood_gradient(OBSERVED))
    assert gradient["row"].to_list() == ["0", "calm", "busy", "0", "1", "2", "3"]
    assert pl.DataFrame(hf.classify({"first": MODEL, "second": MODEL}, OBSERVED)).columns == ["row", "first", "second"]


def test_a_marked_path_is_missing_in_tables():
    case = MODEL.log_initial, MODEL.log_transition, np.full((2, 2), -np.inf)
    marked = hf.viterbi(*case, impossible="mark")
    assert pl.DataFrame(marked)["state"].to_list() == [None, None]
    assert marked.to_xarray().values.tolist() == [-1, -1]
    named = MODEL.viterbi([0], allowed=np.zeros((1, 2), dtype=bool), impossible="mark")
    assert named.to_xarray().values.tolist() == [None]


@pytest.mark.parametrize("ask", BY_STEPS.values(), ids=BY_STEPS)
def test_arrays_by_step(ask):
    labelled = ask(ONE).to_xarray()
    assert labelled["step"].to_index().equals(DAYS)
    whole = ask(GROUPS).to_xarray()
    assert whole["row"].to_index().names == ["who", "year", "step"]
    part = whole.sel(who="b", year=2)
    assert part["step"].to_index().equals(DAYS[3:])
    named = ask(ONE.rename_axis("day"))
    assert "day" in named.to_xarray().sizes
    frame = ask(ONE).to_frame()
    if isinstance(labelled, xr.Dataset):
        assert all(np.array_equal(labelled[name], frame[name]) for name in frame)
    else:
        by_step = labelled.transpose("step", ...).values.reshape(len(frame), -1)
        assert words(by_step.tolist()) == words(frame.to_numpy().tolist())


def test_arrays_know_states_and_how_good_they_are():
    smoothed = MODEL.smooth(ONE)
    labelled = smoothed.to_xarray()
    assert (labelled.name, labelled.dims, labelled["state"].values.tolist()) == (
        "probability",
        ("step", "state"),
        ["calm", "busy"],
    )
    assert labelled.attrs == {"log_likelihood": smoothed.log_likelihood}
    labelled[:] = 0.0
    assert smoothed.probabilities.any()
    assert MODEL.viterbi(ONE).to_xarray().attrs == {"log_joint": MODEL.viterbi(ONE).log_joint}
    n_best = MODEL.viterbi_n_best(ONE, 3)
    assert n_best.to_xarray().dims == ("path", "step")
    assert np.array_equal(n_best.to_xarray().attrs["log_joints"], n_best.log_joints)
    unnamed = hf.smooth(MODEL.log_initial, MODEL.log_transition, MODEL.emission.log_likelihoods(OBSERVED)).to_xarray()
    assert unnamed["state"].values.tolist() == [0, 1]
    assert unnamed["step"].values.tolist() == [0, 1, 2, 3]


def test_arrays_align_with_what_came_in():
    given = xr.DataArray(ONE.to_numpy(), dims="time", coords={"time": DAYS})
    smoothed = MODEL.smooth(given).to_xarray()
    assert smoothed.dims == ("time", "state")
    assert (given * smoothed.sel(state="busy")).sizes == {"time": 5}
    labels = pd.MultiIndex.from_tuples([("u", 1), ("u", 2), ("v", 1), ("v", 2)], names=["a", None])
    assert MODEL.smooth(pd.Series(OBSERVED, labels)).to_xarray().sel(a="v").sizes == {"level_1": 2, "state": 2}


def test_arrays_of_several_sequences():
    counts = MODEL.expected_transitions(GROUPS, per_sequence=True)
    assert counts.to_xarray().dims == ("sequence", "from", "to")
    assert counts.to_xarray().sel(who="b", year=2).sel({"from": "busy", "to": "calm"}) == counts.counts[2, 1, 0]
    by_matrix = hf.expected_transitions(
        MODEL.log_initial,
        np.stack([MODEL.log_transition] * 2),
        MODEL.emission.log_likelihoods(OBSERVED),
        transition_index=[0, 1, 1],
        per_matrix=True,
    )
    assert np.array_equal(by_matrix.to_xarray().sel(matrix=1), by_matrix.counts[1])
    assert MODEL.expected_transitions(OBSERVED).to_xarray().dims == ("from", "to")
    classified = hf.classify({"first": MODEL, "second": MODEL}, {"u": [0, 2], "v": OBSERVED})
    assert classified.to_xarray().dims == ("sequence", "model")
    assert classified.to_xarray().sel(sequence="v", model="first") == classified.probabilities[1, 0]
    assert classified["u"].to_xarray().dims == ("model",)


def test_arrays_of_residuals_of_vectors():
    frame = pd.DataFrame({"x": [0.1, 3.0, 5.0], "y": [0.3, 1.0, 2.0]}, index=DAYS[:3])
    residuals = VECTORS.pseudo_residuals(frame)
    labelled = residuals.to_xarray()
    assert labelled["residual"].dims == ("step", "entry")
    assert np.array_equal(labelled["residual"].sel(entry="y"), residuals.residuals[:, 1])
    assert labelled.attrs == {"kind": "ordinary"}


def test_arrays_of_forecasts():
    forecast = MODEL.forecast({"u": [0, 2], "v": OBSERVED}, 3)
    labelled = forecast.to_xarray()
    assert labelled["probability"].dims == ("sequence", "ahead", "state")
    assert labelled["mean"].sel(sequence="v", ahead=3) == forecast.mean[1, 2]
    assert labelled["variance"].dims == ("sequence", "ahead")
    vectors = VECTORS.forecast([[0.1, 0.3], [3.0, 1.0]], 2)
    labelled = vectors.to_xarray()
    assert labelled["mean"].dims == ("ahead", "entry")
    assert np.array_equal(labelled["variance"].isel(entry=1, other_entry=0), vectors.variance[:, 1, 0])
    sky = hf.emissions.Categorical([[0.5, 0.5], [0.9, 0.1]], symbols=["wet", "dry"])
    both = hf.HMM(MODEL.initial, MODEL.transition, hf.emissions.Product({"sky": sky, "calls": MODEL.emission}))
    forecast = both.forecast([("dry", 0)], 2)
    labelled = forecast.to_xarray()
    assert set(labelled) == {"probability", "sky symbol_probability", "calls mean", "calls variance"}
    wet = labelled["sky symbol_probability"].sel({"sky symbol": "wet"})
    assert np.array_equal(wet, forecast.channels["sky"].symbol_probabilities[:, 0])
    numbers = hf.HMM(MODEL.initial, MODEL.transition, hf.emissions.Categorical([[0.5, 0.5], [0.9, 0.1]]))
    assert numbers.forecast([0], 1).to_xarray()["symbol"].values.tolist() == [0, 1]


class Constant:
    """An emission that knows no moments."""

    n_states = 2

    def log_likelihoods(self, observations):
        return np.zeros((len(observations), 2))

    def sample(self, states, generator):
        return states


def test_a_forecast_without_moments_has_states_alone():
    model = hf.HMM(MODEL.initial, MODEL.transition, Constant())
    assert set(model.forecast(OBSERVED, 2).to_xarray()) == {"probability"}


@pytest.mark.parametrize(
    ("package", "ask", "message"),
    [
        ("pyarrow", lambda result: result.__arrow_c_stream__(), "tables of Arrow need PyArrow: pip install pyarrow"),
        ("xarray", lambda result: result.to_xarray(), "to_xarray needs xarray: pip install xarray"),
    ],
)
def test_without_a_package_it_says_what_to_install(monkeypatch, package, ask, message):
    real_import = builtins.__import__

    def without(name, *arguments, **options):
        if name.split(".")[0] == package:
            raise ImportError(name)
        return real_import(name, *arguments, **options)

    result = MODEL.smooth(OBSERVED)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=message):
        ask(result)
