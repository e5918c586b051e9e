"""Estimators of whole sequences: the same in each form in which sequences come, and the answers of the library."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.utils import estimator_html_repr, get_tags

import hmmfilter as hf
from hmmfilter.sklearn import GaussianHMM, HMMClassifier, HMMClusterer, HMMTransformer

QUIET, RESTLESS = (
    hf.HMM([0.5, 0.5], [[stay, 1 - stay], [1 - stay, stay]], hf.emissions.Gaussian([0.0, 6.0], [1.0, 1.0]))
    for stay in (0.95, 0.1)
)
CLIMBED = 1e-6  # gaps at the end change where a climb of a tolerance of 1e-4 stops by less


@pytest.fixture(scope="module")
def drawn():
    """Eight sequences, in turn of two models that differ in how states last alone, and of which each is."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(12, 20, size=8)
    parts = [model.simulate(int(n), rng)[1] for n, model in zip(lengths, [QUIET, RESTLESS] * 4, strict=True)]
    return parts, np.array(["quiet", "restless"] * 4)


def forms(parts):
    """The arguments of the same sequences: a list, columns, rows with lengths, and a table with gaps at its end."""
    lengths = np.array([len(part) for part in parts])
    rows = np.concatenate(parts)[:, np.newaxis]
    table = np.full((len(parts), lengths.max()), np.nan)
    for n, part in enumerate(parts):
        table[n, : len(part)] = part
    of_objects = np.empty(len(parts), dtype=object)
    of_objects[:] = parts
    return {
        "list": (parts, None),
        "array of arrays": (of_objects, None),
        "columns": ([part[:, np.newaxis] for part in parts], None),
        "frames": ([pd.DataFrame({"x": part}) for part in parts], None),
        "rows": (rows, lengths),
        "rows by row": (rows, np.repeat(lengths, lengths)),
        "table": (table, None),
        "frame": (pd.DataFrame(table), None),
    }


FORMS = ["list", "array of arrays", "columns", "frames", "rows", "rows by row", "table", "frame"]


@pytest.fixture(scope="module")
def classifier(drawn):
    return HMMClassifier(random_state=0).fit(*drawn)


@pytest.fixture(scope="module")
def clusterer(drawn):
    return HMMClusterer(random_state=0).fit(drawn[0])


@pytest.mark.parametrize("form", FORMS)
def test_classes_of_all_forms(drawn, classifier, form):
    X, lengths = forms(drawn[0])[form]
    probabilities = classifier.predict_proba(drawn[0])
    other = HMMClassifier(random_state=0).fit(X, drawn[1], lengths=lengths)
    np.testing.assert_allclose(other.predict_proba(X, lengths), probabilities, rtol=0, atol=CLIMBED)
    assert other.score(X, drawn[1], lengths) == 1.0
    assert other.predict(X, lengths).tolist() == drawn[1].tolist()


def test_classes_are_those_of_the_library(drawn, classifier):
    parts, _ = drawn
    assert classifier.classes_.tolist() == ["quiet", "restless"]
    assert classifier.class_prior_.tolist() == [0.5, 0.5]
    models = dict(zip(classifier.classes_, classifier.models_, strict=True))
    classified = hf.classify(models, dict(enumerate(parts)), np.log([0.5, 0.5]))
    np.testing.assert_array_equal(classifier.predict_log_proba(parts), classified.log_probabilities)
    assert models["quiet"].transition.diagonal().min() > 0.85
    assert models["restless"].transition.diagonal().max() < 0.5
    assert classifier.n_iter_ > 1


def test_models_of_classes_are_fits_of_the_library(drawn):
    parts, classes = drawn
    quiet = {n: part for n, part in enumerate(parts) if classes[n] == "quiet"}
    fitted = hf.fit(hf.guess("gaussian", 2, quiet), quiet, tolerance=1e-4)
    model = HMMClassifier(prior=None).fit(parts, classes).models_[0]
    assert model.emission.mean.tobytes() == fitted.model.emission.mean.tobytes()
    assert model.transition.tobytes() == fitted.model.transition.tobytes()


def test_classes_of_rows(drawn, classifier):
    parts, classes = drawn
    X, lengths = forms(parts)["rows"]
    by_row = HMMClassifier(random_state=0).fit(X, np.repeat(classes, lengths), lengths)
    np.testing.assert_array_equal(by_row.predict_proba(X, lengths), classifier.predict_proba(parts))
    assert by_row.score(X, np.repeat(classes, lengths), lengths) == 1.0
    with pytest.raises(ValueError, match="y must hold one class in each sequence, got 'restless' at row 1"):
        HMMClassifier().fit(X, np.where(np.arange(len(X)) == 1, "restless", np.repeat(classes, lengths)), lengths)
    with pytest.raises(ValueError, match=rf"a class for each of 8 sequences, or for each of {len(X)} rows"):
        HMMClassifier().fit(X, classes[1:], lengths)
    with pytest.raises(ValueError, match="y must have a class for each of 8 sequences, got 7"):
        HMMClassifier().fit(parts, classes[1:])


@pytest.mark.parametrize("learner", [HMMClassifier, HMMClusterer, HMMTransformer])
def test_a_number_of_states_is_an_integer(drawn, learner):
    parts, classes = drawn
    with pytest.raises(TypeError, match="n_states must be an integer, got HMMTransformer"):
        learner(n_states=HMMTransformer(2)).fit([part[:, np.newaxis] for part in parts], classes)


def test_what_classes_are_believed_to_be(drawn, classifier):
    parts, classes = drawn
    believed = HMMClassifier(class_prior=[1.0, 0.0]).fit(parts, classes)
    assert set(believed.predict(parts)) == {"quiet"}
    with pytest.raises(ValueError, match="class_prior"):
        HMMClassifier(class_prior=[0.5, 0.4]).fit(parts, classes)


@pytest.mark.parametrize("form", ["columns", "rows by row", "table"])
def test_clusters_of_all_forms(drawn, clusterer, form):
    X, lengths = forms(drawn[0])[form]
    other = HMMClusterer(random_state=0).fit(X, lengths=lengths)
    assert other.labels_.tolist() == clusterer.labels_.tolist()
    assert other.score(X, lengths=lengths) == pytest.approx(clusterer.score(drawn[0]), rel=1e-6)


def test_clusters_are_found(drawn, clusterer):
    parts, classes = drawn
    assert adjusted_rand_score(classes, clusterer.labels_) == 1.0
    np.testing.assert_array_equal(clusterer.predict(parts), clusterer.labels_)
    assert clusterer.shares_.sum() == pytest.approx(1.0)
    assert HMMClusterer(random_state=0).fit_predict(parts).tolist() == clusterer.labels_.tolist()


def test_clusters_are_those_of_the_library(drawn, clusterer):
    parts = dict(enumerate(drawn[0]))
    again = hf.fit_mixture(clusterer.models_, parts, shares=clusterer.shares_, max_iterations=0)
    np.testing.assert_allclose(clusterer.predict_proba(drawn[0]), again.responsibilities, atol=1e-12)
    assert clusterer.score(drawn[0]) == pytest.approx(again.log_likelihood, rel=1e-14)


def test_lengths_in_the_place_of_y(drawn, clusterer):
    X, lengths = forms(drawn[0])["rows"]
    for labels in (
        HMMClusterer(random_state=0).fit_predict(X, lengths),
        HMMClusterer(random_state=0).fit(drawn[0], [0, 1] * 4).labels_,  # classes, which are not used
    ):
        assert labels.tolist() == clusterer.labels_.tolist()
    assert clusterer.score(X, lengths) == clusterer.score(X, lengths=lengths)


def test_restarts_find_nothing_worse(drawn, clusterer):
    parts = drawn[0]
    assert HMMClusterer(restarts=1, random_state=0).fit(parts).score(parts) > clusterer.score(parts) - 1e-3


def test_the_best_start_climbs_to_its_end():
    weeks = [[0, 1, 0, 3], [9, 8, 4, 8], [1, 4, 3, 1], [7, 4, 9, 9], [3, 3, 2, 6]]
    scores = []
    for n in (20, 25, 30):
        clusterer = HMMClusterer(emission="poisson", tol=1e-6, max_iter=n, random_state=0)
        with pytest.warns(ConvergenceWarning, match=f"HMMClusterer has not converged after max_iter={n} iterations"):
            clusterer.fit(weeks)
        assert clusterer.n_iter_ == n
        scores.append(clusterer.score(weeks))
    assert scores[0] < scores[1] < scores[2]


def test_as_many_clusters_as_sequences_at_most(drawn):
    with pytest.raises(ValueError, match="n_clusters must be from 1 to n_samples=8 sequences, got 9"):
        HMMClusterer(9).fit(drawn[0])
    same = HMMClusterer(2, emission="poisson", random_state=0).fit([[0, 1, 2, 1]] * 4)
    assert len(set(same.labels_)) == 1


@pytest.mark.parametrize("of", [HMMClassifier, HMMClusterer])
def test_collapses_have_names(of):
    """Where nothing varies no prior can say how much it does, and without one a state may find such a place."""
    flat = [[1.0, 1.0, 1.0], [1.0, 1.0]]
    with pytest.raises(hf.DegenerateFitError):
        of().fit(flat, ["a", "b"])
    with pytest.raises(hf.DegenerateFitError):
        of(prior=None, random_state=0).fit([[0.0, 0.0, 0.0, 7.0, 5.0], [0.0, 0.0, 8.0, 5.5]] * 2, ["a", "b"] * 2)


def test_weak_priors_keep_states_from_collapsing():
    parts = [[0.0, 0.0, 0.0, 7.0, 5.0, 6.5], [0.0, 0.0, 8.0, 5.5]]
    with pytest.raises(hf.DegenerateFitError):
        HMMClassifier(prior=None).fit(parts, [0, 0])
    (model,) = HMMClassifier().fit(parts, [0, 0]).models_
    seen = np.concatenate(parts)
    prior = hf.priors.NormalInverseWishart(seen.mean(), kappa=0.01, df=3.0, scale=seen.var() / 4)
    own = dict(enumerate(parts))
    fitted = hf.fit(hf.guess("gaussian", 2, own), own, prior=hf.Prior(emission=prior), tolerance=1e-4)
    np.testing.assert_allclose(model.emission.mean, fitted.model.emission.mean, rtol=1e-12)
    with pytest.raises(ValueError, match="prior must be"):
        HMMClassifier(prior="strong").fit(parts, [0, 0])


def test_words_and_columns_by_name():
    words = [["sun", "sun", "rain"], ["rain", "rain", "rain", "sun"], ["sun", "sun", "sun"], ["rain", "rain"]]
    classes = ["dry", "wet", "dry", "wet"]
    classifier = HMMClassifier(1, emission=("categorical", {"symbols": ["rain", "sun"]})).fit(words, classes)
    assert classifier.predict([["rain", "rain"], ["sun"]]).tolist() == ["wet", "dry"]
    table = np.array([["sun", "sun"], ["rain", "rain"], ["sun", "rain"], ["rain", "rain"]], dtype=object)
    classifier = HMMClassifier(1, emission=("categorical", {"symbols": ["rain", "sun"]})).fit(table, classes)
    assert classifier.predict(table[:2]).tolist() == ["dry", "wet"]
    frame = pd.DataFrame({"n": [0, 1, 9, 8, 0, 2, 7, 9], "x": [0.1, 0.3, 5.2, 5.0, 0.2, -0.3, 4.9, 5.4]})
    both = ("product", {"channels": {"n": "poisson", "x": "gaussian"}})
    classifier = HMMClassifier(1, emission=both).fit(frame, ["low", "high"] * 2, lengths=[2, 2, 2, 2])
    assert classifier.feature_names_in_.tolist() == ["n", "x"]
    assert classifier.predict(frame, lengths=[2, 2, 2, 2]).tolist() == ["low", "high"] * 2
    parts = [frame[:2], frame[2:4], frame[4:6], frame[6:]]
    assert HMMClassifier(1, emission=both).fit(parts, ["low", "high"] * 2).score(parts, ["low", "high"] * 2) == 1.0


@pytest.mark.parametrize(
    "sequences",
    [
        [["sun", "sun", "sun"], ["rain", "rain"], ["sun", "sun", "snow"], ["rain", "sun", "rain"]],
        [[0, 0, 0], [1, 1], [0, 0, 2], [1, 0, 1]],
        [
            np.array([[0.0, 0.0, 0.0]]).T,
            np.array([[1.0, np.nan, 1.0]]).T,
            np.array([[0, 2]]).T,
            np.array([[1, 0, 1]]).T,
        ],
    ],
    ids=["words", "numbers", "columns"],
)
def test_classes_and_clusters_may_lack_symbols(sequences):
    classifier = HMMClassifier(1, emission="categorical").fit(sequences, [3, 5, 3, 5])
    assert classifier.predict(sequences).tolist() == [3, 5, 3, 5]
    assert [model.emission.probabilities.shape for model in classifier.models_] == [(1, 3)] * 2
    clusterer = HMMClusterer(2, n_states=1, emission="categorical", random_state=0).fit(sequences)
    assert adjusted_rand_score(clusterer.labels_, [3, 5, 3, 5]) == 1.0


@pytest.mark.parametrize("of", [HMMClassifier, HMMClusterer, HMMTransformer])
def test_sequences_without_steps(of):
    """They change no model; all of them together are nothing to learn from."""
    parts, empty = np.random.default_rng(0).normal([[[0.0, 0.0]], [[9.0, 9.0]]] * 2, 1.0, (4, 6, 2)), np.empty((0, 2))
    with_empty = [*parts, empty]
    if of is HMMTransformer:
        shares = of(random_state=0).fit(list(parts)).transform(list(parts))
        more = of(random_state=0).fit_transform(with_empty)
        np.testing.assert_array_equal(np.concatenate(more), np.concatenate(shares))
        assert more[-1].shape == (0, 2)
    elif of is HMMClassifier:
        assert of(1).fit(with_empty, [0, 1, 0, 1, 1]).models_ == of(1).fit(list(parts), [0, 1] * 2).models_
    else:
        labels = of(n_states=1, random_state=0).fit(with_empty).labels_
        assert adjusted_rand_score(labels[:4], [0, 1, 0, 1]) == 1.0
    with pytest.raises(ValueError, match="observations must have a step that is not missing"):
        of().fit([empty, empty], *([[0, 1]] if of is HMMClassifier else []))


@pytest.mark.parametrize("of", [HMMClassifier, HMMClusterer])
def test_counts_without_steps(of):
    """Nor are they a group of their own, where all others are much alike."""
    parts = [*np.random.default_rng(0).poisson(3, (6, 6)), np.array([], dtype=int)]
    learner = of(n_states=1, emission="poisson", random_state=0)
    learner.fit(parts, *([[0, 1] * 3 + [0]] if of is HMMClassifier else []))
    of_none = learner.predict_proba(parts)[-1]
    np.testing.assert_allclose(of_none, learner.class_prior_ if of is HMMClassifier else learner.shares_, rtol=1e-12)


def test_vectors_are_no_tables(drawn):
    for estimator in (HMMTransformer(), GaussianHMM()):
        with pytest.raises(ValueError, match=r"a list of rows of 12 to 18 numbers: .*reshape\(part, \(-1, 1\)\)"):
            estimator.fit(drawn[0])


class Coin:
    """An emission of one's own, which says of each state how probable heads are."""

    def __init__(self, heads):
        self.heads = np.asarray(heads)
        self.n_states = len(self.heads)

    @classmethod
    def guessed(cls, observations, weights):
        heads = np.asarray(observations, dtype=float) @ weights + 1
        return cls(heads / (weights.sum(axis=0) + 2))

    def log_likelihoods(self, observations):
        is_head = np.asarray(observations, dtype=bool)[:, np.newaxis]
        return np.log(np.where(is_head, self.heads, 1 - self.heads))

    def estimated(self, observations, weights, prior=None):
        return self.guessed(observations, weights)

    @property
    def n_parameters(self):
        return self.n_states

    def sample(self, states, rng):
        return rng.random(len(states)) < self.heads[states]


def test_an_emission_of_ones_own():
    parts = [[0, 0, 1, 0], [1, 1, 1], [0, 0, 0], [1, 1, 0, 1, 1]]
    classifier = HMMClassifier(1, emission=Coin, max_iter=0)
    with pytest.warns(ConvergenceWarning, match="HMMClassifier has not converged after max_iter=0 iterations"):
        classifier.fit(parts, ["tails", "heads"] * 2)
    assert classifier.score(parts, ["tails", "heads"] * 2) == 1.0


def test_features_are_posteriors(drawn):
    parts = drawn[0]
    X, lengths = forms(parts)["rows"]
    transformer = HMMTransformer(random_state=0)
    features = transformer.fit_transform(X, lengths=lengths)
    assert features.tobytes() == transformer.transform(X, lengths).tobytes()
    assert features.tobytes() == transformer.transform(X, np.repeat(lengths, lengths)).tobytes()
    assert features.tobytes() == transformer.model_.smooth(X, lengths=lengths).probabilities.tobytes()
    assert transformer.fit(X, lengths).transform(X, lengths).tobytes() == features.tobytes()
    of_list = HMMTransformer(random_state=0).fit_transform([part[:, np.newaxis] for part in parts])
    assert [len(part) for part in of_list] == lengths.tolist()
    np.testing.assert_array_equal(np.concatenate(of_list), features)
    alone = transformer.transform(X)
    np.testing.assert_array_equal(alone, transformer.model_.smooth(X).probabilities)
    filtered = HMMTransformer(posterior="filtered", random_state=0).fit(X, lengths)
    np.testing.assert_array_equal(filtered.transform(X[:9])[:5], filtered.transform(X[:5]))
    with pytest.raises(ValueError, match="posterior must be one of"):
        HMMTransformer(posterior="predicted").fit(X)


def test_features_have_names(drawn):
    frame = pd.DataFrame({"x": drawn[0][0]}, index=pd.date_range("2020-01-01", periods=len(drawn[0][0])))
    transformer = HMMTransformer(3, random_state=0).set_output(transform="pandas")
    features = transformer.fit_transform(frame)
    assert list(features.columns) == ["hmmtransformer0", "hmmtransformer1", "hmmtransformer2"]
    assert features.index.equals(frame.index)
    assert transformer.feature_names_in_.tolist() == ["x"]
    assert transformer.get_feature_names_out().tolist() == list(features.columns)
    with pytest.raises(ValueError, match="feature names"):
        transformer.transform(frame.rename(columns={"x": "y"}))


def test_clones_pickles_and_pictures(drawn, classifier, clusterer):
    parts = drawn[0]
    transformer = HMMTransformer(random_state=0).fit(parts[0][:, np.newaxis])
    for estimator, ask, given in (
        (classifier, "predict_log_proba", parts),
        (clusterer, "predict_proba", parts),
        (transformer, "transform", parts[0][:, np.newaxis]),
    ):
        again = pickle.loads(pickle.dumps(estimator))
        assert getattr(again, ask)(given).tobytes() == getattr(estimator, ask)(given).tobytes()
        prior = hf.Prior(transition=hf.priors.sticky(1.0, 2.0))
        fresh = clone(estimator.set_params(**estimator.get_params())).set_params(prior=prior, n_states=3)
        assert clone(fresh).get_params().keys() == estimator.get_params().keys()
        assert clone(fresh).prior == prior
        with pytest.raises(NotFittedError):
            getattr(fresh, ask)(given)
        assert type(estimator).__name__ in estimator_html_repr(estimator)


@pytest.mark.parametrize("of", [HMMClassifier, HMMClusterer, HMMTransformer])
def test_tags_say_what_observations_are(of):
    numbers, counts, words = (
        get_tags(of(emission=kind)).input_tags for kind in ("gaussian", "Poisson", hf.emissions.Categorical)
    )
    assert [tags.allow_nan for tags in (numbers, counts, words)] == [True, True, True]
    assert [tags.positive_only for tags in (numbers, counts, words)] == [False, True, False]
    assert [tags.string for tags in (numbers, counts, words)] == [False, False, True]
    with pytest.raises(ValueError, match="Negative values in data"):
        of(emission="poisson").fit([[1.0], [2.0], [-1.0]], ["a", "b", "b"])


@pytest.mark.parametrize("of", [HMMClassifier, HMMClusterer])
def test_what_is_no_list_of_sequences_is_refused(of):
    with pytest.raises(ValueError, match=r"X\[0\] must be a sequence, got 1.0: a single one is \[X\]"):
        of().fit([1.0, 2.0], ["a", "b"])
    with pytest.raises(ValueError, match=r"X\[0\] must be a sequence, got 'aoi': of its letters, list\(text\)"):
        of(emission="categorical").fit(["aoi", "eau"], ["a", "b"])
    with pytest.raises(ValueError, match="X must have at least one sequence"):
        of().fit([], [])
    with pytest.raises(ValueError, match="emission must be one of"):
        of(emission="gausian").fit([[1.0, 2.0]], ["a"])
