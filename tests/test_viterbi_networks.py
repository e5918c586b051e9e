"""Viterbi decoding where chains are networks: dense matrices to the bit, all paths, whole numbers, little memory."""

import tracemalloc

import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter._kernels import stages
from hmmfilter._kernels.scoring import BLOCK
from hmmfilter._ways import dense_logs, ways_of
from tests import cases, oracle
from tests.conftest import needs_compiled
from tests.test_decoding import UNIT, exact_decoding, whole_case
from tests.wing import room

routes = room("routes")
NEVER = cases.NEVER
ROUNDED = 1e-14  # relative, of sums of logs that were taken of rounded sums


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
    with np.errstate(divide="ignore"):
        log_stay, log_leave, log_jump = np.log(stay), np.log1p(-np.array(stay)), np.log(jump)
    for i in range(n_states):
        moves += [(i, n_states + 1 + i, log_stay[i]), (i, n_states, log_leave[i])]
        moves += [(n_states, n_states + 1 + i, log_jump[i])]
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
@pytest.mark.parametrize("n_states", [9, *(pytest.param(n_states, marks=needs_compiled) for n_states in (16, 17, 64))])
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


@pytest.mark.parametrize("x", [-1e-300, -1e-16, -1e-3, -0.7, -40.0, -5000.0])
@pytest.mark.parametrize("y", [-1e-3, -1.0, -36.0, -800.0, NEVER])
def test_the_log_of_the_probability_of_two_ways(x, y):
    with mpmath.workdps(oracle.DIGITS):
        exact = mpmath.log(mpmath.exp(x) + mpmath.exp(y))
        for found in (routes.log_of_both(x, y), routes.log_of_both(y, x)):
            assert abs(mpmath.mpf(found) - exact) <= oracle.EPSILON * (1 + abs(exact))
    assert routes.log_of_both(NEVER, NEVER) == NEVER


def test_states_that_stay_for_ever_or_never():
    stay, jump = np.array([1.0, 0.0, 0.4] * 3), np.array([0.3, 0.2, 0.0, 0.1, 0.4, 0.0, 0.0, 0.0, 0.0])
    dense = cases.logs(np.diag(stay) + (1 - stay)[:, None] * jump)
    for seed in range(5):
        rows = np.random.default_rng(seed).normal(0, 2, (30, 9))
        one, other = hf.viterbi(np.zeros(9), dense, rows), hf.viterbi(np.zeros(9), staying(stay, jump), rows)
        assert np.array_equal(one.path, other.path)
        assert other.log_joint == pytest.approx(one.log_joint, rel=ROUNDED)


def test_to_stay_by_a_probability_a_step():
    """Each step has a matrix of its own, beside those as dense ones."""
    rng = np.random.default_rng(4)
    for jump in (np.full(10, 0.1), rng.dirichlet(np.ones(10))):
        stay, log_initial, rows = rng.random(59), np.log(np.full(10, 0.1)), rng.normal(0, 2, (60, 10))
        dense = stay[:, None, None] * np.eye(10) + (1 - stay[:, None, None]) * jump
        ways = staying_by_step(stay, jump)
        one, other = hf.viterbi(log_initial, np.log(dense), rows), hf.viterbi(log_initial, ways, rows)
        assert np.array_equal(one.path, other.path)
        assert other.log_joint == pytest.approx(one.log_joint, rel=ROUNDED)
        index = rng.integers(0, 59, 59)
        chosen = {"transition_index": index}
        one, other = (
            hf.viterbi(log_initial, np.log(dense), rows, **chosen),
            hf.viterbi(log_initial, ways, rows, **chosen),
        )
        assert np.array_equal(one.path, other.path)


def test_a_step_at_which_all_stay_or_all_jump():
    """A share of −inf: what is impossible at one step only."""
    stay, jump = np.array([0.0, 1.0, 0.5]), np.array([0.1, 0.3, 0.6])
    with np.errstate(divide="ignore"):
        ways = staying_by_step(stay, jump)
    rows = np.log([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.9, 0.05, 0.05], [0.1, 0.1, 0.8]])
    decoded = hf.viterbi(np.zeros(3), ways, rows)
    assert decoded.path.tolist() == [0, 1, 1, 2]
    assert decoded.log_joint == pytest.approx(np.log(0.7 * 0.3 * 0.8 * 0.05 * 0.5 * 0.6 * 0.8), rel=ROUNDED)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("impossible", ["mark", "restart"])
def test_several_sequences(workers, impossible, small_pieces):
    """Of any lengths, some of none, some of them impossible; with an initial distribution each; some states allowed."""
    rng = np.random.default_rng(workers)
    case = whole_case(rng, 160, 20, [0.0, -1.0, -2.0], forbidden=0.6)
    lengths = [1, 0, 70, 3, 1, 40, 45]
    case[2][90:93] = NEVER if impossible == "mark" else case[2][90:93]
    allowed = rng.random((160, 20)) < 0.9
    initials = rng.choice([0.0, -1.0], (7, 20))
    more = {"lengths": lengths, "workers": workers, "impossible": impossible, "allowed": allowed}
    check_same(case[1], listed(case[1]), (initials, None, case[2]), **more)


@pytest.mark.parametrize("step", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_impossible_evidence_says_at_which_step(step):
    rows = np.zeros((BLOCK + 3, 4))
    rows[step] = NEVER
    ways = product(np.zeros((2, 2)), np.zeros((2, 2)))
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        hf.viterbi(np.zeros(4), ways, rows)
    assert caught.value.step == step
    marked = hf.viterbi(np.zeros(4), ways, rows, impossible="mark")
    assert set(marked.path.tolist()) == {-1}
    assert marked.log_joint == NEVER


def test_a_difference_of_1e_20_decides_by_nodes_between():
    """Two paths of a million nats each, which part at the first step and never meet."""
    rows = np.full((BLOCK + 9, 4), -1e4)
    rows[0] = 0.0
    with np.errstate(divide="ignore"):
        apart = product(np.log(np.eye(2)), np.log(np.eye(2)))
    for better in range(4):
        log_initial = np.zeros(4)
        log_initial[better] = 1e-20
        assert set(hf.viterbi(log_initial, apart, rows).path.tolist()) == {better}


def moves_of(log_transition):
    network = listed(log_transition).onward
    held = routes.room_for_routes(network)
    routes.hold_moves(network, 0, len(log_transition), True, held)
    return held


def test_what_moves_of_neighbours_are_packed_into():
    """A band of three has three lines a tile, and scattered moves have none; a line lacks what is not there."""
    n_states = 40
    dense = np.random.default_rng(0).normal(size=(n_states, n_states))
    held = moves_of(band(n_states, 1, dense))
    assert held.lines[:4].tolist() == [0, 3, 6, 9]
    assert held.line_sources[:9].tolist() == [-1, 0, 1, 15, 16, 17, 31, 32, 33]
    assert held.packed[0].tolist() == [NEVER, *dense[range(15), range(1, 16)]]
    assert held.packed[8, :8].tolist() == [*dense[range(33, 40), range(32, 39)], NEVER]
    scattered = np.where(np.random.default_rng(0).random((n_states, n_states)) < 0.1, dense, NEVER)
    assert moves_of(scattered).lines[:4].tolist() == [0] * 4


@needs_compiled
def test_little_memory(monkeypatch):
    """Scores of all steps would take 8 bytes a state and step; those that are kept take less than a quarter of it."""
    n_steps, n_states = 3000, 200
    rng = np.random.default_rng(0)
    log_transition = band(n_states, 3, rng.normal(size=(n_states, n_states)))
    case = np.zeros(n_states), listed(log_transition), rng.normal(size=(n_steps, n_states))
    hf.viterbi(case[0], case[1], case[2][:2])  # what is imported for it is not counted
    peaks = []
    for most in (stages.MOST_SCORES, 0):
        monkeypatch.setattr(stages, "MOST_SCORES", most)
        tracemalloc.start()
        hf.viterbi(*case)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[0] > 8 * n_steps * n_states
    assert peaks[1] < 2 * n_steps * n_states


def test_how_many_steps_are_kept_at_once():
    """All up to 32 MB; then as many as need as much room as their checkpoints."""
    assert stages.block_length(1, 10) == 1
    assert stages.block_length(4000, 1000) == 3999
    assert stages.block_length(100_000, 1000) == 547
    assert stages.block_length(30_000, 10**6) == 300


def test_other_routines_go_by_matrices_where_these_are_small(monkeypatch):
    rng = np.random.default_rng(1)
    log_a, log_b = rng.normal(size=(2, 2)), band(5, 1, rng.normal(size=(5, 5)))
    dense = (log_a[:, None, :, None] + log_b[None, :, None, :]).reshape(10, 10)
    ways, log_initial, rows = product(log_a, log_b), np.zeros(10), rng.normal(size=(12, 10))
    assert np.allclose(dense_logs(ways.onward)[0], dense)
    for routine, more in ((hf.viterbi_n_best, [4]), (hf.max_marginals, [])):
        one, other = routine(log_initial, dense, rows, *more), routine(log_initial, ways, rows, *more)
        if more:
            assert np.array_equal(one.paths, other.paths)
            one, other = one.log_joints, other.log_joints
        assert np.allclose(one, other, rtol=ROUNDED)
    assert np.array_equal(
        hf.posterior_decode(log_initial, dense, rows).path, hf.posterior_decode(log_initial, ways, rows).path
    )
    stay, jump = rng.random(11), rng.dirichlet(np.ones(10))
    by_step = staying_by_step(stay, jump)
    matrices = np.log(stay[:, None, None] * np.eye(10) + (1 - stay[:, None, None]) * jump)
    assert np.allclose(hf.max_marginals(log_initial, by_step, rows), hf.max_marginals(log_initial, matrices, rows))
    monkeypatch.setattr(hf._checks.tables, "MOST_PAIRS", 99)
    for refused, given, got in ((hf.max_marginals, ways, "a matrix"), (hf.max_marginals, by_step, "11 matrices")):
        with pytest.raises(
            ValueError, match=f"max_marginals goes by matrices.* 99 entries .* got {got} of 10 states; fi"
        ):
            refused(log_initial, given, rows)
