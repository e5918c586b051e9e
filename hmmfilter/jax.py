"""The log-likelihood for JAX, to put a hidden Markov model on what a network says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _gradients
from hmmfilter._docstrings import as_in

try:
    import jax
    import jax.numpy as jnp
except ImportError as error:
    raise ImportError("hmmfilter.jax needs JAX: pip install 'hmmfilter[jax]'") from error

__all__ = ["log_likelihood"]

ALL_CORES = -1
Array = npt.NDArray[Any]
Ask = Callable[..., tuple[Array, ...]]


@as_in(_gradients.log_likelihood)
def log_likelihood(log_initial: Any, log_transition: Any, log_likelihoods: Any, lengths: Any = None) -> jax.Array:
    """Compute the log-probability of all observations, summed over all paths, for JAX to differentiate.

    Values and gradients are those of `hmmfilter.log_likelihood` and `hmmfilter.log_likelihood_gradient`, computed in
    doubles on the CPU, in a callback, and given back in the precision of the arrays, at least float32. ``jit`` and
    ``vmap`` apply, but a padded batch is faster. Of arrays by which nothing is differentiated, no gradient is computed.
    It can be taken once: there are no second derivatives and no forward mode.

    Nothing has to sum to 1: of scores, this is the normaliser of a linear-chain conditional random field. Where there
    are to be probabilities, take ``log_softmax`` of parameters that are free. For a zero that stays, put −inf in after
    it, by ``jnp.where``: its gradient is 0, where that of the logarithm of 0 would be NaN.

    Parameters
    ----------
    log_initial : array_like, (K,) or (N, K)
        As in `log_likelihood`.
    log_transition : array_like, (K, K), (T − 1, K, K), (T, K, K), or (N, T − 1, K, K)
        As in `log_likelihood`.
    log_likelihoods : array_like, (T, K) or (N, T, K)
        As in `log_likelihood`.
    lengths : array_like of int, (N,), optional
        As in `log_likelihood`.

    Returns
    -------
    total : jax.Array, () or (N,)
        As in `log_likelihood`.

    Raises
    ------
    jax.errors.JaxRuntimeError
        For NaN, +inf, wrong shapes, and anything but real numbers: the last line says what is wrong.

    References
    ----------
    Cappé, Moulines, Rydén, *Inference in Hidden Markov Models* (2005), section 10.1.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> import numpy as np
    >>> import hmmfilter.jax
    >>> def loss(parameters, scores):
    ...     start, moves = (jax.nn.log_softmax(each) for each in parameters)
    ...     return -hmmfilter.jax.log_likelihood(start, moves, scores)
    >>> parameters = jnp.zeros(2), jnp.zeros((2, 2))
    >>> scores = jnp.array([[0.0, -3.0], [0.0, -1.0], [-2.0, 0.0]])  # what a network says
    >>> round(float(jax.jit(loss)(parameters, scores)), 4)
    1.5907
    >>> -np.asarray(jax.grad(loss, argnums=1)(parameters, scores)).round(4)  # p(h_t = k | v_1:T)
    array([[0.9526, 0.0474],
           [0.7311, 0.2689],
           [0.1192, 0.8808]], dtype=float32)

    Sequences of unequal lengths, padded:

    >>> padded = jnp.stack([scores, scores - 1.0])
    >>> log_initial, log_transition = map(jax.nn.log_softmax, parameters)
    >>> totals = hmmfilter.jax.log_likelihood(log_initial, log_transition, padded, lengths=[3, 2])
    >>> np.asarray(totals).round(3)
    array([-1.591, -3.024], dtype=float32)
    """
    tables = (jnp.asarray(table) for table in (log_initial, _gradients.matrices(log_transition), log_likelihoods))
    reals = (table.astype(jnp.promote_types(table.dtype, jnp.float32)) for table in tables)
    total: jax.Array = _differentiable(*reals, None if lengths is None else jnp.asarray(lengths))
    return total


def _total(log_initial: Any, log_transition: Any, log_likelihoods: Any, lengths: Any) -> Any:
    tables = log_initial, log_transition, log_likelihoods
    of_several = () if lengths is None else lengths.shape
    shape = log_likelihoods.shape[:1] if log_likelihoods.ndim == 3 else of_several
    outcome = jax.ShapeDtypeStruct(shape, jnp.result_type(*tables))

    def on_host(*arrays: Any) -> tuple[Any, ...]:
        return (_gradients.log_likelihood(*arrays, workers=ALL_CORES),)

    return _called_back(on_host, (outcome,), (*tables, lengths))[0]


def _forward(*inputs: Any) -> tuple[Any, Any]:
    """The total, and what its gradient needs: () marks a table of which it is wanted, as a flag would be traced."""
    given = tuple(None if each is None else each.value for each in inputs)
    total = _total(*given)
    return total, (given, total, tuple(() if each.perturbed else None for each in inputs[:3]))


def _backward(kept: Any, weights: Any) -> tuple[Any, ...]:
    given, total, marks = kept
    wanted = _gradients.Wanted(*(mark is not None for mark in marks))

    def on_host(*arrays: Any) -> tuple[Any, ...]:
        parts = _gradients.gradient(*arrays, wanted=wanted, workers=ALL_CORES)
        return tuple(part for part in parts if part is not None)

    outcomes = tuple(
        jax.ShapeDtypeStruct(table.shape, table.dtype)
        for table, is_wanted in zip(given, wanted, strict=False)
        if is_wanted
    )
    parts = iter(_called_back(on_host, outcomes, (*given, total, weights)))
    return (*(next(parts) if is_wanted else None for is_wanted in wanted), None)


_differentiable = jax.custom_vjp(_total)
_differentiable.defvjp(_forward, _backward, symbolic_zeros=True)


def _called_back(ask: Ask, outcomes: tuple[Any, ...], inputs: tuple[Any, ...]) -> Any:
    """What a function of NumPy's arrays comes to; under `jax.vmap`, that of each example."""
    n_axes = [0 if each is None else each.ndim for each in inputs]

    def on_host(*given: Any) -> tuple[Array, ...]:
        arrays = [None if each is None else np.asarray(each) for each in given]
        before = [each.shape[: each.ndim - n] for each, n in zip(arrays, n_axes, strict=True) if each is not None]
        examples = np.broadcast_shapes(*before)
        found = _of_each(ask, arrays, n_axes, examples) if examples else ask(*arrays)
        return tuple(
            np.asarray(part, outcome.dtype).reshape((*examples, *outcome.shape))
            for part, outcome in zip(found, outcomes, strict=True)
        )

    return jax.pure_callback(on_host, outcomes, *inputs, vmap_method="expand_dims")


def _of_each(ask: Ask, arrays: list[Array | None], n_axes: list[int], examples: tuple[int, ...]) -> tuple[Array, ...]:
    """What a function comes to of each example; an array that examples share has a 1 where they are counted."""

    def flat(array: Array | None, n: int) -> Any:
        if array is None:
            return None
        own = array.shape[array.ndim - n :]
        return np.broadcast_to(array, (*examples, *own)).reshape(-1, *own)

    initial, transition, table, lengths, *others = map(flat, arrays, n_axes)
    if table.ndim == 3 and lengths is None:  # single sequences, of one length: a padded batch
        by_step = transition if transition.ndim == 4 else transition[:, None]
        return ask(initial, by_step, table, None, *others)
    every = (initial, transition, table, lengths, *others)
    found = [ask(*(each if each is None else each[n] for each in every)) for n in range(len(table))]
    return tuple(map(np.stack, zip(*found, strict=True)))
