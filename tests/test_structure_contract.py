"""Chains whose matrix is not listed, against 80 digits: products, staying or jumping, and what lasts."""

import itertools
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from tests import oracle, structure_oracle
from tests import structure_cases as cases
from tests.conftest import COMPILED, note_share
from tests.test_sample_paths import assert_frequencies

NEAR_ONE = np.nextafter(1, 0)
N_STEPS = 24
SEEDS = range(2 if COMPILED else 1)
DENSE = 1e-13  # of probabilities, and of logs relative to their size: both ways round at every step


class Made(NamedTuple):
    """A structure, and the matrix of each step, to 80 digits."""

    structure: Any
    moves: Any
    parameters: Any  # probabilities that it was made of


def _rows(rng, n, moves=cases.ordinary):
    listed = (rng.random((n, n)) < 0.8) | np.eye(n, dtype=bool)
    return np.exp(moves(rng, listed))


def _product(a, b, *factors):
    """Of matrices, which may be given as something else."""
    made = hf.transitions.Kronecker(*factors or (a, b))
    matrix = structure_oracle.kronecker(*map(structure_oracle.exactly, (a, b)))
    return Made(made, [matrix] * (N_STEPS - 1), np.concatenate([np.ravel(a), np.ravel(b)]))


def product(rng):
    a, b = _rows(rng, 3), _rows(rng, 4)
    return _product(a, b)


def rare_product(rng):
    """Moves of 1e-600."""
    return _product(_rows(rng, 2, cases.rare), _rows(rng, 5, cases.rare))


def product_of_structures(rng):
    """Of a matrix and a band, as pitch has it."""
    a, b = _rows(rng, 2), np.exp(cases.draw(int(rng.integers(99)), 2, 6, reach=1).log_matrix)
    band = hf.transitions.Banded(cases.diagonals_of(b, 1), 1)
    return _product(a, b, hf.transitions.Sparse(a), band)


def _jumping(stay, jump, elsewhere=False, **more):
    matrix_of = structure_oracle.stay_or_elsewhere if elsewhere else structure_oracle.stay_or_jump
    exact = structure_oracle.exactly(jump)
    made = hf.transitions.StayOrJump(stay, jump, elsewhere=elsewhere, **more)
    if more:
        moves = [matrix_of([mpmath.mpf(float(x))] * len(jump), exact) for x in stay]
    else:
        moves = [matrix_of(structure_oracle.exactly(stay), exact)] * (N_STEPS - 1)
    return Made(made, moves, np.concatenate([stay, 1 - stay, jump]))


def jumping(rng):
    return _jumping(rng.uniform(0, 1, 9), rng.dirichlet(np.ones(9)))


def jumping_elsewhere(rng):
    return _jumping(rng.uniform(0, 1, 9), rng.dirichlet(np.ones(9)), elsewhere=True)


def hardly_jumping(rng):
    """A way out of 1.1e-16, of none at all, and of certainty; to where nobody jumps, and hardly anybody."""
    stay = np.array([NEAR_ONE, NEAR_ONE, 1.0, 0.0, 0.5, 1e-300, 0.9])
    return _jumping(rng.permutation(stay), np.array([0.25, 1e-300, 0.0, 0.25, 0.5 - 1e-12, 1e-12, 0.0]))


def hardly_elsewhere(rng):
    """As good as all jumps go to one state, from which there is less than a rounding to share."""
    jump = np.array([1.0, 1e-17, 3e-17, 1e-300, 0.0, 1e-40, 0.0])
    stay = np.array([0.3, NEAR_ONE, 0.0, 0.5, 1e-300, 0.9, 1.0])
    return _jumping(stay, rng.permutation(jump), elsewhere=True)


def jumping_by_step(rng):
    """Recombination: now certain to stay, now to jump."""
    stay = np.concatenate([[1.0, 0.0, NEAR_ONE, 1e-300], rng.uniform(0, 1, N_STEPS - 5)])
    return _jumping(rng.permutation(stay), rng.dirichlet(np.ones(7)), by_step=True)


def jumping_elsewhere_by_step(rng):
    stay = np.concatenate([[1.0, 0.0, NEAR_ONE, 1e-300], rng.uniform(0, 1, N_STEPS - 5)])
    return _jumping(rng.permutation(stay), rng.dirichlet(np.ones(7)), elsewhere=True, by_step=True)


KINDS = (
    product,
    rare_product,
    product_of_structures,
    jumping,
    jumping_elsewhere,
    hardly_jumping,
    hardly_elsewhere,
    jumping_by_step,
    jumping_elsewhere_by_step,
)
KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda f: f.__name__)
SEEN = cases.EVIDENCE[:-1] if COMPILED else (cases.turns,)
EVIDENCE = pytest.mark.parametrize("evidence", SEEN, ids=lambda f: f.__name__)


class Posed(NamedTuple):
    structure: Any
    log_initial: Any
    log_likelihoods: Any
    start: Any
    moves: Any
    shows: Any
    given: Any  # tables whose logs say how wide numbers spread

    @property
    def tables(self):
        return self.log_initial, self.structure, self.log_likelihoods


@mpmath.workdps(oracle.DIGITS)
def posed(kind, evidence, seed):
    """Draw a structure, and evidence that is possible."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    structure, moves, parameters = kind(rng)
    n_states = structure.n_states
    log_initial = cases.start(rng, n_states)
    possible = [np.where(np.array(matrix, dtype=bool), 0.0, cases.NEVER) for matrix in moves]
    rows = cases.open_path(rng, log_initial, possible, evidence(rng, (N_STEPS, n_states)))
    (start,), shows = oracle.exp_table([log_initial]), oracle.exp_table(rows)
    return Posed(structure, log_initial, rows, start, moves, shows, (log_initial, cases.logs(parameters)))


@EVIDENCE
@KIND
@pytest.mark.parametrize("seed", SEEDS)
def test_the_contract_holds(kind, evidence, seed):
    case = posed(kind, evidence, seed)
    exact = structure_oracle.recursions(case.start, case.moves, case.shows)
    filtered, smoothed = hf.forward_filter(*case.tables), hf.smooth(*case.tables)
    where = f"{kind.__name__} {evidence.__name__} {seed}"
    for what, got, rows in (("filter", filtered, exact.filtered), ("smoother", smoothed, exact.smoothed)):
        share = oracle.posterior_share(case.given, got.log_probabilities, got.probabilities, rows)
        note_share(f"structures: {what}", share, where)
        assert share <= 1.0
    share = total_share(case.given, filtered.log_likelihood, exact)
    note_share("structures: total", share, where)
    assert share <= 1.0
    assert hf.log_likelihood(*case.tables) == smoothed.log_likelihood == filtered.log_likelihood
    assert np.array_equal(filtered.log_probabilities[-1], smoothed.log_probabilities[-1])
    decoded = hf.viterbi(*case.tables)
    assert_best(decoded, case, exact.best_joint)


@mpmath.workdps(oracle.DIGITS)
def total_share(given, log_likelihood, exact):
    """The error of a log-likelihood, as a share of what is allowed: ε·S of it for logs that were rounded."""
    logs = [mpmath.log(c) for c in exact.increments]
    allowed = 4e-15 * max(1.0, float(mpmath.fsum(map(abs, logs)))) + oracle._unit(given, exact.filtered)
    return float(abs(log_likelihood - mpmath.fsum(logs))) / allowed


@mpmath.workdps(oracle.DIGITS)
def assert_best(decoded, case, best_joint):
    """The path is as probable as the best one, and its log-joint is right."""
    joint = path_joint(case, decoded.path)
    assert abs(joint / best_joint - 1) <= RELATIVE
    assert abs(mpmath.log(best_joint) - decoded.log_joint) <= RELATIVE + oracle.EPSILON * abs(decoded.log_joint)


RELATIVE = 1e-12  # of joint probabilities, where logs of 700 nats are rounded at every step


def path_joint(case, path):
    joint = case.start[path[0]] * mpmath.fprod(row[k] for row, k in zip(case.shows, path, strict=True))
    return joint * mpmath.fprod(a[i][j] for a, (i, j) in zip(case.moves, itertools.pairwise(path), strict=True))


@KIND
def test_dense_says_the_same(kind):
    """Every door, beside the matrices that the structure says it is."""
    case = posed(kind, cases.harmless, 5)
    dense = case.log_initial, cases.logs(case.structure.to_dense()), case.log_likelihoods
    for ask in (hf.forward_filter, hf.smooth):
        got, expected = ask(*case.tables), ask(*dense)
        assert np.allclose(got.probabilities, expected.probabilities, rtol=DENSE, atol=1e-300)
        assert np.isclose(got.log_likelihood, expected.log_likelihood, rtol=DENSE)
    decoded, expected = hf.viterbi(*case.tables), hf.viterbi(*dense)
    assert np.array_equal(decoded.path, expected.path)
    assert np.isclose(decoded.log_joint, expected.log_joint, rtol=DENSE)
    path = expected.path
    for ask in (hf.path_log_joint, hf.path_log_posterior):
        assert np.isclose(ask(*case.tables, path), ask(*dense, path), rtol=DENSE, atol=DENSE)
    assert hf.posterior_decode(*case.tables).path.tolist() == hf.posterior_decode(*dense).path.tolist()
    to_come = np.exp(hf.log_likelihoods_to_come(*dense[1:]))
    assert np.allclose(np.exp(hf.log_likelihoods_to_come(*case.tables[1:])), to_come, rtol=1e-12, atol=1e-300)
    predicted = np.exp(hf.one_step_predictions(*dense))
    assert np.allclose(np.exp(hf.one_step_predictions(*case.tables)), predicted, rtol=1e-12, atol=1e-300)


@KIND
def test_the_matrix_is_as_it_was_made(kind):
    case = posed(kind, cases.harmless, 6)
    dense = case.structure.to_dense()
    for got, exact in zip(dense if dense.ndim == 3 else [dense] * len(case.moves), case.moves, strict=True):
        for row, numbers in zip(got, exact, strict=True):
            for p, number in zip(row, numbers, strict=True):
                assert abs(p - number) <= 8 * oracle.EPSILON * number + 5e-324


@KIND
def test_sequences_workers_and_what_is_allowed(kind, small_pieces):
    """However sequences are shared out, and whatever is not allowed, each is answered as alone."""
    case = posed(kind, cases.harmless, 7)
    n_states, n_steps = case.structure.n_states, len(case.log_likelihoods)
    by_step = np.ndim(case.structure.to_dense()) == 3
    lengths = [n_steps] if by_step else [0, 1, n_steps, 5, 2]
    rng = np.random.default_rng(0)
    rows, mask = rng.normal(0, 3, (sum(lengths), n_states)), rng.random((sum(lengths), n_states)) < 0.8
    options = {"lengths": lengths, "allowed": mask, "impossible": "mark"}
    if by_step:
        options.pop("lengths")
    expected = hf.smooth(case.log_initial, case.structure, rows, **options)
    masked = np.where(mask, rows, cases.NEVER)
    for workers in (1, 2):
        got = hf.smooth(case.log_initial, case.structure, rows, **options, workers=workers)
        assert np.array_equal(got.log_probabilities, expected.log_probabilities, equal_nan=True)
    begin = 0
    for n, length in enumerate(lengths):
        if length:
            piece = masked[begin : begin + length]
            alone = hf.smooth(case.log_initial, case.structure, piece, impossible="mark")
            rows_of_it = expected.log_probabilities[begin : begin + length]
            assert np.array_equal(rows_of_it, alone.log_probabilities, equal_nan=True)
            assert np.array_equal(np.atleast_1d(expected.log_likelihood)[n], alone.log_likelihood)
        begin += length


@pytest.mark.parametrize("kind", [kind for kind in KINDS[:7] if kind is not rare_product], ids=lambda f: f.__name__)
def test_impossible_evidence(kind):
    """Marked, refused and started afresh at the steps at which the dense chain is."""
    case = posed(kind, cases.harmless, 8)
    rows = case.log_likelihoods.copy()
    rows[9] = cases.NEVER
    rows[9, 0] = 0.0
    rows[10] = cases.NEVER
    matrix = case.structure.to_dense()
    gone = np.flatnonzero(matrix[0] == 0)
    rows[10, gone if len(gone) else 0] = 0.0 if len(gone) else cases.NEVER
    log_initial = np.full(len(matrix), -np.log(len(matrix)))
    tables, dense = (log_initial, case.structure, rows), (log_initial, cases.logs(matrix), rows)
    for ask in (hf.forward_filter, hf.smooth):
        got, expected = ask(*tables, impossible="mark"), ask(*dense, impossible="mark")
        assert got.log_likelihood == expected.log_likelihood == cases.NEVER
        assert np.array_equal(np.isnan(got.probabilities), np.isnan(expected.probabilities))
    assert (hf.viterbi(*tables, impossible="mark").path == -1).all()
    steps = []
    for each in (tables, dense):
        with pytest.raises(hf.ImpossibleEvidenceError) as caught:
            hf.viterbi(*each)
        steps.append(caught.value.step)
        with pytest.raises(hf.ImpossibleEvidenceError) as caught:
            hf.smooth(*each)
        steps.append(caught.value.step)
    assert len(set(steps)) == 1
    if len(gone):
        for ask in (hf.forward_filter, hf.smooth, hf.viterbi):
            got, expected = ask(*tables, impossible="restart"), ask(*dense, impossible="restart")
            assert got.restarts.tolist() == expected.restarts.tolist()


@pytest.mark.parametrize("kind", KINDS[:7], ids=lambda f: f.__name__)
def test_paths_that_are_drawn(kind):
    """How often each path of three steps is drawn, beside how probable it is."""
    case = posed(kind, cases.harmless, 9)
    rows = case.log_likelihoods[:3]
    with mpmath.workdps(oracle.DIGITS):
        joints = dict(structure_oracle.joints(case.start, case.moves, case.shows[:3]))
        total = mpmath.fsum(joints.values())
        probabilities = [float(p / total) for p in joints.values()]
    drawn = hf.sample_paths(case.log_initial, case.structure, rows, 4000, rng=3)
    paths, counts = np.unique(drawn, axis=0, return_counts=True)
    seen = dict(zip(map(tuple, paths.tolist()), counts, strict=True))
    assert_frequencies([seen.pop(path, 0) for path in joints], probabilities)
    assert not seen


def test_staying_and_jumping_back_are_one_move():
    """A_ii is a sum: the most probable path is of states, not of ways to them."""
    structure = hf.transitions.StayOrJump(np.full(3, 0.4), np.array([0.6, 0.2, 0.2]))
    case = np.log([0.2, 0.4, 0.4]), structure, np.array([[0.0, 0.0, 0.0], [0.0, 0.01, 0.0], [0.0, 0.01, 0.0]])
    dense = case[0], np.log(structure.to_dense()), case[2]
    decoded, expected = hf.viterbi(*case), hf.viterbi(*dense)
    assert decoded.path.tolist() == expected.path.tolist()
    assert decoded.log_joint == pytest.approx(expected.log_joint, rel=1e-15)
