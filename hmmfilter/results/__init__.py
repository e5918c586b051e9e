"""What the doors return: frozen, printable, and the exit at which logs become probabilities."""

from hmmfilter.results.forecast import Forecast
from hmmfilter.results.paths import Decoded, NBest, PosteriorDecoded
from hmmfilter.results.posteriors import Filtered, Smoothed
from hmmfilter.results.sums import ExpectedTransitions, Gradient

__all__ = [
    "Decoded",
    "ExpectedTransitions",
    "Filtered",
    "Forecast",
    "Gradient",
    "NBest",
    "PosteriorDecoded",
    "Smoothed",
]
