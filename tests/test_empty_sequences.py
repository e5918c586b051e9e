"""Sequences without a step: nothing is wrong with them, and they change nothing for the others."""

import numpy as np
import pandas as pd
import pytest

import hmmfilter as hf
from tests import cases
from tests.test_changing import assert_same_bits

FULL = [3, 1, 40, 2]
LENGTHS = [0, 3, 0, 0, 1, 40, 2, 0]
AT = np.flatnonzero(LENGTHS)  # where the full ones stand
EMPTY = np.flatnonzero(np.array(LENGTHS) == 0)
N_STATES = 3


def bits(result):
    """Everything that a result holds, in arrays."""
    if isinstance(result, np.ndarray):
        return [result]
    names = ("log_probabilities", "log_increments", "path", "paths", "log_transition", "log_likelihoods")
    return [value for name in names if (value := getattr(result, name, None)) is not None]


def each(result):
    """What a result has for each sequence."""
    names = ("log_likelihood", "log_joint", "log_joints", "expected_correct")
    return {name: np.asarray(value) for name in names if (value := getattr(result, name, None)) is not None}


DOORS = {
    "filter": hf.forward_filter,
    "smooth": hf.smooth,
    "viterbi": hf.viterbi,
    "n_best": lambda *tables, **options: hf.viterbi_n_best(*tables, n=4, **options),
    "max_marginals": hf.max_marginals,
    "posterior_decode": hf.posterior_decode,
    "pairs": hf.pairwise_marginals,
    "gradient": hf.log_likelihood_gradient,
    "parameters": lambda *tables, **options: hf.log_likelihood_gradient(*tables, parameters_only=True, **options),
    "sample": lambda *tables, **options: hf.sample_paths(*tables, 5, rng=0, **options),
}

CHAINS = {
    "steady": lambda initial, transition: ((initial, transition), {}),
    "changing": lambda initial, transition: ((initial, transition + np.zeros((sum(LENGTHS), 1, 1))), {}),
    "indexed": lambda initial, transition: (
        (initial, np.stack([transition, transition[::-1]])),
        {"transition_index": np.arange(sum(LENGTHS)) % 2},
    ),
}


@pytest.fixture(params=CHAINS)
def chain(request):
    initial, transition, likelihoods = cases.draw(cases.ordinary, 3, sum(LENGTHS), N_STATES)
    (initial, transition), options = CHAINS[request.param](initial, transition)
    return (initial, transition, likelihoods), options


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_they_change_nothing_for_the_others(door, chain, workers, small_pieces):
    tables, options = chain
    got = door(*tables, lengths=LENGTHS, workers=workers, **options)
    expected = door(*tables, lengths=FULL, workers=workers, **options)
    assert_same_bits(bits(got), bits(expected))
    for name, values in each(got).items():
        assert_same_bits([values[AT]], [each(expected)[name]])
        assert not values[EMPTY].max(axis=tuple(range(1, values.ndim))).any()
        if values.ndim == 2:  # of paths: one, with a log-joint of 0
            assert np.array_equal(values[EMPTY] == -np.inf, np.tile([False, True, True, True], (len(EMPTY), 1)))


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_each_sequence_may_start_from_elsewhere(door):
    rng = np.random.default_rng(0)
    _, transition, likelihoods = cases.draw(cases.ordinary, 3, sum(LENGTHS), N_STATES)
    initial = rng.normal(0, 3, (len(LENGTHS), N_STATES))
    got = door(initial, transition, likelihoods, lengths=LENGTHS)
    expected = door(initial[AT], transition, likelihoods, lengths=FULL)
    assert_same_bits(bits(got), bits(expected))
    if isinstance(got, hf.Gradient):
        assert_same_bits([got.log_initial[AT]], [expected.log_initial])
        assert np.array_equal(got.log_initial[EMPTY], np.zeros((len(EMPTY), N_STATES)))


def test_where_one_is_left_its_own_start_counts():
    initial = np.log([[0.5, 0.5], [0.1, 0.9]])
    tables = np.log([[0.7, 0.3], [0.3, 0.7]]), np.zeros((2, 2))
    total, none = hf.forward_filter(initial, *tables, lengths=[0, 2]), hf.forward_filter(initial[1], *tables)
    assert_same_bits([total.log_probabilities], [none.log_probabilities])


@pytest.mark.parametrize("workers", [1, 3])
def test_counts_of_moves(chain, workers, small_pieces):
    tables, options = chain
    options = {**options, "workers": workers}
    both = [hf.expected_transitions(*tables, lengths=lengths, **options).counts for lengths in (LENGTHS, FULL)]
    assert_same_bits(both[:1], both[1:])
    got, expected = (
        hf.expected_transitions(*tables, lengths=lengths, per_sequence=True, **options).counts
        for lengths in (LENGTHS, FULL)
    )
    assert_same_bits([got[AT]], [expected])
    assert np.array_equal(got[EMPTY], np.zeros((len(EMPTY), N_STATES, N_STATES)))


def test_the_log_likelihood_of_nothing_is_zero():
    tables = cases.draw(cases.ordinary, 3, sum(LENGTHS), N_STATES)
    totals = hf.log_likelihood(*tables, lengths=LENGTHS)
    assert_same_bits([totals[AT]], [hf.log_likelihood(*tables, lengths=FULL)])
    assert totals[EMPTY].tolist() == [0.0] * len(EMPTY)


def test_into_arrays_of_the_caller():
    tables = cases.draw(cases.ordinary, 3, sum(LENGTHS), N_STATES)
    rows, increments = np.empty((sum(LENGTHS), N_STATES)), np.empty(sum(LENGTHS))
    hf.forward_filter(*tables, lengths=LENGTHS, out=rows, out_increments=increments)
    assert_same_bits([rows], [hf.forward_filter(*tables, lengths=FULL).probabilities])
    hf.smooth(*tables, lengths=LENGTHS, out=rows, out_logs=True)
    assert_same_bits([rows], [hf.smooth(*tables, lengths=FULL).log_probabilities])


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_an_impossible_sequence_keeps_its_number(door):
    initial, transition, likelihoods = cases.draw(cases.ordinary, 3, sum(LENGTHS), N_STATES)
    likelihoods[3] = -np.inf
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        door(initial, transition, likelihoods, lengths=LENGTHS)
    assert (caught.value.step, caught.value.sequence) == (0, 4)
    marked = door(initial, transition, likelihoods, lengths=LENGTHS, impossible="mark")
    assert_same_bits(bits(marked), bits(door(initial, transition, likelihoods, lengths=FULL, impossible="mark")))
    for values in each(marked).values():
        assert np.isnan(values[4]).all() or (values[4] == -np.inf).all()
        assert values[0].max() == 0


def test_results_give_an_empty_part():
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
    lists = [[0, 2], [], [7]]
    for method in ("filter", "smooth"):
        (first, none, last) = getattr(model, method)(lists)
        assert none.probabilities.shape == none.log_probabilities.shape == (0, 2)
        assert none.log_likelihood == 0.0
        assert (len(first.probabilities), len(last.probabilities)) == (2, 1)
        assert repr(none).startswith(f"{type(none).__name__}: 0 steps, 2 states, log-likelihood 0.0000; prob")
    assert model.filter(lists)[1].log_increments.shape == (0,)
    decoded = model.viterbi(lists)[1]
    assert (decoded.path.tolist(), decoded.log_joint) == ([], 0.0)
    assert repr(decoded).startswith("Decoded: 0 steps, 2 states, log-joint 0.0000")
    best = model.posterior_decode(lists)[1]
    assert (best.path.tolist(), best.expected_correct) == ([], 0.0)
    n_best = model.viterbi_n_best(lists, 3)
    assert (n_best[1].paths.shape, n_best[1].log_joints.tolist()) == ((1, 0), [0.0])
    assert repr(n_best[1]) == "NBest: 1 paths, 0 steps, 2 states\n  path  log-joint\n     0     0.0000"
    for empty in (model.filter(lists)[1], decoded, n_best[1]):
        with pytest.raises(ValueError, match=r"^plot draws at least one step, got none$"):
            empty.plot()
    assert repr(n_best).splitlines()[3].split() == ["1", "0", "1", "0.0000"]
    assert repr(model.smooth(lists)).splitlines()[3].split() == ["1", "0", "0.0000"]


METHODS = {
    "filter": lambda model, x, **options: model.filter(x, **options),
    "smooth": lambda model, x, **options: model.smooth(x, **options),
    "viterbi": lambda model, x, **options: model.viterbi(x, **options),
    "n_best": lambda model, x, **options: model.viterbi_n_best(x, 2, **options),
    "max_marginals": lambda model, x, **options: model.max_marginals(x, **options),
    "posterior_decode": lambda model, x, **options: model.posterior_decode(x, **options),
    "pairs": lambda model, x, **options: model.pairwise_marginals(x, **options),
    "gradient": lambda model, x, **options: model.log_likelihood_gradient(x, **options),
    "log_likelihood": lambda model, x, **options: model.log_likelihood(x, **options),
    "counts": lambda model, x, **options: model.expected_transitions(x, **options),
    "sample": lambda model, x, **options: model.sample_paths(x, 2, rng=1, **options),
    "forecast": lambda model, x, **options: model.forecast(x, 2, **options),
}

COUNTS = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
VECTORS = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Gaussian([[0.0], [3.0]], [[1.0], [1.0]]))
LETTERS = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Categorical([[0.5, 0.5], [0.9, 0.1]], ["a", "b"]))


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("model", [COUNTS, VECTORS, LETTERS], ids=["numbers", "vectors", "symbols"])
@pytest.mark.parametrize("by_lengths", [True, False])
def test_nothing_but_empty_sequences(method, model, by_lengths):
    result = method(model, [], lengths=[0, 0, 0]) if by_lengths else method(model, [[], np.empty(0), ()])
    if isinstance(result, np.ndarray):
        assert result.size == 0 or result.tolist() == [0.0] * 3
    else:
        repr(result)
        for values in each(result).values():
            assert values.shape[0] == 3
            assert not values.any()
        for table in [] if isinstance(result, hf.Forecast) else bits(result):
            assert table.size == 0 or not table.any()


def test_after_nothing_comes_the_beginning():
    after = COUNTS.forecast([[0, 7], []], 2)
    assert after.probabilities[1] == pytest.approx(np.array([[0.5, 0.5], [0.55, 0.45]]), abs=1e-15)


def test_labels_are_those_of_the_rows_that_are_there():
    lists = {"a": pd.Series([0, 2], index=[7, 8]), "b": [], "c": pd.Series([], dtype=float), "d": pd.Series([1])}
    frame = COUNTS.smooth(lists).to_frame()
    assert frame.index.tolist() == [("a", 7), ("a", 8), ("d", 0)]
    assert COUNTS.smooth({"b": [], "c": pd.Series([], dtype=float)}).to_frame().empty
    assert COUNTS.smooth(lists)["b"].probabilities.shape == (0, 2)


def test_an_emission_of_ones_own_is_not_asked_about_nothing():
    class Own:
        n_states, sample, log_likelihoods = 2, None, None

    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], Own())
    assert model.log_likelihood([], lengths=[0, 0]).tolist() == [0.0, 0.0]


def test_masks_of_nothing():
    masks = [[[True, False]] * 2, [], [[False, True]]]
    several = COUNTS.smooth([[0, 2], [], [7]], allowed=masks)
    assert several.probabilities.tolist() == [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    assert COUNTS.log_likelihood([[], []], allowed=[[], np.ones((0, 2), bool)]).tolist() == [0.0, 0.0]
    assert COUNTS.log_likelihood([], lengths=[0], allowed=np.ones((0, 2), bool)).tolist() == [0.0]
    with pytest.raises(ValueError, match=r"allowed\[1\] must have shape \(0, 2\), got \(1, 2\)"):
        COUNTS.smooth([[0, 2], [], [7]], allowed=[masks[0], masks[2], masks[2]])


ASKING_FOR_MORE = {
    name: method for name, method in METHODS.items() if name != "forecast"
}  # of nothing, what is to come


@pytest.mark.parametrize("method", ASKING_FOR_MORE.values(), ids=ASKING_FOR_MORE)
@pytest.mark.parametrize("model", [COUNTS, VECTORS], ids=["numbers", "vectors"])
def test_a_single_empty_input_stays_an_error(method, model):
    with pytest.raises(ValueError, match=r"observations must have shape \(T, ?1?\) with no length of 0, got \(0,\)"):
        method(model, [])
    with pytest.raises(ValueError, match="lengths must have an entry for each sequence, got none"):
        method(model, [], lengths=[])


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_tables_without_rows(door):
    tables = [0.0, 0.0], np.zeros((2, 2))
    with pytest.raises(ValueError, match=r"log_likelihoods must have shape \(T, 2\) with no length of 0, got \(0, 2\)"):
        door(*tables, np.empty((0, 2)))
    with pytest.raises(ValueError, match=r"log_likelihoods must have shape \(0, 2\), got \(0,\)"):
        door(*tables, [], lengths=[0])
    with pytest.raises(ValueError, match=r"log_initial must have shape \(K,\) with no length of 0, got \(0,\)"):
        door([], np.empty((0, 0)), np.empty((0, 0)), lengths=[0])
    bits(door(*tables, np.empty((0, 2)), lengths=[0, 0]))
    bits(door(tables[0], np.empty((0, 2, 2)), np.empty((0, 2)), lengths=[0, 0]))
    bits(door(tables[0], np.zeros((3, 2, 2)), np.empty((0, 2)), lengths=[0], transition_index=[]))
    bits(door(np.zeros((2, 2)), tables[1], np.empty((0, 2)), lengths=[0, 0]))


def test_vectors_and_an_empty_list_are_no_sequences():
    model = hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([[0.0, 0.0]], [[1.0, 1.0]]))
    with pytest.raises(ValueError, match=r"observations\[1\] must have 2 entries, got 0"):
        model.filter([[1, 2], []])
    assert model.filter([[[1, 2]], []]).lengths.tolist() == [1, 0]
    assert model.filter([np.ones((2, 2)), np.empty((0, 2))]).lengths.tolist() == [2, 0]
