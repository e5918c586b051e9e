"""Emissions of angles against mpmath, and what is true of the circle."""

from __future__ import annotations

from hmmfilter.emissions import VonMises, WrappedCauchy

FAMILIES = [VonMises([0.4, -2.0], [60.0, 90.0]), WrappedCauchy([0.5, -2.0], [0.7, 0.9])]
