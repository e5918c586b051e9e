"""Models of pomegranate: theirs and ours say the same of observations.

Where pomegranate is not installed, stand-ins have the names and attributes of its classes: these tests then show what
becomes of them, and the others that it is what pomegranate means.
"""

import sys
from types import ModuleType
from types import SimpleNamespace as Namespace

import numpy as np
import pytest

import hmmfilter as hf

SINGLE = {"rtol": 1e-4, "atol": 1e-5}  # what pomegranate says in single precision
CONSTANTS = {"rtol": 1e-10, "atol": 1e-10}  # in double: its own log 2π has twelve digits
SUMS_OF_SINGLE = {"rtol": 1e-5, "atol": 1e-6}  # of independent components, which it adds up in single precision
START, EDGES = [0.6, 0.4], [[0.9, 0.1], [0.2, 0.8]]
RNG = np.random.default_rng(0)
T = 30
ONE, TWO, POSITIVE = RNG.normal(size=(T, 1)), RNG.normal(size=(T, 2)), RNG.gamma(2.0, size=(T, 1))
COUNTS, OUTCOMES = RNG.poisson(2.0, (T, 1)) * 1.0, RNG.integers(0, 2, (T, 1)) * 1.0
SYMBOLS = RNG.integers(0, 3, (T, 2))
E = hf.emissions


def normal(mean, covariance, kind="diag"):
    return "Normal", {"means": mean, "covs": covariance, "covariance_type": kind}


def beside(*parts):
    return "IndependentComponents", {"distributions": list(parts)}


def mixed(weights, *parts):
    return "GeneralMixtureModel", {"distributions": list(parts), "priors": weights}


TILTED = [[1.0, 0.2], [0.2, 1.0]]
CASES = {  # what each state shows, observations, and the emission here
    "full": (
        [normal([0.0, 1.0], TILTED, "full"), normal([2.0, 1.0], TILTED, "full")],
        TWO,
        E.Gaussian([[0.0, 1.0], [2.0, 1.0]], [TILTED, TILTED]),
    ),
    "diag": (
        [normal([0.0, 1.0], [1.0, 2.0]), normal([2.0, 1.0], [1.0, 0.5])],
        TWO,
        E.Gaussian([[0.0, 1.0], [2.0, 1.0]], [[1.0, 2.0], [1.0, 0.5]], "variances"),
    ),
    "full and diag": (
        [normal([0.0, 1.0], TILTED, "full"), normal([2.0, 1.0], [1.0, 0.5])],
        TWO,
        E.Gaussian([[0.0, 1.0], [2.0, 1.0]], [TILTED, [[1.0, 0.0], [0.0, 0.5]]]),
    ),
    "one": ([normal([0.0], [[1.0]], "full"), normal([2.0], [[2.0]], "full")], ONE, E.Gaussian([0.0, 2.0], [1.0, 2.0])),
    "exponential": (
        [("Exponential", {"scales": [1.0]}), ("Exponential", {"scales": [3.0]})],
        POSITIVE,
        E.Exponential([1.0, 3.0]),
    ),
    "gamma": (
        [("Gamma", {"shapes": [1.0], "rates": [2.0]}), ("Gamma", {"shapes": [3.0], "rates": [1.0]})],
        POSITIVE,
        E.Gamma([1.0, 3.0], [0.5, 1.0]),
    ),
    "poisson": ([("Poisson", {"lambdas": [1.0]}), ("Poisson", {"lambdas": [4.0]})], COUNTS, E.Poisson([1.0, 4.0])),
    "bernoulli": (
        [("Bernoulli", {"probs": [0.25]}), ("Bernoulli", {"probs": [0.5]})],
        OUTCOMES,
        E.Bernoulli([0.25, 0.5]),
    ),
    "symbols": (
        [("Categorical", {"probs": [[0.5, 0.25, 0.25]]}), ("Categorical", {"probs": [[0.25, 0.25, 0.5]]})],
        SYMBOLS[:, :1],
        E.Categorical([[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]),
    ),
    "beside": (
        [
            beside(normal([0.0], [1.0]), ("Poisson", {"lambdas": [3.0]})),
            beside(normal([1.0], [1.0]), ("Poisson", {"lambdas": [1.0]})),
        ],
        np.hstack([ONE, COUNTS]),
        E.Product([E.Gaussian([0.0, 1.0], [1.0, 1.0]), E.Poisson([3.0, 1.0])]),
    ),
    "mixture": (
        [
            mixed([0.25, 0.75], normal([0.0], [1.0]), normal([2.0], [2.0])),
            mixed([0.5, 0.5], normal([-1.0], [1.0]), normal([5.0], [2.0])),
        ],
        ONE,
        E.Mixture(
            [E.Gaussian([0.0, -1.0], [1.0, 1.0]), E.Gaussian([2.0, 5.0], [2.0, 2.0])], [[0.25, 0.75], [0.5, 0.5]]
        ),
    ),
}
STUDENT = "StudentT", {"dofs": 3, "means": [0.0], "covs": [4.0]}
ONE_WAY = {  # of which pomegranate's own are others, or none
    "two symbols": (
        [
            ("Categorical", {"probs": [[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]}),
            ("Categorical", {"probs": [[0.25, 0.25, 0.5], [0.5, 0.25, 0.25]]}),
        ],
        SYMBOLS,
        E.Product(
            [
                E.Categorical([[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]),
                E.Categorical([[0.25, 0.25, 0.5], [0.5, 0.25, 0.25]]),
            ]
        ),
    ),
    "student": ([STUDENT, STUDENT], ONE, E.StudentT([0.0, 0.0], [2.0, 2.0], [3.0, 3.0])),
    "log-normal": (
        [
            ("LogNormal", {"means": [0.0], "covs": [[4.0]], "covariance_type": "full"}),
            ("LogNormal", {"means": [1.0], "covs": [0.25], "covariance_type": "diag"}),
        ],
        POSITIVE,
        E.LogNormal([0.0, 1.0], [2.0, 0.5]),
    ),
    "uniform": (
        [("Uniform", {"mins": [-5.0], "maxs": [5.0]}), ("Uniform", {"mins": [-3.0], "maxs": [10.0]})],
        ONE,
        None,
    ),
    "other kinds": ([normal([0.0], [1.0]), STUDENT], ONE, None),
    "other kinds of counts": (
        [("Poisson", {"lambdas": [1.0]}), ("Bernoulli", {"probs": [0.5]})],
        OUTCOMES,
        None,
    ),
    "other kinds of amounts": (
        [("Exponential", {"scales": [1.0]}), ("Gamma", {"shapes": [3.0], "rates": [2.0]})],
        POSITIVE,
        None,
    ),
    "other kinds of lengths": (
        [
            ("Exponential", {"scales": [1.0]}),
            ("LogNormal", {"means": [1.0], "covs": [0.25], "covariance_type": "diag"}),
        ],
        POSITIVE,
        None,
    ),
}


class Standing:
    """What stands in for a class of pomegranate: it keeps its arguments, as arrays in the precision that they have."""

    def __init__(self, **given):
        arrays = {"dofs", "means", "covs", "scales", "shapes", "rates", "lambdas", "probs", "mins", "maxs", "priors"}
        vars(self).update({name: np.asarray(value) if name in arrays else value for name, value in given.items()})


class Tensor:
    """What wants gradients, as far as anybody asks."""

    def __init__(self, values):
        self.values = values

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return np.asarray(self.values)


class DenseHMM:
    def __init__(self, distributions, edges, starts, ends=None, dtype=np.float64):
        self.distributions = distributions
        with np.errstate(divide="ignore"):
            self.edges, self.starts = (Tensor(np.log(np.asarray(each, dtype))) for each in (edges, starts))
            self.ends = None if ends is None else Tensor(np.log(np.asarray(ends, dtype)))

    def double(self):
        return self


class SparseHMM(DenseHMM):
    """Whose edges are a list of their logs."""

    def __init__(self, distributions, edges, starts, ends=None):
        super().__init__(distributions, edges, starts, ends)
        self._edge_idx_starts, self._edge_idx_ends = map(Tensor, np.nonzero(edges))
        self._edge_log_probs = self.edges = Tensor(np.log(np.asarray(edges)[np.nonzero(edges)]))


@pytest.fixture
def standing(monkeypatch):
    """Modules of stand-ins in place of pomegranate's, as it is where it is not installed."""
    names = ("Bernoulli", "Categorical", "Exponential", "Gamma", "IndependentComponents", "LogNormal", "Normal")
    kinds = {name: type(name, (Standing,), {}) for name in (*names, "Poisson", "StudentT", "Uniform")}
    mixture = {"GeneralMixtureModel": type("GeneralMixtureModel", (Standing,), {})}
    contents = {"hmm": {"DenseHMM": DenseHMM}, "distributions": kinds, "gmm": mixture}
    monkeypatch.setitem(sys.modules, "pomegranate", ModuleType("pomegranate"))
    for name, content in contents.items():
        module = ModuleType(f"pomegranate.{name}")
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, f"pomegranate.{name}", module)
    return Namespace(**kinds, **mixture)


def made(kinds, told):
    """A distribution, of stand-ins or of pomegranate itself."""
    kind, options = told
    if "distributions" in options:
        options = {**options, "distributions": [made(kinds, part) for part in options["distributions"]]}
    return getattr(kinds, kind)(**options)


def test_cases_stand_for_themselves(standing):
    for states, _, emission in [*CASES.values(), *ONE_WAY.values()]:
        model = hf.from_pomegranate(DenseHMM([made(standing, state) for state in states], EDGES, START), ["a", "b"])
        assert model.state_names == ("a", "b")
        np.testing.assert_allclose(model.transition, EDGES, rtol=1e-15)
        np.testing.assert_allclose(model.initial, START, rtol=1e-15)
        assert model.final is None
        if emission is None:
            assert type(model.emission) is E.FromScipy
        else:
            assert model.emission == emission


@pytest.mark.parametrize("case", CASES)
def test_back_are_the_same_distributions(case, standing):
    states, _, emission = CASES[case]
    theirs = hf.to_pomegranate(hf.HMM(START, EDGES, emission))
    again = hf.from_pomegranate(theirs)
    assert again.emission == emission
    np.testing.assert_array_equal(np.exp(theirs.ends.numpy()), [1.0, 1.0])
    assert again.final is None
    assert [type(own).__name__ for own in theirs.distributions] == [kind for kind, _ in states]


def test_ends_are_final(standing):
    counts = [standing.Poisson(lambdas=[1.0]), standing.Poisson(lambdas=[4.0])]
    model = hf.from_pomegranate(DenseHMM(counts, [[0.8, 0.1], [0.0, 0.0]], START, [0.1, 1.0]))
    np.testing.assert_allclose(model.final, [0.1, 1.0])
    np.testing.assert_allclose(model.transition[0], [8 / 9, 1 / 9])
    again = hf.from_pomegranate(hf.to_pomegranate(model))
    np.testing.assert_allclose(again.final, model.final)
    np.testing.assert_allclose(again.transition[0], model.transition[0])
    with pytest.raises(ValueError, match="edges and ends") as caught:
        hf.from_pomegranate(DenseHMM(counts, [[0.8, 0.1], [0.5, 0.75]], START, [0.1, 0.25]))
    assert str(caught.value) == (
        "edges and ends of a pomegranate model must sum to 1 in each state, or edges alone where ends are all alike, "
        "got 1.5 in state 1 with an end of 0.25: fit it, or set ends that do"
    )
    with pytest.raises(ValueError, match=r"got 1\.25 in state 1 with an end of 0\.25: fit it"):
        hf.from_pomegranate(DenseHMM(counts, EDGES, START, [0.125, 0.25]))


def test_ends_that_are_alike_tell_nothing(standing):
    counts = [standing.Poisson(lambdas=[1.0]), standing.Poisson(lambdas=[4.0])]
    for ends in (None, [0.5, 0.5], [0.0, 0.0]):
        model = hf.from_pomegranate(SparseHMM(counts, [[0.9, 0.1], [0.0, 1.0]], START, ends))
        assert model.final is None
        np.testing.assert_allclose(model.transition, [[0.9, 0.1], [0.0, 1.0]], rtol=1e-15)


def test_single_precision_sums_to_1_within_itself(standing):
    counts = [standing.Poisson(lambdas=[float(k + 1)]) for k in range(7)]
    thirds = np.random.default_rng(1).dirichlet(np.ones(7), 7)
    model = hf.from_pomegranate(DenseHMM(counts, thirds, thirds[0], dtype=np.float32))
    np.testing.assert_allclose(model.transition, thirds, rtol=1e-6)
    assert abs(model.transition.sum(axis=1) - 1).max() < 1e-15


OWN = "give hmmfilter.HMM an emission of your own, as hmmfilter.emissions.Emission shows"
REFUSED = {
    "mixtures of 1, 2": (
        [mixed([1.0], normal([0.0], [1.0])), CASES["mixture"][0][0]],
        "hmmfilter cannot say mixtures of [1, 2] components in one model: add some of weight 0",
    ),
    "a mixture and a normal": (
        [mixed([1.0], normal([0.0], [1.0])), normal([0.0], [1.0])],
        f"hmmfilter cannot say a mixture beside what is none: {OWN}",
    ),
    "tilted": (
        [("LogNormal", {"means": [0.0, 0.0], "covs": TILTED})] * 2,
        f"hmmfilter cannot say a LogNormal whose columns depend on each other, here: {OWN}",
    ),
    "symbols and counts": (
        [CASES["symbols"][0][0], CASES["poisson"][0][0]],
        f"hmmfilter cannot say Categorical and Poisson for one column: {OWN}",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_said_here_is_refused(case, standing):
    states, message = REFUSED[case]
    with pytest.raises(ValueError, match="cannot say") as caught:
        hf.from_pomegranate(DenseHMM([made(standing, state) for state in states], EDGES, START))
    assert str(caught.value) == message


def test_what_is_no_model_is_refused(standing):
    with pytest.raises(TypeError, match="model must be one of DenseHMM, SparseHMM, got int 3"):
        hf.from_pomegranate(3)
    give = "give it all of distributions, edges and starts, or fit it"
    model = DenseHMM([standing.Poisson(lambdas=[1.0])], [[1.0]], [1.0])
    model.starts = None
    with pytest.raises(TypeError, match=f"model must have starts, got DenseHMM without it: {give}"):
        hf.from_pomegranate(model)
    with pytest.raises(TypeError, match=r"a distribution of pomegranate must be one of Bernoulli, .*, got Namespace"):
        hf.from_pomegranate(DenseHMM([type("Namespace", (), {})()], [[1.0]], [1.0]))


@pytest.mark.parametrize(
    ("emission", "message"),
    [
        (E.LogNormal([0.0, 1.0], [1.0, 1.0]), "this LogNormal emission: hmmfilter.to_pomegranate lists what it has"),
        (E.Poisson([0.0, 1.0], exposure=True), "this Poisson emission: hmmfilter.to_pomegranate lists what it has"),
        (
            E.Product([E.Gaussian([[0.0, 0.0]] * 2, [1.0, 1.0], "spherical"), E.Poisson([0.0, 1.0])]),
            "channels of vectors: it has independent columns of numbers",
        ),
    ],
)
def test_what_pomegranate_has_not_is_refused(emission, message):
    with pytest.raises(ValueError, match="cannot say") as caught:
        hf.to_pomegranate(hf.HMM(START, EDGES, emission))
    assert str(caught.value) == f"pomegranate cannot say {message}"


def test_without_pomegranate_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pomegranate.distributions", None)
    with pytest.raises(ImportError, match=r"hmmfilter\.to_pomegranate needs pomegranate: pip install pomegranate"):
        hf.to_pomegranate(hf.HMM([1.0], [[1.0]], E.Poisson([1.0])))


@pytest.fixture(scope="module")
def pomegranate():
    """All its classes, where it is installed."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hmm = pytest.importorskip("pomegranate.hmm")
        import torch
        from pomegranate import distributions, gmm

        def tensor(rows, dtype=torch.float32):
            return torch.tensor(rows[np.newaxis], dtype=dtype if rows.dtype.kind == "f" else torch.int64)

        yield Namespace(
            **{**vars(distributions), "GeneralMixtureModel": gmm.GeneralMixtureModel},
            DenseHMM=hmm.DenseHMM,
            SparseHMM=hmm.SparseHMM,
            tensor=tensor,
            double=torch.float64,
        )


# Beside another kind, what pomegranate leaves out of its log-normal densities is not the same in all states.
@pytest.mark.parametrize("case", [*CASES, *(case for case in ONE_WAY if case != "other kinds of lengths")])
def test_both_say_the_same(case, pomegranate):
    states, rows, _ = {**CASES, **ONE_WAY}[case]
    theirs = pomegranate.DenseHMM([made(pomegranate, state) for state in states], edges=EDGES, starts=START)
    observations = pomegranate.tensor(rows)
    posterior = theirs.predict_proba(observations)[0].detach().numpy()
    log_likelihood = float(theirs.log_probability(observations)[0].detach())
    model = hf.from_pomegranate(theirs)
    smoothed = model.smooth(rows if rows.shape[1] > 1 else rows[:, 0])
    np.testing.assert_allclose(smoothed.probabilities, posterior, **SINGLE)
    without_ends = log_likelihood - float(theirs.ends[0].detach())
    if case == "log-normal":  # that of the logs
        without_ends -= np.log(rows).sum()
    np.testing.assert_allclose(without_ends, smoothed.log_likelihood, **SINGLE)


@pytest.mark.parametrize("case", CASES)
def test_back_says_the_same(case, pomegranate):
    _, rows, emission = CASES[case]
    model = hf.HMM(START, EDGES, emission)
    theirs, observations = hf.to_pomegranate(model), pomegranate.tensor(rows, pomegranate.double)
    smoothed = model.smooth(rows if rows.shape[1] > 1 else rows[:, 0])
    within = SUMS_OF_SINGLE if case == "beside" else CONSTANTS
    np.testing.assert_allclose(theirs.predict_proba(observations)[0].detach(), smoothed.probabilities, **within)
    np.testing.assert_allclose(
        float(theirs.log_probability(observations)[0].detach()), smoothed.log_likelihood, **within
    )


def test_ends_say_the_same(pomegranate):
    first, second = pomegranate.Poisson([1.0]), pomegranate.Poisson([4.0])
    edges = [(first, first, 0.75), (first, second, 0.25), (second, second, 0.8)]
    theirs = pomegranate.SparseHMM([first, second], edges=edges, starts=[0.5, 0.5], ends=[0.0, 0.2])
    model, observations = hf.from_pomegranate(theirs), pomegranate.tensor(COUNTS)
    smoothed = model.smooth(COUNTS[:, 0])
    np.testing.assert_allclose(smoothed.probabilities, theirs.predict_proba(observations)[0].detach(), **SINGLE)
    np.testing.assert_allclose(
        smoothed.log_likelihood, float(theirs.log_probability(observations)[0].detach()), **SINGLE
    )


def test_a_fitted_one_has_ends(pomegranate):
    theirs = pomegranate.DenseHMM([pomegranate.Normal(), pomegranate.Normal()], max_iter=5, random_state=0)
    theirs.fit(pomegranate.tensor(np.concatenate([TWO, TWO + 3])))
    model = hf.from_pomegranate(theirs)
    assert model.final is not None
    assert model.emission.kind == "full"
