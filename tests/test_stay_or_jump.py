"""Chains that stay, or jump anywhere."""

import math

import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter.transitions import StayOrJump

OF_LOGS = 1e-13  # of sums of three logs, which may be 700
STAY, JUMP = [0.5, 0.75, 0.9, 0.0], [0.5, 0.25, 0.0, 0.25]


def test_back_to_the_same_state_or_not():
    stay, jump = np.array(STAY)[:, np.newaxis], np.array(JUMP)
    anywhere = (1 - stay) * jump + np.diag(STAY)
    np.testing.assert_allclose(StayOrJump(STAY, JUMP).to_dense(), anywhere, rtol=1e-15)
    elsewhere = np.where(np.eye(4) > 0, stay, (1 - stay) * jump / (1 - jump[:, np.newaxis]))
    np.testing.assert_allclose(StayOrJump(STAY, JUMP, elsewhere=True).to_dense(), elsewhere, rtol=1e-15)


def test_a_stay_of_all_states_or_one_of_each():
    assert StayOrJump(0.5, JUMP) == StayOrJump([0.5] * 4, JUMP)
    assert hash(StayOrJump(0.5, JUMP)) == hash(StayOrJump([0.5] * 4, JUMP))
    assert StayOrJump(0.5, JUMP) != StayOrJump(0.5, JUMP, True)
    assert StayOrJump([0.5] * 4, JUMP) != StayOrJump([0.5] * 4, JUMP, by_step=True)
    assert StayOrJump(0.5, [2, 1, 0, 1], normalize=True) == StayOrJump(0.5, JUMP)


def test_a_stay_of_each_step():
    """It is never told from one of each state by its length, which may be the same."""
    by_step = StayOrJump(STAY, JUMP, by_step=True)
    for m, stay in enumerate(STAY):
        assert np.array_equal(by_step.to_dense()[m], StayOrJump(stay, JUMP).to_dense())
    with pytest.raises(ValueError, match=r"stay must be a number or have shape \(4,\).*\(9,\): by_step=True says"):
        StayOrJump([0.5] * 9, JUMP)


@pytest.mark.parametrize(
    ("stay", "jump", "options", "message"),
    [
        ([0.5, 1.5], [0.5, 0.5], {}, r"stay\[1\] must be at most 1, got 1.5"),
        (-0.5, [0.5, 0.5], {}, "stay must be at least 0, got -0.5"),
        (0.5, [0.5, 0.25], {}, "jump must sum to 1, got 0.75: normalize=True divides by the sum"),
        (0.5, [[1.0]], {}, r"jump must have shape \(K,\), got \(1, 1\)"),
        (0.5, [1.0], {"by_step": True}, r"stay must have shape \(T - 1,\), got \(\)"),
        ([[0.5]], [1.0], {"by_step": True}, r"stay must have shape \(T - 1,\), got \(1, 1\)"),
        (
            [1.0, 0.5],
            [0.0, 1.0],
            {"elsewhere": True},
            "stay must be 1 in state 1, since jump leads to no other state, got",
        ),
        ([1.0, 0.5], [1.0], {"elsewhere": True, "by_step": True}, "stay must be 1 in state 0, .* got 0.5"),
    ],
)
def test_no_chains(stay, jump, options, message):
    with pytest.raises(ValueError, match=message):
        StayOrJump(stay, jump, **options)


def test_switches_are_switches():
    with pytest.raises(TypeError, match="elsewhere must be True or False, got 1"):
        StayOrJump(0.5, JUMP, 1)
    with pytest.raises(TypeError, match="by_step must be True or False, got 1"):
        StayOrJump(0.5, JUMP, by_step=1)


# A jump that is nearly certain: 1 − jump has no digits of its own.


def test_nothing_cancels_where_one_jump_is_nearly_certain():
    jump = [1.0, 3e-20, 1e-30, 2e-300]
    assert 1 - jump[0] == 0.0
    stay = [0.25, 0.5, 0.5, 0.5]
    dense = StayOrJump(stay, jump, elsewhere=True).to_dense()
    with mpmath.workdps(400):
        others = [mpmath.fsum(jump[k] for k in range(4) if k != i) for i in range(4)]
        exact = [
            [stay[i] if j == i else float((1 - mpmath.mpf(stay[i])) * jump[j] / others[i]) for j in range(4)]
            for i in range(4)
        ]
    np.testing.assert_allclose(dense, exact, rtol=1e-15)
    chain = StayOrJump(stay, jump, elsewhere=True)
    model = hf.HMM([1.0, 0.0, 0.0, 0.0], chain, hf.emissions.Categorical(np.eye(4)))
    for j in range(4):
        assert math.isclose(model.log_likelihood([0, j]), math.log(exact[0][j]), rel_tol=OF_LOGS)
    np.testing.assert_allclose(model.chain.stationary(), hf.stationary_distribution(dense), rtol=1e-13)


@pytest.mark.parametrize("by_step", [False, True])
def test_others_may_be_as_small_as_doubles_are(by_step):
    """What is divided by their sum, between the nodes, would be larger than all doubles."""
    jump, likelihoods = (
        [1.0, 3e-308, 0.0, 3e-308],
        np.log([[0.1, 0.2, 0.3, 0.4], [0.4, 0.1, 0.2, 0.3], [0.2, 0.5, 0.1, 0.2]]),
    )
    chain = StayOrJump([0.5, 0.25] if by_step else 0.5, jump, elsewhere=True, by_step=by_step)
    with np.errstate(divide="ignore"):
        tables = np.log([0.25] * 4), np.log(chain.to_dense())
    for door in (hf.forward_filter, hf.smooth):
        found, dense = door(tables[0], chain, likelihoods), door(*tables, likelihoods)
        np.testing.assert_allclose(found.probabilities, dense.probabilities, rtol=OF_LOGS)
        assert math.isclose(found.log_likelihood, dense.log_likelihood, rel_tol=OF_LOGS)


def test_sums_of_many_jumps_keep_their_digits():
    jump = np.random.default_rng(3).dirichlet(np.full(3000, 0.3))
    chain = StayOrJump(0.0, jump, elsewhere=True)
    for i in (0, 1234, 2999):
        others = math.fsum(jump[:i]) + math.fsum(jump[i + 1 :])
        np.testing.assert_allclose(chain.to_dense()[i], np.where(np.arange(3000) == i, 0.0, jump / others), rtol=4e-16)


def test_a_stay_that_is_nearly_never():
    """log(1 − stay) of a stay far below the digits of 1."""
    chain = StayOrJump(1e-30, [0.0, 1.0])
    assert -1e-30 in chain._listed().log_values
    model = hf.HMM([1.0, 0.0], chain, hf.emissions.Categorical(np.eye(2)))
    assert math.isclose(model.log_likelihood([0, 0]), math.log(1e-30), rel_tol=1e-15)


# Where it settles.

SETTLED = [
    (STAY, JUMP, False),
    (STAY, JUMP, True),
    (0.3, [1.0], False),
    (1.0, [1.0], True),
    ([0.0, 0.0, 0.5], [0.5, 0.5, 0.0], True),
    ([0.0, 1.0, 0.5], [0.5, 0.5, 0.0], False),
    ([0.0, 1.0, 0.5], [0.0, 1.0, 0.0], True),
]


@pytest.mark.parametrize(("stay", "jump", "elsewhere"), SETTLED, ids=range(len(SETTLED)))
def test_it_settles(stay, jump, elsewhere):
    chain = StayOrJump(stay, jump, elsewhere)
    expected = hf.stationary_distribution(chain.to_dense(), normalize=True)
    np.testing.assert_allclose(chain.stationary(), expected, rtol=1e-14)
    assert np.array_equal(
        hf.HMM("stationary", chain, hf.emissions.Poisson([1.0] * len(jump))).initial, chain.stationary()
    )


@pytest.mark.parametrize("elsewhere", [False, True])
def test_it_may_settle_in_several_ways_or_none(elsewhere):
    with pytest.raises(ValueError, match=r"got 2: \[1\] and \[2\]"):
        StayOrJump([0.0, 1.0, 1.0], [0.5, 0.5, 0.0], elsewhere).stationary()
    with pytest.raises(ValueError, match=r"got 2: \[1\] and \[0, 2\]"):
        StayOrJump([0.0, 1.0, 0.25], [0.5, 0.0, 0.5], elsewhere).stationary()
    with pytest.raises(ValueError, match="StayOrJump by step transitions, which move otherwise from step to step"):
        StayOrJump(STAY, JUMP, elsewhere, by_step=True).stationary()


def test_states_are_numbered_anew():
    order = np.array([2, 0, 3, 1])
    for elsewhere in (False, True):
        chain = StayOrJump(STAY, JUMP, elsewhere)
        assert np.array_equal(chain._reordered(order).to_dense(), chain.to_dense()[np.ix_(order, order)])
    by_step = StayOrJump([0.5, 0.25], JUMP, by_step=True)
    assert np.array_equal(by_step._reordered(order).to_dense(), by_step.to_dense()[:, order[:, np.newaxis], order])


def test_printing():
    assert repr(StayOrJump([0.5, 0.25], [0.5, 0.5], elsewhere=True)) == (
        "StayOrJump: 2 states, never back to the same one\n"
        "  state    stay    jump\n"
        "      0  0.5000  0.5000\n"
        "      1  0.2500  0.5000"
    )
    assert repr(StayOrJump([0.5] * 9, [0.5, 0.5], by_step=True)).splitlines()[:2] == [
        "StayOrJump: 2 states, 9 steps",
        "  state    jump",
    ]
