"""The kernels: loops over time that write into arrays which they are given, and never validate, raise or allocate.

A wing of rooms, each with its subject, from the ground up: a room knows only rooms above it in this list.

    limits      thresholds, and why they are where they are
    lanes       the state in registers: tuples in Python, SIMD vectors in machine code
    numbers     sums and products of which no digit is lost
    wide        numbers with an exponent of their own; exponentials and logs
    coded       posteriors as they are stored
    tables      what a call brings: sequences, and the matrix that leads from row to row
    chain       a matrix made ready
    update      the prediction and the LSE update, by which all sums over paths go
    block       likelihoods of a block of steps, for the fast steps
    sweep       the fast steps
    forward     filtering
    backward    smoothing
    pairs       two states, one after the other
    drawing     paths at random
    decoding    the best path
    n_best      the best path through each state, and the n best paths
    lse         log-sum-exp of vectors and rows
    naive       linear space, to compare with

Who reads the wing for the first time begins with `update`, whose `lse_update` is the recursion of the library; goes on
to `wide`, the numbers that it works on, and to `sweep`, which takes the same step faster where numbers lie near each
other; and then sees both at work in `forward`. Log-likelihoods become probabilities in `block` and `wide`, by
`exp_parts`.
"""

from hmmfilter._kernels.backward import run_backward, run_best_states
from hmmfilter._kernels.block import block_rows, room_for_steps
from hmmfilter._kernels.chain import HELD, LARGE, NARROW, SOURCES, WIDE, hold_chain, slots_for_chains, tiled
from hmmfilter._kernels.coded import coded, has_logs, log_roughly, store_posterior, take_logs, take_numbers
from hmmfilter._kernels.decoding import (
    BLOCK,
    Decoder,
    fill_log_delta,
    follow,
    room_for_decoding,
    run_viterbi,
    slots_for_moves,
)
from hmmfilter._kernels.drawing import draw_path, pick, run_draws
from hmmfilter._kernels.forward import Trace, fill_trace, run_forward, run_trace
from hmmfilter._kernels.lanes import lanes_for
from hmmfilter._kernels.limits import FAR, NEVER
from hmmfilter._kernels.lse import (
    float32_number,
    float32_vector,
    log_sum_exp_of,
    run_running_sums,
    run_signed_sums,
    run_split_sums,
    softmax_of,
)
from hmmfilter._kernels.n_best import room_for_lists, run_max_marginals, run_viterbi_n_best
from hmmfilter._kernels.naive import (
    run_exp_dot_log_forward,
    run_naive_backward,
    run_naive_forward,
    run_naive_viterbi,
    run_reachable,
    run_scaled_forward,
)
from hmmfilter._kernels.numbers import exceeds, plus, two_sum
from hmmfilter._kernels.pairs import join_sums, run_pairs
from hmmfilter._kernels.tables import Tables, are_chain, are_logs
from hmmfilter._kernels.update import Scratch, run_prediction, run_products, run_update
from hmmfilter._kernels.wide import EXPONENT, PLANES, has_far, log_of_wide, sum_exponents, take_wide_logs, widen_row

__all__ = [
    "BLOCK",
    "EXPONENT",
    "FAR",
    "HELD",
    "LARGE",
    "NARROW",
    "NEVER",
    "PLANES",
    "SOURCES",
    "WIDE",
    "Decoder",
    "Scratch",
    "Tables",
    "Trace",
    "are_chain",
    "are_logs",
    "block_rows",
    "coded",
    "draw_path",
    "exceeds",
    "fill_log_delta",
    "fill_trace",
    "float32_number",
    "float32_vector",
    "follow",
    "has_far",
    "has_logs",
    "hold_chain",
    "join_sums",
    "lanes_for",
    "log_of_wide",
    "log_roughly",
    "log_sum_exp_of",
    "pick",
    "plus",
    "room_for_decoding",
    "room_for_lists",
    "room_for_steps",
    "run_backward",
    "run_best_states",
    "run_draws",
    "run_exp_dot_log_forward",
    "run_forward",
    "run_max_marginals",
    "run_naive_backward",
    "run_naive_forward",
    "run_naive_viterbi",
    "run_pairs",
    "run_prediction",
    "run_products",
    "run_reachable",
    "run_running_sums",
    "run_scaled_forward",
    "run_signed_sums",
    "run_split_sums",
    "run_trace",
    "run_update",
    "run_viterbi",
    "run_viterbi_n_best",
    "slots_for_chains",
    "slots_for_moves",
    "softmax_of",
    "store_posterior",
    "sum_exponents",
    "take_logs",
    "take_numbers",
    "take_wide_logs",
    "tiled",
    "two_sum",
    "widen_row",
]
