"""The log-sum-exp family: log Σ_i exp(x_i), and what belongs to it.

Whatever sums exponentials here shifts by the largest term first, log Σ exp(x_i) = a + log Σ exp(x_i − a), but for the
two that show what happens otherwise: `naive_logsumexp` and `logaddexp_reduce`.

The shift holds for any a. Log-sum-exp is the sum of a semiring whose product is +: with x ⊕ y = log(e^x + e^y),

    (x ⊕ y) ⊕ z = x ⊕ (y ⊕ z),    x ⊕ y = y ⊕ x,    x ⊕ −∞ = x,    z + (x ⊕ y) = (z + x) ⊕ (z + y),

and the same holds for max. So a recursion in sums and products of probabilities runs in logs unchanged, with ⊕ in place
of + and + in place of ×; with max in place of ⊕, filtering becomes Viterbi decoding. Each law stated here, or under
Notes below, is a test of its own.

Arguments in common: ``x`` is anything that numpy takes for an array of real numbers, of any shape; float16 and float32
stay what they are, everything else becomes float64, and the arithmetic is that of float64 throughout. ``axis`` is one
axis, a tuple of them, or None for all; results have the shape of ``x`` without these axes, or its own where there is a
result for each entry. An entry that is masked, by ``where=False`` or in a NumPy masked array, has weight zero, and an
entry of weight zero does not exist, be it NaN. Weights must be valid everywhere; below 1e-300 they lose digits. They
are from 0 up; `logsumexp` takes others with ``return_sign=True``, since a sum below zero has no log.
``logsumexp(x)`` and ``softmax(x)`` of one vector, of any type but float16, can be called from your own ``@njit``
functions.
"""

from hmmfilter.lse.differences import log1mexp, logdiffexp
from hmmfilter.lse.maxima import bounds, negative_entropy, smooth_max
from hmmfilter.lse.offers import _register_with_numba as _register_with_numba  # which the metadata of the package name
from hmmfilter.lse.running import logcumsumexp
from hmmfilter.lse.softmaxes import log_softmax, softmax
from hmmfilter.lse.sums import logaddexp_reduce, logmeanexp, logsumexp, naive_logsumexp

__all__ = [
    "bounds",
    "log1mexp",
    "log_softmax",
    "logaddexp_reduce",
    "logcumsumexp",
    "logdiffexp",
    "logmeanexp",
    "logsumexp",
    "naive_logsumexp",
    "negative_entropy",
    "smooth_max",
    "softmax",
]
