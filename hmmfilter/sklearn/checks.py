"""Which of scikit-learn's own checks of estimators cannot apply, and why.

``check_estimator`` and ``parametrize_with_checks`` take rows for samples that have nothing to do with each other. All
checks pass, but for these:

=======================================  ================================  =============================================
Check                                    Fails for                         Because
=======================================  ================================  =============================================
check_methods_sample_order_invariance    all whose samples are steps       rows are steps of a sequence, and in another
                                                                           order they are another sequence
check_methods_subset_invariance          all whose samples are steps       what a state is taken for depends on the
                                                                           steps before and after it
=======================================  ================================  =============================================

Where whole sequences are the samples, as in `HMMClassifier` and `HMMClusterer`, all pass.
"""

from __future__ import annotations

from typing import Any

from hmmfilter.sklearn.classifier import HMMClassifier
from hmmfilter.sklearn.clusterer import HMMClusterer

OF_STEPS = {
    "check_methods_sample_order_invariance": "rows are steps of a sequence, and in another order they are another one",
    "check_methods_subset_invariance": "what a state is taken for depends on the steps before and after it",
}


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
    return {} if isinstance(estimator, (HMMClassifier, HMMClusterer)) else dict(OF_STEPS)
