"""One expectation step: what is expected of initial states, moves and observations, without a table of all steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._drivers.ages import expect_sojourns
from hmmfilter._drivers.backwards import most_kept
from hmmfilter._drivers.jobs import Job, Piece, Tick, run_jobs
from hmmfilter._drivers.ordering import InOrder
from hmmfilter._drivers.outcomes import Outcome, of_all, with_steps
from hmmfilter._drivers.pairs import Pairs, fill_pairs, shape_of_moves
from hmmfilter._drivers.recursions import slots_for_moves_of, undo_code
from hmmfilter._kernels.ages import Ages
from hmmfilter._kernels.chain import NARROW, SHARED_EXPONENT, tiled
from hmmfilter._kernels.doubles import CARRIED, room_for_expectations
from hmmfilter._kernels.flows import room_for_flow
from hmmfilter._kernels.network import Ways
from hmmfilter._kernels.tables import Tables, matrix_count
from hmmfilter._ready import lanes_of
from hmmfilter._tiers import kernels
from hmmfilter._ways import is_narrow, order_of_back

NO_INDEX: IntArray = frozen(np.empty(0, dtype=np.int64))
MOST_COUNTED = 2**20  # entries of tables of pairs, a table a sequence, of those that are counted exactly at once


class Source(Protocol):
    """Where log-likelihoods come from, and who adds up what comes of them; threads ask at the same time."""

    def fill(self, begin: int, end: int, table: FloatArray) -> None:
        """Fill (rows, K) with the log-likelihoods of some rows; −inf where a state is not allowed."""
        ...

    def sums(self) -> FloatArray:
        """Zeros, (2, n): sums in two parts, for `add` to add to."""
        ...

    def add(self, begin: int, end: int, posteriors: FloatArray, sums: FloatArray) -> None:
        """Add what some rows show, each as often as its posteriors, (rows, K), say; they have their weights already."""
        ...


class Expectations(NamedTuple):
    """What one expectation step comes to; sums are weighted."""

    log_likelihood: FloatArray  # (N,), of each sequence; −inf where it is impossible
    n_possible: IntArray  # (N,), how many of its steps are possible
    initial: FloatArray  # (K,): Σ γ_1; or (K, D), of ages
    transition: FloatArray  # (K, K): Σ ξ_t; of several matrices (M, K, K), of the moves by each; of a network (moves,)
    slopes: Any  # in the same shape: Σ ξ_t / A, the derivatives with respect to A, also where A is 0; but NaN
    #              there where doubles alone would not do; of a network nothing but Σ ξ_t, of sojourns all counts
    emission: Any  # (n,), or what the caller knows of it besides
    ends: Any = None  # (K,), how often each state is the last, where the caller asks


def expect(
    log_initial: FloatArray,
    log_transition: FloatArray | Ways | Ages,
    starts: IntArray,
    weights: FloatArray,
    source: Source,
    workers: int,
    progress: bool,
    transition_index: IntArray | None = None,
) -> Expectations:
    """Run the recursions both ways over sequences, of which each counts as often as its weight says.

    Of several matrices, (M, K, K), an index, (rows,), says which one leads on from each row; without it, each has its
    own. Of a network, each move is counted, by whatever matrix.
    """
    no_table = np.broadcast_to(np.float64(0.0), (int(starts[-1]), len(log_initial)))
    if isinstance(log_transition, Ages):
        return expect_of_sojourns(log_initial, log_transition, starts, no_table, weights, source, workers, progress)
    moves: Any = log_transition
    if not isinstance(log_transition, Ways):
        moves = frozen(log_transition.reshape(-1, *log_transition.shape[-2:]))
    given = Tables(frozen(log_initial[None]), moves, NO_INDEX, no_table, frozen(starts))
    if transition_index is not None and matrix_count(given) > 1:
        given = given._replace(transition_index=frozen(transition_index))
    tables, are_left, outcome = with_steps(given)
    weights = frozen(np.ascontiguousarray(weights[are_left]))
    total = Sums.zeros(tables, source)
    in_order = InOrder(total.table)

    def start_worker(tick: Tick) -> Callable[[Job], None]:
        worker = Worker(tables, weights, source, outcome)

        def run(job: Job) -> None:
            in_order.add(job[0].begin, job[-1].end, worker.run(job).table)
            tick(job[-1].end - job[0].begin)

        return run

    run_jobs(tables, start_worker, workers, progress, are_alike=True)
    n_possible, log_likelihood = of_all(outcome, are_left)
    initial, slopes, more, emission = (part.sum(axis=0) for part in total.parts())
    if isinstance(log_transition, Ways):
        counted = counts_of_moves(log_transition, slopes[0], more[0])
        return Expectations(log_likelihood, n_possible, initial, counted, counted, emission)
    slopes, more = slopes.reshape(log_transition.shape), more.reshape(log_transition.shape)
    matrix = np.exp(log_transition)
    transition = slopes * matrix + more
    if more.any():
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slopes = slopes + more / matrix
    return Expectations(log_likelihood, n_possible, initial, transition, slopes, emission)


def expect_of_sojourns(
    log_initial: FloatArray,
    ages: Ages,
    starts: IntArray,
    no_table: FloatArray,
    weights: FloatArray,
    source: Source,
    workers: int,
    progress: bool,
) -> Expectations:
    """`expect` where sojourns have durations: their counts take the place of slopes."""
    tables = Tables(frozen(log_initial.reshape(1, -1)), ages, NO_INDEX, no_table, frozen(starts))
    (n_possible, log_likelihood), sums, shown = expect_sojourns(tables, weights, source, workers, progress)
    initial = sums.begun if log_initial.ndim == 2 else sums.begun[:, 0]
    return Expectations(log_likelihood, n_possible, initial, sums.moves, sums, shown)


def counts_of_moves(ways: Ways, slopes: FloatArray, more: FloatArray) -> FloatArray:
    """Σ ξ of each move of a network, from sums in the order of the one that leads back, and of what takes more."""
    onward = ways.onward
    values = np.exp(onward.log_values) if onward.kinds.size == 0 else 1.0  # else they have been multiplied by them
    counts: FloatArray = slopes[order_of_back(ways)] * values + more
    return counts


class Sums(NamedTuple):
    """What is added up of sequences, in two parts, one after the other in a table; and the parts of it."""

    table: FloatArray  # (1, 2, n)
    shape: tuple[int, ...]  # (M, K, K), or (1, moves)
    n_states: int  # K

    @classmethod
    def zeros(cls, tables: Tables, source: Source) -> Sums:
        """Nothing as yet."""
        n_sums = 1 if isinstance(tables.log_transition, Ways) else matrix_count(tables)
        shape = n_sums, *shape_of_moves(tables)
        size = tables.log_likelihoods.shape[1] + 2 * math.prod(shape) + source.sums().shape[1]
        return cls(np.zeros((1, 2, size)), shape, tables.log_likelihoods.shape[1])

    def parts(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Σ γ_1, (2, K); Σ ξ / A by doubles, and Σ ξ of what takes more, (2, M, K, K); and what is shown, (2, n)."""
        k, n, table = self.n_states, math.prod(self.shape), self.table[0]
        initial, slopes, moves, emission = np.split(table, [k, k + n, k + 2 * n], axis=1)
        return initial, slopes.reshape(2, *self.shape), moves.reshape(2, *self.shape), emission


class Rows(NamedTuple):
    """Room for the rows of a piece."""

    likelihoods: FloatArray  # (rows, K); log-likelihoods first
    tops: FloatArray  # (rows,): the logs of the largest of each row, which is taken out
    alphas: FloatArray  # (rows, K); γ at last

    @classmethod
    def empty(cls, n_rows: int, n_states: int) -> Rows:
        """Room for so many."""
        return cls(np.empty((n_rows, n_states)), np.empty(n_rows), np.empty((n_rows, n_states)))

    def first(self, n_rows: int) -> Rows:
        """The first of these."""
        return Rows(*(part[:n_rows] for part in self))


class Worker:
    """What one worker finds of the sequences of a job, and its room to work in."""

    def __init__(self, tables: Tables, weights: FloatArray, source: Source, outcome: Outcome) -> None:
        n_states = tables.log_likelihoods.shape[1]
        self._tables, self._weights, self._source, self._outcome = tables, weights, source, outcome
        self._given = tuple(tables)
        ways = tables.log_transition
        is_network = isinstance(ways, Ways)
        self._lanes = lanes_of(ways, n_states)
        self._room = room_for_flow(ways.back, n_states) if is_network else room_for_expectations(n_states)
        self._chains, self._backward_chains = slots_for_moves_of(tables), slots_for_moves_of(tables)
        self._initial = np.exp(tables.log_initial[0])
        self._state = np.empty(2 * tiled(n_states) + CARRIED)
        self._are_left = np.zeros(len(weights), dtype=np.int64)
        self._rows = Rows.empty(0, n_states)
        self._are_all_left = not self._is_narrow()

    def _is_narrow(self) -> bool:
        """Whether the chain itself is within doubles, by all of its matrices."""
        if isinstance(self._tables.log_transition, Ways):
            return is_narrow(self._tables.log_transition.onward)
        for m in range(len(self._tables.log_transition)):
            slot = self._chains[m % len(self._chains)]
            kernels.hold_chain(self._tables.log_transition, m, False, slot)
            if slot[NARROW] != 1.0 or slot[SHARED_EXPONENT] != 0.0:
                return False
        return True

    def run(self, job: Job) -> Sums:
        """The sums of a job: of all sequences that doubles do for, and then of those that are left."""
        first, last = job[0].first, job[-1].last
        if self._are_all_left:
            self._are_left[first : last + 1] = 1
        while (sums := self._by_doubles(job)) is None:  # and once more without the sequences that were in the way
            pass
        for some in self._runs_left(first, last):
            self._add_exactly(some, sums)
        return sums

    def _by_doubles(self, job: Job) -> Sums | None:
        """The sums of the sequences that are not left; None if more of them turn out to be."""
        n_states = len(self._initial)
        sums, kept = Sums.zeros(self._tables, self._source), list[Rows]()
        if self._are_left[job[0].first : job[-1].last + 1].all():
            return sums
        firsts, slopes, emission = np.zeros((2, n_states)), _in_two_parts(sums), self._source.sums()
        before, n_passed = np.empty((len(job), self._state.size)), len(job) - most_kept(job, n_states)
        for number, piece in enumerate(job):
            before[number] = self._state
            rows = self._forward(piece, number < n_passed or len(job) == 1)
            if number >= n_passed:
                kept.append(rows)
        for state, piece in zip(before[::-1], job[::-1], strict=True):
            if not kept:
                after = self._state.copy()
                self._state[:] = state
                kept.append(self._forward(piece, True))
                self._state[:] = after
            rows = kept.pop()
            n_found = kernels.run_expecting_backward(
                self._given,
                piece.last,
                piece.begin,
                piece.end,
                self._lanes,
                self._backward_chains,
                self._state,
                rows.likelihoods,
                rows.alphas,
                self._weights,
                self._are_left,
                self._room,
                firsts,
                slopes,
            )
            if n_found > 0:
                self._room[:] = 0.0
                return None
            self._source.add(piece.begin, piece.end, rows.alphas, emission)
        its_initial, its_slopes, _, its_emission = sums.parts()
        its_initial[:], its_slopes[:], its_emission[:] = firsts, np.swapaxes(slopes, 0, 1), emission
        return sums

    def _forward(self, piece: Piece, is_passing: bool) -> Rows:
        """Filter a piece, in room of its own unless that is to be used again soon."""
        n_rows, n_states = piece.end - piece.begin, len(self._initial)
        if is_passing and n_rows > len(self._rows.tops):
            self._rows = Rows.empty(n_rows, n_states)
        rows = self._rows.first(n_rows) if is_passing else Rows.empty(n_rows, n_states)
        self._source.fill(piece.begin, piece.end, rows.likelihoods)
        kernels.run_expecting_forward(
            self._given,
            piece.first,
            piece.begin,
            piece.end,
            self._lanes,
            self._initial,
            self._chains,
            self._state,
            *rows,
            self._are_left,
            self._outcome[1],
        )
        return rows

    def _runs_left(self, first: int, last: int) -> Iterator[slice]:
        """Sequences that are left and follow each other, as many as are counted at once."""
        left = np.flatnonzero(self._are_left[first : last + 1]) + first
        most = max(1, MOST_COUNTED // math.prod(shape_of_moves(self._tables)))
        for run in np.split(left, np.flatnonzero(np.diff(left) > 1) + 1):
            for begin in range(0, len(run), most):
                yield slice(int(run[begin]), int(run[min(begin + most, len(run)) - 1]) + 1)

    def _add_exactly(self, some: slice, sums: Sums) -> None:
        """Add what is expected of some sequences, by tables of posteriors; nothing of those that are impossible."""
        used, tables = self._part(some)
        if len(used) > 1 and len(tables.starts) > 2:  # sums are by matrix, and a weight is of a sequence
            for n in range(some.start, some.stop):
                self._add_exactly(slice(n, n + 1), sums)
            return
        starts, n_states = tables.starts, len(self._initial)
        begin, end, is_one = int(self._tables.starts[some.start]), int(self._tables.starts[some.stop]), len(used) == 1
        rows, firsts = np.empty((end - begin, n_states)), np.empty((len(starts) - 1, n_states))
        pairs = np.empty((len(firsts) if is_one else len(used), 2, *shape_of_moves(tables)))
        n_possible, log_likelihood = fill_pairs(tables, Pairs(None, rows, firsts, pairs, is_one), 1, False)
        undo_code(rows, "probabilities")
        undo_code(firsts, "probabilities")
        self._outcome[0][some], self._outcome[1][some] = n_possible, log_likelihood
        is_possible = n_possible == np.diff(starts)
        weights = self._weights[some] * is_possible
        its_weights = np.repeat(weights, np.diff(starts))[:, None]
        its_rows = np.where(its_weights > 0, rows * its_weights, 0.0)
        emission = self._source.sums()
        self._source.add(begin, end, its_rows, emission)
        its_initial, _, its_moves, its_emission = sums.parts()
        its_initial[0] += weights[is_possible] @ firsts[is_possible]
        if is_one:
            its_moves[0, used[0]] += np.tensordot(weights[is_possible], pairs[is_possible].sum(axis=1), axes=1)
        elif is_possible[0]:
            its_moves[0, used] += weights[0] * pairs.sum(axis=1)
        its_emission += emission

    def _part(self, some: slice) -> tuple[IntArray, Tables]:
        """The tables of some sequences, with the matrices that lead through them, and which ones these are."""
        all_of, starts = self._tables, self._tables.starts[some.start : some.stop + 1]
        begin, end = int(starts[0]), int(starts[-1])
        table = np.empty((end - begin, len(self._initial)))
        self._source.fill(begin, end, table)
        used, index, moves = np.zeros(1, dtype=np.int64), all_of.transition_index[begin:end], all_of.log_transition
        if isinstance(moves, Ways):
            index = np.arange(begin, end) if index.size == 0 and matrix_count(all_of) > 1 else index
        else:
            if index.size > 0:
                used, index = np.unique(index, return_inverse=True)
            moves, index = frozen(moves[used]), index if len(used) > 1 else index[:0]
        return used, Tables(all_of.log_initial, moves, frozen(index), frozen(table), frozen(starts - begin))


def _in_two_parts(sums: Sums) -> FloatArray:
    """Zeros, (M, 2, K, K): sums of each matrix; of a network (1, 2, moves)."""
    n_matrices, *shape = sums.shape
    return np.zeros((n_matrices, 2, *shape))
