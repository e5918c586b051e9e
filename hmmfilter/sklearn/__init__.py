"""Estimators for scikit-learn, with the names and arguments of hmmlearn: leaving it takes a change of one import."""

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError("hmmfilter.sklearn needs scikit-learn: pip install 'hmmfilter[sklearn]' brings it") from error

from hmmfilter.sklearn.base import DECODER_ALGORITHMS, BaseHMM
from hmmfilter.sklearn.gaussian import GaussianHMM
from hmmfilter.sklearn.monitor import ConvergenceMonitor

__all__ = ["DECODER_ALGORITHMS", "BaseHMM", "ConvergenceMonitor", "GaussianHMM"]
