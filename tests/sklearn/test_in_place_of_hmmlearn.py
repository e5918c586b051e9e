"""Leaving hmmlearn is a change of one import: its own tests pass with our classes in the place of its own.

Tests come in pairs, for both of hmmlearn's implementations. Here these are one, as the last test shows, and one of each
pair runs, but for two of variational fits that take long; `python -m tests.sklearn.hmmlearn_tests 1` runs all.
"""

import numpy as np
import pytest

from hmmfilter.sklearn import GaussianHMM
from tests.conftest import needs_compiled
from tests.sklearn.hmmlearn_tests import DIES, FILES, OF_C, outcomes

pytest.importorskip("hmmlearn")
TAKES_LONG = "(TestFull and titterington) or beal"
ONE_OF_EACH = f"(not scaling or test_underflow_from_scaling) and not ({OF_C} or {TAKES_LONG})"


@needs_compiled
def test_all_of_its_tests_pass():
    """But for the one that asserts a death by underflow: that it fails shows that it is our classes that are tested."""
    found = outcomes(FILES, 1, ONE_OF_EACH)
    assert [name.split("::")[-1] for name, outcome in found.items() if outcome == "failed"] == [DIES]
    assert list(found.values()).count("passed") >= 140


@needs_compiled
def test_another_seed_changes_nothing():
    found = outcomes([file for file in FILES if file in ("base", "categorical_hmm", "poisson_hmm")], 2, ONE_OF_EACH)
    assert "failed" not in found.values()


def test_both_implementations_are_one():
    rows = np.random.default_rng(0).normal(size=(40, 2))
    fits = [GaussianHMM(2, random_state=0, implementation=name).fit(rows) for name in ("log", "scaling")]
    assert fits[0].to_hmm() == fits[1].to_hmm()
