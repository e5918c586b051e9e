"""Chains of which only the moves that are possible are listed: sparse and banded ones, products, jumps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import BoolArray, FloatArray, IntArray, frozen
from hmmfilter._checks.arrays import (
    entry_name,
    float_array,
    refuse_first,
    require_shape,
    whole_numbers,
)
from hmmfilter._checks.errors import EntryError, shown
from hmmfilter._checks.numbers import NO_LOGS, is_sparse, real_numbers
from hmmfilter._checks.parameters import (
    are_rests,
    distributions,
    divided_by_sums,
    probabilities,
    real_parameters,
    sum_tolerance,
)
from hmmfilter._checks.settings import integer, memory_size, step_count
from hmmfilter._checks.tables import LARGEST_LOG
from hmmfilter._kernels.network import NodeArray

MOST_PLACES, MOST_TIMES = 10**7, 4  # of a table of rows that is mostly empty, and of one that is not
MOST_NODES = 2**31 - 1  # of a network: their numbers have 32 bits


class ListedMoves(NamedTuple):
    """Moves in the order of the states they come from, and of each of those in that of where they lead to."""

    starts: IntArray  # (K + 1,): the moves from state i are starts[i]:starts[i + 1]
    columns: NodeArray  # where each leads to
    values: FloatArray


def listed_moves(name: str, value: Any, normalize: bool = False) -> ListedMoves:
    """Let a square matrix in whose rows are distributions, as its entries above 0; it may be one of `scipy.sparse`."""
    if not is_sparse(value):
        matrix = distributions(name, value, ("K", "K"), normalize)
        require_shape(name, matrix, (len(matrix), len(matrix)))
        rows, columns = np.nonzero(matrix)
        return ordered_moves(rows, columns, matrix[rows, columns], len(matrix))
    if len(value.shape) != 2 or value.shape[0] != value.shape[1] or value.shape[0] == 0:
        raise ValueError(f"{name} must have shape (K, K), got {tuple(map(int, value.shape))}")
    entries = value.tocoo()
    given = np.asarray(real_numbers(name, entries.data))
    return _distributed(name, entries.row, entries.col, given, int(value.shape[0]), normalize)


def rest_of_sparse(value: Any, final: Any) -> Any:
    """A sparse matrix as `going_on` has others: with rows that sum to 1, where they did so with the end."""
    if final is None or len(value.shape) != 2 or np.shape(final) != value.shape[:1]:
        return value
    entries, n_states = value.tocoo(), int(value.shape[0])
    values = float_array("transition", real_numbers("transition", entries.data))
    sums: FloatArray = np.bincount(entries.row, values, n_states).astype(np.float64)
    if not are_rests(sums, final):
        return value
    never = np.flatnonzero(sums == 0)
    whole = np.append(values / np.where(sums == 0, 1.0, sums)[entries.row], np.ones(len(never)))
    places = np.append(entries.row, never), np.append(entries.col, never)
    return type(entries)((whole, places), shape=value.shape)


def listed_entries(
    name: str, rows: npt.ArrayLike, columns: npt.ArrayLike, values: npt.ArrayLike, n_states: int, normalize: bool
) -> ListedMoves:
    """Let the probabilities of moves in, by where they come from and lead to."""
    n_states, given = step_count("n_states", n_states), np.asarray(real_numbers(name, values))
    require_shape(name, given, ("M",))
    since, to = _pairs(name, rows, columns, len(given), n_states)
    return _distributed(name, since, to, given, n_states, normalize)


def listed_logs(rows: npt.ArrayLike, columns: npt.ArrayLike, log_values: npt.ArrayLike, n_states: int) -> ListedMoves:
    """Let the logs of moves in, by where they come from and lead to; those of one pair are of their sum."""
    n_states = step_count("n_states", n_states)
    logs = float_array("log_values", log_values)
    require_shape("log_values", logs, ("M",))
    refuse_first("log_values", ~(np.abs(logs) <= LARGEST_LOG) & (logs != -np.inf), "-inf or finite", logs)
    since, to = _pairs("log_values", rows, columns, len(logs), n_states)
    happens = np.flatnonzero(logs > -np.inf)
    moves = ordered_moves(since[happens], to[happens], logs[happens], n_states, np.logaddexp)
    with np.errstate(over="ignore"):
        sums = _sums(moves._replace(values=np.exp(moves.values)))
    divided_by_sums("exp(log_values) of", sums, logs.dtype, sum_tolerance(logs.dtype, n_states), False, way_on="")
    return moves


def are_logs_given(probabilities: Any, log_values: Any) -> bool:
    """Whether moves are given by logs; insists on one of both."""
    if (probabilities is None) == (log_values is None):
        raise ValueError("transition must have either probabilities or log_values, got both or none")
    return log_values is not None


def _pairs(name: str, rows: npt.ArrayLike, columns: npt.ArrayLike, n_moves: int, n_states: int) -> list[IntArray]:
    """Let the numbers of two states in, of each move."""
    pairs = []
    for what, value in (("rows", rows), ("columns", columns)):
        numbers = whole_numbers(what, value)
        if len(numbers) != n_moves:
            raise ValueError(f"{what} must have {n_moves} entries, one for each of {name}, got {len(numbers)}")
        for n in np.flatnonzero((numbers < 0) | (numbers >= n_states))[:1]:
            raise EntryError(f"{what}[{n}] must be from 0 to {n_states - 1}, got {numbers[n]}", (int(n),))
        pairs.append(numbers)
    return pairs


def _distributed(
    name: str,
    rows: npt.NDArray[Any],
    columns: npt.NDArray[Any],
    given: npt.NDArray[Any],
    n_states: int,
    normalize: bool,
) -> ListedMoves:
    """Insist on probabilities of moves that sum to 1 in each row."""
    values = float_array(name, given)
    _refuse_entry(name, ~np.isfinite(values), "finite", rows, columns, values)
    _refuse_entry(name, values < 0, f"at least 0 ({NO_LOGS})", rows, columns, values)
    happens = np.flatnonzero(values)
    moves = ordered_moves(rows[happens], columns[happens], values[happens], n_states)
    with np.errstate(over="ignore"):
        sums = _sums(moves)
    if divided_by_sums(name, sums, given.dtype, sum_tolerance(given.dtype, n_states), normalize):
        moves = moves._replace(values=frozen(moves.values / np.repeat(sums, np.diff(moves.starts))))
    return moves


def _sums(moves: ListedMoves) -> FloatArray:
    """Of each row."""
    n_states = len(moves.starts) - 1
    sums = np.bincount(np.repeat(np.arange(n_states), np.diff(moves.starts)), moves.values, n_states)
    return sums.astype(np.float64)  # also of no moves


def ordered_moves(
    rows: npt.NDArray[Any],
    columns: npt.NDArray[Any],
    values: FloatArray,
    n_states: int,
    joined: np.ufunc = np.add,
) -> ListedMoves:
    """Moves that are all possible in order; what is told of one pair several times is joined."""
    if not _is_after(rows, columns).all():
        order = np.lexsort((columns, rows))
        rows, columns, values = rows[order], columns[order], values[order]
        firsts = np.flatnonzero(np.append(True, _is_after(rows, columns)))
        if len(firsts) < len(values):
            rows, columns, values = rows[firsts], columns[firsts], joined.reduceat(values, firsts)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n_states))])
    return ListedMoves(frozen(starts), frozen(columns.astype(np.int32)), frozen(values))


def _is_after(rows: npt.NDArray[Any], columns: npt.NDArray[Any]) -> BoolArray:
    """Of all moves but the first, whether it is after the one before it."""
    is_after: BoolArray = (rows[1:] > rows[:-1]) | ((rows[1:] == rows[:-1]) & (columns[1:] > columns[:-1]))
    return is_after


def _refuse_entry(
    name: str, bad: BoolArray, need: str, rows: npt.NDArray[Any], columns: npt.NDArray[Any], values: FloatArray
) -> None:
    for n in np.flatnonzero(bad)[:1]:
        index = int(rows[n]), int(columns[n])
        raise EntryError(f"{entry_name(name, index)} must be {need}, got {float(values[n])!r}", index)


def band(diagonals: npt.ArrayLike, lower: int, normalize: bool = False) -> tuple[FloatArray, int]:
    """Let the diagonals of a matrix in whose rows are distributions, and how many of them are below its middle."""
    given = real_numbers("diagonals", diagonals)
    array = real_parameters("diagonals", given, ("bandwidth", "K"))
    n_below, (width, n_states) = integer("lower", lower), array.shape
    if not 0 <= n_below < width:
        raise ValueError(
            f"lower must be from 0 to {width - 1}, as so many diagonals are below the middle one, got {lower}"
        )
    refuse_first("diagonals", array < 0, "at least 0", array)
    to = np.arange(n_states) + np.arange(width)[:, np.newaxis] - n_below
    leads_out = ((to < 0) | (to >= n_states)) & (array > 0)
    refuse_first(
        "diagonals", leads_out, "0, since it leads to no state (diagonals[d, i] is p(i -> i + d - lower))", array
    )
    kind = np.asarray(given).dtype
    with np.errstate(over="ignore"):
        sums = array.sum(axis=0)
    if divided_by_sums("diagonals", sums, kind, sum_tolerance(kind, width), normalize, "column"):
        array = array / sums
    return frozen(array + 0.0), n_below


def jumps(value: npt.ArrayLike, normalize: bool = False) -> FloatArray:
    """Let the distribution in of where a chain jumps to."""
    return distributions("jump", value, ("K",), normalize)


def staying_by_state(value: npt.ArrayLike, n_states: int) -> FloatArray:
    """Let the probabilities to stay in, one of all states or one of each."""
    stay = probabilities("stay", value, None)
    if stay.shape not in ((), (n_states,)):
        raise ValueError(
            f"stay must be a number or have shape ({n_states},), as jump has, got {stay.shape}: by_step=True says that "
            "it has an entry for each step instead, (T - 1,)"
        )
    each: FloatArray = frozen(np.broadcast_to(stay, (n_states,)).copy())
    return each


def staying_by_step(value: npt.ArrayLike) -> FloatArray:
    """Let the probabilities to stay in, one of each step."""
    return probabilities("stay", value, ("T - 1",))


def stays_for_good(least: FloatArray, others: FloatArray) -> None:
    """Insist that a state from which a chain can jump nowhere else is never left: how probable it is at least, (K,)."""
    for i in np.flatnonzero((others == 0) & (least < 1))[:1]:
        raise ValueError(f"stay must be 1 in state {i}, since jump leads to no other state, got {float(least[i])!r}")


def factor(name: str, value: Any, known: tuple[type, ...]) -> Any:
    """Insist on a factor whose moves can be listed."""
    if not isinstance(value, known):
        kinds = ", ".join(kind.__name__ for kind in known)
        raise TypeError(f"{name} must be an array, a scipy.sparse array, or one of {kinds}, got {type(value).__name__}")
    return value


def nodes(kind: str, n_nodes: int) -> None:
    """Insist on so few nodes of a network that their numbers have 32 bits."""
    if n_nodes > MOST_NODES:
        raise ValueError(f"{kind} must have fewer states, got {n_nodes} nodes of its network, of at most {MOST_NODES}")


def dense_in_memory(n_states: int, n_matrices: int = 1) -> None:
    """Insist that matrices of all pairs of states fit into memory."""
    n_bytes = 8 * n_matrices * n_states**2
    if n_bytes > memory_size():
        raise ValueError(
            f"to_dense must leave room in memory, got {n_states} states: {n_bytes / 1e9:.3g} GB of "
            f"{memory_size() / 1e9:.3g}"
        )


def few_fill_ins(kind: str, n_numbers: int, most: int) -> None:
    """Insist that states can be taken out of a chain one by one without making it dense."""
    if n_numbers > most:
        raise ValueError(
            f"initial must be probabilities for {kind} transitions of so many states that lead far, got 'stationary': "
            "hmmfilter.stationary_distribution(transition.to_dense()) finds them by K x K numbers"
        )


def one_rhythm(n_classes: int) -> None:
    """Insist that two chains do not come around in step, so that they never meet in some pairs of states."""
    if n_classes > 1:
        raise ValueError(
            "initial must be probabilities for Kronecker transitions whose factors come around in rhythms, both "
            f"multiples of {n_classes}, since there are as many stationary distributions, got 'stationary'"
        )


def same_numbers(kind: str, order: IntArray) -> None:
    """Insist on the numbers that there are for states that are pairs."""
    if (np.diff(order) < 0).any():
        raise ValueError(
            f"order must leave the states of {kind} transitions as they are, which are numbered as pairs, got "
            f"{shown(order.tolist())}: a model of hmmfilter.transitions.Sparse(model.transition.to_dense()) takes any"
        )


def room_for_rows(n_states: int, width: int, n_moves: int) -> None:
    """Insist on rows of moves that a table with as many places in each does not make much more of."""
    if n_states * width > max(MOST_PLACES, MOST_TIMES * n_moves):
        raise ValueError(
            f"transition must have about as many moves from each state to learn, got {n_moves} of {n_states} states, "
            f"{width} of them from a single one"
        )


def one_for_all_moves(name: str, shape: tuple[int, ...], diagonal: float) -> None:
    """Insist on a prior that believes the same of all moves that are listed."""
    if shape != () or diagonal > 0:
        got = f"shape {shape}" if shape != () else f"diagonal {diagonal:g}"
        raise ValueError(f"{name} must have one concentration for all moves, where these are listed, got {got}")


def stays_of_steps(n_stays: int, starts: IntArray) -> None:
    """Insist on a stay for each step; that of a single sequence's last one may be missing."""
    n_rows = int(starts[-1])
    if n_stays != n_rows and not (len(starts) == 2 and n_stays == n_rows - 1):
        needed = f"{n_rows - 1} or {n_rows}" if len(starts) == 2 else str(n_rows)
        raise ValueError(f"stay must have {needed} entries, one of each step that leads on, got {n_stays}")


def no_matrices_of_moves(is_by_matrix: bool) -> None:
    """Refuse counts by matrix where moves are listed."""
    if is_by_matrix:
        raise ValueError("per_matrix must be False where a chain lists its moves, got True")


def not_stationary(kind: str, initial: str) -> None:
    """Refuse to learn where a chain settles that lists its moves."""
    if initial == "stationary":
        raise ValueError(f"initial must be 'free' or 'fixed' where the transition is {kind}, got 'stationary'")
