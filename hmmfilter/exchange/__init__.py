"""Models of other libraries: from hmmlearn, dynamax, pomegranate and statsmodels, and back.

A room a library. What comes is told by its attributes: no other library is imported but by what makes its models.
"""

from hmmfilter.exchange.dynamax import from_dynamax, to_dynamax
from hmmfilter.exchange.hmmlearn import from_hmmlearn, to_hmmlearn
from hmmfilter.exchange.pomegranate import from_pomegranate, to_pomegranate
from hmmfilter.exchange.statsmodels import from_statsmodels

__all__ = [
    "from_dynamax",
    "from_hmmlearn",
    "from_pomegranate",
    "from_statsmodels",
    "to_dynamax",
    "to_hmmlearn",
    "to_pomegranate",
]
