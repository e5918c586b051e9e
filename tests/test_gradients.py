"""Batches and their exact gradients, as PyTorch and JAX ask for them: against the core, sequence by sequence."""

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import _gradients
from hmmfilter._gradients import Wanted

NEVER = -np.inf
EPS = np.finfo(np.float64).eps
ALL = Wanted(True, True, True)
LENGTHS = np.array([7, 0, 4, 1, 6])
N, T, K = len(LENGTHS), 7, 3
WEIGHTS = np.array([1.0, 2.0, -0.5, 0.3, 2.0])


def table(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(scale=2.0, size=shape)


def close(found, expected, scale=1.0):
    """Posteriors by plain doubles: a few rounding errors from the exact ones."""
    np.testing.assert_allclose(found, expected, rtol=64 * EPS, atol=64 * EPS * scale)


def padded(lengths=LENGTHS, n_states=K):
    batch = table(len(lengths), T, n_states)
    batch[np.arange(T) >= lengths[:, None]] = np.nan
    return batch


INITIALS = {"shared": table(K), "own": table(N, K)}
TRANSITIONS = {
    "shared": table(K, K),
    "by step": table(T - 1, K, K),
    "by sequence": table(N, 1, K, K),
    "shared in four": table(1, 1, K, K),
    "steps in four": table(1, T - 1, K, K),
    "by both": table(N, T - 1, K, K),
}


def alone(initial, transition, batch, n, length):
    """The tables of one sequence of a padded batch."""
    own = np.broadcast_to(transition, (N, T - 1, K, K))[n, : length - 1]
    return initial if initial.ndim == 1 else initial[n], own, batch[n, :length]


@pytest.mark.parametrize("transition", TRANSITIONS.values(), ids=TRANSITIONS)
@pytest.mark.parametrize("initial", INITIALS.values(), ids=INITIALS)
def test_a_padded_batch_is_its_sequences(initial, transition):
    batch = padded()
    totals = _gradients.log_likelihood(initial, transition, batch, LENGTHS, workers=1)
    parts = _gradients.gradient(initial, transition, batch, LENGTHS, totals, WEIGHTS, wanted=ALL, workers=1)
    firsts, moves, rows = np.zeros((N, K)), np.zeros((N, T - 1, K, K)), np.zeros((N, T, K))
    for n, length in enumerate(LENGTHS):
        if length > 0:
            gradient = hf.log_likelihood_gradient(*alone(initial, transition, batch, n, length))
            close(totals[n], gradient.log_likelihood)
            firsts[n] = WEIGHTS[n] * gradient.log_initial
            moves[n, : length - 1] = WEIGHTS[n] * gradient.log_transition
            rows[n, :length] = WEIGHTS[n] * gradient.log_likelihoods
    assert totals[1] == 0
    close(parts[0], firsts if initial.ndim == 2 else firsts.sum(axis=0))
    summed = moves.sum(axis=tuple(axis for axis, n in enumerate((1, 1, 1, 1, *transition.shape)[-4:-2]) if n == 1))
    close(parts[1], summed.reshape(transition.shape))
    close(parts[2], rows)
    assert [part.shape for part in parts] == [initial.shape, transition.shape, batch.shape]


@pytest.mark.parametrize("transition", [table(K, K), table(12, K, K)], ids=["shared", "by step"])
@pytest.mark.parametrize("initial", [table(K), table(3, K)], ids=["shared", "own"])
def test_sequences_one_after_the_other(initial, transition):
    rows, lengths, weights = table(12, K), np.array([5, 4, 3]), np.ones(3)
    totals = _gradients.log_likelihood(initial, transition, rows, lengths, workers=1)
    found = _gradients.gradient(initial, transition, rows, lengths, totals, weights, wanted=ALL, workers=1)
    expected = hf.log_likelihood_gradient(initial, transition, rows, lengths=lengths)
    close(totals, expected.log_likelihood)
    for part, name in zip(found, Wanted._fields, strict=True):
        close(part, getattr(expected, name), scale=12)


@pytest.mark.parametrize("n_steps", [1, 2, 9])
@pytest.mark.parametrize("is_changing", [False, True])
def test_one_sequence_alone(n_steps, is_changing):
    given = table(K), table(n_steps - 1, K, K) if is_changing else table(K, K), table(n_steps, K)
    total = _gradients.log_likelihood(*given, None, workers=1)
    assert total.shape == ()
    expected = hf.log_likelihood_gradient(*given)
    close(total, expected.log_likelihood)
    found = _gradients.gradient(*given, None, total, np.array(1.0), wanted=ALL, workers=1)
    for part, name in zip(found, Wanted._fields, strict=True):
        close(part, getattr(expected, name), scale=n_steps)


@pytest.mark.parametrize("transition", ["shared", "by both"])
@pytest.mark.parametrize("wanted", [Wanted(*(bool(n & bit) for bit in (1, 2, 4))) for n in range(8)], ids=str)
def test_what_is_not_wanted_is_left_out(wanted, transition):
    given = INITIALS["shared"], TRANSITIONS[transition], padded(), LENGTHS
    totals = _gradients.log_likelihood(*given, workers=1)
    every = _gradients.gradient(*given, totals, WEIGHTS, wanted=ALL, workers=1)
    some = _gradients.gradient(*given, totals, WEIGHTS, wanted=wanted, workers=1)
    for part, whole, is_wanted in zip(some, every, wanted, strict=True):
        assert (part is not None) == is_wanted
        if is_wanted:
            close(part, whole)


@pytest.mark.parametrize("transition", ["shared", "by both"])
def test_the_number_of_workers_changes_no_bit(transition, small_pieces):
    given = INITIALS["own"], TRANSITIONS[transition], padded(), LENGTHS
    one, three = (_gradients.log_likelihood(*given, workers=n) for n in (1, 3))
    assert np.array_equal(one, three)
    one, three = (_gradients.gradient(*given, one, WEIGHTS, wanted=ALL, workers=n) for n in (1, 3))
    assert all(map(np.array_equal, one, three))


def test_zeros_have_gradient_zero():
    initial, transition, batch = table(K), table(K, K), padded()
    initial[0] = transition[0, 2] = transition[1, 1] = batch[0, 3, 1] = NEVER
    totals = _gradients.log_likelihood(initial, transition, batch, LENGTHS, workers=1)
    assert np.isfinite(totals).all()
    found = _gradients.gradient(initial, transition, batch, LENGTHS, totals, WEIGHTS, wanted=ALL, workers=1)
    assert found[0][0] == found[1][0, 2] == found[1][1, 1] == found[2][0, 3, 1] == 0
    assert all(np.isfinite(part).all() for part in found)


@pytest.mark.parametrize("weight", [1.0, NEVER, np.nan])
def test_an_impossible_sequence_adds_nothing(weight):
    given = INITIALS["shared"], TRANSITIONS["shared"], padded(), LENGTHS
    given[2][2, 3] = NEVER
    totals = _gradients.log_likelihood(*given, workers=1)
    assert (totals == NEVER).tolist() == [False, False, True, False, False]
    weights = WEIGHTS.copy()
    weights[2] = weight
    found = _gradients.gradient(*given, totals, weights, wanted=ALL, workers=1)
    weights[2] = 0.0
    without = _gradients.gradient(*given, totals, weights, wanted=ALL, workers=1)
    assert (found[2][2] == 0).all()
    for part, expected in zip(found, without, strict=True):
        close(part, expected)


def test_a_sequence_without_steps_adds_nothing():
    given = INITIALS["own"], TRANSITIONS["shared"], padded(), LENGTHS
    totals, weights = _gradients.log_likelihood(*given, workers=1), WEIGHTS.copy()
    expected = _gradients.gradient(*given, totals, weights, wanted=ALL, workers=1)
    weights[1] = np.nan
    found = _gradients.gradient(*given, totals, weights, wanted=ALL, workers=1)
    assert all(map(np.array_equal, found, expected))


@pytest.mark.parametrize("weight", [np.inf, np.nan])
def test_a_weight_that_is_no_number_makes_none(weight):
    given = INITIALS["shared"], TRANSITIONS["shared"], padded(), LENGTHS
    totals, weights = _gradients.log_likelihood(*given, workers=1), WEIGHTS.copy()
    weights[2] = weight
    found = _gradients.gradient(*given, totals, weights, wanted=ALL, workers=1)
    assert np.isnan(found[0]).all()
    assert np.isnan(found[1]).all()
    assert np.isnan(found[2][2, :4]).all()
    assert np.isfinite(found[2][[0, 1, 3, 4]]).all()


@pytest.mark.parametrize("level", [-1e6, -900.0, 900.0, 1e6])
def test_potentials_of_any_size(level):
    """Exponentials that do not exist, of the transition, of the initial one and of rows."""
    initial, transition, batch = table(K), table(K, K), padded()
    totals = _gradients.log_likelihood(initial, transition, batch, LENGTHS, workers=1)
    expected = _gradients.gradient(initial, transition, batch, LENGTHS, totals, WEIGHTS, wanted=ALL, workers=1)
    moved = initial + level, transition + level, batch - level
    found = _gradients.gradient(*moved, LENGTHS, totals, WEIGHTS, wanted=ALL, workers=1)
    for part, whole in zip(found, expected, strict=True):
        np.testing.assert_allclose(part, whole, rtol=0, atol=max(64 * EPS, 8 * EPS * abs(level)))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_in_the_precision_of_each_table(dtype):
    given = tuple(each.astype(dtype) for each in (INITIALS["shared"], TRANSITIONS["by step"], padded()))
    doubles = tuple(each.astype(np.float64) for each in given)
    totals = _gradients.log_likelihood(*given, LENGTHS, workers=1)
    assert totals.dtype == np.float64
    assert np.array_equal(totals, _gradients.log_likelihood(*doubles, LENGTHS, workers=1))
    found = _gradients.gradient(*given, LENGTHS, totals, WEIGHTS, wanted=ALL, workers=1)
    exact = _gradients.gradient(*doubles, LENGTHS, totals, WEIGHTS, wanted=ALL, workers=1)
    for part, expected in zip(found, exact, strict=True):
        assert part.dtype == dtype
        np.testing.assert_allclose(part, expected, rtol=np.finfo(dtype).eps, atol=np.finfo(dtype).eps)


def test_arrays_in_any_order_and_untouched():
    given = INITIALS["own"][:, ::-1], TRANSITIONS["by both"].transpose(1, 0, 3, 2), padded().transpose(1, 0, 2)
    given = given[0], given[1].transpose(1, 0, 2, 3), given[2].transpose(1, 0, 2)
    plain = tuple(map(np.ascontiguousarray, given))
    totals = _gradients.log_likelihood(*given, LENGTHS, workers=1)
    assert np.array_equal(totals, _gradients.log_likelihood(*plain, LENGTHS, workers=1))
    found, expected = (
        _gradients.gradient(*each, LENGTHS, totals, WEIGHTS, wanted=ALL, workers=1) for each in (given, plain)
    )
    assert all(map(np.array_equal, found, expected))
    assert np.array_equal(given[2], padded(), equal_nan=True)


MOVED = table(N, T - 1, K, K)
MOVED[2, 5] = np.nan  # beyond the end of a sequence
BAD_MOVE = MOVED.copy()
BAD_MOVE[2, 1, 0, 2] = np.inf


def with_entry(array, index, value):
    changed = array.copy()
    changed[index] = value
    return changed


def test_matrices_that_lead_nowhere_may_be_anything():
    totals = _gradients.log_likelihood(table(K), MOVED, padded(), LENGTHS, workers=1)
    found = _gradients.gradient(table(K), MOVED, padded(), LENGTHS, totals, WEIGHTS, wanted=ALL, workers=1)
    assert all(np.isfinite(part).all() for part in found)


REFUSALS = {
    "log_likelihoods must have shape": (table(K), table(K, K), table(K), None),
    r"log_likelihoods must have shape \(B, T, K\) with no length": (table(K), table(K, K), table(0, T, K), None),
    r"log_likelihoods must have shape \(T, K\) with no length": (table(K), table(K, K), table(0, K), None),
    r"log_initial must have shape \(3,\), got \(2,\)": (table(2), table(K, K), padded(), LENGTHS),
    r"log_initial must have shape \(5, 3\), got \(4, 3\)": (table(4, K), table(K, K), padded(), LENGTHS),
    r"log_initial must have shape \(3,\), got \(1, 3\)": (table(1, K), table(K, K), table(T, K), None),
    r"log_transition must have shape \(3, 3\), got \(3, 2\)": (table(K), table(K, 2), padded(), LENGTHS),
    r"log_transition must have shape \(6, 3, 3\), got \(7, 3, 3\)": (table(K), table(T, K, K), padded(), LENGTHS),
    r"log_transition must have shape \(7, 3, 3\), got \(6, 3, 3\)": (table(K), table(6, K, K), table(T, K), [3, 4]),
    r"log_transition must have shape \(5, 1, 3, 3\), got \(4, 1, 3, 3\)": (
        table(K),
        table(4, 1, K, K),
        padded(),
        LENGTHS,
    ),
    "lengths must have an entry for each of the 5 sequences, got 4": (table(K), table(K, K), padded(), LENGTHS[1:]),
    r"lengths\[1\] must be from 0 to 7, the steps of the batch, got 8": (
        table(K),
        table(K, K),
        padded(),
        [7, 8, 1, 1, 1],
    ),
    r"lengths\[0\] must be from 0 to 7, the steps of the batch, got -1": (table(K), table(K, K), padded(), [-1] * 5),
    "lengths must sum to the 7 rows": (table(K), table(K, K), table(T, K), [3, 3]),
    r"log_initial\[2\] must be -inf or finite, got nan": (
        with_entry(table(K), 2, np.nan),
        table(K, K),
        padded(),
        LENGTHS,
    ),
    r"log_transition\[2, 1, 0, 2\] must be -inf or finite, got inf": (table(K), BAD_MOVE, padded(), LENGTHS),
    r"log_likelihoods\[4, 5, 1\] must be -inf or finite, got nan": (
        table(K),
        table(K, K),
        with_entry(padded(), (4, 5, 1), np.nan),
        LENGTHS,
    ),
    r"log_likelihoods\[2, 1\] must be -inf or finite, got inf": (
        table(K),
        table(K, K),
        with_entry(table(T, K), (2, 1), np.inf),
        None,
    ),
}


@pytest.mark.parametrize("message", REFUSALS)
def test_what_does_not_fit_is_refused(message):
    with pytest.raises(ValueError, match=message):
        _gradients.log_likelihood(*REFUSALS[message], workers=1)


def test_numbers_that_are_not_real_are_refused():
    with pytest.raises(TypeError, match="log_initial must hold real numbers"):
        _gradients.log_likelihood(table(K).astype(complex), table(K, K), padded(), LENGTHS, workers=1)
    with pytest.raises(TypeError, match="lengths must hold integers"):
        _gradients.log_likelihood(table(K), table(K, K), padded(), LENGTHS / 1.0, workers=1)
