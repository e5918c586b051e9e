"""What not to do: the recursions without protection, or with too little, to be watched. For teaching, not for use.

`forward_filter`, `smooth` and `viterbi` are the recursions as textbooks print them: products of probabilities, not
normalised, no logs. α, β and δ shrink by a constant factor a step until they fall below the smallest normal number of
their dtype, from where they lose digit after digit, and then below the smallest number of all, from where everything is
zero. Nothing repairs it: likelihoods are 0 then, and probabilities 0 / 0 = NaN. Each result says at which step it
happened. (Densities above 1 may grow past the largest number instead; that is not looked for, and ends in inf and NaN.)

`scaled_forward_filter` and `exp_dot_log_forward_filter` are the usual repairs. They survive where the bare recursion
dies, and that is their danger: what lies about 745 nats (a factor of 1e-323) below the best state, or less where the
likelihoods themselves are small, is lost without a word, and the answer stays finite and plausible when that state
would have come back. With an epsilon no state is lost; what speaks against it beyond the epsilon is forgotten instead.
Each result says at which step a state was first lost.

The kernels stand beside those of the log version, with the same names and loops: ``run_naive_forward`` and
``run_forward``. Conventions are those of `hmmfilter.model`.
"""

from hmmfilter.naive.repaired import (
    ExpDotLogFiltered,
    ScaledFiltered,
    exp_dot_log_forward_filter,
    scaled_forward_filter,
)
from hmmfilter.naive.textbook import NaiveDecoded, NaiveFiltered, NaiveSmoothed, forward_filter, smooth, viterbi

__all__ = [
    "ExpDotLogFiltered",
    "NaiveDecoded",
    "NaiveFiltered",
    "NaiveSmoothed",
    "ScaledFiltered",
    "exp_dot_log_forward_filter",
    "forward_filter",
    "scaled_forward_filter",
    "smooth",
    "viterbi",
]
