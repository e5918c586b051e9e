"""Which of two kernels is meant, by what an argument is: interpreted, when it is called; compiled, once for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .compiling import IS_PLAIN


def chosen_by_lanes(few: Callable[..., Any], many: Callable[..., Any]) -> Callable[..., Callable[..., Any]]:
    """Of lanes: a kernel for these, and one for None in their place."""
    return lambda like: many if like is None else few


def chosen_by_chain(dense: Callable[..., Any], network: Callable[..., Any]) -> Callable[..., Callable[..., Any]]:
    """Of how a chain moves: a kernel for matrices, and one for a network, or what is made of either."""
    return lambda chain: network if {"network", "onward"} & {*getattr(chain, "_fields", ())} else dense


if not IS_PLAIN:
    from .instructions import chosen_by_chain, chosen_by_lanes

__all__ = ["chosen_by_chain", "chosen_by_lanes"]
