"""What the doors return: frozen, printable, and the exit at which logs become probabilities.

- The result of one sequence reads as its table: `numpy.asarray` takes it for that, its length is the number of rows,
  ``result[-1]`` is the last row, and so on, as of an array. The table is that of probabilities, of paths, or of counts.
- The result of several sequences counts and iterates by sequence. ``result[n]`` is that of sequence n; where they had
  keys, brackets take those, and those alone, and ``result.keys()`` tells them. `numpy.asarray` takes it for the table
  of all sequences, one after the other.
- ``result.to_frame()`` is a pandas frame, with the labels that the observations had; ``result.index`` has them. polars,
  PyArrow and whatever else reads streams of Arrow make a table of theirs of it, as in ``polars.DataFrame(result)``.
- ``result.to_xarray()``, of what has axes, is an array of xarray with names for them.
- Notebooks show a strip of the states, each column of it the mean of its steps where there are many.
"""

from hmmfilter.results.classified import Classified
from hmmfilter.results.fitted import Fitted
from hmmfilter.results.forecast import Forecast
from hmmfilter.results.mixed import FittedMixture
from hmmfilter.results.moves import ExpectedMoves
from hmmfilter.results.paths import Decoded, NBest, PosteriorDecoded
from hmmfilter.results.posteriors import Filtered, Smoothed
from hmmfilter.results.residuals import PseudoResiduals
from hmmfilter.results.selected import CrossValidated, Selected
from hmmfilter.results.sojourns import ExpectedSojourns
from hmmfilter.results.statistics import ExpectedStatistics
from hmmfilter.results.sums import ExpectedTransitions, Gradient
from hmmfilter.results.uncertainties import ConfidenceIntervals, ParameterCovariance, StandardErrors

__all__ = [
    "Classified",
    "ConfidenceIntervals",
    "CrossValidated",
    "Decoded",
    "ExpectedMoves",
    "ExpectedSojourns",
    "ExpectedStatistics",
    "ExpectedTransitions",
    "Filtered",
    "Fitted",
    "FittedMixture",
    "Forecast",
    "Gradient",
    "NBest",
    "ParameterCovariance",
    "PosteriorDecoded",
    "PseudoResiduals",
    "Selected",
    "Smoothed",
    "StandardErrors",
]
