"""The page of names: what it says of this library runs, and what it says of others is there."""

import importlib.util
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter._tiers import kernels
from tests.files import ROOT

PAGE = (ROOT / "examples" / "names.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)$\n(.*?)(?=^## |\Z)", PAGE, flags=re.DOTALL | re.MULTILINE))
V = [0, 2, 7]
MODEL = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
OF_THIS_LIBRARY = re.compile(r"(hf\.|model\b|1 / \()")
HMM = "dynamax.hidden_markov_model"
HOLDERS = {  # what has the names of a library
    "hmmlearn": ["hmmlearn.hmm GaussianHMM", "hmmlearn.hmm CategoricalHMM", "hmmlearn.hmm PoissonHMM"],
    "dynamax": [HMM, f"{HMM} HMMPosterior", f"{HMM} GaussianHMM"],
    "pomegranate": ["pomegranate.hmm DenseHMM"],
    "statsmodels": ["statsmodels.tsa.api MarkovRegression"],
    "librosa": ["librosa.sequence"],
}


def rows_of(section):
    """What a table says of names there and here, its head left out."""
    rows = re.findall(r"^\| (.*?) \| (.*) \|$", SECTIONS[section], flags=re.MULTILINE)
    assert rows[0][1] == "here"
    return rows[2:]


HERE = sorted({code for section in SECTIONS for _, here in rows_of(section) for code in re.findall(r"`(.*?)`", here)})
CODE = [code for code in HERE if OF_THIS_LIBRARY.match(code)]


def test_every_library_has_a_table():
    assert list(SECTIONS) == [*HOLDERS, "R", "MATLAB"]


@pytest.fixture(autouse=True)
def _in_plain_python(monkeypatch):
    """As for anybody who asks for so little: nothing is compiled for three observations."""
    monkeypatch.setattr(kernels, "budget", np.inf)


@pytest.mark.parametrize("code", CODE)
def test_what_is_called_here_runs(code):
    assert eval(code, {"hf": hf, "model": MODEL, "v": V}) is not None or code == "model.final"


def test_what_else_is_quoted_is_part_of_what_runs():
    """Attributes of what stands before them, arguments, rooms of this library, and what is no code."""
    others = set(HERE) - set(CODE)
    attributes = {code for code in others if code.startswith(".")}
    results = [MODEL.smooth(V), MODEL.viterbi(V), hf.fit(MODEL, V), MODEL.pseudo_residuals(V)]
    for code in attributes:
        assert any(hasattr(result, code.removeprefix(".").removesuffix("()")) for result in results), code
    rooms = {"hmmfilter.torch.log_likelihood", "hmmfilter.jax.log_likelihood"}
    assert others - attributes == rooms | {"covariates=", "log p(h_t \\| v_t) − log p(h)"}


@pytest.mark.parametrize("room", ["torch", "jax"])
def test_gradients_are_where_they_are_said_to_be(room):
    """Without an import of these, which takes seconds."""
    source = Path(importlib.util.find_spec(f"hmmfilter.{room}").origin).read_text(encoding="utf-8")
    assert "\ndef log_likelihood(" in source


def of_fitted_estimators():
    """Attributes that hmmlearn sets, and arguments."""
    from hmmlearn import hmm

    numbers = np.array([[0.0], [1.0], [5.0], [6.0]])
    fitted = [
        hmm.GaussianHMM(1).fit(numbers),
        hmm.PoissonHMM(1).fit(numbers.astype(int)),
        hmm.CategoricalHMM(1).fit(numbers.astype(int)),
    ]
    return {name for estimator in fitted for name in dir(estimator)}


def of_parameters():
    """Arguments of dynamax, and fields of its parameters."""
    from dynamax.hidden_markov_model.models.transitions import ParamsStandardHMMTransitions

    return {*ParamsStandardHMMTransitions._fields, "initial_probs"}


def of_a_model():
    """Attributes that pomegranate sets."""
    from pomegranate.distributions import Poisson
    from pomegranate.hmm import DenseHMM

    return set(dir(DenseHMM([Poisson([1.0])], edges=[[1.0]], starts=[1.0])))


def of_a_result():
    """Attributes of a result of statsmodels, and arguments."""
    from statsmodels.tsa.api import MarkovRegression

    numbers = np.random.default_rng(0).normal(size=30)
    result = MarkovRegression(numbers, 2).smooth([0.9, 0.2, 0.0, 1.0, 1.0])
    return {*dir(result), *dir(result.model)}


EXTRA = {
    "hmmlearn": of_fitted_estimators,
    "dynamax": of_parameters,
    "pomegranate": of_a_model,
    "statsmodels": of_a_result,
}


@pytest.mark.parametrize("library", HOLDERS)
def test_what_others_call_it_is_there(library):
    known = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for holder in HOLDERS[library]:
            module, _, name = holder.partition(" ")
            there = pytest.importorskip(module)
            known |= set(dir(getattr(there, name) if name else there))
        known |= EXTRA.get(library, set)()
    called = {name.split("(")[0] for theirs, _ in rows_of(library) for name in re.findall(r"`(.*?)`", theirs)}
    assert not called - known
