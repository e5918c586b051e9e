"""Viterbi decoding where chains are networks: dense matrices to the bit, all paths, whole numbers, little memory."""

import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter._kernels import stages
from hmmfilter._kernels.scoring import BLOCK
from hmmfilter._ways import ways_of
from tests import cases, oracle
from tests.conftest import needs_compiled
from tests.test_decoding import UNIT, exact_decoding, whole_case
from tests.wing import room

routes = room("routes")
NEVER = cases.NEVER


def listed(log_transition):
    """A matrix as a network of the moves that are possible."""
    n_states = len(log_transition)
    i, j = np.nonzero(log_transition > NEVER)
    return ways_of(n_states, 0, i, n_states + j, log_transition[i, j])


def joined_ways(n_states, n_between, moves, **more):
    """Ways by (source, target, log, ...), without those that are impossible."""
    moves = [move for move in moves if move[2] > NEVER]
    sources, targets, logs, *kinds = zip(*moves, strict=True)
    return ways_of(n_states, n_between, sources, targets, logs, kinds=kinds[0] if kinds else None, **more)


def product(log_a, log_b):
    """State (s, r) by one factor to a node between, (s, r'), and by the other to (s', r')."""
    n_a, n_b = len(log_a), len(log_b)
    n_states = n_a * n_b
    moves = [
        (s * n_b + r, n_states + s * n_b + to, log_b[r, to])
        for s in range(n_a)
        for r in range(n_b)
        for to in range(n_b)
    ]
    moves += [
        (n_states + s * n_b + r, 2 * n_states + to * n_b + r, log_a[s, to])
        for s in range(n_a)
        for to in range(n_a)
        for r in range(n_b)
    ]
    return joined_ways(n_states, n_states, moves)


def staying(stay, jump):
    """Stay, or jump over a node between."""
    n_states = len(jump)
    moves = []
    for i in range(n_states):
        moves += [
            (i, n_states + 1 + i, np.log(stay[i])),
            (i, n_states, np.log1p(-stay[i])),
            (n_states, n_states + 1 + i, np.log(jump[i])),
        ]
    return joined_ways(n_states, 1, moves)


def staying_by_step(stay, jump):
    """The same, by a stay probability a step."""
    n_states = len(jump)
    moves = []
    for i in range(n_states):
        moves += [
            (i, n_states + 1 + i, 0.0, 0),
            (i, n_states, 0.0, 1),
            (n_states, n_states + 1 + i, np.log(jump[i]), 2),
        ]
    shares = np.column_stack([np.log(stay), np.log1p(-stay), np.zeros(len(stay))])
    return joined_ways(n_states, 1, moves, log_shares=shares)


def never_back(log_leave, log_jump):
    """To another state over running nodes, from below or from above; staying is impossible."""
    n_states = len(log_jump)
    after, moves = n_states + 2 * (n_states - 1), []
    for j in range(1, n_states):
        below = n_states + j - 1
        moves += [(j - 1, below, log_leave[j - 1]), (below, after + j, log_jump[j])]
        moves += [(below - 1, below, 0.0)] if j > 1 else []
        i = n_states - 1 - j  # from above, in the opposite order
        above = below + n_states - 1
        moves += [(i + 1, above, log_leave[i + 1]), (above, after + i, log_jump[i])]
        moves += [(above - 1, above, 0.0)] if j > 1 else []
    return joined_ways(n_states, 2 * (n_states - 1), moves)


@pytest.fixture(params=["all at once", "in blocks"])
def blocks(request, monkeypatch):
    """Whether all scores are kept, or are computed again block by block."""
    if request.param == "in blocks":
        monkeypatch.setattr(stages, "MOST_SCORES", 0)


def check_same(dense, ways, case, **more):
    """The same path and log-probability, to the bit."""
    one, other = hf.viterbi(case[0], dense, case[2], **more), hf.viterbi(case[0], ways, case[2], **more)
    assert np.array_equal(one.path, other.path)
    assert np.array_equal(one.log_joint, other.log_joint)


def band(n_states, width, log_values):
    i, j = np.indices((n_states, n_states))
    return np.where(abs(i - j) <= width, log_values, NEVER)


LENGTHS = [1, 2, 3, BLOCK, BLOCK + 1, pytest.param(2 * BLOCK + 7, marks=needs_compiled)]


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("n_steps", LENGTHS)
@pytest.mark.parametrize("n_states", [9, 16, 17, pytest.param(64, marks=needs_compiled)])
def test_a_listed_matrix_is_decoded_to_the_bits_of_a_dense_one(n_states, n_steps):
    rng = np.random.default_rng([n_states, n_steps])
    few = whole_case(rng, n_steps, n_states, [0.0, -1.0, -2.0], forbidden=0.5)
    close = whole_case(rng, n_steps, n_states, UNIT * np.array([0, 1, 5]), -(2.0**18), forbidden=0.3)
    spread = tuple(rng.normal(0, 30, shape) for shape in (n_states, (n_states, n_states), (n_steps, n_states)))
    for case in (few, close, spread):
        for matrix in (case[1], band(n_states, 2, case[1]), band(n_states, n_states // 3, case[1])):
            check_same(matrix, listed(matrix), case, impossible="mark")


def test_up_to_eight_states_it_is_the_dense_one():
    case = whole_case(np.random.default_rng(0), 40, 5, [0.0, -1.0], forbidden=0.3)
    check_same(case[1], listed(case[1]), case)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("n_steps", LENGTHS)
def test_products_in_whole_numbers(n_steps):
    """Both factors of a move add up to a log of the matrix, in logs that add exactly."""
    rng = np.random.default_rng(n_steps)
    for values in ([0.0, -1.0, -2.0], UNIT * rng.integers(-(2**33), 0, 1000), [0.0]):
        log_a, log_b = (whole_case(rng, 1, n, values, forbidden=0.3)[1] for n in (2, 9))
        log_initial, _, rows = whole_case(rng, n_steps, 18, values, forbidden=0.1)
        dense = (log_a[:, None, :, None] + log_b[None, :, None, :]).reshape(18, 18)
        path, joint = exact_decoding(log_initial, dense, rows)
        decoded = hf.viterbi(log_initial, product(log_a, log_b), rows)
        assert decoded.path.tolist() == path
        assert decoded.log_joint == joint * UNIT


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("n_steps", LENGTHS)
def test_running_nodes_in_whole_numbers(n_steps):
    rng = np.random.default_rng(n_steps)
    for values in ([0.0, -1.0, -2.0], UNIT * rng.integers(-(2**33), 0, 1000), [0.0]):
        log_initial, log_leave, log_jump = (rng.choice(values, 6) for _ in range(3))
        rows = rng.choice(values, (n_steps, 6))
        dense = log_leave[:, None] + log_jump
        np.fill_diagonal(dense, NEVER)
        path, joint = exact_decoding(log_initial, dense, rows)
        decoded = hf.viterbi(log_initial, never_back(log_leave, log_jump), rows)
        assert decoded.path.tolist() == path
        assert decoded.log_joint == joint * UNIT


def exact_staying(stay, jump):
    """log A of all pairs, to 80 digits, as sums are: a chain that stays, and one that jumps back, are one path."""
    n_states = len(jump)
    return [
        [
            mpmath.log((mpmath.mpf(stay[i]) if i == j else 0) + (1 - mpmath.mpf(stay[i])) * mpmath.mpf(jump[j]))
            for j in range(n_states)
        ]
        for i in range(n_states)
    ]


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("top", [0.3, 0.999, 1 - 1e-16])
def test_to_stay_and_to_jump_back_are_one_way(top):
    """A jump is so likely to lead back that its share decides whether the best path stays."""
    rng = np.random.default_rng(0)
    stay, jump = rng.random(12) * 0.2, np.full(12, (1 - top) / 11)
    jump[3] = top
    with mpmath.workdps(oracle.DIGITS):
        exact = exact_staying(stay, jump)
        for seed in range(5):
            rows = np.random.default_rng(seed).normal(0, 1.5, (40, 12))
            decoded = hf.viterbi(np.log(np.full(12, 1 / 12)), staying(stay, jump), rows)
            scores = [mpmath.log(mpmath.mpf(1) / 12) + mpmath.mpf(x) for x in rows[0]]
            for row in rows[1:]:
                scores = [max(scores[i] + exact[i][j] for i in range(12)) + mpmath.mpf(row[j]) for j in range(12)]
            assert abs(mpmath.mpf(decoded.log_joint) - max(scores)) <= 1e-15 * 40 * (1 + abs(max(scores)))
