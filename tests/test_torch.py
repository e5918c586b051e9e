"""The log-likelihood in PyTorch, where that is installed."""

import importlib
import sys

import numpy as np
import pytest

import hmmfilter as hf
from tests.test_gradients import INITIALS, LENGTHS, TRANSITIONS, K, N, T, padded, table

torch = pytest.importorskip("torch")

hft = importlib.import_module("hmmfilter.torch")


def tensor(array, dtype=torch.float64):
    return torch.tensor(array, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize(
    ("shapes", "lengths"),
    [
        (((K,), (K, K), (T, K)), None),
        (((K,), (T - 1, K, K), (T, K)), None),
        (((3, K), (T, K, K), (T, K)), [4, 1, 2]),
        (((N, K), (K, K), (N, T, K)), LENGTHS),
        (((K,), (N, 1, K, K), (N, T, K)), torch.tensor(LENGTHS)),
    ],
    ids=["one", "changing", "one after the other", "padded", "matrices"],
)
def test_gradients_are_those_of_differences(shapes, lengths):
    tables = tuple(tensor(table(*shape)) for shape in shapes)
    assert torch.autograd.gradcheck(lambda *given: hft.log_likelihood(*given, lengths), tables)


def loss(initial, transition, scores):
    return -hft.log_likelihood(initial, transition, scores, LENGTHS).sum()


def test_gradients_are_those_of_the_library():
    initial, transition, scores = tensor(table(K)), tensor(table(K, K)), tensor(table(12, K))
    totals = hft.log_likelihood(initial, transition, scores, [5, 4, 3])
    totals.sum().backward()
    tables = (each.detach().numpy() for each in (initial, transition, scores))
    expected = hf.log_likelihood_gradient(*tables, lengths=[5, 4, 3])
    assert np.array_equal(totals.detach(), expected.log_likelihood)
    np.testing.assert_allclose(initial.grad, expected.log_initial, rtol=1e-14)
    np.testing.assert_allclose(transition.grad, expected.log_transition, rtol=1e-13)
    np.testing.assert_allclose(scores.grad, expected.log_likelihoods, rtol=1e-13, atol=1e-15)


def test_only_what_is_asked_for_is_computed(gradients_wanted):
    initial, transition, scores = tensor(table(K)), torch.tensor(table(K, K)), tensor(padded())
    loss(initial.detach(), transition, scores).backward()
    loss(initial, transition, scores.detach()).backward()
    assert gradients_wanted == [(False, False, True), (True, False, False)]
    assert transition.grad is None
    assert not loss(initial.detach(), transition, scores.detach()).requires_grad
    with torch.no_grad():
        assert not loss(initial, transition, scores).requires_grad


def test_padding_and_impossible_sequences_have_gradient_zero():
    batch = padded()
    batch[2, 1] = -np.inf
    initial, transition, scores = tensor(table(K)), tensor(table(K, K)), tensor(batch)
    totals = hft.log_likelihood(initial, transition, scores, LENGTHS)
    assert torch.isneginf(totals).tolist() == [False, False, True, False, False]
    totals.sum().backward()
    assert all(torch.isfinite(each.grad).all() for each in (initial, transition, scores))
    assert (scores.grad[2] == 0).all()
    assert (scores.grad.sum(axis=2).numpy() == 0).tolist() == (
        (np.arange(T) >= np.where(np.arange(N) == 2, 0, LENGTHS)[:, None]).tolist()
    )


def test_masked_zeros_of_a_softmax_stay_zeros():
    moves, mask = torch.zeros(K, K, requires_grad=True), torch.eye(K, dtype=torch.bool)
    log_transition = moves.log_softmax(-1).masked_fill(mask, -torch.inf)
    hft.log_likelihood(torch.zeros(K), log_transition, torch.tensor(padded()), LENGTHS).sum().backward()
    assert torch.isfinite(moves.grad).all()
    assert (moves.grad != 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_in_the_precision_of_the_tensors(dtype):
    given = [tensor(each, dtype) for each in (INITIALS["own"], TRANSITIONS["by both"], padded())]
    exact = [tensor(each.detach().double().numpy()) for each in given]
    found, expected = loss(*given), loss(*exact)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    found.backward()
    expected.backward()
    for each, other in zip(given, exact, strict=True):
        assert each.grad.dtype == dtype
        torch.testing.assert_close(each.grad.double(), other.grad, rtol=8e-3, atol=8e-3)


def test_doubles_among_floats_make_doubles():
    initial, transition, scores = tensor(table(K), torch.float32), table(K, K), tensor(padded(), torch.float32)
    total = loss(initial, transition, scores)
    assert total.dtype == torch.float64
    total.backward()
    assert (initial.grad.dtype, scores.grad.dtype) == (torch.float32, torch.float32)
    assert loss([0, 0], [[0, 0], [0, 0]], np.zeros((N, T, 2))).dtype == torch.float64


def test_there_are_no_second_derivatives():
    scores = tensor(padded())
    total = loss(torch.tensor(table(K)), torch.tensor(table(K, K)), scores)
    (slope,) = torch.autograd.grad(total, scores, create_graph=True)
    with pytest.raises(NotImplementedError, match="has a gradient, and no second derivatives"):
        slope.sum().backward()


def test_functions_of_torch_differentiate_it_too():
    initial, transition, scores = (torch.tensor(each) for each in (table(K), table(K, K), padded()))
    found = torch.func.grad(loss, argnums=(0, 1, 2))(initial, transition, scores)
    given = [each.clone().requires_grad_() for each in (initial, transition, scores)]
    loss(*given).backward()
    assert all(torch.equal(slope, each.grad) for slope, each in zip(found, given, strict=True))


def test_refusals_are_those_of_the_library():
    with pytest.raises(ValueError, match=r"log_likelihoods\[0, 2\] must be -inf or finite, got nan"):
        hft.log_likelihood([0.0, 0.0, 0.0], np.zeros((K, K)), [[0.0, 0.0, np.nan]])
    chain = hf.transitions.StayOrJump(0.5, [0.5, 0.25, 0.25])
    with pytest.raises(TypeError, match=r"log_transition must be an array of logs, .* got StayOrJump transitions"):
        hft.log_likelihood(torch.zeros(K), chain, torch.zeros(T, K))
    with pytest.raises(TypeError, match="lengths must hold integers"):
        hft.log_likelihood(torch.zeros(K), torch.zeros(K, K), torch.zeros(N, T, K), torch.ones(N))


def test_a_small_network_learns():
    """Which of two levels a noisy signal is at, from the likelihood alone: a network says how far it is from each."""
    states = np.repeat([0, 1, 0, 1, 1], 20)
    signal = torch.tensor(2.0 * states + np.random.default_rng(5).normal(size=100), dtype=torch.float32)[:, None]
    levels = torch.tensor([-1.0, 1.0], requires_grad=True)
    moves = torch.zeros(2, 2, requires_grad=True)
    optimizer = torch.optim.Adam([levels, moves], lr=0.2)
    totals = []
    for _ in range(40):
        optimizer.zero_grad()
        log_densities = torch.distributions.Normal(levels, 1.0).log_prob(signal)
        total = hft.log_likelihood(torch.full((2,), 0.5).log(), moves.log_softmax(-1), log_densities)
        (-total).backward()
        optimizer.step()
        totals.append(total.item())
    assert totals[-1] > totals[0] + 20
    assert levels.detach().numpy() == pytest.approx([0.0, 2.0], abs=0.5)
    assert moves.softmax(-1).diag().min() > 0.8


def test_without_torch_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "hmmfilter.torch")
    with pytest.raises(ImportError, match=r"hmmfilter.torch needs PyTorch: pip install 'hmmfilter\[torch\]'"):
        importlib.import_module("hmmfilter.torch")
