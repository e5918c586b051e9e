"""Sequences as estimators are given them, and what all that learn models of them have in common."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import validate_data

from hmmfilter import _checks, emissions
from hmmfilter._arrays import Frozen, IntArray
from hmmfilter.emissions import guesses
from hmmfilter.guessing import guess_any
from hmmfilter.learning import fit
from hmmfilter.priors import NormalInverseWishart, Prior
from hmmfilter.sklearn.signatures import is_list_of_sequences

SEEDS = 2**31
OF_ANYTHING = frozenset(  # which take words, or columns by their names
    {emissions.Categorical, emissions.Product, emissions.Mixture, emissions.TiedMixture}
)
FROM_ZERO = frozenset(
    {
        emissions.Beta,
        emissions.Binomial,
        emissions.Exponential,
        emissions.Gamma,
        emissions.Geometric,
        emissions.InverseGaussian,
        emissions.LogNormal,
        emissions.Multinomial,
        emissions.NegativeBinomial,
        emissions.Poisson,
        emissions.Weibull,
        emissions.ZeroInflated,
    }
)


class Sequences(NamedTuple):
    """Sequences, and how long each of them is; perhaps all the symbols that there are, as some may lack some."""

    parts: list[Any]
    lengths: IntArray
    symbols: Any = None

    def chosen(self, numbers: IntArray) -> Sequences:
        """Some of them."""
        return self._replace(parts=[self.parts[n] for n in numbers], lengths=self.lengths[numbers])

    def of(self, kind: type) -> tuple[Any, IntArray | None]:
        """Observations and lengths for a kind of emission: what one of one's own makes of several is not known."""
        if issubclass(kind, Frozen):
            return dict(enumerate(self.parts)), None
        return np.concatenate(self.parts), self.lengths


class LearnerOfSequences(BaseEstimator):
    """What learns models of sequences: of an emission by its name, with so many states."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = tags.input_tags.categorical = not self._is_of_numbers
        tags.input_tags.positive_only = self._kind in FROM_ZERO
        return tags

    @property
    def _kind(self) -> Any:
        """The class of the emission."""
        return guesses.kind_of("emission", self.emission)[0]

    @property
    def _is_of_numbers(self) -> bool:
        """Whether scikit-learn is to see to it that observations are numbers."""
        return issubclass(self._kind, Frozen) and self._kind not in OF_ANYTHING

    def _samples(self, X: Any, lengths: Any, *, reset: bool = False) -> Sequences:
        """Let sequences in, each of which is a sample: a table without lengths has one in each row."""
        if lengths is not None:
            return self._rows(X, lengths, reset=reset)
        if isinstance(X, (list, tuple)) or getattr(X, "ndim", 2) == 3 or _is_of_objects(X):
            return self._parts(X)
        table = validate_data(self, X, reset=reset, **self._needs())
        return _cut(table.reshape(-1), np.full(len(table), table.shape[1]))

    def _rows(self, X: Any, lengths: Any, *, reset: bool = False) -> Sequences:
        """Let sequences in, each of whose rows is a sample: a table without lengths is one of them."""
        if lengths is None and are_tables(X):
            return self._parts(X)
        _checks.rows_of_one_width(X)
        needs = {"ensure_min_samples": 2 if reset else 1} | self._needs()  # a move, to learn from
        table = validate_data(self, X, reset=reset, skip_check_array=not self._is_of_numbers, **needs)
        n_rows = len(table)
        return _cut(table, np.array([n_rows]) if lengths is None else _checks.sequence_lengths(lengths, n_rows))

    def _parts(self, X: Any) -> Sequences:
        """Let a list of sequences in."""
        parts, lengths = list(X), _checks.lengths_of_list(X)
        if self._is_of_numbers:
            needs = {"ensure_2d": False, "ensure_min_samples": 0} | self._needs()
            of_none = needs | {"ensure_non_negative": False}  # among which there is no least number
            for n, part in enumerate(parts):
                parts[n] = check_array(part, input_name=f"X[{n}]", **(needs if len(part) > 0 else of_none))
        return Sequences(parts, lengths)

    def _needs(self) -> dict[str, Any]:
        """What scikit-learn insists on for this kind of emission."""
        return {
            "dtype": np.float64 if self._is_of_numbers else None,
            "ensure_all_finite": "allow-nan",
            "ensure_non_negative": self._kind in FROM_ZERO,
        }

    def _generator(self) -> np.random.Generator:
        """What `random_state` says, as the library takes it."""
        return np.random.default_rng(check_random_state(self.random_state).randint(SEEDS))

    def _guessed(self, sequences: Sequences, n_states: int, rng: np.random.Generator) -> Any:
        """A first model of sequences."""
        kind, options = guesses.kind_of("emission", self.emission)
        if sequences.symbols is not None:
            options = options | {"symbols": sequences.symbols}
        return guess_any(kind, n_states, *sequences.of(kind), None, None, rng, options)

    def _with_symbols(self, sequences: Sequences, rng: np.random.Generator) -> Sequences:
        """Sequences, and all their symbols where they are of some, for models of some of them to know."""
        kind, options = guesses.kind_of("emission", self.emission)
        if kind is not emissions.Categorical or options.get("symbols") is not None:
            return sequences
        known = self._guessed(sequences, 1, rng).emission
        return sequences._replace(symbols=known.symbols or list(range(known.probabilities.shape[1])))

    def _prior(self, sequences: Sequences) -> Any:
        """What is believed before: "weak" is that each state of a Gaussian is spread as all observations are."""
        if not isinstance(self.prior, str):
            return self.prior
        _checks.one_of("prior", self.prior, ("weak",))
        if self._kind is not emissions.Gaussian:
            return None
        n_states = _checks.step_count("n_states", self.n_states)
        seen = [part.reshape(len(part), -1) for part in sequences.parts if len(part) > 0]
        if not seen:
            return None
        rows = np.concatenate(seen)
        is_seen, width = ~np.isnan(rows), rows.shape[1]
        n_seen = np.maximum(is_seen.sum(axis=0), 1)
        mean = np.where(is_seen, rows, 0.0).sum(axis=0) / n_seen
        variances = np.where(is_seen, (rows - mean) ** 2, 0.0).sum(axis=0) / n_seen
        if variances.min() == 0:  # of which a prior would only guess the unit
            return None
        scale = variances / n_states ** (2 / width)
        if width == 1:
            mean, scale = mean[0], scale[0]
        return Prior(emission=NormalInverseWishart(mean, kappa=0.01, df=width + 2.0, scale=scale))

    def _fitted(self, sequences: Sequences, prior: Any, rng: np.random.Generator) -> Any:
        """The fit to sequences, from a guess and from as many other starts as there are restarts."""
        observations, lengths = sequences.of(self._kind)
        return fit(
            self._guessed(sequences, self.n_states, rng),
            observations,
            lengths=lengths,
            prior=prior,
            restarts=self.restarts,
            rng=rng,
            max_iterations=self.max_iter,
            tolerance=self.tol,
        )

    def _told(self, n_iterations: int, *, has_converged: bool) -> None:
        """Keep how long the longest climb took, and warn where one has not come to its end."""
        self.n_iter_ = n_iterations
        if not has_converged:
            warnings.warn(
                f"{type(self).__name__} has not converged after max_iter={self.max_iter} iterations: give more, or a "
                "larger tol",
                ConvergenceWarning,
                stacklevel=3,
            )


def are_tables(value: Any) -> bool:
    """Whether it is a list of sequences where each row is a sample; an array of three dimensions is one, too."""
    return is_list_of_sequences(value) or getattr(value, "ndim", 2) == 3 or _is_of_objects(value)


def _is_of_objects(value: Any) -> bool:
    """Whether it is an array of sequences."""
    return getattr(value, "ndim", 2) == 1 and getattr(value, "dtype", None) == np.dtype(object)


def _cut(table: Any, lengths: IntArray) -> Sequences:
    """Rows of sequences that stand one after the other."""
    rows = table.iloc if hasattr(table, "iloc") else table
    ends = np.cumsum(lengths).tolist()
    return Sequences([rows[end - length : end] for end, length in zip(ends, lengths.tolist(), strict=True)], lengths)
