"""Learning: from observations, and a model to start from, to the model that is most probable."""

from hmmfilter.learning.fitting import fit
from hmmfilter.learning.statistics import expected_statistics

__all__ = ["expected_statistics", "fit"]
