"""scikit-learn's own checks of estimators: all that can apply pass, and the rest fail for a reason."""

import pytest
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from hmmfilter.sklearn import (
    GMMHMM,
    CategoricalHMM,
    GaussianHMM,
    HMMClassifier,
    HMMClusterer,
    HMMTransformer,
    MultinomialHMM,
    PoissonHMM,
    VariationalCategoricalHMM,
    VariationalGaussianHMM,
    checks,
    expected_failed_checks,
)
from hmmfilter.sklearn.asking import Asking
from tests.conftest import needs_compiled

ESTIMATORS = [
    GaussianHMM(n_iter=2),
    GMMHMM(n_iter=2),
    PoissonHMM(n_iter=2),
    MultinomialHMM(n_iter=2),
    CategoricalHMM(n_iter=2),
    VariationalGaussianHMM(n_iter=2),
    VariationalCategoricalHMM(n_iter=2),
    HMMTransformer(max_iter=3),
    HMMClassifier(max_iter=3),
    HMMClusterer(max_iter=3),
]


class OfFirstColumns:
    """Takes symbols in the first of several columns, as checks draw them."""

    def _let_in(self, X, lengths, reset=False):
        rows, starts = Asking._let_in(self, X, lengths, reset)
        return rows[:, :1], starts


class FirstCategorical(OfFirstColumns, CategoricalHMM):
    pass


class FirstVariational(OfFirstColumns, VariationalCategoricalHMM):
    pass


@needs_compiled
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failed_checks)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@needs_compiled
@parametrize_with_checks(
    [FirstCategorical(n_iter=2), FirstVariational(n_iter=2)],
    expected_failed_checks=lambda _: checks.OF_STEPS | checks.OF_INTEGERS,
)
def test_checks_of_one_column(estimator, check):
    check(estimator)


def test_the_table_says_which_fail():
    """Each check that is expected to fail has its row in the docstring, with the estimators for which it does."""
    lines = [line for line in checks.__doc__.splitlines() if line.startswith("check_")]
    rows = {line.split()[0]: line[41:79].strip() for line in lines}
    known = {
        "all whose samples are steps": set(checks.OF_STEPS),
        "those of symbols, `MultinomialHMM`": set(checks.OF_INTEGERS),
        "those of symbols": set(checks.OF_ONE_COLUMN),
    }
    assert {who: {check for check in rows if rows[check] == who} for who in known} == known
    assert set(expected_failed_checks(CategoricalHMM())) == set(rows)
    assert expected_failed_checks(HMMTransformer()) == expected_failed_checks(PoissonHMM()) == checks.OF_STEPS
    assert expected_failed_checks(MultinomialHMM()) == checks.OF_STEPS | checks.OF_INTEGERS
    assert expected_failed_checks(HMMClassifier()) == expected_failed_checks(HMMClusterer()) == {}


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_tags_say_where_rows_are_whole_numbers_from_0(estimator):
    are_whole = isinstance(estimator, (CategoricalHMM, MultinomialHMM, PoissonHMM, VariationalCategoricalHMM))
    tags = get_tags(estimator).input_tags
    assert (tags.positive_only, tags.categorical) == (are_whole, are_whole)
