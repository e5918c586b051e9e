"""Hidden Markov models in log space: exact filtering, smoothing, Viterbi decoding and learning, compiled with Numba.

Start with `HMM` for a model and observations, or learn it:

- `guess`: a first model of data, `fit_labelled`: the model of data whose states are known,
- `fit`: the most probable model for observations, from one to start from; `expected_statistics`, one step of it,
- `select`: how many states, by a criterion, `cross_validate`: by sequences that are held out,
- `classify`: which of some models sequences are of,
- `aligned`: a model with its states in the order of another one's,
- `higher_order`: a model whose next state depends on several before it,
- `Prior`, and what it is made of in `priors`: what is known of a model before its data are,

For tables of logs, from any model of your own, there are

- `forward_filter`: log p(h_t | v_1:t) at every step, and the log-likelihood; `log_likelihood` alone keeps no table,
- `smooth`: log p(h_t | v_1:T) at every step, and the log-likelihood,
- `viterbi`, `viterbi_n_best`: the most probable path, or the n most probable ones, and their log-probabilities,
- `max_marginals`: the log-probability of the best path through each state at every step,
- `posterior_decode`: the most probable state of every step, and how many of them are right on average,
- `expected_transitions`, `pairwise_marginals`: how often each state followed each other one, on average over all paths,
  and log p(h_t, h_{t+1} | v_1:T) at every step,
- `log_likelihood_gradient`: the derivatives of the log-likelihood, for an optimiser of your own,
- `sample_paths`: paths drawn from p(h_1:T | v_1:T),
- `one_step_predictions`, `filtered_pairs`: log p(h_t | v_1:t−1), and log p(h_t, h_{t+1} | v_1:t+1),
- `log_likelihoods_to_come`: log p(v_{t+1:T} | h_t), the logs of β,
- `path_log_joint`, `path_log_posterior`, `path_entropy`: how probable a path is, and how far from certain,
- `predict`: log p(h_{t+steps} | v_1:t), from log p(h_t | v_1:t),
- `OnlineFilter`, `FixedLagSmoother`, `filter_blocks`: streams, by rows or blocks; the bits of the whole,
- `OnlineSojourns`: streams of states that last as long as distributions say,
- `OnlineViterbi`: the most probable path of a stream, each state as soon as it is settled,
- `stationary_distribution`: where a Markov chain settles,
- `from_hmmlearn`, `from_dynamax`, `from_pomegranate`, `from_statsmodels`: models of other libraries; back again with
  `to_hmmlearn`, `to_dynamax`, `to_pomegranate`,
- `compile`: all of it compiled beforehand, so that nobody waits later.

What models are made of is in `emissions`, which for which data, and `transitions`, also for thousands of states and for
states that last. `hmmfilter.dask`, `sklearn`, `torch` and `jax` are imported by themselves. The conventions are in
`hmmfilter.model`.
"""

from typing import TYPE_CHECKING

from hmmfilter import emissions, lse, naive, priors, transitions
from hmmfilter._checks import DegenerateFitError, ImpossibleEvidenceError, ObjectiveFellError
from hmmfilter.aligning import aligned
from hmmfilter.classifying import classify
from hmmfilter.compiling import compile
from hmmfilter.decoding import max_marginals, posterior_decode, viterbi, viterbi_n_best
from hmmfilter.exchange import (
    from_dynamax,
    from_hmmlearn,
    from_pomegranate,
    from_statsmodels,
    to_dynamax,
    to_hmmlearn,
    to_pomegranate,
)
from hmmfilter.filtering import forward_filter, log_likelihood, predict
from hmmfilter.guessing import fit_labelled, guess
from hmmfilter.histories import HigherOrder, higher_order
from hmmfilter.learning import expected_statistics, fit
from hmmfilter.mixing import fit_mixture
from hmmfilter.model import HMM
from hmmfilter.predicting import filtered_pairs, log_likelihoods_to_come, one_step_predictions
from hmmfilter.priors import Prior
from hmmfilter.results import (
    Classified,
    ConfidenceIntervals,
    CrossValidated,
    Decoded,
    ExpectedMoves,
    ExpectedSojourns,
    ExpectedStatistics,
    ExpectedTransitions,
    Filtered,
    Fitted,
    FittedMixture,
    Forecast,
    Gradient,
    NBest,
    ParameterCovariance,
    PosteriorDecoded,
    PseudoResiduals,
    Selected,
    Smoothed,
    StandardErrors,
)
from hmmfilter.sampling import sample_paths
from hmmfilter.selection import cross_validate, select
from hmmfilter.smoothing import expected_transitions, log_likelihood_gradient, pairwise_marginals, smooth
from hmmfilter.stationarity import stationary_distribution
from hmmfilter.streaming import FixedLagSmoother, OnlineFilter, OnlineSojourns, OnlineViterbi, filter_blocks
from hmmfilter.tracing import path_entropy, path_log_joint, path_log_posterior

__all__ = [
    "HMM",
    "Classified",
    "ConfidenceIntervals",
    "CrossValidated",
    "Decoded",
    "DegenerateFitError",
    "ExpectedMoves",
    "ExpectedSojourns",
    "ExpectedStatistics",
    "ExpectedTransitions",
    "Filtered",
    "Fitted",
    "FittedMixture",
    "FixedLagSmoother",
    "Forecast",
    "Gradient",
    "HigherOrder",
    "ImpossibleEvidenceError",
    "NBest",
    "ObjectiveFellError",
    "OnlineFilter",
    "OnlineSojourns",
    "OnlineViterbi",
    "ParameterCovariance",
    "PosteriorDecoded",
    "Prior",
    "PseudoResiduals",
    "Selected",
    "Smoothed",
    "StandardErrors",
    "aligned",
    "classify",
    "compile",
    "cross_validate",
    "emissions",
    "expected_statistics",
    "expected_transitions",
    "filter_blocks",
    "filtered_pairs",
    "fit",
    "fit_labelled",
    "fit_mixture",
    "forward_filter",
    "from_dynamax",
    "from_hmmlearn",
    "from_pomegranate",
    "from_statsmodels",
    "guess",
    "higher_order",
    "log_likelihood",
    "log_likelihood_gradient",
    "log_likelihoods_to_come",
    "lse",
    "max_marginals",
    "naive",
    "one_step_predictions",
    "pairwise_marginals",
    "path_entropy",
    "path_log_joint",
    "path_log_posterior",
    "posterior_decode",
    "predict",
    "priors",
    "sample_paths",
    "select",
    "smooth",
    "stationary_distribution",
    "to_dynamax",
    "to_hmmlearn",
    "to_pomegranate",
    "transitions",
    "viterbi",
    "viterbi_n_best",
]

if not TYPE_CHECKING:  # or any name would pass as one of the package

    def __getattr__(name):
        """Import what needs another library when it is asked for: `hmmfilter.sklearn`, `hmmfilter.torch`, ..."""
        if name not in ("jax", "sklearn", "torch"):
            raise AttributeError(f"module 'hmmfilter' has no attribute {name!r}")
        import importlib

        return importlib.import_module(f"hmmfilter.{name}")
