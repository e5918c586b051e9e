"""What scikit-learn is told of the rows of some estimators."""

from __future__ import annotations

from typing import Any


class OfRows:
    """What says how wide rows are by hmmlearn's name for it, which without an underscore is no plain attribute."""

    _n_features: int

    @property
    def n_features(self) -> int:
        """How many numbers a row has."""
        return self._n_features

    @n_features.setter
    def n_features(self, number: int) -> None:
        self._n_features = number


class OfWholeNumbers:
    """What has rows of whole numbers from 0, which scikit-learn knows as categorical ones alone."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.categorical = tags.input_tags.positive_only = True
        return tags
