"""Emissions: from observations to the table log p(v_t | h_t = k) that every recursion runs on.

Each emission is frozen, checks its parameters once, and has ``n_states``, ``log_likelihoods(observations)`` and
``sample(states, rng)``; an object of your own with these three serves `hmmfilter.HMM` as well, as `Emission` says.
Observations that are NaN, None, masked or the NA of pandas are missing: they are no evidence, and their row of the
table is 0. An observation that a state cannot produce has log-likelihood −inf; one that no model of the kind can
produce is an error.

Each says with ``n_dimensions`` whether it shows numbers (None) or vectors (of so many entries), and all but
`Categorical`, whose symbols are names and no quantities, know the mean and the variance in each state, ``moments()``.
All know how probable it is to be below an observation, at it, and above it, ``log_sides(observations)``.
All learn, `hmmfilter.fit` says from what; so does one of your own that has the three methods of `Learner`.
Two are equal where they are of the same class and all their parameters are, and can be keys of dictionaries.

Which emission for which data:

======================================================  ================================================================
Observations                                            Emissions
======================================================  ================================================================
Yes or no                                               `Bernoulli`
One of several symbols, words, classes                  `Categorical`
Counts, with variance near the mean                     `Poisson`, with ``exposure=True`` where times or areas differ
Counts that vary more                                   `NegativeBinomial`; `Mixture` of Poisson
Counts with more zeros than that                        `ZeroInflated`
How many of n                                           `Binomial`
How many of each kind, rows of counts                   `Multinomial`
Trials until a success                                  `Geometric`
Numbers, vectors of numbers that depend on each other   `Gaussian`
The same with outliers                                  `StudentT`, `Laplace`
Numbers that lean to one side                           `SkewNormal`, `Mixture` of Gaussian
Lengths, amounts, speeds: above 0                       `Gamma`, `LogNormal`, `InverseGaussian`
Waiting times                                           `Exponential`, `Weibull`, `Gamma`
Shares, between 0 and 1                                 `Beta`
Directions, turning angles, times of day                `VonMises`, `WrappedCauchy`
Several columns, of any kinds                           `Product`; `Poisson` and `Bernoulli` take vectors as they are
What one shape alone does not fit                       `Mixture`, `TiedMixture` where states share the shapes
What depends on known covariates                        `Regression`
What depends on the values before                       `Autoregressive`
Any other univariate distribution                       `FromScipy`
Anything else                                           a class of your own, as `Emission` says; `register` names it
======================================================  ================================================================

They combine: a channel of a `Product` may be a `Mixture`, and the components of a `Mixture` may be `Product` ones.
"""

from hmmfilter.emissions.angles import VonMises, WrappedCauchy
from hmmfilter.emissions.autoregressive import Autoregressive
from hmmfilter.emissions.counts import Poisson
from hmmfilter.emissions.from_scipy import FromScipy
from hmmfilter.emissions.gaussian import Gaussian
from hmmfilter.emissions.learning import Learner
from hmmfilter.emissions.lifetimes import LogNormal, Weibull
from hmmfilter.emissions.mixture import Mixture
from hmmfilter.emissions.multinomial import Multinomial
from hmmfilter.emissions.outcomes import Bernoulli
from hmmfilter.emissions.positive import Exponential, Gamma, InverseGaussian
from hmmfilter.emissions.product import Product
from hmmfilter.emissions.protocol import Emission
from hmmfilter.emissions.reals import Laplace, SkewNormal
from hmmfilter.emissions.registry import register
from hmmfilter.emissions.regression import Regression
from hmmfilter.emissions.shares import Beta
from hmmfilter.emissions.spread_counts import NegativeBinomial
from hmmfilter.emissions.student import StudentT
from hmmfilter.emissions.symbols import Categorical
from hmmfilter.emissions.tied_mixture import TiedMixture
from hmmfilter.emissions.trials import Binomial, Geometric
from hmmfilter.emissions.zero_inflated import ZeroInflated

__all__ = [
    "Autoregressive",
    "Bernoulli",
    "Beta",
    "Binomial",
    "Categorical",
    "Emission",
    "Exponential",
    "FromScipy",
    "Gamma",
    "Gaussian",
    "Geometric",
    "InverseGaussian",
    "Laplace",
    "Learner",
    "LogNormal",
    "Mixture",
    "Multinomial",
    "NegativeBinomial",
    "Poisson",
    "Product",
    "Regression",
    "SkewNormal",
    "StudentT",
    "TiedMixture",
    "VonMises",
    "Weibull",
    "WrappedCauchy",
    "ZeroInflated",
    "register",
]
