"""What users may call from their own compiled code."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from hmmfilter.lse.softmaxes import softmax
from hmmfilter.lse.sums import logsumexp


def _register_with_numba() -> None:
    """Called by Numba itself, which the package's metadata tell of it, before it first compiles anything.

    Kernels are imported when somebody calls one of these: most of Numba's users never do.
    """
    from hmmfilter._kernels.offering import offer_inside_compiled_code

    offer_inside_compiled_code(logsumexp, kernels_of_logsumexp)
    offer_inside_compiled_code(softmax, kernels_of_softmax)


def kernels_of_logsumexp() -> tuple[Any, Any]:
    """Its kernel, and the one that rounds what it returns."""
    lse = import_module("hmmfilter._compiled.lse")
    return lse.log_sum_exp_of, lse.float32_number


def kernels_of_softmax() -> tuple[Any, Any]:
    """Its kernel, and the one that rounds what it returns."""
    lse = import_module("hmmfilter._compiled.lse")
    return lse.softmax_of, lse.float32_vector
