"""One step of learning: expected moves and visits by plain doubles, and exactly where these will not do."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmfilter._drivers import backwards, jobs
from hmmfilter._drivers.expectations import Worker, expect
from tests import cases, oracle
from tests.conftest import needs_compiled
from tests.routines import Rows
from tests.strategies import possible_tables
from tests.test_counts import separated

SHARE = 4e-14  # of a step: how far its part in a sum may be off
LOG_SHARE = 4e-15  # of the sum of all |log increments|, as in the accuracy contract
FAMILIES = pytest.mark.parametrize("family", cases.FAMILIES, ids=lambda family: family.__name__)


def expected(case, lengths=None, weights=None, workers=1, index=None):
    log_initial, log_transition, rows = case
    lengths = [len(rows)] if lengths is None else lengths
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    weights = np.ones(len(lengths)) if weights is None else np.asarray(weights, dtype=float)
    return expect(log_initial, log_transition, starts, weights, Rows(rows), workers, False, index)


def total(tables):
    """The sum of tables of mpmath, as doubles."""
    return np.array(
        [[float(mpmath.fsum(cell)) for cell in zip(*row, strict=True)] for row in zip(*tables, strict=True)]
    )


def check(found, answer, pairs, n_steps):
    lost = LOG_SHARE * max(1.0, float(mpmath.fsum(abs(mpmath.log(increment)) for increment in answer.increments)))
    assert abs(found.log_likelihood[0] - float(mpmath.log(answer.likelihood))) <= lost
    assert np.abs(found.initial - np.array(answer.smoothed[0], dtype=float)).max() <= SHARE
    visits = np.array([float(mpmath.fsum(column)) for column in zip(*answer.smoothed, strict=True)])
    assert np.abs(found.emission - visits).max() <= SHARE * n_steps
    if n_steps > 1:
        assert np.abs(found.transition - total(pairs)).max() <= SHARE * n_steps


@FAMILIES
@pytest.mark.parametrize(("n_steps", "n_states"), [(6, 3), (4, 4), (1, 2)])
def test_against_all_paths(family, n_steps, n_states):
    case = cases.draw(family, 1, max(n_steps, 2) if family is cases.survivor else n_steps, n_states)
    n_steps = len(case[2])
    check(expected(case), oracle.enumeration(*case), oracle.pairs_of_paths(*case), n_steps)


@FAMILIES
@pytest.mark.parametrize(("n_steps", "n_states"), [(60, 4), (40, 8), (30, 9)])
def test_against_eighty_digits(family, n_steps, n_states):
    case = cases.draw(family, 2, n_steps, n_states)
    check(expected(case), oracle.recursions(*case), oracle.pairs(*case), n_steps)


def states_of(distance, n_states, n_steps=60):
    return separated(float(distance), n_steps, n_states)


@pytest.mark.parametrize("distance", [1, 20, 40, 100])
@pytest.mark.parametrize("n_states", [2, 8, 9])
def test_separated_states_stay_with_plain_doubles(distance, n_states, monkeypatch):
    case = states_of(distance, n_states)
    monkeypatch.setattr(Worker, "_add_exactly", lambda *_: pytest.fail("they do"))
    check(expected(case), oracle.recursions(*case), oracle.pairs(*case), 60)


@pytest.mark.parametrize("n_states", [3, 9])
def test_what_doubles_do_and_what_is_exact_agree(n_states, monkeypatch):
    case = states_of(3, n_states, 900)
    lengths, weights = [1, 299, 600], [1.0, 0.0, 2.5]
    fast = expected(case, lengths, weights)
    monkeypatch.setattr(Worker, "_is_narrow", lambda _: False)
    exact = expected(case, lengths, weights)
    assert fast.log_likelihood == pytest.approx(exact.log_likelihood, rel=1e-15)
    for name in ("initial", "transition", "slopes", "emission"):
        assert getattr(fast, name) == pytest.approx(getattr(exact, name), rel=1e-13, abs=1e-13), name


def test_slopes_are_known_where_no_move_is_made():
    """∂ log p / ∂A_ij, by a difference, though A_ij is 0."""
    log_initial, log_transition, rows = cases.draw(cases.ordinary, 3, 50, 3)
    log_transition = log_transition.copy()
    log_transition[0, 2] = -np.inf
    found = expected((log_initial, log_transition, rows))
    assert found.transition[0, 2] == 0.0
    step = 1e-7
    nudged = log_transition.copy()
    nudged[0, 2] = np.log(step)
    rise = expected((log_initial, nudged, rows)).log_likelihood - found.log_likelihood
    assert rise[0] / step == pytest.approx(found.slopes[0, 2], rel=1e-4)


def test_a_sequence_counts_as_often_as_its_weight_says():
    log_initial, log_transition, rows = cases.draw(cases.ordinary, 4, 30, 3)
    once = expected((log_initial, log_transition, np.concatenate([rows[:10], rows])), [10, 30], [3.0, 1.0])
    thrice = expected((log_initial, log_transition, np.concatenate([rows[:10]] * 3 + [rows])), [10, 10, 10, 30])
    for name in ("initial", "transition", "slopes", "emission"):
        assert getattr(once, name) == pytest.approx(getattr(thrice, name), rel=1e-14), name


def bits(found):
    return [part if part is None else part.tobytes() for part in found]


@pytest.fixture
def small_pieces(monkeypatch):
    """Jobs of several pieces, of which one is kept, for short sequences."""
    monkeypatch.setattr(jobs, "PIECE", 64)
    monkeypatch.setattr(backwards, "KEPT", 300)


@pytest.mark.parametrize("n_states", [2, 9])
def test_pieces_change_nothing_but_last_digits(n_states, monkeypatch):
    case, lengths = states_of(2, n_states, 900), [500, 3, 0, 1, 396]
    whole = expected(case, lengths)
    monkeypatch.setattr(jobs, "PIECE", 64)
    monkeypatch.setattr(backwards, "KEPT", 300)
    parts = expected(case, lengths)
    assert whole.log_likelihood.tobytes() == parts.log_likelihood.tobytes()
    for name in ("initial", "transition", "slopes", "emission"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), rel=1e-14), name


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("n_states", [2, 9])
def test_the_number_of_workers_changes_no_bit(n_states):
    log_initial, log_transition, rows = states_of(2, n_states, 600)
    rows[200, 1:] -= 5000.0
    rows[201, 0] -= 9000.0  # one of the sequences is left
    case, lengths = (log_initial, np.maximum(log_transition, -9.0), rows), [60] * 10
    one = expected(case, lengths, np.arange(10.0))
    for workers in (2, 3):
        assert bits(expected(case, lengths, np.arange(10.0), workers)) == bits(one)


@pytest.fixture
def counted_exactly(monkeypatch):
    """Which runs of sequences were left to tables of posteriors."""
    left, add_exactly = [], Worker._add_exactly
    monkeypatch.setattr(
        Worker, "_add_exactly", lambda self, some, sums: left.append(some) or add_exactly(self, some, sums)
    )
    return left


def left_to_right(n_states):
    transition = np.diag(np.full(n_states, 0.5)) + np.diag(np.full(n_states - 1, 0.5), 1)
    transition[-1, -1] = 1.0
    return cases.logs(np.eye(n_states)[0]), cases.logs(transition)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("n_states", [3, 9])
@pytest.mark.parametrize("distance", [3, 20, 100])
def test_zeros_of_a_chain_are_no_matter(n_states, distance, counted_exactly):
    """States that fade, and never come back, are rounded down and up to what counts for nothing."""
    path = np.minimum(np.arange(120) // 15, n_states - 1)
    observed = distance * path + np.random.default_rng(distance).normal(size=len(path))
    rows = -0.5 * (observed[:, None] - distance * np.arange(n_states)) ** 2
    case = *left_to_right(n_states), rows
    check(expected(case), oracle.recursions(*case), oracle.pairs(*case), len(rows))
    assert not counted_exactly


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("n_states", [3, 9])
@pytest.mark.parametrize("cost", [5.0, 8.0, 12.0, 50.0])
def test_a_path_that_both_recursions_lose_is_found(n_states, cost, counted_exactly):
    """The way to the last state has likelihoods that count as zero, and yet the rest may be the less probable."""
    rows = np.full((200, n_states), -1000.0)
    rows[:, 0] = -cost
    rows[:, -1] = 0.0
    rows[:5, 0] = 0.0
    case = *left_to_right(n_states), rows
    check(expected(case), oracle.recursions(*case), oracle.pairs(*case), len(rows))
    assert counted_exactly


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("n_states", [3, 9])
@pytest.mark.parametrize("place", [0, 40, 199])
def test_evidence_for_a_state_that_nothing_leads_to_is_counted_exactly(place, n_states, counted_exactly):
    rows = np.zeros((200, n_states))
    rows[: place + 1, 1:-1] = -np.inf
    rows[place, 0] = -900.0
    case = *left_to_right(n_states), rows
    check(expected(case), oracle.recursions(*case), oracle.pairs(*case), len(rows))
    assert counted_exactly


@pytest.mark.parametrize("n_states", [5, 9])
def test_a_path_that_is_lost_twice_is_found(n_states, counted_exactly):
    """In between, no direction knows of it; but for what is rounded up."""
    rows = np.full((120, n_states), -1000.0)
    rows[:, 0] = 0.0
    rows[5:105, 0] = -22.0
    rows[5:105, 2] = 0.0
    rows[:, 4:] = -np.inf
    rows[105:, 4] = 0.0
    case = *left_to_right(n_states), rows
    check(expected(case), oracle.recursions(*case), oracle.pairs(*case), len(rows))
    assert counted_exactly


def with_dead_ends(cost, n_states):
    """Rows for a chain from left to right that speak against the first state for once, though it is the only way."""
    rows = np.zeros((40, n_states))
    rows[20, 0] = -cost
    rows[21:30, 1:] = -60.0
    rows[30:, 1:] = -np.inf
    return rows


@pytest.mark.parametrize("n_states", [2, 9])
@pytest.mark.parametrize(("cost", "is_left"), [(150.0, False), (206.0, True), (240.0, True), (1000.0, True)])
def test_evidence_for_states_that_lead_nowhere(cost, is_left, n_states, counted_exactly):
    """It leaves too little of ω, or of Σ α β, or nothing of α."""
    case = *left_to_right(n_states), with_dead_ends(cost, n_states)
    check(expected(case), oracle.recursions(*case), oracle.pairs(*case), len(case[2]))
    assert bool(counted_exactly) == is_left


def test_sequences_that_are_in_the_way_are_found_together(monkeypatch, counted_exactly):
    runs, by_doubles = [], Worker._by_doubles
    monkeypatch.setattr(Worker, "_by_doubles", lambda self, job: runs.append(job) or by_doubles(self, job))
    rows = np.concatenate([with_dead_ends(cost, 3) for cost in (240.0, 1.0, 240.0, 206.0)])
    expected((*left_to_right(3), rows), [40] * 4)
    assert len(runs) == 2
    assert counted_exactly == [slice(0, 1), slice(2, 4)]


@pytest.mark.parametrize("n_states", [2, 9])
def test_what_is_all_but_zero_at_the_start_is_no_matter(n_states, counted_exactly):
    log_initial, log_transition, rows = states_of(2, n_states)
    log_initial = log_initial.copy()
    log_initial[0] = -600.0
    case = log_initial, log_transition, rows
    check(expected(case), oracle.recursions(*case), oracle.pairs(*case), len(rows))
    assert not counted_exactly


@pytest.mark.parametrize("n_states", [2, 3, 9])
def test_a_rare_move_is_no_matter(n_states, counted_exactly):
    """Down to 2^-250, whatever the evidence is for it."""
    log_initial, log_transition, rows = states_of(100, n_states)
    log_transition = np.where(np.eye(n_states) > 0, 0.0, -170.0)
    case = log_initial, log_transition, rows
    check(expected(case), oracle.recursions(*case), oracle.pairs(*case), len(rows))
    assert not counted_exactly


def test_impossible_sequences_add_nothing():
    log_initial, log_transition, rows = cases.draw(cases.ordinary, 5, 30, 3)
    rows = np.concatenate([rows, rows])
    rows[35] = -np.inf
    found = expected((log_initial, log_transition, rows), [30, 30], [1.0, 2.0])
    alone = expected((log_initial, log_transition, rows[:30]))
    assert found.log_likelihood[1] == -np.inf
    assert found.n_possible.tolist() == [30, 5]
    for name in ("initial", "transition", "slopes", "emission"):
        assert getattr(found, name) == pytest.approx(getattr(alone, name), rel=1e-15), name


def test_impossible_sequences_add_nothing_to_any_of_several_matrices():
    log_initial, log_transition, rows = cases.draw(cases.ordinary, 5, 6, 3)
    rows, turns = np.concatenate([rows, rows]), np.array([log_transition, log_transition[::-1]])
    rows[8] = -np.inf
    found = expected((log_initial, turns, rows), [6, 6], [1.0, 2.0], index=np.arange(12) % 2)
    alone = expected((log_initial, turns, rows[:6]), index=np.arange(6) % 2)
    assert found.n_possible.tolist() == [6, 2]
    for name in ("initial", "transition", "slopes", "emission"):
        assert getattr(found, name) == pytest.approx(getattr(alone, name), rel=1e-15), name


def test_sequences_without_steps_are_certain():
    log_initial, log_transition, rows = cases.draw(cases.ordinary, 6, 30, 3)
    found = expected((log_initial, log_transition, rows), [0, 30, 0], [1.0, 2.0, 3.0])
    assert found.log_likelihood.tolist() == [0.0, expected((log_initial, log_transition, rows)).log_likelihood[0], 0.0]
    assert found.n_possible.tolist() == [0, 30, 0]
    nothing = expected((log_initial, log_transition, rows[:0]), [0])
    assert nothing.log_likelihood.tolist() == [0.0]
    assert not nothing.initial.any()


@given(possible_tables(), st.randoms())
def test_permuting_states_permutes_what_is_expected(case, random):
    log_initial, log_transition, rows = case
    order = list(range(len(log_initial)))
    random.shuffle(order)
    found = expected(case)
    other = expected((log_initial[order], log_transition[np.ix_(order, order)], rows[:, order]))
    assert other.log_likelihood == pytest.approx(found.log_likelihood, rel=1e-13, abs=1e-12)
    assert other.transition == pytest.approx(found.transition[np.ix_(order, order)], rel=1e-9, abs=1e-11)
    assert other.emission == pytest.approx(found.emission[order], rel=1e-9, abs=1e-11)


@given(possible_tables(), st.floats(-2000, 2000))
def test_scaling_likelihoods_shifts_the_log_likelihood(case, shift):
    log_initial, log_transition, rows = case
    shifted = expected((log_initial, log_transition, rows + shift))
    found = expected(case)
    magnitude = np.abs(rows[rows > -np.inf]).sum() + len(rows) * abs(shift)
    assert shifted.log_likelihood[0] == pytest.approx(
        found.log_likelihood[0] + len(rows) * shift, abs=1e-15 * magnitude
    )


@needs_compiled
def test_no_table_of_all_steps_is_kept():
    """Of a million steps of four states, which are 32 MB."""
    import tracemalloc

    case = states_of(2, 4, 1_000_000)
    expected((*case[:2], case[2][:1000]))
    tracemalloc.start()
    expected(case)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16e6


def of_several(family, seed, n_steps, n_states, n_matrices=3):
    """Matrices with the same zeros, an index of them, and the case that an oracle takes: a matrix for each move."""
    log_initial, log_transition, rows = cases.draw(family, seed, n_steps, n_states)
    rng = np.random.default_rng(seed)
    matrices = log_transition + rng.normal(0.0, 3.0, (n_matrices, n_states, n_states))
    index = rng.integers(n_matrices, size=n_steps)
    index[n_steps // 3 : n_steps // 2] = 1  # a stretch of one of them
    return (log_initial, matrices, rows), index, (log_initial, matrices[index[:-1]], rows)


def check_by_matrix(found, index, case, answer, pairs):
    for m in range(len(found.transition)):
        of_it = [table for table, which in zip(pairs, index[:-1], strict=True) if which == m]
        counts = total(of_it) if of_it else 0.0
        assert np.abs(found.transition[m] - counts).max() <= SHARE * len(index)
        matrix = np.exp(case[1][m])
        leads = matrix > 1e-250
        assert found.slopes[m][leads] * matrix[leads] == pytest.approx(found.transition[m][leads], abs=SHARE)
    check(found._replace(transition=found.transition.sum(axis=0)), answer, pairs, len(index))


@FAMILIES
@pytest.mark.parametrize(("n_steps", "n_states"), [(6, 3), (2, 2)])
def test_several_matrices_against_all_paths(family, n_steps, n_states):
    case, index, unrolled = of_several(family, 1, n_steps, n_states)
    pairs = oracle.pairs_of_paths(*unrolled)
    check_by_matrix(expected(case, index=index), index, case, oracle.enumeration(*unrolled), pairs)


@pytest.mark.parametrize("family", [cases.ordinary, cases.gaps, cases.rare], ids=lambda family: family.__name__)
@pytest.mark.parametrize("n_states", [2, 9])
def test_several_matrices_against_eighty_digits(family, n_states):
    case, index, unrolled = of_several(family, 2, 40, n_states)
    answer, pairs = oracle.recursions(*unrolled), oracle.pairs(*unrolled)
    check_by_matrix(expected(case, index=index), index, case, answer, pairs)


@pytest.mark.parametrize("n_states", [3, 9])
def test_several_matrices_by_doubles_and_exactly(n_states, monkeypatch):
    """Also of sequences that count otherwise, not at all, or are impossible."""
    case, index, _ = of_several(cases.ordinary, 3, 300, n_states)
    case[2][:, 0] += 1.0
    case[2][120] = -np.inf
    lengths, weights = [1, 99, 0, 50, 150], [1.0, 0.5, 1.0, 2.0, 0.0]
    fast = expected(case, lengths, weights, index=index)
    monkeypatch.setattr(Worker, "_is_narrow", lambda _: False)
    exact = expected(case, lengths, weights, index=index)
    assert fast.log_likelihood == pytest.approx(exact.log_likelihood, rel=1e-15)
    assert fast.log_likelihood[3] == -np.inf
    for name in ("initial", "transition", "slopes", "emission"):
        assert getattr(fast, name) == pytest.approx(getattr(exact, name), rel=1e-13, abs=1e-13), name


@pytest.mark.parametrize("n_states", [3, 9])
@pytest.mark.parametrize("is_fast", [True, False])
def test_an_index_that_never_changes_is_one_matrix_to_the_bit(n_states, is_fast, monkeypatch):
    if not is_fast:
        monkeypatch.setattr(Worker, "_is_narrow", lambda _: False)
    case, _, _ = of_several(cases.ordinary, 4, 200, n_states)
    lengths, weights = [120, 80], [2.0, 1.0]
    several = expected(case, lengths, weights, index=np.full(200, 2))
    one = expected((case[0], case[1][2], case[2]), lengths, weights)
    assert not several.transition[:2].any()
    assert bits(several._replace(transition=several.transition[2], slopes=several.slopes[2])) == bits(one)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("n_states", [2, 9])
def test_several_matrices_have_the_same_bits_for_any_number_of_workers(n_states):
    case, index, _ = of_several(cases.ordinary, 5, 300, n_states)
    case[2][100, 1:] -= 5000.0
    case[2][101, 0] -= 9000.0
    one = bits(expected(case, [30] * 10, np.arange(10.0), 1, index))
    assert bits(expected(case, [30] * 10, np.arange(10.0), 3, index)) == one
