"""What other tests of structured chains ask machine code alone, or of large chains."""

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import _checks
from hmmfilter._ways import ways_of
from hmmfilter.transitions import Durations, Sparse, StayOrJump
from tests.wing import room

OF_SUMS = 1e-13  # of those in another order
RING = np.roll(np.diag(np.full(9, 0.25)), 1, axis=1) + np.diag(np.full(9, 0.75))
LASTING = Durations([[0.5, 0.5], [0.25, 0.75]], [[0.0, 1.0], [1.0, 0.0]])


def test_potentials_far_from_one_have_an_exponent_in_common():
    sources, targets = np.nonzero(RING)
    logs = np.log(RING[sources, targets]) + 1000.0
    with np.errstate(divide="ignore"):
        dense = np.log(RING) + 1000.0
    rows, log_initial = np.sin(np.arange(45.0)).reshape(5, 9), np.full(9, -np.log(9))
    found = hf.forward_filter(log_initial, ways_of(9, 0, sources, 9 + targets, logs), rows)
    expected = hf.forward_filter(log_initial, dense, rows)
    assert found.log_probabilities.tolist() == expected.log_probabilities.tolist()
    assert found.log_likelihood == expected.log_likelihood


def test_a_hub_of_many_states_adds_up_all():
    jump = np.arange(1.0, 41.0) / 820.0
    chain, rows = StayOrJump(0.5, jump), np.cos(np.arange(120.0)).reshape(3, 40)
    found = hf.forward_filter(np.log(jump), chain, rows).probabilities
    expected = hf.forward_filter(np.log(jump), np.log(chain.to_dense()), rows).probabilities
    np.testing.assert_allclose(found, expected, rtol=OF_SUMS)


def test_rows_that_are_no_logs_are_refused():
    with pytest.raises(ValueError, match=r"log_likelihoods\[1, 2\] must be"):
        hf.forward_filter(np.zeros(9), Sparse(RING), np.where(np.arange(18).reshape(2, 9) == 11, np.nan, 0.0))


def test_increments_of_sojourns_are_kept_where_the_caller_wants():
    rows, out, increments = np.log([[0.5, 0.25], [0.25, 0.5], [0.5, 0.5]]), np.empty((3, 2)), np.empty(3)
    hf.forward_filter(np.log([0.5, 0.5]), LASTING, rows, out=out, out_increments=increments)
    expected = hf.forward_filter(np.log([0.5, 0.5]), LASTING, rows)
    assert increments.tolist() == expected.log_increments.tolist()
    assert out.tolist() == expected.probabilities.tolist()


@pytest.mark.parametrize(("n_states", "n_rows"), [(2, 1024), (4096, 64), (4097, 7), (100_000, 1)])
def test_blocks_of_many_states_are_short(n_states, n_rows):
    assert room("block").block_rows(n_states) == n_rows


def test_ends_are_learnt_of_listed_moves():
    emission, data = hf.emissions.Poisson([1.0, 5.0]), [0, 1, 6, 5, 0, 1, 1, 7]
    listed, dense = (
        hf.HMM([0.5, 0.5], chain, emission, final=[0.1, 0.2]).fit(data, lengths=[3, 5], max_iterations=2)
        for chain in (Sparse([[0.9, 0.1], [0.2, 0.8]]), [[0.9, 0.1], [0.2, 0.8]])
    )
    np.testing.assert_allclose(listed.model.final, dense.model.final, rtol=OF_SUMS)


def test_restarts_keep_how_long_sojourns_last():
    start = hf.HMM([0.5, 0.5], LASTING, hf.emissions.Poisson([1.0, 5.0]))
    fitted = start.fit([0, 1, 6, 5, 0, 1], restarts=1, rng=0, max_iterations=1)
    assert len(fitted.restarts) == 2


def test_machines_take_what_learns_from_sums():
    with pytest.raises(ValueError, match="Poisson learns from all observations at once"):
        _checks.learns_from_short_sums(hf.emissions.Poisson([1.0]), False)
