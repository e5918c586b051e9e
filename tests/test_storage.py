"""Models as JSON: exact round trips, and one clear error for every broken or hostile file."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import hmmfilter as hf
from hmmfilter import storage
from hmmfilter.emissions import Bernoulli, Categorical, FromScipy, Gaussian, Poisson, Product

EMISSIONS = [
    Categorical([[1 / 3, 2 / 3], [1e-300, 1.0]]),
    Bernoulli([1 / 3, 5e-324]),
    Poisson([1 / 3, 1e22]),
    Gaussian([1 / 3, -1e100], [2 / 3, 1e-50]),
    Gaussian([[1 / 3, 0.0], [0.1, 0.2]], [[0.1, 0.2], [0.3, 0.4]], kind="variances"),
    Gaussian([[1 / 3, 0.0], [0.1, 0.2]], [[0.1, 0.02], [0.02, 0.3]], kind="tied"),
    Gaussian([[1 / 3, 0.0], [0.1, 0.2]], [0.1, 1e300], kind="spherical"),
    Gaussian([1 / 3, 0.0], 2 / 3, kind="tied"),
    Gaussian([[1 / 3, 0.0], [0.1, 0.2]], [[[0.1, 0.02], [0.02, 0.3]], [[1.0, 0.0], [0.0, 1.0]]]),
    FromScipy([stats.gamma(4 / 3, scale=np.float64(3.0)), stats.t(df=3)]),
    FromScipy([stats.binom(5, 0.3), stats.poisson(1 / 3)]),
]


COIN = Categorical([[1 / 3, 2 / 3], [0.1, 0.9]], symbols=["heads", True])
NESTED = [
    Product([Poisson([1 / 3, 5.0]), COIN]),
    Product({"a": Poisson([1 / 3, 5.0]), "b": Gaussian([0.0, 1 / 3], [1.0, 2.0])}),
    Product([Poisson([1 / 3, 5.0]), Gaussian([[0.0, 1.0]] * 2, np.eye(2), "tied")], columns=[2, [0, 1]]),
    Product([Poisson([1 / 3, 5.0]), Product([COIN, FromScipy([stats.norm(1 / 3)] * 2)])], columns=["a", ["b", "c"]]),
]
TURNS = [
    hf.transitions.Rates([[0, 1 / 3], [2.0, 0]], unit="h"),
    hf.transitions.Indexed([[[0.1, 0.9], [1 / 3, 2 / 3]], [[1.0, 0.0], [0.5, 0.5]]], names=["work", "rest"]),
    hf.transitions.Indexed([[[0.1, 0.9], [1 / 3, 2 / 3]]]),
]


@pytest.mark.parametrize("emission", NESTED, ids=range(len(NESTED)))
def test_emissions_within_emissions_come_back(emission, tmp_path):
    path = tmp_path / "model.json"
    model = hf.HMM([1 / 3, 2 / 3], [[0.5, 0.5], [0.25, 0.75]], emission)
    model.to_json(path)
    assert json.loads(path.read_text())["format"] == storage.FORMAT
    assert hf.HMM.from_json(path) == model


@pytest.mark.parametrize("transition", TURNS, ids=range(len(TURNS)))
def test_transitions_and_ends_come_back(transition, tmp_path):
    path = tmp_path / "model.json"
    storage.write(path, np.array([1 / 3, 2 / 3]), transition, Poisson([1.0, 5.0]), ("a", "b"), np.array([0.0, 1 / 3]))
    read = storage.read(path)
    assert read["transition"] == transition
    assert read["final"] == [0.0, 1 / 3]
    assert json.loads(path.read_text())["format"] == storage.FORMAT


def test_what_is_as_it_was_is_written_as_it_was(tmp_path):
    path = tmp_path / "model.json"
    for emission in EMISSIONS:
        hf.HMM([1 / 3, 2 / 3], [[0.5, 0.5], [0.25, 0.75]], emission).to_json(path)
        document = json.loads(path.read_text())
        assert document["format"] == storage.SECOND_FORMAT
        assert "exposure" not in document["emission"]


@pytest.mark.parametrize("emission", EMISSIONS, ids=lambda emission: type(emission).__name__)
def test_every_float_is_exact_after_the_round_trip(emission, tmp_path):
    model = hf.HMM([1 / 3, 2 / 3], [[0.1 + 0.2, 1 - (0.1 + 0.2)], [1e-300, 1.0]], emission, ["ä", 'b"'])
    path = tmp_path / "model.json"
    model.to_json(path)
    twin = hf.HMM.from_json(str(path))
    assert np.array_equal(twin.initial, model.initial)
    assert np.array_equal(twin.transition, model.transition)
    assert twin.state_names == model.state_names
    assert type(twin.emission) is type(emission)
    observations = [[0.5, None]] if np.ndim(getattr(emission, "mean", 0)) == 2 else [0, 1, None]
    assert np.array_equal(twin.emission.log_likelihoods(observations), emission.log_likelihoods(observations))
    twin.to_json(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


@given(rates=st.lists(st.floats(0, 1e300), min_size=1, max_size=4))
def test_any_double_survives(rates, tmp_path_factory):
    path = tmp_path_factory.mktemp("json") / "model.json"
    n = len(rates)
    hf.HMM(np.eye(n)[0], np.eye(n), Poisson(rates)).to_json(path)
    assert hf.HMM.from_json(path).emission.rate.tolist() == rates


GOOD = {
    "format": storage.FORMAT,
    "initial": [1.0],
    "transition": [[1.0]],
    "emission": {"type": "Poisson", "rate": [1.0]},
}


def scipy_emission(**distribution):
    return {"emission": {"type": "FromScipy", "distributions": [{"args": [], "kwds": {}, **distribution}]}}


BROKEN = [
    ("", "Expecting value"),
    ("[]", "the model must be a JSON object, got list"),
    ("{", "Expecting property name"),
    ("[" * 100_000, "nested too deeply"),
    (b"\xff\xfe", "codec can't decode"),
    ('{"format": 1, "format": 2}', "keys must be different, got ['format', 'format']"),
    (
        {**GOOD, "format": "another"},
        "format must be one of hmmfilter model, version 3, hmmfilter model, version 2, hmmfilter model, version 1, got",
    ),
    ({"initial": [1.0]}, "the model must have the keys ['emission', 'format', 'initial', 'transition'], got none of"),
    ({**GOOD, "extra": 1}, "got also ['extra']"),
    ({**GOOD, "initial": "random"}, "initial must be probabilities or 'stationary', got 'random'"),
    ({**GOOD, "initial": ["1.0"]}, "initial must hold real numbers"),
    ({**GOOD, "initial": [10**400]}, "initial must hold real numbers"),
    ({**GOOD, "initial": {"0": 1.0}}, "initial must hold real numbers"),
    ({**GOOD, "initial": [float("nan")]}, "numbers must be finite, got NaN"),
    (json.dumps(GOOD).replace("[1.0]", "[1e999]", 1), "initial[0] must be finite, got inf"),
    ({**GOOD, "initial": [True]}, "initial must hold numbers, got true or false"),
    ({**GOOD, "initial": True}, "initial must hold numbers, got true or false"),
    ({**GOOD, "transition": [[0.0, 1.0], [1.0, False]]}, "transition[1] must hold numbers, got true or false"),
    ({**GOOD, "emission": {"type": "Poisson", "rate": [True]}}, "rate must hold numbers, got true or false"),
    ({**GOOD, **scipy_emission(name="norm", args=[True])}, "args must hold numbers, got true or false"),
    ({**GOOD, **scipy_emission(name="norm", kwds={"loc": False})}, "kwds must hold numbers, got true or false"),
    ({**GOOD, "state_names": ["a\ud800"]}, r"state_names must be text that UTF-8 can hold, got 'a\ud800'"),
    ({**GOOD, "transition": [[0.9]]}, "transition row 0 must sum to 1, got 0.9"),
    ({**GOOD, "transition": [[0.9], []]}, "transition must be rectangular"),
    ({**GOOD, "state_names": [1]}, "state_names must be a list of non-empty strings, got [1]"),
    ({**GOOD, "state_names": 7}, "state_names must be a list of non-empty strings, got 7"),
    (
        {**GOOD, "emission": "Poisson"},
        "emission must be a JSON object, got str",
    ),
    (
        {**GOOD, "emission": {}},
        "the type of emission must be one of ",
    ),
    ({**GOOD, "emission": {"type": "__import__"}}, "got '__import__'"),
    ({**GOOD, "emission": {"type": ["Poisson"]}}, "got ['Poisson']"),
    (
        {**GOOD, "emission": {"type": "Poisson", "mean": [1.0]}},
        "emission must have the keys ['rate', 'type'], got none of ['rate'] and also ['mean']",
    ),
    ({**GOOD, "emission": {"type": "Poisson", "rate": [-1.0]}}, "rate[0] must be at least 0, got -1.0"),
    (
        {**GOOD, "emission": {"type": "Poisson", "rate": [1.0, 2.0]}},
        "emission must have the 1 states of transition, got 2",
    ),
    (
        {**GOOD, "transition": {"type": "Dense"}},
        "the type of transition must be one of Indexed, Rates, Logistic, Durations, Sparse, Banded, Kronecker, StayOrJump",
    ),
    ({**GOOD, "transition": {"type": "Rates"}}, "transition must have the keys ['generator', 'type'], got none of"),
    ({**GOOD, "final": [True]}, "final must hold numbers, got true or false"),
    ({**GOOD, "emission": {"type": "Product", "channels": [{"type": "X"}]}}, "got 'X': if it is one of your own"),
    ({**GOOD, "emission": {"type": "Product", "channels": [7]}}, "channels[0] must be an emission, got 7"),
    ({**GOOD, "emission": {"type": "FromScipy", "distributions": {}}}, "distributions must be a JSON array, got dict"),
    ({**GOOD, **scipy_emission(name="sys")}, ", ..., got 'sys'"),
    ({**GOOD, **scipy_emission(name="test")}, "got 'test'"),
    ({**GOOD, **scipy_emission(name=["norm"])}, "got ['norm']"),
    ({**GOOD, **scipy_emission(name="norm", args=["0"])}, "args must hold real numbers"),
    ({**GOOD, **scipy_emission(name="norm", args=1)}, "args must be a JSON array, got int"),
    ({**GOOD, **scipy_emission(name="norm", kwds={"loc": "0"})}, "kwds must hold real numbers"),
    ({**GOOD, **scipy_emission(name="norm", kwds=[])}, "kwds must be a JSON object, got list"),
    ({**GOOD, **scipy_emission(name="norm", args=[1, 2, 3, 4])}, "holds no valid model"),
    ({**GOOD, **scipy_emission(name="norm", args=[0, -1])}, "valid single numbers for parameters, got norm of (0, -1)"),
]


@pytest.mark.parametrize(("content", "message"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_file_gets_one_clear_error(content, message, tmp_path):
    path = tmp_path / "broken.json"
    if isinstance(content, dict):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        hf.HMM.from_json(path)
    assert str(caught.value).startswith(f"{path} holds no valid model: ")
    assert "\n" not in str(caught.value)


FIRST_GAUSSIANS = [
    ([0.0, 1.0], [1.0, 2.0], "variances"),
    ([[0.0, 1.0], [2.0, 3.0]], [[1.0, 0.5], [0.5, 2.0]], "variances"),  # which now would have to be said
    ([[0.0, 1.0], [2.0, 3.0]], [[[1.0, 0.5], [0.5, 2.0]]] * 2, "full"),
]


def of_version_1(**emission):
    halves = [0.5, 0.5]
    return {
        "format": "hmmfilter model, version 1",
        "initial": halves,
        "transition": [halves, halves],
        "emission": emission,
    }


@pytest.mark.parametrize(("mean", "covariance", "kind"), FIRST_GAUSSIANS)
def test_a_file_of_version_1_means_what_it_meant(mean, covariance, kind, tmp_path):
    path = tmp_path / "old.json"
    path.write_text(json.dumps(of_version_1(type="Gaussian", mean=mean, covariance=covariance)))
    emission = hf.HMM.from_json(path).emission
    assert emission.kind == kind
    assert emission.covariance.tolist() == covariance
    path.write_text(json.dumps(of_version_1(type="Poisson", rate=[1.0, 2.0])))
    assert hf.HMM.from_json(path).emission.rate.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("emission", "message"),
    [
        ({"type": "Gaussian", "mean": [0.0, 1.0]}, "emission must have the keys"),
        ({"type": "Gaussian", "mean": [0.0, 1.0], "covariance": [1.0, 1.0], "kind": "tied"}, "got also ['kind']"),
        ({"type": "Gaussian", "mean": [[0.0], [1.0]], "covariance": [1.0, 1.0]}, "covariance must have shape (2, 1)"),
        ("Gaussian", "emission must be a JSON object, got str"),
    ],
)
def test_a_broken_file_of_version_1(emission, message, tmp_path):
    path = tmp_path / "old.json"
    path.write_text(json.dumps({**of_version_1(), "emission": emission}))
    with pytest.raises(ValueError, match=re.escape(message)):
        hf.HMM.from_json(path)


def test_a_gaussian_in_a_file_says_its_kind(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps({**GOOD, "emission": {"type": "Gaussian", "mean": [0.0], "covariance": [1.0]}}))
    with pytest.raises(ValueError, match=r"got none of \['kind'\]"):
        hf.HMM.from_json(path)


def test_distributions_in_a_file_may_be_divided_by_their_sums(tmp_path):
    path = tmp_path / "model.json"
    coin = {"type": "Categorical", "probabilities": [[2, 6]]}
    path.write_text(json.dumps({**GOOD, "initial": [0.999], "transition": [[0.999]], "emission": coin}))
    with pytest.raises(ValueError, match="normalize=True"):
        hf.HMM.from_json(path)
    model = hf.HMM.from_json(path, normalize=True)
    assert (model.initial.tolist(), model.emission.probabilities.tolist()) == ([1.0], [[0.25, 0.75]])


LONG = "x" * 10_000_000
LONG_ONES = [
    {**GOOD, "format": LONG},
    {**GOOD, LONG: 1},
    {**GOOD, "initial": LONG},
    {**GOOD, "state_names": LONG},
    {**GOOD, "state_names": [LONG] * 5},
    {**GOOD, "emission": {"type": LONG}},
    {**GOOD, "emission": {"type": "Poisson", LONG: 1}},
    {**GOOD, **scipy_emission(name=LONG)},
    {**GOOD, **scipy_emission(name="norm", args=[1] * 10_000)},
    {**GOOD, **scipy_emission(name="norm", kwds={LONG: 1})},
]


@pytest.mark.parametrize("document", LONG_ONES, ids=range(len(LONG_ONES)))
def test_no_message_quotes_at_length(document, tmp_path):
    path = tmp_path / "long.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match="holds no valid model: ") as caught:
        hf.HMM.from_json(path)
    assert len(str(caught.value).removeprefix(str(path))) < 500


def test_no_message_quotes_keys_that_come_twice_at_length(tmp_path):
    path = tmp_path / "long.json"
    path.write_text("{" + ", ".join([f'"{LONG}": 1'] * 2) + "}")
    with pytest.raises(ValueError, match="keys must be different") as caught:
        hf.HMM.from_json(path)
    assert len(str(caught.value).removeprefix(str(path))) < 300


def test_the_good_file_is_good(tmp_path):
    path = tmp_path / "good.json"
    path.write_text(json.dumps(GOOD))
    assert hf.HMM.from_json(path).n_states == 1


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        hf.HMM.from_json(tmp_path / "none.json")


def test_a_byte_order_mark_is_no_obstacle(tmp_path):
    path = tmp_path / "good.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode())
    assert hf.HMM.from_json(path).n_states == 1


def test_what_json_cannot_hold_is_not_written(tmp_path):
    truncated = FromScipy([stats.truncnorm(-np.inf, 2.0)])
    with pytest.raises(ValueError, match="truncnorm must have finite parameters to be written as JSON"):
        hf.HMM([1.0], [[1.0]], truncated).to_json(tmp_path / "model.json")
    narrower = FromScipy([type(stats.norm)(a=0.0, b=1.0, name="norm")()])
    with pytest.raises(TypeError, match=r"must be one of scipy\.stats to be written as JSON, got 'norm'"):
        hf.HMM([1.0], [[1.0]], narrower).to_json(tmp_path / "model.json")
    assert not list(tmp_path.iterdir())


def test_distributions_that_scipy_does_not_name_are_not_written(tmp_path):
    class Mine(stats.rv_continuous):
        def _pdf(self, x):
            return np.ones_like(x)

    for mine in (Mine(a=0, b=1, name="mine"), Mine(a=0, b=1, name="norm")):
        model = hf.HMM([1.0], [[1.0]], FromScipy([mine()]))
        with pytest.raises(TypeError, match=r"one of scipy\.stats"):
            model.to_json(tmp_path / "model.json")
    assert not list(tmp_path.iterdir())
