"""Sequences that have keys: a dict of them, or pandas' groups; results answer by key, and keep the labels of steps."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr

import hmmfilter as hf
from tests.test_sequences import COUNTS, PAIRS, Own

FRAME = pd.DataFrame(
    {"subject": ["b", "a", "a", "b", "a"], "x": [1.0, 2.0, 3.0, 9.0, np.nan], "y": [0.0, 1.0, 5.0, 6.0, 2.0]},
    index=pd.Index([10, 11, 12, 13, 14], name="row"),
)
GROUPS = {"a": [2.0, 3.0, np.nan], "b": [1.0, 9.0]}
ROWS = {"a": [11, 12, 14], "b": [10, 13]}

METHODS = {
    "filter": lambda result: result.log_probabilities,
    "smooth": lambda result: result.log_probabilities,
    "viterbi": lambda result: result.path,
    "posterior_decode": lambda result: result.path,
    "viterbi_n_best": lambda result: result.paths,
    "forecast": lambda result: result.log_probabilities,
}
BY_STEP = [method for method in METHODS if method != "forecast"]


def ask(model, method, observations, **options):
    more = {"viterbi_n_best": {"n": 2}, "forecast": {"steps": 2}, "sample_paths": {"size": 3, "rng": 1}}.get(method, {})
    return getattr(model, method)(observations, **more, **options)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("observations", [GROUPS, FRAME.groupby("subject")["x"]], ids=["dict", "groupby"])
def test_results_answer_by_key(method, observations):
    result = ask(COUNTS, method, observations)
    assert result.keys() == ("a", "b")
    assert len(result) == 2
    assert dict(result).keys() == GROUPS.keys()
    for part, (key, sequence) in zip(result, GROUPS.items(), strict=True):
        alone = METHODS[method](ask(COUNTS, method, sequence))
        assert np.array_equal(METHODS[method](result[key]), alone)
        assert np.array_equal(METHODS[method](part), alone)
    assert "\n         a  " in repr(result)


@pytest.mark.parametrize(
    "method", ["log_likelihood", "max_marginals", "pairwise_marginals", "sample_paths", "log_likelihood_gradient"]
)
@pytest.mark.parametrize("observations", [GROUPS, FRAME.groupby("subject")["x"]], ids=["dict", "groupby"])
def test_tables_have_the_sequences_in_order(method, observations):
    answers = [ask(COUNTS, method, given) for given in (observations, list(GROUPS.values()))]
    if method == "log_likelihood_gradient":
        answers = [answer.log_likelihoods for answer in answers]
    assert np.array_equal(*answers)


def test_counts_of_each_sequence_answer_by_key():
    counts = COUNTS.expected_transitions(FRAME.groupby("subject")["x"], per_sequence=True)
    assert counts.keys() == ("a", "b")
    for key, sequence in GROUPS.items():
        alone = COUNTS.expected_transitions(sequence)
        assert np.array_equal(counts[key], alone)
        assert counts[key].log_likelihood == alone.log_likelihood
    assert [np.shape(part) for part in counts] == [(2, 2), (2, 2)]
    assert len(counts) == 2
    together = COUNTS.expected_transitions(FRAME.groupby("subject")["x"])
    assert len(together) == 2
    np.testing.assert_allclose(np.sum(list(counts), axis=0), together)


def test_groups_of_one_column_and_of_none():
    alone = COUNTS.smooth(FRAME.groupby("subject")["x"])
    assert np.array_equal(COUNTS.smooth(FRAME[["subject", "x"]].groupby("subject")), alone)
    kinds = FRAME["subject"].astype(pd.CategoricalDtype(["a", "b", "z"]))
    result = COUNTS.smooth(FRAME.groupby(kinds, observed=False)["x"])
    assert result.keys() == ("a", "b", "z")
    assert len(result["z"]) == 0
    assert np.array_equal(result, alone)


def test_columns_that_are_chosen_count_also_as_keys():
    data = pd.DataFrame({"x": [0.0, 0.0, 3.0], "y": [1.0, 1.0, 3.0]})
    assert np.array_equal(PAIRS.smooth(data.groupby("x")[["x", "y"]])[3.0], PAIRS.smooth([[3.0, 3.0]]))


def test_a_series_by_the_day():
    hours = pd.Series([1, 2, 9], pd.date_range("2024-01-01", periods=3, freq="16h"))
    result = COUNTS.smooth(hours.resample("D"))
    assert result.keys() == (pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02"))
    assert result.lengths.tolist() == [2, 1]


def test_groups_of_vectors_leave_the_keys_column_out():
    for grouped in (FRAME.groupby("subject"), FRAME.groupby("subject")[["x", "y"]]):
        result = PAIRS.smooth(grouped)
        for key, rows in ROWS.items():
            alone = PAIRS.smooth(FRAME.loc[rows, ["x", "y"]])
            assert np.array_equal(result[key], alone)


@pytest.mark.parametrize(
    ("by", "keys", "names"),
    [
        ({"by": "subject"}, ("a", "b"), ["subject"]),
        ({"by": "subject", "sort": False}, ("b", "a"), ["subject"]),
        ({"by": ["subject"]}, ("a", "b"), ["subject"]),
        ({"by": "subject", "as_index": False}, ("a", "b"), ["subject"]),
        ({"by": FRAME["subject"]}, ("a", "b"), ["subject"]),
        ({"by": FRAME["subject"].astype("category"), "observed": True}, ("a", "b"), ["subject"]),
        ({"by": lambda row: row % 2}, (0, 1), ["row"]),
        ({"by": {10: "u", 11: "u", 12: "v", 13: "v", 14: "v"}}, ("u", "v"), ["row"]),
        (
            {"by": ["subject", lambda row: row > 12]},
            (("a", False), ("a", True), ("b", False), ("b", True)),
            ["subject", "row"],
        ),
    ],
    ids=range(9),
)
def test_any_way_to_group(by, keys, names):
    grouped = FRAME.groupby(**by)["x"]
    result = COUNTS.smooth(grouped)
    assert result.keys() == keys
    frame = result.to_frame()
    assert frame.index.names == [*names, "row"]
    for key in keys:
        mine = frame.loc[key]
        assert np.array_equal(mine, COUNTS.smooth(FRAME.loc[mine.index, "x"]))
    assert sorted(frame.index.get_level_values(-1)) == list(FRAME.index)


def test_keys_without_a_name():
    series = pd.Series([1, 2, 9])
    assert COUNTS.smooth(series.groupby([0, 1, 0])).to_frame().index.names == ["sequence", "step"]


def test_rows_of_groups_find_their_way_back():
    probabilities = COUNTS.smooth(FRAME.groupby("subject")["x"]).to_frame().droplevel("subject")
    joined = FRAME.join(probabilities)
    for rows in ROWS.values():
        assert np.array_equal(joined.loc[rows, ["0", "1"]], COUNTS.smooth(FRAME.loc[rows, "x"]))


def test_keys_may_be_anything_that_a_dict_takes():
    result = COUNTS.viterbi({7: [0, 2], ("a", 1): [9], None: [1, 1]})
    assert result.keys() == (7, ("a", 1), None)
    assert np.array_equal(result["a", 1], [1])
    for frame in (result.to_frame(), COUNTS.viterbi({("a", 1): [0], ("b", 2): [9]}).to_frame()):
        assert frame.index.names == ["sequence", "step"]
        assert ("a", 1) in frame.index.get_level_values("sequence")


def test_numbers_are_the_keys_of_sequences_without():
    result = COUNTS.viterbi([[0, 2], [9]])
    assert result.keys() == (0, 1)
    with pytest.raises(TypeError, match="the number of a sequence must be an integer, got 'a'"):
        result["a"]


def test_an_emission_of_ones_own_takes_groups_and_a_dict_as_it_is():
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], Own())
    result = model.smooth(FRAME.groupby("subject"))
    assert result.keys() == ("a", "b")
    assert result.lengths.tolist() == [3, 2]
    assert model.smooth({"x": 1, "y": 2}).lengths is None


def test_masks_are_a_dict_as_sequences_are():
    masks = {"b": [[True, True], [True, False]], "a": [[False, True], [True, True], [True, True]]}
    for observations in (GROUPS, FRAME.groupby("subject")["x"]):
        result = COUNTS.smooth(observations, allowed=masks)
        for key, sequence in GROUPS.items():
            assert np.array_equal(result[key], COUNTS.smooth(sequence, allowed=masks[key]))


ALL = np.ones((2, 2), bool)
REFUSED = [
    ({"a": 3}, {}, TypeError, "observations['a'] must be a sequence, got 3"),
    ({"a": np.array(3)}, {}, TypeError, "observations['a'] must be a sequence, got array(3)"),
    ({"a": [1], "b": None}, {}, TypeError, "observations['b'] must be a sequence, got None"),
    (FRAME.groupby("subject"), {}, ValueError, "sequence 'a': observations must have shape (T,), got (3, 2)"),
    (
        pl.DataFrame({"x": [1]}).group_by("x"),
        {},
        TypeError,
        ': make a dict of the groups, {key: rows["x"] ',
    ),
    ({"a": [1, -1]}, {}, ValueError, "sequence 'a': observations[1] must be a whole number from 0 up, or missing"),
    ({"a": [1, 2]}, {"lengths": [2]}, ValueError, "lengths must be left out where sequences have keys, got both"),
    ({}, {}, ValueError, "observations must have at least one sequence, got none"),
    (FRAME[:0].groupby("subject")["x"], {}, ValueError, "observations must have at least one sequence, got none"),
    ({"a": [1, 2]}, {"allowed": ALL}, ValueError, "allowed must be a dict of masks, with the keys ['a'], got ndarray"),
    (
        {"a": [1, 2]},
        {"allowed": {"b": ALL}},
        ValueError,
        "allowed must be a dict of masks, with the keys ['a'], got the keys ['b']",
    ),
    ([1, 2], {"allowed": {"a": ALL}}, TypeError, "allowed must hold True and False, unmasked, got {'a': array("),
    ([[1, 2]], {"allowed": {"a": ALL}}, TypeError, "allowed must hold True and False, unmasked, got {'a': array("),
    ({"a": [1]}, {"allowed": {"a": ALL}}, ValueError, "allowed['a'] must have shape (1, 2), got (2, 2)"),
]


@pytest.mark.parametrize(("observations", "options", "error", "message"), REFUSED, ids=range(len(REFUSED)))
def test_refusals(observations, options, error, message):
    with pytest.raises(error) as caught:
        COUNTS.smooth(observations, **options)
    assert message in str(caught.value)


def test_a_key_that_there_is_not():
    result = COUNTS.viterbi({f"s{n}": [n] for n in range(20)})
    with pytest.raises(KeyError, match=r"no sequence 's20': there are 's0', 's1', 's2', .*'s7', \.\.\."):
        result["s20"]
    with pytest.raises(KeyError, match=r"no sequence 0: there are 'a', 'b'\""):
        COUNTS.viterbi(GROUPS)[0]
    for key in (slice(None), ["a"], np.array([True, False])):
        with pytest.raises(KeyError, match=r"no sequence .*: there are 'a', 'b'\""):
            COUNTS.viterbi(GROUPS)[key]
    for number in (2, -3, 10**30):
        with pytest.raises(IndexError, match=f"no sequence {number}: there are 2, counted from 0"):
            COUNTS.viterbi([[0, 2], [9]])[number]
    for result in (COUNTS.viterbi([1, 2]), COUNTS.smooth([1, 2]), COUNTS.expected_transitions(GROUPS)):
        with pytest.raises(KeyError, match="no sequence 'a': the result is one table, and brackets take its rows"):
            result["a"]
    with pytest.raises(TypeError, match="keys are those of several sequences, got the result of one alone"):
        COUNTS.viterbi([1, 2]).keys()


def test_the_impossible_sequence_is_named_by_its_key():
    model = hf.HMM([1.0], [[1.0]], hf.emissions.Categorical([[1.0, 0.0]]))
    with pytest.raises(hf.ImpossibleEvidenceError, match="impossible from step 2 of sequence 'ben' on") as caught:
        model.smooth({"anna": [0], "ben": [0, 0, 1]})
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.step, error.sequence, error.key) == (2, 1, "ben")
    with pytest.raises(hf.ImpossibleEvidenceError, match="from step 0 of sequence 1 on") as caught:
        model.smooth([[0, 0], [1]])
    assert caught.value.key is None


DAYS = pd.date_range("2024-01-01", periods=3, tz="Europe/Berlin", name="day")


@pytest.mark.parametrize(
    ("observations", "index"),
    [
        (pd.Series([1, 2, 9], DAYS), DAYS),
        (pd.Series([1, 2, None], DAYS), DAYS),
        (pd.Series([1, 2, 9]), pd.RangeIndex(3)),
        (pd.Series([1, 2, 9], list("xyz")), pd.Index(list("xyz"))),
        (xr.DataArray([1.0, 2.0, 9.0], {"day": [4, 5, 6]}, "day"), pd.Index([4, 5, 6], name="day")),
        (xr.DataArray([1.0, 2.0, 9.0], dims="day"), None),
        (pl.Series([1, 2, 9]), None),
        (np.array([1, 2, 9]), None),
        ([1, 2, 9], None),
    ],
    ids=["dates", "missing", "numbers", "letters", "xarray", "xarray without coordinates", "polars", "numpy", "list"],
)
@pytest.mark.parametrize("method", BY_STEP)
def test_the_index_is_that_of_the_input(method, observations, index):
    result = ask(COUNTS, method, observations)
    if index is None:
        assert result.index is None
    else:
        assert result.index.equals(index)
        assert result.index.names == index.names
        assert result.to_frame().index.equals(index)


@pytest.mark.parametrize("door", [hf.forward_filter, hf.smooth, hf.viterbi, hf.posterior_decode])
def test_tables_of_log_likelihoods_have_labels_too(door):
    table = pd.DataFrame(np.zeros((3, 2)), index=DAYS)
    assert door(COUNTS.log_initial, COUNTS.log_transition, table).index.equals(DAYS)
    assert door(COUNTS.log_initial, COUNTS.log_transition, table, lengths=[1, 2])[1].index.equals(DAYS[1:])
    assert hf.viterbi_n_best(COUNTS.log_initial, COUNTS.log_transition, table, 2).index.equals(DAYS)
    gradient = hf.log_likelihood_gradient(COUNTS.log_initial, COUNTS.log_transition, table)
    assert gradient.to_frame().loc["log_likelihoods"].index.equals(DAYS)


def test_blocks_have_the_labels_of_their_own():
    series, table = pd.Series([1, 2, 9], DAYS), pd.DataFrame(np.zeros((3, 2)), index=DAYS)
    of_model = COUNTS.filter_blocks(iter([series[:2], [4], series[2:]]))
    of_core = hf.filter_blocks(COUNTS.log_initial, COUNTS.log_transition, [table[:2], np.zeros((1, 2)), table[2:]])
    for one, other, last in (of_model, of_core):
        assert one.index.equals(DAYS[:2])
        assert other.index is None
        assert last.to_frame().index.equals(DAYS[2:])


def test_the_index_of_a_frame_of_vectors():
    assert PAIRS.smooth(FRAME[["x", "y"]]).index.equals(FRAME.index)


def test_several_sequences_keep_the_labels_of_each():
    series = [pd.Series([1, 2, 9], DAYS), pd.Series([3], DAYS[1:2])]
    for result in (COUNTS.smooth(series), COUNTS.smooth(dict(enumerate(series)))):
        assert result.index.equals(DAYS.append(DAYS[1:2]))
        assert result[0].index.equals(DAYS)
        assert result[1].index.equals(DAYS[1:2])
    assert COUNTS.smooth([series[0], [3, 4]]).index is None
    assert COUNTS.smooth(pd.Series([1, 2, 9], DAYS), lengths=[1, 2])[1].index.equals(DAYS[1:])


@pytest.mark.parametrize("method", BY_STEP)
def test_copies_keep_keys_and_labels(method):
    result = ask(COUNTS, method, FRAME.groupby("subject")["x"])
    for twin in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result), replace(result, state_names=("u", "v"))):
        assert twin.keys() == result.keys()
        assert twin["a"].index.equals(result["a"].index)
        assert np.array_equal(twin["b"], result["b"])
    with pytest.raises(AttributeError):
        result.index = None


def test_labels_of_more_levels_stay_whole():
    pairs = pd.Series([1, 2], pd.MultiIndex.from_tuples([(0, 1), (0, 2)]))
    triple = pd.Series([3], pd.MultiIndex.from_tuples([(0, 1, 2)]))
    single = pd.Series([4], [7])
    result = COUNTS.smooth({"a": pairs, "b": triple, "c": single})
    assert result.index.tolist() == [(0, 1), (0, 2), (0, 1, 2), 7]
    assert result.to_frame().index.tolist() == [("a", (0, 1)), ("a", (0, 2)), ("b", (0, 1, 2)), ("c", 7)]
    assert result["b"].index.tolist() == [(0, 1, 2)]
