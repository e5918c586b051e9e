"""Cross-validation over whole sequences: lists of them, and rows with lengths by row."""

import numpy as np
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from hmmfilter.sklearn import GaussianHMM, HMMClassifier, HMMClusterer, HMMTransformer, SequenceFold

LENGTHS = np.array([6, 9, 5, 7, 8, 4])
BY_ROW = np.repeat(LENGTHS, LENGTHS)
FOLDS = [[0, 3], [1, 4], [2, 5]]


@pytest.fixture(scope="module")
def rows():
    """Sequences whose first halves are low and whose second halves are high, one after the other."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(np.repeat([0.0, 5.0], [n - n // 2, n // 2])[:, None]) for n in LENGTHS])


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def sequences_of(rows):
    return np.split(rows, np.cumsum(LENGTHS)[:-1])


def rows_of(numbers):
    return np.flatnonzero(np.isin(np.repeat(np.arange(len(LENGTHS)), LENGTHS), numbers))


@pytest.mark.parametrize("lengths", [LENGTHS, BY_ROW, LENGTHS.tolist()])
def test_rows_of_a_sequence_stay_together(rows, lengths):
    splits = list(SequenceFold(3).split(rows, lengths=lengths))
    assert [test.tolist() for _, test in splits] == [rows_of(fold).tolist() for fold in FOLDS]
    for train, test in splits:
        assert sorted([*train, *test]) == list(range(len(rows)))


def test_a_list_is_cut_between_its_entries(rows):
    splits = list(SequenceFold(3).split(sequences_of(rows)))
    assert [test.tolist() for _, test in splits] == FOLDS
    assert SequenceFold(3).get_n_splits() == 3
    assert repr(SequenceFold(3)) == "SequenceFold(n_splits=3)"


def test_lengths_by_row_are_lengths(rows):
    by_sequence, by_row = (
        GaussianHMM(2, n_iter=3, random_state=0).fit(rows, lengths=lengths) for lengths in (LENGTHS, BY_ROW)
    )
    assert by_sequence.means_.tobytes() == by_row.means_.tobytes()
    assert by_sequence.score(rows, lengths=LENGTHS) == by_row.score(rows, lengths=BY_ROW)
    assert by_sequence.score(rows, lengths=LENGTHS) != by_row.score(rows)


def expected_scores(rows, fit_and_score):
    """The score of each fold, sequence by sequence, without scikit-learn."""
    sequences = sequences_of(rows)
    scores = []
    for held in FOLDS:
        train = [sequences[n] for n in range(len(sequences)) if n not in held]
        scores.append(fit_and_score(train, [sequences[n] for n in held]))
    return scores


def of_gaussian(n_components):
    def fit_and_score(train, test):
        model = GaussianHMM(n_components, n_iter=3, random_state=0)
        model.fit(np.concatenate(train), lengths=[len(part) for part in train])
        return model.score(np.concatenate(test), lengths=[len(part) for part in test])

    return fit_and_score


def check_search(search, rows, prefix=""):
    for n, n_components in enumerate([1, 2, 3]):
        scores = [search.cv_results_[f"split{fold}_test_score"][n] for fold in range(3)]
        assert scores == pytest.approx(expected_scores(rows, of_gaussian(n_components)), rel=1e-12)
    assert search.best_params_ == {f"{prefix}n_components": 2}


def test_a_search_over_a_list_of_sequences(rows):
    search = GridSearchCV(GaussianHMM(n_iter=3, random_state=0), {"n_components": [1, 2, 3]}, cv=SequenceFold(3))
    check_search(search.fit(sequences_of(rows)), rows)


@pytest.mark.usefixtures("routing")
def test_a_search_over_rows_with_lengths(rows):
    search = GridSearchCV(GaussianHMM(n_iter=3, random_state=0), {"n_components": [1, 2, 3]}, cv=SequenceFold(3))
    check_search(search.fit(rows, lengths=BY_ROW), rows)
    assert search.score(rows, lengths=BY_ROW) == search.best_estimator_.score(rows, lengths=LENGTHS)


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.8"), reason="no lengths for a pipeline's score"
)
@pytest.mark.usefixtures("routing")
def test_a_search_over_a_pipeline(rows):
    pipeline = make_pipeline(StandardScaler(), GaussianHMM(n_iter=3, random_state=0))
    search = GridSearchCV(pipeline, {"gaussianhmm__n_components": [1, 2, 3]}, cv=SequenceFold(3))
    search.fit(rows, lengths=BY_ROW)

    def fit_and_score(train, test):
        scaler = StandardScaler().fit(np.concatenate(train))
        return of_gaussian(2)(list(map(scaler.transform, train)), list(map(scaler.transform, test)))

    scores = [search.cv_results_[f"split{fold}_test_score"][1] for fold in range(3)]
    assert scores == pytest.approx(expected_scores(rows, fit_and_score), rel=1e-12)
    assert search.best_params_ == {"gaussianhmm__n_components": 2}


@pytest.mark.usefixtures("routing")
def test_lengths_need_not_be_asked_for_and_may_be_refused(rows):
    model = GaussianHMM(2, n_iter=3, random_state=0)
    scores = cross_val_score(model, rows, cv=SequenceFold(3), params={"lengths": BY_ROW})
    assert scores.tolist() == pytest.approx(expected_scores(rows, of_gaussian(2)), rel=1e-12)
    model.set_fit_request(lengths=True).set_score_request(lengths=False)
    whole = cross_val_score(model, rows, cv=SequenceFold(3), params={"lengths": BY_ROW})
    assert (whole != scores).all()  # what is held out is one sequence then


def test_a_search_over_clusterers_transformers_and_classifiers(rows):
    sequences = sequences_of(rows)
    classes = ["ends high", "starts high"] * 3
    turned = [part if n % 2 == 0 else part[::-1] for n, part in enumerate(sequences)]
    search = GridSearchCV(HMMClassifier(random_state=0), {"n_states": [1, 2]}, cv=SequenceFold(3))
    assert search.fit(turned, classes).best_params_ == {"n_states": 2}
    assert search.best_score_ == 1.0
    clusters = cross_val_score(HMMClusterer(2, random_state=0), turned, cv=SequenceFold(2))
    assert np.isfinite(clusters).all()
    pipeline = make_pipeline(HMMTransformer(2, random_state=0), HMMClassifier(random_state=0))
    assert pipeline.fit(turned, classes).score(turned, classes) == 1.0


def test_lengths_that_reach_nobody_are_told_of(rows):
    search = GridSearchCV(GaussianHMM(n_iter=3, random_state=0), {"n_components": [1, 2]}, cv=SequenceFold(3))
    with pytest.raises(ValueError, match=r"X must be a list of sequences.*enable_metadata_routing=True"):
        search.fit(rows, lengths=BY_ROW)
    with pytest.raises(ValueError, match=r"lengths must sum to the .* by row, np\.repeat\(lengths, lengths\)"):
        GaussianHMM().fit(rows[:20], lengths=LENGTHS)
    with pytest.raises(ValueError, match="X must be a list of sequences"):
        next(SequenceFold(3).split(rows))


def test_sequences_torn_apart_are_refused(rows):
    train, _ = next(KFold(3, shuffle=True, random_state=0).split(rows))
    with pytest.raises(ValueError, match="SequenceFold cuts between sequences"):
        GaussianHMM().fit(rows[train], lengths=BY_ROW[train])
    with pytest.raises(ValueError, match="SequenceFold cuts between sequences"):
        GaussianHMM().fit(rows[:4], lengths=[0, 3, 3, 3])


@pytest.mark.parametrize(("n_splits", "error"), [(1, ValueError), (7, ValueError), (2.0, TypeError)])
def test_as_many_folds_as_sequences_at_most(rows, n_splits, error):
    with pytest.raises(error, match="n_splits must be"):
        next(SequenceFold(n_splits).split(sequences_of(rows)))


def test_lengths_of_one_step_each_are_both(rows):
    splits = list(SequenceFold(3).split(rows[:6], lengths=[1] * 6))
    assert [test.tolist() for _, test in splits] == FOLDS
