"""Emissions of real numbers with heavy or leaning tails, against mpmath and textbooks."""

from __future__ import annotations

from hmmfilter.emissions import Laplace, SkewNormal

FAMILIES = [Laplace([0.3, 5.0], [1.0, 2.0]), SkewNormal([0.3, 5.0], [1.0, 2.0], [3.0, -2.0])]
