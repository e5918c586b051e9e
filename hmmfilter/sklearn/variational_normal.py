"""What `VariationalGaussianHMM` believes of means and precisions, of each of the four types of covariance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter.emissions import Gaussian
from hmmfilter.emissions.gaussian_moments import unpacked
from hmmfilter.sklearn.variational_beliefs import log_spread, normal_divergence, wishart_divergence

KINDS: dict[str, _checks.CovarianceKind] = {
    "full": "full",
    "tied": "tied",
    "diag": "variances",
    "spherical": "spherical",
}


class NormalWishart(NamedTuple):
    """Means that are normal given the precisions, β Λ, and precisions that are Wishart, of n degrees and scale S⁻¹.

    Independent entries have gamma distributions each, of shape n / 2 and rate S / 2; a variance that D entries share
    has one of shape D n / 2 and rate D S / 2, so that E(Λ) = n / S in all of them.
    """

    type: str
    mean: FloatArray  # (K, D)
    beta: FloatArray  # (K,)
    dof: FloatArray  # (K,), or () where tied
    scale: FloatArray  # as covariances of the type

    @property
    def covariance(self) -> FloatArray:
        """E(Λ)⁻¹, as the type has it."""
        spare = self.scale.ndim - self.dof.ndim
        return self.scale / self.dof.reshape(self.dof.shape + (1,) * spare)

    @property
    def emission(self) -> Gaussian:
        """The normal distributions of the expected means and precisions."""
        return Gaussian(self.mean, self.covariance, KINDS[self.type])

    def expected_log_excess(self) -> FloatArray:
        """E(log N(v)) − log N(v) by `emission`, which is the same for all observations, (K,)."""
        n_entries = self.mean.shape[1]
        shapes, rates = self._cells()
        d = rates.shape[-1]
        spread = log_spread(shapes, d).reshape(len(np.atleast_1d(self.dof)), -1)
        repeated = n_entries / (d * spread.shape[1])  # of one number that stands for all entries
        excess: FloatArray = 0.5 * repeated * spread.sum(axis=1) - 0.5 * n_entries / self.beta
        return excess

    def _cells(self) -> tuple[FloatArray, FloatArray]:
        """The shapes, (C,), and the rates, (C, d, d), of all that are independent."""
        n_entries = self.mean.shape[1]
        shapes, rates = np.atleast_1d(0.5 * self.dof), 0.5 * self.scale
        if self.type in ("full", "tied"):
            return shapes, rates.reshape(-1, n_entries, n_entries)
        if self.type == "spherical":
            return n_entries * shapes, n_entries * rates.reshape(-1, 1, 1)
        return np.repeat(shapes, n_entries), rates.reshape(-1, 1, 1)

    def divergence(self, before: NormalWishart) -> float:
        """KL(this ‖ before)."""
        (shapes, rates), (shapes_before, rates_before) = self._cells(), before._cells()
        of_means = normal_divergence((self.beta, before.beta), self._distances(before.mean), self.mean.shape[1])
        return of_means + wishart_divergence((shapes, shapes_before), (rates, rates_before))

    def _distances(self, points: FloatArray) -> FloatArray:
        """Squares of how far the means are from points, (K, D), as measured by E(Λ)."""
        apart, covariance = self.mean - points, self.covariance
        if self.type in ("full", "tied"):
            scaled = np.linalg.solve(
                np.broadcast_to(covariance, (*apart.shape, apart.shape[1])), apart[:, :, np.newaxis]
            )
            scaled = scaled[:, :, 0]
        else:
            scaled = (apart.T / covariance.T).T
        squares: FloatArray = (apart * scaled).sum(axis=1)
        return squares

    def learnt(self, before: NormalWishart, sums: FloatArray, learns: str) -> NormalWishart:
        """What is believed after sums that `emission` added up, of what is learnt: "m", means, "c", precisions.

        They are about the means that there were, so that no digits are lost far from 0.
        """
        n_states, n_entries = self.mean.shape
        vary_together = self.type in ("full", "tied")
        shown = unpacked(sums, *((n_states, n_entries) if vary_together else (self.mean.size, 1)))
        weight = shown.weight.reshape(n_states, -1)[:, 0]
        first = shown.first.reshape(self.mean.shape)
        second = shown.second.reshape(self._products(first, first).shape)
        mean, beta, dof, scale = self.mean, self.beta, self.dof, self.scale
        if "m" in learns:
            beta = before.beta + weight
            mean = mean + (first + before.beta[:, None] * (before.mean - mean)) / beta[:, None]
        if "c" in learns:
            shift, apart = mean - self.mean, mean - before.mean
            half = first - 0.5 * weight[:, None] * shift
            scatter = second - self._products(shift, half) - self._products(half, shift)
            scatter += self._products(before.beta[:, None] * apart, apart)
            if self.type == "tied":
                weight, scatter = weight.sum(), scatter.sum(axis=0)
            elif self.type == "spherical":
                scatter = scatter.mean(axis=1)
            dof, scale = before.dof + weight, before.scale + scatter
        return NormalWishart(self.type, mean, beta, dof, scale)

    def _products(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Of all pairs of entries, where they vary together, or else of each."""
        return x[:, :, None] * y[:, None, :] if self.type in ("full", "tied") else x * y
