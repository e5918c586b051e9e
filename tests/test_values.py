"""Models and emissions as values: equal where all they are made of is, hashed alike, and printed with all of it."""

import copy
import pickle

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter.emissions import Bernoulli, Categorical, Gaussian, Poisson

HALF = [[0.5, 0.5], [0.5, 0.5]]
NAMES = ["calm", "busy"]

# Of each emission several ways to say the same, and others that differ in one thing.
SAME = {
    "Categorical": [lambda: Categorical(HALF), lambda: Categorical([[1, 1], [3, 3]], normalize=True)],
    "symbols": [lambda: Categorical(HALF, symbols=["a", "b"]), lambda: Categorical(HALF, symbols=("a", "b"))],
    "Bernoulli": [lambda: Bernoulli([0.0, 0.5]), lambda: Bernoulli(np.array([-0.0, 0.5]))],
    "Poisson": [lambda: Poisson([1, 5]), lambda: Poisson(np.array([1.0, 5.0], np.float32))],
    "Gaussian": [lambda: Gaussian([0, 1], [1, 4]), lambda: Gaussian([0, 1], [1, 4], kind="variances")],
    "vectors": [lambda: Gaussian(HALF, np.eye(2), kind="tied"), lambda: Gaussian(HALF, np.eye(2), "tied")],
}
OTHERS = {
    "Categorical": [Categorical([[0.5, 0.5], [0.4, 0.6]]), Categorical(HALF, symbols=[0, 1]), Bernoulli([0.5, 0.5])],
    "symbols": [Categorical(HALF), Categorical(HALF, symbols=["b", "a"])],
    "Bernoulli": [Bernoulli([1e-300, 0.5]), Poisson([0.0, 0.5])],
    "Poisson": [Poisson([1, np.nextafter(5, 6)]), Poisson([1, 5, 5])],
    "Gaussian": [Gaussian([0, 1], [1, 5]), Gaussian([[0], [1]], [[1], [4]])],
    "vectors": [Gaussian(HALF, np.ones((2, 2)), kind="variances"), Gaussian(HALF, [np.eye(2)] * 2)],
}


def model_of(emission, names=NAMES):
    return hf.HMM([0.5, 0.5], HALF, emission, names)


@pytest.mark.parametrize("name", SAME)
def test_what_is_made_of_the_same_is_equal(name, tmp_path):
    first, second = (build() for build in SAME[name])
    model = model_of(first)
    model.to_json(tmp_path / "model.json")
    for one, other in (
        (first, second),
        (model, model_of(second)),
        (model, hf.HMM.from_json(tmp_path / "model.json")),
        (model, pickle.loads(pickle.dumps(model))),
        (model, copy.deepcopy(model)),
    ):
        assert one == other
        assert hash(one) == hash(other)
        assert len({one, other}) == 1


@pytest.mark.parametrize("name", SAME)
def test_what_is_made_of_anything_else_is_not(name):
    emission = SAME[name][0]()
    for other in (*OTHERS[name], None, 7, emission.__class__):
        assert emission != other
        assert other != emission
    for other in OTHERS[name]:
        if other.n_states == 2:
            assert model_of(emission) != model_of(other)


def test_models_differ_in_each_of_their_parts():
    model = hf.HMM([0.5, 0.5], HALF, Poisson([1.0, 5.0]), NAMES)
    for other in (
        hf.HMM([0.4, 0.6], HALF, Poisson([1.0, 5.0]), NAMES),
        hf.HMM([0.5, 0.5], [[0.4, 0.6], [0.5, 0.5]], Poisson([1.0, 5.0]), NAMES),
        hf.HMM([0.5, 0.5], HALF, Poisson([1.0, 5.0])),
        model.emission,
    ):
        assert model != other


def test_an_emission_of_ones_own_speaks_for_itself():
    class Own:
        n_states = 2

        def log_likelihoods(self, observations): ...

        def sample(self, states, rng): ...

    own = Own()
    assert model_of(own) == model_of(own)
    assert model_of(own) != model_of(Own())
    assert hash(model_of(own)) == hash(model_of(own))
    assert repr(model_of(own)) == (
        "HMM: 2 states, Own emission\n"
        "  state  initial  to calm  to busy\n"
        "   calm   0.5000   0.5000   0.5000\n"
        "   busy   0.5000   0.5000   0.5000"
    )


SHOWN = [
    (Poisson([1.0, 5.25]), "rate", "1", "5.25"),
    (Bernoulli([0.25, 1.0]), "p(1)", "0.2500", "1.0000"),
    (
        Categorical([[0.25, 0.75], [1, 0]], symbols=["wet", "dry"]),
        "p(wet)  p(dry)",
        "0.2500  0.7500",
        "1.0000  0.0000",
    ),
    (Categorical([[0.25, 0.75], [1, 0]]), "p(0)    p(1)", "0.2500  0.7500", "1.0000  0.0000"),
    (Gaussian([0, -1], [1, 4]), "mean ± sd", "0 ± 1", "-1 ± 2"),
    (Gaussian([0, -1], 4, kind="tied"), "mean ± sd", "0 ± 2", "-1 ± 2"),
    (
        Gaussian([[0, 9], [3, 4]], [[1, 4], [9, 16]], kind="variances"),
        "mean[0] ± sd  mean[1] ± sd",
        "0 ± 1         9 ± 2",
        "3 ± 3         4 ± 4",
    ),
    (
        Gaussian([[0, 9], [3, 4]], [[1, -1], [-1, 4]], kind="tied"),
        "mean[0] ± sd  mean[1] ± sd  corr[0, 1]",
        "0 ± 1         9 ± 2       -0.50",
        "3 ± 1         4 ± 2       -0.50",
    ),
]


@pytest.mark.parametrize(("emission", "head", "calm", "busy"), SHOWN)
def test_a_model_shows_the_parameters_of_its_emission(emission, head, calm, busy):
    title, heads, *rows = repr(model_of(emission)).split("\n")
    assert title == f"HMM: 2 states, {type(emission).__name__} emission"
    assert heads == f"  state  initial  to calm  to busy  {head.rjust(len(heads) - 36)}"
    assert rows == [
        f"   calm   0.5000   0.5000   0.5000  {calm.rjust(len(heads) - 36)}",
        f"   busy   0.5000   0.5000   0.5000  {busy.rjust(len(heads) - 36)}",
    ]


def test_what_does_not_fit_beside_the_chain_stands_below_it():
    lines = repr(hf.HMM(np.full(10, 0.1), np.eye(10), Poisson(1000 + 1.25 * np.arange(10)))).split("\n")
    assert lines[1].endswith("to 8    to 9")
    assert lines[12:14] == ["  state    rate", "      0    1000"]
    assert len(lines) == 23
    assert max(map(len, lines)) <= 102


def test_of_what_does_not_fit_into_a_line_some_is_left_out():
    lines = repr(hf.HMM([1.0], [[1.0]], Gaussian(np.arange(9.0)[None], np.ones((1, 9))))).split("\n")
    assert lines[3:] == [
        "  state  mean[0] ± sd  mean[1] ± sd  mean[2] ± sd  ...  mean[7] ± sd  mean[8] ± sd",
        "      0         0 ± 1         1 ± 1         2 ± 1  ...         7 ± 1         8 ± 1",
    ]


def test_of_many_states_and_symbols_some_are_left_out():
    title, *lines = repr(hf.HMM(np.full(20, 0.05), np.eye(20), Categorical(np.full((20, 50), 0.02)))).split("\n")
    assert title == "HMM: 20 states, Categorical emission"
    assert lines == [
        "  state  initial    to 0    to 1  ...   to 18   to 19    p(0)    p(1)    p(2)  ...   p(48)   p(49)",
        "      0   0.0500  1.0000  0.0000  ...  0.0000  0.0000  0.0200  0.0200  0.0200  ...  0.0200  0.0200",
        "      1   0.0500  0.0000  1.0000  ...  0.0000  0.0000  0.0200  0.0200  0.0200  ...  0.0200  0.0200",
        "      2   0.0500  0.0000  0.0000  ...  0.0000  0.0000  0.0200  0.0200  0.0200  ...  0.0200  0.0200",
        "   ...",
        "     18   0.0500  0.0000  0.0000  ...  1.0000  0.0000  0.0200  0.0200  0.0200  ...  0.0200  0.0200",
        "     19   0.0500  0.0000  0.0000  ...  0.0000  1.0000  0.0200  0.0200  0.0200  ...  0.0200  0.0200",
    ]
