"""A chain made ready for its steps, one way: matrices, or the moves of a network."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hmmfilter._arrays import FloatArray, frozen
from hmmfilter._kernels.chain import slots_for_chains
from hmmfilter._kernels.lanes import Lanes, lanes_for
from hmmfilter._kernels.network import Network, NetworkSlot, Ways, slots_for_networks
from hmmfilter._tiers import kernels


class Ready(NamedTuple):
    """What single steps go by."""

    slot: Any  # with a matrix, or a `NetworkSlot`
    lanes: Lanes | None


def lanes_of(log_transition: Any, n_states: int) -> Lanes | None:
    """What has the state of a recursion; None of many states, and of a network."""
    return None if isinstance(log_transition, Ways) else lanes_for(n_states)


def slots_of(log_transition: Any, n_slots: int, n_states: int) -> FloatArray:
    """Room for as many matrices made ready, or networks; as yet, none is held."""
    if isinstance(log_transition, Ways):
        return slots_for_networks(n_slots, log_transition.onward)
    return slots_for_chains(n_slots, n_states)


def as_several(log_transition: Any) -> Any:
    """One matrix as `Tables` has several, (1, K, K); a network as it is."""
    return log_transition if isinstance(log_transition, Ways) else log_transition[None]


def held(log_transition: Any, m: int, slot: FloatArray, n_states: int) -> Ready:
    """Have a slot hold matrix m of several, or of a network."""
    if isinstance(log_transition, Ways):
        kernels.hold_network(log_transition.onward, m, slot)
        return Ready(NetworkSlot(log_transition.onward, slot), None)
    kernels.hold_chain(log_transition, m, False, slot)
    return Ready(slot, lanes_for(n_states))


def as_frozen(log_transition: Any) -> Any:
    """The same, where nobody can write to it, as kernels are compiled for."""
    if not isinstance(log_transition, Ways):
        return frozen(log_transition)
    return Ways(*map(_frozen_network, log_transition))


def _frozen_network(network: Network) -> Network:
    arrays = {name: frozen(part) for name, part in network._asdict().items() if isinstance(part, np.ndarray)}
    return network._replace(**arrays)
