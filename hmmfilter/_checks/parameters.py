"""What a model and its emission are made of: numbers, probabilities, names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import BoolArray, FloatArray, IntArray, frozen
from hmmfilter._checks.arrays import DOUBLE, float_array, refuse_first, require_shape
from hmmfilter._checks.errors import MOST_ENTRIES, shown
from hmmfilter._checks.numbers import real_numbers
from hmmfilter._checks.settings import flag
from hmmfilter._kernels.network import Network
from hmmfilter._ways import ends_of

MOST_RATE = 9e18  # of counts that are drawn as whole numbers of 64 bits
SUM_TOLERANCE = 1e-8  # how far from 1 a row of probabilities may sum, at least


def real_parameters(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...] | None) -> FloatArray:
    """Let finite numbers of any kind in, of any shape where it is None; copied, as their owner is frozen."""
    array: FloatArray = float_array(name, real_numbers(name, value)).copy()
    if shape is not None:
        require_shape(name, array, shape)
    refuse_first(name, ~np.isfinite(array), "finite", array)
    array.flags.writeable = False
    return array


def non_negative(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...] | None) -> FloatArray:
    """Let finite numbers from 0 up in, of any shape where it is None."""
    array = real_parameters(name, value, shape)
    refuse_first(name, array < 0, "at least 0", array)
    unsigned: FloatArray = frozen(array + 0.0)  # whose inverse is no −∞
    return unsigned


def positive(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...]) -> FloatArray:
    """Let finite numbers above 0 in."""
    array = real_parameters(name, value, shape)
    refuse_first(name, array <= 0, "above 0", array)
    return array


def below_one(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...]) -> FloatArray:
    """Let numbers from 0 to below 1 in."""
    array = non_negative(name, value, shape)
    refuse_first(name, array >= 1, "below 1", array)
    return array


def probabilities(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...] | None) -> FloatArray:
    """Let numbers from 0 to 1 in, of any shape where it is None."""
    array = non_negative(name, value, shape)
    refuse_first(name, array > 1, "at most 1", array)
    return array


def distributions(name: str, value: npt.ArrayLike, shape: tuple[int | str, ...], normalize: bool = False) -> FloatArray:
    """Let probabilities in that sum to 1 along the last axis, as far as the rounding of their kind of float explains.

    Doubles are used as given, unless they are to be normalised. Shorter floats are as many doubles that miss 1 because
    of what they came in as: they are divided by their sums.
    """
    given = real_numbers(name, value)
    array = real_parameters(name, given, shape)
    kind = np.asarray(given).dtype
    tolerance = sum_tolerance(kind, array.shape[-1])
    refuse_first(name, array < -tolerance, "at least 0", array)
    refuse_first(name, array < 0, "at least 0 (set what rounding left below it to 0, and give normalize=True)", array)
    with np.errstate(over="ignore"):
        sums = array.sum(axis=-1)
    if divided_by_sums(name, sums, kind, tolerance, normalize):
        array = array / sums[..., np.newaxis]
        array.flags.writeable = False
    return array


def sum_tolerance(kind: np.dtype[Any], n_terms: int) -> float:
    """How far from 1 so many probabilities of a kind of number may sum."""
    return max(SUM_TOLERANCE, n_terms * float(np.finfo(kind).eps) if kind.kind == "f" else 0.0)


def divided_by_sums(
    name: str,
    sums: FloatArray,
    kind: np.dtype[Any],
    tolerance: float,
    normalize: bool,
    line: str = "row",
    way_on: str = ": normalize=True divides by the sum",
) -> bool:
    """Insist on sums of 1 along lines, or any above 0 where they are to be divided by; whether they are, of a kind."""
    has_sum, divides = (sums > 0) & (sums < np.inf), flag("normalize", normalize)
    off = np.argwhere(~has_sum if divides else ~has_sum | (np.abs(sums - 1.0) > tolerance))
    if len(off):
        index = tuple(map(int, off[0]))
        which = "".join(f" {line} {i}" for i in index)
        need = "have a sum above 0 that fits into a double" if divides else "sum to 1"
        hint = way_on if has_sum[index] and not divides else ""
        raise ValueError(f"{name}{which} must {need}, got {float(sums[index]):.10g}{hint}")
    return divides or (kind.kind == "f" and kind.itemsize < DOUBLE.itemsize)


def transition_matrix(value: npt.ArrayLike, normalize: bool = False, name: str = "transition") -> FloatArray:
    """Let a square matrix in whose rows are distributions."""
    matrix = distributions(name, value, ("K", "K"), normalize)
    require_shape(name, matrix, (len(matrix), len(matrix)))
    return matrix


def end_probabilities(value: npt.ArrayLike | None, n_states: int) -> FloatArray | None:
    """Let the probabilities in with which a sequence ends in each state, one of them above 0."""
    if value is None:
        return None
    final = probabilities("final", value, (n_states,))
    if not final.any():
        raise ValueError("final must be above 0 in some state, or no sequence ends, got 0 in all")
    return final


def ends_surely(chain: Any, initial: FloatArray, transition: Any, final: FloatArray | None) -> None:
    """Insist on a chain that is the same at each step, and from which an end is reached, wherever it leads."""
    if final is None:
        raise ValueError("length must be given for a model without end probabilities, got None")
    if chain._needs:
        raise ValueError(f"length must be given where the chain depends on {' and '.join(chain._needs)}, got None")
    comes, ends = initial > 0, final > 0
    if hasattr(chain, "_ways"):
        if chain._changes:
            raise ValueError("length must be given where the chain is another one from step to step, got None")
        ways, goes_on, any_state = chain._ways(), final < 1, np.ones(len(final), dtype=np.bool_)
        comes, ends = _led_to(ways.onward, comes, goes_on, any_state), _led_to(ways.back, ends, any_state, goes_on)
    else:
        leads = (transition > 0) & (final < 1)[:, np.newaxis]
        for _ in range(len(final)):
            comes, ends = comes | (comes @ leads), ends | (leads @ ends)
    for k in np.flatnonzero(comes & ~ends)[:1]:
        raise ValueError(f"length must be given where a path may never end, got None: state {k} leads to no end")


def _led_to(network: Network, begins: BoolArray, leaves: BoolArray, arrives: BoolArray) -> BoolArray:
    """To which states moves of a network lead, sooner or later, from some; moves from, and to, such states alone."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order

    n_states, n_nodes = len(begins), len(begins) + network.n_between
    between = np.ones(network.n_between, dtype=np.bool_)
    sources, targets = ends_of(network)
    targets = np.where(targets >= n_nodes, targets - n_nodes, targets)  # after a step is before the next one
    are_open = np.append(leaves, between)[sources] & np.append(arrives, between)[targets]
    begun = np.flatnonzero(begins)
    nodes = np.append(sources[are_open], np.full(len(begun), n_nodes)), np.append(targets[are_open], begun)
    graph = coo_array((np.ones(len(nodes[0]), dtype=np.int8), nodes), shape=(n_nodes + 1, n_nodes + 1)).tocsr()
    led_to = np.zeros(n_nodes + 1, dtype=np.bool_)
    led_to[breadth_first_order(graph, n_nodes, return_predecessors=False)] = True
    return led_to[:n_states]


def certain_state(name: str, value: Any, names: Sequence[str]) -> FloatArray:
    """Let a state in, by number or name, as the distribution that is certain of it."""
    certain = np.zeros(len(names))
    certain[state_number(name, value, len(names), names)] = 1.0
    return certain


def state_number(name: str, value: Any, n_states: int, names: Sequence[str]) -> int:
    """Let a state in, by number or, where there are names, by name; the answer is its number."""
    number = names.index(value) if isinstance(value, str) and value in names else value
    is_number = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
    if not is_number or not 0 <= number < n_states:
        known = "" if isinstance(value, str) and names else f" from 0 to {n_states - 1}"
        called = " or the name" if names else ""
        raise ValueError(f"{name} must be the number{known}{called} of a state, got {shown(value)}")
    return int(number)


def kept_states(states: Any, shape: tuple[int, ...]) -> tuple[IntArray | None, tuple[int, ...]]:
    """Let the numbers in of the states that a table is to have, or None for all; and tell its shape then."""
    if states is None:
        return None, shape
    numbers = chosen_states(states, shape[1])
    return numbers, (shape[0], len(numbers))


def chosen_states(value: Any, n_states: int, names: Sequence[str] = ()) -> IntArray:
    """Let different states in, at least one, by number or, where there are names, by name; the answer is numbers."""
    if isinstance(value, (str, dict)) or not np.iterable(value):
        raise TypeError(f"states must be a list of states, got {shown(value)}")
    given = list(value)
    numbers = [state_number(f"states[{n}]", state, n_states, names) for n, state in enumerate(given)]
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(f"states must be different ones, at least one, got {shown(given)}")
    chosen: IntArray = frozen(np.array(numbers, dtype=np.int64))
    return chosen


def going_on(transition: npt.ArrayLike, final: npt.ArrayLike | None) -> npt.ArrayLike:
    """A matrix whose rows sum to 1, where they were given so or, as elsewhere, with the end as one more state.

    Of a state that always ends a sequence, from which nothing leads on, the row may be one of zeros.
    """
    if final is None or np.shape(final) != np.shape(transition)[:1] or np.ndim(transition) != 2:
        return transition
    matrix = non_negative("transition", transition, ("K", "K"))
    sums = matrix.sum(axis=1)
    if not are_rests(sums, final):
        return transition
    never = sums == 0
    with_rows = np.where(never[:, np.newaxis], np.eye(len(matrix)), matrix)
    whole: FloatArray = with_rows / np.where(never, 1.0, sums)[:, np.newaxis]
    return whole


def are_rests(sums: FloatArray, final: npt.ArrayLike) -> bool:
    """Whether rows sum to what the end leaves of 1, rather than to 1."""
    ends = probabilities("final", final, (len(sums),))
    misses = np.abs(sums - (1 - ends))
    return bool(((misses <= SUM_TOLERANCE) & (misses <= np.abs(sums - 1))).all())


def one_matrix(kind: str, is_one: bool) -> None:
    """Insist on a chain that moves by one matrix, where the logs of that are asked for."""
    if not is_one:
        raise AttributeError(
            f"log_transition must be of one matrix, the same at each step, and there is none of {kind} transitions: "
            "model.transition says how the chain moves, and model.transition.to_dense() gives the matrix where it can"
        )


def state_names(value: Sequence[str] | None, n_states: int) -> tuple[str, ...]:
    """Let one name a state in, all different; without them, the states' numbers."""
    if value is None:
        return tuple(map(str, range(n_states)))
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) and name for name in value):
        raise TypeError(f"state_names must be a list of non-empty strings, got {shown(value)}")
    if len(value) != n_states or len(set(value)) != n_states:
        raise ValueError(f"state_names must be {n_states} different names, got {shown(list(value))}")
    for name in value:
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise ValueError(f"state_names must be text that UTF-8 can hold, got {shown(name)}")
    return tuple(map(str.__str__, value))  # plain ones, also of NumPy's


def stationary_word(initial: str) -> None:
    """Insist on the one word that may stand for an initial distribution."""
    if initial != "stationary":
        raise ValueError(f"initial must be probabilities or 'stationary', got {shown(initial)}")


def emission(value: Any, n_states: int) -> None:
    """Insist on an emission for as many states as the transition has."""
    if isinstance(value, type):
        raise TypeError(f"emission must be an emission, got the class {value.__name__}")
    for attribute in ("n_states", "log_likelihoods", "sample"):
        if not hasattr(value, attribute):
            raise TypeError(
                "emission must have n_states, log_likelihoods and sample, as those of hmmfilter.emissions do, "
                f"got {type(value).__name__} without {attribute}"
            )
    if value.n_states != n_states:
        raise ValueError(f"emission must have the {n_states} states of transition, got {value.n_states}")


def moments(value: Any, n_states: int) -> tuple[FloatArray, FloatArray]:
    """Let the moments of an emission in: numbers of any kind, since a distribution may have none."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise TypeError(f"moments must return a tuple of the means and the variances, got {shown(value)}")
    mean, variance = float_array("mean", value[0]), float_array("variance", value[1])
    require_shape("mean", mean, (n_states, "D") if mean.ndim == 2 else (n_states,))
    require_shape("variance", variance, mean.shape + mean.shape[1:])
    return mean, variance


def states(value: npt.ArrayLike, n_states: int, name: str = "states") -> IntArray:
    """Let the numbers of states in."""
    array = float_array(name, value)
    require_shape(name, array, ("T",))
    fits = (array >= 0) & (array < n_states) & (array == np.floor(array))
    refuse_first(name, ~fits, f"a whole number from 0 to {n_states - 1}", array)
    return array.astype(np.int64)


def path_of(name: str, value: npt.ArrayLike, n_steps: int, n_states: int) -> IntArray:
    """Let the states of a path in, one for each step."""
    path = states(value, n_states, name)
    if len(path) != n_steps:
        raise ValueError(f"{name} must have a state for each of the {n_steps} steps, got {len(path)}")
    return path


def drawable_rates(rates: FloatArray) -> None:
    """Insist that counts of such rates are whole numbers of 64 bits."""
    refuse_first("the rate of states", rates > MOST_RATE, f"at most {MOST_RATE:.0e} for counts to be drawn", rates)


def single_closed_class(classes: list[IntArray]) -> IntArray:
    """Insist that a chain settles in one set of states."""
    if len(classes) > 1:
        sets = " and ".join(shown(states.tolist()) for states in classes[:MOST_ENTRIES])
        raise ValueError(
            "transition must lead to a single set of states that the chain never leaves, or it has more than one "
            f"stationary distribution, got {len(classes)}: {sets}"
        )
    return classes[0]


def representable(probabilities: FloatArray, states: IntArray) -> FloatArray:
    """Insist that no probability above zero of a stationary distribution, of some states, is rounded to zero."""
    for state in states[probabilities == 0][:1]:
        raise ValueError(
            f"transition must lead to state {state} with a probability of 5e-324 or more in the long run, got a "
            "smaller one above zero: the stationary distribution does not fit into doubles"
        )
    return probabilities
