"""Filtering a long sequence block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import TransitionLike
from hmmfilter._checks import BlockChain
from hmmfilter._ready import slots_of
from hmmfilter.results import Filtered
from hmmfilter.streaming.online import OnlineFilter
from hmmfilter.streaming.run import Run


def filter_blocks(
    log_initial: npt.ArrayLike,
    log_transition: TransitionLike,
    blocks: Iterable[npt.ArrayLike],
    *,
    transition_index: npt.ArrayLike | None = None,
    allowed: npt.ArrayLike | None = None,
    impossible: _checks.RaiseOrRestart = "raise",
) -> Iterator[Filtered]:
    """Filter one sequence block by block as its tables come, with only one of them in memory.

    All that is yielded has the very bits of those rows in `hmmfilter.forward_filter` of the whole.

    Conventions are those of `hmmfilter.model`. The tables may hold any log-potentials: nothing has to sum to 1.

    Parameters
    ----------
    log_initial : array_like, (K,)
        log p(h_1 = k), natural logs; −inf for an impossible state.
    log_transition : array_like, (K, K) or (T − 1, K, K) or (M, K, K), or one of `hmmfilter.transitions`
        log p(h_{t+1} = j | h_t = i) at [i, j], natural logs, or at [t, i, j] where it changes from step to step: then
        an array of float64 in C order, memory-mapped or not, is read, and checked, as the blocks come. With
        `transition_index`, M matrices to choose from.
    blocks : iterable of array_like, (B, K)
        log p(v_t | h_t = k), natural logs, of B steps, which may be more or fewer in each block, at least 1; a row of
        zeros for a missing observation.
    transition_index : array_like of int, (T − 1,), optional
        Which of M matrices leads from step t to t + 1.
    allowed : array_like of bool, (T, K), optional
        Which states are possible at each step; a single True makes a state known.
    impossible : {"raise", "restart"}
        What to do where no path leads to a step: refuse its block, or start afresh there from `log_initial`.

    Yields
    ------
    Filtered
        Of each block ``log_probabilities`` (B, K), ``probabilities`` (B, K), ``log_increments`` (B,), and the
        ``log_likelihood`` of the block given all before it; where it may start afresh, ``restarts``, those of its rows
        at which it does.

    Raises
    ------
    ImpossibleEvidenceError
        Where no path to a step has a probability above zero; ``.step`` counts from the beginning of the sequence. The
        block is not yielded.
    ValueError, TypeError
        For NaN, +inf, wrong shapes, empty blocks, anything but real numbers, and more rows in all than the other
        arrays are for.

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.A, equation (20).

    Examples
    --------
    >>> import numpy as np
    >>> import hmmfilter as hf
    >>> log_initial, log_transition = np.log([0.5, 0.5]), np.log([[0.7, 0.3], [0.3, 0.7]])
    >>> blocks = np.log([[0.9, 0.2], [0.9, 0.2]]), np.log([[0.1, 0.8]])  # umbrella, umbrella; none
    >>> for filtered in hf.filter_blocks(log_initial, log_transition, blocks):
    ...     print(filtered)
    Filtered: 2 steps, 2 states, log-likelihood -1.0455; probabilities
      step       0       1
         0  0.8182  0.1818
         1  0.8834  0.1166
    Filtered: 1 steps, 2 states, log-likelihood -1.0710; probabilities
      step       0       1
         0  0.1907  0.8093
    """
    chain = _checks.block_chain(log_initial, log_transition, transition_index, allowed)
    return _filtered_blocks(chain, _checks.blocks(blocks), _checks.may_restart(impossible))


def _filtered_blocks(chain: BlockChain, blocks: Iterator[Any], may_restart: bool) -> Iterator[Filtered]:
    from hmmfilter import _drivers

    run = Run(chain.log_initial, may_restart)
    slots_for = partial(slots_of, chain.log_transition)
    slots = _drivers.slots_for_up_to(chain.n_coming_back, len(chain.log_initial), slots_for)
    for number, block in enumerate(blocks):
        rows, moves = _checks.block_of(chain, block, number, run._n_observed)
        if moves.log_transition is not chain.log_transition:
            slots[:] = 0.0  # the matrices are others, and none of them is held
        yield replace(run._take(rows, moves, slots), _labels=_checks.labels_of(block))


def filtered_blocks(
    stream: OnlineFilter, blocks: Iterator[Any], allowed: npt.ArrayLike | None, given: dict[str, Any]
) -> Iterator[Filtered]:
    """The same of observations that depend on more than their states, from tables of that for all blocks together."""
    tables = {"allowed": allowed, **given}
    for number, block in enumerate(blocks):
        rows = slice(stream.n_observed, stream.n_observed + len(block))
        with _checks.blaming(f"blocks[{number}]"):
            here = {name: _checks.rows_of(name, table, rows) for name, table in tables.items() if table is not None}
            filtered = stream.observe_block(block, **here)
        yield replace(filtered, _labels=_checks.labels_of(block))
