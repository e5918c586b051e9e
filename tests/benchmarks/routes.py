"""Viterbi decoding by listed moves: beside the dense matrix, librosa, and a plain decoder by the same list.

python -m tests.benchmarks.routes [--quick]

All decode the same log-likelihoods. `librosa.sequence.viterbi` is given probabilities, looks through them, and takes
their logs; its recursion alone is given logs, as the others are. The plain decoder lists the moves of each state that
are possible, with one back-pointer of 16 bits a state and step, in doubles and without any proof: what is left of
a decoder of matrices that passes over moves below a threshold.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

import hmmfilter as hf
from hmmfilter._arrays import FloatArray, IntArray
from tests.benchmarks.report import markdown
from tests.benchmarks.timing import Calls, medians, pin

STEPS, ROUNDS = 600, 5
QUICK_STEPS, QUICK_ROUNDS, QUICK_SHARE = 4, 1, 20  # and what the numbers of states are divided by
TINY = np.finfo(float).tiny  # what librosa adds to probabilities


@njit
def plainly(
    log_initial: FloatArray, into: IntArray, sources: npt.NDArray[np.int32], log_moves: FloatArray, rows: FloatArray
) -> IntArray:
    """The best path, by listed moves."""
    n_steps, n_states = rows.shape
    before, scores = log_initial + rows[0], np.empty(n_states)
    came, path = np.zeros((n_steps, n_states), dtype=np.uint16), np.zeros(n_steps, dtype=np.int64)
    for t in range(1, n_steps):
        for j in range(n_states):
            best, best_source = -np.inf, 0
            for n in range(into[j], into[j + 1]):
                score = before[sources[n]] + log_moves[n]
                if score > best:
                    best, best_source = score, sources[n]
            scores[j], came[t, j] = best + rows[t, j], best_source
        before, scores = scores, before
    path[-1] = before.argmax()
    for t in range(n_steps - 1, 0, -1):
        path[t - 1] = came[t, path[t]]
    return path


def triangle(n_states: int, width: int) -> FloatArray:
    """Diagonals of a band, (width, K): the nearer, the likelier."""
    half = width // 2
    steps = np.arange(-half, half + 1)[:, None]
    to = np.arange(n_states) + steps
    near = np.where((to >= 0) & (to < n_states), half + 1.0 - abs(steps), 0.0)
    return near / near.sum(axis=0)


def chains(share: int) -> dict[str, Any]:
    """A band of 21, in order and with its states numbered at random, and pYIN's default model: two voicings, a band."""
    n_states = 1000 // share
    band = hf.transitions.Banded(triangle(n_states, 21), lower=10)
    order = np.random.default_rng(0).permutation(n_states)
    pitches = hf.transitions.Banded(triangle(max(601 // share, 101), 101), lower=50)
    return {
        "Sparse, a band of 21 in any order": hf.transitions.Sparse(band.to_dense()[np.ix_(order, order)]),
        "Banded, 21": band,
        "Kronecker, 2 x 2 and a band of 101": hf.transitions.Kronecker([[0.99, 0.01], [0.01, 0.99]], pitches),
    }


def calls_for(chain: Any, rows: FloatArray) -> Calls:
    """What decodes, by name."""
    n_states, probabilities = chain.n_states, chain.to_dense()
    log_initial = np.full(n_states, -np.log(n_states))
    with np.errstate(divide="ignore"):
        dense = np.log(probabilities)
    listed = hf.transitions.Sparse(probabilities)._ways().onward
    plain = log_initial, listed.into, listed.sources, listed.log_values, rows
    calls: Calls = {
        "hmmfilter": lambda: hf.viterbi(log_initial, chain, rows).path,
        "its dense matrix": lambda: hf.viterbi(log_initial, dense, rows).path,
        "plain list": lambda: plainly(*plain),
    }
    if find_spec("librosa") is not None:
        from librosa import sequence

        likelihoods, log_floored = np.exp(rows.T), np.log(probabilities + TINY)
        given = likelihoods, probabilities
        initial = np.exp(log_initial)
        calls["librosa"] = lambda: sequence.viterbi(*given, p_init=initial)
        calls["its recursion"] = lambda: sequence._viterbi(rows, log_floored, log_initial)[0]
    return calls


def table(n_steps: int, rounds: int, share: int) -> str:
    """Microseconds a step, and how many times those of hmmfilter they are."""
    lines = []
    for name, chain in chains(share).items():
        rows = np.log(np.random.default_rng(1).random((n_steps, chain.n_states)) ** 8)
        calls = calls_for(chain, rows)
        expected = calls["hmmfilter"]()
        assert all(np.array_equal(call(), expected) for call in calls.values()), name
        seconds = medians(calls, rounds)
        header = ["microseconds a step", "K", *calls]
        micro = {call: 1e6 * taken / n_steps for call, taken in seconds.items()}
        ours = micro["hmmfilter"]
        lines.append([name, str(chain.n_states), *(f"{each:.3g} ({each / ours:.3g} times)" for each in micro.values())])
    return markdown(header, lines)


def main(arguments: list[str]) -> None:
    """Print the table, as Markdown."""
    pin()
    quick = "--quick" in arguments
    print(table(QUICK_STEPS, QUICK_ROUNDS, QUICK_SHARE) if quick else table(STEPS, ROUNDS, 1))


if __name__ == "__main__":
    main(sys.argv[1:])
