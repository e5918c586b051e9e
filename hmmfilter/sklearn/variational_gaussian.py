"""Chains of states with normal distributions, learnt as distributions of their parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray, IntArray
from hmmfilter._docstrings import as_in
from hmmfilter.emissions import Gaussian
from hmmfilter.emissions.learning import Observed
from hmmfilter.sklearn.base import BaseHMM, Stats
from hmmfilter.sklearn.manners import OfRows
from hmmfilter.sklearn.variational import Fill, VariationalHMM
from hmmfilter.sklearn.variational_normal import NormalWishart

SMALL = 1e-3  # of the default scale of the prior, and added to the variances of a start, as hmmlearn has it


@as_in(BaseHMM, VariationalHMM)
class VariationalGaussianHMM(OfRows, VariationalHMM):
    """A hidden Markov model of normally distributed rows; its parameters have distributions.

    Means are normal given the precisions, and precisions have Wishart distributions; those of independent entries,
    "diag" and "spherical", have gamma distributions. What is asked of it is of the expected means and precisions.

    Parameters
    ----------
    n_components
        As in `VariationalHMM`.
    covariance_type : {"full", "tied", "diag", "spherical"}
        A matrix for each state, one for all states, variances of independent entries, or one variance for all of them.
    startprob_prior, transmat_prior
        As in `VariationalHMM`.
    means_prior : array_like, optional
        The expected means, (K, D) or what fits into that; without them, the mean of all rows.
    beta_prior : array_like, optional
        How many rows these are worth, a number or (K,); 1 without it.
    dof_prior : array_like, optional
        The degrees of freedom of precisions, a number or (K,), and of "tied" ones a number; D without it.
    scale_prior : array_like, optional
        The inverse scale of precisions, in the shape of covariances of their type: (K, D, D), (D, D), (K, D) or (K,).
        Without it, 0.001 times the unit.
    algorithm, random_state, n_iter, tol, verbose
        As in `BaseHMM`.
    params, init_params : str
        As in `BaseHMM`. Here "m" is for means, and "c" for precisions.
    implementation
        As in `BaseHMM`.

    Attributes
    ----------
    startprob_prior_, startprob_posterior_, transmat_prior_, transmat_posterior_, monitor_
        As in `VariationalHMM`.
    means_prior_, means_posterior_ : ndarray, (K, D)
        Expected means.
    beta_prior_, beta_posterior_ : ndarray, (K,)
        How many rows these are worth.
    dof_prior_, dof_posterior_ : ndarray, (K,), or float
        Degrees of freedom of precisions.
    scale_prior_, scale_posterior_ : ndarray
        Their inverse scales.
    startprob_, transmat_, means_ : ndarray
        The expected parameters.
    covars_ : ndarray, (K, D, D)
        The inverses of the expected precisions.

    Examples
    --------
    >>> import numpy as np
    >>> from hmmfilter.sklearn import VariationalGaussianHMM
    >>> X = np.repeat([0.0, 5.0, 0.0, 5.0], 25) + np.tile([-0.5, 0.0, 0.1, 0.4], 25)
    >>> model = VariationalGaussianHMM(2, random_state=0).fit(X.reshape(-1, 1))
    >>> np.sort(model.means_posterior_.ravel()).round(2)
    array([0.04, 4.96])
    """

    means_prior_: FloatArray
    means_posterior_: FloatArray
    beta_prior_: FloatArray
    beta_posterior_: FloatArray
    dof_prior_: Any
    dof_posterior_: Any
    scale_prior_: FloatArray
    scale_posterior_: FloatArray

    def __init__(
        self,
        n_components: int = 1,
        covariance_type: str = "full",
        startprob_prior: Any = None,
        transmat_prior: Any = None,
        means_prior: npt.ArrayLike | None = None,
        beta_prior: npt.ArrayLike | None = None,
        dof_prior: npt.ArrayLike | None = None,
        scale_prior: npt.ArrayLike | None = None,
        algorithm: str = "viterbi",
        random_state: Any = None,
        n_iter: int = 100,
        tol: float = 1e-6,
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
        self.means_prior = means_prior
        self.beta_prior = beta_prior
        self.dof_prior = dof_prior
        self.scale_prior = scale_prior

    @property
    def _belief(self) -> NormalWishart:
        after = self.means_posterior_, self.beta_posterior_, np.asarray(self.dof_posterior_), self.scale_posterior_
        return NormalWishart(self.covariance_type, *after)

    @property
    def _belief_before(self) -> NormalWishart:
        before = self.means_prior_, self.beta_prior_, np.asarray(self.dof_prior_), self.scale_prior_
        return NormalWishart(self.covariance_type, *before)

    @property
    def _emission(self) -> Gaussian:
        return self._belief.emission

    @property
    def means_(self) -> FloatArray:
        """The expected means, (K, D)."""
        return self.means_posterior_

    @property
    def _covars_(self) -> FloatArray:
        return self._belief.covariance

    @property
    def covars_(self) -> FloatArray:
        """The inverses of the expected precisions as matrices, (K, D, D), whatever ``covariance_type``."""
        matrices: FloatArray = self._emission.moments()[1]
        return matrices

    @property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Of all that is believed of means and precisions."""
        n, d = self.n_components, self.n_features
        scales = {"full": (n, d, d), "tied": (d, d), "diag": (n, d), "spherical": (n,)}
        return {
            "means": (n, d),
            "beta": (n,),
            "dof": () if self.covariance_type == "tied" else (n,),
            "scale": scales[self.covariance_type],
        }

    def _check_and_set_n_features(self, X: Any) -> None:
        self.n_features = X.shape[1]

    def _get_n_fit_scalars_per_param(self) -> dict[str, int]:
        n, d = self.n_components, self.n_features
        n_numbers = {"full": n * d * (d + 1) // 2, "tied": d * (d + 1) // 2, "diag": n * d, "spherical": n}
        return {"s": n - 1, "t": n * (n - 1), "m": n * d, "c": n_numbers[self.covariance_type]}

    def _init(self, X: Any, lengths: Any = None) -> None:
        super()._init(X, lengths)
        _checks.covariance_type_of_estimator(self.covariance_type)
        needed = [
            begin
            for code, names, begin in (
                ("m", ("means", "beta"), self._begin_means),
                ("c", ("dof", "scale"), self._begin_precisions),
            )
            if self._needs_beliefs(code, *(f"{name}_{when}_" for name in names for when in ("prior", "posterior")))
        ]
        if needed:
            clusters = KMeans(n_clusters=self.n_components, random_state=self.random_state, n_init=10).fit(X)
            for begin in needed:
                begin(X, clusters, np.bincount(clusters.labels_, minlength=self.n_components))

    def _begin_means(self, X: Any, clusters: KMeans, counts: IntArray) -> None:
        self.means_prior_ = self._prior_of("means", X.mean(axis=0))
        self.beta_prior_ = self._prior_of("beta", 1.0)
        self.means_posterior_ = np.array(clusters.cluster_centers_, dtype=float)
        self.beta_posterior_ = np.maximum(counts, self.beta_prior_)

    def _begin_precisions(self, X: Any, clusters: KMeans, counts: IntArray) -> None:
        self.dof_prior_ = self._prior_of("dof", self.n_features)
        self.scale_prior_ = self._prior_of("scale", self._typed(SMALL * np.eye(self.n_features)))
        self.dof_posterior_ = np.maximum(counts.sum() if self.covariance_type == "tied" else counts, self.dof_prior_)
        away = X - X.mean(axis=0)
        covariance = self._typed(away.T @ away / max(len(X) - 1, 1) + SMALL * np.eye(self.n_features))
        spare = covariance.ndim - self.dof_posterior_.ndim
        self.scale_posterior_ = covariance * self.dof_posterior_.reshape(self.dof_posterior_.shape + (1,) * spare)

    def _prior_of(self, name: str, default: Any) -> FloatArray:
        given = getattr(self, f"{name}_prior")
        return _checks.fitting_belief(f"{name}_prior", default if given is None else given, self._shapes[name])

    def _typed(self, matrix: FloatArray) -> FloatArray:
        """The same covariance matrix in each state, as ``covariance_type`` has it."""
        n = self.n_components
        typed: dict[str, FloatArray] = {
            "full": np.tile(matrix, (n, 1, 1)),
            "tied": matrix,
            "diag": np.tile(np.diag(matrix), (n, 1)),
            "spherical": np.full(n, np.diag(matrix).mean()),
        }
        return typed[self.covariance_type]

    def _check(self) -> None:
        _checks.covariance_type_of_estimator(self.covariance_type)
        shapes = self._shapes
        least = self.n_features - 1 if self.covariance_type in ("full", "tied") else 0
        for when in ("prior", "posterior"):
            for name, above in (("means", None), ("beta", 0), ("dof", least)):
                attribute = f"{name}_{when}_"
                numbers = _checks.believed_numbers(attribute, getattr(self, attribute), shapes[name], above)
                setattr(self, attribute, float(numbers) if numbers.ndim == 0 else numbers)
            attribute = f"scale_{when}_"
            scales = getattr(self, attribute)
            setattr(self, attribute, _checks.believed_scales(attribute, scales, shapes["scale"], self.covariance_type))
        super()._check()

    def _fill_expected_logs(self, emission: Gaussian) -> Fill:
        excess = self._belief.expected_log_excess()

        def fill(observed: Observed, begin: int, end: int, table: FloatArray) -> None:
            emission._fill(observed, begin, end, table)
            table += excess

        return fill

    def _divergence(self) -> float:
        return self._belief.divergence(self._belief_before)

    def _maximise(self, stats: Stats) -> None:
        learnt = self._belief.learnt(self._belief_before, stats["shown"], self.params)
        self.means_posterior_, self.beta_posterior_, self.scale_posterior_ = learnt.mean, learnt.beta, learnt.scale
        self.dof_posterior_ = float(learnt.dof) if learnt.dof.ndim == 0 else learnt.dof

    def _generate_sample_from_state(self, state: int, random_state: np.random.RandomState) -> FloatArray:
        drawn: FloatArray = random_state.multivariate_normal(self.means_[state], self.covars_[state])
        return drawn
