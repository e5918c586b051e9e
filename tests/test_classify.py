"""Which of some models sequences are of."""

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmmfilter as hf

CALM = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([1.0, 5.0]))
BUSY = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([4.0, 9.0]))
NEVER = hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([0.0]))  # which shows nothing but zeros
LATE = hf.HMM([1.0, 0.0], [[0.0, 1.0], [0.0, 1.0]], hf.emissions.Poisson([3.0, 0.0]))  # one count, then zeros
MODELS = {"calm": CALM, "busy": BUSY}
SEQUENCES = [[0, 2, 7], [9, 8], [3, None, 4]]
ROUNDING = 1e-14


@given(
    sequences=st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=9), min_size=1, max_size=4),
    beliefs=st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=2),
)
def test_posteriors_are_those_of_bayes(sequences, beliefs):
    flat = [count for sequence in sequences for count in sequence]
    classified = hf.classify(MODELS, flat, lengths=list(map(len, sequences)), log_prior=beliefs)
    for n, sequence in enumerate(sequences):
        logs = [
            mpmath.mpf(m.log_likelihood(sequence)) + mpmath.mpf(b) for m, b in zip((CALM, BUSY), beliefs, strict=True)
        ]
        with mpmath.workdps(60):
            total = mpmath.log(sum(mpmath.exp(x) for x in logs))
            expected = [float(x - total) for x in logs]
        scale = 1 + np.abs(beliefs).max() + np.abs(expected)
        assert (np.abs(classified.log_probabilities[n] - expected) <= ROUNDING * scale).all()
        assert classified.log_likelihoods[n].tolist() == [CALM.log_likelihood(sequence), BUSY.log_likelihood(sequence)]
        assert classified.best[n] == ("calm", "busy")[int(np.argmax(expected))] or abs(expected[0] - expected[1]) < 1e-9
    assert np.abs(classified.probabilities.sum(axis=1) - 1).max() <= ROUNDING


def test_one_sequence_is_a_vector_of_models():
    one, several = hf.classify(MODELS, SEQUENCES[0]), hf.classify(MODELS, SEQUENCES)
    assert one.probabilities.shape == (2,)
    assert one.best == "calm"
    assert several.best == ["calm", "busy", "busy"]
    assert several[0].log_probabilities.tolist() == one.log_probabilities.tolist()
    assert np.asarray(one).tolist() == several.probabilities[0].tolist()
    assert (len(one), len(several)) == (2, 3)
    assert [each.best for each in several] == several.best


def test_sequences_come_in_any_form():
    several = hf.classify(MODELS, SEQUENCES).log_probabilities
    flat, lengths = [count for sequence in SEQUENCES for count in sequence], [3, 2, 3]
    frame = pd.DataFrame({"who": list("aaabbccc"), "count": pd.array(flat, dtype="Int64")})
    by_key = hf.classify(MODELS, dict(zip("abc", SEQUENCES, strict=True)))
    for other in [
        by_key,
        hf.classify(MODELS, flat, lengths=lengths),
        hf.classify(MODELS, frame.groupby("who")["count"]),
        hf.classify(MODELS, SEQUENCES, workers=2),
    ]:
        assert other.log_probabilities.tolist() == several.tolist()
    assert by_key.keys() == ("a", "b", "c")
    assert by_key["b"].best == "busy"
    assert by_key.to_frame().loc["a", "calm"] == by_key["a"].probabilities[0]
    assert by_key["b"].to_frame().columns.tolist() == ["calm", "busy"]
    assert by_key.to_frame(index=[7, 8, 9]).index.tolist() == [7, 8, 9]
    by_two = pd.DataFrame({"who": list("aab"), "day": [1, 1, 2], "count": [1, 2, 3]}).groupby(["who", "day"])["count"]
    assert hf.classify(MODELS, by_two).to_frame().index.names == ["who", "day"]


def test_what_was_believed_before():
    even = hf.classify(MODELS, SEQUENCES)
    shifted = hf.classify(MODELS, SEQUENCES, log_prior=[-7.0, -7.0])
    np.testing.assert_allclose(shifted.log_probabilities, even.log_probabilities, atol=ROUNDING * 10)
    by_name = hf.classify(MODELS, SEQUENCES, log_prior={"busy": 0.0, "calm": -np.inf})
    assert by_name.probabilities.tolist() == [[0.0, 1.0]] * 3
    assert (by_name.log_likelihoods == even.log_likelihoods).all()


def test_a_model_that_makes_a_sequence_impossible_has_no_chance():
    classified = hf.classify(MODELS | {"never": NEVER}, SEQUENCES)
    assert classified.probabilities[:, 2].tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(classified.probabilities[:, :2], hf.classify(MODELS, SEQUENCES).probabilities)


@pytest.mark.parametrize(
    ("sequences", "step", "sequence", "key"),
    [
        ([2, 0, 1], 2, None, None),  # where the last of them gives up
        ([[0, 0], [2, 0, 1]], 2, 1, None),
        ({"a": [0, 0], "b": [2, 0, 1]}, 2, 1, "b"),
    ],
)
def test_what_all_models_make_impossible_is_an_error_or_marked(sequences, step, sequence, key):
    models = {"never": NEVER, "late": LATE}
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        hf.classify(models, sequences)
    assert (caught.value.step, caught.value.sequence, caught.value.key) == (step, sequence, key)
    marked = hf.classify(models, sequences, impossible="mark")
    assert "impossible" in repr(marked)
    last = marked if sequence is None else marked[-1 if key is None else key]
    assert np.isnan(last.log_probabilities).all()
    assert last.best is None
    if sequence is not None:
        assert marked.best[0] in ("never", "late")


def test_a_model_that_may_not_be_does_not_help():
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        hf.classify({"never": NEVER, "late": LATE, "calm": CALM}, [2, 0, 1], log_prior=[0.0, -np.inf, -np.inf])
    assert caught.value.step == 0


def test_a_sequence_without_steps_says_nothing():
    assert hf.classify(MODELS, [[], [1]], log_prior=np.log([0.25, 0.75])).probabilities[0] == pytest.approx(
        [0.25, 0.75]
    )


def test_how_it_prints():
    assert repr(hf.classify(MODELS, [[0, 2, 7]] * 9)).splitlines()[5].strip() == "..."
    many = {f"m{n}": CALM for n in range(14)}
    assert repr(hf.classify(many, SEQUENCES)).splitlines()[1].split() == (
        ["sequence", "m0", "m1", "m2", "...", "m12", "m13", "best"]
    )
    assert repr(hf.classify(many, SEQUENCES)).splitlines()[2].split()[-1] == "m0"  # of equals, the first


@pytest.mark.parametrize(
    ("models", "options", "error", "words"),
    [
        ([CALM, BUSY], {}, TypeError, "models must be a dict of models by their names"),
        ({0: CALM}, {}, TypeError, "models must be a dict of models by their names"),
        ({}, {}, ValueError, "models must be one at least"),
        ({"calm": 1}, {}, TypeError, r"models\['calm'\] must be an HMM, got 1"),
        ({"calm": hf.HMM}, {}, TypeError, r"models\['calm'\] must be an HMM"),
        (MODELS, {"log_prior": [0.0]}, ValueError, r"log_prior must have shape \(2,\)"),
        (MODELS, {"log_prior": [0.0, np.nan]}, ValueError, r"log_prior\[1\] must be -inf or finite"),
        (MODELS, {"log_prior": [-np.inf, -np.inf]}, ValueError, "log_prior must be above -inf for one model at least"),
        (MODELS, {"log_prior": {"calm": 0.0}}, ValueError, "log_prior must have the names of the models"),
        (MODELS, {"impossible": "ignore"}, ValueError, "impossible must be 'raise' or 'mark'"),
    ],
)
def test_what_is_no_question_is_refused_in_words(models, options, error, words):
    with pytest.raises(error, match=words):
        hf.classify(models, SEQUENCES, **options)


def test_models_that_take_observations_for_different_sequences():
    vectors = hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([[0.0, 0.0]], [[1.0, 1.0]]))
    pairs = [[1, 2], [3, 4]]  # two sequences of counts, or one of vectors
    with pytest.raises(ValueError, match="models must take the observations for the same sequences"):
        hf.classify({"calm": CALM, "vectors": vectors}, pairs)


def test_each_model_takes_what_it_needs_beside_the_observations():
    dense = [[0.9, 0.1], [0.1, 0.9]]
    rates = hf.HMM([0.5, 0.5], hf.transitions.Rates([[0.0, 0.1], [0.2, 0.0]]), CALM.emission)
    indexed = hf.HMM([0.5, 0.5], hf.transitions.Indexed([dense, dense]), CALM.emission)
    beside = {"times": [0.0, 1.0, 5.0], "transition_index": [0, 1, 1]}
    classified = hf.classify({"calm": CALM, "rates": rates, "indexed": indexed}, [0, 2, 7], **beside)
    alone = [CALM.log_likelihood([0, 2, 7]), rates.log_likelihood([0, 2, 7], times=beside["times"])]
    assert classified.log_likelihoods.tolist() == [*alone, alone[0]]
    with pytest.raises(ValueError, match="covariates must be left out: no model depends on any"):
        hf.classify(MODELS, [0, 2, 7], covariates=[[1.0], [2.0], [3.0]])
    with pytest.raises(ValueError, match="times must be given"):
        hf.classify({"calm": CALM, "rates": rates}, [0, 2, 7])
    mixture = hf.fit_mixture({"calm": CALM, "rates": rates}, [0, 2, 7], times=beside["times"], max_iterations=1)
    assert isinstance(mixture.models["rates"].chain, hf.transitions.Rates)
