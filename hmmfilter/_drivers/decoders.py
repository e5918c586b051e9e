"""Decoders, which take each sequence as a whole."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._drivers import ages
from hmmfilter._drivers.jobs import Job, Tick, run_jobs
from hmmfilter._drivers.outcomes import Outcome, of_all, with_steps
from hmmfilter._drivers.recursions import slots
from hmmfilter._kernels.decoding import room_for_decoding
from hmmfilter._kernels.lanes import lanes_for
from hmmfilter._kernels.marginals import room_for_rests, slots_for_transposed
from hmmfilter._kernels.n_best import room_for_lists
from hmmfilter._kernels.network import Ways
from hmmfilter._kernels.routes import room_for_routes
from hmmfilter._kernels.scoring import slots_for_moves
from hmmfilter._kernels.stages import room_for_retracing
from hmmfilter._kernels.tables import Tables
from hmmfilter._tiers import kernels

Decode = Callable[[int, int, int, int], None]  # sequences: the first, its row, the end, and how long the longest is


def run_whole(tables: Tables, start_decoder: Callable[[], Decode], workers: int, progress: bool) -> None:
    """Let decoders, each with room of its own to work in, have all sequences, each as a whole."""

    def start_worker(tick: Tick) -> Callable[[Job], None]:
        decode = start_decoder()

        def run(job: Job) -> None:
            first, last, begin, end = job[0].first, job[-1].last, job[0].begin, job[-1].end
            decode(first, begin, end, int(np.diff(tables.starts[first : last + 2]).max()))
            tick(end - begin)

        return run

    run_jobs(tables, start_worker, workers, progress)


def fill_decoded(
    tables: Tables, path: IntArray, workers: int, progress: bool, lasted: IntArray | None = None
) -> Outcome:
    """Run the decoder over all sequences; returns what `fill_filtered` does, of the best paths.

    How long each sojourn has lasted at each step goes beside the path, where there is room for it.
    """
    if lasted is not None:
        return ages.fill_decoded(tables, path, lasted, workers, progress)
    tables, are_left, outcome = with_steps(tables)
    decoder_for = network_decoder if isinstance(tables.log_transition, Ways) else matrix_decoder
    run_whole(tables, lambda: decoder_for(tables, path, outcome), workers, progress)
    return of_all(outcome, are_left)


def matrix_decoder(tables: Tables, path: IntArray, outcome: Outcome) -> Decode:
    """A decoder by matrices."""
    n_states = tables.log_likelihoods.shape[1]
    like, moves, room = lanes_for(n_states), slots(tables, slots_for_moves), room_for_decoding(n_states)

    def decode(first: int, begin: int, end: int, longest: int) -> None:
        log_delta = np.empty((longest if like is None else 1, n_states))
        kernels.run_viterbi(tuple(tables), first, begin, end, like, moves, room, log_delta, path, *outcome)

    return decode


def network_decoder(tables: Tables, path: IntArray, outcome: Outcome) -> Decode:
    """A decoder by the moves of a network."""
    network = tables.log_transition.onward
    routes = room_for_routes(network)

    def decode(first: int, begin: int, end: int, longest: int) -> None:
        room = room_for_retracing(routes, network, longest)
        kernels.run_viterbi_network(tuple(tables), first, begin, end, room, path, *outcome)

    return decode


def at_most_all(n_paths: int, n_steps: int, n_states: int) -> int:
    """So many paths, or as many as there are where there are fewer."""
    return min(n_paths, int(n_states ** min(n_steps, n_paths.bit_length())))


def fill_n_best(tables: Tables, n_paths: int, workers: int, progress: bool) -> tuple[IntArray, FloatArray, IntArray]:
    """Rank so many best paths of all sequences.

    Returns the paths, their log-probabilities, and how many steps of each sequence are possible.
    """
    n_sequences, (n_rows, n_states) = len(tables.starts) - 1, tables.log_likelihoods.shape
    tables, are_left, (n_possible, _) = with_steps(tables)
    paths = np.full((n_paths, n_rows), -1, dtype=np.int64)
    log_joints = np.full((len(n_possible), n_paths), -np.inf)

    def start_decoder() -> Decode:
        scores = np.empty((2, n_states))

        def decode(first: int, begin: int, end: int, longest: int) -> None:
            lists = room_for_lists(longest, n_states, at_most_all(n_paths, longest, n_states))
            kernels.run_viterbi_n_best(tuple(tables), first, begin, end, lists, scores, paths, n_possible, log_joints)

        return decode

    run_whole(tables, start_decoder, workers, progress)
    ranked = np.full((n_sequences, n_paths), -np.inf)
    ranked[:, 0] = 0  # of no steps
    ranked[are_left] = log_joints
    n_possible, _ = of_all((n_possible, log_joints[:, 0]), are_left)
    return paths, ranked, n_possible


def fill_max_marginals(tables: Tables, rows: FloatArray, workers: int, progress: bool) -> IntArray:
    """Fill in the best log-joint through each state, of all sequences; returns how many steps of each are possible."""
    tables, are_left, outcome = with_steps(tables)
    n_states = tables.log_likelihoods.shape[1]

    def start_decoder() -> Decode:
        like, rests = lanes_for(n_states), room_for_rests(n_states)
        matrices = slots(tables, slots_for_moves), slots(tables, slots_for_transposed)

        def decode(first: int, begin: int, end: int, longest: int) -> None:
            tails = np.empty((longest, n_states))
            kernels.run_max_marginals(tuple(tables), first, begin, end, like, matrices, rests, tails, rows, outcome[0])

        return decode

    run_whole(tables, start_decoder, workers, progress)
    return of_all(outcome, are_left)[0]
