"""scikit-learn's own checks of estimators: all that can apply pass, and the rest fail for a reason."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from hmmfilter.sklearn import (
    GMMHMM,
    GaussianHMM,
    HMMClassifier,
    HMMClusterer,
    HMMTransformer,
    VariationalGaussianHMM,
    checks,
    expected_failed_checks,
)
from tests.conftest import needs_compiled

ESTIMATORS = [
    GaussianHMM(),
    GMMHMM(),
    VariationalGaussianHMM(n_iter=5),
    HMMTransformer(max_iter=5),
    HMMClassifier(max_iter=5),
    HMMClusterer(max_iter=5),
]


@needs_compiled
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failed_checks)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_the_table_says_which_fail():
    """Each check that is expected to fail has its row in the docstring."""
    rows = [line.split()[0] for line in checks.__doc__.splitlines() if line.startswith("check_")]
    assert rows == list(expected_failed_checks(GaussianHMM()))
    assert expected_failed_checks(HMMTransformer()) == expected_failed_checks(GaussianHMM())
    assert expected_failed_checks(HMMClassifier()) == expected_failed_checks(HMMClusterer()) == {}
