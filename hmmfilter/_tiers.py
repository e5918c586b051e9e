"""The way to the kernels: who calls one need not know who runs it."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

ROOMS = {
    "wide": ("widen_row", "has_far", "log_of_wide", "take_wide_logs"),
    "coded": ("store_posterior", "has_logs", "take_logs", "take_numbers"),
    "tables": ("are_logs", "are_chain"),
    "chain": ("hold_chain",),
    "update": ("run_update", "run_prediction", "run_products"),
    "forward": ("run_forward", "run_trace"),
    "backward": ("run_backward", "run_best_states"),
    "pairs": ("run_pairs", "join_sums"),
    "drawing": ("run_draws", "draw_path"),
    "decoding": ("run_viterbi",),
    "n_best": ("run_max_marginals", "run_viterbi_n_best"),
    "lse": ("run_split_sums", "run_signed_sums", "run_running_sums"),
    "naive": (
        "run_naive_forward",
        "run_naive_backward",
        "run_naive_viterbi",
        "run_scaled_forward",
        "run_exp_dot_log_forward",
        "run_reachable",
    ),
}
ROOM_OF = {kernel: room for room, kernels in ROOMS.items() for kernel in kernels}
IS_COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


class Kernels:
    """The kernels that the rest of the package calls, each an attribute."""

    def __getattr__(self, name: str) -> Any:
        if name not in ROOM_OF:
            raise AttributeError(name)
        wing = "_compiled" if IS_COMPILED else "_kernels"
        kernel = getattr(import_module(f"hmmfilter.{wing}.{ROOM_OF[name]}"), name)
        setattr(self, name, kernel)
        return kernel


kernels = Kernels()
