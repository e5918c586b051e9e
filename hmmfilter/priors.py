"""Priors: what is known of a model before its data are, for `hmmfilter.fit` to climb the posterior.

Each is the density of a parameter, with all its constants, so that the objective of a fit is log p(observations,
parameters) and nothing else. A density that is infinite at 0 has no maximum to climb to, so parameters below 1 are
refused. Where a tie makes several entries of a parameter one number, each of these entries keeps its prior.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hmmfilter import _checks
from hmmfilter._arrays import BoolArray, FloatArray, Valued

__all__ = ["Dirichlet", "Gamma", "NormalInverseWishart", "Prior", "sticky"]


class _Plain(Valued):
    """A prior whose numbers print as plain ones."""

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={np.asarray(value).tolist()}" for name, value in vars(self).items())
        return f"{type(self).__name__}({given})"


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Dirichlet(_Plain):
    """The prior of probabilities that sum to 1: density ∝ Π p^(concentration − 1).

    The maximum of the posterior is that of counts to which concentration − 1 is added: a concentration of 1 is uniform,
    2 adds one count to each entry. Entries that are held, as all zeros of the start are, have no prior: it is over the
    others, as shares of what these leave.

    Parameters
    ----------
    concentration : array_like
        From 1 up: a number for all entries, (M,) for those of each row, or (K, M) for each by itself.
    diagonal : float
        What is added on the diagonal of a transition, from 0; see `sticky`.

    Raises
    ------
    ValueError, TypeError
        Where a concentration is below 1, where the density would have no maximum.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.priors.Dirichlet(2.0)
    Dirichlet(concentration=2.0, diagonal=0.0)
    >>> round(hf.priors.Dirichlet([1.0, 3.0]).log_density([0.25, 0.75]), 4)
    0.5232
    """

    concentration: FloatArray
    diagonal: FloatArray

    def __init__(self, concentration: npt.ArrayLike, diagonal: npt.ArrayLike = 0.0) -> None:
        numbers = _checks.at_least_one("concentration", concentration)
        _checks.at_most_dimensions("concentration", numbers, 2, "a number, (M,) or (K, M)")
        self._freeze(concentration=numbers, diagonal=_checks.non_negative("diagonal", diagonal, ()))

    def log_density(self, probabilities: npt.ArrayLike, is_free: npt.ArrayLike | None = None) -> float:
        """Compute the log-density of probabilities, with all constants.

        Parameters
        ----------
        probabilities : array_like, (M,) or (K, M)
            One distribution, or one in each row.
        is_free : array_like of bool, optional
            In the same shape, which entries are not held: the density is that of their shares of what the others leave.

        Returns
        -------
        float
            The sum over all rows; −inf where an entry is 0 whose concentration is above 1.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.priors.Dirichlet(1.0).log_density([[0.5, 0.5], [0.0, 1.0]])
        0.0
        """
        from scipy.special import gammaln, xlogy

        values = _checks.probabilities("probabilities", probabilities, None)
        _checks.vector_or_rows("probabilities", values, "(M,) or (K, M)")
        width = values.shape[-1:]
        _checks.fitting_parameter("probabilities", values.shape, self.concentration.shape)
        if self.diagonal > 0:
            _checks.fitting_parameter("probabilities", values.shape, width + width)
        free = _checks.free_entries(is_free, values.shape)
        numbers = np.where(free, self._concentrations(values.shape), 0.0)
        held = np.where(free, 0.0, values).sum(axis=-1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where(free, values / (1 - held), 1.0)
            terms = xlogy(numbers - 1, shares) - gammaln(numbers)
            return float(np.where(free, terms, 0.0).sum() + _log_gamma_of_sums(numbers).sum())

    def _added(self, shape: tuple[int, ...]) -> FloatArray:
        """What it adds to the counts of probabilities of such a shape."""
        return self._concentrations(shape) - 1

    def _score(self, probabilities: FloatArray, is_free: BoolArray) -> FloatArray:
        """The derivatives of the log-density with respect to each of the probabilities, all taken as free."""
        added = np.where(is_free, self._added(probabilities.shape), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(added > 0, added / probabilities, 0.0)

    def _admitted(self, name: str, shape: tuple[int, ...]) -> None:
        """Insist that it fits probabilities of such a shape."""
        _checks.fitting_prior(name, self.concentration.shape, shape)
        if self.diagonal > 0:
            _checks.square_for_diagonal(name, shape)

    def _concentrations(self, shape: tuple[int, ...]) -> FloatArray:
        numbers = np.broadcast_to(self.concentration, shape)
        return numbers + self.diagonal * np.eye(shape[-1]) if self.diagonal > 0 else numbers


def _log_gamma_of_sums(numbers: FloatArray) -> FloatArray:
    """log Γ of the sum of each row, 0 where all of it is held."""
    from scipy.special import gammaln

    sums = numbers.sum(axis=-1)
    logs: FloatArray = np.where(sums > 0, gammaln(np.where(sums > 0, sums, 1.0)), 0.0)
    return logs


def sticky(concentration: npt.ArrayLike, extra: npt.ArrayLike) -> Dirichlet:
    """Make the prior of a transition whose states last: a Dirichlet with something extra on the diagonal.

    Parameters
    ----------
    concentration : array_like
        From 1 up, of all entries, as in `Dirichlet`.
    extra : float
        What is added to it on the diagonal, from 0: as many moves from each state to itself, seen beforehand.

    Returns
    -------
    Dirichlet
        The prior.

    Raises
    ------
    ValueError, TypeError
        Where a concentration is below 1, or `extra` below 0.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.priors.sticky(1.0, 10.0)
    Dirichlet(concentration=1.0, diagonal=10.0)
    """
    return Dirichlet(concentration, _checks.non_negative("extra", extra, ()))


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Gamma(_Plain):
    """The prior of rates: density ∝ λ^(shape − 1) exp(−rate λ).

    The maximum of the posterior is that of data in which shape − 1 more events were counted, in `rate` more steps.

    Parameters
    ----------
    shape : array_like
        From 1 up: a number, or (K,) for each state.
    rate : array_like
        Above 0: a number, or (K,) for each state.

    Raises
    ------
    ValueError, TypeError
        Where a shape is below 1, where the density would have no maximum, or a rate is not above 0.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.priors.Gamma(2.0, 0.1)
    Gamma(shape=2.0, rate=0.1)
    >>> round(hf.priors.Gamma(2.0, 0.1).log_density([10.0, 20.0]), 4)
    -6.912
    """

    shape: FloatArray
    rate: FloatArray

    def __init__(self, shape: npt.ArrayLike, rate: npt.ArrayLike) -> None:
        shapes, rates = _checks.at_least_one("shape", shape), _checks.above("rate", rate, 0.0)
        for name, numbers in (("shape", shapes), ("rate", rates)):
            _checks.at_most_dimensions(name, numbers, 1, "a number or (K,)")
        self._freeze(shape=shapes, rate=rates)

    def log_density(self, rates: npt.ArrayLike, is_free: npt.ArrayLike | None = None) -> float:
        """Compute the log-density of rates, with all constants.

        Parameters
        ----------
        rates : array_like, (K,)
            From 0.
        is_free : array_like of bool, (K,), optional
            Which of them are not held; the others have no prior.

        Returns
        -------
        float
            The sum over all rates; −inf where one is 0 whose shape is above 1.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> hf.priors.Gamma(1.0, 1.0).log_density([0.0, 2.0])
        -2.0
        """
        from scipy.special import gammaln, xlogy

        values = _checks.non_negative("rates", rates, None)
        _checks.vector_or_rows("rates", values, "(K,)", 1)
        for numbers in (self.shape, self.rate):
            _checks.fitting_parameter("rates", values.shape, numbers.shape)
        free = _checks.free_entries(is_free, values.shape)
        with np.errstate(divide="ignore"):
            terms = self.shape * np.log(self.rate) - gammaln(self.shape) + xlogy(self.shape - 1, values)
        terms = terms - self.rate * values
        return float(np.where(free, terms, 0.0).sum())

    def _added(self, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
        """What it adds to how many steps there are, and to how much is counted in them."""
        return np.broadcast_to(self.rate, shape), np.broadcast_to(self.shape - 1, shape)

    def _score(self, rates: FloatArray, is_free: BoolArray) -> FloatArray:
        """The derivatives of the log-density with respect to each of the rates."""
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = np.where(self.shape > 1, (self.shape - 1) / rates, 0.0) - self.rate
        return np.where(is_free, slopes, 0.0)

    def _admitted(self, name: str, shape: tuple[int, ...]) -> None:
        """Insist that it fits rates of such a shape."""
        for numbers in (self.shape, self.rate):
            _checks.fitting_prior(name, numbers.shape, shape)


@dataclass(frozen=True, eq=False, init=False, repr=False)
class NormalInverseWishart(_Plain):
    """The prior of means and covariances: Σ ~ W⁻¹(scale, df), and μ ~ N(mean, Σ / kappa) given Σ.

    Where entries are independent, each of them has it by itself, in one dimension; a variance or a matrix that several
    of them share has it from each.

    Parameters
    ----------
    mean : array_like
        Where the means are: a number, (D,), or (K, D) for each state.
    kappa : array_like
        How many observations that is worth, above 0: a number, or (K,).
    df : array_like
        The degrees of freedom, above D − 1: a number, or (K,).
    scale : array_like
        The sum of squares about the means, beforehand: a number or variances, (D,), above 0, or symmetric, positive
        definite matrices, (D, D) or (K, D, D).

    Raises
    ------
    ValueError, TypeError
        For anything else.

    References
    ----------
    Murphy, "Machine Learning: A Probabilistic Perspective" (2012), section 4.6.3.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.priors.NormalInverseWishart(0.0, kappa=1.0, df=3.0, scale=2.0)
    NormalInverseWishart(mean=0.0, kappa=1.0, df=3.0, scale=2.0)
    """

    mean: FloatArray
    kappa: FloatArray
    df: FloatArray
    scale: FloatArray

    def __init__(self, mean: npt.ArrayLike, kappa: npt.ArrayLike, df: npt.ArrayLike, scale: npt.ArrayLike) -> None:
        scales = _checks.scale_of_covariances(scale)
        n_dimensions = scales.shape[-1] if scales.ndim > 1 else 1
        kappas, degrees = _checks.above("kappa", kappa, 0.0), _checks.above("df", df, n_dimensions - 1.0)
        for name, numbers in (("kappa", kappas), ("df", degrees)):
            _checks.at_most_dimensions(name, numbers, 1, "a number or (K,)")
        means = _checks.real_parameters("mean", mean, None)
        _checks.at_most_dimensions("mean", means, 2, "a number, (D,) or (K, D)")
        self._freeze(mean=means, kappa=kappas, df=degrees, scale=scales)

    def log_density(self, mean: npt.ArrayLike, covariance: npt.ArrayLike) -> float:
        """Compute the log-density of means and covariances, with all constants.

        Parameters
        ----------
        mean : array_like, (K,) or (K, D)
            One in each state.
        covariance : array_like, (K,) or (K, D, D)
            Their variances, or covariance matrices.

        Returns
        -------
        float
            The sum over all states.

        Examples
        --------
        >>> import hmmfilter as hf
        >>> round(hf.priors.NormalInverseWishart(0.0, kappa=1.0, df=3.0, scale=2.0).log_density([0.0], [1.0]), 4)
        -1.7982
        """
        from scipy.special import multigammaln

        means = _checks.real_parameters("mean", mean, None)
        _checks.vector_or_rows("mean", means, "(K,) or (K, D)")
        n_states, n = len(means), means.shape[1] if means.ndim == 2 else 1
        matrices = _checks.real_parameters("covariance", covariance, means.shape + means.shape[1:])
        matrices = matrices.reshape(n_states, n, n)
        _checks.fitting_parameter("mean", means.shape, self.mean.shape)
        for numbers in (self.kappa, self.df):
            _checks.fitting_parameter("mean", (n_states,), numbers.shape)
        _checks.fitting_parameter("mean", (n,) if self.scale.ndim < 2 else matrices.shape, self.scale.shape)
        scales = self.scale if self.scale.ndim > 1 else self.scale * np.eye(n)
        kappa, df = self.kappa, self.df
        precisions = np.linalg.inv(matrices)
        away = means.reshape(n_states, n) - np.broadcast_to(self.mean, means.shape).reshape(n_states, n)
        distances = np.einsum("kd, kde, ke -> k", away, precisions, away)
        log_determinants, log_scales = np.linalg.slogdet(matrices)[1], np.linalg.slogdet(scales)[1]
        of_means = n * np.log(kappa / (2 * np.pi)) - log_determinants - kappa * distances
        constants = df * (log_scales - n * np.log(2)) - 2 * multigammaln(df / 2, n)
        of_covariances = constants - (df + n + 1) * log_determinants - (scales * precisions).sum(axis=(1, 2))
        return float((of_means + of_covariances).sum() / 2)

    def _admitted(self, name: str, of_means: tuple[int, ...], are_matrices: bool) -> None:
        """Insist that it fits means of such a shape, with covariance matrices or with variances of each entry."""
        width = of_means[-1:]
        _checks.fitting_prior(name, self.mean.shape, of_means)
        for numbers in (self.kappa, self.df):
            _checks.fitting_prior(name, numbers.shape, of_means[:1])
        are_given = are_matrices and self.scale.ndim > 1
        _checks.fitting_prior(name, self.scale.shape, of_means + width if are_given else width)
        if are_matrices:
            _checks.above("df", self.df, width[0] - 1.0)

    def _of_cells(self, of_means: tuple[int, ...], are_matrices: bool) -> NormalInverseWishart:
        """That of each state by itself, or of each entry of each state, where these are independent."""
        n_states, n = of_means[0], of_means[-1] if are_matrices else 1
        n_entries = int(np.prod(of_means[1:])) // n  # of a state, each by itself
        mean = np.broadcast_to(self.mean, of_means).reshape(-1, n)
        kappa, df = (np.repeat(np.broadcast_to(each, n_states), n_entries) for each in (self.kappa, self.df))
        if are_matrices:
            scale = np.broadcast_to(self.scale if self.scale.ndim > 1 else self.scale * np.eye(n), (n_states, n, n))
        else:
            scale = np.broadcast_to(self.scale, of_means).reshape(-1, 1, 1)
        return NormalInverseWishart(mean, kappa, df, scale)

    def _added(self, about: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """What it adds to the moments of cells about their means: weights, Σ w (x − μ), squares; weights of these."""
        away = self.mean - about
        first = self.kappa[:, None] * away
        squares = first[:, :, None] * away[:, None, :] + self.scale
        return self.kappa, first, squares, self.df + about.shape[1] + 2.0

    def _some(self, chosen: BoolArray) -> NormalInverseWishart:
        """That of some of the cells."""
        return NormalInverseWishart(self.mean[chosen], self.kappa[chosen], self.df[chosen], self.scale[chosen])


@dataclass(frozen=True, eq=False)
class Prior(Valued):
    """The priors of all the parameters of a model, for `hmmfilter.fit`.

    Parameters
    ----------
    initial : Dirichlet, optional
        Of the initial distribution.
    transition : Dirichlet, optional
        Of the rows of the transition; see `sticky`.
    emission : one of `hmmfilter.priors`, or list or dict of them, optional
        Of the parameters of the emission: Dirichlet for Categorical and Bernoulli, Gamma for Poisson,
        NormalInverseWishart for Gaussian. A Product has a list of those of its channels, None for nothing, or a dict by
        their names; a Mixture those of ``"weights"`` and ``"components"``, a TiedMixture of ``"weights"`` and
        ``"pool"``. An emission of your own is given what you put here.

    Raises
    ------
    TypeError
        Where `initial` or `transition` is no Dirichlet.

    Examples
    --------
    >>> import hmmfilter as hf
    >>> hf.Prior(transition=hf.priors.sticky(1.0, 10.0), emission=hf.priors.Gamma(2.0, 0.1))
    Prior(initial=None, transition=Dirichlet(concentration=1.0, diagonal=10.0), emission=Gamma(shape=2.0, rate=0.1))
    """

    initial: Dirichlet | None = None
    transition: Dirichlet | None = None
    emission: Any = None

    def __post_init__(self) -> None:
        for name in ("initial", "transition"):
            if getattr(self, name) is not None:
                _checks.prior_of_kind(f"the prior of {name}", getattr(self, name), Dirichlet)

    def _admitted_by(self, model: Any) -> None:
        """Insist that all priors fit the parameters of a model."""
        if self.initial is not None:
            self.initial._admitted("the prior of initial", (model.n_states,))
        if self.transition is not None:
            model.chain._admit(self.transition)
        if self.emission is not None and hasattr(model.emission, "_admit"):
            model.emission._admit(self.emission)
