"""Chains of states with normal distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import Gaussian
from hmmfilter.emissions.gaussian_estimates import most_probable
from hmmfilter.emissions.gaussian_moments import Moments
from hmmfilter.emissions.learning import HELD
from hmmfilter.sklearn.base import BaseHMM, Stats
from hmmfilter.sklearn.manners import OfRows

KINDS = {"spherical": "spherical", "diag": "variances", "full": "full", "tied": "tied"}  # as the emission calls them


@as_in(BaseHMM)
class GaussianHMM(OfRows, BaseHMM):
    """A hidden Markov model whose states show normally distributed rows.

    Parameters
    ----------
    n_components
        As in `BaseHMM`.
    covariance_type : {"diag", "spherical", "full", "tied"}
        A variance for each entry in each state, one for all entries of each state, a matrix for each state, or one
        matrix for all states.
    min_covar : float
        What is added to the variances that a fit begins with. None that is learnt is kept from falling.
    startprob_prior, transmat_prior
        As in `BaseHMM`.
    means_prior, means_weight : array_like
        Means are believed to be normal about ``means_prior``, a number, (K,) or (K, D), with the covariance of their
        state over ``means_weight``, a number or (K,): how many rows that is worth.
    covars_prior, covars_weight : array_like
        What is believed of covariances: of variances the density is σ^−a exp(−s / 2σ²) with a = ``covars_weight`` − 1,
        of matrices it is det(Σ)^(−a/2) exp(−tr(S Σ⁻¹) / 2) with a = ``covars_weight`` − D; a is at least 0. What is
        given as ``covars_prior`` is s, a number, (K,) or (K, D), or S, (D, D) or (K, D, D), of which a number is so
        many times the unit matrix.
    algorithm, random_state, n_iter, tol, verbose
        As in `BaseHMM`.
    params, init_params : str
        As in `BaseHMM`. Here "m" is for ``means_``, and "c" for ``covars_``.
    implementation
        As in `BaseHMM`.

    Attributes
    ----------
    startprob_, transmat_, monitor_
        As in `BaseHMM`.
    means_ : ndarray, (K, D)
        The mean in each state.
    covars_ : ndarray, (K, D, D)
        The covariance matrix of each state, whatever ``covariance_type``. It is set in the shape of that: (K, D), (K,),
        (K, D, D) or (D, D).
    n_features : int
        D, how many numbers a row has.

    Examples
    --------
    >>> import numpy as np
    >>> from hmmfilter.sklearn import GaussianHMM
    >>> rng = np.random.default_rng(0)
    >>> rows = np.concatenate([rng.normal(0, 1, (50, 2)), rng.normal(5, 2, (50, 2))])
    >>> model = GaussianHMM(n_components=2, random_state=0, n_iter=100).fit(rows, lengths=[20, 30, 50])
    >>> np.sort(model.means_, axis=0).round(1)
    array([[-0. ,  0.2],
           [ 4.7,  5.1]])
    >>> int((model.predict(rows) == model.predict(rows)[0]).sum())
    50
    """

    means_: FloatArray
    _covars_: FloatArray

    def __init__(
        self,
        n_components: int = 1,
        covariance_type: str = "diag",
        min_covar: float = 1e-3,
        startprob_prior: npt.ArrayLike = 1.0,
        transmat_prior: npt.ArrayLike = 1.0,
        means_prior: npt.ArrayLike = 0,
        means_weight: npt.ArrayLike = 0,
        covars_prior: npt.ArrayLike = 1e-2,
        covars_weight: float = 1,
        algorithm: str = "viterbi",
        random_state: Any = None,
        n_iter: int = 10,
        tol: float = 1e-2,
        verbose: bool = False,
        params: str = "stmc",
        init_params: str = "stmc",
        implementation: str = "log",
    ) -> None:
        super().__init__(
            n_components,
            startprob_prior,
            transmat_prior,
            algorithm,
            random_state,
            n_iter,
            tol,
            verbose,
            params,
            init_params,
            implementation,
        )
        self.covariance_type = covariance_type
        self.min_covar = min_covar
        self.means_prior = means_prior
        self.means_weight = means_weight
        self.covars_prior = covars_prior
        self.covars_weight = covars_weight

    @property
    def covars_(self) -> FloatArray:
        """The covariance matrices of all states, (K, D, D), whatever ``covariance_type``."""
        return self._matrices(self._covars_)

    @covars_.setter
    def covars_(self, covars: npt.ArrayLike) -> None:
        self._covars_ = _checks.covariances_of_estimator(covars, self.covariance_type, self.n_components)

    def _matrices(self, covars: FloatArray) -> FloatArray:
        """Covariance matrices of all states, (K, D, D)."""
        if self.covariance_type in ("full", "tied"):
            return np.array(np.broadcast_to(covars, (self.n_components, *covars.shape[-2:])))
        variances = covars[:, np.newaxis] if self.covariance_type == "spherical" else covars
        matrices: FloatArray = variances[:, :, np.newaxis] * np.eye(self.n_features)
        return matrices

    @classmethod
    def _arguments_of(cls, emission: Any) -> dict[str, Any]:
        _checks.emission_of_estimator(cls.__name__, emission, Gaussian)
        return {"covariance_type": next(name for name, kind in KINDS.items() if kind == emission.kind)}

    def _take(self, emission: Gaussian) -> None:
        width = emission.n_dimensions or 1
        covariance = np.array(emission.covariance)
        self.means_ = emission.mean.reshape(-1, width).copy()
        self.covars_ = covariance.reshape(-1, 1) if emission.n_dimensions is None else covariance

    @property
    def _emission(self) -> Gaussian:
        return Gaussian(self.means_, self._covars_, KINDS[self.covariance_type])  # type: ignore[arg-type]

    def _check(self) -> None:
        super()._check()
        self.means_ = np.array(_checks.rows_of_means(self.means_, self.n_components))
        self.n_features = self.means_.shape[1]
        self.covars_ = self._covars_

    def _check_and_set_n_features(self, X: Any) -> None:
        self.n_features = X.shape[1]
        _checks.covariance_type_of_estimator(self.covariance_type)

    def _get_n_fit_scalars_per_param(self) -> dict[str, int]:
        n, d = self.n_components, self.n_features
        of_covariances = {"spherical": n, "diag": n * d, "full": n * d * (d + 1) // 2, "tied": d * (d + 1) // 2}
        return super()._get_n_fit_scalars_per_param() | {"m": n * d, "c": of_covariances[self.covariance_type]}

    def _init(self, X: Any, lengths: Any = None) -> None:
        super()._init(X, lengths)
        if self._needs_init("m", "means_"):
            clusters = KMeans(n_clusters=self.n_components, random_state=self.random_state, n_init=10)
            self.means_ = np.array(clusters.fit(X).cluster_centers_, dtype=float)
        if self._needs_init("c", "covars_"):
            of_all = np.cov(X.T).reshape(X.shape[1], -1) + self.min_covar * np.eye(X.shape[1])
            n = self.n_components
            starts = {
                "spherical": np.full(n, of_all.mean()),
                "diag": np.tile(np.diag(of_all), (n, 1)),
                "full": np.tile(of_all, (n, 1, 1)),
                "tied": of_all,
            }
            self.covars_ = starts[self.covariance_type]

    def _generate_sample_from_state(self, state: int, random_state: np.random.RandomState) -> FloatArray:
        drawn: FloatArray = random_state.multivariate_normal(self.means_[state], self.covars_[state])
        return drawn

    def _beliefs(self) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """The prior: means (K, D), how often these count (K, 1), scales, and how often these count."""
        n, d = self.means_.shape
        mean = _checks.prior_of_estimator("means_prior", self.means_prior, (n, d))
        weight = _checks.prior_of_estimator("means_weight", self.means_weight, (n, 1))
        count = float(_checks.prior_of_estimator("covars_weight", self.covars_weight, ()))
        if self.covariance_type in ("spherical", "diag"):
            scale = _checks.prior_of_estimator("covars_prior", self.covars_prior, (n, d))
            return mean, weight, scale, max(count - 1.0, 0.0)
        shape = (d, d) if self.covariance_type == "tied" else (n, d, d)
        return mean, weight, _checks.scales_of_estimator("covars_prior", self.covars_prior, shape), max(count - d, 0.0)

    def _maximise(self, stats: Stats) -> None:
        emission = self._emission
        held = [name for name, letter in (("mean", "m"), ("covariance", "c")) if letter not in self.params]
        cells = emission._cells({name: np.full(emission._parameters()[name].shape, HELD) for name in held})
        mean, covariance = most_probable(cells, self._with_beliefs(stats, cells.mean))
        self.means_ = mean.reshape(self.means_.shape)
        self._covars_ = np.array(emission._of_cells(covariance, False))

    def _with_beliefs(self, stats: Stats, mean: FloatArray) -> Moments:
        """What is expected of cells, see `hmmfilter.emissions.gaussian_moments`, and what is believed, together."""
        n_cells, d = mean.shape
        prior_mean, prior_weight, scale, count = self._beliefs()
        weight = stats["weight"].reshape(n_cells)
        first = stats["sum"].reshape(n_cells, d) - weight[:, np.newaxis] * mean
        second = stats["squares"].reshape(n_cells, d, d)
        more = np.repeat(prior_weight.reshape(-1), n_cells // self.n_components)
        away = prior_mean.reshape(n_cells, d) - mean
        scales, counts = np.zeros((n_cells, d, d)), np.zeros(n_cells)
        n_kinds = 1 if self.covariance_type == "tied" else n_cells  # what all states share is believed once
        scales[:n_kinds], counts[:n_kinds] = scale.reshape(n_kinds, d, d), count
        return Moments(
            weight + more,
            first + more[:, np.newaxis] * away,
            second + more[:, np.newaxis, np.newaxis] * away[:, :, np.newaxis] * away[:, np.newaxis, :] + scales,
            weight + counts,
        )

    def _log_prior(self) -> float:
        density = super()._log_prior()
        if "m" not in self.params and "c" not in self.params:
            return density
        mean, weight, scale, count = self._beliefs()
        away = self.means_ - mean
        if self.covariance_type in ("spherical", "diag"):
            variance = np.broadcast_to(self._covars_.T, away.T.shape).T
            terms = count * np.log(variance) + (scale + weight * away**2) / variance
        else:
            covariances = self._covars_
            outer = weight[:, :, np.newaxis] * away[:, :, np.newaxis] * away[:, np.newaxis, :]
            squares = scale + (outer.sum(axis=0) if self.covariance_type == "tied" else outer)
            log_determinants = np.linalg.slogdet(covariances)[1]
            terms = count * log_determinants + np.trace(np.linalg.solve(covariances, squares), axis1=-2, axis2=-1)
        return density - 0.5 * float(np.sum(terms))
