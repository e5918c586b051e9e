"""Transitions: how a chain moves, the second half of a model as emissions are the first.

- `Dense`: one matrix, the same at each step: what an array becomes.
"""

from hmmfilter.transitions.dense import Dense
from hmmfilter.transitions.protocol import Transitions

__all__ = ["Dense", "Transitions"]
