"""A plugin of pytest: whoever imports `hmmlearn.hmm`, `hmmlearn.base` or `hmmlearn.vhmm` gets our classes instead.

python -m pytest -p tests.sklearn.in_place_of_hmmlearn --pyargs hmmlearn.tests.test_gaussian_hmm
"""

import importlib
import sys
import types

import hmmfilter.sklearn as ours


def replacement(theirs):
    """A module with those public names of one of hmmlearn's that are ours, too, and no others."""
    module = types.ModuleType(theirs.__name__)
    vars(module).update({public: getattr(ours, public) for public in dir(theirs) if hasattr(ours, public)})
    return module


def pytest_configure():
    """Put these in place, where this is a plugin; for doctests, all files are imported."""
    for theirs in [importlib.import_module(f"hmmlearn.{name}") for name in ("hmm", "base", "vhmm")]:
        package, _, name = theirs.__name__.partition(".")
        sys.modules[theirs.__name__] = replacement(theirs)
        setattr(sys.modules[package], name, sys.modules[theirs.__name__])
