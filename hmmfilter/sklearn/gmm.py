"""Chains of states with mixtures of normal distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.utils import check_random_state

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter.emissions import Gaussian, Mixture
from hmmfilter.sklearn import gmm_estimates
from hmmfilter.sklearn.asking import n_free
from hmmfilter.sklearn.base import EXACT, BaseHMM, Stats, log_density_of_rows, most_probable_rows
from hmmfilter.sklearn.gmm_estimates import Beliefs
from hmmfilter.sklearn.manners import OfRows

KINDS = {"spherical": "spherical", "diag": "variances", "full": "full", "tied": "full"}  # as the emission calls them


class GMMHMM(OfRows, BaseHMM):
    """A hidden Markov model whose states show mixtures of normal distributions.

    Parameters
    ----------
    n_components : int
        K, the number of states.
    n_mix : int
        M, how many normal distributions each state mixes.
    min_covar : float
        What is added to the variances that a fit begins with. None that is learnt is kept from falling.
    startprob_prior, transmat_prior, weights_prior : array_like
        Concentrations of Dirichlet priors, from 1 up; 1 says nothing. That of the weights is a number, (M,) or (K, M).
    means_prior, means_weight : array_like
        Means are normal, with the covariance of their component over ``means_weight``, which is how many rows that is
        worth. They fit (K, M, D) and (K, M).
    covars_prior, covars_weight : array_like, optional
        For "spherical" and "diag", α and β of the inverse gamma distributions of variances; they fit ``covars_``. For
        "full" and "tied", Ψ and ν of the inverse Wishart distributions of matrices: Ψ fits ``covars_``, or is a number
        of times the unit matrix, and ν fits (K, M), or (K,) where "tied". Whatever is left out says nothing.
    algorithm : {"viterbi", "map"}
        What `decode` and `predict` look for: the most probable path, or the most probable state at each row.
    covariance_type : {"spherical", "diag", "full", "tied"}
        A variance for each component, one for each of its entries, a matrix for each component, or a matrix for each
        state that its components share.
    random_state : int, RandomState or None
        Where randomness comes from.
    n_iter : int
        How many iterations there are at most.
    tol : float
        A fit ends when the objective gains less in an iteration.
    verbose : bool
        Whether each iteration is reported to the standard error.
    params, init_params : str
        What is learnt, and what is set before: "s" for ``startprob_``, "t" for ``transmat_``, "w" for ``weights_``, "m"
        for ``means_`` and "c" for ``covars_``.
    implementation : str
        Without meaning.

    Attributes
    ----------
    startprob_ : ndarray, (K,)
        p(first state).
    transmat_ : ndarray, (K, K)
        p(next state = j | state = i) at [i, j].
    weights_ : ndarray, (K, M)
        p(component m | state k) at [k, m].
    means_ : ndarray, (K, M, D)
        The means of components.
    covars_ : ndarray
        Their covariances: (K, M), (K, M, D), (K, M, D, D), or (K, D, D) where "tied".
    monitor_ : ConvergenceMonitor
        The objective at each iteration.
    n_features : int
        D, how many numbers a row has.

    Examples
    --------
    A state that is near 0, and one that is near 5 or near 9:

    >>> import numpy as np
    >>> from hmmfilter.sklearn import GMMHMM
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(0, 1, 100), rng.normal([5, 9], 1, (50, 2)).ravel()])[:, np.newaxis]
    >>> model = GMMHMM(n_components=2, n_mix=2, random_state=0, n_iter=50).fit(X)
    >>> wide = model.predict(X)[-1]
    >>> np.sort(model.means_[wide], axis=0).round(1).tolist(), model.weights_[wide].round(1).tolist()
    ([[5.0], [9.1]], [0.5, 0.5])
    """

    weights_: FloatArray
    means_: FloatArray
    covars_: FloatArray

    def __init__(
        self,
        n_components: int = 1,
        n_mix: int = 1,
        min_covar: float = 1e-3,
        startprob_prior: npt.ArrayLike = 1.0,
        transmat_prior: npt.ArrayLike = 1.0,
        weights_prior: npt.ArrayLike = 1.0,
        means_prior: npt.ArrayLike = 0.0,
        means_weight: npt.ArrayLike = 0.0,
        covars_prior: npt.ArrayLike | None = None,
        covars_weight: npt.ArrayLike | None = None,
        algorithm: str = "viterbi",
        covariance_type: str = "diag",
        random_state: Any = None,
        n_iter: int = 10,
        tol: float = 1e-2,
        verbose: bool = False,
        params: str = "stmcw",
        init_params: str = "stmcw",
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
        self.n_mix = n_mix
        self.min_covar = min_covar
        self.weights_prior = weights_prior
        self.means_prior = means_prior
        self.means_weight = means_weight
        self.covars_prior = covars_prior
        self.covars_weight = covars_weight
        self.covariance_type = covariance_type

    @classmethod
    def _arguments_of(cls, emission: Any) -> dict[str, Any]:
        _checks.emission_of_estimator(cls.__name__, emission, Mixture)
        for component in emission.components:
            _checks.emission_of_estimator(f"component of a {cls.__name__}", component, Gaussian)
        kinds = {component.kind for component in emission.components}
        name = next((name for name, kind in KINDS.items() if kinds == {kind}), "full")
        return {"n_mix": emission.n_components, "covariance_type": name}

    def _take(self, emission: Mixture) -> None:
        width = emission.n_dimensions or 1
        moments = [component.moments() for component in emission.components]
        means, covariances = (np.stack(each, axis=1) for each in zip(*moments, strict=True))
        self.weights_, self.means_ = np.array(emission.weights), means.reshape(*means.shape[:2], width)
        matrices = covariances.reshape(*self.means_.shape, width)
        self.covars_ = gmm_estimates.of_matrices(self.covariance_type, matrices)

    @property
    def _emission(self) -> Mixture:
        kind, covars = KINDS[self.covariance_type], self.covars_
        own = [covars if self.covariance_type == "tied" else covars[:, m] for m in range(self.n_mix)]
        components = [Gaussian(self.means_[:, m], own[m], kind) for m in range(self.n_mix)]  # type: ignore[arg-type]
        is_typed = bool((np.abs(self.weights_.sum(axis=1) - 1.0) > EXACT).any())
        return Mixture(components, self.weights_, normalize=is_typed)

    def _check(self) -> None:
        super()._check()
        n, n_mix = self.n_components, self.n_mix
        self.weights_ = np.array(_checks.rows_of_estimator("weights_", self.weights_, (n, n_mix)))
        self.means_ = np.array(_checks.real_parameters("means_", self.means_, (n, n_mix, "D")))
        self.n_features = self.means_.shape[2]
        shapes = gmm_estimates.shapes_of_covars(self.means_.shape)
        self.covars_ = np.array(_checks.covariances_of_mixtures(self.covars_, self.covariance_type, shapes))

    def _check_and_set_n_features(self, X: Any) -> None:
        self.n_features = X.shape[1]
        _checks.covariance_type_of_estimator(self.covariance_type)

    def _get_n_fit_scalars_per_param(self) -> dict[str, int]:
        of_means = (self.n_components, self.n_mix, self.n_features)
        n_covars = int(np.prod(gmm_estimates.shapes_of_covars(of_means)[self.covariance_type]))
        if self.covariance_type in gmm_estimates.HAS_MATRICES:
            n_covars = n_covars * (self.n_features + 1) // (2 * self.n_features)
        more = {"w": n_free(np.asarray(self.weights_)), "m": int(np.prod(of_means)), "c": n_covars}
        return super()._get_n_fit_scalars_per_param() | more

    def _generate_sample_from_state(self, state: int, random_state: np.random.RandomState) -> FloatArray:
        m = random_state.choice(self.n_mix, p=self.weights_[state] / self.weights_[state].sum())
        covariance = gmm_estimates.matrices_of(self.covariance_type, self.covars_, self.means_.shape)[state, m]
        drawn: FloatArray = random_state.multivariate_normal(self.means_[state, m], covariance)
        return drawn

    # ------------------------------------------------------------------------------------------------------- a start

    def _init(self, X: Any, lengths: Any = None) -> None:
        n, n_mix, d = self.n_components, _checks.step_count("n_mix", self.n_mix), X.shape[1]
        of_all = np.cov(X.T).reshape(d, d) + self.min_covar * np.eye(d)
        if self._needs_init("w", "weights_"):
            self.weights_ = np.full((n, n_mix), 1.0 / n_mix)
        super()._init(X, lengths)  # which counts the free numbers of weights, too
        if self._needs_init("m", "means_"):
            self.means_ = self._centres_of_groups(X, of_all)
        if self._needs_init("c", "covars_"):
            shape, variances = gmm_estimates.shapes_of_covars((n, n_mix, d))[self.covariance_type], np.diag(of_all)
            own = {"spherical": variances.mean(), "diag": variances}.get(self.covariance_type, of_all)
            self.covars_ = np.array(np.broadcast_to(own, shape))

    def _centres_of_groups(self, X: Any, covariance: FloatArray) -> FloatArray:
        """The centres of M groups within each of K groups of rows; of a group of fewer rows, some places at random."""
        seed = self.random_state
        rng = check_random_state(seed)
        states = KMeans(n_clusters=self.n_components, n_init=10, random_state=seed).fit(X)
        centre = states.cluster_centers_.mean(axis=0)
        centres = np.empty((self.n_components, self.n_mix, X.shape[1]))
        for state in range(self.n_components):
            rows = X[states.labels_ == state]
            if len(rows) >= self.n_mix:
                centres[state] = KMeans(n_clusters=self.n_mix, n_init=10, random_state=seed).fit(rows).cluster_centers_
            else:
                centres[state] = rng.multivariate_normal(centre, covariance, size=self.n_mix)
        return centres

    # ------------------------------------------------------------------------------------------------------- a fit

    def _beliefs(self) -> Beliefs:
        given = (self.means_prior, self.means_weight, self.covars_prior, self.covars_weight)
        return gmm_estimates.beliefs_of(self.covariance_type, self.means_.shape, *given)

    def _maximise(self, stats: Stats) -> None:
        if "w" in self.params:
            shown = stats["weights"]
            self.weights_ = most_probable_rows("weights_prior", self.weights_prior, shown, self.weights_)
        now = (self.covariance_type, self.means_, self.covars_)
        self.means_, self.covars_ = gmm_estimates.likelier_components(*now, self._beliefs(), stats, self.params)

    def _log_prior(self) -> float:
        density = super()._log_prior()
        if "w" in self.params:
            density += log_density_of_rows("weights_prior", self.weights_prior, self.weights_)
        return density + gmm_estimates.log_density(self.covariance_type, self.means_, self.covars_, self._beliefs())
