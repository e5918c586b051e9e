"""Transitions: how a chain moves, the second half of a model as emissions are the first.

- `Dense`: one matrix, the same at each step: what an array becomes,
- `Indexed`: several matrices, of which each step says which leads on: weekdays, treatments, regimes,
- `Rates`: continuous time, for observations at irregular times,
- `Logistic`: moves that depend on covariates,
- `Durations`: states that last as long as distributions of their own say.

Of many states, most of which lead to a few others only, and of which nothing of size K × K is ever made:

- `Sparse`: the moves that are possible, as a `scipy.sparse` array becomes,
- `Banded`: moves to states nearby, by diagonals,
- `Kronecker`: two chains side by side,
- `StayOrJump`: stays, or jumps anywhere.

Matrices of common shapes, as `Dense`: `cycle`, `left_to_right`, `local`, `loop`, `uniform`.

Each is frozen, checks its numbers once, and serves `hmmfilter.HMM` in place of a matrix. Two are equal where they are
of the same class and all that they were made of is equal, and can be keys of dictionaries.
"""

from hmmfilter.transitions.banded import Banded
from hmmfilter.transitions.builders import cycle, left_to_right, local, loop, uniform
from hmmfilter.transitions.dense import Dense
from hmmfilter.transitions.durations import Durations
from hmmfilter.transitions.indexed import Indexed
from hmmfilter.transitions.kronecker import Kronecker
from hmmfilter.transitions.logistic import Logistic
from hmmfilter.transitions.protocol import Transitions
from hmmfilter.transitions.rates import Rates
from hmmfilter.transitions.sparse import Sparse
from hmmfilter.transitions.stay_or_jump import StayOrJump
from hmmfilter.transitions.structure import Structured

__all__ = [
    "Banded",
    "Dense",
    "Durations",
    "Indexed",
    "Kronecker",
    "Logistic",
    "Rates",
    "Sparse",
    "StayOrJump",
    "Structured",
    "Transitions",
    "cycle",
    "left_to_right",
    "local",
    "loop",
    "uniform",
]
