"""Emissions of numbers above 0 against mpmath and textbooks."""

from __future__ import annotations

from hmmfilter.emissions import Exponential

FAMILIES = [Exponential([0.7, 12.0])]
