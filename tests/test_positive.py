"""Emissions of numbers above 0, and of shares, against mpmath and textbooks."""

from __future__ import annotations

from hmmfilter.emissions import Beta, Exponential, Gamma, InverseGaussian, LogNormal, Weibull

FAMILIES = [
    Exponential([0.7, 12.0]),
    Gamma([0.8, 6.0], [1.5, 4.0]),
    LogNormal([-0.5, 2.0], [0.8, 0.4]),
    Weibull([0.9, 3.0], [1.5, 20.0]),
    InverseGaussian([1.0, 9.0], [2.0, 50.0]),
    Beta([0.8, 9.0], [3.0, 4.0]),
]
