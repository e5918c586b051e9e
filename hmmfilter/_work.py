"""How long Python takes for a call of each kernel: microseconds, from above, by what there is to do.

They were measured with data of every kind. What a call really took is counted, too: it need not be known exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Work = Callable[..., float]  # of the arguments of a kernel, which it calls by their names

MATRIX_ENTRY = 10.0  # to make a matrix ready


def ready(log_transition: Any) -> float:
    """To make matrices ready, or the moves of a network."""
    is_network = hasattr(log_transition, "onward")
    return MATRIX_ENTRY * float(log_transition.onward.sources.size if is_network else log_transition.size)


def taken(n_steps: int, n_states: int, fixed: float, linear: float, square: float) -> float:
    """So much for each step, and in it for each state, and for each pair of states."""
    return n_steps * (fixed + (linear + square * n_states) * n_states)


def of_rows(*each: float) -> Work:
    """Steps through all rows that there are."""

    def work(given: Any, *_: Any) -> float:
        _, log_transition, _, log_likelihoods, _ = given
        n_rows, n_states = log_likelihoods.shape
        return taken(n_rows, n_states, *each) + ready(log_transition)

    return work


def of_rows_left(*each: float) -> Work:
    """The same of a kernel that goes forward, piece by piece: through the rows that it has not come to yet."""
    all_rows = of_rows(*each)
    return lambda given, n, begin, *_: all_rows(given) * (1.0 - begin / len(given[3]))


def of_sequences(*each: float) -> Work:
    """Steps through the rows of sequences, from a first to a last one."""

    def work(given: Any, first: int, last: int, *_: Any) -> float:
        _, log_transition, _, log_likelihoods, starts = given
        n_rows = int(starts[last + 1] - starts[first])
        return taken(n_rows, log_likelihoods.shape[1], *each) + ready(log_transition)

    return work


def of_entries(each: float) -> Work:
    """So much for each entry of the first argument, and for each of its rows."""

    def work(x: Any, /, *_: Any) -> float:
        return each * float(x.size + len(x))

    return work


def naively(likelihoods: Any, square: float = 0.5) -> float:
    """Steps through rows of likelihoods."""
    n_rows, n_states = likelihoods.shape
    return taken(n_rows, n_states, 3.0, 0.0, square)


def of_ages(ages: Any) -> float:
    """A step of a chain by ages."""
    return 100.0 + 3.0 * float(ages.heads.size)


FORWARD = 60.0, 80.0, 2.0

WORK: dict[str, dict[str, Work]] = {
    "wide": {
        "widen_row": of_entries(3.0),
        "log_of_wide": lambda *_: 3.0,
        "take_wide_logs": of_entries(1.0),
    },
    "densities": {
        "fill_poisson": lambda counts, rate, *_: taken(len(counts), rate.size, 0.05, 0.05, 0.0) + 30.0 * rate.size,
        "fill_independent": lambda x, mean, *_: mean.size * (0.02 * len(x) + 8.0),
        "fill_joint": lambda x, order, ends, mean, *_: (
            len(mean) * x.shape[1] ** 2 * (0.01 * len(x) + 2.0 * len(ends)) + 20.0 * mean.size
        ),
    },
    "reals": {
        "fill_laplace": lambda x, location, *_: location.size * (0.02 * len(x) + 8.0),
        "fill_student": lambda x, location, *_: location.size * (0.1 * len(x) + 40.0),
        "fill_student_vectors": lambda x, order, ends, location, *_: (
            len(location) * x.shape[1] ** 2 * (0.01 * len(x) + 2.0 * len(ends)) + 20.0 * location.size
        ),
    },
    "angles": {
        "fill_von_mises": lambda x, x_rest, mean, *_: mean.size * (0.05 * len(x) + 20.0),
        "fill_wrapped_cauchy": lambda x, x_rest, mean, *_: mean.size * (0.08 * len(x) + 30.0),
    },
    "binomials": {
        "fill_spread": lambda counts, spread, *_: (
            taken(len(counts), spread.mean.size, 0.05, 0.1, 0.0) + 60.0 * spread.mean.size
        ),
        "fill_trials": lambda successes, trials, of, *_: (
            taken(len(trials), of.p.size, 0.1, 0.1, 0.0) + 60.0 * of.p.size
        ),
        "fill_exposed": lambda counts, exposure, log_exposure, rate, *_: (
            taken(len(counts), rate.size, 0.05, 0.1, 0.0) + 60.0 * rate.size
        ),
        "fill_shares": lambda counts, of, *_: taken(len(counts), of.p.size, 0.1, 0.1, 0.0) + 60.0 * of.p.size,
    },
    "predictors": {
        "fill_predictors": lambda design, coefficients, *_: coefficients.size * (0.05 * len(design) + 25.0),
    },
    "amounts": {
        "fill_gamma": lambda x, of, *_: of.shape.size * (0.1 * len(x) + 60.0) + 0.05 * len(x) + 40.0,
        "fill_deviances": lambda x, mean, *_: mean.size * (0.05 * len(x) + 30.0),
        "fill_beta": lambda x, mean, *_: mean.size * (0.1 * len(x) + 60.0),
        "fill_log_normal": lambda x, log_mean, *_: log_mean.size * (0.02 * len(x) + 10.0) + 0.05 * len(x) + 40.0,
        "fill_weibull": lambda x, shape, *_: shape.size * (0.1 * len(x) + 60.0),
    },
    "tallies": {
        "add_tallies": lambda numbers, weights, tallies: weights.size + 0.6 * len(weights),
        "add_counts": lambda counts, weights, sums: 2.0 * weights.size + 0.6 * len(weights),
    },
    "moments": {
        "add_independent": lambda x, mean, *_: mean.size * (1.5 * len(x) + 40.0),
        "add_joint": lambda x, mean, *_: mean.size * (x.shape[1] + 3.0) * (0.5 * len(x) + 20.0),
    },
    "coded": {
        "store_posterior": of_entries(3.0),
        "has_logs": of_entries(0.4),
        "take_logs": of_entries(11.0),
        "take_numbers": of_entries(11.0),
    },
    "tables": {
        "are_logs": of_entries(0.5),
        "are_chain": lambda log_initial, log_transition, log_likelihoods, *_: (
            0.5 * (log_initial.size + log_transition.size + log_likelihoods.size)
        ),
    },
    "chain": {"hold_chain": lambda log_transition, m, is_backward, slot: 3.0 * slot.size},
    "network": {"hold_network": lambda network, m, slot: 3.0 * slot.size},
    "update": {
        "run_update": lambda log_b, *_: 2.0 * taken(1, log_b.size, *FORWARD),
        "run_prediction": lambda log_x, slot, like, room, steps, *_: taken(steps, log_x.size, *FORWARD),
    },
    "products": {"run_products": lambda rows, *_: 2.0 * rows.size * rows.shape[2]},
    "ages": {
        "run_beginning": lambda log_initial, ages, window: 5.0 * ages.heads.size,
        "run_carrying": lambda window, n_rows: 3.0 * window.heads.size,
        "run_ageing": lambda log_b, ages, *_: len(log_b) * of_ages(ages),
        "run_likelihood": lambda *_: 3.0,
    },
    "futures": {
        "run_ending": lambda ages, window, n_rows, future: 3.0 * future.heads.size,
        "run_carrying_back": lambda window, n_rows, future: 3.0 * future.heads.size,
        "run_rejuvenating": lambda log_b, ages, *_: 1.2 * len(log_b) * of_ages(ages),
    },
    "sojourns": {
        "run_lasting": lambda log_initial, log_b, ages, *_: len(log_b) * of_ages(ages),
        "run_drawing_back": lambda log_b, ages, window, begin, end, cursors, paths: (
            len(paths) * (len(log_b) + of_ages(ages))
        ),
    },
    "forward": {"run_forward": of_rows_left(*FORWARD), "run_trace": of_rows(*FORWARD)},
    "backward": {"run_backward": of_rows(100.0, 140.0, 4.0)},
    "together": {
        "run_forward_together": of_sequences(*FORWARD),
        "run_backward_together": of_sequences(*FORWARD),
    },
    "pairs": {"join_sums": of_entries(2.0)},
    "counts": {"run_pairs": of_rows(20.0, 20.0, 4.0)},
    "flows": {
        "run_flows": lambda given, n, begin, end, *_: (20.0 + 4.0 * given[1].onward.sources.size) * (end - begin),
    },
    "expecting": {
        "run_expecting_forward": lambda given, n, begin, end, *_: taken(
            end - begin, given[0].shape[1], 10.0, 10.0, 1.0
        ),
        "run_expecting_backward": lambda given, n, begin, end, *_: taken(
            end - begin, given[0].shape[1], 10.0, 10.0, 2.0
        ),
    },
    "drawing": {
        "run_draws": lambda given, n, begin, end, backward_slots, alphas, filtered, weights, paths, *_: (
            (3.0 + weights.size) * paths.size
        ),
        "draw_path": lambda cumulative_initial, cumulative_transition, uniforms, *_: 10.0 * uniforms.size,
    },
    "walking": {
        "run_walks_back": lambda given, n, begin, end, slots, alphas, filtered, room, paths, *_: (
            filtered.size + (end - begin) * (0.5 * given[1].onward.sources.size + 20.0 * len(paths))
        ),
        "fill_ways_on": lambda network, values, n_states, v: 1.0 * network.sources.size,
        "run_walk": lambda network, values, v, final, uniforms, states: 20.0 * states.size,
    },
    "decoding": {
        "run_viterbi": of_rows_left(5.0, 2.0, 0.3),
        "run_best_states": lambda starts, n, begin, end, smoothed, n_possible, path, *_: 5.0 * path.size,
    },
    "retracing": {
        "run_viterbi_network": lambda given, n, begin, end, retracer, *_: (
            (end - begin) * (50.0 + 5.0 * retracer.rest.size + 0.5 * retracer.routes.values.size) + ready(given[1])
        ),
    },
    "surviving": {
        "run_survival": lambda log_b, *_: taken(1, log_b.size, 20.0, 12.0, 2.0),
        "run_agreement": lambda ways, *_: 3.0 * ways.size,
        "fill_way_back": lambda ways, *_: 0.3 * len(ways),
    },
    "marginals": {"run_max_marginals": of_rows_left(5.0, 6.0, 2.0)},
    "n_best": {
        "run_viterbi_n_best": lambda given, n, begin, end, lists, *_: (
            lists.way.size * of_rows_left(5.0, 4.0, 1.0)(given, n, begin)
        ),
    },
    "lse": {
        "run_split_sums": of_entries(5.0),
        "run_signed_sums": of_entries(150.0),
        "run_running_sums": of_entries(30.0),
    },
    "naive": {
        "run_naive_forward": lambda initial, transition, likelihoods, *_: naively(likelihoods),
        "run_naive_backward": lambda transition, likelihoods, *_: naively(likelihoods),
        "run_naive_viterbi": lambda initial, transition, likelihoods, *_: naively(likelihoods),
        "run_scaled_forward": lambda initial, transition, likelihoods, *_: naively(likelihoods),
        "run_exp_dot_log_forward": lambda log_initial, transition, log_likelihoods, *_: naively(log_likelihoods, 2.0),
        "run_reachable": lambda initial, transition, likelihoods, *_: naively(likelihoods),
    },
}
