"""What watches over a fit: the objective after each iteration, and whether that is enough."""

from __future__ import annotations

import logging
import math
import sys
from collections import deque

log = logging.getLogger("hmmfilter.sklearn")
RESOLVED = 2.0**-26  # a fall of the objective by less, relative to it or to 1, is rounding


class ConvergenceMonitor:
    """Keep the objectives of a fit, print them if wanted, and say when to stop.

    A subclass may stop by another rule, in a `converged` of its own; it is set as ``model.monitor_`` before ``fit``.

    Parameters
    ----------
    tol : float
        A fit has converged when an iteration gains less.
    n_iter : int
        How many iterations there may be.
    verbose : bool
        Whether to print the number, the objective and the gain of each iteration to the standard error.

    Attributes
    ----------
    history : deque of float
        The objective at the beginning of each iteration: the log-likelihood, and the log-prior where there is one.
    iter : int
        How many iterations there were.

    Examples
    --------
    >>> from hmmfilter.sklearn import ConvergenceMonitor
    >>> monitor = ConvergenceMonitor(tol=0.01, n_iter=10, verbose=False)
    >>> for objective in [-12.0, -11.0, -10.999]:
    ...     monitor.report(objective)
    >>> monitor.converged
    True
    """

    _template = "{iter:>10d} {log_prob:>16.8f} {delta:>+16.8f}"

    def __init__(self, tol: float, n_iter: int, verbose: bool) -> None:
        self.tol = tol
        self.n_iter = n_iter
        self.verbose = verbose
        self.history: deque[float] = deque()
        self.iter = 0

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if name != "history")
        return f"{type(self).__name__}({values}, history={list(self.history)})"

    def _reset(self) -> None:
        """Forget all iterations."""
        self.iter = 0
        self.history.clear()

    def report(self, log_prob: float) -> None:
        """Take note of the objective of one iteration.

        Parameters
        ----------
        log_prob : float
            The objective at its beginning.
        """
        gain = log_prob - self.history[-1] if self.history else math.nan
        if self.verbose:
            print(self._template.format(iter=self.iter + 1, log_prob=log_prob, delta=gain), file=sys.stderr)
        if gain < -RESOLVED * max(1.0, abs(log_prob)):
            log.warning("Model is not converging: the objective fell by %g, to %g.", -gain, log_prob)
        self.history.append(log_prob)
        self.iter += 1

    @property
    def converged(self) -> bool:
        """Whether the last iteration gained less than ``tol``, or there may be no more."""
        gained = self.history[-1] - self.history[-2] if len(self.history) > 1 else math.inf
        return self.iter == self.n_iter or gained < self.tol
