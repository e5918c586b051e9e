"""Pairs and expected transitions of states that a good fit separates, and of what is further apart still."""

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter._drivers import backwards, jobs
from hmmfilter._drivers.recursions import Recursion
from tests import cases, oracle
from tests.conftest import COMPILED, needs_compiled
from tests.test_pairs import check_contract, everything
from tests.test_sequences import parts

DISTANCES = (3.0, 10.0, 20.0, 40.0)  # of neighbouring Gaussian states, in standard deviations
LEAST_COUNT = 2.0**-700  # below, a count may have lost digits
LOG_TOLERANCE = 1e-12  # of a count by pairs, whose logs of some hundred nats are rounded


def separated(distance, n_steps, n_states):
    """Gaussian states that stay for some fifty steps, and are so far apart."""
    rng = np.random.default_rng([int(distance), n_steps, n_states])
    moves = np.where(rng.random(n_steps) < 0.98, 0, rng.integers(1, n_states, n_steps))
    path = np.cumsum(moves) % n_states
    observed = distance * path + rng.normal(size=n_steps)
    transition = np.full((n_states, n_states), 0.02 / (n_states - 1))
    np.fill_diagonal(transition, 0.98)
    log_likelihoods = -0.5 * (observed[:, None] - distance * np.arange(n_states)) ** 2
    return cases.logs(np.full(n_states, 1 / n_states)), cases.logs(transition), log_likelihoods


SEPARATED = pytest.mark.parametrize("distance", DISTANCES)


@SEPARATED
@pytest.mark.parametrize(("n_steps", "n_states"), [(5, 3), (3, 5)])
def test_separated_states_against_all_paths(distance, n_steps, n_states):
    case = separated(distance, n_steps, n_states)
    check_contract(case, oracle.pairs_of_paths(*case), f"{distance:g} sd apart, T={n_steps}, K={n_states}, all paths")


@SEPARATED
@pytest.mark.parametrize(
    ("n_steps", "n_states"), [(80, 2), (40, 4), pytest.param(200, 8, marks=needs_compiled), (20, 9), (20, 17)]
)
def test_separated_states_against_eighty_digits(distance, n_steps, n_states):
    case = separated(distance, n_steps, n_states)
    check_contract(case, oracle.pairs(*case), f"{distance:g} sd apart, T={n_steps}, K={n_states}")


@pytest.fixture
def without_trace(monkeypatch):
    """Wide α of all rows of a piece, which take as long as a filter by exact steps, are never asked for."""

    def refuse(*_):
        raise AssertionError("wide α were asked for")

    monkeypatch.setattr(Recursion, "trace", refuse)


@SEPARATED
@pytest.mark.parametrize("n_states", [2, 4, 9, 17])
def test_separated_states_take_no_wide_alphas(distance, n_states, without_trace):
    everything(separated(distance, 60, n_states))


@pytest.mark.parametrize("n_states", [4, 9])
@pytest.mark.parametrize("family", [cases.gaps, cases.chain], ids=lambda family: family.__name__)
def test_nor_do_sums_that_numbers_tell(family, n_states, without_trace):
    hf.expected_transitions(*cases.draw(family, 0, 60, n_states))


@pytest.mark.parametrize("n_states", [3, 8, 9, 17])
@pytest.mark.parametrize("family", cases.FAMILIES, ids=lambda family: family.__name__)
def test_counts_are_the_sums_of_pairs_however_small(family, n_states):
    """Rows that are added up in doubles, and those that are not, next to them; no count is lost."""
    case = cases.draw(family, 7, 40 if COMPILED else 6, n_states)
    counts, pairs = hf.expected_transitions(*case).counts, hf.pairwise_marginals(*case)
    np.testing.assert_allclose(counts, np.exp(pairs).sum(axis=0), rtol=LOG_TOLERANCE, atol=LEAST_COUNT)
    possible = pairs.max(axis=0) > np.log(LEAST_COUNT)
    assert (counts[possible] > 0.0).all()
    assert not counts[np.isneginf(pairs).all(axis=0)].any()


@pytest.mark.parametrize("family", [cases.ordinary, cases.mixed, cases.rare], ids=lambda family: family.__name__)
def test_pieces_change_no_bit_of_the_counts_of_a_sequence(family, short_blocks, monkeypatch):
    n_states, n_rows = short_blocks
    lengths = [2 * n_rows + 3, 17, n_rows, 1, n_rows + 20, 5]
    case = cases.draw(family, 2, sum(lengths), n_states)
    whole = hf.expected_transitions(*case, lengths=lengths, per_sequence=True)
    alone = [hf.expected_transitions(*case[:2], rows).counts for rows in parts(case[2], lengths)]
    assert np.array_equal(whole.counts, alone)
    monkeypatch.setattr(jobs, "PIECE", 1)
    assert np.array_equal(whole.counts, hf.expected_transitions(*case, lengths=lengths, per_sequence=True).counts)


@pytest.mark.parametrize("family", [cases.ordinary, cases.mixed], ids=lambda family: family.__name__)
def test_rows_that_wait_are_those_that_are_filtered_twice(family, short_blocks, small_pieces, monkeypatch):
    n_states, n_rows = short_blocks
    case = cases.draw(family, 3, 5 * n_rows, n_states)
    answers = []
    for kept in (0, 2 * n_rows * n_states, 2**19):
        monkeypatch.setattr(backwards, "KEPT", kept)
        answers.append(everything(case))
    for other in answers[1:]:
        for x, y in zip(answers[0], other, strict=True):
            assert np.array_equal(x, y)
