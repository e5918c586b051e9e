"""Estimators of steps do as others of scikit-learn do: copies, pickles, frames, pictures, pipelines."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from hmmfilter.sklearn import GMMHMM, GaussianHMM

LENGTHS = [7, 5, 8]
ESTIMATORS = [
    GaussianHMM(2, n_iter=2, random_state=0),
    GaussianHMM(2, "full", n_iter=2, random_state=0),
    GMMHMM(2, 2, n_iter=2, random_state=0),
]


@pytest.fixture(scope="module")
def rows():
    """Rows of two numbers that go up and down together, low and high in turn."""
    rng = np.random.default_rng(1)
    return np.repeat([0.0, 8.0, 0.0, 8.0], 5)[:, np.newaxis] + rng.normal(size=(20, 2))


@pytest.fixture(params=ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def fitted(request, rows):
    return clone(request.param).fit(rows, lengths=LENGTHS)


def arrays_of(estimator):
    return {name: value.tobytes() for name, value in vars(estimator).items() if isinstance(value, np.ndarray)}


def test_pickles_have_the_same_bits(fitted, rows):
    again = pickle.loads(pickle.dumps(fitted))
    assert arrays_of(again) == arrays_of(fitted) != {}
    assert again.score(rows, lengths=LENGTHS) == fitted.score(rows, lengths=LENGTHS)
    assert again.predict_proba(rows, LENGTHS).tobytes() == fitted.predict_proba(rows, LENGTHS).tobytes()
    assert again.monitor_.history == fitted.monitor_.history


def test_clones_learn_the_same(fitted, rows):
    fresh = clone(fitted)
    with pytest.raises(NotFittedError):
        fresh.predict(rows)
    assert fresh.get_params() == fitted.get_params()
    assert arrays_of(fresh.fit(rows, lengths=LENGTHS)) == arrays_of(fitted)
    assert clone(fitted).set_params(n_components=1).fit(rows).startprob_.tolist() == [1.0]


def test_frames_of_named_columns(fitted, rows):
    frame = pd.DataFrame(rows, columns=["x", "y"], index=pd.date_range("2020-01-01", periods=len(rows)))
    named = clone(fitted).fit(frame, lengths=LENGTHS)
    assert arrays_of(named)["startprob_"] == arrays_of(fitted)["startprob_"]
    assert named.feature_names_in_.tolist() == ["x", "y"]
    assert named.n_features_in_ == 2
    assert named.predict(frame).tolist() == fitted.predict(rows).tolist()
    with pytest.raises(ValueError, match="feature names should match"):
        named.predict(frame[["y", "x"]])
    with pytest.raises(ValueError, match="X has 1 features, but"):
        fitted.predict(rows[:, :1])
    cut = [frame[:7], frame[7:12], frame[12:]]
    assert arrays_of(clone(fitted).fit(cut))["means_"] == arrays_of(fitted)["means_"]


def test_pictures_name_the_parameters(fitted):
    picture = estimator_html_repr(fitted)
    assert type(fitted).__name__ in picture
    assert "n_components" in picture or "n_components" in repr(fitted)
    assert repr(fitted).startswith(f"{type(fitted).__name__}(")


def test_pipelines_hand_lengths_on(fitted, rows):
    scaled = StandardScaler().fit_transform(rows)
    alone = clone(fitted).fit(scaled, lengths=LENGTHS)
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(StandardScaler(), clone(fitted)).fit(rows, lengths=LENGTHS)
        assert pipeline.score(rows, lengths=LENGTHS) == alone.score(scaled, lengths=LENGTHS)
        assert pipeline.predict(rows, lengths=LENGTHS).tolist() == alone.predict(scaled, LENGTHS).tolist()
        deaf = clone(fitted).set_fit_request(lengths=False).set_score_request(lengths=False)
        pipeline = make_pipeline(StandardScaler(), deaf).fit(rows)
        assert pipeline.score(rows) == clone(fitted).fit(scaled).score(scaled)
    name = pipeline.steps[-1][0]
    older = make_pipeline(StandardScaler(), clone(fitted)).fit(rows, **{f"{name}__lengths": LENGTHS})
    assert arrays_of(older[-1]) == arrays_of(alone)
