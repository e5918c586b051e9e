"""How long Python takes for a call of each kernel: microseconds, from above, by what there is to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Work = Callable[..., float]  # of the arguments of a kernel

MATRIX_ENTRY = 10.0  # to make a matrix ready


def rows(fixed: float, linear: float, square: float) -> Work:
    """So much for each row, for each of its states, and for each pair of them; of all rows that there are."""

    def work(given: Any, *_: Any) -> float:
        _, log_transition, _, log_likelihoods, _ = given
        n_rows, n_states = log_likelihoods.shape
        each = fixed + (linear + square * n_states) * n_states
        return float(n_rows * each + MATRIX_ENTRY * log_transition.size)

    return work


def rows_left(fixed: float, linear: float, square: float) -> Work:
    """The same of a kernel that goes forward, piece by piece: of the rows that it has not come to yet."""
    all_rows = rows(fixed, linear, square)
    return lambda given, n, begin, *_: all_rows(given) * (1.0 - begin / len(given[3]))


def entries(each: float, argument: int = 0) -> Work:
    """So much for each entry of an argument."""
    return lambda *arguments: each * arguments[argument].size


def naive_rows(each: float, argument: int) -> Work:
    """So much for each pair of states in each row of likelihoods."""
    return lambda *arguments: each * arguments[argument].size * arguments[argument].shape[1]


FORWARD = (60.0, 80.0, 2.0)

WORK: dict[str, dict[str, Work]] = {
    "wide": {
        "widen_row": entries(3.0),
        "has_far": entries(0.5),
        "log_of_wide": lambda *_: 3.0,
        "take_wide_logs": entries(1.0),
    },
    "coded": {
        "store_posterior": entries(3.0),
        "has_logs": entries(0.4),
        "take_logs": entries(0.5),
        "take_numbers": entries(0.5),
    },
    "tables": {
        "are_logs": entries(0.5),
        "are_chain": lambda log_initial, log_transition, log_likelihoods, _: (
            0.5 * (log_initial.size + log_transition.size + log_likelihoods.size)
        ),
    },
    "chain": {"hold_chain": entries(1.0, argument=3)},
    "update": {
        "run_update": lambda log_b, *_: 100.0 + (100.0 + 2.0 * log_b.size) * log_b.size,
        "run_prediction": lambda log_x, slot, like, room, steps, _: (
            steps * (60.0 + (80.0 + 2.0 * log_x.size) * log_x.size)
        ),
        "run_products": lambda rows, *_: 2.0 * rows.size * rows.shape[2],
    },
    "forward": {"run_forward": rows_left(*FORWARD), "run_trace": rows(*FORWARD)},
    "backward": {"run_backward": rows(100.0, 140.0, 4.0)},
    "pairs": {"run_pairs": rows(20.0, 20.0, 4.0), "join_sums": entries(2.0)},
    "drawing": {
        "run_draws": lambda *arguments: arguments[8].size * (3.0 + arguments[7].size),
        "draw_path": entries(10.0, argument=2),
    },
    "decoding": {"run_viterbi": rows_left(5.0, 2.0, 0.3), "run_best_states": entries(5.0, argument=6)},
    "n_best": {
        "run_max_marginals": rows_left(5.0, 6.0, 2.0),
        "run_viterbi_n_best": lambda given, n, begin, end, lists, *_: (
            lists.way.size * rows_left(5.0, 4.0, 1.0)(given, n, begin)
        ),
    },
    "lse": {
        "run_split_sums": entries(5.0),
        "run_signed_sums": entries(150.0),
        "run_running_sums": entries(30.0),
    },
    "naive": {
        "run_naive_forward": naive_rows(0.5, argument=2),
        "run_naive_backward": naive_rows(0.5, argument=1),
        "run_naive_viterbi": naive_rows(0.5, argument=2),
        "run_scaled_forward": naive_rows(0.5, argument=2),
        "run_exp_dot_log_forward": naive_rows(2.0, argument=2),
        "run_reachable": naive_rows(0.3, argument=2),
    },
}
