"""Hidden Markov models in log space: exact filtering, smoothing and Viterbi decoding, compiled with Numba.

Start with `HMM` for a model and observations, or with `forward_filter`, `smooth` and `viterbi` for tables of logs.
The conventions are in `hmmfilter.model`.
"""

from hmmfilter import emissions, lse, naive
from hmmfilter._checks import ImpossibleEvidenceError
from hmmfilter.decoding import max_marginals, posterior_decode, viterbi, viterbi_n_best
from hmmfilter.filtering import forward_filter, log_likelihood, predict
from hmmfilter.model import HMM
from hmmfilter.results import (
    Decoded,
    ExpectedTransitions,
    Filtered,
    Forecast,
    Gradient,
    NBest,
    PosteriorDecoded,
    Smoothed,
)
from hmmfilter.sampling import sample_paths
from hmmfilter.smoothing import expected_transitions, log_likelihood_gradient, pairwise_marginals, smooth
from hmmfilter.stationarity import stationary_distribution
from hmmfilter.streaming import FixedLagSmoother, OnlineFilter, filter_blocks

__all__ = [
    "HMM",
    "Decoded",
    "ExpectedTransitions",
    "Filtered",
    "FixedLagSmoother",
    "Forecast",
    "Gradient",
    "ImpossibleEvidenceError",
    "NBest",
    "OnlineFilter",
    "PosteriorDecoded",
    "Smoothed",
    "emissions",
    "expected_transitions",
    "filter_blocks",
    "forward_filter",
    "log_likelihood",
    "log_likelihood_gradient",
    "lse",
    "max_marginals",
    "naive",
    "pairwise_marginals",
    "posterior_decode",
    "predict",
    "sample_paths",
    "smooth",
    "stationary_distribution",
    "viterbi",
    "viterbi_n_best",
]
