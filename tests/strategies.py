"""Hypothesis strategies for the laws."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests import cases

log_potential = st.one_of(st.floats(-30, 30), st.floats(-3000, 700), st.just(-np.inf))


def _table(shape):
    return hnp.arrays(np.float64, shape, elements=log_potential)


@st.composite
def any_tables(draw, min_steps=1):
    """Tables of any log-potentials, impossible evidence included."""
    n_steps, n_states = draw(st.integers(min_steps, 6)), draw(st.integers(1, 4))
    return draw(_table(n_states)), draw(_table((n_states, n_states))), draw(_table((n_steps, n_states)))


@st.composite
def possible_tables(draw, min_steps=1):
    """Tables from the families of `tests.cases`, all of them possible."""
    family = draw(st.sampled_from(cases.FAMILIES))
    n_steps, n_states = draw(st.integers(min_steps, 30)), draw(st.integers(1, 5))
    if family is cases.survivor:
        n_steps = max(n_steps, 2)
    return cases.draw(family, draw(st.integers(0, 10**6)), n_steps, n_states)
