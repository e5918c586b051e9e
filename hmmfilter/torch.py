"""The log-likelihood for PyTorch, to put a hidden Markov model on what a network says."""

from __future__ import annotations

import functools
from typing import Any

from hmmfilter import _gradients
from hmmfilter._docstrings import as_in

try:
    import torch
except ImportError as error:
    raise ImportError("hmmfilter.torch needs PyTorch: pip install 'hmmfilter[torch]'") from error

__all__ = ["log_likelihood"]


@as_in(_gradients.log_likelihood)
def log_likelihood(log_initial: Any, log_transition: Any, log_likelihoods: Any, lengths: Any = None) -> torch.Tensor:
    """Compute the log-probability of all observations, summed over all paths, for PyTorch to differentiate.

    Values and gradients are those of `hmmfilter.log_likelihood` and `hmmfilter.log_likelihood_gradient`, computed in
    doubles on the CPU, by up to ``torch.get_num_threads()`` threads, and given back in the precision of the tensors, on
    their device. Of tensors that do not require a gradient, none is computed. It can be taken once: there are no second
    derivatives, no forward mode, and no `torch.func.vmap`; batches are faster.

    Nothing has to sum to 1: of scores, this is the normaliser of a linear-chain conditional random field. Where there
    are to be probabilities, take ``log_softmax`` of parameters that are free. For a zero that stays, put −inf in after
    it, by ``masked_fill``: its gradient is 0, where that of the logarithm of 0 would be NaN.

    Parameters
    ----------
    log_initial : Tensor, (K,) or (N, K)
        As in `log_likelihood`.
    log_transition : Tensor, (K, K), (T − 1, K, K), (T, K, K), or (N, T − 1, K, K)
        As in `log_likelihood`.
    log_likelihoods : Tensor, (T, K) or (N, T, K)
        As in `log_likelihood`.
    lengths : Tensor or array_like of int, (N,), optional
        As in `log_likelihood`.

    Returns
    -------
    total : Tensor, () or (N,)
        As in `log_likelihood`.

    Raises
    ------
    ValueError, TypeError
        For NaN, +inf, wrong shapes, and anything but real numbers.

    References
    ----------
    Cappé, Moulines, Rydén, *Inference in Hidden Markov Models* (2005), section 10.1.

    Examples
    --------
    >>> import torch
    >>> import hmmfilter.torch
    >>> start, moves = torch.zeros(2, requires_grad=True), torch.zeros(2, 2, requires_grad=True)
    >>> scores = torch.tensor([[0.0, -3.0], [0.0, -1.0], [-2.0, 0.0]], requires_grad=True)  # what a network says
    >>> log_initial, log_transition = start.log_softmax(-1), moves.log_softmax(-1)
    >>> total = hmmfilter.torch.log_likelihood(log_initial, log_transition, scores)
    >>> round(total.item(), 4)
    -1.5907
    >>> total.backward()
    >>> scores.grad  # p(h_t = k | v_1:T)
    tensor([[0.9526, 0.0474],
            [0.7311, 0.2689],
            [0.1192, 0.8808]])

    Sequences of unequal lengths, padded, and one step of learning:

    >>> padded = torch.stack([scores.detach(), scores.detach() - 1.0])
    >>> totals = hmmfilter.torch.log_likelihood(start.log_softmax(-1), moves.log_softmax(-1), padded, lengths=[3, 2])
    >>> optimizer = torch.optim.SGD([start, moves])
    >>> optimizer.zero_grad()
    >>> (-totals.sum()).backward()
    >>> optimizer.step()
    """
    tables = map(torch.as_tensor, (log_initial, _gradients.matrices(log_transition), log_likelihoods))
    total: torch.Tensor = _LogLikelihood.apply(*tables, None if lengths is None else torch.as_tensor(lengths))
    return total


class _LogLikelihood(torch.autograd.Function):  # type: ignore[misc]
    """The log-likelihood as a node of PyTorch's graphs."""

    @staticmethod
    def forward(*inputs: Any) -> torch.Tensor:
        total = _gradients.log_likelihood(*map(_array, inputs), workers=torch.get_num_threads())
        precision = functools.reduce(torch.promote_types, (table.dtype for table in inputs[:3]), torch.float32)
        return torch.as_tensor(total, dtype=precision, device=inputs[2].device)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    def backward(ctx: Any, weights: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return (*_Gradient.apply(*ctx.saved_tensors, weights, ctx.needs_input_grad[:3]), None)


class _Gradient(torch.autograd.Function):  # type: ignore[misc]
    """Its gradient: a function of its own, since torch.func gives plain tensors to these alone."""

    @staticmethod
    def forward(*inputs: Any) -> tuple[torch.Tensor | None, ...]:
        *tensors, needed = inputs
        arrays, wanted = map(_array, tensors), _gradients.Wanted(*needed)
        parts = _gradients.gradient(*arrays, wanted=wanted, workers=torch.get_num_threads())
        return tuple(
            None if part is None else torch.as_tensor(part, dtype=table.dtype, device=table.device)
            for part, table in zip(parts, tensors, strict=False)
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor | None, ...]) -> None:
        """Keep nothing."""

    @staticmethod
    def backward(ctx: Any, *weights: torch.Tensor) -> None:
        raise NotImplementedError("hmmfilter.torch.log_likelihood has a gradient, and no second derivatives")


def _array(tensor: torch.Tensor | None) -> Any:
    """What a tensor holds, as an array on the CPU, real numbers in doubles."""
    return (
        None
        if tensor is None
        else tensor.detach().to("cpu", torch.float64 if tensor.is_floating_point() else None).numpy()
    )
