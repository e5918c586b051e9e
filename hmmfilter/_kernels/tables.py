"""What a call brings: sequences one after the other, and the matrix that leads from one row to the next."""

from __future__ import annotations

from typing import Any, NamedTuple

from hmmfilter._arrays import FloatArray, IntArray

from .choosing import chosen_by_chain
from .compiling import apart, compiled
from .limits import NEVER


class Tables(NamedTuple):
    """The tables of a call, all sequences one after the other; a row is a step of one of them."""

    log_initial: FloatArray  # (1, K), or (N, K): one for each sequence
    log_transition: Any  # (M, K, K), or the `Ways` of a network
    transition_index: IntArray  # (rows,): which matrix leads from a row to the next, and in the last entry, where rows
    #                             have gone before, which one leads to the first; empty where M = 1 or M = rows
    log_likelihoods: FloatArray  # (rows, K)
    starts: IntArray  # (N + 1,): the first row of each sequence, and the end; below 0 where rows have gone before


Given = tuple[FloatArray, Any, IntArray, FloatArray, IntArray]  # the same without names: a call is quicker


@compiled
def initial_at(tables: Tables, n: int) -> int:
    """Which row of the initial ones sequence n starts from."""
    return n if len(tables.log_initial) > 1 else 0


@compiled
def count_dense(log_transition: FloatArray) -> int:
    """M, of matrices."""
    return len(log_transition)


@compiled
def count_of_network(ways: Any) -> int:
    """M, of a network."""
    return len(ways.onward.log_shares)


count_for = chosen_by_chain(count_dense, count_of_network)


@compiled
def matrix_count(tables: Tables) -> int:
    """M, how many matrices there are."""
    return count_for(tables.log_transition)(tables.log_transition)


@compiled
def matrix_at(tables: Tables, t: int) -> int:
    """Which matrix leads from row t to the next."""
    if tables.transition_index.size > 0:
        return tables.transition_index[t]
    return t if matrix_count(tables) > 1 else 0


@compiled
def steady_until(tables: Tables, t: int, end: int) -> int:
    """How far the matrix of row t leads: to the first row that another one leads to, or the end."""
    if matrix_count(tables) == 1:
        return end
    stop = t + 2
    while stop < end and matrix_at(tables, stop - 1) == matrix_at(tables, t):
        stop += 1
    return min(stop, end)


@compiled
def steady_since(tables: Tables, t: int, begin: int) -> int:
    """The first row from which on the same matrix leads on as from row t, or the beginning."""
    if matrix_count(tables) == 1:
        return begin
    while t > begin and matrix_at(tables, t - 1) == matrix_at(tables, t):
        t -= 1
    return t


@compiled
def is_possible(starts: IntArray, n_possible: IntArray, n: int) -> bool:
    """Whether a sequence is possible to its end."""
    return n_possible[n] == starts[n + 1] - starts[n]


@compiled
def first_sequence(starts: IntArray, n: int, begin: int) -> int:
    """The sequence of row begin, at or before sequence n."""
    while starts[n] > begin:
        n -= 1
    return n


@compiled
def last_together(tables: Tables, n: int, t: int, end: int) -> int:
    """The last of the whole sequences, from n, which begins at row t, that share a block; n itself may be longer."""
    if len(tables.log_initial) == 1 and matrix_count(tables) == 1:
        while n < len(tables.starts) - 2 and tables.starts[n + 2] <= end:
            n += 1
    return n


@compiled
def first_together(tables: Tables, n: int, begin: int, end: int, n_possible: IntArray) -> int:
    """The first of the whole sequences, all possible, up to n, that share a block; n itself may be longer."""
    starts = tables.starts
    if len(tables.log_initial) == 1 and matrix_count(tables) == 1 and end == starts[n + 1]:
        while (
            n > 0
            and starts[n - 1] >= begin
            and is_possible(starts, n_possible, n)
            and is_possible(starts, n_possible, n - 1)
        ):
            n -= 1
    return n


@apart
def stretch_from(tables: Tables, n: int, t: int, end: int, n_block: int) -> tuple[int, int]:
    """How far rows go on, from t in sequence n, in one block and by the same matrix; and which one leads to them.

    Blocks are counted from the first row of a sequence; short sequences share one.
    """
    starts = tables.starts
    is_first = t == starts[n]
    last = last_together(tables, n, t, min(end, t + n_block)) if is_first else n
    stop = min(starts[last + 1], end, t + n_block - (t - starts[n]) % n_block)
    led = t if is_first else t - 1
    m = matrix_at(tables, led) if led + 1 < stop else 0
    return steady_until(tables, led, stop), m


@compiled
def block_before(tables: Tables, n: int, begin: int, end: int, n_block: int, n_possible: IntArray) -> tuple[int, int]:
    """The block that ends in sequence n before row end, as `stretch_from` cuts them: its first sequence and first row.

    Nothing before row begin belongs to it.
    """
    first = first_together(tables, n, max(begin, end - n_block), end, n_possible)
    start = tables.starts[first]
    return first, start if first < n else max(begin, end - 1 - (end - 1 - start) % n_block)


@compiled
def stretch_before(tables: Tables, n: int, begin: int, end: int) -> tuple[int, int]:
    """From which row on, at or after begin, the same matrix leads on as to row end, in sequence n; and which it is.

    Where a sequence ends, it is the matrix that leads to its last row; where no row is left to lead, any will do.
    """
    led = end - 2 if end == tables.starts[n + 1] else end - 1
    return (steady_since(tables, led, begin), matrix_at(tables, led)) if led >= begin else (begin, 0)


@compiled
def place_of(i: int, n_rows: int, n_held: int) -> int:
    """Where row i of so many stands in a table that holds them all; in a shorter one, which nobody reads, at first."""
    return i if n_held >= n_rows else 0


@compiled
def are_logs(x: FloatArray, largest: float) -> bool:
    """Whether all numbers are −inf, or finite and no larger than that."""
    n_wrong = 0
    for k in range(x.size):
        n_wrong += (not abs(x[k]) <= largest) & (x[k] != NEVER)
    return n_wrong == 0


@compiled
def are_chain(log_initial: FloatArray, log_transition: FloatArray, log_likelihoods: FloatArray, largest: float) -> bool:
    """`are_logs` of the three tables of a chain, (·, K), (M, K, K) and (rows, K)."""
    return (
        are_logs(log_initial.reshape(-1), largest)
        and are_logs(log_transition.reshape(-1), largest)
        and are_logs(log_likelihoods.reshape(-1), largest)
    )
