"""What models of several libraries are made of."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter.emissions import Gaussian, Product
from hmmfilter.transitions import Dense


def numbers(value: Any) -> Any:
    """An array of what any library keeps numbers in, also of a tensor that wants gradients."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)


def library(name: str, module: str) -> Any:
    """A module of another library, imported now."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"hmmfilter.to_{name} needs {name}: pip install {name}") from error


def of_channels(channels: Sequence[Any]) -> Any:
    """Channels side by side, or the only one."""
    return Product(channels) if len(channels) > 1 else channels[0]


def channels_of(emission: Any, kind: type) -> list[Any] | None:
    """The channels of an emission, if all are of one kind: those of a `Product`, or the emission itself."""
    channels = list(emission.channels) if isinstance(emission, Product) else [emission]
    return channels if all(type(channel) is kind for channel in channels) else None


def gaussian(mean: Any, covariance: Any, kind: Any) -> Gaussian:
    """One of means (K, D) and covariances of a kind, which has numbers where D is 1.

    Other libraries' matrices come of sums in any order, and in half the digits: they are made symmetric.
    """
    mean, covariance = np.asarray(mean, dtype=float), np.asarray(covariance, dtype=float)
    if mean.shape[1] == 1:
        variances = covariance.reshape(-1)
        return Gaussian(mean[:, 0], variances[0], "tied") if kind == "tied" else Gaussian(mean[:, 0], variances)
    if kind in ("full", "tied"):
        covariance = (covariance + covariance.swapaxes(-1, -2)) / 2
    return Gaussian(mean, covariance, kind)


def means_of(emission: Gaussian) -> FloatArray:
    """Means (K, D), also of numbers."""
    return emission.mean.reshape(len(emission.mean), -1)


def covariances_of(emission: Gaussian) -> FloatArray:
    """Matrices (K, D, D), of any kind."""
    n_states, n_dimensions = means_of(emission).shape
    covariance = np.asarray(emission.covariance)
    if emission.kind == "full":
        return covariance
    if emission.kind == "tied":
        return np.tile(covariance.reshape(n_dimensions, n_dimensions), (n_states, 1, 1))
    matrices: FloatArray = covariance.reshape(n_states, -1, 1) * np.eye(n_dimensions)
    return matrices


def chain_and_emission(to: str, model: Any) -> tuple[FloatArray, FloatArray, Any]:
    """What a model is made of, if it is one that another library can have."""
    _checks.hmm("model", model)
    _checks.plain_chain(to, model.chain, isinstance(model.chain, Dense), model.final)
    return model.initial, model.transition, model.emission
