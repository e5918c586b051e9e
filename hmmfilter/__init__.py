"""Hidden Markov models in log space: exact filtering, smoothing and Viterbi decoding, compiled with Numba.

Start with `HMM` for a model and observations, or with `forward_filter`, `smooth` and `viterbi` for tables of logs.
The conventions are in `hmmfilter.model`.
"""

from hmmfilter import emissions, lse, naive
from hmmfilter._checks import ImpossibleEvidenceError
from hmmfilter.decoding import viterbi
from hmmfilter.filtering import forward_filter, log_likelihood, predict
from hmmfilter.model import HMM
from hmmfilter.results import Decoded, Filtered, Forecast, Smoothed
from hmmfilter.smoothing import smooth
from hmmfilter.stationarity import stationary_distribution
from hmmfilter.streaming import FixedLagSmoother, OnlineFilter

__all__ = [
    "HMM",
    "Decoded",
    "Filtered",
    "FixedLagSmoother",
    "Forecast",
    "ImpossibleEvidenceError",
    "OnlineFilter",
    "Smoothed",
    "emissions",
    "forward_filter",
    "log_likelihood",
    "lse",
    "naive",
    "predict",
    "smooth",
    "stationary_distribution",
    "viterbi",
]
