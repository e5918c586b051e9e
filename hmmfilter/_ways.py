"""Moves listed both ways, for chains that are networks: see `hmmfilter._kernels.network`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hmmfilter._arrays import FloatArray, IntArray, frozen
from hmmfilter._kernels.limits import NEVER
from hmmfilter._kernels.network import Band, KindArray, Network, Ways


def ways_of(
    n_states: int,
    n_between: int,
    sources: npt.ArrayLike,
    targets: npt.ArrayLike,
    log_values: npt.ArrayLike,
    *,
    kinds: npt.ArrayLike | None = None,
    log_shares: npt.ArrayLike | None = None,
    bands: tuple[Band, ...] = (),
) -> Ways:
    """List moves, each from a node to a higher one, in the order of either way; none must be there twice.

    Backwards, nodes between have the same order where no move leads from one of them to another, else the opposite one.
    """
    source, target = np.asarray(sources, dtype=np.int64), np.asarray(targets, dtype=np.int64)
    logs, last = np.asarray(log_values, dtype=np.float64), 2 * n_states + n_between - 1
    are_chained = bool(np.any((source >= n_states) & (target < n_states + n_between)))
    places = np.arange(last + 1)
    turned = np.concatenate(
        [places[n_states + n_between :], places[n_states : n_states + n_between], places[:n_states]]
    )
    if are_chained:
        turned[n_states : n_states + n_between] = turned[n_states : n_states + n_between][::-1]
    number_back = np.empty_like(turned)
    number_back[turned] = places
    chosen = np.zeros(0, dtype=np.int8) if kinds is None else np.asarray(kinds, dtype=np.int8)
    shares = np.zeros((1, 0)) if log_shares is None else np.asarray(log_shares, dtype=np.float64)
    back_bands = tuple(_turned_band(band, n_states, number_back) for band in bands)
    return Ways(
        _listed(n_states, n_between, source, target, logs, chosen, shares, bands),
        _listed(n_states, n_between, number_back[target], number_back[source], logs, chosen, shares, back_bands),
    )


def _turned_band(band: Band, n_states: int, number_back: IntArray) -> Band:
    """The same moves the other way round."""
    source, first = int(number_back[n_states + band.first]), int(number_back[band.source]) - n_states
    return Band(first, band.n_nodes, source, -band.lowest - (band.n_diagonals - 1), band.n_diagonals)


def _listed(
    n_states: int,
    n_between: int,
    source: IntArray,
    target: IntArray,
    logs: FloatArray,
    kinds: KindArray,
    log_shares: FloatArray,
    bands: tuple[Band, ...],
) -> Network:
    order = np.lexsort((source, target))
    counts = np.bincount(target - n_states, minlength=n_between + n_states)
    return Network(
        frozen(source[order].astype(np.int32)),
        frozen(np.concatenate([[0], np.cumsum(counts)])),
        frozen(logs[order]),
        frozen(kinds[order] if kinds.size > 0 else kinds),
        frozen(np.ascontiguousarray(log_shares)),
        frozen(np.array(bands, dtype=np.int64).reshape(-1, len(Band._fields))),
        n_between,
    )


def dense_logs(network: Network) -> FloatArray:
    """Natural logs of the matrices, (M, K, K), of a network without nodes between."""
    n_states = len(network.into) - 1
    targets = np.repeat(np.arange(n_states), np.diff(network.into))
    logs = np.full((len(network.log_shares), n_states, n_states), NEVER)
    shares = network.log_shares[:, network.kinds] if network.kinds.size > 0 else 0.0
    logs[:, network.sources, targets] = network.log_values + shares
    dense: FloatArray = frozen(logs)
    return dense
