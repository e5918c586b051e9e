"""How normal distributions learn: the means and covariances that are most probable for weighted moments."""

from __future__ import annotations

import contextlib
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, IntArray, Valued, frozen
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import gaussian_moments as moments
from hmmfilter.emissions.gaussian_estimates import TINY, Cells, most_probable, slopes
from hmmfilter.emissions.gaussian_moments import Moments, typical
from hmmfilter.emissions.learning import Groups, Learner, Observed
from hmmfilter.priors import NormalInverseWishart

Number = TypeVar("Number", bound=np.generic)
Self = TypeVar("Self", bound="LearningGaussian")


class LearningGaussian(Valued):
    """What `Gaussian` knows of its parameters, and how it comes to them."""

    POSITIVE: ClassVar[frozenset[str]] = frozenset({"covariance"})

    mean: FloatArray
    covariance: FloatArray
    kind: _checks.CovarianceKind

    def __init__(
        self, mean: npt.ArrayLike, covariance: npt.ArrayLike, kind: _checks.CovarianceKind | None = None
    ) -> None:
        means, covariances, kind = _checks.normal_parameters(mean, covariance, kind)
        self._freeze(mean=means, covariance=covariances, kind=kind)

    @property
    def n_states(self) -> int:
        """K, the number of states."""
        return len(self.mean)

    @property
    def n_dimensions(self) -> int | None:
        """D, the number of entries of a vector; None where observations are numbers."""
        return self.mean.shape[1] if self.mean.ndim == 2 else None

    def _of_states(self) -> FloatArray:
        """What each state has of its own: a variance, (K,), one of each entry, (K, D), or a matrix, (K, D, D)."""
        return self._by_state(self.covariance)

    def _by_state(self, given: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """The same of any array that has an entry for each of `covariance`."""
        if self.kind == "tied":
            return np.broadcast_to(given, (self.n_states, *given.shape))
        if self.kind == "spherical":
            by_entry: npt.NDArray[Number] = np.broadcast_to(given, self.mean.T.shape).T
            return by_entry
        return given

    @cached_property
    def _has_matrices(self) -> bool:
        return self.n_dimensions is not None and self.kind in ("full", "tied")

    @property
    def n_parameters(self) -> int:
        """How many means there are, and variances and covariances."""
        size = self.covariance.size
        if self._has_matrices:
            n = self.covariance.shape[-1]
            size = size * (n + 1) // (2 * n)
        return self.mean.size + size

    @as_in(Learner.estimated)
    def estimated(
        self: Self, observations: Any, weights: npt.ArrayLike, prior: NormalInverseWishart | None = None
    ) -> Self:
        """Estimate means and covariances from observations that belong to each state to some degree.

        Of vectors that lack entries, those are used that they have, where entries are independent; covariance matrices
        come of what is expected of the others, given these and the matrices that there were: that is a step of the EM
        algorithm.

        Parameters
        ----------
        observations, weights
            As in `Learner.estimated`.
        prior : NormalInverseWishart, optional
            What is known of means and covariances beforehand.

        Returns
        -------
        Gaussian
            The most probable one of its kind; a state to which nothing belongs keeps its parameters, but for what a
            prior says.

        Raises
        ------
        DegenerateFitError
            Where a state has no spread in some direction.
        ValueError, TypeError
            For what is no number or no weight, with its index, or a prior of another kind or shape.

        References
        ----------
        Little and Rubin, "Statistical Analysis with Missing Data", 2nd edition (2002), section 11.2.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> start = hf.emissions.Gaussian([0.0, 5.0], [1.0, 1.0])
        >>> start.estimated([0.0, 2.0, 5.0, 9.0], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        Gaussian(mean=array([1., 7.]), covariance=array([1., 4.]), kind='variances')
        """
        observed = self._observed(observations)
        degrees = _checks.degrees(weights, len(observed[0]), self.n_states)
        if prior is not None:
            self._admit(prior)
        about = self if len(observed[1]) > 0 else self._moved_to_means(observed, degrees)
        return about._maximised(about._summed(observed, degrees), prior, {})

    @classmethod
    @as_in(Learner.guessed)
    def guessed(
        cls: type[Self], observations: Any, weights: npt.ArrayLike, covariance: _checks.CovarianceKind = "variances"
    ) -> Self:
        """Make one of observations that belong to each state to some degree: of their weighted moments.

        Parameters
        ----------
        observations, weights
            As in `Learner.guessed`.
        covariance : {"variances", "full", "tied", "spherical"}
            The kind of its covariance.

        Returns
        -------
        Gaussian
            A state to which nothing belongs gets the moments of all observations.

        Raises
        ------
        DegenerateFitError
            Where a state has no spread in some direction.
        ValueError, TypeError
            For what is no number or no weight, with its index, or no kind of covariance.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.emissions.Gaussian.guessed([0.0, 2.0, 5.0, 9.0], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        Gaussian(mean=array([1., 7.]), covariance=array([1., 4.]), kind='variances')
        """
        x = _checks.observations(observations, _checks.vector_width(observations, True))
        degrees = _checks.degrees(weights, len(x))
        mean, variance = typical(as_vectors(x))
        shape = x.shape[1:]
        single = cls._of_kind(mean.reshape(1, *shape), variance.reshape(1, *shape), covariance)
        together = single.estimated(x, np.ones((len(x), 1)))
        n_states = degrees.shape[1]
        means, covariances = (np.repeat(each[:1], n_states, axis=0) for each in (together.mean, together._of_states()))
        return cls._of_kind(means, covariances, covariance).estimated(x, degrees)

    @classmethod
    def _of_kind(cls: type[Self], mean: FloatArray, covariance: FloatArray, kind: _checks.CovarianceKind) -> Self:
        """One of a kind with variances as those of its entries, or matrices, where the kind has these; of the first."""
        if mean.ndim == 2 and kind in ("full", "tied") and covariance.ndim == 2:
            covariance = covariance[:, :, None] * np.eye(mean.shape[1])
        if kind == "spherical" and covariance.ndim == 2:
            covariance = covariance.mean(axis=1)
        return cls(mean, covariance[0] if kind == "tied" else covariance, kind)

    def _summed(self, observed: Observed, degrees: FloatArray) -> FloatArray:
        """The sums of all rows."""
        sums = self._sums(observed)
        self._add(observed, 0, len(degrees), degrees, sums)
        total: FloatArray = sums.sum(axis=0)
        return total

    def _moved_to_means(self: Self, observed: Observed, degrees: FloatArray) -> Self:
        """The same with the weighted means of the observations, about which sums lose the fewest digits."""
        shown = self._moments(self._summed(observed, degrees))
        weight = shown.weight[:, None]
        shift = np.divide(shown.first, weight, out=np.zeros_like(shown.first), where=weight > TINY)
        return type(self)(self.mean + shift.reshape(self.mean.shape), self.covariance, self.kind)

    def _observed(self, observations: Any) -> Observed:
        """The observations, and which entries each vector lacks, as a number; none where it makes no difference."""
        x = _checks.observations(observations, self.n_dimensions)
        patterns = np.empty(0, dtype=np.int64)
        if self._has_matrices and np.isnan(x).any():
            order, ends = by_pattern(x)
            patterns = np.empty(len(x), dtype=np.int64)
            patterns[order] = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
        return x, patterns

    def _sums(self, observed: Observed) -> FloatArray:
        n_cells, n_dimensions = self._cell_shape
        return np.zeros((2, moments.size_of(n_cells, n_dimensions)))

    def _add(self, observed: Observed, begin: int, end: int, weights: FloatArray, sums: FloatArray) -> None:
        x, patterns = observed[0][begin:end], observed[1][begin:end]
        if not self._has_matrices:
            moments.add_entries(as_vectors(x), as_vectors(self.mean), weights, sums)
        elif len(patterns) > 0:
            moments.add_with_gaps(x, patterns, self.mean, self._of_states(), weights, sums)
        else:
            moments.add_complete(x, self.mean, weights, sums)

    @property
    def _cell_shape(self) -> tuple[int, int]:
        """How many cells there are, see `gaussian_moments`, and their dimensions."""
        return (self.n_states, self.mean.shape[1]) if self._has_matrices else (self.mean.size, 1)

    def _moments(self, sums: FloatArray) -> Moments:
        return moments.unpacked(sums, *self._cell_shape)

    def _cells(self, groups: Groups) -> Cells:
        mean_groups = groups.get("mean", np.arange(self.mean.size).reshape(self.mean.shape))
        own = groups.get("covariance", np.arange(self.covariance.size)).reshape(self.covariance.shape)
        if self._has_matrices:
            own = np.minimum(own, np.swapaxes(own, -1, -2))
        n_cells, n = self._cell_shape
        return Cells(
            self.mean.reshape(n_cells, n),
            self._of_states().reshape(n_cells, n, n),
            mean_groups.reshape(n_cells, n),
            self._by_state(own).reshape(n_cells, n, n),
            self.n_states,
        )

    def _of_cells(self, values: FloatArray, is_sum: bool) -> FloatArray:
        """An array like `covariance` of one of its cells, all of which agree, or the sums of what all have."""
        if (self.kind == "full" and self._has_matrices) or self.kind == "variances":
            return values.reshape(self.covariance.shape)
        if self.kind == "tied":
            alike = values.reshape(self.n_states, *self.covariance.shape)
        else:
            alike = values.reshape(self.n_states, -1).T
        of_each: FloatArray = alike.sum(axis=0) if is_sum else alike[0]
        return of_each

    def _maximised(self: Self, sums: FloatArray, prior: NormalInverseWishart | None, groups: Groups) -> Self:
        cells, shown = self._cells(groups), self._moments(sums)
        if prior is not None:
            beliefs = self._beliefs(prior)._added(cells.mean)
            shown = Moments(*(a + b for a, b in zip(shown, beliefs, strict=True)))
        mean, covariance = most_probable(cells, shown)
        return type(self)(mean.reshape(self.mean.shape), self._of_cells(covariance, False), self.kind)

    def _score(self, sums: FloatArray) -> dict[str, FloatArray]:
        return self._slopes(self._moments(sums))

    def _slopes(self, shown: Moments) -> dict[str, FloatArray]:
        of_mean, of_covariance = slopes(self._cells({}), shown)
        own = np.atleast_1d(self._of_cells(of_covariance, True))
        return {"mean": of_mean.reshape(self.mean.shape), "covariance": own}

    def _admit(self, prior: Any) -> None:
        _checks.prior_of_kind("the prior of a Gaussian emission", prior, NormalInverseWishart)
        prior._admitted("the prior of the emission", self.mean.shape, self._has_matrices)

    def _beliefs(self, prior: NormalInverseWishart) -> NormalInverseWishart:
        return prior._of_cells(self.mean.shape, self._has_matrices)

    def _log_prior(self, prior: NormalInverseWishart, groups: Groups) -> float:
        cells = self._cells(groups)
        of_cells = [groups.reshape(len(groups), -1) for groups in (cells.mean_groups, cells.covariance_groups)]
        is_free: BoolArray = np.any(np.hstack(of_cells) >= 0, axis=1)
        if not is_free.any():
            return 0.0
        return self._beliefs(prior)._some(is_free).log_density(cells.mean[is_free], cells.covariance[is_free])

    def _prior_score(self, prior: NormalInverseWishart, groups: Groups) -> dict[str, FloatArray]:
        score = self._slopes(Moments(*self._beliefs(prior)._added(self._cells({}).mean)))
        return {name: np.where(groups.get(name, np.int64(0)) >= 0, slope, 0.0) for name, slope in score.items()}

    @property
    def _symmetric(self) -> frozenset[str]:
        return self.POSITIVE if self._has_matrices else frozenset()

    @property
    def _of_all(self) -> frozenset[str]:
        return self.POSITIVE if self.kind == "tied" else frozenset()

    def _statistics(self, sums: FloatArray) -> dict[str, FloatArray]:
        shown = self._moments(sums)
        shape = self.mean.shape[: 1 if self._has_matrices else None]
        weight, first = shown.weight.reshape(shape), shown.first.reshape(self.mean.shape)
        total = first + self.mean * (weight[:, np.newaxis] if self._has_matrices else weight)
        squares = shown.second if self._has_matrices else shown.second.reshape(shape)
        return {"weight": weight, "sum": total, "squares": squares, "about": self.mean}

    def _parameters(self) -> dict[str, FloatArray]:
        return {"mean": self.mean, "covariance": np.atleast_1d(self.covariance)}

    def _with(self: Self, parameters: dict[str, FloatArray]) -> Self:
        return type(self)(parameters["mean"], parameters["covariance"].reshape(self.covariance.shape), self.kind)

    def _natural(self) -> FloatArray:
        """Means, and matrices as they are, so that what is held or tied remains so; variances by their logs."""
        own = self.covariance if self._has_matrices else np.log(self.covariance)
        return np.concatenate([self.mean.reshape(-1), own.reshape(-1)])

    def _of_natural(self: Self, vector: FloatArray) -> Self | None:
        mean, own = np.split(vector, [self.mean.size])
        covariance = own.reshape(self.covariance.shape)
        with np.errstate(over="ignore"):
            covariance = covariance if self._has_matrices else np.exp(covariance)
        with contextlib.suppress(ValueError):  # where it is not positive definite, or too large
            return type(self)(mean.reshape(self.mean.shape), covariance, self.kind)
        return None


def as_vectors(x: FloatArray) -> FloatArray:
    """Numbers as vectors of one entry."""
    return x[:, np.newaxis] if x.ndim == 1 else x


FIRST_ROW, ONE_END = frozen(np.array([0])), frozen(np.array([1]))  # of a single vector


def one_pattern(n_rows: int) -> tuple[IntArray, IntArray]:
    """The same of rows that lack nothing."""
    return frozen(np.arange(n_rows)), frozen(np.array([n_rows])[:n_rows])  # no end, where there are none


def by_pattern(x: FloatArray) -> tuple[IntArray, IntArray]:
    """An order of vectors that brings those together which lack the same entries, and where each such group ends."""
    if len(x) == 1:
        return FIRST_ROW, ONE_END
    missing = np.isnan(x)
    if not missing.any():
        return one_pattern(len(x))
    words = np.packbits(missing, axis=1)
    words = np.pad(words, [(0, 0), (0, words.shape[1] % 2)]).view(np.uint16)  # such as NumPy sorts in linear time
    order = np.lexsort(words.T)
    is_new = (np.diff(words[order], axis=0) != 0).any(axis=1)
    return frozen(order), frozen(np.append(np.flatnonzero(is_new) + 1, len(x)))
