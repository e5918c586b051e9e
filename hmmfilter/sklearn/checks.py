"""Which of scikit-learn's own checks of estimators cannot apply, and why.

``check_estimator`` and ``parametrize_with_checks`` take rows for samples that have nothing to do with each other, and
any table of numbers for data. All checks pass but these:

=======================================  ======================================  =======================================
Check                                    Fails for                               Because
=======================================  ======================================  =======================================
check_methods_sample_order_invariance    all whose samples are steps             rows in another order are another
                                                                                 sequence
check_methods_subset_invariance          all whose samples are steps             a state is told by the steps before and
                                                                                 after it, too
check_estimators_dtypes                  those of symbols, `MultinomialHMM`      rows must say by their dtype that they
                                                                                 are whole, as in hmmlearn
check_dtype_object                       those of symbols, `MultinomialHMM`      the same
check_estimators_overwrite_params        those of symbols, `MultinomialHMM`      a fit sets ``n_features``, or
                                                                                 ``n_trials``, where it is None, as in
                                                                                 hmmlearn
check_dont_overwrite_parameters          those of symbols, `MultinomialHMM`      the same
check_fit_score_takes_y                  those of symbols                        a row is one symbol, and the check
                                                                                 draws several columns
check_estimators_fit_returns_self        those of symbols                        the same
check_readonly_memmap_input              those of symbols                        the same
check_n_features_in_after_fitting        those of symbols                        the same
check_pipeline_consistency               those of symbols                        the same
check_estimators_nan_inf                 those of symbols                        the same
check_estimators_pickle                  those of symbols                        the same
check_f_contiguous_array_estimator       those of symbols                        the same
check_dict_unchanged                     those of symbols                        the same
check_fit_idempotent                     those of symbols                        the same
check_fit_check_is_fitted                those of symbols                        the same
check_n_features_in                      those of symbols                        the same
check_fit2d_predict1d                    those of symbols                        the same
=======================================  ======================================  =======================================

Samples are whole sequences in `HMMClassifier` and `HMMClusterer`, which pass all; and steps in all others. Those of
symbols are `CategoricalHMM` and `VariationalCategoricalHMM`: of the first column alone, all pass that fail for the
number of columns.
"""

from __future__ import annotations

from typing import Any

from hmmfilter.sklearn.classifier import HMMClassifier
from hmmfilter.sklearn.clusterer import HMMClusterer
from hmmfilter.sklearn.multinomial import MultinomialHMM
from hmmfilter.sklearn.outcomes import OfSymbols

OF_STEPS = {
    "check_methods_sample_order_invariance": "rows in another order are another sequence",
    "check_methods_subset_invariance": "a state is told by the steps before and after it, too",
}
OF_INTEGERS = {
    "check_estimators_dtypes": "rows must say by their dtype that they are whole, as in hmmlearn",
    "check_dtype_object": "rows must say by their dtype that they are whole, as in hmmlearn",
    "check_estimators_overwrite_params": "a fit sets n_features, or n_trials, where it is None, as in hmmlearn",
    "check_dont_overwrite_parameters": "a fit sets n_features, or n_trials, where it is None, as in hmmlearn",
}
OF_ONE_COLUMN = dict.fromkeys(
    (
        "check_fit_score_takes_y",
        "check_estimators_fit_returns_self",
        "check_readonly_memmap_input",
        "check_n_features_in_after_fitting",
        "check_pipeline_consistency",
        "check_estimators_nan_inf",
        "check_estimators_pickle",
        "check_f_contiguous_array_estimator",
        "check_dict_unchanged",
        "check_fit_idempotent",
        "check_fit_check_is_fitted",
        "check_n_features_in",
        "check_fit2d_predict1d",
    ),
    "a row is one symbol, and the check draws several columns",
)


def expected_failed_checks(estimator: Any) -> dict[str, str]:
    """Say which of scikit-learn's checks an estimator cannot pass, and why.

    Parameters
    ----------
    estimator : BaseHMM, HMMTransformer, HMMClassifier or HMMClusterer
        One of `hmmfilter.sklearn`, or of a class derived from one of these.

    Returns
    -------
    dict of str to str
        Reasons by the names of checks, as ``check_estimator`` and ``parametrize_with_checks`` take them.

    Examples
    --------
    >>> from hmmfilter.sklearn import GaussianHMM, HMMClassifier, expected_failed_checks
    >>> expected_failed_checks(HMMClassifier())
    {}
    >>> list(expected_failed_checks(GaussianHMM()))
    ['check_methods_sample_order_invariance', 'check_methods_subset_invariance']
    """
    if isinstance(estimator, (HMMClassifier, HMMClusterer)):
        return {}
    if isinstance(estimator, OfSymbols):
        return OF_STEPS | OF_INTEGERS | OF_ONE_COLUMN
    return OF_STEPS | OF_INTEGERS if isinstance(estimator, MultinomialHMM) else dict(OF_STEPS)
