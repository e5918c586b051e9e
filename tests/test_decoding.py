"""Viterbi decoding: two oracles, the laws."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmmfilter as hf
from hmmfilter import _checks
from hmmfilter._kernels.lanes import TILE, lanes_for
from hmmfilter._kernels.limits import FEW_STATES
from hmmfilter._kernels.scoring import BLOCK, slots_for_moves
from tests import cases, oracle
from tests.conftest import needs_compiled, note_share
from tests.strategies import any_tables, possible_tables
from tests.test_filtering import FAMILY, LARGE, SMALL, impossible_at
from tests.wing import room

decoding, scoring = room("decoding"), room("scoring")


def fill_scores(case, n_steps=None):
    """Of so many steps, the largest score, the bound, and log δ, of few states the last row alone; the ways."""
    tables = _checks.chain(case[0], case[1], case[2][:n_steps])
    n_steps, n_states = tables.log_likelihoods.shape
    like, slots = lanes_for(n_states), slots_for_moves(1, n_states)
    log_delta, ways = np.empty((n_steps if like is None else 1, n_states)), np.zeros(n_steps, dtype=np.int64)
    top, error = scoring.fill_scores(
        tables, 0, like, tables.log_likelihoods.reshape(-1), slots, np.empty(len(TILE)), log_delta, ways
    )
    return top, error, log_delta, ways


TIE = mpmath.mpf(10) ** -25  # relative: paths nearer than this are tied, for logs of twice a double's digits


def check_best(case, best_joint, where):
    decoded = hf.viterbi(*case)
    with mpmath.workdps(oracle.DIGITS):
        best, joint = mpmath.log(best_joint), oracle.path_joint(case, decoded.path)
        assert abs(joint - best) <= TIE * (1 + abs(best))
        share = float(abs(mpmath.mpf(decoded.log_joint) - joint) / (oracle.EPSILON * (1 + abs(best))))
    note_share("viterbi log_joint", share, where)
    assert share <= 1
    assert decoded.path.dtype.kind == "i"


@FAMILY
@SMALL
def test_against_all_paths(family, n_steps, n_states):
    case = cases.draw(family, 0, n_steps, n_states)
    check_best(case, oracle.enumeration(*case).best_joint, f"{family.__name__}, T={n_steps}, K={n_states}, all paths")


@FAMILY
@LARGE
@pytest.mark.parametrize("seed", [1, 2])
def test_against_eighty_digits(family, n_steps, n_states, seed, exact):
    case, answer = exact(family, seed, n_steps, n_states)
    check_best(case, answer.best_joint, f"{family.__name__}, T={n_steps}, K={n_states}, seed {seed}")


def test_a_difference_beyond_the_digits_of_a_double_decides():
    """After a million nats a double no longer sees the 1e-11 by which state 1 is better."""
    log_likelihoods = np.zeros((3, 2))
    log_likelihoods[1] = -1e6
    log_likelihoods[0] = [0.0, 1e-11]
    with np.errstate(divide="ignore"):
        decoded = hf.viterbi([0.0, 0.0], np.log(np.eye(2)), log_likelihoods)
    assert decoded.path.tolist() == [1, 1, 1]


@pytest.mark.parametrize("n_steps", [3, BLOCK + 2])
@pytest.mark.parametrize("n_states", [2, 3, 4, 5, 9])
def test_a_difference_of_1e_20_decides(n_steps, n_states):
    """The better of two paths, of a million nats each, which part at the first step and never meet."""
    best, second = n_states - 1, n_states - 2
    log_likelihoods = np.full((n_steps, n_states), -1e6 / n_steps)
    log_likelihoods[:, :second] -= 1
    log_likelihoods[0, :] = 0.0
    log_initial = np.full(n_states, -1.0)
    log_initial[second:] = 0.0, 1e-20
    decoded = hf.viterbi(log_initial, cases.logs(np.eye(n_states)), log_likelihoods)
    assert decoded.path.tolist() == [best] * n_steps


UNIT = 2.0**-34  # of the tables whose logs are whole multiples of it, so that integers decode them exactly
MOST = 2**60  # of what is possible in all, apart from the level of each step
FORBIDDEN = -(2**62)  # so that nothing possible lifts it to -MOST, and twice of it is an int64


def whole_case(rng, n_steps, n_states, values, level=0.0, forbidden=0.0):
    """Log-potentials drawn from a few values, all likelihoods on a level; the last state is never forbidden."""
    shapes = n_states, (n_states, n_states), (n_steps, n_states)
    tables = [rng.choice(values, shape) for shape in shapes]
    for table in tables:
        table[..., :-1][rng.random(table[..., :-1].shape) < forbidden] = cases.NEVER
    tables[2] += level
    return tuple(tables)


def in_units(table):
    whole = np.where(table == cases.NEVER, 0.0, table / UNIT)
    assert np.array_equal(whole, np.round(whole))
    return np.where(table == cases.NEVER, FORBIDDEN, whole.astype(np.int64))


def exact_decoding(log_initial, log_transition, log_likelihoods):
    """The lexicographically smallest of the best paths, and its log-joint, in whole numbers."""
    initial, transition, likelihoods = map(in_units, (log_initial, log_transition, log_likelihoods))
    levels = likelihoods.max(axis=1)
    levels[levels == FORBIDDEN] = 0
    likelihoods = np.where(likelihoods == FORBIDDEN, FORBIDDEN, likelihoods - levels[:, None])
    largest = [np.abs(x[x > FORBIDDEN]).max(initial=0) for x in (initial, transition, likelihoods)]
    assert largest[0] + len(likelihoods) * sum(largest[1:]) < MOST
    rest, best_next = np.zeros_like(initial), []
    for row in likelihoods[:0:-1]:
        scores = transition + np.maximum(row + rest, FORBIDDEN)
        best_next.append(scores.argmax(axis=1))
        rest = np.maximum(scores.max(axis=1), FORBIDDEN)
    totals = initial + np.maximum(likelihoods[0] + rest, FORBIDDEN)
    path, joint = [int(totals.argmax())], int(totals.max())
    for choice in best_next[::-1]:
        path.append(int(choice[path[-1]]))
    return path, joint + sum(levels.tolist()) if joint > -MOST else FORBIDDEN


def check_whole(case):
    path, joint = exact_decoding(*case)
    decoded = hf.viterbi(*case)
    assert decoded.path.tolist() == path
    assert decoded.log_joint == joint * UNIT


SIZES = pytest.mark.parametrize(
    "n_states", [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17, pytest.param(64, marks=needs_compiled)]
)
LENGTHS = pytest.mark.parametrize(
    "n_steps", [1, 2, 3, BLOCK - 1, BLOCK, BLOCK + 1, pytest.param(3 * BLOCK + 5, marks=needs_compiled)]
)


@SIZES
@LENGTHS
def test_distinct_scores(n_states, n_steps):
    rng = np.random.default_rng([n_states, n_steps])
    check_whole(whole_case(rng, n_steps, n_states, UNIT * rng.integers(-(2**36), 2**34, 1000), forbidden=0.3))


@SIZES
@LENGTHS
def test_exact_ties_go_to_the_lowest_first_state(n_states, n_steps):
    rng = np.random.default_rng([n_states, n_steps])
    check_whole(whole_case(rng, n_steps, n_states, [0.0, -1.0, -2.0], forbidden=0.2))
    check_whole(whole_case(rng, n_steps, n_states, [0.0]))


@SIZES
@LENGTHS
@pytest.mark.parametrize("level", [-(2.0**18), 2.0**18])
def test_scores_that_differ_below_the_digits_of_a_double(n_states, n_steps, level):
    """All differences are some units of 2**-34; a block's scores reach 2**26, and are rounded to 2**-27."""
    rng = np.random.default_rng([n_states, n_steps])
    for values in ([0, 1, 5], rng.integers(0, 300, 20)):
        check_whole(whole_case(rng, n_steps, n_states, UNIT * np.array(values), level, forbidden=0.2))


@pytest.mark.parametrize("n_states", [1, 2, 3, 4, 5, 8, 9])
@pytest.mark.parametrize("level", [-1000.0, 1000.0])
@pytest.mark.parametrize("n_steps", [BLOCK, 2 * BLOCK + 7])
def test_without_near_ties_a_single_state_is_live_all_the_way(n_states, level, n_steps):
    rng = np.random.default_rng(n_states)
    case = [rng.normal(0, 3, shape) for shape in (n_states, (n_states, n_states), (n_steps, n_states))]
    case[2] += level
    _, error, log_delta, path = fill_scores(case)
    last = log_delta[-1].argmax()
    if n_states <= FEW_STATES:
        ends = decoding.follow_few(n_steps - 1, last, path)
    else:
        tiles = np.empty((1, n_states, len(TILE)))
        scoring.pack(case[1], tiles)
        ends = decoding.follow_many(tiles, case[1], case[2], log_delta, 2 * error, 0, n_steps - 1, last, path)
    decoded = hf.viterbi(*case).path
    assert ends == (0, decoded[0])
    assert np.array_equal(path[1:], decoded[1:])


@needs_compiled
@pytest.mark.parametrize("n_states", [2, 4, 5, 12])
def test_a_long_sequence(n_states):
    rng = np.random.default_rng(n_states)
    few = [0.0, -0.5, -2.0, -2.0 - UNIT, -300.0]
    check_whole(whole_case(rng, 100_000, n_states, few, forbidden=0.2))
    check_whole(whole_case(rng, 100_000, n_states, UNIT * rng.integers(-(2**37), 0, 1000), level=-1000.0))


@pytest.mark.parametrize("n_states", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("level", [-(2.0**14), 2.0**14])
def test_scores_are_off_by_less_than_their_bound(n_states, level):
    """Scores in one double, less that of the first state, beside the same in whole numbers; and the bound is small."""
    rng = np.random.default_rng(n_states)
    n_steps = 16 * BLOCK
    case = whole_case(rng, n_steps, n_states, UNIT * rng.integers(-(2**36), 2**36, 1000), level)
    _, transition, likelihoods = map(in_units, case)
    exact = [in_units(case[0]) + likelihoods[0]]
    for row in likelihoods[1:]:
        exact.append((exact[-1][:, None] + transition).max(axis=0) + row)
    for n in [1, 2, 3, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7, n_steps]:
        _, error, log_delta, _ = fill_scores(case, n)
        assert error < 3e-5
        differences = (log_delta[-1] - log_delta[-1, 0]) - (exact[n - 1] - exact[n - 1][0]) * UNIT
        assert np.abs(differences).max() <= 2 * error


@given(possible_tables(), st.data())
def test_no_path_is_better(case, data):
    decoded = hf.viterbi(*case)
    n_steps, n_states = case[2].shape
    other = data.draw(st.lists(st.integers(0, n_states - 1), min_size=n_steps, max_size=n_steps))
    with mpmath.workdps(oracle.DIGITS):
        best = oracle.path_joint(case, decoded.path)
        assert oracle.path_joint(case, other) <= best + TIE * (1 + abs(best))


@given(possible_tables())
def test_the_best_path_is_no_likelier_than_all_together(case):
    total = hf.log_likelihood(*case)
    assert hf.viterbi(*case).log_joint <= total + 1e-13 * (1 + abs(total))


@given(any_tables())
def test_impossible_for_viterbi_where_it_is_for_the_filter(case):
    filtered = hf.forward_filter(*case, impossible="mark")
    if filtered.log_likelihood == -np.inf:
        with pytest.raises(hf.ImpossibleEvidenceError) as caught:
            hf.viterbi(*case)
        assert filtered.log_increments[caught.value.step] == -np.inf
    else:
        assert np.isfinite(hf.viterbi(*case).log_joint)


@pytest.mark.parametrize("n_states", [1, 2, 3, 4, 6, 9])
@pytest.mark.parametrize("step", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
def test_impossible_from_any_step_of_a_block(step, n_states):
    log_likelihoods = np.zeros((2 * BLOCK + 1, n_states))
    log_likelihoods[step] = cases.NEVER
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        hf.viterbi(np.zeros(n_states), np.zeros((n_states, n_states)), log_likelihoods)
    assert caught.value.step == step


@pytest.mark.parametrize("step", [0, 2, 4])
def test_impossible_evidence(step):
    case = impossible_at(step)
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        hf.viterbi(*case)
    assert caught.value.step == step
    marked = hf.viterbi(*case, impossible="mark")
    assert marked.path.tolist() == [-1] * 5
    assert marked.log_joint == -np.inf


STAY = [0.0, 0.0], [[0.0, -np.inf], [-np.inf, 0.0]]


def test_a_tie_of_unequal_terms_is_one_in_the_digits_of_two_doubles():
    """The same terms in another order: exactly equal sums, which two doubles hold, or do not."""
    tied = np.array([[2.0**40, 1.0, 2.0**-40], [2.0**-40, 2.0**40, 1.0]]).T
    assert hf.viterbi(*STAY, tied).path.tolist() == [0, 0, 0]
    assert hf.viterbi(*STAY, tied[:, ::-1]).path.tolist() == [0, 0, 0]
    beyond = np.array([[2.0**60, 2.0**-60, -(2.0**60)], [2.0**60, -(2.0**60), 2.0**-60]]).T
    rounded = np.array([[1.0, 2.0**-120, -1.0], [1.0, -1.0, 2.0**-120]]).T
    for rows in (beyond, rounded):
        either = hf.viterbi(*STAY, rows), hf.viterbi(*STAY, rows[:, ::-1])
        joints = [oracle.path_joint((*map(np.array, STAY), rows), decoded.path) for decoded in either]
        assert joints[0] == joints[1] == 2.0**-60 or joints[0] == joints[1] == 2.0**-120
        assert all(abs(decoded.log_joint - joints[0]) <= 1e-25 * abs(rows).max() for decoded in either)
        assert {tuple(decoded.path.tolist()) for decoded in either} <= {(0, 0, 0), (1, 1, 1)}
