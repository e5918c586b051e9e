"""Cross-validation over whole sequences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils.validation import _num_samples

from hmmfilter import _checks
from hmmfilter._arrays import IntArray
from hmmfilter.sklearn.signatures import WANTED


class SequenceFold(BaseCrossValidator):
    """Folds of whole sequences, each of which is held out once; sequence n is in fold n mod `n_splits`.

    ``X`` is a list of sequences; or a table of their rows, one after the other, with ``lengths`` *by row*, which
    scikit-learn cuts together with the rows: of each row, how long its sequence is, ``np.repeat(lengths, lengths)``.
    All estimators of `hmmfilter.sklearn` take lengths by row, too. These reach the folds, ``fit`` and ``score`` by
    metadata routing, which ``sklearn.set_config(enable_metadata_routing=True)`` turns on; the estimators ask for them.
    Before its version 1.8, scikit-learn's searches hand them to ``fit`` of a ``Pipeline``, and not to its ``score``.

    Parameters
    ----------
    n_splits : int
        How many folds there are, from 2 to the number of sequences.

    Examples
    --------
    >>> import numpy as np
    >>> from hmmfilter.sklearn import SequenceFold
    >>> lengths = [2, 1, 3]
    >>> rows = np.arange(6.0).reshape(-1, 1)
    >>> for train, test in SequenceFold(3).split(rows, lengths=np.repeat(lengths, lengths)):
    ...     print(train, test)
    [2 3 4 5] [0 1]
    [0 1 3 4 5] [2]
    [0 1 2] [3 4 5]

    A search over a list of sequences needs no more than that:

    >>> from sklearn.model_selection import GridSearchCV
    >>> from hmmfilter.sklearn import GaussianHMM
    >>> rng = np.random.default_rng(0)
    >>> sequences = [rng.normal(np.repeat([[0.0], [5.0]], 10, axis=0)) for _ in range(6)]
    >>> search = GridSearchCV(GaussianHMM(random_state=0), {"n_components": [1, 2]}, cv=SequenceFold(3))
    >>> search.fit(sequences).best_params_
    {'n_components': 2}
    """

    __metadata_request__split = WANTED  # as the base class says, and no groups

    def __init__(self, n_splits: int = 5) -> None:
        self.n_splits = n_splits

    def split(
        self,
        X: Any,
        y: Any = None,
        groups: Any = None,
        lengths: Any = None,
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Say which samples are learnt from and which are held out, fold by fold.

        Parameters
        ----------
        X : list of sequences, or array_like, (T, D)
            What is cut.
        y, groups : None
            Not used.
        lengths : array_like of int, optional
            How long each sequence is, or that of each row; as `SequenceFold` says.

        Yields
        ------
        train, test : ndarray of int
            Numbers of sequences in a list, or of rows.
        """
        if lengths is None:
            _checks.list_of_sequences(X)
        n_samples = _num_samples(X)
        counts = np.ones(n_samples, np.int64) if lengths is None else _checks.sequence_lengths(lengths, n_samples)
        n_splits = _checks.fold_count(self.n_splits, len(counts), "n_splits")
        sequence_of = np.repeat(np.arange(len(counts)), counts)
        for fold in range(n_splits):
            is_held = sequence_of % n_splits == fold
            yield np.flatnonzero(~is_held), np.flatnonzero(is_held)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None, lengths: Any = None) -> int:
        """Say how many folds there are.

        Parameters
        ----------
        X, y, groups, lengths
            Not used.

        Returns
        -------
        int
            As many as asked for.
        """
        return self.n_splits
