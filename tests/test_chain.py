"""Matrices made ready: where their entries stand, what room they take, and the order in which sums go over them."""

import math

import mpmath
import numpy as np
import pytest

from hmmfilter._kernels.chain import (
    FACTS,
    LINE,
    held_chain,
    is_widened,
    place_in_tiles,
    slots_for_chains,
    step_exponent,
)
from hmmfilter._kernels.fused import fma
from hmmfilter._kernels.wide import HEAD
from hmmfilter._tiers import kernels
from tests import cases
from tests.wing import room

CHAIN, UPDATE = room("chain"), room("update")

SIZES = [1, 3, 8, 9, 16, 17, 33, 48, 66]
WIDE_TOLERANCE = 2**-52  # of a head without its tail


def ready(log_transition, is_backward=False):
    """A chain, as a slot holds it."""
    (slot,) = slots_for_chains(1, len(log_transition))
    kernels.hold_chain(log_transition[None], 0, is_backward, slot)
    return held_chain(slot, len(log_transition))


def entries(table):
    """A table of tiles as a matrix."""
    n_states = table.shape[-2]
    places = [place_in_tiles(n_states, j) for j in range(n_states)]
    return np.stack([table[tile, :, column] for tile, column in places], axis=1)


def with_holes(n_states):
    _, log_transition, _ = cases.draw(cases.zeros, 0, 2, n_states)
    return log_transition


@pytest.mark.parametrize("n_states", SIZES)
def test_each_entry_has_its_place(n_states):
    log_transition = with_holes(n_states)
    chain, transpose = ready(log_transition), ready(log_transition, is_backward=True)
    assert np.array_equal(entries(chain.log_transition), log_transition)
    assert np.array_equal(entries(transpose.log_transition), log_transition.T)
    linear = entries(chain.linear[HEAD]) * 2**chain.exponent
    np.testing.assert_allclose(linear, np.exp(log_transition), rtol=1e-15)
    for forwards, backwards in zip(chain.linear, transpose.linear, strict=True):
        assert np.array_equal(entries(backwards), entries(forwards).T)


@pytest.mark.parametrize("n_states", SIZES)
def test_nothing_leads_to_what_fills_up_the_last_tile(n_states):
    chain = ready(with_holes(n_states))
    n_filled = chain.log_transition.size - n_states**2
    outside = np.sort(chain.log_transition.reshape(-1))[:n_filled]
    assert np.isneginf(outside).all()
    assert np.count_nonzero(chain.linear[HEAD]) == np.isfinite(chain.log_transition).sum()


@pytest.mark.parametrize("n_states", [9, 16, 17, 33, 48, 66, 130])
def test_a_sum_goes_over_its_sources_as_one_chain(n_states):
    rng = np.random.default_rng(n_states)
    chain, p = ready(np.log(rng.dirichlet(np.ones(n_states), n_states))), rng.dirichlet(np.ones(n_states))
    transition, sums = entries(chain.linear[HEAD]), np.empty(chain.linear[HEAD].size // n_states)
    UPDATE.predict_many(p, chain.linear[HEAD], sums)
    for j in range(n_states):
        total = 0.0
        for p_i, a in zip(p.tolist(), transition[:, j].tolist(), strict=True):
            total = fma(p_i, a, total)
        assert sums[j] == total
    assert (sums[n_states:] == 0.0).all()


@pytest.mark.parametrize(("n_states", "n_tables", "n_columns"), [(8, 6, 8), (9, 4, 16), (64, 4, 64), (100, 4, 112)])
def test_a_matrix_made_ready_takes_the_room_of_a_few(n_states, n_tables, n_columns):
    slots = slots_for_chains(3, n_states)
    assert slots.shape == (3, FACTS + n_tables * n_states * n_columns)
    assert slots.ctypes.data % (LINE * slots.itemsize) == 0
    assert not slots.any()


@pytest.mark.parametrize("n_states", [3, 17])
def test_a_wide_matrix_holds_what_doubles_do_not(n_states):
    log_transition = with_holes(n_states)
    log_transition[0, 1], log_transition[1, 0], log_transition[-1, 0], log_transition[2, 1] = -5e3, 8e5, -1e18, 1e22
    chain = ready(log_transition)
    assert not is_widened(chain)
    CHAIN.widen_chain(chain)
    assert is_widened(chain)
    for i, j in np.ndindex(n_states, n_states):
        tile, column = place_in_tiles(n_states, j)
        exponent, rest = step_exponent(chain, i, j)
        if log_transition[i, j] == -math.inf:
            assert (chain.heads[tile, i, column], exponent, rest) == (0.0, -math.inf, 0.0)
            continue
        with mpmath.workdps(80):
            whole = mpmath.mpf(exponent) + mpmath.mpf(rest)
            log_head = mpmath.log(mpmath.mpf(float(chain.heads[tile, i, column])))
            assert abs(log_head + whole * mpmath.log(2) - mpmath.mpf(float(log_transition[i, j]))) < WIDE_TOLERANCE
