"""Mixtures of models: the model of all states whose blocks do not lead to each other, and what is said of them."""

import numpy as np
import pytest
from scipy.linalg import block_diag

import hmmfilter as hf

SEQUENCES = [[0, 1, 0, 3], [9, 8, 4, 8, 7], [1, 4, 3, 1], [7, 4, None, 9], [3, 3, 2, 6, 1], [0, 0]]
WEIGHTS = [1.0, 2.0, 1.0, 0.5, 1.0, 1.0]
SHARES = [0.3, 0.7]


def models():
    calm = hf.HMM([0.6, 0.4], [[0.8, 0.2], [0.3, 0.7]], hf.emissions.Poisson([1.0, 4.0]))
    busy = hf.HMM([0.2, 0.3, 0.5], np.full((3, 3), 0.25) + np.eye(3) / 4, hf.emissions.Poisson([3.0, 6.0, 9.0]))
    return calm, busy


def joined(parts, shares):
    """The model of all states of some models."""
    initial = np.concatenate([share * model.initial for share, model in zip(shares, parts, strict=True)])
    rates = np.concatenate([model.emission.rate for model in parts])
    return hf.HMM(initial, block_diag(*(model.transition for model in parts)), hf.emissions.Poisson(rates))


def test_a_step_is_that_of_the_model_of_all_states():
    mixture = hf.fit_mixture(models(), SEQUENCES, shares=SHARES, weights=WEIGHTS, max_iterations=1)
    start = joined(models(), SHARES)
    whole = start.fit(SEQUENCES, weights=WEIGHTS, max_iterations=1, accelerate=False).model
    together = joined(mixture.models.values(), mixture.shares)
    np.testing.assert_allclose(together.initial, whole.initial, rtol=1e-12)
    np.testing.assert_allclose(together.transition, whole.transition, rtol=1e-12)
    np.testing.assert_allclose(together.emission.rate, whole.emission.rate, rtol=1e-12)
    assert mixture.history[0] == pytest.approx(np.dot(WEIGHTS, start.log_likelihood(SEQUENCES)), rel=1e-14)
    assert not mixture.converged
    assert mixture.reason == "max_iterations allows no more"


def test_a_fit_is_that_of_the_model_of_all_states():
    named, options = dict(zip("ab", models(), strict=True)), {"weights": WEIGHTS, "fixed": "transition"}
    mixture = hf.fit_mixture(named, SEQUENCES, tolerance=1e-6, **options)
    assert mixture.converged
    assert (np.diff(mixture.history) >= -1e-12).all()
    found = joined(mixture.models.values(), mixture.shares)
    assert mixture.log_likelihood == pytest.approx(np.dot(WEIGHTS, found.log_likelihood(SEQUENCES)), rel=1e-13)
    whole = joined(models(), [0.5, 0.5]).fit(SEQUENCES, **options)
    assert mixture.log_likelihood == pytest.approx(whole.log_likelihood, abs=1e-5)
    assert mixture.n_parameters == whole.n_parameters == 4 + 5
    assert mixture.aic == -2 * mixture.log_likelihood + 2 * mixture.n_parameters
    classified = hf.classify(mixture.models, SEQUENCES, np.log(mixture.shares))
    np.testing.assert_allclose(mixture.responsibilities, classified.probabilities, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(mixture.shares, WEIGHTS @ mixture.responsibilities / sum(WEIGHTS), atol=1e-4)


def test_one_model_is_that_model():
    calm, _ = models()
    alone, fitted = hf.fit_mixture([calm], SEQUENCES), calm.fit(SEQUENCES, accelerate=False)
    assert alone.log_likelihood == pytest.approx(fitted.log_likelihood, abs=1e-6)
    assert alone.n_parameters == fitted.n_parameters
    assert alone.shares.tolist() == [1.0]


def test_a_share_of_nothing_stays_and_priors_are_those_of_each_model():
    prior = hf.Prior(emission=hf.priors.Gamma(2.0, 0.5))
    mixture = hf.fit_mixture(
        models(), {"x": [1, 2, 0], "y": [5, 3]}, shares=[1.0, 0.0], prior=prior, fixed="transition"
    )
    assert mixture.shares.tolist() == [1.0, 0.0]
    assert mixture.log_prior != 0
    assert "log-prior" in repr(mixture)
    assert mixture.to_frame().index.tolist() == ["x", "y"]
    assert mixture.to_frame(index=["first", "second"]).index.tolist() == ["first", "second"]
    assert mixture.models["0"].transition.tolist() == models()[0].transition.tolist()


def test_sequences_in_one_table_and_any_number_of_workers():
    rows, lengths = np.concatenate([SEQUENCES[0], SEQUENCES[1], SEQUENCES[2]]), [4, 5, 4]
    table = hf.fit_mixture(models(), rows, lengths=lengths, max_iterations=5)
    several = hf.fit_mixture(models(), SEQUENCES[:3], max_iterations=5, workers=2)
    assert table.history.tobytes() == several.history.tobytes()
    assert table.to_frame().shape == (3, 2)
    alone = hf.fit_mixture(models(), SEQUENCES[0], max_iterations=2)
    assert alone.responsibilities.shape == (1, 2)


def test_what_is_no_mixture_is_refused_in_words():
    with pytest.raises(ValueError, match="models must be one at least, got none"):
        hf.fit_mixture([], SEQUENCES)
    with pytest.raises(TypeError, match=r"models\['0'\] must be"):
        hf.fit_mixture(["calm"], SEQUENCES)
    with pytest.raises(ValueError, match="shares must"):
        hf.fit_mixture(models(), SEQUENCES, shares=[0.5, 0.6])
    never = hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([0.0]))
    with pytest.raises(hf.ImpossibleEvidenceError, match="sequence 1"):
        hf.fit_mixture([never, never], [[0, 0], [0, 1]])
    possible = hf.fit_mixture([never, hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([2.0]))], [[0, 0], [0, 1]])
    assert possible.responsibilities[1].tolist() == [0.0, 1.0]
