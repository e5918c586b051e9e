"""Structure changes no bit: sparse and banded chains against the dense matrix of the same numbers, door by door."""

import json

import numpy as np
import pytest
from scipy import sparse

import hmmfilter as hf
from tests import structure_cases as cases
from tests.conftest import COMPILED
from tests.structure_cases import NEVER, Case

SIZES = (4, 8, 9, 16, 17, 64, 100) if COMPILED else (4, 9, 17)
N_STEPS = 40 if COMPILED else 9


def kept(log_matrix):
    """The same moves, listed with their logs."""
    rows, columns = np.nonzero(log_matrix > NEVER)
    return hf.transitions.Sparse.from_logs(rows, columns, log_matrix[rows, columns], len(log_matrix))


def filtering(*tables, **options):
    filtered = hf.forward_filter(*tables, **options)
    return filtered.log_probabilities, filtered.probabilities, filtered.log_increments, filtered.log_likelihood


def smoothing(*tables, **options):
    smoothed = hf.smooth(*tables, **options)
    return smoothed.log_probabilities, smoothed.probabilities, smoothed.log_likelihood


def decoding(*tables, **options):
    decoded = hf.viterbi(*tables, **options)
    return decoded.path, decoded.log_joint


def counting(*tables, **options):
    expected = hf.expected_transitions(*tables, **options)
    counts = expected.counts
    return counts.toarray() if sparse.issparse(counts) else counts, expected.log_likelihood


def drawing(*tables, **options):
    return (hf.sample_paths(*tables, 20, rng=7, **options),)


def deciding(*tables, **options):
    decoded = hf.posterior_decode(*tables, **options)
    return decoded.path, decoded.expected_correct


def totals(*tables, **options):
    return (hf.log_likelihood(*tables, **options),)


DOORS = (totals, filtering, smoothing, decoding, deciding, counting, drawing)
DOOR = pytest.mark.parametrize("door", DOORS, ids=lambda f: f.__name__)
SEEN = (cases.flat, cases.holes, cases.turns, cases.huge) if COMPILED else (cases.turns,)
EVIDENCE = pytest.mark.parametrize("evidence", SEEN, ids=lambda f: f.__name__)
MOVES = pytest.mark.parametrize("moves", cases.MOVES, ids=lambda f: f.__name__)


def assert_same_bits(got, expected):
    """Zeros of either sign are the same, and so are what is not a number."""
    for one, other in zip(got, expected, strict=True):
        assert np.shape(one) == np.shape(other)
        assert np.array_equal(one, other, equal_nan=np.asarray(other).dtype.kind == "f")


@EVIDENCE
@MOVES
@pytest.mark.parametrize("n_states", SIZES)
def test_sparse_is_dense(moves, evidence, n_states):
    case = cases.draw(0, N_STEPS, n_states, moves, evidence)
    listed = case._replace(log_matrix=kept(case.log_matrix))
    for door in DOORS:
        assert_same_bits(door(*listed), door(*case))


@EVIDENCE
@pytest.mark.parametrize("moves", [cases.ordinary, cases.even, cases.rare], ids=lambda f: f.__name__)
@pytest.mark.parametrize("n_states", SIZES)
def test_banded_is_dense(moves, evidence, n_states):
    case = cases.draw(1, N_STEPS, n_states, moves, evidence, reach=2)
    matrix = np.exp(case.log_matrix)
    dense = case._replace(log_matrix=cases.logs(matrix))
    band = hf.transitions.Banded(cases.diagonals_of(matrix, 2), 2)
    assert np.array_equal(band.to_dense(), matrix)
    for structure in (band, hf.transitions.Sparse(sparse.csr_array(matrix)), hf.transitions.Sparse(matrix)):
        for door in DOORS:
            if door is not counting or structure is not band:
                assert_same_bits(door(*dense._replace(log_matrix=structure)), door(*dense))
    counts = hf.expected_transitions(*dense).counts
    of_band = hf.expected_transitions(*dense._replace(log_matrix=band)).counts
    assert np.array_equal(of_band, cases.diagonals_of(counts, 2))


@DOOR
@pytest.mark.parametrize("n_states", [8, 33])
def test_sequences_workers_and_what_is_allowed(door, n_states, small_pieces):
    lengths = [0, 7, 1, 2, 150, 0, 40]
    case = cases.draw(2, sum(lengths), n_states, evidence=cases.turns)
    listed = case._replace(log_matrix=kept(case.log_matrix))
    rng = np.random.default_rng(0)
    rows = cases.harmless(rng, case.log_likelihoods.shape)
    options = {"lengths": lengths, "impossible": "mark"}
    mask = rng.random(rows.shape) < 0.7
    for log_likelihoods, more in ((case.log_likelihoods, {}), (rows, {}), (rows, {"allowed": mask})):
        expected = door(case.log_initial, case.log_matrix, log_likelihoods, **options, **more)
        for workers in (1, 2):
            got = door(listed.log_initial, listed.log_matrix, log_likelihoods, **options, **more, workers=workers)
            assert_same_bits(got, expected)


@pytest.mark.parametrize("n_states", [8, 17])
@DOOR
def test_impossible_evidence(door, n_states):
    case = cases.draw(3, 30, n_states, cases.ordinary, cases.harmless)
    rows = case.log_likelihoods.copy()
    rows[12, 1:] = NEVER
    rows[13, :-1] = NEVER
    log_matrix = case.log_matrix.copy()
    log_matrix[0, -1] = NEVER  # the potentials of what is left need not sum to 1
    log_matrix[0] -= np.log(np.exp(log_matrix[0]).sum())
    log_initial = np.full(n_states, -np.log(n_states))
    dense, listed = (log_initial, log_matrix, rows), (log_initial, kept(log_matrix), rows)
    if door is counting:  # of which only the moves that are listed are none
        assert hf.expected_transitions(*listed, impossible="mark").log_likelihood == NEVER
    else:
        assert_same_bits(door(*listed, impossible="mark"), door(*dense, impossible="mark"))
    if door in (totals, filtering, smoothing, decoding):
        assert_same_bits(door(*listed, impossible="restart"), door(*dense, impossible="restart"))
        if door is not totals:
            kind = {filtering: hf.forward_filter, smoothing: hf.smooth, decoding: hf.viterbi}[door]
            cuts = kind(*listed, impossible="restart").restarts
            assert cuts.tolist() == kind(*dense, impossible="restart").restarts.tolist()
            assert len(cuts) > 0
    caught = []
    for tables in (dense, listed):
        with pytest.raises(hf.ImpossibleEvidenceError) as error:
            door(*tables, impossible="raise")
        caught.append((error.value.step, error.value.sequence, str(error.value)))
    assert caught[0] == caught[1]


@MOVES
@pytest.mark.parametrize("n_states", [5, 8, 33])
def test_streams(moves, n_states):
    """Filtered row by row and block by block, smoothed late and settled, through snapshots: as the dense whole is."""
    case = cases.draw(4, 25, n_states, moves, cases.turns)
    listed, lag = kept(case.log_matrix), 3
    filtered, smoothed, decoded = hf.forward_filter(*case), hf.smooth(*case), hf.viterbi(*case)
    stream = hf.OnlineFilter(case.log_initial, listed)
    lagged, dense_lagged = (hf.FixedLagSmoother(case.log_initial, each, lag) for each in (listed, case.log_matrix))
    decoder, path = hf.OnlineViterbi(case.log_initial, listed), []
    for t, row in enumerate(case.log_likelihoods):
        assert np.array_equal(stream.update(row), filtered.log_probabilities[t])
        late, expected = lagged.update(row), dense_lagged.update(row)
        assert (late is None) == (expected is None)
        assert late is None or np.array_equal(late, expected)
        path += decoder.update(row).states.tolist()
        if t % 6 == 3:
            stream = hf.OnlineFilter.restore(json.loads(json.dumps(stream.snapshot())), listed)
            lagged = hf.FixedLagSmoother.restore(json.loads(json.dumps(lagged.snapshot())), listed)
            decoder = hf.OnlineViterbi.restore(json.loads(json.dumps(decoder.snapshot())), listed)
            dense = hf.OnlineFilter(case.log_initial, case.log_matrix)
            dense.update_block(case.log_likelihoods[: t + 1])
            for steps in (1, 4):
                assert np.array_equal(stream.predict(steps), dense.predict(steps))
    assert stream.log_likelihood == filtered.log_likelihood
    assert np.array_equal(lagged.flush(), smoothed.log_probabilities[-lag:])
    assert path + decoder.flush().states.tolist() == decoded.path.tolist()
    assert decoder.log_joint == decoded.log_joint
    blocks = hf.filter_blocks(case.log_initial, listed, np.split(case.log_likelihoods, [2, 3, 17]))
    assert np.array_equal(np.concatenate([b.log_probabilities for b in blocks]), filtered.log_probabilities)


@EVIDENCE
@pytest.mark.parametrize("n_states", [5, 33])
def test_what_a_path_and_the_rows_to_come_say(evidence, n_states):
    case = cases.draw(5, N_STEPS, n_states, cases.ordinary, evidence)
    listed = case._replace(log_matrix=kept(case.log_matrix))
    path = hf.viterbi(*case).path
    for ask in (hf.path_log_joint, hf.path_log_posterior):
        assert ask(*listed, path) == ask(*case, path)
    assert np.array_equal(hf.one_step_predictions(*listed), hf.one_step_predictions(*case))
    to_come = hf.log_likelihoods_to_come(*listed[1:])
    assert np.array_equal(to_come, hf.log_likelihoods_to_come(*case[1:]), equal_nan=True)
    log_probabilities = hf.forward_filter(*case).log_probabilities
    for steps in (1, 3):
        got = hf.predict(log_probabilities[-1], listed.log_matrix, steps)
        assert np.array_equal(got, hf.predict(log_probabilities[-1], case.log_matrix, steps))


@pytest.mark.parametrize("n_states", [5, 33])
def test_columns_of_the_smoothed_table(n_states):
    case = cases.draw(6, N_STEPS, n_states, cases.ordinary, cases.turns)
    smoothed = hf.smooth(*case)
    for tables in (case, case._replace(log_matrix=kept(case.log_matrix))):
        some = hf.smooth(*tables, states=[3, 0])
        assert np.array_equal(some.probabilities, smoothed.probabilities[:, [3, 0]])
        assert np.array_equal(some.log_probabilities, smoothed.log_probabilities[:, [3, 0]])
        assert some.log_likelihood == smoothed.log_likelihood


@pytest.mark.parametrize("n_states", [5, 12])
def test_models(n_states):
    """A matrix given as an array, in any format of scipy.sparse, as a band, and as what is listed: one model."""
    case = cases.draw(7, N_STEPS, n_states, cases.ordinary, reach=2)
    matrix, initial = np.exp(case.log_matrix), np.full(n_states, 1 / n_states)
    emission = hf.emissions.Poisson(1.0 + np.arange(n_states))
    observations = np.random.default_rng(0).poisson(n_states / 2, N_STEPS)
    dense = hf.HMM(initial, matrix, emission)
    band = hf.transitions.Banded(cases.diagonals_of(matrix, 2), 2)
    forms = [getattr(sparse, f"{form}_array")(matrix) for form in ("csr", "csc", "coo", "lil", "dok")]
    for transition in (*forms, sparse.csr_matrix(matrix), band, hf.transitions.Sparse(matrix)):
        model = hf.HMM(initial, transition, emission)
        assert model.log_likelihood(observations) == dense.log_likelihood(observations)
        for ask in ("filter", "smooth"):
            got, expected = getattr(model, ask)(observations), getattr(dense, ask)(observations)
            assert np.array_equal(got.log_probabilities, expected.log_probabilities)
        assert np.array_equal(model.viterbi(observations).path, dense.viterbi(observations).path)
        assert model.viterbi(observations).log_joint == dense.viterbi(observations).log_joint


def test_a_chain_that_ends():
    """Where sequences end, moves on are less likely, in a sparse chain as in a dense one."""
    case = cases.draw(8, N_STEPS, 12, cases.ordinary)
    matrix, initial = np.exp(case.log_matrix), np.full(12, 1 / 12)
    final = np.random.default_rng(1).uniform(0.01, 0.5, 12)
    emission = hf.emissions.Poisson(1.0 + np.arange(12))
    dense, listed = (hf.HMM(initial, each, emission, final=final) for each in (matrix, hf.transitions.Sparse(matrix)))
    sequences = [[3, 1, 4], [1, 5, 9, 2, 6], [5]]
    assert np.array_equal(listed.log_likelihood(sequences), dense.log_likelihood(sequences))
    assert np.array_equal(listed.smooth(sequences).log_probabilities, dense.smooth(sequences).log_probabilities)
    assert np.array_equal(listed.viterbi(sequences).path, dense.viterbi(sequences).path)


def test_what_is_listed_twice_adds_up_and_a_zero_is_no_move():
    rows, columns = [0, 0, 0, 1, 1], [0, 0, 1, 1, 0]
    given = sparse.coo_array(([0.25, 0.5, 0.25, 1.0, 0.0], (rows, columns)), shape=(2, 2))
    listed = hf.transitions.Sparse(given)
    assert listed.to_dense().tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert listed == hf.transitions.Sparse(np.array([[0.75, 0.25], [0.0, 1.0]]))
    table = Case(np.log([0.5, 0.5]), listed, np.log([[0.0, 1.0], [1.0, 0.0]], where=[[False, True], [True, False]],
                 out=np.full((2, 2), NEVER)))  # fmt: skip
    assert hf.log_likelihood(*table) == NEVER
