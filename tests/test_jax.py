"""The log-likelihood in JAX: under grad, jit and vmap."""

import importlib
import sys

import numpy as np
import pytest

import hmmfilter as hf
from tests.test_gradients import INITIALS, LENGTHS, TRANSITIONS, K, N, T, padded, table

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

import hmmfilter.jax as hfj  # noqa: E402

ROUNDING = {"rtol": 1e-5, "atol": 1e-5}  # of sums in float32

CASES = {
    "one": (((K,), (K, K), (T, K)), None),
    "changing": (((K,), (T - 1, K, K), (T, K)), None),
    "one after the other": (((3, K), (T, K, K), (T, K)), [4, 1, 2]),
    "padded": (((N, K), (K, K), (N, T, K)), LENGTHS),
    "matrices": (((K,), (N, 1, K, K), (N, T, K)), None),
}
by_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def drawn(shapes, dtype=np.float32):
    return tuple(jnp.asarray(table(*shape).astype(dtype)) for shape in shapes)


@pytest.fixture
def doubles():
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@by_case
def test_gradients_are_those_of_differences(case, doubles):
    shapes, lengths = case
    given = drawn(shapes, np.float64)
    assert hfj.log_likelihood(*given, lengths).dtype == jnp.float64
    check_grads(lambda *tables: hfj.log_likelihood(*tables, lengths), given, order=1, modes=["rev"])


def test_gradients_are_those_of_the_library():
    """In float32, which is all that JAX has by default, of what is computed in doubles."""
    given, lengths = drawn(((K,), (K, K), (12, K))), [5, 4, 3]
    totals = hfj.log_likelihood(*given, lengths)
    expected = hf.log_likelihood_gradient(*map(np.asarray, given), lengths=lengths)
    assert np.array_equal(totals, expected.log_likelihood.astype(np.float32))
    found = jax.grad(lambda *tables: hfj.log_likelihood(*tables, lengths).sum(), argnums=(0, 1, 2))(*given)
    for part, exact in zip(
        found, (expected.log_initial, expected.log_transition, expected.log_likelihoods), strict=True
    ):
        np.testing.assert_allclose(part, exact, rtol=2e-7, atol=1e-12)


@pytest.mark.parametrize("axes", [(None, None, 0), (0, 0, None)], ids=["scores", "parameters"])
@pytest.mark.parametrize("case", list(CASES.values())[:4], ids=list(CASES)[:4])
def test_compiled_and_mapped(case, axes):
    """Under jit and vmap as without, whichever of the tables are those of each example."""
    shapes, lengths = case
    given = drawn(shapes)
    stacked = [each if axis is None else jnp.stack([each, 0.5 * each]) for each, axis in zip(given, axes, strict=True)]

    def total(*tables):
        return hfj.log_likelihood(*tables, lengths).sum()

    def several(*tables):
        return jax.vmap(total, in_axes=axes)(*tables).sum()

    value, slopes = jax.jit(jax.value_and_grad(several, argnums=(0, 1, 2)))(*stacked)
    values, parts = [], []
    for n in (0, 1):
        example = [each if axis is None else each[n] for each, axis in zip(stacked, axes, strict=True)]
        values.append(total(*example))
        parts.append(jax.grad(total, argnums=(0, 1, 2))(*example))
    np.testing.assert_allclose(value, sum(values), **ROUNDING)
    for slope, *each, axis in zip(slopes, *parts, axes, strict=True):
        np.testing.assert_allclose(slope, sum(each) if axis is None else np.stack(each), **ROUNDING)


def test_mapped_twice():
    given = drawn(((K,), (K, K), (2, 4, T, K)))
    found = jax.vmap(jax.vmap(lambda scores: hfj.log_likelihood(*given[:2], scores)))(given[2])
    batch = hfj.log_likelihood(*given[:2], given[2].reshape(8, T, K))
    assert np.array_equal(found, batch.reshape(2, 4))


def test_only_what_is_asked_for_is_computed(gradients_wanted):
    given = drawn(((K,), (K, K), (T, K)))
    jax.block_until_ready(jax.grad(hfj.log_likelihood, argnums=2)(*given))
    jax.block_until_ready(jax.grad(hfj.log_likelihood, argnums=(0, 1))(*given))
    jax.block_until_ready(
        jax.grad(lambda scores: 0.0 * scores.sum() + jax.lax.stop_gradient(hfj.log_likelihood(*given[:2], scores)))(
            given[2]
        )
    )
    assert gradients_wanted == [(False, False, True), (True, True, False)]


def test_what_does_not_count_has_gradient_zero():
    given = drawn(((K,), (K, K), (T, K)))
    slope = jax.grad(lambda scores: (hfj.log_likelihood(*given[:2], scores), scores.sum())[1])(given[2])
    assert (slope == 1).all()
    _, pull = jax.vjp(lambda scores: (hfj.log_likelihood(*given[:2], scores), scores.sum()), given[2])
    assert (pull((jnp.float32(0.0), jnp.float32(1.0)))[0] == 1).all()


def test_padding_and_impossible_sequences_have_gradient_zero():
    batch = padded()
    batch[2, 1] = -np.inf
    given = *drawn(((K,), (K, K))), jnp.asarray(batch)
    assert np.isneginf(hfj.log_likelihood(*given, LENGTHS)).tolist() == [False, False, True, False, False]
    slopes = jax.grad(lambda *tables: hfj.log_likelihood(*tables, LENGTHS).sum(), argnums=(0, 1, 2))(*given)
    assert all(jnp.isfinite(slope).all() for slope in slopes)
    are_its = np.arange(T) < np.where(np.arange(N) == 2, 0, LENGTHS)[:, None]
    assert ((slopes[2] != 0).any(axis=2) == are_its).all()


def test_halves_are_computed_in_more():
    given = [jnp.asarray(each, jnp.bfloat16) for each in (INITIALS["own"], TRANSITIONS["by both"], padded())]
    total = hfj.log_likelihood(*given, LENGTHS)
    assert total.dtype == jnp.float32
    assert np.array_equal(total, hfj.log_likelihood(*(each.astype(jnp.float32) for each in given), LENGTHS))
    assert (
        jax.grad(lambda scores: hfj.log_likelihood(*given[:2], scores, LENGTHS).sum())(given[2]).dtype == jnp.bfloat16
    )
    assert hfj.log_likelihood([0, 0], [[0, 0], [0, 0]], [[0, 1]]).dtype == jnp.float32


def test_there_are_no_second_derivatives():
    given = drawn(((K,), (K, K), (T, K)))
    with pytest.raises(ValueError, match="JVP"):
        jax.hessian(hfj.log_likelihood, argnums=2)(*given)


def test_refusals_are_those_of_the_library(capfd):
    chain = hf.transitions.StayOrJump(0.5, [0.5, 0.25, 0.25])
    with pytest.raises(TypeError, match=r"log_transition must be an array of logs, .* got StayOrJump transitions"):
        hfj.log_likelihood(jnp.zeros(K), chain, jnp.zeros((3, K)))
    with pytest.raises(Exception, match=r"log_likelihoods\[0, 2\] must be -inf or finite, got nan"):
        jax.block_until_ready(hfj.log_likelihood(jnp.zeros(K), jnp.zeros((K, K)), jnp.array([[0.0, 0.0, jnp.nan]])))


def test_a_small_network_learns():
    """A conditional random field on a network: the score of the true path, less the normaliser, rises."""
    states = np.tile(np.repeat([0, 1, 2], 5), 4)
    generator = np.random.default_rng(3)
    signal = jnp.asarray(np.eye(3)[states] + 0.4 * generator.normal(size=(60, 3)), jnp.float32)
    weights = jnp.asarray(0.5 * generator.normal(size=(3, 4)), jnp.float32), jnp.zeros((4, 3)), jnp.zeros((3, 3))

    @jax.jit
    @jax.value_and_grad
    def loss(weights):
        into, out, moves = weights
        scores = jnp.tanh(signal @ into) @ out
        path = scores[np.arange(60), states].sum() + moves[states[:-1], states[1:]].sum()
        return hfj.log_likelihood(jnp.zeros(3), moves, scores) - path

    losses = []
    for _ in range(40):
        value, slopes = loss(weights)
        weights = tuple(each - 0.05 * slope for each, slope in zip(weights, slopes, strict=True))
        losses.append(float(value))
    assert losses[0] == pytest.approx(60 * np.log(3), rel=1e-5)
    assert 0 < losses[-1] < 0.25 * losses[0]
    into, out, moves = map(np.asarray, weights)
    decoded = hf.viterbi(np.zeros(3), moves, np.tanh(signal @ into) @ out)
    assert (decoded.path == states).mean() > 0.95


def test_without_jax_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.delitem(sys.modules, "hmmfilter.jax")
    with pytest.raises(ImportError, match=r"hmmfilter.jax needs JAX: pip install 'hmmfilter\[jax\]'"):
        importlib.import_module("hmmfilter.jax")
