"""Every check of what comes in, the words of every refusal, and the one gate through which arrays enter.

A gate returns C-ordered float64 that nobody can write to: one layout to compile for, and the caller's arrays are safe.
"""

from hmmfilter._checks.arrays import float_array
from hmmfilter._checks.block_tables import BlockChain, Moves, block_chain, block_of, blocks
from hmmfilter._checks.covariances import CovarianceKind, normal_parameters
from hmmfilter._checks.documents import (
    json_list,
    json_object,
    keys,
    model_document,
    no_constant,
    storable_distribution,
    storable_emission,
    unique_keys,
)
from hmmfilter._checks.errors import (
    EntryError,
    Impossible,
    ImpossibleEvidenceError,
    blaming,
    impossible_policy,
    possible_evidence,
)
from hmmfilter._checks.evidence import are_none, log_likelihoods, one_after_the_other, sequences
from hmmfilter._checks.linear import epsilon, linear_chain, linear_likelihoods, naive_dtype
from hmmfilter._checks.observations import drawn_observations, is_missing, observations, whole_observations
from hmmfilter._checks.outputs import destination, increments_destination, kept, single_sequence
from hmmfilter._checks.parameters import (
    SUM_TOLERANCE,
    distributions,
    emission,
    frozen_distributions,
    moments,
    non_negative,
    probabilities,
    real_parameters,
    representable,
    single_closed_class,
    state_names,
    states,
    stationary_word,
    transition_matrix,
)
from hmmfilter._checks.settings import axes, generator, lag, one_of, step_count, workers
from hmmfilter._checks.streams import begun, observing, stream_snapshot
from hmmfilter._checks.sums import lse_terms, temperature
from hmmfilter._checks.symbols import storable_symbols, symbol_numbers, symbols
from hmmfilter._checks.tables import (
    NO_INDEX,
    chain,
    chain_parameters,
    joined_masks,
    log_potentials,
    log_row,
    only_allowed,
    prediction,
)

__all__ = [
    "NO_INDEX",
    "SUM_TOLERANCE",
    "BlockChain",
    "CovarianceKind",
    "EntryError",
    "Impossible",
    "ImpossibleEvidenceError",
    "Moves",
    "are_none",
    "axes",
    "begun",
    "blaming",
    "block_chain",
    "block_of",
    "blocks",
    "chain",
    "chain_parameters",
    "destination",
    "distributions",
    "drawn_observations",
    "emission",
    "epsilon",
    "float_array",
    "frozen_distributions",
    "generator",
    "impossible_policy",
    "increments_destination",
    "is_missing",
    "joined_masks",
    "json_list",
    "json_object",
    "kept",
    "keys",
    "lag",
    "linear_chain",
    "linear_likelihoods",
    "log_likelihoods",
    "log_potentials",
    "log_row",
    "lse_terms",
    "model_document",
    "moments",
    "naive_dtype",
    "no_constant",
    "non_negative",
    "normal_parameters",
    "observations",
    "observing",
    "one_after_the_other",
    "one_of",
    "only_allowed",
    "possible_evidence",
    "prediction",
    "probabilities",
    "real_parameters",
    "representable",
    "sequences",
    "single_closed_class",
    "single_sequence",
    "state_names",
    "states",
    "stationary_word",
    "step_count",
    "storable_distribution",
    "storable_emission",
    "storable_symbols",
    "stream_snapshot",
    "symbol_numbers",
    "symbols",
    "temperature",
    "transition_matrix",
    "unique_keys",
    "whole_observations",
    "workers",
]
